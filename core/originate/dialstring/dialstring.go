// Package dialstring reads dial strings: whom to call, together or one after
// another, and with which variables.
//
//	dialstring := [ "<" vars ">" ] group { ":_:" group }   groups originate at the same time
//	group      := [ "{" vars "}" ] together { "|" together }  tried one after another
//	together   := leg { "," leg }                           rung at the same time
//	leg        := [ "[" vars "]" ] endpoint "/" target
//	vars       := [ "^^" X ] name "=" value { ("," or X) name "=" value }
//
// It is pure: ${…} was expanded before, and endpoints are not asked.
package dialstring

import (
	"fmt"
	"strings"

	"github.com/tandemswitch/tandem/core/expand"
)

// MaxForks bounds the groups of a dial string, the alternatives of a group and
// the legs that ring together. The number is FreeSWITCH's.
const MaxForks = 128

// maxBytes bounds a dial string: 128 alternatives of 128 legs are not wanted
// by anybody; 128 legs with 2 kB of variables each are the most seen.
const maxBytes = 256 << 10

// Dial is a dial string, read. It is a plain value.
type Dial struct {
	Vars   Vars // of <…>: for every group
	Groups []Group
}

// Group is one originate. The sequences are tried one after another; the legs
// of one ring together.
type Group struct {
	Vars      Vars // of {…}: for every leg of the group
	Sequences [][]Leg
}

// Leg is one place to call.
type Leg struct {
	Vars   Vars   // of […]
	Prefix string // the endpoint, as written: "sofia"
	Target string // what follows the first slash
}

// SyntaxError is what is wrong with a dial string, and where.
type SyntaxError struct {
	Pos    int // byte, from 0
	Reason string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("dial string: %s at byte %d", e.Reason, e.Pos)
}

// Legs lists the legs of all groups and sequences in order.
func (d Dial) Legs() []Leg {
	var all []Leg
	for _, g := range d.Groups {
		for _, s := range g.Sequences {
			all = append(all, s...)
		}
	}
	return all
}

// GroupVars are the variables of a group: <…>, and {…} over them.
func (d Dial) GroupVars(g Group) Vars { return d.Vars.With(g.Vars) }

// LegVars are the variables of one leg: its […], and those of the group over
// them; with local_var_clobber=true in the group's the other way around.
func (d Dial) LegVars(g Group, l Leg) Vars {
	group := d.GroupVars(g)
	if clobber, _ := group.Get("local_var_clobber"); expand.IsTrue(clobber) {
		return group.With(l.Vars)
	}
	return l.Vars.With(group)
}

// String writes a dial string that parses to the same value.
func (d Dial) String() string {
	var b strings.Builder
	d.Vars.write(&b, '<', '>')
	for i, g := range d.Groups {
		if i > 0 {
			b.WriteString(":_:")
		}
		g.write(&b)
	}
	return b.String()
}

// String writes the group as a dial string.
func (g Group) String() string {
	var b strings.Builder
	g.write(&b)
	return b.String()
}

func (g Group) write(b *strings.Builder) {
	g.Vars.write(b, '{', '}')
	for i, legs := range g.Sequences {
		if i > 0 {
			b.WriteByte('|')
		}
		for j, l := range legs {
			if j > 0 {
				b.WriteByte(',')
			}
			l.write(b)
		}
	}
}

// String writes the leg as a dial string.
func (l Leg) String() string {
	var b strings.Builder
	l.write(&b)
	return b.String()
}

func (l Leg) write(b *strings.Builder) {
	l.Vars.write(b, '[', ']')
	b.WriteString(l.Prefix)
	b.WriteByte('/')
	if l.Target != strings.TrimSpace(l.Target) || strings.ContainsAny(l.Target, `,|'\[`) || strings.Contains(l.Target, ":_") {
		quote(b, l.Target)
		return
	}
	b.WriteString(l.Target)
}

// quote writes text so that neither separators nor brackets nor blanks of it count.
func quote(b *strings.Builder, text string) {
	b.WriteByte('\'')
	for i := range len(text) {
		if text[i] == '\'' || text[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	b.WriteByte('\'')
}
