package expand

import "strings"

// Assignment reads NAME=VALUE, or NAME,VALUE where there is no "=", as the
// application set takes it. Without either the value is empty. ok is false if
// there is no name.
func Assignment(text string) (name, value string, ok bool) {
	sep := "="
	if !strings.Contains(text, sep) {
		sep = ","
	}
	name, value, _ = strings.Cut(text, sep)
	name = strings.TrimSpace(name)
	return name, value, name != ""
}

// ExportAssignment is Assignment of export and its kin: with nolocal: in front
// the variable is for B legs only.
func ExportAssignment(text string) (name, value string, local, ok bool) {
	rest, nolocal := strings.CutPrefix(strings.TrimLeft(text, blanks), "nolocal:")
	if !nolocal {
		rest, nolocal = strings.CutPrefix(rest, "_nolocal_")
	}
	name, value, ok = Assignment(rest)
	return name, value, !nolocal, ok
}
