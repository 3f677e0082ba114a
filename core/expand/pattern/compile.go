package pattern

import "strconv"

// node is one step of a compiled pattern; next is what must match behind it.
type node struct {
	op       op
	next     *node
	b        byte    // opByte
	set      class   // opSet, opRun
	alts     []*node // opAlt, opCondition
	sub      *node   // the start of what is inside; it ends with opEnd
	n        int     // group, number of loop
	min, max int     // opRun, opLoop, opLook behind: widths
	mode     mode
	negative bool
	fold     bool
	loop     *node // opAgain
}

type op uint8

const (
	opEnd  op = iota // of the pattern, or of what is inside of another node
	opByte           // one byte
	opSet            // one byte out of a set
	opRun            // min to max bytes out of a set
	opAlt
	opLoop  // anything else repeated
	opAgain // at the end of a loop's body
	opOpen  // group n begins
	opClose // group n ends
	opAhead
	opBehind
	opAtomic
	opBackref
	opRecurse
	opCondition
	opKeep
	opTextStart
	opTextEnd
	opFinalEnd
	opLineStart
	opLineEnd
	opWordEdge
	opNotWordEdge
)

// maxNodes bounds the memory of a pattern; counted repeats do not multiply, so
// this is about its length.
const maxNodes = 100_000

// compiler links nodes from a tree.
type compiler struct {
	p      *parser
	loops  int
	nodes  int
	bodies map[int]*node // group → its opOpen … opEnd, for recursion
	calls  []*node       // opRecurse, linked at the end
	trees  map[int]*tree
	back   bool // there are references: the start must not be guessed
}

func compile(body string, f flags) (p *Pattern, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *SyntaxError:
			p, err = nil, r
		default:
			panic(r)
		}
	}()
	ps := &parser{text: body, flags: f, names: map[string]int{}}
	if len(body) > maxPatternBytes {
		ps.fail(maxPatternBytes, "longer than "+strconv.Itoa(maxPatternBytes)+" bytes")
	}
	t := ps.whole()
	c := &compiler{p: ps, bodies: map[int]*node{}, trees: map[int]*tree{0: t}}
	c.collect(t)
	start := c.link(t, &node{op: opEnd})
	for i := 0; i < len(c.calls); i++ { // grows: a body may call others
		c.calls[i].sub = c.body(c.calls[i].n)
	}
	p = &Pattern{groups: ps.groups, loops: c.loops, start: start}
	p.anchor, p.prefix = c.findAnchor(start)
	if p.anchor == anchorNone && first(start, &p.first, 0) {
		p.anchor = anchorSet
	}
	p.runs.New = func() any { return newRun(p) }
	return p, nil
}

// collect finds every group and resolves names.
func (c *compiler) collect(t *tree) {
	if t.name != "" {
		n, ok := c.p.names[t.name]
		if !ok {
			c.p.fail(t.pos, "no group named "+strconv.Quote(t.name))
		}
		t.group = n
	}
	if t.kind == kindGroup {
		if _, twice := c.trees[t.group]; !twice {
			c.trees[t.group] = t
		}
	}
	if t.group > c.p.groups || t.kind == kindBackref && t.group == 0 {
		c.p.fail(t.pos, "no such group")
	}
	for _, s := range t.subs {
		c.collect(s)
	}
}

// body compiles a group once more for those who call it.
func (c *compiler) body(group int) *node {
	if n := c.bodies[group]; n != nil {
		return n
	}
	start := &node{op: opAtomic} // filled below; a body may call itself
	c.bodies[group] = start
	start.sub = c.link(c.trees[group], &node{op: opEnd})
	start.next = &node{op: opEnd}
	return start
}

func (c *compiler) node(n node) *node {
	if c.nodes++; c.nodes > maxNodes {
		c.p.fail(0, "too large")
	}
	return &n
}

// inside links t to an end of its own.
func (c *compiler) inside(t *tree) *node { return c.link(t, c.node(node{op: opEnd})) }

