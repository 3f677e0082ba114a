package session

import (
	"context"
	"errors"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

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
	p := s.policy([]media.Format{s.facts.format()})
	if ev.Description == nil {
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
	s.announce("leg.reinvite", map[string]any{"direction": audioDirection(ev.Description)})
	s.negotiated()
	s.farHold(ev.Description.OnHold())
}

func audioDirection(d *media.Description) string {
	if st, _ := d.Audio(); st != nil {
		return st.Direction.String()
	}
	return "none"
}

// farHold notes that the far end put us on hold or took us off.
func (s *Session) farHold(on bool) {
	if on == s.heldByFar {
		return
	}
	s.heldByFar = on
	if on {
		s.facts.advance(core.ProgressHeld)
		s.announce("call.held", nil)
	} else {
		s.facts.advance(core.ProgressAnswered)
		s.announce("call.resumed", nil)
	}
	s.saw(SawHold{On: on})
}

// Hold implements core.Session: we put the far end on hold by a re-INVITE.
func (s *Session) Hold(ctx context.Context, on bool) error {
	reply := make(chan error, 1)
	return s.ask(ctx, holdRequest{on, reply}, reply)
}

type holdRequest struct {
	on    bool
	reply chan<- error
}

func (m holdRequest) handle(s *Session) {
	if !s.alive() || !s.facts.currentProgress().Answered() || s.stream == nil {
		m.reply <- s.endedError()
		return
	}
	p := s.policy([]media.Format{s.facts.format()})
	if m.on {
		p.Direction = media.SendOnly
	}
	s.reoffers = append(s.reoffers, m.reply)
	s.leg.Offer(s.stream.Offer(p))
}

// farAnsweredOffer: the far end answered our re-INVITE.
func (s *Session) farAnsweredOffer(ev core.OfferAnswered) {
	if !s.alive() || s.stream == nil {
		return
	}
	err := s.stream.Accept(ev.Description)
	if err == nil {
		s.negotiated()
		s.farHold(ev.Description.OnHold())
	} else {
		s.log.Warn("answer to our offer refused", "err", err)
	}
	s.answerReoffer(err)
}

// farRejectedOffer: our re-INVITE was refused; media stay as they were.
func (s *Session) farRejectedOffer(ev core.OfferRejected) {
	s.answerReoffer(&core.CauseError{Cause: ev.Cause, SIPStatus: ev.Status, Err: errors.New("offer refused by the far end")})
}

func (s *Session) answerReoffer(err error) {
	if len(s.reoffers) == 0 {
		return
	}
	s.reoffers[0] <- err
	s.reoffers = s.reoffers[1:]
}
