package session

import (
	"context"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/media"
)

var _ core.Session = (*Session)(nil)

// ID implements core.Session.
func (s *Session) ID() core.ChannelID { return s.id }

// CallID implements core.Session.
func (s *Session) CallID() core.CallID { return s.callID }

// Direction implements core.Session.
func (s *Session) Direction() core.Direction { return s.direction }

// Profile implements core.Session.
func (s *Session) Profile() core.CallerProfile {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	p := s.facts.profile
	p.UUID = s.id
	return p
}

// State implements core.Session.
func (s *Session) State() core.State {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.state
}

// Progress implements core.Session.
func (s *Session) Progress() core.Progress { return s.facts.currentProgress() }

// Times implements core.Session.
func (s *Session) Times() core.Times {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.times
}

// Peer implements core.Session.
func (s *Session) Peer() core.ChannelID {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.peer
}

// Name is the channel's name, e.g. sofia/internal/1000@example.com.
func (s *Session) Name() string {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.name
}

// Offered returns the formats of the far end's first offer, in its order.
func (s *Session) Offered() []media.Format {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.offered
}

// Info is a snapshot for queries; variables are copied only if asked for.
func (s *Session) Info(withVars bool) core.ChannelInfo {
	f := &s.facts
	f.mu.Lock()
	info := core.ChannelInfo{
		ID: s.id, CallID: s.callID, Name: f.name, Endpoint: s.endpoint, Direction: s.direction, State: f.state,
		Progress: f.progress, Profile: f.profile, Times: f.times, App: f.app, AppArg: f.arg, Peer: f.peer, Cause: f.cause,
	}
	stream := f.stream
	f.mu.Unlock()
	info.Profile.UUID = s.id
	if stream != nil {
		st := stream.Stats()
		info.Media = &st
	}
	if withVars {
		info.Variables = f.all()
	}
	return info
}

// Var implements core.Session.
func (s *Session) Var(name string) string {
	v, _ := s.LookupVar(name)
	return v
}

// LookupVar implements core.Session: channel variable, profile field, global.
func (s *Session) LookupVar(name string) (string, bool) {
	if v, ok := s.facts.lookup(name); ok {
		return v, true
	}
	if strings.EqualFold(name, "uuid") {
		return string(s.id), true
	}
	if strings.EqualFold(name, "call_uuid") {
		return string(s.callID), true
	}
	if v, ok := s.facts.field(name); ok {
		return v, true
	}
	if g := s.cfg.Deps.Globals; g != nil {
		return g.Global(name)
	}
	return "", false
}

// SetVar implements core.Session.
func (s *Session) SetVar(name, value string) {
	s.facts.set(name, value)
	s.Journal(core.JournalEntry{Kind: core.JournalVariable, Sentence: "variable set", Data: []any{"name", name, "value", value}})
}

// Export implements core.Session.
func (s *Session) Export(name, value string, local bool) {
	if !local {
		s.facts.exportOnly(name, value)
		return
	}
	s.SetVar(name, value)
	s.facts.export(name)
}

// SetProfile implements core.Session.
func (s *Session) SetProfile(field, value string) bool { return s.facts.setProfile(field, value) }

// AllVars implements core.Session.
func (s *Session) AllVars() map[string]string { return s.facts.all() }

// Expand implements core.Session.
func (s *Session) Expand(ctx context.Context, text string) string {
	return expand.Expand(text, scope{ctx, s})
}

// scope is the environment of ${…} on a channel.
type scope struct {
	ctx context.Context
	s   *Session
}

// Lookup implements expand.Env.
func (e scope) Lookup(name string) (string, bool) { return e.s.LookupVar(name) }

// Call implements expand.Env: an API function.
func (e scope) Call(name, args string) (string, error) {
	if e.s.cfg.Deps.Commands == nil {
		return "", core.ErrNotFound
	}
	c, ok := e.s.cfg.Deps.Commands.Find(name)
	if !ok {
		return "", core.ErrNotFound
	}
	return c.Run(e.ctx, e.s, args)
}

// Journal implements core.Session.
func (s *Session) Journal(e core.JournalEntry) {
	j := s.cfg.Deps.Journal
	if j == nil {
		return
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.Leg = s.id
	j.Note(s.callID, e)
}

// Other implements core.Session.
func (s *Session) Other(id core.ChannelID) core.Session {
	if o := s.cfg.Find(id); o != nil {
		return o
	}
	return nil
}

// SampleRateHz implements core.Session.
func (s *Session) SampleRateHz() int {
	if f := s.facts.format(); !f.IsZero() {
		return f.SampleRateHz()
	}
	return 8000
}

// Using is the format the far end hears now; zero before negotiation.
func (s *Session) Using() media.Format { return s.facts.format() }
