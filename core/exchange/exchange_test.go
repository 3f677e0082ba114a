package exchange_test

import (
	"context"
	"errors"
	"log/slog"
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
)

// bench is an exchange over fakes, with the real applications of apps/call.
type bench struct {
	*exchange.Exchange
	w *coretest.World
}

func newBench(t *testing.T, cfg exchange.Config) *bench {
	t.Helper()
	return newBenchWith(t, cfg, nil)
}

func newBenchWith(t *testing.T, cfg exchange.Config, sounds core.Sounds) *bench {
	t.Helper()
	return newBenchLogged(t, cfg, sounds, slog.New(slog.DiscardHandler))
}

func newBenchLogged(t *testing.T, cfg exchange.Config, sounds core.Sounds, log *slog.Logger) *bench {
	t.Helper()
	w := coretest.NewWorld()
	w.Play = sounds
	m, err := call.New(nil, w.Deps())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range m.(module.AppProvider).Apps() {
		w.AppList[a.Name] = a
	}
	w.AppList["set"] = core.App{Name: "set", NoMedia: true, Run: func(_ context.Context, s core.Session, args string) error {
		k, v, _ := strings.Cut(args, "=")
		s.SetVar(k, v)
		return nil
	}}
	deps := w.Deps()
	deps.Log = log
	return &bench{exchange.New(t.Context(), cfg, deps), w}
}

