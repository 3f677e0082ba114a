package dialstring

import (
	"maps"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core/expand"
)

// maxVars bounds the variables of one block; they are searched one by one.
const maxVars = 1000

// Var is one variable of a block.
type Var struct{ Name, Value string }

// Vars are the variables of one or more blocks in the order written. Names
// differ, ignoring case: of two the later one is kept.
type Vars []Var

// Get returns a variable, ignoring case.
func (v Vars) Get(name string) (string, bool) {
	if i := v.index(name); i >= 0 {
		return v[i].Value, true
	}
	return "", false
}

// Set returns v with a variable set or appended; v is not changed.
func (v Vars) Set(name, value string) Vars { return v.With(Vars{{name, value}}) }

// With returns v with the variables of over set over it; neither is changed.
func (v Vars) With(over Vars) Vars {
	out := make(Vars, len(v), len(v)+len(over))
	copy(out, v)
	for _, o := range over {
		if i := out.index(o.Name); i >= 0 {
			out[i] = o
			continue
		}
		out = append(out, o)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// Map returns the variables by name, as written.
func (v Vars) Map() map[string]string {
	return maps.Collect(func(yield func(string, string) bool) {
		for _, x := range v {
			if !yield(x.Name, x.Value) {
				return
			}
		}
	})
}

func (v Vars) index(name string) int {
	for i := range v {
		if strings.EqualFold(v[i].Name, name) {
			return i
		}
	}
	return -1
}

func (v Vars) write(b *strings.Builder, open, closing byte) {
	if len(v) == 0 {
		return
	}
	b.WriteByte(open)
	for i, x := range v {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(x.Name)
		b.WriteByte('=')
		if x.Value != strings.TrimSpace(x.Value) || strings.ContainsAny(x.Value, `,'\{}[]<>`) {
			quote(b, x.Value)
			continue
		}
		b.WriteString(x.Value)
	}
	b.WriteByte(closing)
}

// parseVars reads the inside of a block. Items without "=" are passed over.
func parseVars(inside string) (Vars, error) {
	var vars Vars
	for _, item := range expand.Split(inside, ',') {
		name, value, ok := strings.Cut(item, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			continue
		}
		if strings.ContainsFunc(name, notInName) {
			return nil, &SyntaxError{Reason: "variable name " + quoted(name)}
		}
		if vars = vars.Set(name, value); len(vars) > maxVars {
			return nil, &SyntaxError{Reason: "more than " + strconv.Itoa(maxVars) + " variables in a block"}
		}
	}
	return vars, nil
}

// notInName keeps names apart from what separates, quotes and encloses.
func notInName(r rune) bool {
	return r <= ' ' || strings.ContainsRune(`{}[]<>'\,^`, r)
}
