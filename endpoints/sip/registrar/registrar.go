// Package registrar keeps where the users of the switch are: the contacts of
// addresses of record (RFC 3261 §10.3). It sees no SIP message; the SIP module
// hands it authenticated requests as plain values and writes the answers.
//
// Memory is the truth for calls; a database follows behind, so that bindings
// survive a restart and no call or REGISTER waits for it.
//
//	Register ─► bindings in memory ─► look-ups of calls
//	                  │ dirty AORs
//	                  ▼
//	            Run: expiry timer, writer ─► Storage
//
// Run starts one goroutine, the writer, and waits for it.
package registrar

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Storage keeps bindings over restarts. Its methods may block; they are called
// one at a time.
type Storage interface {
	// Load returns all bindings that were saved.
	Load(ctx context.Context) ([]Binding, error)
	// Save makes each entry's list the whole truth for its AOR; an empty list
	// removes the AOR. All entries are saved, or none and an error.
	Save(ctx context.Context, aors map[core.AOR][]Binding) error
}

// Config is what a Registrar needs. Only Dial has no default.
type Config struct {
	Policy Policy
	// Dial returns the dial string that reaches a binding:
	// sofia/PROFILE/URI;fs_path=…
	Dial    func(Binding) string
	Storage Storage     // nil: bindings end with the process
	Events  core.Events // nil: nobody is told
	Log     *slog.Logger
}

// Registrar is the location service. Its methods may be called from any
// goroutine and do not block, but for Load and Run.
type Registrar struct {
	cfg   Config        // immutable after New
	wake  chan struct{} // something expires earlier than before
	write chan struct{} // dirty is not empty
	stats Stats

	mu     sync.Mutex
	aors   map[core.AOR]*location // guarded by mu
	due    dueHeap                // guarded by mu; every location
	dirty  map[core.AOR]struct{}  // guarded by mu; not saved yet
	policy Policy                 // guarded by mu; changes on reload
	total  int                    // guarded by mu; bindings in all
}

var _ core.Locator = (*Registrar)(nil)

// location is one AOR with its bindings, at least one.
type location struct {
	aor      core.AOR
	bindings []Binding // never changed in place, so it may be read after unlock
	next     time.Time // the earliest expiry
	index    int       // in the heap
}

// Stats are counters since start.
type Stats struct {
	Added, Refreshed, Expired, Rejected atomic.Uint64
	SaveErrors                          atomic.Uint64
}

// New makes an empty Registrar and starts nothing.
func New(cfg Config) *Registrar {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Registrar{
		cfg:    cfg,
		wake:   make(chan struct{}, 1),
		write:  make(chan struct{}, 1),
		aors:   make(map[core.AOR]*location),
		dirty:  make(map[core.AOR]struct{}),
		policy: cfg.Policy.withDefaults(),
	}
}

// Load takes the bindings of the last run from the storage, each with the time
// it has left. It is called once, before phones can register, and blocks.
func (g *Registrar) Load(ctx context.Context) error {
	if g.cfg.Storage == nil {
		return nil
	}
	saved, err := g.cfg.Storage.Load(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	lists := make(map[core.AOR][]Binding)
	for _, b := range saved {
		b.AOR = normal(b.AOR)
		lists[b.AOR] = append(lists[b.AOR], b)
	}
	g.mu.Lock()
	for aor, list := range lists {
		list, over := split(list, now)
		order(list)
		g.set(aor, list)
		if len(over) > 0 {
			g.dirty[aor] = struct{}{} // still in the storage
		}
	}
	g.mu.Unlock()
	g.signal(g.wake)
	g.signal(g.write)
	return nil
}

// SetPolicy changes the policy for requests from now on.
func (g *Registrar) SetPolicy(p Policy) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.policy = p.withDefaults()
}

// Register carries out a REGISTER and returns all bindings of the AOR as they
// are then, for the Contact headers of the 200; without contacts in the request
// that is a fetch. An error is an *Error with the answer to give, and nothing
// has changed. r is not kept, but for the Path.
func (g *Registrar) Register(r Request) ([]Binding, error) {
	r.AOR = normal(r.AOR)
	now := time.Now()
	g.mu.Lock()
	list, changes, err := g.update(now, &r)
	g.mu.Unlock()
	if err != nil {
		g.Reject(r, err.Error())
		return nil, err
	}
	if len(changes) > 0 {
		g.signal(g.wake)
		g.signal(g.write)
	}
	g.tell(now, changes)
	return list, nil
}

