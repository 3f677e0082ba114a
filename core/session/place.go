package session

import (
	"errors"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
	"github.com/tandemswitch/tandem/media"
)

// placing is how the leg of an outbound session is made.
type placing struct {
	endpoint core.Endpoint
	request  core.Outgoing
	prefer   []media.Format
}

// placeLeg prepares the target, binds media, and starts the call.
func (s *Session) placeLeg() {
	if err := s.tryPlace(); err != nil {
		ce, ok := asCauseError(err)
		if !ok {
			ce = &core.CauseError{Cause: core.CauseDestinationOutOfOrder, Err: err}
		}
		s.Journal(core.JournalEntry{Kind: core.JournalOriginate, Sentence: "leg not placed", Data: []any{"target", s.place.request.Target, "err", err.Error()}})
		s.sipStatus = ce.SIPStatus
		s.hangup(ce.Cause, core.BySwitch)
		return
	}
	_ = s.step(channel.Wait, 0, "")
}

func (s *Session) tryPlace() error {
	pl := s.place
	p, err := pl.endpoint.Prepare(pl.request)
	if err != nil {
		return err
	}
	if name := pl.request.Variables["origination_channel_name"]; name != "" {
		p.Name = name
	}
	s.facts.rename(p.Name)
	s.local = p.Local
	if err := s.openStream(); err != nil {
		cause := core.CauseNormalTemporaryFailure
		if errors.Is(err, media.ErrNoPort) {
			cause = core.CauseNormalCircuitCongestion
		}
		return &core.CauseError{Cause: cause, Err: err}
	}
	leg, err := pl.endpoint.Place(pl.request, p, s.stream.Offer(s.policy(pl.prefer)), s.Inbox())
	if err != nil {
		return err
	}
	s.leg = leg
	return nil
}
