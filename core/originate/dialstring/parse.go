package dialstring

import (
	"strconv"
	"strings"
)

// Parse reads a dial string. Empty legs, as lists put together by functions
// leave them, are passed over; a dial string without any leg is an error. The
// error is a *SyntaxError.
func Parse(text string) (Dial, error) {
	if len(text) > maxBytes {
		return Dial{}, &SyntaxError{Pos: maxBytes, Reason: "longer than " + strconv.Itoa(maxBytes) + " bytes"}
	}
	p := parser{text: text, lastBracket: strings.LastIndexByte(text, ']')}
	var d Dial
	var err error
	if d.Vars, err = p.blocks('<', '>'); err != nil {
		return Dial{}, err
	}
	for more := true; more; more = p.accept(":_:") {
		g, err := p.group()
		if err != nil {
			return Dial{}, err
		}
		if len(g.Sequences) > 0 {
			d.Groups = append(d.Groups, g)
		}
		if len(d.Groups) > MaxForks {
			return Dial{}, p.fail("more than " + strconv.Itoa(MaxForks) + " groups")
		}
	}
	if len(d.Groups) == 0 {
		return Dial{}, p.fail("nobody to call")
	}
	return d, nil
}

// parser walks the text once.
type parser struct {
	text        string
	pos         int
	lastBracket int // of ']': no search beyond
}

func (p *parser) rest() string { return p.text[p.pos:] }

func (p *parser) fail(reason string) *SyntaxError { return &SyntaxError{Pos: p.pos, Reason: reason} }

func (p *parser) accept(token string) bool {
	if !strings.HasPrefix(p.rest(), token) {
		return false
	}
	p.pos += len(token)
	return true
}

func (p *parser) skipBlanks() {
	p.pos += len(p.rest()) - len(strings.TrimLeft(p.rest(), " \t\r\n"))
}

func (p *parser) group() (Group, error) {
	var g Group
	var err error
	if g.Vars, err = p.blocks('{', '}'); err != nil {
		return Group{}, err
	}
	for more := true; more; more = p.accept("|") {
		legs, err := p.together()
		if err != nil {
			return Group{}, err
		}
		if len(legs) > 0 {
			g.Sequences = append(g.Sequences, legs)
		}
		if len(g.Sequences) > MaxForks {
			return Group{}, p.fail("more than " + strconv.Itoa(MaxForks) + " alternatives")
		}
	}
	return g, nil
}

func (p *parser) together() ([]Leg, error) {
	var legs []Leg
	for more := true; more; more = p.accept(",") {
		l, ok, err := p.leg()
		if err != nil {
			return nil, err
		}
		if ok {
			legs = append(legs, l)
		}
		if len(legs) > MaxForks {
			return nil, p.fail("more than " + strconv.Itoa(MaxForks) + " legs together")
		}
	}
	return legs, nil
}

// leg reads one leg up to its separator; ok is false if it is blank.
func (p *parser) leg() (l Leg, ok bool, err error) {
	if l.Vars, err = p.blocks('[', ']'); err != nil {
		return Leg{}, false, err
	}
	p.skipBlanks()
	start := p.pos
	place := p.place()
	if place == "" {
		return Leg{}, false, nil
	}
	l.Prefix, l.Target, ok = strings.Cut(place, "/")
	switch {
	case !ok:
		return Leg{}, false, &SyntaxError{start, "no slash after the endpoint in " + quoted(place)}
	case l.Prefix == "" || strings.ContainsFunc(l.Prefix, notInPrefix):
		return Leg{}, false, &SyntaxError{start, "endpoint " + quoted(l.Prefix)}
	}
	return l, true, nil
}

func notInPrefix(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letter && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

// place reads up to a separator that is not protected by a backslash, quotes or
// square brackets, and returns it without quotes and escapes.
func (p *parser) place() string {
	var out strings.Builder
	keep := 0 // blanks before this place are quoted
	quoting := false
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		switch {
		case c == '\\' && p.pos+1 < len(p.text) && strings.IndexByte(`\',|`, p.text[p.pos+1]) >= 0:
			p.pos++
			out.WriteByte(p.text[p.pos])
			keep = out.Len()
		case c == '\'' && (quoting || strings.IndexByte(p.text[p.pos+1:], '\'') >= 0):
			quoting = !quoting
			keep = out.Len()
		case quoting:
			out.WriteByte(c)
			keep = out.Len()
		case c == '[' && p.pos < p.lastBracket:
			end := p.pos + strings.IndexByte(p.rest(), ']')
			out.WriteString(p.text[p.pos : end+1])
			p.pos = end
		case c == ',' || c == '|' || strings.HasPrefix(p.rest(), ":_:"):
			return trimAfter(out.String(), keep)
		default:
			out.WriteByte(c)
		}
	}
	return trimAfter(out.String(), keep)
}

func trimAfter(text string, keep int) string {
	return text[:keep] + strings.TrimRight(text[keep:], " \t\r\n")
}

// blocks reads blocks of variables in a row and merges them.
func (p *parser) blocks(open, closing byte) (Vars, error) {
	var vars Vars
	for {
		p.skipBlanks()
		if p.pos == len(p.text) || p.text[p.pos] != open {
			return vars, nil
		}
		inside, ok := block(p.rest(), open, closing)
		if !ok {
			return nil, p.fail("no closing " + string(rune(closing)))
		}
		more, err := parseVars(inside)
		if err != nil {
			return nil, p.fail(err.(*SyntaxError).Reason)
		}
		vars = vars.With(more)
		p.pos += len(inside) + 2
	}
}

// block returns what is between the bracket at the start of text and its
// partner. A value in quotes may hold brackets.
func block(text string, open, closing byte) (inside string, ok bool) {
	if inside, ok = balanced(text, open, closing, true); ok {
		return inside, true
	}
	return balanced(text, open, closing, false)
}

func balanced(text string, open, closing byte, quotes bool) (inside string, ok bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == open:
			depth++
		case c == closing:
			if depth--; depth == 0 {
				return text[1:i], true
			}
		case quotes && c == '=' && i+1 < len(text) && text[i+1] == '\'':
			end := quoteEnd(text[i+2:])
			if end < 0 {
				return "", false
			}
			i += 2 + end
		}
	}
	return "", false
}

// quoteEnd is where the quote that was opened before text is closed.
func quoteEnd(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'':
			return i
		}
	}
	return -1
}

// quoted is text for an error, cut where it is long.
func quoted(text string) string {
	if len(text) > 64 {
		text = text[:64] + "…"
	}
	return strconv.Quote(text)
}