// call admits a call to a destination whose steps are given.
func (b *bench) call(t *testing.T, steps ...string) *coretest.Leg {
	t.Helper()
	synctest.Wait() // nobody reads the plan now
	b.w.Plan["test"] = steps
	leg := coretest.NewLeg(nil)
	_, _, err := b.Admit(core.Incoming{
		Endpoint: "phone", Name: "phone/1000", Leg: leg, Offer: coretest.Describe(), Attach: leg.Attach,
		Profile: core.CallerProfile{CallerIDNumber: "1000", CallerIDName: "Ann", DestinationNumber: "test", Context: "default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return leg
}

// settle waits until no session is left and checks that nothing else is either.
func (b *bench) settle(t *testing.T) []core.Record {
	t.Helper()
	for range 10000 {
		synctest.Wait()
		if b.Limits().Sessions == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Close()
	recs := b.w.Records.All()
	if b.w.Records.Held != 0 {
		t.Errorf("%d record slots are held", b.w.Records.Held)
	}
	if n := b.w.Engine.OpenStreams(); n != 0 {
		t.Errorf("%d streams are open", n)
	}
	if c, e := b.w.Events.Count("call.created"), b.w.Events.Count("call.ended"); c != e {
		t.Errorf("%d call.created, %d call.ended", c, e)
	}
	return recs
}

// causes maps the record of each leg to "direction cause by".
func causes(recs []core.Record) []string {
	var out []string
	for _, r := range recs {
		out = append(out, r.Direction.String()+" "+r.Cause.String()+" "+string(r.HungUpBy))
	}
	slices.Sort(out)
	return out
}

// TestBridge: what a bridge does to both legs, by script of the B leg. A hangs
// up after aBye, if set.
func TestBridge(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []string
		aBye  time.Duration
		want  []string // causes
		leg   []string // what the A leg was asked
	}{
		{
			name: "callee hangs up", steps: []string{"set hangup_after_bridge=true", "bridge phone/ring@1s+answer@3s+bye@10s", "sleep 1000"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee"}, leg: []string{"ring", "answer", "release NORMAL_CLEARING"},
		},
		{
			name: "caller hangs up", steps: []string{"bridge phone/ring@1s+answer@3s"}, aBye: 10 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound NORMAL_CLEARING caller"}, leg: []string{"ring", "answer", "release NORMAL_CLEARING"},
		},
		{
			name: "caller cancels while it rings", steps: []string{"bridge phone/ring@1s+answer@30s"}, aBye: 5 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound ORIGINATOR_CANCEL caller"}, leg: []string{"ring", "release NORMAL_CLEARING"},
		},
		{
			name: "busy is passed back", steps: []string{"bridge phone/486@1s"},
			want: []string{"inbound USER_BUSY callee", "outbound USER_BUSY callee"}, leg: []string{"release USER_BUSY"},
		},
		{
			name: "no answer continues", steps: []string{"set call_timeout=5", "bridge phone/ring@1s+answer@30s", "hangup NO_ANSWER"},
			want: []string{"inbound NO_ANSWER application", "outbound NO_ANSWER switch"}, leg: []string{"ring", "release NO_ANSWER"},
		},
		{
			name: "continue_on_fail", steps: []string{"set continue_on_fail=USER_BUSY", "bridge phone/486@1s", "bridge phone/answer@1s+bye@2s", "hangup"},
			want: []string{"inbound NORMAL_CLEARING application", "outbound NORMAL_CLEARING callee", "outbound USER_BUSY callee"}, leg: []string{"answer", "release NORMAL_CLEARING"},
		},
		{
			name: "fork: first answer wins", steps: []string{"set hangup_after_bridge=true", "bridge phone/ring@1s+answer@5s,phone/ring@1s+answer@3s+bye@9s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"},
			leg:  []string{"ring", "answer", "release NORMAL_CLEARING"},
		},
		{
			name: "alternatives", steps: []string{"set hangup_after_bridge=true", "bridge phone/503@1s|phone/answer@1s+bye@2s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee", "outbound NORMAL_TEMPORARY_FAILURE callee"},
			leg:  []string{"answer", "release NORMAL_CLEARING"},
		},
		{
			name: "enterprise", steps: []string{"set hangup_after_bridge=true", "bridge phone/answer@9s:_:error/USER_BUSY:_:phone/answer@2s+bye@4s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"},
			leg:  []string{"answer", "release NORMAL_CLEARING"},
		},
		{
			name: "leg_timeout", steps: []string{"bridge [leg_timeout=2]phone/ring@1s+answer@30s|[leg_timeout=9]phone/ring@1s+answer@3s+bye@5s", "hangup"},
			want: []string{"inbound NORMAL_CLEARING application", "outbound ALLOTTED_TIMEOUT switch", "outbound NORMAL_CLEARING callee"},
			leg:  []string{"ring", "answer", "release NORMAL_CLEARING"},
		},
		{
			name: "leg_delay_start", steps: []string{"set hangup_after_bridge=true", "bridge [leg_delay_start=10]phone/answer@1s,phone/ring@1s+answer@5s+bye@6s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee"}, leg: []string{"ring", "answer", "release NORMAL_CLEARING"},
		},
		{
			name: "early media wins", steps: []string{"set hangup_after_bridge=true", "bridge phone/early@1s+answer@4s+bye@8s,phone/answer@2s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"},
			leg:  []string{"progress", "answer", "release NORMAL_CLEARING"},
		},
		{
			name: "ignore_early_media", steps: []string{"set hangup_after_bridge=true", "bridge {ignore_early_media=true}phone/early@1s+answer@4s,phone/answer@2s+bye@5s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"},
			leg:  []string{"ring", "answer", "release NORMAL_CLEARING"},
		},
		{
			name: "early media that is never answered", steps: []string{"bridge phone/early@1s+480@4s", "hangup NO_ANSWER"},
			want: []string{"inbound NO_ANSWER application", "outbound NO_USER_RESPONSE callee"},
			leg:  []string{"progress", "release NO_ANSWER"},
		},
		{
			name: "retries", steps: []string{"bridge {originate_retries=2,originate_retry_sleep_ms=500}phone/486@1s"},
			want: []string{"inbound USER_BUSY callee", "outbound USER_BUSY callee", "outbound USER_BUSY callee", "outbound USER_BUSY callee"},
			leg:  []string{"release USER_BUSY"},
		},
		{
			name: "redirected", steps: []string{"bridge phone/p/302:answer@1s@1s"}, aBye: 5 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound NORMAL_CLEARING caller", "outbound REDIRECTION_TO_NEW_DESTINATION callee"},
			leg:  []string{"answer", "release NORMAL_CLEARING"},
		},
		{
			name: "bad target", steps: []string{"bridge phone/bad"},
			want: []string{"inbound INVALID_URL switch", "outbound INVALID_URL switch"}, leg: []string{"release INVALID_URL"},
		},
		{
			name: "no endpoint", steps: []string{"bridge none/x"},
			want: []string{"inbound CHAN_NOT_IMPLEMENTED switch"}, leg: []string{"release CHAN_NOT_IMPLEMENTED"},
		},
		{
			name: "error endpoint", steps: []string{"bridge error/NUMBER_CHANGED"},
			want: []string{"inbound NUMBER_CHANGED switch"}, leg: []string{"release NUMBER_CHANGED"},
		},
		{
			name: "unreadable dial string", steps: []string{"bridge [a=b"},
			want: []string{"inbound DESTINATION_OUT_OF_ORDER application"}, leg: []string{"release DESTINATION_OUT_OF_ORDER"},
		},
		{
			name: "transfer_on_fail", steps: []string{"set transfer_on_fail=USER_BUSY next", "bridge phone/486@1s"},
			want: []string{"inbound CALL_REJECTED application", "outbound USER_BUSY callee"}, leg: []string{"release CALL_REJECTED"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, exchange.Config{})
				b.w.Plan["next"] = []string{"hangup CALL_REJECTED"}
				leg := b.call(t, c.steps...)
				if c.aBye > 0 {
					time.AfterFunc(c.aBye, func() { leg.Post(core.FarHangup{Cause: core.CauseNormalClearing}) })
				}
				recs := b.settle(t)
				if got := causes(recs); !slices.Equal(got, c.want) {
					t.Errorf("records\n got %q\nwant %q", got, c.want)
				}
				if got := leg.Calls(); !slices.Equal(got, c.leg) {
					t.Errorf("A leg was asked\n got %q\nwant %q", got, c.leg)
				}
				for _, r := range recs {
					if r.CallID != recs[0].CallID {
						t.Errorf("leg %s has call id %s", r.LegID, r.CallID)
					}
				}
			})
		})
	}
}

func TestBusyPassesTheFarEndsStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		leg := b.call(t, "bridge phone/603@1s")
		b.settle(t)
		if leg.Last.SIPStatus != 603 || leg.Last.Phrase != "Decline" {
			t.Errorf("A was refused with %+v", leg.Last)
		}
	})
}

