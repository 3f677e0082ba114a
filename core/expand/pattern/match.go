package pattern

import "strings"

// maxSteps bounds one search: some 50 ms. PCRE allows five times as many.
const maxSteps = 2_000_000

// maxSaved bounds the copies of captures that groups inside each other keep.
const maxSaved = 1 << 20

// maxDepth bounds the stack of one search, some 200 bytes each.
const maxDepth = 30_000

// run is one search. It is kept for reuse.
type run struct {
	text  string
	caps  []int // pairs of offsets
	opens []int // where a group began whose end is not known yet
	loops []loopState
	stack []int // copies of caps, opens and loops
	end   int   // where opEnd was reached
	want  int   // where a look-behind must end, or -1
	keep  int   // where \K put the start, or -1
	steps int
	depth int
}

// loopState is how far a loop is.
type loopState struct{ count, last int }

func newRun(p *Pattern) *run {
	return &run{
		caps: make([]int, 2*(p.groups+1)), opens: make([]int, p.groups+1), loops: make([]loopState, p.loops), want: -1,
	}
}

func (p *Pattern) run(text string) *run {
	r := p.runs.Get().(*run)
	r.text, r.steps, r.depth, r.want, r.stack = text, 0, 0, -1, r.stack[:0]
	return r
}

func (p *Pattern) done(r *run) {
	r.text = ""
	p.runs.Put(r)
}

// search tries every place where a match can begin.
func (r *run) search(p *Pattern) (ok bool, err error) {
	for at := r.candidate(p, 0); at >= 0; at = r.candidate(p, at+1) {
		for i := range r.caps {
			r.caps[i] = -1
		}
		r.keep = -1
		ok = r.match(p.start, at)
		if r.steps > maxSteps {
			return false, ErrTooComplex
		}
		if ok {
			r.caps[0], r.caps[1] = at, r.end
			if r.keep >= 0 {
				r.caps[0] = min(r.keep, r.end)
			}
			return true, nil
		}
	}
	return false, nil
}

// candidate is the first place from at where a match can begin, or -1.
func (r *run) candidate(p *Pattern, at int) int {
	if at > len(r.text) {
		return -1
	}
	switch p.anchor {
	case anchorStart:
		if at > 0 {
			return -1
		}
	case anchorByte:
		i := strings.IndexByte(r.text[at:], p.prefix)
		if i < 0 {
			return -1
		}
		return at + i
	case anchorSet:
		for at < len(r.text) && !p.first.has(r.text[at]) {
			at++
		}
		if at == len(r.text) {
			return -1
		}
	case anchorLine:
		if at > 0 {
			i := strings.IndexByte(r.text[at-1:], '\n')
			if i < 0 {
				return -1
			}
			return at + i
		}
	}
	return at
}

// match reports whether n and all behind it match at i. On failure the state is
// as it was.
func (r *run) match(n *node, i int) bool {
	if r.depth++; r.depth > maxDepth {
		r.steps = maxSteps + 1
	}
	ok := r.follow(n, i)
	r.depth--
	return ok
}

// follow walks along nodes that leave no choice.
func (r *run) follow(n *node, i int) bool {
	for {
		if r.steps++; r.steps > maxSteps {
			return false
		}
		switch n.op {
		case opEnd:
			if r.want >= 0 && i != r.want {
				return false
			}
			r.end = i
			return true
		case opByte:
			if i == len(r.text) || r.text[i] != n.b {
				return false
			}
			i++
		case opSet:
			if i == len(r.text) || !n.set.has(r.text[i]) {
				return false
			}
			i++
		case opTextStart, opTextEnd, opFinalEnd, opLineStart, opLineEnd, opWordEdge, opNotWordEdge:
			if !r.edge(n.op, i) {
				return false
			}
		case opBackref:
			length, ok := r.backref(n, i)
			if !ok {
				return false
			}
			i += length
		default:
			return r.choose(n, i)
		}
		n = n.next
	}
}

// choose is for nodes that must put something back when what follows fails.
func (r *run) choose(n *node, i int) bool {
	switch n.op {
	case opAlt:
		for _, a := range n.alts {
			if r.match(a, i) {
				return true
			}
		}
		return false
	case opRun:
		return r.runOf(n, i)
	case opLoop:
		saved := r.loops[n.n]
		r.loops[n.n] = loopState{0, -1}
		ok := r.iterate(n, i)
		if !ok {
			r.loops[n.n] = saved
		}
		return ok
	case opAgain:
		return r.iterate(n.loop, i)
	case opOpen, opClose:
		return r.capture(n, i)
	case opAtomic:
		return r.atomic(n, i)
	case opAhead, opBehind:
		return r.look(n, i)
	case opRecurse:
		return r.recurse(n, i)
	case opCondition:
		return r.condition(n, i)
	default: // opKeep
		saved := r.keep
		r.keep = i
		if r.match(n.next, i) {
			return true
		}
		r.keep = saved
		return false
	}
}

// runOf repeats a set without recursion.
func (r *run) runOf(n *node, i int) bool {
	most := len(r.text) - i
	if n.max >= 0 {
		most = min(most, n.max)
	}
	if n.mode == lazy {
		return r.lazyRun(n, i, most)
	}
	count := 0
	for count < most && n.set.has(r.text[i+count]) {
		count++
	}
	r.steps += count / 8
	if n.mode == possessive {
		return count >= n.min && r.match(n.next, i+count)
	}
	for ; count >= n.min; count-- {
		if r.match(n.next, i+count) {
			return true
		}
	}
	return false
}

