package session_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// counted is an endless silence that notes how often it was closed.
type counted struct{ closed atomic.Int32 }

func (*counted) RateHz() int                 { return 8000 }
func (*counted) Read(p []int16) (int, error) { return len(p), nil }
func (c *counted) Close() error              { c.closed.Add(1); return nil }

// sink notes its end.
type sink struct{ closed atomic.Int32 }

func (*sink) RateHz() int        { return 8000 }
func (*sink) Write(_, _ []int16) {}
func (s *sink) Close() error     { s.closed.Add(1); return nil }

// TestNoStepAfterAHangupDuringPlayback: the hangup ends the playback, and the
// application must not be faster with its next step than the owner with the
// cancellation.
func TestNoStepAfterAHangupDuringPlayback(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			src := &counted{}
			play := app("play", func(ctx context.Context, s core.Session, _ string) error {
				_, _ = s.Play(ctx, src, "")
				return nil // as applications that do not care do
			})
			bad := app("bad", func(context.Context, core.Session, string) error { t.Error("a step ran after the hangup"); return nil })
			w := world(play, bad)
			w.Plan["test"] = []string{"play", "bad"}
			c := incoming(t, w, coretest.Describe())
			time.Sleep(time.Second)
			c.leg.Post(core.FarHangup{Cause: core.CauseNormalClearing})
			c.ended(t)
			synctest.Wait()
			if n := src.closed.Load(); n != 1 {
				t.Errorf("the source was closed %d times", n)
			}
		})
	}
}

// TestPlayAfterTheEndClosesItsSource: whoever comes too late leaves nothing open.
func TestPlayAfterTheEndClosesItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer"}
		c := incoming(t, w, coretest.Describe())
		c.ended(t)
		src, rec := &counted{}, &sink{}
		if _, err := c.Play(t.Context(), src, ""); !errors.Is(err, core.ErrEnded) {
			t.Errorf("Play = %v", err)
		}
		if err := c.Record(t.Context(), "x", rec); !errors.Is(err, core.ErrEnded) {
			t.Errorf("Record = %v", err)
		}
		c.Background(func(context.Context) (media.Source, error) { t.Error("opened"); return nil, io.EOF })
		if src.closed.Load() != 1 || rec.closed.Load() != 1 {
			t.Errorf("source closed %d, sink %d times", src.closed.Load(), rec.closed.Load())
		}
	})
}

// lateRecords lets somebody come while the record is written: the owner takes
// nothing from its inbox any more.
type lateRecords struct {
	*coretest.Records
	late func()
}

func (r lateRecords) Write(rec core.Record) {
	go r.late()
	time.Sleep(time.Millisecond)
	r.Records.Write(rec)
}

func TestWhoComesDuringTheReportIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer"}
		var s *session.Session
		src, rec := &counted{}, &sink{}
		deps := w.Deps()
		deps.Records = lateRecords{w.Records, func() {
			go func() { _ = s.Record(t.Context(), "x", rec) }()
			_, _ = s.Play(t.Context(), src, "")
		}}
		leg := coretest.NewLeg(nil)
		s = session.NewInbound(&session.Config{Deps: deps}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
		leg.Attach(s.Inbox(), "a")
		go s.Run(t.Context())
		<-s.Done()
		synctest.Wait()
		if src.closed.Load() != 1 || rec.closed.Load() != 1 {
			t.Errorf("source closed %d, sink %d times", src.closed.Load(), rec.closed.Load())
		}
	})
}

// TestBackgroundThatOpensTooLate: what was asked for is not wanted any more
// when it is open.
func TestBackgroundThatOpensTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 10s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		slow := func(src media.Source) session.Opener {
			return func(context.Context) (media.Source, error) { time.Sleep(time.Second); return src, nil }
		}
		first, second, third := &counted{}, &counted{}, &counted{}
		c.Background(slow(first))
		c.Background(slow(second)) // takes its place before it was heard
		time.Sleep(2 * time.Second)
		if first.closed.Load() != 1 || second.closed.Load() != 0 {
			t.Errorf("first closed %d, second %d times", first.closed.Load(), second.closed.Load())
		}
		c.Background(nil)
		c.Background(func(context.Context) (media.Source, error) { panic("no such sound") })
		c.Background(slow(third))
		synctest.Wait()
		c.leg.Post(core.FarHangup{Cause: core.CauseNormalClearing})
		c.ended(t)
		time.Sleep(2 * time.Second)
		if second.closed.Load() != 1 || third.closed.Load() != 1 {
			t.Errorf("second closed %d, third %d times", second.closed.Load(), third.closed.Load())
		}
	})
}

