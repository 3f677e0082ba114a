// Package console is the commands by which a person or a program looks at the
// switch and moves its calls: status, show, uuid_*, originate, hupall, with
// FreeSWITCH's arguments and replies. It brings no applications, and knows
// neither who asks nor over which wire.
//
// It starts no goroutine.
package console

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
)

// Config is what the commands need beyond the roles.
type Config struct {
	Version string // the product's version
	// Events lets originate wait for its outcome; nil: it answers as soon as the
	// call was begun.
	Events Follower
}

// Follower follows the event log.
type Follower interface {
	// Last is the newest event's number.
	Last() uint64
	// Follow gives take the events after the given number, in order, waiting for
	// more, until take returns false or ctx ends.
	Follow(ctx context.Context, after uint64, take func(core.Notice) bool) error
}

// Module brings the commands.
type Module struct {
	cfg     Config
	deps    core.Deps
	started time.Time
	host    string
}

var _ module.CommandProvider = (*Module)(nil)

// New returns the module's constructor.
func New(cfg Config) module.Constructor {
	return func(_ *config.Node, deps core.Deps) (module.Module, error) {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost" // it is shown, nothing more
		}
		return &Module{cfg: cfg, deps: deps, started: time.Now(), host: host}, nil
	}
}

// Run implements module.Module: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Commands implements module.CommandProvider.
func (m *Module) Commands() []core.Command {
	list := []command{
		{"status", core.Read, "", "how long the switch is up, and how busy it is", m.status},
		{"uptime", core.Read, "[us|ms|s|m|h|d]", "how long the switch is up; in seconds without a unit", m.uptime},
		{"show", core.Read, "<table> [count] [like <text>] [as xml|json|csv|delim <c>]", "a table: " + tableNames(), m.show},
		{"hupall", core.Effect, "[<cause> [<var> <value>]…]", "hang up every channel, or those whose variables match", m.hupall},
		{"originate", core.Slow, "<dial string> <extension>|&<app>(<args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]", "make a call", m.originate},
		{"uuid_exists", core.Read, "<uuid>", "whether there is such a channel", m.exists},
		{"uuid_dump", core.Read, "<uuid> [txt|xml|json]", "all that is known of a channel", m.dump},
		{"uuid_getvar", core.Read, "<uuid> <var>", "a variable of a channel", m.getVar},
		{"uuid_setvar", core.Effect, "<uuid> <var> [<value>]", "set a variable of a channel; unset it without a value", m.setVar},
		{"uuid_setvar_multi", core.Effect, "<uuid> <var>=<value>[;<var>=<value>]…", "set variables of a channel", m.setVars},
		{"uuid_kill", core.Effect, "<uuid> [<cause>]", "hang up a channel", m.kill},
		{"uuid_transfer", core.Effect, "<uuid> [-bleg|-both] <extension> [<dialplan>] [<context>]", "send a channel elsewhere", m.transfer},
		{"uuid_park", core.Effect, "<uuid>", "park a channel", m.park},
	}
	commands := make([]core.Command, len(list))
	for i, c := range list {
		commands[i] = core.Command{Name: c.name, Kind: c.kind, Syntax: c.syntax, Doc: c.doc, Run: c.run()}
	}
	return commands
}

// command is one line of the list; do gets its arguments, trimmed.
type command struct {
	name   string
	kind   core.CommandKind
	syntax string
	doc    string
	do     func(ctx context.Context, args string) (string, error)
}

// run names the syntax where do finds that arguments are missing.
func (c command) run() func(context.Context, core.Session, string) (string, error) {
	return func(ctx context.Context, _ core.Session, args string) (string, error) {
		reply, err := c.do(ctx, strings.TrimSpace(args))
		if errors.Is(err, errUsage) {
			err = replyError("-USAGE: " + c.syntax)
		}
		return reply, err
	}
}

// replyError is a failure in FreeSWITCH's own words, which scripts compare.
type replyError string

// Error implements error.
func (e replyError) Error() string { return string(e) }

const (
	// errUsage says that the arguments make no sense.
	errUsage = replyError("-USAGE")
	// errNoChannel is what every uuid_ command says.
	errNoChannel = replyError("-ERR No such channel!")
)

const ok = "+OK"
