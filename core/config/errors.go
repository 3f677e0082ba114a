package config

import (
	"slices"
	"strings"
	"sync"
)

// Error is one problem and where it is.
type Error struct {
	Pos Pos
	Msg string
}

// Error is "dialplan/default.xml:42: condition: …".
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Errors are all the problems of one reading.
type Errors []*Error

// Error is one problem per line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.Is and errors.As each problem.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// Err returns e as an error, nil if there are no problems.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

func (e Errors) unique() Errors {
	seen := map[Error]bool{}
	return slices.DeleteFunc(e, func(one *Error) bool {
		twice := seen[*one]
		seen[*one] = true
		return twice
	})
}

// document is what the nodes of one tree share.
type document struct {
	mu     sync.Mutex // guards the two below
	warned Errors
	seen   map[Error]bool
}

func (d *document) warn(at Pos, msg string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	w := Error{Pos: at, Msg: msg}
	if d.seen[w] {
		return
	}
	if d.seen == nil {
		d.seen = map[Error]bool{}
	}
	d.seen[w] = true
	d.warned = append(d.warned, &w)
}

func (d *document) warnings() []*Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.warned)
}