// TestACanceledApplicationDoesNotReachTheChannel: after a transfer what the
// old application still asks for is refused, and what it brought is freed.
func TestACanceledApplicationDoesNotReachTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &counted{}
		var err error
		old := app("old", func(ctx context.Context, s core.Session, _ string) error {
			<-ctx.Done()
			time.Sleep(10 * time.Millisecond) // the next list was found by now
			if e := s.Park(ctx, 0); e == nil {
				t.Error("a canceled application parked the channel")
			}
			_, err = s.Play(ctx, src, "")
			return nil
		})
		w := world(old)
		w.Plan["test"] = []string{"answer", "old"}
		w.Plan["next"] = []string{"sleep 5s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		_ = c.Transfer("next", "", "")
		time.Sleep(time.Second)
		if st := c.State(); st != core.StateExecute {
			t.Errorf("state %s, want execute", st)
		}
		if err == nil || src.closed.Load() != 1 {
			t.Errorf("Play = %v, source closed %d times", err, src.closed.Load())
		}
		if rec := c.ended(t); rec.LastApp != "sleep" {
			t.Errorf("last application %q", rec.LastApp)
		}
	})
}

// TestAnApplicationMayCleanUpWhenCanceled: stopping a recording is not refused.
func TestAnApplicationMayCleanUpWhenCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &sink{}
		record := app("record", func(ctx context.Context, s core.Session, _ string) error {
			_ = s.Record(ctx, "x", rec)
			<-ctx.Done()
			return s.StopRecord(ctx, "x")
		})
		w := world(record)
		w.Plan["test"] = []string{"answer", "record"}
		w.Plan["next"] = []string{"sleep 5s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		_ = c.Transfer("next", "", "")
		time.Sleep(time.Second)
		if rec.closed.Load() != 1 {
			t.Error("the recording goes on")
		}
		c.ended(t)
	})
}

// panics is a leg with a bug in one method.
type panics struct {
	*coretest.Leg
	in string
}

func (p panics) Ring() {
	if p.in == "ring" {
		panic("ring")
	}
	p.Leg.Ring()
}

func (p panics) Answer(d *media.Description) {
	if p.in == "answer" {
		panic("answer")
	}
	p.Leg.Answer(d)
}

func (p panics) Release(r core.Release) {
	if p.in == "release" {
		panic("release")
	}
	p.Leg.Release(r)
}

// TestAPanicInAnEndpointEndsTheCall: design rule C11, at each call of a leg.
func TestAPanicInAnEndpointEndsTheCall(t *testing.T) {
	for _, in := range []string{"ring", "answer", "release"} {
		synctest.Test(t, func(t *testing.T) {
			w := world(app("ring", func(ctx context.Context, s core.Session, _ string) error { return s.Ring(ctx) }))
			w.Plan["test"] = []string{"ring", "answer", "sleep 1h"}
			leg := panics{coretest.NewLeg(nil), in}
			s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
			leg.Attach(s.Inbox(), "a")
			go s.Run(t.Context())
			if in == "release" {
				time.Sleep(time.Second)
				s.Hangup(core.CauseUserBusy, core.ByAPI)
			}
			<-s.Done()
			want := core.CauseNormalTemporaryFailure
			if in == "release" {
				want = core.CauseUserBusy
			}
			recs := w.Records.All()
			if len(recs) != 1 || recs[0].Cause != want {
				t.Errorf("%s: records %+v", in, recs)
			}
			if n := w.Engine.OpenStreams(); n != 0 {
				t.Errorf("%s: %d streams are open", in, n)
			}
		})
	}
}

// explodes is an endpoint with bugs.
type explodes struct{ in string }

func (explodes) Prefix() string { return "x" }