// link returns the node where t begins, with next behind it.
func (c *compiler) link(t *tree, next *node) *node {
	switch t.kind {
	case kindEmpty:
		return next
	case kindSet:
		return c.linkSet(t.set, next)
	case kindSeq:
		for i := len(t.subs) - 1; i >= 0; i-- {
			next = c.link(t.subs[i], next)
		}
		return next
	case kindAlt:
		n := c.node(node{op: opAlt, next: next})
		for _, s := range t.subs {
			n.alts = append(n.alts, c.link(s, next))
		}
		return n
	case kindRepeat:
		return c.linkRepeat(t, next)
	case kindGroup:
		closing := c.node(node{op: opClose, n: t.group, next: next})
		return c.node(node{op: opOpen, n: t.group, next: c.link(t.subs[0], closing)})
	case kindAtomic:
		return c.node(node{op: opAtomic, sub: c.inside(t.subs[0]), next: next})
	case kindLook:
		return c.linkLook(t, next)
	case kindBackref:
		c.back = true
		return c.node(node{op: opBackref, n: t.group, fold: t.fold, next: next})
	case kindRecurse:
		c.back = true
		n := c.node(node{op: opRecurse, n: t.group, next: next})
		c.calls = append(c.calls, n)
		return n
	case kindCondition:
		return c.linkCondition(t, next)
	default:
		return c.node(node{op: edgeOps[t.kind], next: next})
	}
}

// edgeOps are the kinds that match no bytes and hold nothing.
var edgeOps = map[kind]op{
	kindKeep: opKeep, kindTextStart: opTextStart, kindTextEnd: opTextEnd, kindFinalEnd: opFinalEnd,
	kindLineStart: opLineStart, kindLineEnd: opLineEnd, kindWordEdge: opWordEdge, kindNotWordEdge: opNotWordEdge,
}

func (c *compiler) linkSet(set class, next *node) *node {
	if b, ok := set.single(); ok {
		return c.node(node{op: opByte, b: b, next: next})
	}
	return c.node(node{op: opSet, set: set, next: next})
}

func (c *compiler) linkRepeat(t *tree, next *node) *node {
	sub := t.subs[0]
	switch {
	case sub.kind == kindSet:
		return c.node(node{op: opRun, set: sub.set, min: t.min, max: t.max, mode: t.mode, next: next})
	case t.mode == possessive:
		again := *t
		again.mode = greedy
		return c.node(node{op: opAtomic, sub: c.inside(&again), next: next})
	case t.max == 0:
		return next
	case t.min == 1 && t.max == 1:
		return c.link(sub, next)
	}
	n := c.node(node{op: opLoop, n: c.loops, min: t.min, max: t.max, mode: t.mode, next: next})
	c.loops++
	n.sub = c.link(sub, c.node(node{op: opAgain, loop: n}))
	return n
}

func (c *compiler) linkLook(t *tree, next *node) *node {
	n := c.node(node{op: opAhead, sub: c.inside(t.subs[0]), negative: t.negative, next: next})
	if t.behind {
		n.op = opBehind
		n.min, n.max = t.subs[0].width()
	}
	return n
}

func (c *compiler) linkCondition(t *tree, next *node) *node {
	n := c.node(node{op: opCondition, n: t.group, next: next})
	branches := t.subs
	if t.group < 0 {
		n.sub = c.inside(t.subs[0])
		branches = t.subs[1:]
	} else {
		c.back = true
	}
	for _, s := range branches {
		n.alts = append(n.alts, c.link(s, next))
	}
	return n
}

// findAnchor looks at what every match must begin with.
func (c *compiler) findAnchor(n *node) (anchor, byte) {
	for n.op == opOpen {
		n = n.next
	}
	switch {
	case n.op == opTextStart:
		return anchorStart, 0
	case n.op == opByte:
		return anchorByte, n.b
	case n.op != opRun || n.min != 0 || n.max >= 0 || n.mode != greedy || c.back:
		return anchorNone, 0
	case n.set.count() == 256:
		return anchorStart, 0
	case n.set.count() == 255 && !n.set.has('\n'):
		return anchorLine, 0
	}
	return anchorNone, 0
}

// maxFirst bounds the look for first bytes.
const maxFirst = 20

// first collects the bytes that a match at n can begin with; false if it may be
// empty or cannot be told.
func first(n *node, set *class, depth int) bool {
	if depth > maxFirst {
		return false
	}
	switch n.op {
	case opByte:
		set.add(n.b)
		return true
	case opSet:
		set.addClass(n.set)
		return true
	case opRun:
		set.addClass(n.set)
		return n.min > 0 || first(n.next, set, depth+1)
	case opOpen, opClose, opWordEdge, opNotWordEdge:
		return first(n.next, set, depth+1)
	case opAlt:
		for _, a := range n.alts {
			if !first(a, set, depth+1) {
				return false
			}
		}
		return true
	}
	return false
}
