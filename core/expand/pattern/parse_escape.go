package pattern

import (
	"strconv"
	"strings"
)

// escape reads what a backslash begins, outside of square brackets.
func (p *parser) escape() *tree {
	start := p.pos
	if p.pos+1 == len(p.text) {
		p.fail(start, `\ at the end`)
	}
	c := p.text[p.pos+1]
	if set, ok := escapeClass(c); ok {
		p.pos += 2
		return &tree{kind: kindSet, set: set}
	}
	if k, ok := edge(c); ok {
		p.pos += 2
		return &tree{kind: k}
	}
	switch {
	case c == 'R':
		p.pos += 2
		crlf := sequence(p.bytes("\r\n")...)
		any := ranges("\n\r\x85\x85")
		return &tree{kind: kindAtomic, subs: []*tree{{kind: kindAlt, subs: []*tree{crlf, {kind: kindSet, set: any}}}}}
	case c == 'E':
		p.pos += 2
		return nil
	case c == 'g' || c == 'k':
		return p.reference(start, c)
	case c >= '1' && c <= '9':
		if t := p.numbered(start); t != nil {
			return t
		}
	}
	return p.literal(p.escapedByte())
}

// quote reads \Q…\E; nil if there is none here. A quantifier behind it belongs
// to the last byte.
func (p *parser) quote() []*tree {
	if !p.accept(`\Q`) {
		return nil
	}
	quoted, _, _ := strings.Cut(p.rest(), `\E`)
	p.pos = min(p.pos+len(quoted)+2, len(p.text))
	return p.bytes(quoted)
}

func (p *parser) bytes(text string) []*tree {
	all := make([]*tree, len(text))
	for i := range all {
		all[i] = p.literal(text[i])
	}
	return all
}

func edge(letter byte) (kind, bool) {
	switch letter {
	case 'A', 'G': // a dialplan searches once, so \G is the start
		return kindTextStart, true
	case 'z':
		return kindTextEnd, true
	case 'Z':
		return kindFinalEnd, true
	case 'b':
		return kindWordEdge, true
	case 'B':
		return kindNotWordEdge, true
	case 'K':
		return kindKeep, true
	}
	return 0, false
}

// reference reads \g{1} \g1 \g{-1} \g{name} \k<name> \k'name' \k{name}, and
// \g<1>, which recurses.
func (p *parser) reference(start int, letter byte) *tree {
	p.pos += 2
	var name string
	recurse := false
	switch {
	case p.accept("{"):
		name = p.refTo('}')
	case p.accept("<"):
		name, recurse = p.refTo('>'), letter == 'g'
	case p.accept("'"):
		name, recurse = p.refTo('\''), letter == 'g'
	case letter == 'g':
		name = p.rest()[:len(p.rest())-len(strings.TrimLeft(strings.TrimPrefix(p.rest(), "-"), "0123456789"))]
		p.pos += len(name)
	}
	t := p.backref(start, "")
	if recurse {
		t.kind = kindRecurse
	}
	switch back := strings.TrimPrefix(name, "-"); {
	case digits(name):
		t.group = p.number(start, name)
	case digits(back):
		t.group = p.relative(start, back)
	case name == "":
		p.fail(start, "reference without a group")
	default:
		t.name = name
	}
	return t
}

func (p *parser) refTo(end byte) string {
	i := strings.IndexByte(p.rest(), end)
	if i < 0 {
		p.fail(p.pos, "reference without an end")
	}
	name := p.rest()[:i]
	p.pos += i + 1
	return name
}

