package transaction

import (
	"testing"
	"time"
)

// reachable lists the states each machine has in its figure.
var reachable = map[Kind][]State{
	InviteClient:    {Calling, Proceeding, Completed, Accepted, Terminated},
	NonInviteClient: {Trying, Proceeding, Completed, Terminated},
	InviteServer:    {Proceeding, Completed, Accepted, Confirmed, Terminated},
	NonInviteServer: {Trying, Proceeding, Completed, Terminated},
}

// TestStepEveryPair walks the square of every machine: nothing leaves the
// figure's states, Terminated is the end, and ignored events change nothing.
func TestStepEveryPair(t *testing.T) {
	for kind := range kinds {
		in := map[State]bool{}
		for _, s := range reachable[kind] {
			in[s] = true
		}
		for state := range states {
			for ev := range events {
				for _, reliable := range []bool{false, true} {
					m := machine{kind: kind, state: state, reliable: reliable, interval: time.Second}
					p := m.step(ev, DefaultTimers())
					_, decided := table[kind][state][ev]
					switch {
					case decided && !in[state]:
						t.Errorf("%v has a rule for %v in %v, which is not in its figure", kind, ev, state)
					case decided && !in[m.state]:
						t.Errorf("%v: %v in %v leads to %v", kind, ev, state, m.state)
					case !decided && (m.state != state || p != plan{}):
						t.Errorf("%v: ignored %v in %v changes something: %+v", kind, ev, state, p)
					case reliable && p.retransmit > 0 && ev != Retransmit:
						t.Errorf("%v: %v in %v starts a retransmission on a reliable transport", kind, ev, state)
					}
				}
			}
		}
		if len(table[kind][Terminated]) > 0 {
			t.Errorf("%v does something in Terminated", kind)
		}
	}
}

func TestRetransmissionIntervals(t *testing.T) {
	timers := DefaultTimers()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, c := range []struct {
		name  string
		kind  Kind
		begin func(m *machine)
		want  []time.Duration
	}{
		// Timer A doubles without end (RFC 3261 §17.1.1.2).
		{"INVITE", InviteClient, nil, []time.Duration{ms(1000), ms(2000), ms(4000), ms(8000), ms(16000)}},
		// Timer E stops at T2 (RFC 3261 §17.1.2.2).
		{"BYE", NonInviteClient, nil, []time.Duration{ms(1000), ms(2000), ms(4000), ms(4000)}},
		{"BYE proceeding", NonInviteClient, func(m *machine) { m.step(Provisional, timers) }, []time.Duration{ms(4000), ms(4000)}},
		// Timer G stops at T2 (RFC 3261 §17.2.1).
		{"486", InviteServer, func(m *machine) { m.step(Failure, timers) }, []time.Duration{ms(1000), ms(2000), ms(4000), ms(4000)}},
	} {
		m, _ := begin(c.kind, false, timers)
		if c.begin != nil {
			c.begin(&m)
		}
		for i, want := range c.want {
			if got := m.step(Retransmit, timers).retransmit; got != want {
				t.Errorf("%s: interval %d = %v, want %v", c.name, i+2, got, want)
			}
		}
	}
}

// FuzzStep wants that no order of events revives a terminated transaction.
func FuzzStep(f *testing.F) {
	f.Add(uint8(0), true, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, kind uint8, reliable bool, evs []byte) {
		m, _ := begin(Kind(kind%uint8(kinds)), reliable, DefaultTimers())
		over := false
		for _, ev := range evs {
			p := m.step(Event(ev%uint8(events)), DefaultTimers())
			if over && (p != plan{} || m.state != Terminated) {
				t.Fatalf("%v does %+v in %v after its end", m.kind, p, m.state)
			}
			over = m.state == Terminated
		}
	})
}
