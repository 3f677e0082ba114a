// Package endpointtest is the conformance suite that every endpoint must pass:
// what a session may rely on, whatever the protocol. It is used by tests only,
// and runs each case in a bubble of virtual time.
package endpointtest

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// Fixture is an endpoint with a far end that does as it is told.
type Fixture struct {
	Endpoint core.Endpoint
	// Target is called, and neither answers nor refuses by itself.
	Target string
	// Bad are targets that Prepare refuses.
	Bad []string
	// Offer is a description that the far end can answer.
	Offer *media.Description
	// Answer, HangUp and Refuse are what the far end of the leg that was placed
	// last does; a nil one skips its cases.
	Answer, HangUp, Refuse func()
	// Held counts what a leg holds at its endpoint (transactions, streams,
	// sessions of the far half); it is 0 when nothing is left.
	Held func() int
	// Settle lets everything happen that is due; synctest.Wait if nil.
	Settle func()
	// Close ends the fixture.
	Close func()
}

func (f *Fixture) settle() {
	if f.Settle != nil {
		f.Settle()
		return
	}
	synctest.Wait()
}

// Run runs the suite. setup is called in the bubble of each case.
func Run(t *testing.T, setup func(t *testing.T) *Fixture) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f *Fixture)
	}{
		{"prefix", prefix},
		{"refusal without a trace", refusal},
		{"events begin after Place", begins},
		{"release while calling", release(nil)},
		{"release when answered", release(func(f *Fixture) func() { return f.Answer })},
		{"release after the far end's hangup", release(func(f *Fixture) func() { return f.HangUp })},
		{"release after a refusal", release(func(f *Fixture) func() { return f.Refuse })},
		{"silence after Released", silence},
		{"one outcome per offer", offer},
		{"snapshots", snapshots},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := setup(t)
				if f.Close != nil {
					defer f.Close()
				}
				c.run(t, f)
			})
		})
	}
}

// call is a leg that was placed, with what it said.
type call struct {
	leg    core.Leg
	stream media.Stream // of a placement that brings one

	mu     sync.Mutex
	events []core.Event
}

// Post implements core.Inbox.
func (c *call) Post(ev core.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, ev)
}

func (c *call) all() []core.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]core.Event(nil), c.events...)
}

func place(t *testing.T, f *Fixture) *call {
	t.Helper()
	out := core.Outgoing{ChannelID: core.NewChannelID(), CallID: "call", Target: f.Target, Profile: core.CallerProfile{CallerIDNumber: "1000"}}
	p, err := f.Endpoint.Prepare(out)
	if err != nil {
		t.Fatalf("Prepare(%q) = %v", f.Target, err)
	}
	if p.Name == "" {
		t.Error("Prepare gave the channel no name")
	}
	c := &call{stream: p.Local.Ready}
	if c.leg, err = f.Endpoint.Place(out, p, f.Offer, c); err != nil {
		t.Fatalf("Place(%q) = %v", f.Target, err)
	}
	f.settle()
	return c
}

// done closes what the session would.
func (c *call) done(t *testing.T, f *Fixture) {
	t.Helper()
	if c.stream != nil {
		c.stream.Close()
	}
	f.settle()
	if n := f.Held(); n != 0 {
		t.Errorf("%d things are held after the leg was released", n)
	}
}

func count[E core.Event](events []core.Event) int {
	n := 0
	for _, ev := range events {
		if _, ok := ev.(E); ok {
			n++
		}
	}
	return n
}

// prefix: what stands before the slash of a dial string is one word.
func prefix(t *testing.T, f *Fixture) {
	if p := f.Endpoint.Prefix(); p == "" || strings.ContainsAny(p, "/,|{}[]<> ") {
		t.Errorf("prefix %q", p)
	}
}

// refusal: Prepare refuses with a cause and leaves nothing behind.
func refusal(t *testing.T, f *Fixture) {
	if len(f.Bad) == 0 {
		t.Error("the fixture names no bad target")
	}
	for _, target := range f.Bad {
		_, err := f.Endpoint.Prepare(core.Outgoing{ChannelID: core.NewChannelID(), Target: target})
		ce, ok := errors.AsType[*core.CauseError](err)
		if !ok || ce.Cause == core.CauseNone {
			t.Errorf("Prepare(%q) = %v, want a cause", target, err)
		}
		f.settle()
		if n := f.Held(); n != 0 {
			t.Errorf("Prepare(%q) left %d things", target, n)
		}
	}
}