// numbered reads \1 to \9, and more digits where that many groups are open
// before; nil if it is an octal number.
func (p *parser) numbered(start int) *tree {
	end := p.pos + 1
	for end < len(p.text) && end < p.pos+4 && p.text[end] >= '0' && p.text[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(p.text[p.pos+1 : end])
	if n > 9 && n > p.groups {
		if p.text[p.pos+1] >= '8' {
			p.fail(start, "no such group")
		}
		return nil
	}
	p.pos = end
	t := p.backref(start, "")
	t.group = n
	return t
}

// escapedByte reads a backslash that stands for one byte.
func (p *parser) escapedByte() byte {
	start := p.pos
	c := p.text[p.pos+1]
	p.pos += 2
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'f':
		return '\f'
	case 'a':
		return '\a'
	case 'e':
		return 0x1b
	case 'x':
		return p.hex(start)
	case 'o':
		if p.accept("{") {
			return p.numeral(start, p.refTo('}'), 8)
		}
	case 'c':
		if p.more() {
			b := p.text[p.pos]
			p.pos++
			if b >= 'a' && b <= 'z' {
				b -= 32
			}
			return b ^ 64
		}
	}
	if c >= '0' && c <= '7' {
		end := p.pos
		for end < len(p.text) && end < p.pos+2 && p.text[end] >= '0' && p.text[end] <= '7' {
			end++
		}
		text := p.text[p.pos-1 : end]
		p.pos = end
		return p.numeral(start, text, 8)
	}
	if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
		p.fail(start, `\`+string(rune(c))+" is not known")
	}
	return c
}

func (p *parser) hex(start int) byte {
	if p.accept("{") {
		return p.numeral(start, p.refTo('}'), 16)
	}
	end := p.pos
	for end < len(p.text) && end < p.pos+2 && strings.IndexByte("0123456789abcdefABCDEF", p.text[end]) >= 0 {
		end++
	}
	text := "0" + p.text[p.pos:end]
	p.pos = end
	return p.numeral(start, text, 16)
}

func (p *parser) numeral(start int, text string, base int) byte {
	n, err := strconv.ParseUint(text, base, 8)
	if err != nil {
		p.fail(start, "no byte: "+strconv.Quote(text))
	}
	return byte(n)
}

// bracket reads a character class.
func (p *parser) bracket() *tree {
	start := p.pos
	p.pos++
	negative := p.accept("^")
	var set class
	quoting := false
	for first := true; ; first = false {
		switch {
		case !p.more():
			p.fail(start, "no closing ]")
		case quoting && p.accept(`\E`):
			quoting = false
			continue
		case !quoting && p.accept(`\Q`):
			quoting = true
			continue
		case !quoting && p.text[p.pos] == ']' && !first:
			p.pos++
			if p.flags&flagFold != 0 {
				set = set.folded()
			}
			if negative {
				set = set.negated()
			}
			return &tree{kind: kindSet, set: set}
		}
		p.member(&set, quoting)
	}
}

// member adds one member of a class: a byte, a range, \d or [:alpha:].
func (p *parser) member(set *class, quoting bool) {
	start := p.pos
	low, isByte := p.classAtom(set, quoting)
	if !isByte || quoting || len(p.rest()) < 2 || p.text[p.pos] != '-' || p.text[p.pos+1] == ']' {
		if isByte {
			set.add(low)
		}
		return
	}
	p.pos++
	high, isByte := p.classAtom(set, false)
	if !isByte { // [a-\d]: the minus is itself
		set.add(low)
		set.add('-')
		return
	}
	if high < low {
		p.fail(start, "range out of order")
	}
	set.addRange(low, high)
}

// classAtom reads one byte of a class, or adds a whole class to set.
func (p *parser) classAtom(set *class, quoting bool) (b byte, isByte bool) {
	c := p.text[p.pos]
	switch {
	case quoting || c != '\\' && c != '[':
		p.pos++
		return c, true
	case c == '[':
		if p.posix(set) {
			return 0, false
		}
		p.pos++
		return c, true
	case p.pos+1 == len(p.text):
		p.fail(p.pos, `\ at the end`)
	}
	letter := p.text[p.pos+1]
	if letter == 'b' {
		p.pos += 2
		return '\b', true
	}
	if add, ok := escapeClass(letter); ok && letter != 'N' {
		p.pos += 2
		set.addClass(add)
		return 0, false
	}
	return p.escapedByte(), true
}

// posix reads [:name:] and [:^name:].
func (p *parser) posix(set *class) bool {
	inside, _, ok := strings.Cut(p.rest(), ":]")
	name, ok2 := strings.CutPrefix(inside, "[:")
	if !ok || !ok2 || strings.ContainsAny(name, `]\`) {
		return false
	}
	plain := strings.TrimPrefix(name, "^")
	add, known := posixClass(plain)
	if !known {
		p.fail(p.pos, "class [:"+name+":]")
	}
	if plain != name {
		add = add.negated()
	}
	set.addClass(add)
	p.pos += len(inside) + 2
	return true
}
