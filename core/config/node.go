package config

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a file as a person wrote it.
type Pos struct {
	File string // relative to the root of the configuration, e.g. dialplan/default.xml
	Line int    // from 1
}

// String is file:line.
func (p Pos) String() string {
	if p.File == "" {
		return "-"
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Attr is one attribute with its entities decoded and its white space
// normalized to spaces (XML 1.0 §3.3.3).
type Attr struct{ Name, Value string }

// Node is one element. It does not change after Load and may be read from any
// goroutine. A nil Node is an element that is not there: every method works and
// finds nothing.
type Node struct {
	Name     string
	Attrs    []Attr
	Text     string // character data of the element itself, without surrounding blanks
	Children []*Node
	Pos      Pos // of the start tag

	parent *Node
	doc    *document
}

// Attr returns the value of an attribute, "" if it is missing.
func (n *Node) Attr(name string) string {
	v, _ := n.LookupAttr(name)
	return v
}

// LookupAttr returns the value of an attribute and whether it is there.
func (n *Node) LookupAttr(name string) (string, bool) {
	if n == nil {
		return "", false
	}
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// HasAttr reports whether the attribute is there, empty or not.
func (n *Node) HasAttr(name string) bool {
	_, ok := n.LookupAttr(name)
	return ok
}

// Child returns the first child element of that name, or nil.
func (n *Node) Child(name string) *Node {
	for c := range n.All(name) {
		return c
	}
	return nil
}

// All yields the child elements of that name in the order of the document; all
// children for the empty name.
func (n *Node) All(name string) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n == nil {
			return
		}
		for _, c := range n.Children {
			if (name == "" || c.Name == name) && !yield(c) {
				return
			}
		}
	}
}

// Find returns the first child element whose attribute has that value, without
// regard to the value's case, or nil.
func (n *Node) Find(element, attr, value string) *Node {
	for c := range n.All(element) {
		if v, ok := c.LookupAttr(attr); ok && strings.EqualFold(v, value) {
			return c
		}
	}
	return nil
}

// Parent returns the element around this one, or nil.
func (n *Node) Parent() *Node {
	if n == nil {
		return nil
	}
	return n.parent
}

// UnknownAttrs lists the attributes that are not among known, for checks of
// spelling.
func (n *Node) UnknownAttrs(known ...string) []string {
	var unknown []string
	if n == nil {
		return nil
	}
	for _, a := range n.Attrs {
		if !slices.Contains(known, a.Name) {
			unknown = append(unknown, a.Name)
		}
	}
	return unknown
}

// Errorf makes an error at the node's position.
func (n *Node) Errorf(format string, args ...any) *Error {
	e := &Error{Msg: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Pos = n.Pos
	}
	return e
}

// Warnf adds a warning at the node's position to the tree's warnings; the same
// one is kept once.
func (n *Node) Warnf(format string, args ...any) {
	if n != nil {
		n.doc.warn(n.Pos, fmt.Sprintf(format, args...))
	}
}

// kind is where a node stands, for the tables of known names:
// "switch.conf", "sofia.conf/profile", "directory/user".
func (n *Node) kind() string {
	switch {
	case n == nil:
		return ""
	case n.Name == "configuration":
		return strings.ToLower(n.Attr("name"))
	case n.Name == "settings", n.Name == "params":
		return n.parent.kind()
	}
	for p := n.parent; p != nil; p = p.parent {
		if p.Name == "configuration" || p.Name == "section" {
			return strings.ToLower(p.Attr("name")) + "/" + n.Name
		}
	}
	return n.Name
}
