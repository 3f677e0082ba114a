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

// Error is "dialplan/default.xml:42: condition: …"; without a position it is
// the message alone.
func (e *Error) Error() string {
	if e.Pos.File == "" {
		return e.Msg
	}
	return e.Pos.String() + ": " + e.Msg
}

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

// Problems lists the problems in err, however they were joined, each once. What
// is no *Error becomes one without a position; nil gives none.
func Problems(err error) Errors { return problems(err).unique() }

func problems(err error) Errors {
	switch e := err.(type) { //nolint:errorlint // the tree of errors is walked by hand
	case nil:
		return nil
	case *Error:
		return Errors{e}
	case interface{ Unwrap() []error }:
		var all Errors
		for _, one := range e.Unwrap() {
			all = append(all, problems(one)...)
		}
		return all
	}
	return Errors{{Msg: err.Error()}}
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
