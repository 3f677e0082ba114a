package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/tandemswitch/tandem/core/config"
)

type checkCmd struct {
	place
}

// Run loads everything, constructs every module and stops there: no socket, no
// database, nothing written.
func (c *checkCmd) Run(st streams) error {
	tree, err := c.load(map[string]string{"default_password": "not-made-yet"})
	if err != nil {
		return problems(st, err)
	}
	_, err = assemble(parts{tree: tree, data: c.Data, log: slog.New(slog.DiscardHandler)})
	for _, w := range tree.Warnings() {
		fmt.Fprintln(st.out, "warning:", w)
	}
	if err != nil {
		return checkProblems(st, err)
	}
	where := c.confDir()
	if where == "" {
		where = "the embedded sample configuration"
	}
	fmt.Fprintf(st.out, "%s: no problems\n", where)
	return nil
}

// checkProblems prints all errors of all modules.
func checkProblems(st streams, err error) error {
	var walk func(error)
	walk = func(err error) {
		if list, ok := errors.AsType[config.Errors](err); ok {
			for _, e := range list {
				fmt.Fprintln(st.err, e)
			}
			return
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
			return
		}
		fmt.Fprintln(st.err, err)
	}
	walk(err)
	return quietError{err}
}
