// Package command is the registry of API commands: name → operation. They are
// run from ${name(args)} in the dialplan, from the console and over REST, with
// FreeSWITCH's replies.
//
// The registry is built once from what modules contribute and does not change;
// it starts nothing and may be used by many at once.
package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

var _ core.Commands = (*Registry)(nil)

// Registry finds commands by name, ignoring case.
type Registry struct {
	byName map[string]core.Command // lower-case name; Immutable after New.
	sorted []core.Command
}

// New builds a registry. Names that are empty, hold blanks or parentheses, or
// are there twice are errors, all of them reported.
func New(lists ...[]core.Command) (*Registry, error) {
	r := &Registry{byName: make(map[string]core.Command)}
	var errs []error
	for _, c := range slices.Concat(lists...) {
		key := strings.ToLower(c.Name)
		_, twice := r.byName[key]
		switch {
		case c.Name == "" || strings.ContainsAny(c.Name, " \t\r\n(){}$"):
			errs = append(errs, fmt.Errorf("command: name %q", c.Name))
		case c.Run == nil:
			errs = append(errs, fmt.Errorf("command %s: nothing to run", c.Name))
		case twice:
			errs = append(errs, fmt.Errorf("command %s: there are two", c.Name))
		default:
			r.byName[key] = c
			r.sorted = append(r.sorted, c)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(r.sorted, func(a, b core.Command) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return r, nil
}

// Find returns the command of that name.
func (r *Registry) Find(name string) (core.Command, bool) {
	c, ok := r.byName[strings.ToLower(name)]
	return c, ok
}

// List returns all commands, sorted by name; a copy.
func (r *Registry) List() []core.Command { return slices.Clone(r.sorted) }

// Parse splits a line "name args".
func Parse(line string) (name, args string) {
	name, args, _ = strings.Cut(strings.TrimSpace(line), " ")
	return name, strings.TrimSpace(args)
}

// NotFoundError is the error of Call for a command nobody has.
type NotFoundError struct{ Name string }

// Error is FreeSWITCH's reply.
func (e *NotFoundError) Error() string { return "-ERR " + e.Name + " Command not found!" }

// Unwrap lets errors.Is(err, core.ErrNotFound) hold.
func (e *NotFoundError) Unwrap() error { return core.ErrNotFound }

// NotEvaluatedError is the error of a dry run's Call for a command that would
// change something or might wait.
type NotEvaluatedError struct{ Name string }

// Error says so.
func (e *NotEvaluatedError) Error() string { return "command " + e.Name + " has effects or may wait" }

// Call runs a command. sess is nil where there is no channel. It blocks as long
// as the command does; ctx ends it. A failed command's output is kept in the
// reply only.
func Call(ctx context.Context, cs core.Commands, sess core.Session, name, args string) (string, error) {
	c, ok := cs.Find(name)
	if !ok {
		return "", &NotFoundError{name}
	}
	return c.Run(ctx, sess, args)
}

// Reply runs a line and returns what the console shows: the command's output,
// or "-ERR …" or "-USAGE: …". An error that already is such a reply is shown as
// it is. It blocks like Call.
func Reply(ctx context.Context, cs core.Commands, sess core.Session, line string) string {
	name, args := Parse(line)
	if name == "" {
		return ""
	}
	out, err := Call(ctx, cs, sess, name, args)
	if err == nil {
		return out
	}
	text := err.Error()
	if strings.HasPrefix(text, "-ERR") || strings.HasPrefix(text, "-USAGE") {
		return text
	}
	return "-ERR " + text
}

// Caller returns the function that a hunt of a live call runs ${name(args)} with.
func Caller(ctx context.Context, cs core.Commands, sess core.Session) func(name, args string) (string, error) {
	return func(name, args string) (string, error) { return Call(ctx, cs, sess, name, args) }
}

// DryCaller is Caller for a hunt without a call: only commands of kind Read run,
// the others are a *NotEvaluatedError.
func DryCaller(ctx context.Context, cs core.Commands) func(name, args string) (string, error) {
	return func(name, args string) (string, error) {
		if c, ok := cs.Find(name); ok && c.Kind != core.Read {
			return "", &NotEvaluatedError{c.Name}
		}
		return Call(ctx, cs, nil, name, args)
	}
}
