package registrar

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// ear is a core.Events that writes down what it hears.
type ear struct {
	mu    sync.Mutex
	heard []string // guarded by mu
}

func (e *ear) Publish(n core.Notice) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	line := n.Type
	if u, ok := n.Data["contact"]; ok {
		line += fmt.Sprint(" ", u)
	}
	if r, ok := n.Data["reason"]; ok {
		line += fmt.Sprint(" ", r)
	}
	e.heard = append(e.heard, strings.TrimPrefix(line, "registration."))
	return uint64(len(e.heard))
}

func (e *ear) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.heard
	e.heard = nil
	return h
}

// disk is a Storage in memory that can fail and be slow.
type disk struct {
	mu    sync.Mutex
	aors  map[core.AOR][]Binding // guarded by mu
	fail  error                  // guarded by mu
	saves int                    // guarded by mu; attempts
	slow  time.Duration          // immutable
}

func newDisk() *disk { return &disk{aors: make(map[core.AOR][]Binding)} }

func (d *disk) Load(context.Context) ([]Binding, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return nil, d.fail
	}
	var all []Binding
	for _, list := range d.aors {
		all = append(all, list...)
	}
	return all, nil
}

func (d *disk) Save(ctx context.Context, aors map[core.AOR][]Binding) error {
	time.Sleep(d.slow)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.saves++
	if d.fail != nil {
		return d.fail
	}
	for aor, list := range aors {
		if len(list) == 0 {
			delete(d.aors, aor)
		} else {
			d.aors[aor] = slices.Clone(list)
		}
	}
	return nil
}

func (d *disk) setFail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = err
}

func (d *disk) show() (saves int, all string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var uris []string
	for _, list := range d.aors {
		for _, b := range list {
			uris = append(uris, b.URI)
		}
	}
	slices.Sort(uris)
	return d.saves, strings.Join(uris, " ")
}

// rig is a registrar with Run running inside a bubble; it ends with the test.
type rig struct {
	*Registrar
	ear  *ear
	stop func()
}

func start(t *testing.T, d *disk, p Policy) rig {
	t.Helper()
	e := &ear{}
	cfg := Config{Policy: p, Events: e, Dial: func(b Binding) string { return "sofia/" + b.Profile + "/" + b.URI }}
	if d != nil {
		cfg.Storage = d
	}
	g := New(cfg)
	if err := g.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return rig{g, e, stop}
}

// must registers and returns the bindings as text.
func (g rig) must(t *testing.T, r Request) string {
	t.Helper()
	list, err := g.Register(r)
	if err != nil {
		t.Fatalf("Register: %v", err)
	}
	return show(time.Now(), list)
}

func (g rig) heard(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := g.ear.take(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

const (
	uriA = "sip:1000@192.0.2.1"
	uriB = "sip:1000@192.0.2.2"
)

func TestBindingsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil, Policy{})
		g.must(t, reg("a", 1, lasting(uriA, 10*time.Minute)))
		g.must(t, reg("b", 1, lasting(uriB, 5*time.Minute)))
		g.heard(t, "added "+uriA, "added "+uriB)

		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		if n := len(g.Contacts(alice)); n != 2 {
			t.Fatalf("%d contacts a second before, want 2", n)
		}
		time.Sleep(time.Second)
		g.heard(t, "expired "+uriB+" timeout")
		if c := g.Contacts(alice); len(c) != 1 || c[0].URI != uriA {
			t.Fatalf("contacts %v, want only %s", c, uriA)
		}
		g.must(t, reg("a", 2, lasting(uriA, 10*time.Minute)))
		g.heard(t, "refreshed "+uriA)
		time.Sleep(10*time.Minute - time.Second)
		g.heard(t)
		time.Sleep(time.Second)
		g.heard(t, "expired "+uriA+" timeout")
		if aors, bindings := g.Len(); aors != 0 || bindings != 0 {
			t.Errorf("%d AORs with %d bindings left, want none", aors, bindings)
		}
		if s := g.Stats(); s.Added.Load() != 2 || s.Refreshed.Load() != 1 || s.Expired.Load() != 2 {
			t.Errorf("stats added %d, refreshed %d, expired %d", s.Added.Load(), s.Refreshed.Load(), s.Expired.Load())
		}
	})
}

func TestManyBindingsExpireEachInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil, Policy{MinExpires: time.Second})
		began := time.Now()
		lifetime := func(i int) time.Duration { return time.Duration(1+(i*7919)%1000) * time.Second }
		for i := range 1000 {
			r := reg("c", 1, lasting(fmt.Sprintf("sip:u@192.0.2.%d:%d", i%250, i), lifetime(i)))
			r.AOR.User = fmt.Sprint(i / 3)
			r.CallID = fmt.Sprint(i)
			g.must(t, r)
		}
		synctest.Wait()
		g.ear.take()
		for range 1000 {
			time.Sleep(time.Second)
			synctest.Wait()
			age, want := time.Since(began), 0
			for i := range 1000 {
				if lifetime(i) > age {
					want++
				}
			}
			if _, n := g.Len(); n != want {
				t.Fatalf("after %v %d bindings, want %d", age, n, want)
			}
		}
		if n := len(g.ear.take()); n != 1000 {
			t.Errorf("%d expired events, want 1000", n)
		}
	})
}

func TestRegisterAfterTheEndReportsIt(t *testing.T) {
	// Without Run: nobody has cleaned up when the next REGISTER comes.
	synctest.Test(t, func(t *testing.T) {
		e := &ear{}
		g := rig{Registrar: New(Config{Events: e, Dial: func(Binding) string { return "" }}), ear: e}
		g.must(t, reg("a", 1, lasting(uriA, time.Minute)))
		time.Sleep(2 * time.Minute)
		if c := g.Contacts(alice); len(c) != 0 {
			t.Errorf("contacts %v, want none", c)
		}
		if c := g.AllContacts(); len(c) != 0 {
			t.Errorf("all contacts %v, want none", c)
		}
		if got := g.must(t, reg("a", 1)); got != "" {
			t.Errorf("fetch gave %q", got)
		}
		g.must(t, reg("a", 1, at(uriB)))
		g.heard(t, "added "+uriA, "expired "+uriA+" timeout", "added "+uriB)
	})
}

func TestRejectedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil, Policy{})
		if _, err := g.Register(reg("a", 1, lasting(uriA, time.Second))); err == nil {
			t.Fatal("a second is not too brief")
		}
		g.Reject(reg("a", 2), "wrong password")
		g.heard(t, "rejected registrar: 423 Interval Too Brief: asked for 1s, at least 30s", "rejected wrong password")
		if n := g.Stats().Rejected.Load(); n != 2 {
			t.Errorf("%d rejected, want 2", n)
		}
	})
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		g := start(t, d, Policy{})
		g.must(t, reg("a", 1, at(uriA), at(uriB), at("sip:1000@192.0.2.3")))
		g.heard(t, "added "+uriA, "added "+uriB, "added sip:1000@192.0.2.3")
		if n := g.Remove(alice, uriB); n != 1 {
			t.Errorf("removed %d, want 1", n)
		}
		if n := g.Remove(alice, "sip:other@192.0.2.9"); n != 0 {
			t.Errorf("removed %d, want 0", n)
		}
		g.heard(t, "expired "+uriB+" removed")
		if n := g.Remove(core.AOR{User: "1000", Domain: "PBX.example"}, ""); n != 2 {
			t.Errorf("removed %d, want 2", n)
		}
		g.heard(t, "expired "+uriA+" removed", "expired sip:1000@192.0.2.3 removed")
		time.Sleep(saveGather)
		synctest.Wait()
		if _, all := d.show(); all != "" {
			t.Errorf("saved %q, want nothing", all)
		}
	})
}

