package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// call is an inbound session that runs in a bubble.
type call struct {
	*session.Session
	leg   *coretest.Leg
	world *coretest.World
}

func incoming(t *testing.T, w *coretest.World, offer *media.Description) *call {
	t.Helper()
	leg := coretest.NewLeg(nil)
	in := core.Incoming{
		Endpoint: "phone", Name: "phone/1000", Leg: leg, Offer: offer,
		Profile: core.CallerProfile{CallerIDNumber: "1000", DestinationNumber: "test", Context: "default", Dialplan: "XML"},
	}
	s := session.NewInbound(&session.Config{Deps: w.Deps(), Find: func(core.ChannelID) *session.Session { return nil }}, in, "a", "call")
	leg.Attach(s.Inbox(), "a")
	go s.Run(t.Context())
	return &call{s, leg, w}
}

func app(name string, run func(ctx context.Context, s core.Session, args string) error) core.App {
	return core.App{Name: name, NoMedia: true, Run: run}
}

func world(apps ...core.App) *coretest.World {
	w := coretest.NewWorld()
	for _, a := range apps {
		w.AppList[a.Name] = a
	}
	w.AppList["sleep"] = coretest.Sleep("sleep")
	w.AppList["answer"] = app("answer", func(ctx context.Context, s core.Session, _ string) error { return s.Answer(ctx) })
	return w
}

// ended waits for the end and returns the one record.
func (c *call) ended(t *testing.T) core.Record {
	t.Helper()
	<-c.Done()
	recs := c.world.Records.All()
	if len(recs) != 1 {
		t.Fatalf("%d records, want 1", len(recs))
	}
	if n := c.world.Engine.OpenStreams(); n != 0 {
		t.Errorf("%d streams left open", n)
	}
	return recs[0]
}

func TestStepsRunInOrderThenTheCallIsCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		note := app("note", func(_ context.Context, _ core.Session, args string) error { got = append(got, args); return nil })
		w := world(note)
		w.Plan["test"] = []string{"note one", "answer", "sleep 2s", "note two"}
		c := incoming(t, w, coretest.Describe())
		rec := c.ended(t)
		if !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("ran %q", got)
		}
		if rec.Cause != core.CauseNormalClearing || rec.HungUpBy != core.ByApp {
			t.Errorf("cause %s by %s", rec.Cause, rec.HungUpBy)
		}
		if d := rec.Times.Ended.Sub(rec.Times.Answered); d != 2*time.Second {
			t.Errorf("answered for %s, want 2s", d)
		}
		if calls := c.leg.Calls(); !slices.Equal(calls, []string{"answer", "release NORMAL_CLEARING"}) {
			t.Errorf("leg was asked %q", calls)
		}
	})
}

func TestNoRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := incoming(t, world(), coretest.Describe())
		if rec := c.ended(t); rec.Cause != core.CauseNoRouteDestination {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestFarHangupCancelsTheApplicationWithTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen error
		wait := app("wait", func(ctx context.Context, _ core.Session, _ string) error {
			<-ctx.Done()
			seen = context.Cause(ctx)
			return seen
		})
		w := world(wait)
		w.Plan["test"] = []string{"answer", "wait", "answer"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		c.leg.Post(core.FarHangup{Cause: core.CauseNormalClearing})
		rec := c.ended(t)
		if rec.HungUpBy != core.ByCaller {
			t.Errorf("hung up by %s", rec.HungUpBy)
		}
		he, ok := errors.AsType[*core.HangupError](seen)
		if !ok || he.Cause != core.CauseNormalClearing || he.By != core.ByCaller {
			t.Errorf("application ended with %v", seen)
		}
	})
}

func TestHangupRunsNoFurtherStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := app("hang", func(_ context.Context, s core.Session, _ string) error {
			s.Hangup(core.CauseUserBusy, core.ByApp)
			return nil
		})
		bad := app("bad", func(context.Context, core.Session, string) error { t.Error("a step ran after hangup"); return nil })
		w := world(hang, bad)
		w.Plan["test"] = []string{"hang", "bad"}
		if rec := incoming(t, w, coretest.Describe()).ended(t); rec.Cause != core.CauseUserBusy {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestTransferEndsTheListAndRoutesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		move := app("move", func(_ context.Context, s core.Session, args string) error { return s.Transfer(args, "", "") })
		bad := app("bad", func(context.Context, core.Session, string) error { t.Error("a step ran after transfer"); return nil })
		w := world(move, bad)
		w.Plan["test"] = []string{"move next", "bad"}
		w.Plan["next"] = []string{"answer", "sleep 1s"}
		c := incoming(t, w, coretest.Describe())
		rec := c.ended(t)
		if rec.Profile.DestinationNumber != "next" || rec.Profile.RDNIS != "test" {
			t.Errorf("profile %+v", rec.Profile)
		}
		if rec.Cause != core.CauseNormalClearing {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestTransferLoopEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		move := app("move", func(_ context.Context, s core.Session, args string) error { return s.Transfer(args, "", "") })
		w := world(move)
		w.Plan["test"] = []string{"move test"}
		if rec := incoming(t, w, coretest.Describe()).ended(t); rec.Cause != core.CauseExchangeRoutingError {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestPanicInAnApplicationEndsOnlyItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(app("boom", func(context.Context, core.Session, string) error { panic("boom") }))
		w.Plan["test"] = []string{"boom"}
		if rec := incoming(t, w, coretest.Describe()).ended(t); rec.Cause != core.CauseNormalTemporaryFailure {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestUnknownApplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"nosuch"}
		if rec := incoming(t, w, coretest.Describe()).ended(t); rec.Cause != core.CauseDestinationOutOfOrder {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestNoCommonCodecIsIncompatible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 1s"}
		d := coretest.Describe()
		d.Streams[0].Formats[0].Name = "SPEEX"
		if rec := incoming(t, w, d).ended(t); rec.Cause != core.CauseIncompatibleDestination {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestLateOfferWaitsForTheAnswerInTheACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered time.Time
		w := world(app("stamp", func(context.Context, core.Session, string) error { answered = time.Now(); return nil }))
		w.Plan["test"] = []string{"answer", "stamp", "sleep 1s"}
		begin := time.Now()
		c := incoming(t, w, nil)
		time.Sleep(300 * time.Millisecond)
		c.leg.Post(core.Confirmed{Description: coretest.Describe()})
		c.ended(t)
		if d := answered.Sub(begin); d != 300*time.Millisecond {
			t.Errorf("answer returned after %s, want 300ms", d)
		}
		if calls := c.world.Engine.Streams()[0].Calls(); !slices.Equal(calls[:2], []string{"offer sendrecv", "accept"}) {
			t.Errorf("stream was asked %q", calls)
		}
	})
}

func TestLateOfferWithoutAnswerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 1s"}
		c := incoming(t, w, nil)
		synctest.Wait()
		c.leg.Post(core.Confirmed{})
		if rec := c.ended(t); rec.Cause != core.CauseIncompatibleDestination {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestHoldByTheFarEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 10s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		hold := coretest.Describe()
		hold.Streams[0].Direction = media.SendOnly
		c.leg.Post(core.Offered{Description: hold})
		synctest.Wait()
		if p := c.Progress(); p != core.ProgressHeld {
			t.Errorf("progress %s, want held", p)
		}
		c.leg.Post(core.Offered{Description: coretest.Describe()})
		synctest.Wait()
		if p := c.Progress(); p != core.ProgressAnswered {
			t.Errorf("progress %s, want answered", p)
		}
		c.ended(t)
		want := []string{"answer", "reply recvonly", "reply sendrecv", "release NORMAL_CLEARING"}
		if diff := cmp.Diff(want, c.leg.Calls()); diff != "" {
			t.Error(diff)
		}
		if w.Events.Count("call.held") != 1 || w.Events.Count("call.resumed") != 1 {
			t.Errorf("events %q", w.Events.Types())
		}
	})
}

func TestOfferlessReinviteGetsOurOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 5s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		c.leg.Post(core.Offered{})
		c.leg.Post(core.OfferAnswered{Description: coretest.Describe()})
		c.ended(t)
		if calls := c.leg.Calls(); !slices.Contains(calls, "reply sendrecv") {
			t.Errorf("leg was asked %q", calls)
		}
	})
}

func TestShutdownHangsUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 1h"}
		leg := coretest.NewLeg(nil)
		s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
		leg.Attach(s.Inbox(), "a")
		go s.Run(ctx)
		time.Sleep(time.Minute)
		cancel()
		<-s.Done()
		if recs := w.Records.All(); len(recs) != 1 || recs[0].Cause != core.CauseSystemShutdown {
			t.Errorf("records %+v", recs)
		}
	})
}

// silent is a leg that never reports Released.
type silent struct{ *coretest.Leg }

func (silent) Release(core.Release) {}

func TestALegThatDoesNotEndIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		leg := silent{coretest.NewLeg(nil)}
		s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Profile: core.CallerProfile{DestinationNumber: "nobody"}}, "a", "call")
		leg.Attach(s.Inbox(), "a")
		begin := time.Now()
		go s.Run(t.Context())
		<-s.Done()
		if d := time.Since(begin); d != 40*time.Second {
			t.Errorf("given up after %s, want 40s", d)
		}
	})
}

func TestMediaTimeoutHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 1h"}
		c := incoming(t, w, coretest.Describe())
		synctest.Wait()
		w.Engine.Streams()[0].Notify(media.StreamTimeout{After: 30 * time.Second})
		if rec := c.ended(t); rec.Cause != core.CauseMediaTimeout {
			t.Errorf("cause %s", rec.Cause)
		}
	})
}

func TestPlayStopsAtATerminator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got core.PlayResult
		play := app("play", func(ctx context.Context, s core.Session, _ string) error {
			var err error
			got, err = s.Play(ctx, &tone{left: 8000 * 10}, "#")
			return err
		})
		w := world(play)
		w.Plan["test"] = []string{"play"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(2 * time.Second)
		c.leg.Post(core.Digit{Digit: '5'})
		c.leg.Post(core.Digit{Digit: '#'})
		c.ended(t)
		if got.Terminator != '#' {
			t.Errorf("terminator %q", got.Terminator)
		}
		if calls := c.leg.Calls(); calls[0] != "progress" {
			t.Errorf("play did not pre-answer: %q", calls)
		}
	})
}

type tone struct{ left int }

func (*tone) RateHz() int { return 8000 }

func (t *tone) Read(p []int16) (int, error) {
	n := min(len(p), t.left)
	if t.left -= n; t.left == 0 {
		return n, errors.New("end")
	}
	return n, nil
}

func (*tone) Close() error { return nil }

func TestEventsOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer"}
		incoming(t, w, coretest.Describe()).ended(t)
		got := strings.Join(w.Events.Types(), " ")
		if want := "leg.created call.routed call.answered leg.ended"; got != want {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// stuckLeg holds its session's owner up in Ring.
type stuckLeg struct {
	*coretest.Leg
	release chan struct{}
}

func (l stuckLeg) Ring() { <-l.release }

// TestFullInboxHangsUpTheReceiver: rule C2.
func TestFullInboxHangsUpTheReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(app("ring", func(ctx context.Context, s core.Session, _ string) error { return s.Ring(ctx) }))
		w.Plan["test"] = []string{"ring", "sleep 1h"}
		leg := stuckLeg{coretest.NewLeg(nil), make(chan struct{})}
		s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
		leg.Attach(s.Inbox(), "a")
		go s.Run(t.Context())
		synctest.Wait()
		for range 300 {
			leg.Post(core.Digit{Digit: '1'})
		}
		close(leg.release)
		<-s.Done()
		if recs := w.Records.All(); recs[0].Cause != core.CauseSwitchCongestion {
			t.Errorf("cause %s, want SWITCH_CONGESTION", recs[0].Cause)
		}
	})
}
