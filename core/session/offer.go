package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// holding says who asks for silence: the far end, us, or both.
type holding struct{ far, us bool }

func (h holding) on() bool { return h.far || h.us }

// reoffer is what is under way with offers of ours in a call that is up: one at
// a time, the others wait.
type reoffer struct {
	kind  offerKind
	stale bool         // kind ours: an offer of the far end was answered since
	hold  bool         // kind ours: it puts the far end on hold
	reply chan<- error // kind ours: who waits for the outcome
	queue []holdRequest
}

type offerKind uint8

const (
	noOffer offerKind = iota
	ours              // a re-INVITE of ours
	replied           // our offer in the reply to an offer-less re-INVITE
)

// done ends what is under way and returns what it was.
func (r *reoffer) done(err error) (kind offerKind, hold bool) {
	kind, hold = r.kind, r.hold
	if r.reply != nil {
		r.reply <- err
	}
	r.kind, r.stale, r.hold, r.reply = noOffer, false, false, nil
	return kind, hold
}

// fail answers everybody: the call ended.
func (r *reoffer) fail(err error) {
	r.done(err)
	for _, m := range r.queue {
		m.reply <- err
	}
	r.queue = nil
}

// reofferPolicy is what we may agree on in a call that is up: what is used now
// first, and no sound from a far end that we hold.
func (s *Session) reofferPolicy(hold bool) media.Policy {
	p := s.policy([]media.Format{s.facts.format()})
	if hold {
		p.Direction = media.SendOnly
	}
	return p
}

// farOffered answers the far end's offer in a call: media address, codec or
// hold change. A far end that offers nothing gets our offer (RFC 3261 §14.1).
func (s *Session) farOffered(ev core.Offered) {
	if !s.alive() {
		return // the leg is being released: the endpoint refuses by itself
	}
	if s.stream == nil {
		// UPDATE or re-INVITE before any media was agreed on.
		s.leg.Reply(nil, core.CauseIncompatibleDestination)
		return
	}
	p := s.reofferPolicy(s.hold.us)
	if ev.Description == nil {
		if s.reoffer.kind == noOffer {
			s.reoffer.kind = replied
		}
		s.leg.Reply(s.stream.Offer(p), core.CauseNone)
		return
	}
	d, err := s.stream.Answer(ev.Description, p)
	if err != nil {
		// RFC 3261 §14.2: the session stays as it was.
		s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "offer refused", Data: []any{"err", err.Error()}})
		s.leg.Reply(nil, core.CauseIncompatibleDestination)
		return
	}
	s.leg.Reply(d, core.CauseNone)
	s.reoffer.stale = s.reoffer.kind == ours
	s.announce("leg.reinvite", map[string]any{"direction": audioDirection(ev.Description)})
	s.negotiated()
	s.setHold(holding{far: ev.Description.OnHold(), us: s.hold.us})
}

func audioDirection(d *media.Description) string {
	if st, _ := d.Audio(); st != nil {
		return st.Direction.String()
	}
	return "none"
}

// setHold notes who holds. The world and the bridge see one hold, whoever asks
// for it. Before the answer there is none: an early dialog may well be one way.
func (s *Session) setHold(h holding) {
	if !s.facts.currentProgress().Answered() {
		return
	}
	before := s.hold.on()
	s.hold = h
	if h.on() == before {
		return
	}
	if h.on() {
		s.facts.advance(core.ProgressHeld)
		s.announce("call.held", nil)
	} else {
		s.facts.advance(core.ProgressAnswered)
		s.announce("call.resumed", nil)
	}
	s.saw(SawHold{On: h.on()})
}

// Hold implements core.Session: we put the far end on hold by a re-INVITE, or
// take it off. It waits for the far end's answer.
func (s *Session) Hold(ctx context.Context, on bool) error {
	reply := make(chan error, 1)
	return s.askLong(ctx, holdRequest{on, reply}, reply)
}

type holdRequest struct {
	on    bool
	reply chan<- error
}

func (m holdRequest) handle(s *Session) {
	switch {
	case !s.alive():
		m.reply <- s.endedError()
	case !s.facts.currentProgress().Answered() || s.stream == nil:
		m.reply <- fmt.Errorf("hold: the call is not answered: %w", core.ErrUnsupported)
	case s.reoffer.kind != noOffer:
		s.reoffer.queue = append(s.reoffer.queue, m)
	case m.on == s.hold.us:
		m.reply <- nil
	default:
		s.reoffer.kind, s.reoffer.hold, s.reoffer.reply = ours, m.on, m.reply
		s.leg.Offer(s.stream.Offer(s.reofferPolicy(m.on)))
	}
}

// farAnsweredOffer: the far end answered our offer. Its answer to a hold says
// nothing about a hold of its own (RFC 3264 §6.1: sendonly is answered with
// recvonly or inactive).
func (s *Session) farAnsweredOffer(ev core.OfferAnswered) {
	if !s.alive() || s.stream == nil {
		return
	}
	err := s.stream.Accept(ev.Description)
	kind, hold := s.reoffer.done(err)
	if err != nil {
		s.log.Warn("answer to our offer refused", "err", err)
		s.nextOffer()
		return
	}
	s.negotiated()
	h := s.hold
	if kind == ours {
		h.us = hold
	}
	if !h.us {
		h.far = ev.Description.OnHold()
	}
	s.setHold(h)
	s.nextOffer()
}

// requestPending is the status of an offer that crossed another one.
const requestPending = 491

// farRejectedOffer: our offer was refused; media stay as they were. An offer
// that the far end's own one overtook (491, RFC 3261 §14.1) is made anew, so that
// what was agreed on meanwhile is in it. The endpoint reports the 491 when it is
// time to try again.
func (s *Session) farRejectedOffer(ev core.OfferRejected) {
	if ev.Status == requestPending && s.reoffer.kind == ours && s.reoffer.stale && s.alive() {
		s.reoffer.stale = false
		s.leg.Offer(s.stream.Offer(s.reofferPolicy(s.reoffer.hold)))
		return
	}
	s.reoffer.done(&core.CauseError{Cause: ev.Cause, SIPStatus: ev.Status, Err: errors.New("offer refused by the far end")})
	s.nextOffer()
}

// nextOffer takes up what waited.
func (s *Session) nextOffer() {
	for s.reoffer.kind == noOffer && len(s.reoffer.queue) > 0 {
		m := s.reoffer.queue[0]
		s.reoffer.queue = s.reoffer.queue[1:]
		m.handle(s)
	}
}
