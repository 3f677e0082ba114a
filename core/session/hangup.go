package session

import (
	"context"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
)

// watchAfter is when a session that does not end is named in the log, once.
const watchAfter = 5 * time.Second

// releaseLimit is how long an endpoint may take to end a leg: a BYE's or
// CANCEL's Timer F of 64·T1 = 32 s (RFC 3261 §17.1.2.2) and some more.
const releaseLimit = 40 * time.Second

// hurryLimit is the same when the switch shuts down: the goodbye is sent, its
// answer is not worth the wait.
const hurryLimit = 2 * time.Second

// Hangup implements core.Session: it asks for the end and returns at once.
func (s *Session) Hangup(c core.Cause, by core.Hanger) {
	s.ending.Store(true)
	s.post(hangupRequest{cause: c, by: by})
}

// Refuse implements core.Session.
func (s *Session) Refuse(status int, phrase string, c core.Cause) {
	s.RefuseFor(status, phrase, c, core.ByApp)
}

// RefuseFor is Refuse on behalf of somebody else: the callee whose answer is
// passed back.
func (s *Session) RefuseFor(status int, phrase string, c core.Cause, by core.Hanger) {
	if by == "" {
		by = core.ByApp
	}
	s.ending.Store(true)
	s.post(hangupRequest{cause: c, by: by, refusal: core.Release{SIPStatus: status, Phrase: phrase}})
}

// HangupElsewhere ends a leg that lost the race: somebody else answered.
func (s *Session) HangupElsewhere(c core.Cause) {
	s.ending.Store(true)
	s.post(hangupRequest{cause: c, by: core.BySwitch, refusal: core.Release{Elsewhere: true}})
}

type hangupRequest struct {
	cause   core.Cause
	by      core.Hanger
	refusal core.Release
}

func (m hangupRequest) handle(s *Session) {
	if s.ch.State() < core.StateHangup {
		s.refusal = m.refusal
	}
	s.hangup(m.cause, m.by)
}

// Redirect implements core.Session: 302 before the answer.
func (s *Session) Redirect(ctx context.Context, contacts []string) error {
	reply := make(chan error, 1)
	return s.ask(ctx, redirectRequest{contacts, reply}, reply)
}

type redirectRequest struct {
	contacts []string
	reply    chan<- error
}

func (m redirectRequest) handle(s *Session) {
	if !s.alive() {
		m.reply <- s.endedError()
		return
	}
	r, ok := s.leg.(core.Redirector)
	if !ok || s.direction == core.Outbound || s.facts.currentProgress().Answered() {
		m.reply <- core.ErrUnsupported
		return
	}
	r.Redirect(m.contacts)
	s.hangup(core.CauseRedirectionToNewDest, core.ByApp)
	m.reply <- nil
}

// releaseLeg asks the endpoint to end the leg. Without a leg there is nothing
// to wait for.
func (s *Session) releaseLeg() {
	if s.leg == nil {
		s.must(legMessage{core.Released{}})
		return
	}
	if s.released {
		return
	}
	s.released = true
	cause, _ := s.ch.Cause()
	r := s.refusal
	r.Cause = cause
	s.watchEnd()
	s.leg.Release(r)
}

// watchEnd gives the end its time.
func (s *Session) watchEnd() {
	if s.stuck != nil {
		s.stuck.Stop()
	}
	if s.hurry {
		s.stuck = time.AfterFunc(hurryLimit, func() { s.must(stuckMessage{}) })
		return
	}
	s.stuck = time.AfterFunc(watchAfter, func() { s.must(slowMessage{}) })
}

// shutDown hangs up, and hurries who has hung up already.
func (s *Session) shutDown() {
	s.hurry = true
	if s.ch.State() == core.StateHangup {
		s.watchEnd()
		return
	}
	s.hangup(core.CauseSystemShutdown, core.BySwitch)
}

// slowMessage: the channel has not ended a while after its hangup. A leg may
// wait for a far end that does not answer; an application has no excuse.
type slowMessage struct{}

func (slowMessage) handle(s *Session) {
	if s.ch.State() != core.StateHangup || s.hurry {
		return
	}
	s.stuck = time.AfterFunc(releaseLimit-watchAfter, func() { s.must(stuckMessage{}) })
	if s.ch.AppRunning() {
		last := s.facts.lastApp()
		s.log.Error("application does not end", "app", last.App, "dur", watchAfter)
		return
	}
	s.log.Debug("leg does not end yet", "dur", watchAfter)
}

// stuckMessage: the endpoint did not report Released in time.
type stuckMessage struct{}

func (stuckMessage) handle(s *Session) {
	if s.ch.State() != core.StateHangup {
		return
	}
	s.guard(func() {
		if s.leg == nil {
			return
		}
		st := s.leg.Snapshot()
		if n, err := strconv.Atoi(st.Values["status"]); err == nil && s.sipStatus == 0 {
			s.sipStatus = n // what Released would have said
		}
		if !s.hurry || s.ch.AppRunning() {
			s.log.Error("leg does not end", "leg", st.State, "app", s.ch.AppRunning())
		}
	})
	_ = s.step(channel.Released, 0, "")
}

// closeMedia ends taps, playbacks and the stream, in this order, so that
// recordings have all their sound.
func (s *Session) closeMedia() {
	s.background.end()
	for name, t := range s.taps {
		delete(s.taps, name)
		s.guard(t.Close)
		s.announce("record.finished", map[string]any{"path": name})
	}
	switch {
	case s.stream != nil:
		s.guard(s.stream.Close)
	case s.local.Ready != nil:
		s.guard(s.local.Ready.Close) // a pipe that nothing was heard through
	}
	for id, p := range s.playbacks {
		p.finish(playEnd{interrupted: true})
		delete(s.playbacks, id)
	}
}
