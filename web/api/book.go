package api

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/event"
)

// bookCapacity is how many ended calls, and how many claimed ids, the book keeps.
const bookCapacity = 10_000

// trail is what events told of one call.
type trail struct {
	id        core.CallID
	direction string
	from, to  string
	created   time.Time
	answered  time.Time
	ended     time.Time
	cause     core.Cause
	by        string
}

// call is the view of a call that has no leg: not yet, or never had.
func (t trail) call() Call {
	c := Call{
		ID: string(t.id), State: "setup", Direction: t.direction, From: t.from, To: t.to, StartedAt: Moment{t.created}, AnsweredAt: moment(t.answered),
		EndedAt: moment(t.ended), Legs: []Leg{},
	}
	if c.EndedAt != nil {
		c.State, c.Cause, c.Q850, c.HungUpBy = "ended", t.cause.String(), t.cause.Q850(), t.by
	}
	return c
}

// claim is an id that a client chose.
type claim struct {
	sum    [32]byte // of the request
	action string
	// settled is closed when answer and err are there.
	settled chan struct{}
	answer  *acceptedAnswer
	err     error
}

// book keeps what events told of calls that live, and of the last ones that
// ended: it answers between a call's request and its first leg, between its
// last leg and its record, and for calls that never had a leg.
type book struct {
	mu       sync.Mutex
	capacity int
	trails   map[core.CallID]*trail
	ended    []core.CallID // oldest first
	claims   map[core.CallID]*claim
	claimed  []core.CallID // oldest first
}

func newBook(capacity int) *book {
	return &book{capacity: capacity, trails: map[core.CallID]*trail{}, claims: map[core.CallID]*claim{}}
}

// note takes one event in. It returns the call's trail if the event ended it.
func (b *book) note(n *event.Event) (trail, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.trails[n.CallID]
	switch n.Type {
	case "call.created":
		if t == nil {
			t = &trail{id: n.CallID, created: n.Time}
			b.trails[n.CallID] = t
		}
		t.direction = text(n.Data, "direction")
		t.from, t.to = cmp.Or(t.from, text(n.Data, "from")), cmp.Or(t.to, text(n.Data, "to"))
	case "call.answered":
		if t != nil && t.answered.IsZero() {
			t.answered = n.Time
		}
	case "call.ended":
		if t == nil {
			t = &trail{id: n.CallID, created: n.Time, direction: "unknown"}
			b.trails[n.CallID] = t
		}
		if !t.ended.IsZero() {
			return trail{}, false
		}
		t.ended, t.by = n.Time, text(n.Data, "hung_up_by")
		t.cause, _ = core.LookupCause(text(n.Data, "cause"))
		b.ended = append(b.ended, n.CallID)
		if len(b.ended) > b.capacity {
			delete(b.trails, b.ended[0])
			b.ended = b.ended[1:]
		}
		return *t, true
	}
	return trail{}, false
}

// expect is told of a call that was just accepted.
func (b *book) expect(id core.CallID, from, to string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.trails[id]
	if t == nil { // the event may have been faster
		t = &trail{id: id, direction: core.Outbound.String(), created: now}
		b.trails[id] = t
	}
	t.from, t.to = from, to
}

// find returns what is known of a call.
func (b *book) find(id core.CallID) (trail, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.trails[id]; t != nil {
		return *t, true
	}
	return trail{}, false
}

// lost forgets calls that live: their ends may have been missed.
func (b *book) lost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, t := range b.trails {
		if t.ended.IsZero() {
			delete(b.trails, id)
		}
	}
}

// claim takes an id for a request; mine is false if it was claimed before.
func (b *book) claim(id core.CallID, sum [32]byte) (c *claim, mine bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c = b.claims[id]; c != nil {
		return c, false
	}
	c = &claim{sum: sum, action: core.NewID(), settled: make(chan struct{})}
	b.claims[id] = c
	b.claimed = append(b.claimed, id)
	if len(b.claimed) > b.capacity {
		delete(b.claims, b.claimed[0])
		b.claimed = b.claimed[1:]
	}
	return c, true
}

// settle answers all who asked with the same id. A refusal frees the id.
func (b *book) settle(id core.CallID, c *claim, answer *acceptedAnswer, err error) {
	c.answer, c.err = answer, err
	close(c.settled)
	if err == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.claims[id] == c {
		delete(b.claims, id)
		b.claimed = slices.DeleteFunc(b.claimed, func(other core.CallID) bool { return other == id })
	}
}

// text is a text of an event's data.
func text(data map[string]any, name string) string {
	s, _ := data[name].(string)
	return s
}
