package channel

import (
	"errors"
	"slices"
	"testing"

	"github.com/tandemswitch/tandem/core"
)

// step applies events and returns all actions; it fails on a refused event.
func step(t *testing.T, c *Channel, evs ...Event) []Action {
	t.Helper()
	var all []Action
	for _, ev := range evs {
		as, err := c.Step(ev, core.CauseUserBusy, core.ByCaller)
		if err != nil {
			t.Fatalf("Step(%s): %v", ev, err)
		}
		all = append(all, as...)
	}
	return all
}

func TestInboundLife(t *testing.T) {
	var c Channel
	got := step(t, &c, Start, Route, Found, Joined, Split, Done, AppEnded, Released, Reported)
	want := []Action{Hunt, RunSteps, CancelApp, ReleaseLeg, Report, Destroy}
	if !slices.Equal(got, want) {
		t.Errorf("actions = %v, want %v", got, want)
	}
	if cause, _ := c.Cause(); cause != core.CauseNormalClearing {
		t.Errorf("cause = %s, want NORMAL_CLEARING", cause)
	}
	if c.State() != core.StateDestroyed {
		t.Errorf("state = %s, want destroyed", c.State())
	}
}

func TestHangupWaitsForAppAndLeg(t *testing.T) {
	for _, order := range [][]Event{{AppEnded, Released}, {Released, AppEnded}} {
		var c Channel
		step(t, &c, Start, Route, Found)
		if got := step(t, &c, Hangup); !slices.Equal(got, []Action{CancelApp, ReleaseLeg}) {
			t.Fatalf("hangup actions = %v", got)
		}
		if got := step(t, &c, order[0]); len(got) != 0 {
			t.Fatalf("%s alone gave %v", order[0], got)
		}
		if got := step(t, &c, order[1]); !slices.Equal(got, []Action{Report}) {
			t.Fatalf("order %v: last actions = %v", order, got)
		}
	}
}

func TestHangupInBridgeLeavesIt(t *testing.T) {
	var c Channel
	step(t, &c, Start, Wait, Joined)
	if got := step(t, &c, Hangup); !slices.Equal(got, []Action{LeaveBridge, ReleaseLeg}) {
		t.Errorf("actions = %v", got)
	}
}

func TestTransferCancelsTheRunningApp(t *testing.T) {
	var c Channel
	step(t, &c, Start, Route, Found)
	if got := step(t, &c, Route); !slices.Equal(got, []Action{CancelApp, Hunt}) {
		t.Errorf("actions = %v", got)
	}
}

// TestADyingHuntWaitsForTheApplicationBeforeIt: after a transfer the hunt may
// find nothing while the old application has not returned yet.
func TestADyingHuntWaitsForTheApplicationBeforeIt(t *testing.T) {
	var c Channel
	step(t, &c, Start, Route, Found, Route, NotFound, Released)
	if c.State() != core.StateHangup {
		t.Fatalf("state %s, want hangup: an application is out", c.State())
	}
	step(t, &c, AppEnded)
	if c.State() != core.StateReporting {
		t.Errorf("state %s, want reporting", c.State())
	}
}

// TestAChannelWithoutAnApplicationEnds: a runner that ends without a word
// leaves nobody who would hang up.
func TestAChannelWithoutAnApplicationEnds(t *testing.T) {
	for _, path := range [][]Event{{Start, Route}, {Start, Route, Found}} {
		var c Channel
		step(t, &c, path...)
		step(t, &c, AppEnded)
		if c.State() != core.StateHangup {
			t.Errorf("%v: state %s, want hangup", path, c.State())
		}
	}
}

func TestOnlyTheFirstCauseCounts(t *testing.T) {
	var c Channel
	_, _ = c.Step(Start, 0, "")
	_, _ = c.Step(Hangup, core.CauseUserBusy, core.ByCallee)
	_, _ = c.Step(Hangup, core.CauseNormalClearing, core.ByCaller)
	if cause, by := c.Cause(); cause != core.CauseUserBusy || by != core.ByCallee {
		t.Errorf("cause = %s by %s", cause, by)
	}
}

// TestStepEveryPair walks the square: every (state, event) pair is either
// taken or refused with a *TransitionError, and from Hangup on nothing is
// refused (design rules S2, S3).
func TestStepEveryPair(t *testing.T) {
	reach := map[core.State][]Event{
		core.StateNew: {}, core.StateInit: {Start}, core.StateWaiting: {Start, Wait}, core.StateRouting: {Start, Route},
		core.StateExecute: {Start, Route, Found}, core.StateBridged: {Start, Wait, Joined}, core.StateParked: {Start, Wait, Park},
		core.StateHangup: {Start, Route, Hangup}, core.StateReporting: {Start, Hangup, Released}, core.StateDestroyed: {Start, Hangup, Released, Reported},
	}
	for state, path := range reach {
		for _, ev := range Events() {
			var c Channel
			step(t, &c, path...)
			if c.State() != state {
				t.Fatalf("path %v leads to %s, want %s", path, c.State(), state)
			}
			_, err := c.Step(ev, core.CauseUserBusy, core.ByCaller)
			var te *TransitionError
			switch {
			case err == nil:
			case !errors.As(err, &te):
				t.Errorf("%s in %s: %v", ev, state, err)
			case state >= core.StateHangup:
				t.Errorf("%s in %s is refused", ev, state)
			case c.State() != state:
				t.Errorf("%s in %s: refused but moved to %s", ev, state, c.State())
			}
		}
	}
}

// FuzzStep throws random events at a channel: states after Hangup only go
// forward, every end action happens once.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0, 1, 3, 7, 11, 12, 13, 14})
	f.Add([]byte{0, 2, 7, 8, 11, 13, 12, 14, 14})
	f.Fuzz(func(t *testing.T, events []byte) {
		var c Channel
		counts := map[Action]int{}
		for _, e := range events {
			before := c.State()
			actions, _ := c.Step(Event(e%byte(eventCount)), core.CauseNormalClearing, core.BySwitch)
			for _, a := range actions {
				counts[a]++
			}
			if before >= core.StateHangup && c.State() < before {
				t.Fatalf("went back from %s to %s", before, c.State())
			}
		}
		for _, a := range []Action{ReleaseLeg, Report, Destroy} {
			if counts[a] > 1 {
				t.Fatalf("%s happened %d times", a, counts[a])
			}
		}
	})
}
