package data

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// errNoChannel is the reply to a channel that is not there.
const errNoChannel = replyError("No such channel!")

func (m *Module) variableCommands() []core.Command {
	setvar := function("global_setvar", "<name>=<value>", "set a variable of the whole switch", m.globalSetvar)
	setvar.Kind = core.Effect
	return []core.Command{
		setvar,
		function("global_getvar", "[<name>]", "a variable of the whole switch, or all", m.globalGetvar),
		{Name: "eval", Kind: core.Read, Syntax: "[uuid:<uuid> ]<text>", Doc: "the text with ${…} replaced", Run: m.eval},
		{Name: "expand", Kind: core.Effect, Syntax: "[uuid:<uuid> ]<command> [<args>]", Doc: "run a command after ${…} were replaced", Run: m.expand},
	}
}

func (m *Module) globalSetvar(args string) (string, error) {
	name, value, ok := expand.Assignment(args)
	if !ok {
		return "", usageError{"<name>=<value>"}
	}
	m.deps.Globals.SetGlobal(name, value)
	return "+OK", nil
}

func (m *Module) globalGetvar(args string) (string, error) {
	if name := strings.TrimSpace(args); name != "" {
		value, _ := m.deps.Globals.Global(name)
		return value, nil
	}
	all := m.deps.Globals.AllGlobals()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b.WriteString(name + "=" + all[name] + "\n")
	}
	return b.String(), nil
}

// eval expands a text on a channel, or with global variables only.
func (m *Module) eval(ctx context.Context, s core.Session, args string) (string, error) {
	s, text, err := m.on(s, args)
	if err != nil {
		return "", err
	}
	if s != nil {
		return s.Expand(ctx, text), nil
	}
	return expand.Expand(text, switchScope{ctx, m.deps}), nil
}

// expand is eval, and the result is run as a command.
func (m *Module) expand(ctx context.Context, s core.Session, args string) (string, error) {
	s, _, err := m.on(s, args)
	if err != nil {
		return "", err
	}
	line, err := m.eval(ctx, s, args)
	if err != nil {
		return "", err
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	c, ok := m.deps.Commands.Find(name)
	if !ok || strings.EqualFold(name, "expand") {
		return "", replyError(name + " Command not found!")
	}
	return c.Run(ctx, s, strings.TrimSpace(rest))
}

// on reads uuid:UUID in front of the arguments.
func (m *Module) on(s core.Session, args string) (core.Session, string, error) {
	rest, ok := strings.CutPrefix(args, "uuid:")
	if !ok {
		return s, args, nil
	}
	id, text, _ := strings.Cut(rest, " ")
	if other := m.deps.Calls.Session(core.ChannelID(id)); other != nil {
		return other, text, nil
	}
	return nil, "", errNoChannel
}

// switchScope is what there is to expand without a channel.
type switchScope struct {
	ctx  context.Context
	deps core.Deps
}

// Lookup implements expand.Env.
func (e switchScope) Lookup(name string) (string, bool) { return e.deps.Globals.Global(name) }

// Call implements expand.Env.
func (e switchScope) Call(name, args string) (string, error) {
	c, ok := e.deps.Commands.Find(name)
	if !ok {
		return "", core.ErrNotFound
	}
	return c.Run(e.ctx, nil, args)
}