// update is Register's part on the tables. The caller holds mu.
func (g *Registrar) update(now time.Time, r *Request) ([]Binding, []change, error) {
	old, over := split(g.bindings(r.AOR), now)
	list, changes, err := update(now, g.policy, old, r)
	switch {
	case err != nil:
		return nil, nil, err
	case len(changes) == 0:
		return slices.Clone(old), nil, nil
	case g.aors[r.AOR] == nil && len(list) > 0 && len(g.aors) >= g.policy.MaxAORs:
		return nil, nil, &Error{Status: 503, Reason: "Registrar Full", Detail: "too many registered users"}
	}
	g.change(r.AOR, list)
	return slices.Clone(list), append(over, changes...), nil
}

// Reject counts and reports a REGISTER that was refused, here or before it came
// here: wrong credentials, an ACL, an unknown domain. why is for people.
func (g *Registrar) Reject(r Request, why string) {
	g.stats.Rejected.Add(1)
	g.publish(time.Now(), "registration.rejected", map[string]any{
		"aor": normal(r.AOR).String(), "received": r.Received, "transport": r.Transport,
		"profile": r.Profile, "user_agent": r.UserAgent, "reason": why,
	})
}

// Remove ends bindings by order of an operator or of a keep-alive that got no
// answer: the one with this URI, or all of the AOR for an empty one. It returns
// how many there were.
func (g *Registrar) Remove(aor core.AOR, uri string) int {
	aor = normal(aor)
	now := time.Now()
	var changes []change
	var rest []Binding
	g.mu.Lock()
	list, over := split(g.bindings(aor), now)
	for _, b := range list {
		if uri == "" || sameURI(b.URI, uri) {
			changes = append(changes, change{expired, b, reasonRemoved})
		} else {
			rest = append(rest, b)
		}
	}
	if len(changes) > 0 {
		g.change(aor, rest)
	}
	g.mu.Unlock()
	if len(changes) == 0 {
		return 0
	}
	g.signal(g.write)
	g.tell(now, append(over, changes...))
	return len(changes)
}

// Bindings returns a copy of the live bindings of an AOR, in the order they are
// to be tried.
func (g *Registrar) Bindings(aor core.AOR) []Binding {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	list, _ := split(g.bindings(normal(aor)), now)
	return slices.Clone(list)
}

// Contacts implements core.Locator.
func (g *Registrar) Contacts(aor core.AOR) []core.Contact { return g.contacts(g.Bindings(aor)) }

// AllContacts implements core.Locator: every live binding, sorted by AOR.
func (g *Registrar) AllContacts() []core.Contact {
	now := time.Now()
	var all []Binding
	g.mu.Lock()
	for _, l := range g.aors {
		list, _ := split(l.bindings, now)
		all = append(all, list...)
	}
	g.mu.Unlock()
	slices.SortStableFunc(all, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(a.AOR.Domain, b.AOR.Domain), cmp.Compare(a.AOR.User, b.AOR.User))
	})
	return g.contacts(all)
}

// Len returns how many AORs and bindings there are; bindings that expired this
// moment may be among them.
func (g *Registrar) Len() (aors, bindings int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.aors), g.total
}

// Stats returns the counters; read them with Load.
func (g *Registrar) Stats() *Stats { return &g.stats }

func (g *Registrar) contacts(list []Binding) []core.Contact {
	var out []core.Contact
	for _, b := range list {
		out = append(out, core.Contact{
			AOR: b.AOR, URI: b.URI, Dial: g.cfg.Dial(b), Profile: b.Profile, Received: b.Received, Transport: b.Transport,
			UserAgent: b.UserAgent, CallID: b.CallID, Expires: b.Expires, Registered: b.Registered, Q: b.Q, Path: slices.Clone(b.Path),
		})
	}
	return out
}

