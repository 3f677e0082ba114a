// Package data holds the applications and API functions around variables that
// need no call control: set and its kin, shared values, texts, times, numbers
// and questions to the directory. One file per subject; each application is a
// plain function on the session's runner, each command a function of its
// arguments.
//
// The module starts nothing. Its only state is the table of hash, which lives
// as long as the process; db, which lasts, is not here.
package data

import (
	"context"
	"slices"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// Module brings the applications and commands.
type Module struct {
	deps     core.Deps
	table    table
	patterns pattern.Cache
}

// New returns the module; it has no configuration.
func New(_ *config.Node, deps core.Deps) (*Module, error) { return &Module{deps: deps}, nil }

// Run waits for the end of ctx: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Apps are the dialplan applications.
func (m *Module) Apps() []core.App {
	return []core.App{
		set(), unset(), multiset(), multiunset(), export(), push(), unshift(), setProfileVar(), m.setGlobal(),
		eval(), m.log(), m.info(), m.hashApp(),
	}
}

// Commands are the API functions.
func (m *Module) Commands() []core.Command {
	return slices.Concat(m.textCommands(), m.timeCommands(), m.variableCommands(), m.directoryCommands(), m.systemCommands(),
		[]core.Command{m.regex(), cond(), m.hashCommand()})
}

// usageError is FreeSWITCH's reply to arguments that make no sense.
type usageError struct{ syntax string }

// Error implements error.
func (e usageError) Error() string { return "-USAGE: " + e.syntax }

// replyError is a failure in FreeSWITCH's own words, which scripts compare.
type replyError string

// Error implements error.
func (e replyError) Error() string { return "-ERR " + string(e) }

// function makes a command that needs neither a context nor a session.
func function(name, syntax, doc string, f func(args string) (string, error)) core.Command {
	return core.Command{Name: name, Kind: core.Read, Syntax: syntax, Doc: doc,
		Run: func(_ context.Context, _ core.Session, args string) (string, error) { return f(args) }}
}

// boolean is the text of true and false.
func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
