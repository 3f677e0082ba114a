package apptest

import (
	"context"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Ring implements core.Signaling.
func (s *Session) Ring(ctx context.Context) error {
	return s.advance(ctx, "Ring", core.ProgressRinging)
}

// PreAnswer implements core.Signaling.
func (s *Session) PreAnswer(ctx context.Context) error {
	return s.advance(ctx, "PreAnswer", core.ProgressEarly)
}

// Answer implements core.Signaling.
func (s *Session) Answer(ctx context.Context) error {
	return s.advance(ctx, "Answer", core.ProgressAnswered)
}

func (s *Session) advance(ctx context.Context, method string, to core.Progress) error {
	if err := s.signal(ctx, method, false); err != nil {
		return err
	}
	defer s.lock()()
	s.progress = max(s.progress, to)
	if to == core.ProgressAnswered && s.times.Answered.IsZero() {
		s.times.Answered = time.Now()
	}
	return nil
}

// Hangup implements core.Signaling.
func (s *Session) Hangup(c core.Cause, by core.Hanger) {
	defer s.lock()()
	s.did("Hangup", c, string(by))
	s.end(c)
}

// Refuse implements core.Signaling.
func (s *Session) Refuse(status int, phrase string, c core.Cause) {
	defer s.lock()()
	s.did("Refuse", status, phrase)
	s.end(c)
}

// Redirect implements core.Signaling.
func (s *Session) Redirect(ctx context.Context, contacts []string) error {
	if err := s.signal(ctx, "Redirect", false, strings.Join(contacts, ",")); err != nil {
		return err
	}
	defer s.lock()()
	s.end(core.CauseRedirectionToNewDest)
	return nil
}

// Hold implements core.Signaling.
func (s *Session) Hold(ctx context.Context, on bool) error {
	return s.signal(ctx, "Hold", false, on)
}

// Bridge implements core.Routing: it lasts BridgeFor and returns Bridged.
func (s *Session) Bridge(ctx context.Context, dial string) (core.BridgeResult, error) {
	if err := s.signal(ctx, "Bridge", false, dial); err != nil {
		return core.BridgeResult{}, err
	}
	if err := s.wait(ctx, s.BridgeFor); err != nil {
		return core.BridgeResult{}, err
	}
	return s.Bridged, nil
}

// Transfer implements core.Routing.
func (s *Session) Transfer(extension, dialplan, context string) error {
	defer s.lock()()
	s.did("Transfer", extension, dialplan, context)
	if s.hungUp {
		return core.ErrEnded
	}
	return s.Fail["Transfer"]
}

// ExecuteExtension implements core.Routing.
func (s *Session) ExecuteExtension(ctx context.Context, extension, dialplan, context string) error {
	return s.signal(ctx, "ExecuteExtension", false, extension, dialplan, context)
}

// Execute implements core.Routing.
func (s *Session) Execute(ctx context.Context, app, args string) error {
	return s.signal(ctx, "Execute", false, app, args)
}

// Park implements core.Routing.
func (s *Session) Park(ctx context.Context, timeout time.Duration) error {
	if err := s.signal(ctx, "Park", false, timeout); err != nil {
		return err
	}
	if timeout > 0 {
		return s.wait(ctx, timeout)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
		return s.errEnded()
	}
}

// Other implements core.Routing.
func (s *Session) Other(id core.ChannelID) core.Session {
	defer s.lock()()
	return s.Others[id]
}

// Journal implements core.Routing.
func (s *Session) Journal(e core.JournalEntry) {
	defer s.lock()()
	s.journal = append(s.journal, e)
}
