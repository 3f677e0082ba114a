package session

import (
	"errors"
	"strconv"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
)

func asCauseError(err error) (*core.CauseError, bool) { return errors.AsType[*core.CauseError](err) }

// farRinging: the far end of a B leg is alerted.
func (s *Session) farRinging(core.Ringing) { s.advance(core.ProgressRinging) }

// farEarlyMedia: the far end of a B leg sends media before it answers.
func (s *Session) farEarlyMedia(ev core.EarlyMedia) {
	if !s.alive() || s.direction == core.Inbound || s.facts.currentProgress().Answered() {
		return
	}
	if ev.Description == nil {
		s.advance(core.ProgressRinging)
		return
	}
	if err := s.stream.Accept(ev.Description); err != nil {
		s.failMedia(&core.CauseError{Cause: core.CauseIncompatibleDestination, Err: err})
		return
	}
	s.negotiated()
	s.advance(core.ProgressEarly)
}

// farAnswered: the far end of a B leg accepted.
func (s *Session) farAnswered(ev core.Answered) {
	if !s.alive() || s.direction == core.Inbound {
		return
	}
	if _, agreed := s.stream.Negotiated(); !agreed && ev.Description == nil {
		s.failMedia(&core.CauseError{Cause: core.CauseIncompatibleDestination, Err: errors.New("the answer has no description (RFC 3261 §13.2.1)")})
		return
	}
	if ev.Description != nil {
		if err := s.stream.Accept(ev.Description); err != nil {
			s.failMedia(&core.CauseError{Cause: core.CauseIncompatibleDestination, Err: err})
			return
		}
		s.negotiated()
	}
	s.advance(core.ProgressAnswered)
}

// farConfirmed: the far end of an A leg has our answer.
func (s *Session) farConfirmed(ev core.Confirmed) {
	if !s.alive() {
		return
	}
	if s.waitsForAnswer() {
		if ev.Description == nil {
			s.failMedia(&core.CauseError{Cause: core.CauseIncompatibleDestination, Err: errors.New("the ACK of a late offer has no answer (RFC 3261 §13.2.1)")})
			return
		}
		if err := s.stream.Accept(ev.Description); err != nil {
			s.failMedia(&core.CauseError{Cause: core.CauseIncompatibleDestination, Err: err})
			return
		}
		s.facts.setOffered(ev.Description)
		s.negotiated()
	}
	for _, w := range s.confirmed {
		w <- nil
	}
	s.confirmed = nil
}

// farRedirected: a 3xx. The contacts are left for the application or
// originate to follow; FarHangup comes next.
func (s *Session) farRedirected(ev core.Redirected) {
	s.saw(SawRedirected{ev.Contacts})
}

// farHangup: BYE, CANCEL or a refusal.
func (s *Session) farHangup(ev core.FarHangup) {
	if ev.Status != 0 {
		s.sipStatus = ev.Status
		s.facts.set("proto_specific_hangup_cause", "sip:"+strconv.Itoa(ev.Status))
		s.facts.set("sip_term_status", strconv.Itoa(ev.Status))
		s.facts.set("sip_hangup_phrase", ev.Phrase)
	}
	if ev.Reason != "" {
		s.facts.set("sip_reason", ev.Reason)
	}
	by := core.ByCaller
	if s.direction == core.Outbound {
		by = core.ByCallee
	}
	s.hangup(ev.Cause, by)
}

// legFailed: the endpoint cannot go on.
func (s *Session) legFailed(ev core.LegFailed) {
	s.Journal(core.JournalEntry{Kind: core.JournalHangup, Sentence: "leg failed", Data: []any{"cause", ev.Cause.String(), "detail", ev.Detail}})
	s.hangup(ev.Cause, core.BySwitch)
}

// hangup begins the end; only the first cause counts.
func (s *Session) hangup(c core.Cause, by core.Hanger) {
	if c == core.CauseNone {
		c = core.CauseNormalClearing // an ended channel has a cause
	}
	_ = s.step(channel.Hangup, c, by)
}
