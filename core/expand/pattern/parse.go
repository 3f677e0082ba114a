package pattern

import (
	"strconv"
	"strings"
)

// flags are the options that hold at a place of the pattern.
type flags uint8

const (
	flagFold      flags = 1 << iota // i
	flagMultiline                   // m
	flagDotAll                      // s
	flagExtended                    // x
	flagUngreedy                    // U
	flagNamedOnly                   // n
)

// The bounds keep a pattern from eating memory; PCRE's are 65535 and 250.
const (
	maxRepeat       = 65535
	maxNesting      = 200
	maxPatternBytes = 64 << 10
	maxLookBehind   = 255
)

// parser reads a pattern by recursive descent.
type parser struct {
	text    string
	pos     int
	flags   flags
	groups  int
	names   map[string]int
	nesting int
}

// fail stops the parser; compile recovers it.
func (p *parser) fail(pos int, reason string) {
	panic(&SyntaxError{Pattern: p.text, Pos: pos, Reason: reason})
}

func (p *parser) more() bool { return p.pos < len(p.text) }
func (p *parser) rest() string {
	return p.text[p.pos:]
}

func (p *parser) accept(token string) bool {
	if !strings.HasPrefix(p.rest(), token) {
		return false
	}
	p.pos += len(token)
	return true
}

func (p *parser) whole() *tree {
	t := p.alternation()
	if p.more() {
		p.fail(p.pos, "unexpected )")
	}
	return t
}

// alternation reads up to a closing parenthesis or the end. Options set inside
// end with it.
func (p *parser) alternation() *tree {
	saved := p.flags
	branches := []*tree{p.branch()}
	for p.accept("|") {
		branches = append(branches, p.branch())
	}
	p.flags = saved
	if len(branches) == 1 {
		return branches[0]
	}
	return &tree{kind: kindAlt, subs: branches}
}

func (p *parser) branch() *tree {
	var subs []*tree
	for p.skipExtended(); p.more() && p.text[p.pos] != '|' && p.text[p.pos] != ')'; p.skipExtended() {
		start := p.pos
		var atom *tree
		if quoted := p.quote(); len(quoted) > 0 {
			last := len(quoted) - 1
			subs, atom = append(subs, quoted[:last]...), quoted[last]
		} else if p.pos == start {
			atom = p.atom()
		}
		if atom == nil { // options, comments, \Q\E
			continue
		}
		for p.skipExtended(); p.more(); p.skipExtended() {
			q := p.quantifier(atom, start)
			if q == nil {
				break
			}
			atom = q
		}
		subs = append(subs, atom)
	}
	return sequence(subs...)
}

// skipExtended passes over blanks and comments under x.
func (p *parser) skipExtended() {
	for p.flags&flagExtended != 0 && p.more() {
		switch c := p.text[p.pos]; {
		case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
			p.pos++
		case c == '#':
			line, _, _ := strings.Cut(p.rest(), "\n")
			p.pos += len(line)
		default:
			return
		}
	}
}

// quantifier wraps atom in what follows it, or returns nil.
func (p *parser) quantifier(atom *tree, start int) *tree {
	least, most, ok := p.counts()
	if !ok {
		return nil
	}
	t := &tree{kind: kindRepeat, subs: []*tree{atom}, min: least, max: most, pos: start}
	if p.flags&flagUngreedy != 0 {
		t.mode = lazy
	}
	switch {
	case p.accept("?"):
		t.mode ^= lazy
	case p.accept("+"):
		t.mode = possessive
	}
	return t
}

// counts reads * + ? {n} {n,} {n,m}; a brace that is none of these is literal.
func (p *parser) counts() (least, most int, ok bool) {
	switch p.text[p.pos] {
	case '*':
		p.pos++
		return 0, -1, true
	case '+':
		p.pos++
		return 1, -1, true
	case '?':
		p.pos++
		return 0, 1, true
	case '{':
		return p.braces()
	}
	return 0, 0, false
}

func (p *parser) braces() (least, most int, ok bool) {
	inside, _, closed := strings.Cut(p.rest()[1:], "}")
	low, high, comma := strings.Cut(inside, ",")
	least, err := strconv.Atoi(low)
	if !closed || err != nil || !digits(low) || comma && high != "" && !digits(high) {
		return 0, 0, false
	}
	most = least
	if comma {
		most = -1
		if high != "" {
			most, err = strconv.Atoi(high)
		}
	}
	switch {
	case err != nil || least > maxRepeat || most > maxRepeat:
		p.fail(p.pos, "repeat count above "+strconv.Itoa(maxRepeat))
	case most >= 0 && most < least:
		p.fail(p.pos, "repeat counts out of order")
	}
	p.pos += len(inside) + 2
	return least, most, true
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func (p *parser) atom() *tree {
	c := p.text[p.pos]
	switch c {
	case '(':
		return p.parenthesis()
	case '[':
		return p.bracket()
	case '\\':
		return p.escape()
	case '*', '+', '?':
		p.fail(p.pos, "nothing to repeat before "+string(rune(c)))
	case '.':
		p.pos++
		if p.flags&flagDotAll != 0 {
			return &tree{kind: kindSet, set: class{}.negated()}
		}
		return &tree{kind: kindSet, set: of("\n").negated()}
	case '^':
		p.pos++
		if p.flags&flagMultiline != 0 {
			return &tree{kind: kindLineStart}
		}
		return &tree{kind: kindTextStart}
	case '$':
		p.pos++
		if p.flags&flagMultiline != 0 {
			return &tree{kind: kindLineEnd}
		}
		return &tree{kind: kindFinalEnd}
	}
	if c == '{' {
		if _, _, ok := p.braces(); ok {
			p.fail(p.pos, "nothing to repeat")
		}
	}
	p.pos++
	return p.literal(c)
}

func (p *parser) literal(c byte) *tree { return p.set(of(string([]byte{c}))) }

func (p *parser) set(c class) *tree {
	if p.flags&flagFold != 0 {
		c = c.folded()
	}
	return &tree{kind: kindSet, set: c}
}