func (e explodes) Prepare(core.Outgoing) (core.Placement, error) {
	if e.in == "prepare" {
		panic("prepare")
	}
	return core.Placement{Name: "x"}, nil
}

func (e explodes) Place(core.Outgoing, core.Placement, *media.Description, core.Inbox) (core.Leg, error) {
	panic("place")
}

func TestAPanicInPlacingEndsTheLeg(t *testing.T) {
	for _, in := range []string{"prepare", "place"} {
		synctest.Test(t, func(t *testing.T) {
			w := world()
			s := session.NewOutbound(&session.Config{Deps: w.Deps()}, session.Outbound{Endpoint: explodes{in}, Request: core.Outgoing{ChannelID: "b", CallID: "call"}})
			go s.Run(t.Context())
			<-s.Done()
			if recs := w.Records.All(); len(recs) != 1 || recs[0].Cause != core.CauseNormalTemporaryFailure {
				t.Errorf("%s: records %+v", in, recs)
			}
			if n := w.Engine.OpenStreams(); n != 0 {
				t.Errorf("%s: %d streams are open", in, n)
			}
		})
	}
}

// TestAFullInboxLosesNoEnd: the return of an application and the release of a
// leg come through whatever else waits.
func TestAFullInboxLosesNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quit := make(chan struct{})
		w := world(
			app("ring", func(ctx context.Context, s core.Session, _ string) error { return s.Ring(ctx) }),
			app("quit", func(context.Context, core.Session, string) error { <-quit; return nil }))
		w.Plan["test"] = []string{"quit"}
		leg := stuckLeg{coretest.NewLeg(nil), make(chan struct{})}
		s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
		leg.Attach(s.Inbox(), "a")
		go s.Run(t.Context())
		synctest.Wait()
		go func() { _ = s.Ring(t.Context()) }() // the owner is stuck in the endpoint
		synctest.Wait()
		for range 300 {
			leg.Post(core.Digit{Digit: '1'})
		}
		close(quit) // the application returns into a full inbox
		synctest.Wait()
		leg.Post(core.Released{})
		close(leg.release)
		<-s.Done()
		if recs := w.Records.All(); len(recs) != 1 || recs[0].Cause != core.CauseSwitchCongestion {
			t.Errorf("records %+v", recs)
		}
	})
}

// TestRefusedStepsAreForgotten: steps given at the wrong moment do not run
// after the next hunt.
func TestRefusedStepsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := app("bad", func(context.Context, core.Session, string) error { t.Error("refused steps ran"); return nil })
		w := world(bad)
		w.Plan["test"] = []string{"answer", "sleep 2s"}
		w.Plan["next"] = []string{"sleep 1s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		c.RunSteps([]core.Step{{App: "bad"}}) // an application runs
		_ = c.Transfer("next", "", "")
		c.ended(t)
	})
}

func TestShutdownDoesNotWaitForAFarEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 1h"}
		leg := silent{coretest.NewLeg(nil)}
		s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
		leg.Attach(s.Inbox(), "a")
		go s.Run(ctx)
		time.Sleep(time.Minute)
		s.Hangup(core.CauseUserBusy, core.ByAPI)
		time.Sleep(10 * time.Second) // it hangs already
		begin := time.Now()
		cancel()
		<-s.Done()
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("ended %s after the shutdown, want 2s", d)
		}
	})
}

func TestTimesOfARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(app("ring", func(ctx context.Context, s core.Session, _ string) error { return s.Ring(ctx) }))
		w.Plan["test"] = []string{"sleep 1s", "ring", "sleep 2s", "answer", "sleep 10s"}
		c := incoming(t, w, coretest.Describe())
		hold := coretest.Describe()
		hold.Streams[0].Direction = media.SendOnly
		time.Sleep(4 * time.Second)
		c.leg.Post(core.Digit{Digit: '4'})
		c.leg.Post(core.Digit{Digit: '2'})
		c.leg.Post(core.Offered{Description: hold})
		time.Sleep(2500 * time.Millisecond)
		c.leg.Post(core.Offered{Description: coretest.Describe()})
		time.Sleep(time.Second)
		c.leg.Post(core.Offered{Description: hold}) // and is held when it ends
		rec := c.ended(t)
		start := rec.Times.Created
		for name, want := range map[string]string{
			"duration": "13", "mduration": "13000", "billsec": "10", "billmsec": "10000", "flow_billsec": "13", "progresssec": "1", "progress_mediasec": "0",
			"answersec": "3", "waitsec": "0", "hold_accum_seconds": "8", "hold_accum_ms": "8000", "hold_accum_usec": "8000000",
			"start_stamp": start.Format("2006-01-02 15:04:05"), "end_stamp": start.Add(13 * time.Second).Format("2006-01-02 15:04:05"), "bridge_epoch": "0",
			"last_app": "sleep", "last_arg": "10s", "digits_dialed": "42", "caller_id": `"" <1000>`, "hangup_cause": "NORMAL_CLEARING", "hangup_cause_q850": "16",
		} {
			if got := rec.Variables[name]; got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		for _, never := range []string{"bridge_stamp", "progress_media_stamp"} {
			if v, ok := rec.Variables[never]; ok {
				t.Errorf("%s = %q, of what never happened", never, v)
			}
		}
	})
}

// TestTheLastApplicationIsTheLast: also beyond what a record lists.
func TestTheLastApplicationIsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(app("note", func(context.Context, core.Session, string) error { return nil }))
		for range 300 {
			w.Plan["test"] = append(w.Plan["test"], "note")
		}
		w.Plan["test"] = append(w.Plan["test"], "sleep 1s")
		if rec := incoming(t, w, coretest.Describe()).ended(t); rec.LastApp != "sleep" || len(rec.Apps) > 200 {
			t.Errorf("last %q of %d", rec.LastApp, len(rec.Apps))
		}
	})
}

// TestLateEventsAreDropped: what a leg or a stream says after the hangup.
func TestLateEventsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 1h"}
		leg := silent{coretest.NewLeg(nil)}
		s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
		leg.Attach(s.Inbox(), "a")
		go s.Run(t.Context())
		time.Sleep(time.Second)
		s.Hangup(core.CauseUserBusy, core.ByAPI)
		synctest.Wait()
		before := w.Events.Types()
		for _, ev := range []core.Event{
			core.Ringing{}, core.EarlyMedia{Description: coretest.Describe()}, core.Answered{}, core.Confirmed{}, core.Offered{}, core.OfferAnswered{}, core.OfferRejected{},
			core.Digit{Digit: '1'}, core.Redirected{}, core.FarHangup{Cause: core.CauseNormalClearing}, core.LegFailed{Cause: core.CauseCrash},
			core.StreamReport{Event: media.StreamTimeout{}}, core.StreamReport{Event: media.FirstPacket{}},
		} {
			leg.Post(ev)
		}
		synctest.Wait()
		if after := w.Events.Types(); !slices.Equal(before, after) {
			t.Errorf("announced %q", after[len(before):])
		}
		leg.Post(core.Released{SIPStatus: 486})
		<-s.Done()
		recs := w.Records.All()
		if len(recs) != 1 || recs[0].Cause != core.CauseUserBusy || recs[0].HungUpBy != core.ByAPI || recs[0].SIPStatus != 486 {
			t.Errorf("records %+v", recs)
		}
	})
}

// TestAnEndpointDoesNotKeepAnEndedSession: what remembers a leg for a while must
// not hold on to the channel.
func TestAnEndpointDoesNotKeepAnEndedSession(t *testing.T) {
	freed := make(chan struct{})
	in := endedInbox(t, freed)
	for range 50 {
		runtime.GC()
		select {
		case <-freed:
			in.Post(core.Digit{}) // and nothing happens
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the inbox of an ended leg keeps its session")
}

func endedInbox(t *testing.T, freed chan struct{}) core.Inbox {
	t.Helper()
	w := world()
	w.Plan["test"] = []string{"answer"}
	leg := coretest.NewLeg(nil)
	s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
	leg.Attach(s.Inbox(), "a")
	s.Run(t.Context())
	runtime.AddCleanup(s, func(c chan struct{}) { close(c) }, freed)
	return s.Inbox()
}
