//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/test/load/floor"
	"github.com/tandemswitch/tandem/test/load/flow"
	"github.com/tandemswitch/tandem/test/load/phone"
	"github.com/tandemswitch/tandem/test/load/process"
)

func orderedRows(chosen []string) []string {
	var rows []string
	for name := range strings.SplitSeq(rowNames, ",") {
		if slices.Contains(chosen, name) {
			rows = append(rows, name)
		}
	}
	return rows
}

const (
	// settle is the time between setting calls up and measuring: recordings are opened,
	// buffers have grown, and the collector has seen it.
	settle = 2 * time.Second
	// flight is more than a packet or a message needs that is on its way.
	flight = 300 * time.Millisecond
)

// start measures a switch that has nothing to do.
func (b *bench) start(ctx context.Context) error {
	r := Result{Row: "start", Subject: "switch"}
	s, err := b.begin(b.tandem.Process, "start")
	if err != nil {
		return err
	}
	if err := b.wait(ctx, min(b.opt.length, 5*time.Second)); err != nil {
		return err
	}
	ready := ms(b.tandem.started)
	r.Start = &ready
	rss, err := b.tandem.RSSBytes()
	r.RSS = rss
	return errors.Join(err, s.end(&r), b.add(r))
}

// register measures REGISTERs, each of them challenged.
func (b *bench) register(ctx context.Context) error {
	const users, perSecond = 10, 500
	r := Result{Row: "register", Subject: "switch", Calls: b.opt.regs, Rate: perSecond}
	s, err := b.begin(b.tandem.Process, "register")
	if err != nil {
		return err
	}
	var t tally
	late, err := b.pace(ctx, b.opt.regs, perSecond, func(i int) {
		b.quietCallers.Register(fmt.Sprint(1000+i%users), func(o phone.Outcome) {
			if o.OK() {
				t.answered(o)
			}
			t.ended(o)
		})
	})
	if err != nil {
		return err
	}
	if err := b.await(ctx, 30*time.Second, "every REGISTER answered", func() bool { _, done := t.counts(); return done == b.opt.regs }); err != nil {
		return err
	}
	if err := s.end(&r); err != nil {
		return err
	}
	t.into(&r)
	r.perCall(b.opt.regs)
	r.punctual(late)
	return b.add(r)
}

// punctual says whether calls were begun in time.
func (r *Result) punctual(late *flow.Histogram) {
	r.Generator.LateP99 = ms(late.Quantile(.99))
	if late.Quantile(.99) > 4*lateLimit {
		r.Generator.Saturated = fmt.Sprintf("calls begun %.0f ms late", r.Generator.LateP99)
	}
}

// many is a row of calls that are all up at the same time.
type many struct {
	row     string
	calls   int
	callee  string
	callees *phone.Agent // nil if the switch itself answers
	silent  bool         // phones send nothing
	memory  bool         // tell the memory of a call
	floor   floor.Mode   // measure this floor before
	oneWay  bool         // what is sent does not come back
}

func (b *bench) idle(ctx context.Context) error {
	return b.many(ctx, many{row: "idle", calls: b.opt.idle, callee: callee, callees: b.callees, silent: true, memory: true})
}