// begins: no end is told before anybody asked for one.
func begins(t *testing.T, f *Fixture) {
	c := place(t, f)
	if n := count[core.Released](c.all()); n != 0 {
		t.Error("Released without Release")
	}
	if f.Answer != nil {
		f.Answer()
		f.settle()
		if n := count[core.Answered](c.all()); n != 1 {
			t.Errorf("the far end answered, and %d Answered came", n)
		}
	}
	if f.HangUp != nil {
		f.HangUp()
		f.settle()
		if n := count[core.FarHangup](c.all()); n != 1 {
			t.Errorf("the far end hung up, and %d FarHangup came", n)
		}
		if n := count[core.Released](c.all()); n != 0 {
			t.Error("Released without Release")
		}
	}
	c.leg.Release(core.Release{Cause: core.CauseNormalClearing})
	f.settle()
	c.done(t, f)
}

// release: in every state, and twice; exactly one Released comes, the last word.
func release(before func(*Fixture) func()) func(t *testing.T, f *Fixture) {
	return func(t *testing.T, f *Fixture) {
		c := place(t, f)
		if before != nil {
			do := before(f)
			if do == nil {
				t.Skip("the far end cannot do that")
			}
			do()
			f.settle()
		}
		c.leg.Release(core.Release{Cause: core.CauseNormalClearing})
		c.leg.Release(core.Release{Cause: core.CauseUserBusy, SIPStatus: 486})
		f.settle()
		c.leg.Release(core.Release{Cause: core.CauseNormalClearing})
		f.settle()
		events := c.all()
		if n := count[core.Released](events); n != 1 {
			t.Fatalf("%d Released, want 1: %T", n, events)
		}
		if _, last := events[len(events)-1].(core.Released); !last {
			t.Errorf("%T came after Released", events[len(events)-1])
		}
		c.done(t, f)
	}
}

// silence: a released leg takes every call and says nothing.
func silence(t *testing.T, f *Fixture) {
	c := place(t, f)
	c.leg.Release(core.Release{Cause: core.CauseLoseRace, Elsewhere: true})
	f.settle()
	before := len(c.all())
	c.leg.Ring()
	c.leg.Progress(f.Offer)
	c.leg.Answer(f.Offer)
	c.leg.Offer(f.Offer)
	c.leg.Reply(f.Offer, core.CauseNone)
	c.leg.Reply(nil, core.CauseIncompatibleDestination)
	if d, ok := c.leg.(core.DTMFSender); ok {
		d.SendDTMF('5', 0)
	}
	if r, ok := c.leg.(core.Redirector); ok {
		r.Redirect([]string{"sip:x@example.com"})
	}
	if f.Answer != nil {
		f.Answer() // too late
	}
	if f.HangUp != nil {
		f.HangUp()
	}
	f.settle()
	if got := c.all(); len(got) != before {
		t.Errorf("after Released came %T", got[before:])
	}
	c.done(t, f)
}

// offer: each Offer in a call that is up has exactly one outcome.
func offer(t *testing.T, f *Fixture) {
	if f.Answer == nil {
		t.Skip("the far end cannot answer")
	}
	c := place(t, f)
	f.Answer()
	f.settle()
	for n := 1; n <= 2; n++ {
		c.leg.Offer(f.Offer)
		f.settle()
		events := c.all()
		if got := count[core.OfferAnswered](events) + count[core.OfferRejected](events); got != n {
			t.Fatalf("%d outcomes of %d offers", got, n)
		}
	}
	c.leg.Release(core.Release{Cause: core.CauseNormalClearing})
	f.settle()
	c.done(t, f)
}

// snapshots: a plain value in every state, the same after JSON.
func snapshots(t *testing.T, f *Fixture) {
	c := place(t, f)
	check := func(when string) {
		t.Helper()
		st := c.leg.Snapshot()
		if st.Version == 0 || st.Endpoint == "" || st.State == "" {
			t.Errorf("%s: snapshot %+v", when, st)
		}
		text, err := json.Marshal(st)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		var back core.LegState
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if !reflect.DeepEqual(st, back) {
			t.Errorf("%s: changed on its way: %+v, was %+v", when, back, st)
		}
	}
	check("calling")
	if f.Answer != nil {
		f.Answer()
		f.settle()
		check("answered")
	}
	c.leg.Release(core.Release{Cause: core.CauseNormalClearing})
	check("releasing")
	f.settle()
	check("released")
	c.done(t, f)
}
