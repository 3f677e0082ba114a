package session_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// slow is a leg whose far end answers offers when the test says so.
type slow struct{ *coretest.Leg }

func (l slow) Offer(d *media.Description) {
	st, _ := d.Audio()
	l.Note("offer " + st.Direction.String())
}

// answered is a call that is up, with a far end that takes its time.
func answered(t *testing.T) (*session.Session, slow, *coretest.World) {
	t.Helper()
	w := world()
	w.Plan["test"] = []string{"answer", "sleep 60s"}
	leg := slow{coretest.NewLeg(nil)}
	s := session.NewInbound(&session.Config{Deps: w.Deps()}, core.Incoming{Leg: leg, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}, "a", "call")
	leg.Attach(s.Inbox(), "a")
	go s.Run(t.Context())
	time.Sleep(time.Second)
	return s, leg, w
}

func direction(d media.Direction) *media.Description {
	x := coretest.Describe()
	x.Streams[0].Direction = d
	return x
}

func TestHoldByUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, leg, w := answered(t)
		done := make(chan error, 3)
		go func() { done <- s.Hold(t.Context(), true) }()
		synctest.Wait()
		go func() { done <- s.Hold(t.Context(), false) }() // waits for its turn
		synctest.Wait()
		leg.Post(core.OfferAnswered{Description: direction(media.Inactive)}) // the answer to a hold is no hold
		synctest.Wait()
		if err := <-done; err != nil || s.Progress() != core.ProgressAnswered && s.Progress() != core.ProgressHeld {
			t.Errorf("hold: %v, progress %s", err, s.Progress())
		}
		leg.Post(core.OfferAnswered{Description: direction(media.SendRecv)})
		synctest.Wait()
		if err := <-done; err != nil || s.Progress() != core.ProgressAnswered {
			t.Errorf("resume: %v, progress %s", err, s.Progress())
		}
		if err := s.Hold(t.Context(), false); err != nil {
			t.Errorf("resume once more: %v", err)
		}
		if w.Events.Count("call.held") != 1 || w.Events.Count("call.resumed") != 1 {
			t.Errorf("events %q", w.Events.Types())
		}
		if got := leg.Calls(); !slices.Equal(got, []string{"answer", "offer sendonly", "offer sendrecv"}) {
			t.Errorf("leg was asked %q", got)
		}
		s.Hangup(core.CauseNormalClearing, core.ByAPI)
		<-s.Done()
	})
}

// TestARefreshDoesNotEndOurHold: the far end's re-INVITE is answered sendonly.
func TestARefreshDoesNotEndOurHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, leg, w := answered(t)
		go func() { _ = s.Hold(t.Context(), true) }()
		synctest.Wait()
		leg.Post(core.OfferAnswered{Description: direction(media.RecvOnly)})
		synctest.Wait()
		leg.Post(core.Offered{Description: direction(media.SendRecv)})
		leg.Post(core.Offered{}) // and without an offer
		leg.Post(core.OfferAnswered{Description: direction(media.RecvOnly)})
		synctest.Wait()
		if s.Progress() != core.ProgressHeld {
			t.Errorf("progress %s, want held", s.Progress())
		}
		calls := w.Engine.Streams()[0].Calls()
		if want := "offer sendonly"; calls[len(calls)-2] != want {
			t.Errorf("stream was asked %q, want %q for the offer-less one", calls, want)
		}
		s.Hangup(core.CauseNormalClearing, core.ByAPI)
		<-s.Done()
	})
}

// TestAnOvertakenOfferIsMadeAnew: 491, and an offer of the far end in between.
func TestAnOvertakenOfferIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, leg, _ := answered(t)
		done := make(chan error, 1)
		go func() { done <- s.Hold(t.Context(), true) }()
		synctest.Wait()
		leg.Post(core.Offered{Description: coretest.Describe()})
		leg.Post(core.OfferRejected{Status: 491})
		synctest.Wait()
		leg.Post(core.OfferAnswered{Description: direction(media.RecvOnly)})
		synctest.Wait()
		if err := <-done; err != nil || s.Progress() != core.ProgressHeld {
			t.Errorf("hold: %v, progress %s", err, s.Progress())
		}
		go func() { done <- s.Hold(t.Context(), false) }()
		synctest.Wait()
		leg.Post(core.OfferRejected{Status: 491, Cause: core.CauseNormalTemporaryFailure}) // nothing came between: the endpoint gave up
		synctest.Wait()
		if err := <-done; err == nil {
			t.Error("a refused offer is no error")
		}
		s.Hangup(core.CauseNormalClearing, core.ByAPI)
		<-s.Done()
	})
}

func TestHoldOfACallThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, leg, _ := answered(t)
		done := make(chan error, 2)
		for _, on := range []bool{true, false} {
			go func() { done <- s.Hold(t.Context(), on) }()
			synctest.Wait()
		}
		leg.Post(core.FarHangup{Cause: core.CauseNormalClearing})
		for range 2 {
			if err := <-done; err == nil {
				t.Error("the call ended, and hold says nothing")
			}
		}
		<-s.Done()
	})
}

// TestNoHoldBeforeTheAnswer: an early dialog may be one way, and is not answered
// by that.
func TestNoHoldBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(app("early", func(ctx context.Context, s core.Session, _ string) error { return s.PreAnswer(ctx) }))
		w.Plan["test"] = []string{"early", "sleep 2s", "answer", "sleep 1s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		c.leg.Post(core.Offered{Description: direction(media.SendOnly)})
		synctest.Wait()
		if c.Progress() != core.ProgressEarly {
			t.Errorf("progress %s, want early", c.Progress())
		}
		c.ended(t)
		if !slices.Contains(c.leg.Calls(), "answer") {
			t.Errorf("leg was asked %q: the call was not answered", c.leg.Calls())
		}
	})
}

func TestHoldOfACallThatIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"sleep 2s"}
		c := incoming(t, w, coretest.Describe())
		synctest.Wait()
		if err := c.Hold(t.Context(), true); err == nil {
			t.Error("held, though nobody answered")
		}
		c.ended(t)
	})
}
