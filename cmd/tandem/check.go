package main

import (
	"fmt"
	"log/slog"
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
	for _, line := range problemLines(err) {
		fmt.Fprintln(st.err, line)
	}
	return quietError{err}
}

// problemLines takes joined errors apart, one line each, none twice.
func problemLines(err error) []string {
	var lines []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			lines = append(lines, problemLines(e)...)
		}
		return lines
	}
	return []string{err.Error()}
}