func (r *run) lazyRun(n *node, i, most int) bool {
	for count := 0; ; count++ {
		if count >= n.min && r.match(n.next, i+count) {
			return true
		}
		if count == most || !n.set.has(r.text[i+count]) || r.steps > maxSteps {
			return false
		}
	}
}

// iterate decides between one more round of a loop and what is behind it. A
// round that matched nothing is the last one.
func (r *run) iterate(n *node, i int) bool {
	state := r.loops[n.n]
	switch {
	case state.last == i:
		return r.match(n.next, i)
	case state.count < n.min:
		return r.round(n, i)
	case n.max >= 0 && state.count == n.max:
		return r.match(n.next, i)
	case n.mode == lazy:
		return r.match(n.next, i) || r.round(n, i)
	default:
		return r.round(n, i) || r.match(n.next, i)
	}
}

func (r *run) round(n *node, i int) bool {
	saved := r.loops[n.n]
	r.loops[n.n] = loopState{saved.count + 1, i}
	if r.match(n.sub, i) {
		return true
	}
	r.loops[n.n] = saved
	return false
}

// capture keeps the start of a group beside until its end is known: a reference
// inside of the group means its last round.
func (r *run) capture(n *node, i int) bool {
	if n.op == opOpen {
		saved := r.opens[n.n]
		r.opens[n.n] = i
		if r.match(n.next, i) {
			return true
		}
		r.opens[n.n] = saved
		return false
	}
	group := r.caps[2*n.n : 2*n.n+2]
	start, end := group[0], group[1]
	group[0], group[1] = r.opens[n.n], i
	if r.match(n.next, i) {
		return true
	}
	group[0], group[1] = start, end
	return false
}

// inside matches what is in an atomic group or a look-around; its end is r.end.
// With want ≥ 0 it must end there. What it captured is kept when it matches.
func (r *run) inside(n *node, i, want int) bool {
	saved := r.want
	r.want = want
	ok := r.match(n, i)
	r.want = saved
	return ok
}

// save copies captures and loops; restore puts them back and forgets the copy,
// as drop does.
func (r *run) save() (mark int) {
	mark = len(r.stack)
	if mark > maxSaved {
		r.steps = maxSteps + 1
	}
	r.stack = append(append(r.stack, r.caps...), r.opens...)
	for _, l := range r.loops {
		r.stack = append(r.stack, l.count, l.last)
	}
	return mark
}

func (r *run) restore(mark int) {
	from := r.stack[mark:]
	from = from[copy(r.caps, from):]
	from = from[copy(r.opens, from):]
	for i := range r.loops {
		r.loops[i] = loopState{from[2*i], from[2*i+1]}
	}
	r.drop(mark)
}

func (r *run) drop(mark int) { r.stack = r.stack[:mark] }

func (r *run) atomic(n *node, i int) bool {
	mark := r.save()
	if r.inside(n.sub, i, -1) && r.match(n.next, r.end) {
		r.drop(mark)
		return true
	}
	r.restore(mark)
	return false
}

func (r *run) look(n *node, i int) bool {
	mark := r.save()
	found := r.around(n, i)
	if n.negative {
		r.restore(mark)
		return !found && r.match(n.next, i)
	}
	if found && r.match(n.next, i) {
		r.drop(mark)
		return true
	}
	r.restore(mark)
	return false
}

func (r *run) around(n *node, i int) bool {
	if n.op == opAhead {
		return r.inside(n.sub, i, -1)
	}
	for width := n.min; width <= min(n.max, i); width++ {
		if r.inside(n.sub, i-width, i) {
			return true
		}
	}
	return false
}

// recurse matches a group's body once more, as an atomic group whose captures
// are its own.
func (r *run) recurse(n *node, i int) bool {
	mark := r.save()
	ok := r.inside(n.sub.sub, i, -1)
	end := r.end
	r.restore(mark)
	return ok && r.match(n.next, end)
}

// condition takes the first branch or the second one.
func (r *run) condition(n *node, i int) bool {
	if n.n >= 0 {
		if r.caps[2*n.n+1] >= 0 {
			return r.match(n.alts[0], i)
		}
		return r.match(n.alts[1], i)
	}
	mark := r.save()
	branch := n.alts[1]
	if r.match(n.sub, i) {
		branch = n.alts[0]
	}
	if r.match(branch, i) {
		r.drop(mark)
		return true
	}
	r.restore(mark)
	return false
}

// backref returns how long the text of a group is that is found again at i. A
// group that took no part is never found.
func (r *run) backref(n *node, i int) (length int, ok bool) {
	start, end := r.caps[2*n.n], r.caps[2*n.n+1]
	if start < 0 || end < start || len(r.text)-i < end-start {
		return 0, false
	}
	text, again := r.text[start:end], r.text[i:i+end-start]
	r.steps += len(text) / 8
	if text == again || n.fold && equalFold(text, again) {
		return len(text), true
	}
	return 0, false
}

func equalFold(a, b string) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if x >= 'A' && x <= 'Z' {
			x += 32
		}
		if y >= 'A' && y <= 'Z' {
			y += 32
		}
		if x != y {
			return false
		}
	}
	return true
}

func (r *run) edge(o op, i int) bool {
	n := len(r.text)
	switch o {
	case opTextStart:
		return i == 0
	case opTextEnd:
		return i == n
	case opFinalEnd:
		return i == n || i == n-1 && r.text[i] == '\n'
	case opLineStart:
		return i == 0 || r.text[i-1] == '\n' && i < n
	case opLineEnd:
		return i == n || r.text[i] == '\n'
	}
	word := wordClass()
	before := i > 0 && word.has(r.text[i-1])
	after := i < n && word.has(r.text[i])
	return (before != after) == (o == opWordEdge)
}
