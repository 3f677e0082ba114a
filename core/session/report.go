package session

import (
	"slices"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
)

// announce publishes a notice about this channel.
func (s *Session) announce(kind string, data map[string]any) {
	if s.cfg.Deps.Events == nil {
		return
	}
	s.cfg.Deps.Events.Publish(core.Notice{Type: kind, Time: time.Now(), CallID: s.callID, LegID: s.id, Data: data})
}

func (s *Session) announceCreated() {
	p := s.Profile()
	s.log.Info("call started", "leg", legName(s.direction), "from", p.CallerIDNumber, "to", p.DestinationNumber, "context", p.Context)
	s.announce("leg.created", map[string]any{
		"direction": s.direction.String(), "name": s.Name(), "from": p.CallerIDNumber, "to": p.DestinationNumber, "context": p.Context,
	})
}

func legName(d core.Direction) string {
	if d == core.Outbound {
		return "b"
	}
	return "a"
}

// endMilestones is what a hangup does before anything else, step by step so
// that trouble in one does not keep the next from happening. Applications are
// stopped first: one whose playback ends with the call must not go on to its
// next step. Watchers are told at once, before the endpoint is done: the other
// leg must not wait for our BYE's answer.
func (s *Session) endMilestones() {
	cause, by := s.ch.Cause()
	s.facts.setEnded(cause, by)
	s.ending.Store(true)
	s.cancel(&core.HangupError{Cause: cause, By: by})
	s.facts.advance(core.ProgressEnded)
	s.facts.set("hangup_cause", cause.String())
	s.facts.set("hangup_cause_q850", strconv.Itoa(cause.Q850()))
	s.facts.noteTimes()
	s.Journal(core.JournalEntry{Kind: core.JournalHangup, Sentence: "hangup", Data: []any{"cause", cause.String(), "by", string(by), "sip_status", s.sipStatus}})
	phrase, _ := s.facts.lookup("sip_hangup_phrase")
	s.guard(func() { s.saw(SawEnded{Cause: cause, By: by, Status: s.sipStatus, Phrase: phrase}) })
	s.watcher = nil
	s.facts.setPeer("", "")
	s.guard(s.closeMedia)
	for _, w := range s.confirmed {
		w <- s.endedError()
	}
	s.confirmed = nil
	s.reoffer.fail(s.endedError())
}

// report hands over the record and tells the world; the channel is destroyed
// next, whatever happens here.
func (s *Session) report() {
	defer func() { _ = s.step(channel.Reported, 0, "") }()
	rec := s.record()
	if r := s.cfg.Deps.Records; r != nil {
		r.Write(rec)
	}
	var dur time.Duration
	if !rec.Times.Answered.IsZero() {
		dur = rec.Times.Ended.Sub(rec.Times.Answered)
	}
	s.announce("leg.ended", map[string]any{
		"cause": rec.Cause.String(), "q850": rec.Cause.Q850(), "hung_up_by": string(rec.HungUpBy), "sip_status": rec.SIPStatus, "billsec": int(dur.Seconds()),
	})
	s.log.Info("call ended", "leg", legName(s.direction), "cause", rec.Cause.String(), "by", string(rec.HungUpBy), "dur", dur)
}

func (s *Session) record() core.Record {
	f := &s.facts
	f.mu.Lock()
	rec := core.Record{
		CallID: s.callID, LegID: s.id, Direction: s.direction, Endpoint: s.endpoint, Name: f.name, Profile: f.profile, Times: f.times,
		Cause: f.cause, HungUpBy: f.by, SIPStatus: s.sipStatus, Peer: f.lastPeer, Codec: f.using.String(), Apps: slices.Clone(f.steps),
	}
	stream := f.stream
	f.mu.Unlock()
	if f.format().IsZero() {
		rec.Codec = ""
	}
	rec.Profile.UUID = s.id
	last := f.lastApp()
	rec.LastApp, rec.LastArg = last.App, last.Data
	if stream != nil {
		st := stream.Stats()
		rec.Media = &st
	}
	rec.Variables = f.all()
	return rec
}
