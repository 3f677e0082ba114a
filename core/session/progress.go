package session

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// advance moves the far end's progress and tells the world, once each.
func (s *Session) advance(p core.Progress) bool {
	if !s.facts.advance(p) {
		return false
	}
	switch p {
	case core.ProgressRinging:
		s.announce("call.ringing", nil)
		s.saw(SawRinging{})
		s.executeBeside(OnRing)
	case core.ProgressEarly:
		s.announce("call.early_media", nil)
		s.saw(SawEarlyMedia{})
		s.executeBeside(OnPreAnswer, OnMedia)
	case core.ProgressAnswered:
		s.announce("call.answered", map[string]any{"codec": s.facts.format().String()})
		s.saw(SawAnswered{})
		if s.direction == core.Outbound {
			s.executeBeside(OnAnswer)
		}
		s.executeBeside(OnMedia)
	}
	return true
}

// Ring implements core.Session: 180 to a far end that called us.
func (s *Session) Ring(ctx context.Context) error {
	reply := make(chan error, 1)
	return s.ask(ctx, ringRequest{reply}, reply)
}

type ringRequest struct{ reply chan<- error }

func (m ringRequest) handle(s *Session) {
	m.reply <- nil
	if s.direction == core.Outbound || !s.alive() || s.facts.currentProgress() >= core.ProgressRinging {
		return
	}
	s.leg.Ring()
	s.advance(core.ProgressRinging)
}

// PreAnswer implements core.Session: early media to a far end that called us.
func (s *Session) PreAnswer(ctx context.Context) error { return s.PreAnswerWith(ctx, nil) }

// PreAnswerWith is PreAnswer that prefers the codecs the other leg uses.
func (s *Session) PreAnswerWith(ctx context.Context, prefer []media.Format) error {
	reply := make(chan error, 1)
	return s.ask(ctx, preAnswerRequest{prefer: prefer, reply: reply}, reply)
}

type preAnswerRequest struct {
	prefer []media.Format
	reply  chan<- error
}

func (m preAnswerRequest) handle(s *Session) {
	if !s.alive() {
		m.reply <- s.endedError()
		return
	}
	if s.direction == core.Outbound || s.described {
		m.reply <- nil
		return
	}
	if s.lateOffer {
		// An offer in an unreliable 183 has no answer until the ACK
		// (RFC 3261 §13.2.1): the far end is rung instead.
		ringRequest{m.reply}.handle(s)
		return
	}
	d, err := s.describe(m.prefer)
	if err != nil {
		m.reply <- err
		s.failMedia(err)
		return
	}
	s.leg.Progress(d)
	m.reply <- nil
	s.advance(core.ProgressEarly)
}

// Answer implements core.Session. For a late offer it waits for the ACK that
// brings the far end's answer.
func (s *Session) Answer(ctx context.Context) error { return s.AnswerWith(ctx, nil) }

// AnswerWith is Answer that prefers the codecs the other leg uses: the
// cheapest path.
func (s *Session) AnswerWith(ctx context.Context, prefer []media.Format) error {
	reply := make(chan error, 1)
	if err := s.askLong(ctx, answerRequest{prefer, reply}, reply); err != nil {
		return err
	}
	if s.direction == core.Inbound {
		s.ExecuteOn(ctx, OnAnswer)
	}
	return nil
}

type answerRequest struct {
	prefer []media.Format
	reply  chan<- error
}

func (m answerRequest) handle(s *Session) {
	switch {
	case !s.alive():
		m.reply <- s.endedError()
		return
	case s.direction == core.Outbound:
		m.reply <- nil
		return
	case s.facts.currentProgress().Answered():
		if s.waitsForAnswer() {
			s.confirmed = append(s.confirmed, m.reply)
			return
		}
		m.reply <- nil
		return
	}
	var d *media.Description
	if !s.described {
		var err error
		if d, err = s.describe(m.prefer); err != nil {
			m.reply <- err
			s.failMedia(err)
			return
		}
	}
	s.leg.Answer(d)
	if s.waitsForAnswer() {
		s.confirmed = append(s.confirmed, m.reply)
	} else {
		m.reply <- nil
	}
	s.advance(core.ProgressAnswered)
}

// waitsForAnswer reports whether the far end still owes the answer to our late offer.
func (s *Session) waitsForAnswer() bool {
	if !s.lateOffer || s.stream == nil {
		return false
	}
	_, ok := s.stream.Negotiated()
	return !ok
}

// alive reports whether the channel can still be acted on.
func (s *Session) alive() bool { return s.ch.State() < core.StateHangup && s.leg != nil }

// failMedia hangs up because media could not be agreed on.
func (s *Session) failMedia(err error) {
	cause := core.CauseNormalTemporaryFailure
	if ce, ok := asCauseError(err); ok {
		cause = ce.Cause
	}
	s.log.Warn("media failed", "err", err)
	s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "media failed", Data: []any{"err", err.Error()}})
	s.hangup(cause, core.BySwitch)
}