func (b *bench) relays(ctx context.Context) error {
	for _, n := range b.opt.relay {
		if err := b.many(ctx, many{row: "relay", calls: n, callee: callee, callees: b.callees, floor: floor.Relay}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) alaw(ctx context.Context) error {
	return b.many(ctx, many{row: "alaw", calls: b.opt.calls, callee: alawCallee, callees: b.alawCallees})
}

func (b *bench) echo(ctx context.Context) error {
	return b.many(ctx, many{row: "echo", calls: b.opt.calls, callee: "9196"})
}

func (b *bench) play(ctx context.Context) error {
	return b.many(ctx, many{row: "play", calls: b.opt.calls, callee: "9664", silent: true, floor: floor.Play})
}

func (b *bench) record(ctx context.Context) error {
	return b.many(ctx, many{row: "record", calls: b.opt.calls, callee: recordNumber, oneWay: true, floor: floor.Record})
}

// many sets calls up, measures while they are up, and ends them.
func (b *bench) many(ctx context.Context, m many) error {
	if m.floor != "" && !b.opt.noFloor {
		if err := b.floor(ctx, m); err != nil {
			return fmt.Errorf("floor: %w", err)
		}
	}
	r := Result{Row: m.row, Subject: "switch", Calls: m.calls}
	before, err := b.tandem.RSSBytes()
	if err != nil {
		return err
	}
	b.media.Silence(m.silent)
	b.forget()
	var t tally
	_, err = b.pace(ctx, m.calls, b.opt.fill, func(int) {
		b.callers.Place(phone.Call{From: caller, To: m.callee, Up: t.answered, Done: t.ended})
	})
	if err != nil {
		return err
	}
	if err := b.await(ctx, 30*time.Second, "every call answered", func() bool { up, done := t.counts(); return up+done >= m.calls }); err != nil {
		return err
	}
	up, early := t.counts()
	if up == 0 {
		return fmt.Errorf("no call came about: %v", t.failures)
	}
	if err := b.wait(ctx, settle); err != nil {
		return err
	}
	if err := b.window(ctx, b.tandem.Process, fmt.Sprintf("%s-%d", m.row, m.calls), &r, up-early, m.oneWay); err != nil {
		return err
	}
	if r.RSS, err = b.tandem.RSSBytes(); err != nil {
		return err
	}
	if m.memory {
		kB := float64(r.RSS-before) / 1024 / float64(up)
		r.PerCallKB = &kB
	}
	b.callers.HangupAll(100)
	if err := b.await(ctx, time.Duration(m.calls)*time.Second/100+30*time.Second, "every call over", func() bool { _, done := t.counts(); return done >= m.calls }); err != nil {
		return err
	}
	if err := b.wait(ctx, time.Second); err != nil { // far ends and records
		return err
	}
	t.into(&r)
	if m.callees != nil {
		r.Failed += int(m.callees.Figures().Broken)
	}
	return b.add(r)
}

// forget empties the agents' figures.
func (b *bench) forget() {
	for _, a := range b.agents() {
		a.Figures()
	}
}

// window measures a process while calls are up.
func (b *bench) window(ctx context.Context, p *process.Process, name string, r *Result, calls int, oneWay bool) error {
	s, err := b.begin(p, name)
	if err != nil {
		return err
	}
	b.media.Begin()
	if err := b.wait(ctx, b.opt.length); err != nil {
		return err
	}
	b.media.End()
	if err := s.end(r); err != nil {
		return err
	}
	if err := b.wait(ctx, flight); err != nil {
		return err
	}
	f := b.media.Figures()
	if oneWay {
		f.Received = 0
	}
	r.perCallSecond(calls)
	r.sound(&f)
	return nil
}

// floor measures the least that a row can cost, with the same legs.
func (b *bench) floor(ctx context.Context, m many) error {
	n := m.calls
	if m.floor == floor.Relay {
		n *= 2
	}
	legs := b.media.Legs()[:n]
	remotes := make([]netip.AddrPort, len(legs))
	for i, l := range legs {
		remotes[i] = l.Addr()
	}
	child, local, err := startFloor(m.floor, b.floorAt, remotes)
	if err != nil {
		return err
	}
	defer func() { _ = child.Stop() }()
	b.media.Silence(m.silent)
	for i, l := range legs {
		if err := l.Aim(local[i], pcmu); err != nil {
			return err
		}
		defer l.Rest()
	}
	if err := b.wait(ctx, settle); err != nil {
		return err
	}
	r := Result{Row: m.row, Subject: "floor", Calls: m.calls}
	if err := b.window(ctx, child, "", &r, m.calls, m.oneWay); err != nil {
		return err
	}
	return b.add(r)
}

// ladder measures calls without sound at growing rates, until the switch fails.
func (b *bench) ladder(ctx context.Context) error {
	for _, rate := range b.opt.rates {
		share, err := b.setups(ctx, rate)
		if err != nil {
			return fmt.Errorf("%d calls per second: %w", rate, err)
		}
		if share > 0.05 {
			return nil // faster is no use
		}
	}
	return nil
}

// setups measures one rate and returns the share of calls that failed.
func (b *bench) setups(ctx context.Context, rate int) (failed float64, err error) {
	n := max(int(b.opt.length.Seconds()*float64(rate)), 1)
	r := Result{Row: "setup", Subject: "switch", Calls: n, Rate: rate}
	b.forget()
	s, err := b.begin(b.tandem.Process, fmt.Sprintf("setup-%d", rate))
	if err != nil {
		return 0, err
	}
	var t tally
	late, err := b.pace(ctx, n, rate, func(int) {
		b.quietCallers.Place(phone.Call{From: quietCaller, To: quietCallee, Hold: b.opt.hold, Up: t.answered, Done: t.ended})
	})
	if err != nil {
		return 0, err
	}
	if err := b.await(ctx, time.Minute, "every call over", func() bool { _, done := t.counts(); return done >= n }); err != nil {
		return 0, err
	}
	if err := b.wait(ctx, time.Second); err != nil { // records are a part of a call
		return 0, err
	}
	if err := s.end(&r); err != nil {
		return 0, err
	}
	t.into(&r)
	r.perCall(n)
	r.punctual(late)
	ours, theirs := b.quietCallers.Figures(), b.quietCallees.Figures()
	if lag := max(ours.Lag, theirs.Lag); lag > 10*lateLimit && r.Generator.Saturated == "" {
		r.Generator.Saturated = fmt.Sprintf("messages waited %.0f ms for the phones", ms(lag))
	}
	r.Failed += int(theirs.Broken)
	r.Repeats += theirs.Retransmits
	r.RSS, err = b.tandem.RSSBytes()
	return float64(r.Failed) / float64(n), errors.Join(err, b.add(r))
}
