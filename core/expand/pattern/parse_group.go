package pattern

import (
	"strconv"
	"strings"
)

// parenthesis reads everything that starts with one; nil for options and
// comments, which match nothing by themselves.
func (p *parser) parenthesis() *tree {
	start := p.pos
	if p.nesting++; p.nesting > maxNesting {
		p.fail(start, "nested too deeply")
	}
	defer func() { p.nesting-- }()
	switch {
	case p.accept("(?#"):
		_, _, ok := strings.Cut(p.rest(), ")")
		if !ok {
			p.fail(start, "no closing ) of a comment")
		}
		p.pos += strings.IndexByte(p.rest(), ')') + 1
		return nil
	case p.accept("(*"):
		p.fail(start, "(* is not supported")
	case p.accept("(?:"):
		return p.closed(start, p.alternation())
	case p.accept("(?|"):
		return p.branchReset(start)
	case p.accept("(?>"):
		return &tree{kind: kindAtomic, subs: []*tree{p.closed(start, p.alternation())}}
	case p.accept("(?="):
		return p.look(start, false, false)
	case p.accept("(?!"):
		return p.look(start, true, false)
	case p.accept("(?<="):
		return p.look(start, false, true)
	case p.accept("(?<!"):
		return p.look(start, true, true)
	case p.accept("(?P<"), p.accept("(?<"):
		return p.capture(start, p.nameTo('>'))
	case p.accept("(?'"):
		return p.capture(start, p.nameTo('\''))
	case p.accept("(?P="):
		return p.backref(start, p.nameTo(')'))
	case p.accept("(?P>"), p.accept("(?&"):
		return &tree{kind: kindRecurse, name: p.nameTo(')'), pos: start}
	case p.accept("(?("):
		return p.condition(start)
	case p.accept("(?"):
		return p.optionsOrRecursion(start)
	}
	p.pos++
	if p.flags&flagNamedOnly != 0 {
		return p.closed(start, p.alternation())
	}
	return p.capture(start, "")
}

// closed takes the parenthesis that ends what began at start.
func (p *parser) closed(start int, t *tree) *tree {
	if !p.accept(")") {
		p.fail(start, "no closing )")
	}
	return t
}

func (p *parser) capture(start int, name string) *tree {
	p.groups++
	group := p.groups
	if name != "" {
		if old, twice := p.names[name]; twice && old != group {
			p.fail(start, "two groups named "+strconv.Quote(name))
		}
		p.names[name] = group
	}
	return &tree{kind: kindGroup, group: group, subs: []*tree{p.closed(start, p.alternation())}}
}

// branchReset numbers the groups of each branch from the same number.
func (p *parser) branchReset(start int) *tree {
	saved, first, last := p.flags, p.groups, p.groups
	var branches []*tree
	for more := true; more; more = p.accept("|") {
		p.groups = first
		branches = append(branches, p.branch())
		last = max(last, p.groups)
	}
	p.groups, p.flags = last, saved
	return p.closed(start, &tree{kind: kindAlt, subs: branches})
}

func (p *parser) look(start int, negative, behind bool) *tree {
	sub := p.closed(start, p.alternation())
	if _, most := sub.width(); behind && most > maxLookBehind {
		p.fail(start, "look-behind of more than "+strconv.Itoa(maxLookBehind)+" bytes")
	}
	return &tree{kind: kindLook, subs: []*tree{sub}, negative: negative, behind: behind}
}

// condition reads (?(1)yes|no), (?(<name>)…) and (?(?=…)yes|no).
func (p *parser) condition(start int) *tree {
	t := &tree{kind: kindCondition, pos: start}
	inside, _, ok := strings.Cut(p.rest(), ")")
	saved := p.flags
	switch {
	case !ok:
		p.fail(start, "no closing ) of a condition")
	case strings.HasPrefix(inside, "?"):
		p.pos-- // the parenthesis is the look-around's own
		look := p.parenthesis()
		if look == nil || look.kind != kindLook {
			p.fail(start, "condition is no look-around")
		}
		t.group, t.subs = -1, []*tree{look}
	case digits(inside):
		t.group = p.number(start, inside)
		p.pos += len(inside) + 1
	default:
		t.name = strings.Trim(inside, "<>'")
		p.pos += len(inside) + 1
	}
	branches := []*tree{p.branch()}
	for p.accept("|") {
		branches = append(branches, p.branch())
	}
	switch len(branches) {
	case 1:
		branches = append(branches, sequence())
	case 2:
	default:
		p.fail(start, "more than two branches of a condition")
	}
	p.flags = saved
	t.subs = append(t.subs, branches...)
	return p.closed(start, t)
}

// optionsOrRecursion reads (?i), (?i:…), (?R), (?1), (?-1) and (?+1).
func (p *parser) optionsOrRecursion(start int) *tree {
	if inside, _, ok := strings.Cut(p.rest(), ")"); ok {
		if group, ok := p.recursion(start, inside); ok {
			p.pos += len(inside) + 1
			return &tree{kind: kindRecurse, group: group, pos: start}
		}
	}
	set, on := p.flags, true
	for ; p.more(); p.pos++ {
		switch c := p.text[p.pos]; c {
		case ')':
			p.pos++
			p.flags = set // until the end of the group around
			return nil
		case ':':
			p.pos++
			saved := p.flags
			p.flags = set
			t := p.closed(start, p.alternation())
			p.flags = saved
			return t
		case '-':
			on = false
		case '^':
			set &^= flagFold | flagMultiline | flagDotAll | flagExtended | flagNamedOnly
		default:
			f := strings.IndexByte("imsxUn", c)
			if f < 0 {
				p.fail(start, "unknown group (?"+string(rune(c)))
			}
			if on {
				set |= 1 << f
			} else {
				set &^= 1 << f
			}
		}
	}
	p.fail(start, "no closing )")
	return nil
}

func (p *parser) recursion(start int, inside string) (group int, ok bool) {
	switch {
	case inside == "R":
		return 0, true
	case digits(inside):
		return p.number(start, inside), true
	case len(inside) > 1 && inside[0] == '+' && digits(inside[1:]):
		return p.groups + max(1, p.number(start, inside[1:])), true
	case len(inside) > 1 && inside[0] == '-' && digits(inside[1:]):
		return p.relative(start, inside[1:]), true
	}
	return 0, false
}

// relative counts back from the groups so far.
func (p *parser) relative(start int, back string) int {
	n := p.groups + 1 - p.number(start, back)
	if n < 1 {
		p.fail(start, "no such group")
	}
	return n
}

func (p *parser) number(start int, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n > maxRepeat {
		p.fail(start, "number too large")
	}
	return n
}

func (p *parser) nameTo(end byte) string {
	i := strings.IndexByte(p.rest(), end)
	if i <= 0 || strings.ContainsFunc(p.rest()[:i], func(r rune) bool { return r > 127 || !wordByte(byte(r)) }) {
		p.fail(p.pos, "name of a group")
	}
	name := p.rest()[:i]
	p.pos += i + 1
	return name
}

func wordByte(b byte) bool {
	c := wordClass()
	return c.has(b)
}

func (p *parser) backref(start int, name string) *tree {
	return &tree{kind: kindBackref, name: name, fold: p.flags&flagFold != 0, pos: start}
}
