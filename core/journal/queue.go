package journal

import (
	"container/list"

	"github.com/tandemswitch/tandem/core"
)

// queue is a list of calls in order that any of them can leave. The zero value
// is empty.
type queue struct {
	order list.List
	place map[*call]*list.Element
}

func (q *queue) len() int { return q.order.Len() }

func (q *queue) push(c *call) {
	if q.place == nil {
		q.place = map[*call]*list.Element{}
	}
	q.place[c] = q.order.PushBack(c)
}

func (q *queue) pushFront(c *call) {
	q.push(c)
	q.order.MoveToFront(q.place[c])
}

// front returns the oldest, nil if there is none.
func (q *queue) front() *call {
	if e := q.order.Front(); e != nil {
		return e.Value.(*call)
	}
	return nil
}

// pop takes the oldest off, nil if there is none.
func (q *queue) pop() *call {
	c := q.front()
	if c != nil {
		q.remove(c)
	}
	return c
}

// popWorst takes off the oldest call that went well, or else the oldest.
func (q *queue) popWorst() *call {
	for e := q.order.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*call); !c.failed {
			q.remove(c)
			return c
		}
	}
	return q.pop()
}

func (q *queue) remove(c *call) {
	if e := q.place[c]; e != nil {
		q.order.Remove(e)
		delete(q.place, c)
	}
}

// pastCalls are remembered: what comes after a call's end comes within seconds.
const pastCalls = 4096

// past remembers the calls that went to disk lately. The zero value is empty.
type past struct {
	ids  []core.CallID
	next int
	set  map[core.CallID]int // how often it is in ids
}

func (p *past) add(id core.CallID) {
	if p.set == nil {
		p.set = map[core.CallID]int{}
	}
	p.set[id]++
	if len(p.ids) < pastCalls {
		p.ids = append(p.ids, id)
		return
	}
	old := p.ids[p.next]
	if p.set[old]--; p.set[old] == 0 {
		delete(p.set, old)
	}
	p.ids[p.next] = id
	p.next = (p.next + 1) % pastCalls
}

func (p *past) has(id core.CallID) bool { return p.set[id] > 0 }