func TestLoserOfAForkIsToldThatSomebodyElseAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "bridge phone/ring@1s+answer@9s,phone/answer@2s+bye@3s")
		b.settle(t)
		for _, l := range b.w.Phones.Legs() {
			if lost := l.Last.Cause == core.CauseLoseRace; lost != l.Last.Elsewhere {
				t.Errorf("%s was released with %+v", l.Out.Target, l.Last)
			}
		}
	})
}

func TestBLegSeesTheCallerAndExports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "set effective_caller_id_number=777", "bridge {x=1}[y=2,origination_caller_id_name=Bob]phone/answer@1s+bye@2s")
		b.settle(t)
		out := b.w.Phones.Legs()[0].Out
		if out.Profile.CallerIDNumber != "777" || out.Profile.CallerIDName != "Bob" || out.Variables["x"] != "1" || out.Variables["y"] != "2" || out.Variables["originator"] == "" {
			t.Errorf("outgoing %+v", out)
		}
	})
}

func TestHoldLetsThePeerGoAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "bridge phone/answer@1s+hold@3s+resume@5s+bye@7s")
		b.settle(t)
		got := b.w.Engine.Streams()[1].Calls() // B's is opened first, for its offer
		want := []string{"answer sendrecv", "join", "split", "join", "split", "close"}
		if !slices.Equal(got, want) {
			t.Errorf("A's stream was asked %q, want %q", got, want)
		}
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{MaxSessions: 2, SessionsPerSecond: 10})
		b.call(t, "sleep 5000")
		b.call(t, "sleep 5000")
		if err := b.Ready(); !errors.Is(err, core.ErrLimit) {
			t.Errorf("Ready = %v, want ErrLimit", err)
		}
		leg := coretest.NewLeg(nil)
		_, _, err := b.Admit(core.Incoming{Leg: leg})
		if ce, ok := errors.AsType[*core.CauseError](err); !ok || ce.SIPStatus != 503 {
			t.Errorf("third call: %v, want 503", err)
		}
		b.settle(t)
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{SessionsPerSecond: 2})
		b.call(t, "sleep 10")
		b.call(t, "sleep 10")
		if err := b.Ready(); !errors.Is(err, core.ErrLimit) {
			t.Errorf("Ready = %v, want ErrLimit", err)
		}
		time.Sleep(time.Second)
		if err := b.Ready(); err != nil {
			t.Errorf("Ready a second later = %v", err)
		}
		b.settle(t)
	})
}

func TestDrainWaitsThenHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "answer", "sleep 3600000")
		synctest.Wait()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		b.Drain(ctx)
		if d := time.Since(begin); d != 30*time.Second {
			t.Errorf("drained for %s", d)
		}
		if err := b.Ready(); !errors.Is(err, core.ErrDraining) {
			t.Errorf("Ready = %v", err)
		}
		recs := b.settle(t)
		if len(recs) != 1 || recs[0].Cause != core.CauseSystemShutdown {
			t.Errorf("records %v", causes(recs))
		}
	})
}

func TestOriginate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.w.Plan["9196"] = []string{"sleep 2000", "hangup"}
		id, leg, err := b.Originate(t.Context(), core.OriginateRequest{From: "phone/ring@1s+answer@2s", To: "9196"})
		if err != nil || id == "" || leg == "" {
			t.Fatal(id, leg, err)
		}
		recs := b.settle(t)
		if len(recs) != 1 || recs[0].CallID != id || recs[0].LegID != leg || recs[0].Cause != core.CauseNormalClearing || recs[0].LastApp != "hangup" {
			t.Errorf("records %+v", recs)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		if _, _, err := b.Originate(t.Context(), core.OriginateRequest{From: "error/USER_NOT_REGISTERED", To: "1"}); err != nil {
			t.Fatal(err)
		}
		b.settle(t) // exactly one call.ended, though there was never a leg
		if b.w.Events.Count("call.ended") != 1 {
			t.Errorf("events %q", b.w.Events.Types())
		}
	})
}

func TestGroupsExpandIntoAFork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.w.Expanders["group"] = coretest.Expand{Name: "group", Dial: "user/1,user/2,gone/3"}
		b.w.Expanders["user"] = coretest.Expand{Name: "user", Dial: "phone/ring@1s+answer@3s+bye@9s"}
		b.w.Expanders["gone"] = coretest.Expand{Name: "gone", Dial: "USER_NOT_REGISTERED"}
		b.call(t, "set hangup_after_bridge=true", "bridge group/sales")
		recs := b.settle(t)
		want := []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"}
		if got := causes(recs); !slices.Equal(got, want) {
			t.Errorf("records %q, want %q", got, want)
		}
	})
}