func TestLimitOfAORs(t *testing.T) {
	g := New(Config{Policy: Policy{MaxAORs: 2}, Dial: func(Binding) string { return "" }})
	for i, want := range []int{0, 0, 503} {
		r := reg("c", 1, at(uriA))
		r.AOR.User = fmt.Sprint(i)
		_, err := g.Register(r)
		got := 0
		if e, ok := errors.AsType[*Error](err); ok {
			got = e.Status
		}
		if got != want {
			t.Errorf("user %d: %v, want status %d", i, err, want)
		}
	}
	if _, err := g.Register(Request{AOR: core.AOR{User: "0", Domain: alice.Domain}, CallID: "c", CSeq: 2, Contacts: []Contact{at(uriA)}, Expires: Unsaid}); err != nil {
		t.Errorf("refresh at the limit: %v", err)
	}
}

func TestContacts(t *testing.T) {
	g := New(Config{Dial: func(b Binding) string { return "sofia/" + b.Profile + "/" + b.URI }})
	for i, user := range []string{"1001", "1000", "1000"} {
		_, err := g.Register(Request{
			AOR: core.AOR{User: user, Domain: "PBX.example"}, CallID: fmt.Sprint(i), CSeq: 1, Expires: Unsaid,
			Contacts: []Contact{preferred(fmt.Sprintf("sip:%s@192.0.2.%d", user, i), float64(i)/4)},
			Profile:  "internal", Transport: "tcp", Received: "198.51.100.7:1024", UserAgent: "Phone/1", Path: []string{"<sip:edge;lr>"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	c := g.Contacts(core.AOR{User: "1000", Domain: "pbx.EXAMPLE"})
	if len(c) != 2 || c[0].URI != "sip:1000@192.0.2.2" || c[0].Dial != "sofia/internal/sip:1000@192.0.2.2" || c[0].Q != 0.5 ||
		c[0].AOR != alice || c[0].Transport != "tcp" || c[0].Received != "198.51.100.7:1024" || c[0].UserAgent != "Phone/1" || c[0].CallID != "2" {
		t.Errorf("contacts %+v", c)
	}
	c[0].Path[0] = "changed"
	if again := g.Contacts(alice); again[0].Path[0] != "<sip:edge;lr>" {
		t.Error("a reader can change the registrar's path")
	}
	list, err := g.Register(reg("x", 1))
	if err != nil {
		t.Fatal(err)
	}
	list[0].URI = "changed"
	if again := g.Contacts(alice); again[0].URI == "changed" {
		t.Error("a reader can change the registrar's bindings")
	}
	var users []string
	for _, c := range g.AllContacts() {
		users = append(users, c.AOR.User)
	}
	if want := []string{"1000", "1000", "1001"}; !slices.Equal(users, want) {
		t.Errorf("all contacts of %v, want %v", users, want)
	}
	if c := g.Contacts(core.AOR{User: "nobody"}); len(c) != 0 {
		t.Errorf("contacts of nobody: %v", c)
	}
}

func TestBindingsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		g := start(t, d, Policy{})
		g.must(t, reg("a", 7, lasting(uriA, 10*time.Minute)))
		g.must(t, reg("b", 1, lasting(uriB, time.Minute)))
		time.Sleep(30 * time.Second)
		g.stop()
		if _, all := d.show(); all != uriA+" "+uriB {
			t.Fatalf("saved %q", all)
		}

		time.Sleep(2 * time.Minute) // one of them ends while we are down
		g = start(t, d, Policy{})
		if got, want := g.must(t, reg("x", 1)), uriA+"=450"; got != want {
			t.Errorf("after the restart %q, want %q", got, want)
		}
		synctest.Wait()
		if _, all := d.show(); all != uriA {
			t.Errorf("saved %q, want the ended one removed", all)
		}
		if _, err := g.Register(reg("a", 7, at(uriA))); err == nil {
			t.Error("the order of CSeq was forgotten over the restart")
		}
		g.ear.take()
		time.Sleep(450 * time.Second)
		g.heard(t, "expired "+uriA+" timeout")
		time.Sleep(saveGather)
		synctest.Wait()
		if _, all := d.show(); all != "" {
			t.Errorf("saved %q, want nothing", all)
		}
	})
}

func TestLoadReportsTrouble(t *testing.T) {
	d := newDisk()
	d.fail = errors.New("disk on fire")
	if err := New(Config{Storage: d}).Load(t.Context()); !errors.Is(err, d.fail) {
		t.Errorf("Load: %v, want %v", err, d.fail)
	}
}

func TestSavingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		g := start(t, d, Policy{})
		d.setFail(errors.New("disk full"))
		g.must(t, reg("a", 1, at(uriA)))
		time.Sleep(10 * time.Second) // tries at 0, 1, 3, 7 s
		g.must(t, reg("b", 1, at(uriB)))
		synctest.Wait()
		if saves, all := d.show(); saves != 4 || all != "" {
			t.Errorf("%d tries, saved %q, want 4 and nothing", saves, all)
		}
		d.setFail(nil)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if saves, all := d.show(); saves != 5 || all != uriA+" "+uriB {
			t.Errorf("%d tries, saved %q, want 5 and both", saves, all)
		}
		if n := g.Stats().SaveErrors.Load(); n != 4 {
			t.Errorf("%d errors counted, want 4", n)
		}
	})
}

func TestASlowDiskHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.slow = 2 * time.Second
		g := start(t, d, Policy{})
		began := time.Now()
		for i := range 1200 {
			r := reg("c", 1, at(fmt.Sprintf("sip:x@192.0.2.1:%d", i)))
			r.AOR.User = fmt.Sprint(i)
			g.must(t, r)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("registering took %v", d)
		}
		g.stop() // saves the rest: within flushTimeout
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.aors) != 1200 || d.saves > 4 {
			t.Errorf("%d AORs in %d saves, want 1200 in at most 4", len(d.aors), d.saves)
		}
	})
}

func TestTheEndDoesNotWaitForABrokenDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		g := start(t, d, Policy{})
		d.setFail(errors.New("gone"))
		g.must(t, reg("a", 1, at(uriA)))
		synctest.Wait()
		began := time.Now()
		g.stop()
		if took := time.Since(began); took > flushTimeout {
			t.Errorf("Run returned after %v", took)
		}
	})
}

func TestSetPolicy(t *testing.T) {
	g := New(Config{Dial: func(Binding) string { return "" }})
	g.SetPolicy(Policy{MinExpires: 10 * time.Minute})
	if _, err := g.Register(reg("a", 1, lasting(uriA, time.Minute))); err == nil {
		t.Error("the new minimum does not count")
	}
}

// Everything at once from many goroutines, for the race detector; whatever
// happens, table, heap and total have to agree.
func TestTablesAgreeUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, newDisk(), Policy{MinExpires: time.Second})
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 200 {
					r := reg(fmt.Sprint("c", w), uint32(i+1), lasting(fmt.Sprintf("sip:x@192.0.2.%d:%d", w, i%3), time.Duration(i%7)*time.Second))
					r.AOR.User = fmt.Sprint(i % 5)
					g.Register(r) // some are too brief, some out of order
					g.Contacts(r.AOR)
					if i%50 == 0 {
						g.AllContacts()
						g.Remove(r.AOR, "")
						time.Sleep(time.Second)
					}
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		g.mu.Lock()
		defer g.mu.Unlock()
		total := 0
		for aor, l := range g.aors {
			total += len(l.bindings)
			if len(l.bindings) == 0 || g.due[l.index] != l || l.next != earliest(l.bindings) || l.aor != aor {
				t.Errorf("location %v is inconsistent", aor)
			}
		}
		if total != g.total || len(g.due) != len(g.aors) {
			t.Errorf("total %d, counted %d; %d in the heap, %d in the table: %v", g.total, total, len(g.due), len(g.aors), slices.Collect(maps.Keys(g.aors)))
		}
	})
}
