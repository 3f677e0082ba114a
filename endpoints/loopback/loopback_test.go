package loopback_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/call"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/exchange"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/endpoints/endpointtest"
	"github.com/tandemswitch/tandem/endpoints/loopback"
)

// bench is a switch over fakes with the loopback endpoint.
type bench struct {
	*exchange.Exchange
	w *coretest.World
	e core.Endpoint
}

func newBench(t *testing.T) *bench {
	t.Helper()
	w := coretest.NewWorld()
	m, err := call.New(nil, w.Deps())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range m.(module.AppProvider).Apps() {
		w.AppList[a.Name] = a
	}
	x := exchange.New(t.Context(), exchange.Config{}, w.Deps())
	deps := w.Deps()
	deps.Switch = x
	l, err := loopback.New(nil, deps)
	if err != nil {
		t.Fatal(err)
	}
	e := l.(module.EndpointProvider).Endpoints()[0]
	w.Others["loopback"] = e
	return &bench{x, w, e}
}

// admit presents a call to the dialplan's extension "test".
func (b *bench) admit(t *testing.T, steps ...string) *coretest.Leg {
	t.Helper()
	b.w.Plan["test"] = steps
	leg := coretest.NewLeg(nil)
	_, _, err := b.Admit(core.Incoming{
		Endpoint: "phone", Name: "phone/1000", Leg: leg, Offer: coretest.Describe(), Attach: leg.Attach,
		Profile: core.CallerProfile{CallerIDNumber: "1000", DestinationNumber: "test", Context: "default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return leg
}

// settle waits for the end of everything and checks that nothing is left.
func (b *bench) settle(t *testing.T) []string {
	t.Helper()
	for range 6000 {
		synctest.Wait()
		if b.Limits().Sessions == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Close()
	if n := b.w.Engine.OpenStreams(); n != 0 {
		t.Errorf("%d streams are open", n)
	}
	if b.w.Records.Held != 0 {
		t.Errorf("%d record slots are held", b.w.Records.Held)
	}
	if c, e := b.w.Events.Count("call.created"), b.w.Events.Count("call.ended"); c != 1 || e != 1 {
		t.Errorf("%d call.created, %d call.ended, want one each: a pair is in its call", c, e)
	}
	var out []string
	for _, r := range b.w.Records.All() {
		out = append(out, r.Name+" "+r.Cause.String()+" "+string(r.HungUpBy))
	}
	slices.Sort(out)
	return out
}

func TestConformance(t *testing.T) {
	endpointtest.Run(t, func(t *testing.T) *endpointtest.Fixture {
		b := newBench(t)
		orders := make(chan string, 4)
		b.w.AppList["obey"] = core.App{Name: "obey", NoMedia: true, Run: func(ctx context.Context, s core.Session, _ string) error {
			for {
				select {
				case o := <-orders:
					switch o {
					case "answer":
						_ = s.Answer(ctx)
					case "hangup":
						s.Hangup(core.CauseNormalClearing, core.ByApp)
					case "refuse":
						s.Refuse(486, "Busy Here", core.CauseUserBusy)
					}
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}}
		b.w.Plan["obey"] = []string{"obey"}
		order := func(what string) func() { return func() { orders <- what } }
		return &endpointtest.Fixture{
			Endpoint: b.e, Target: "obey/default", Bad: []string{"", "/default", "app="}, Offer: coretest.Describe(),
			Answer: order("answer"), HangUp: order("hangup"), Refuse: order("refuse"),
			Held:  func() int { return b.Limits().Sessions + b.w.Engine.OpenStreams() },
			Close: b.Close,
		}
	})
}

func TestCallerHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.w.Plan["9000"] = []string{"answer", "sleep 60000"}
		leg := b.admit(t, "bridge loopback/9000/default")
		time.Sleep(5 * time.Second)
		leg.Post(core.FarHangup{Cause: core.CauseNormalClearing})
		want := []string{"loopback/9000-a NORMAL_CLEARING caller", "loopback/9000-b NORMAL_CLEARING caller", "phone/1000 NORMAL_CLEARING caller"}
		if got := b.settle(t); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestDialplanHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.w.Plan["9000"] = []string{"answer", "sleep 3000", "hangup USER_BUSY"}
		leg := b.admit(t, "bridge loopback/9000/default", "hangup CALL_REJECTED")
		got := b.settle(t)
		want := []string{"loopback/9000-a USER_BUSY callee", "loopback/9000-b USER_BUSY application", "phone/1000 CALL_REJECTED application"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if calls := leg.Calls(); !slices.Equal(calls, []string{"answer", "release CALL_REJECTED"}) {
			t.Errorf("the caller was told %q", calls)
		}
	})
}

func TestRefusalKeepsItsStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.w.Plan["9000"] = []string{"respond 486 Gone fishing"}
		leg := b.admit(t, "bridge loopback/9000/default")
		b.settle(t)
		if leg.Last.SIPStatus != 486 || leg.Last.Phrase != "Gone fishing" {
			t.Errorf("the caller was refused with %+v", leg.Last)
		}
	})
}

func TestRingingAndEarlyMediaPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.w.Plan["9000"] = []string{"ring_ready", "sleep 1000", "pre_answer", "sleep 1000", "answer", "sleep 1000"}
		leg := b.admit(t, "bridge loopback/9000/default")
		b.settle(t)
		if got := strings.Join(leg.Calls(), " "); got != "ring progress answer release NORMAL_CLEARING" {
			t.Errorf("the caller was told %q", got)
		}
	})
}

// TestPhoneBehindALoopback: digits, hold and hangup cross the pair to a phone.
func TestPhoneBehindALoopback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.w.Plan["9000"] = []string{"bridge phone/ring@1s+answer@2s+bye@20s", "hangup"}
		leg := b.admit(t, "bridge loopback/9000/default", "hangup")
		time.Sleep(5 * time.Second)
		leg.Post(core.Digit{Digit: '7'})
		hold := coretest.Describe()
		hold.Streams[0].Direction = 1 // sendonly
		leg.Post(core.Offered{Description: hold})
		synctest.Wait()
		leg.Post(core.Offered{Description: coretest.Describe()})
		got := b.settle(t)
		if len(got) != 4 {
			t.Fatalf("records %q, want of four legs", got)
		}
		digits := 0
		for _, st := range b.w.Engine.Streams() {
			if slices.Contains(st.Calls(), "digits 7") {
				digits++
			}
		}
		if digits != 1 {
			t.Errorf("the digit was sent %d times, want once, into the pipe", digits)
		}
		if b.w.Events.Count("call.bridged") != 2 || b.w.Events.Count("call.unbridged") != 2 {
			t.Errorf("events %q", b.w.Events.Types())
		}
	})
}

func TestVariablesAreThoseOfTheDialString(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var b1 map[string]string
		b.w.AppList["look"] = core.App{Name: "look", NoMedia: true, Run: func(_ context.Context, s core.Session, _ string) error { b1 = s.AllVars(); return nil }}
		b.w.Plan["9000"] = []string{"look"}
		b.admit(t, "bridge {color=red,leg_timeout=3,origination_uuid=aaa}loopback/9000/default")
		b.settle(t)
		if b1["color"] != "red" || b1["loopback_leg"] != "B" || b1["other_loopback_leg_uuid"] != "aaa" || b1["leg_timeout"] != "" || b1["origination_uuid"] != "" {
			t.Errorf("variables of -b: %v", b1)
		}
	})
}
