// Package dialplan holds what every dialplan needs to evaluate a hunt without
// side effects: a scope of variables over the channel's own, the applications
// that run during the hunt, and the words in which a hunt is explained.
//
// The plans themselves are xmlplan, inlineplan and others. They import this
// package; it imports none of them, starts nothing and keeps nothing.
package dialplan

import (
	"errors"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// errNoCommands is why functions have no value in a dry run without commands.
var errNoCommands = errors.New("no commands here")

// Scope is the variables as a hunt sees them: what inline applications changed
// so far lies over the channel's. The channel itself is not touched; Changes
// tells what to apply to it. A Scope belongs to one hunt and one goroutine.
type Scope struct {
	// Note is told of functions and applications that could not be evaluated.
	Note func(core.TraceEntry)

	hunt    core.Hunt
	over    map[string]string // lower-case name → value; "" is unset
	changes []core.VarChange
}

// NewScope begins a hunt.
func NewScope(h core.Hunt) *Scope {
	return &Scope{hunt: h, Note: func(core.TraceEntry) {}}
}

// Lookup returns a variable, a field of the caller profile or a global. It
// makes a Scope an expand.Env.
func (s *Scope) Lookup(name string) (string, bool) {
	if s.over != nil {
		if v, changed := s.over[strings.ToLower(name)]; changed && v != "" {
			return v, true
		} else if changed {
			return s.hunt.Profile.Field(name)
		}
	}
	if s.hunt.Lookup != nil {
		if v, ok := s.hunt.Lookup(name); ok {
			return v, true
		}
	}
	return s.hunt.Profile.Field(name)
}

// Call runs an API function of the hunt. One that cannot be run is noted.
func (s *Scope) Call(name, args string) (string, error) {
	err := errNoCommands
	if s.hunt.Call != nil {
		var out string
		if out, err = s.hunt.Call(name, args); err == nil {
			return out, nil
		}
	}
	s.Note(core.TraceEntry{Kind: KindNotEvaluated, Name: name, Value: args, Detail: err.Error()})
	return "", err
}

// Var is Lookup without the difference between nothing and "".
func (s *Scope) Var(name string) string {
	v, _ := s.Lookup(name)
	return v
}

// Field returns a field of the caller profile, "" if there is none.
func (s *Scope) Field(name string) string {
	v, _ := s.hunt.Profile.Field(name)
	return v
}

// Expand replaces ${…}.
func (s *Scope) Expand(text string) string { return expand.Expand(text, s) }

// Change applies a change to the scope and keeps it for the channel.
func (s *Scope) Change(c core.VarChange) {
	if c.Value == "" {
		c.Unset = true
	}
	s.changes = append(s.changes, c)
	if c.NoLocal {
		return
	}
	if s.over == nil {
		s.over = make(map[string]string)
	}
	s.over[strings.ToLower(c.Name)] = c.Value
}

// changeField changes a field of the caller profile for the rest of the hunt. It
// is laid over the look-ups as well: those of a live channel know its old field.
func (s *Scope) changeField(field, value string) {
	if !s.hunt.Profile.SetField(field, value) {
		return
	}
	if s.over == nil {
		s.over = make(map[string]string)
	}
	s.over[strings.ToLower(field)] = value
}

// Changes are what was changed, in order. The caller must not keep on using the
// scope when it holds on to them.
func (s *Scope) Changes() []core.VarChange { return s.changes }