// Run expires bindings when their time comes and keeps the storage up to date.
// It returns when ctx is done and the last changes are saved, or after
// flushTimeout without success.
func (g *Registrar) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	if g.cfg.Storage != nil {
		wg.Go(func() { g.runWriter(ctx) })
	}
	defer wg.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if next, more := g.expire(time.Now()); more {
			timer.Reset(time.Until(next))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-g.wake:
		case <-timer.C:
		}
	}
}

// expire removes what is over at now and returns when the next binding will
// be; more is false if there is none.
func (g *Registrar) expire(now time.Time) (next time.Time, more bool) {
	var changes []change
	g.mu.Lock()
	for len(g.due) > 0 && !g.due[0].next.After(now) {
		l := g.due[0]
		list, over := split(l.bindings, now)
		changes = append(changes, over...)
		g.change(l.aor, list)
	}
	if more = len(g.due) > 0; more {
		next = g.due[0].next
	}
	g.mu.Unlock()
	if len(changes) > 0 {
		g.signal(g.write)
	}
	g.tell(now, changes)
	return next, more
}

// bindings returns the list of an AOR as it stands. The caller holds mu.
func (g *Registrar) bindings(aor core.AOR) []Binding {
	if l := g.aors[aor]; l != nil {
		return l.bindings
	}
	return nil
}

// change makes list the bindings of an AOR and has them saved. The caller holds
// mu and signals write later.
func (g *Registrar) change(aor core.AOR, list []Binding) {
	g.set(aor, list)
	g.dirty[aor] = struct{}{}
}

// set makes list the bindings of an AOR. The caller holds mu.
func (g *Registrar) set(aor core.AOR, list []Binding) {
	l := g.aors[aor]
	switch {
	case len(list) == 0 && l == nil:
		return
	case len(list) == 0:
		g.total -= len(l.bindings)
		heap.Remove(&g.due, l.index)
		delete(g.aors, aor)
		return
	case l == nil:
		l = &location{aor: aor, bindings: list, next: earliest(list)}
		g.aors[aor] = l
		heap.Push(&g.due, l)
	default:
		g.total -= len(l.bindings)
		l.bindings, l.next = list, earliest(list)
		heap.Fix(&g.due, l.index)
	}
	g.total += len(list)
}

// tell counts changes and reports them.
func (g *Registrar) tell(now time.Time, changes []change) {
	for _, c := range changes {
		switch c.kind {
		case added:
			g.stats.Added.Add(1)
		case refreshed:
			g.stats.Refreshed.Add(1)
		case expired:
			g.stats.Expired.Add(1)
		}
		b := &c.binding
		data := map[string]any{
			"aor": b.AOR.String(), "contact": b.URI, "profile": b.Profile, "transport": b.Transport,
			"received": b.Received, "user_agent": b.UserAgent, "expires": b.Expires,
		}
		if c.reason != "" {
			data["reason"] = c.reason
		}
		g.publish(now, string(c.kind), data)
	}
}

func (g *Registrar) publish(now time.Time, kind string, data map[string]any) {
	if g.cfg.Events != nil {
		g.cfg.Events.Publish(core.Notice{Type: kind, Time: now, Data: data})
	}
}

// signal wakes a loop that may be awake already.
func (g *Registrar) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// normal is the form in which AORs are compared: users with case, domains
// without (RFC 3261 §10.3 step 5).
func normal(a core.AOR) core.AOR {
	a.Domain = strings.ToLower(a.Domain)
	return a
}

// split parts a list, which it does not change, into the bindings that have
// time left and the changes that end the others.
func split(list []Binding, now time.Time) (live []Binding, over []change) {
	ended := func(b Binding) bool { return !b.Expires.After(now) }
	if !slices.ContainsFunc(list, ended) {
		return list, nil
	}
	for _, b := range list {
		if ended(b) {
			over = append(over, change{expired, b, reasonTimeout})
		} else {
			live = append(live, b)
		}
	}
	return live, over
}

// earliest is the next expiry of a list that is not empty.
func earliest(list []Binding) time.Time {
	return slices.MinFunc(list, func(a, b Binding) int { return a.Expires.Compare(b.Expires) }).Expires
}

// errShutdown ends a save that takes too long at the end.
var errShutdown = errors.New("registrar: no time left to save bindings")
