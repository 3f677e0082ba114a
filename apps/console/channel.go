package console

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// session returns the live session that the first word names, and the rest.
func (m *Module) session(args string) (core.Session, string, error) {
	id, rest, _ := strings.Cut(args, " ")
	if id == "" {
		return nil, "", errUsage
	}
	if m.deps.Calls != nil {
		if s := m.deps.Calls.Session(core.ChannelID(id)); s != nil {
			return s, strings.TrimSpace(rest), nil
		}
	}
	return nil, "", errNoChannel
}

func (m *Module) exists(_ context.Context, args string) (string, error) {
	_, _, err := m.session(args)
	if errors.Is(err, errUsage) {
		return "", err
	}
	return strconv.FormatBool(err == nil), nil
}

func (m *Module) getVar(_ context.Context, args string) (string, error) {
	s, name, err := m.session(args)
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", errUsage
	}
	if v, found := s.LookupVar(name); found {
		return v, nil
	}
	return "_undef_", nil
}

func (m *Module) setVar(_ context.Context, args string) (string, error) {
	s, rest, err := m.session(args)
	if err != nil {
		return "", err
	}
	name, value, _ := strings.Cut(rest, " ")
	if name == "" {
		return "", errUsage
	}
	s.SetVar(name, strings.TrimSpace(value))
	return ok, nil
}

func (m *Module) setVars(_ context.Context, args string) (string, error) {
	s, rest, err := m.session(args)
	if err != nil {
		return "", err
	}
	var sets [][2]string
	for pair := range strings.SplitSeq(rest, ";") {
		name, value, found := strings.Cut(pair, "=")
		if name = strings.TrimSpace(name); name == "" || !found {
			return "", errUsage
		}
		sets = append(sets, [2]string{name, value})
	}
	for _, p := range sets { // all or nothing
		s.SetVar(p[0], p[1])
	}
	return ok, nil
}

func (m *Module) kill(_ context.Context, args string) (string, error) {
	s, cause, err := m.session(args)
	if err != nil {
		return "", err
	}
	s.Hangup(causeOf(cause, core.CauseNormalClearing), core.ByAPI)
	return ok, nil
}

// causeOf reads a cause as FreeSWITCH does: an unknown name is NORMAL_CLEARING.
func causeOf(text string, without core.Cause) core.Cause {
	if text == "" {
		return without
	}
	return core.ParseCause(text)
}

// park routes the channel to the one step that waits.
func (m *Module) park(_ context.Context, args string) (string, error) {
	s, _, err := m.session(args)
	if err != nil {
		return "", err
	}
	if err := s.Transfer("park", "inline", ""); err != nil {
		return "", err
	}
	return ok, nil
}

// hupall hangs up every channel, or those with all of the given variables.
func (m *Module) hupall(_ context.Context, args string) (string, error) {
	if m.deps.Calls == nil {
		return "", replyError("-ERR no calls here")
	}
	list := words(args)
	cause := causeOf(at(list, 0), core.CauseManagerRequest)
	pairs := list[min(1, len(list)):]
	if len(pairs)%2 != 0 {
		return "", errUsage
	}
	for _, c := range m.deps.Calls.Channels() {
		s := m.deps.Calls.Session(c.ID)
		if s == nil {
			continue // ended meanwhile
		}
		matches := true
		for p := range slices.Chunk(pairs, 2) {
			matches = matches && s.Var(p[0]) == p[1]
		}
		if matches {
			s.Hangup(cause, core.ByAPI)
		}
	}
	if len(pairs) == 0 {
		return ok + " hangup all channels with cause " + cause.String(), nil
	}
	var which []string
	for p := range slices.Chunk(pairs, 2) {
		which = append(which, "["+p[0]+"]=["+p[1]+"]")
	}
	return ok + " hangup all channels matching " + strings.Join(which, " ") + " with cause: " + cause.String(), nil
}
