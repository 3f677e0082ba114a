// Package apptest helps to test dialplan applications: an in-memory
// [Session] that records what an application does to a call, and [Run], the
// conformance suite that every application must pass. It is used by tests only.
//
// Waiting is by package time and by contexts: inside of a testing/synctest
// bubble a whole call runs on virtual time.
package apptest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

var _ core.Session = (*Session)(nil)

// Session is a call without a far end. The exported fields are set before the
// application runs; they are read, not written, afterwards.
type Session struct {
	// Caller is the caller profile the session begins with.
	Caller core.CallerProfile
	// Way is the direction.
	Way core.Direction
	// Globals are what is looked up after variables and profile.
	Globals map[string]string
	// Functions run ${name(args)}; without one a function has no value.
	Functions func(ctx context.Context, name, args string) (string, error)
	// Digits are what the far end presses, one each DigitEvery (default 100 ms)
	// of waiting for it.
	Digits     string
	DigitEvery time.Duration
	// Fail makes the signaling and media methods of that name fail: "Answer".
	Fail map[string]error
	// Bridged is what Bridge returns; BridgeFor how long it lasts.
	Bridged   core.BridgeResult
	BridgeFor time.Duration
	// Others are the sessions that Other finds.
	Others map[core.ChannelID]core.Session
	// RateHz is the rate the far end hears; 8000 if 0.
	RateHz int

	id     core.ChannelID
	callID core.CallID
	ended  chan struct{}

	mu       sync.Mutex
	vars     map[string]string // lower-case names
	exports  map[string]bool   // lower-case name → local
	profile  core.CallerProfile
	started  bool
	progress core.Progress
	state    core.State
	times    core.Times
	digits   string
	done     []string
	media    bool
	cause    core.Cause
	hungUp   bool
	journal  []core.JournalEntry
	taps     map[string]tap
}

// New returns an inbound session from 1000 to 1001 with the variables.
func New(vars map[string]string) *Session {
	s := &Session{
		Caller: core.CallerProfile{
			Dialplan: "XML", Context: "default", CallerIDName: "Alice", CallerIDNumber: "1000", Username: "1000",
			DestinationNumber: "1001", Source: "mod_test", ChanName: "test/1000",
		},
		id: core.NewChannelID(), callID: core.NewCallID(), ended: make(chan struct{}),
		vars: map[string]string{}, exports: map[string]bool{}, taps: map[string]tap{}, state: core.StateExecute,
	}
	s.Caller.UUID = s.id
	for name, value := range vars {
		s.vars[strings.ToLower(name)] = value
	}
	return s
}

// begin copies what the test set into what the session owns. The caller holds mu.
func (s *Session) begin() {
	if s.started {
		return
	}
	s.started = true
	s.profile, s.digits = s.Caller, s.Digits
	s.times.Created = time.Now()
}

// lock locks and returns the unlock.
func (s *Session) lock() func() {
	s.mu.Lock()
	s.begin()
	return s.mu.Unlock
}

// did records that a method was called.
func (s *Session) did(method string, args ...any) {
	line := method
	for _, a := range args {
		if text := fmt.Sprint(a); text != "" {
			line += " " + text
		}
	}
	s.done = append(s.done, line)
}

// Done lists what the application did to the call: one line per method that
// changes something, "Answer", "Hangup USER_BUSY application", in order.
func (s *Session) Done() []string {
	defer s.lock()()
	return append([]string(nil), s.done...)
}

// UsedMedia reports whether a method was called that needs media.
func (s *Session) UsedMedia() bool {
	defer s.lock()()
	return s.media
}

// Exported lists the exported variables: name → whether it is local as well.
func (s *Session) Exported() map[string]bool {
	defer s.lock()()
	return maps.Clone(s.exports)
}

// Entries are the journal entries.
func (s *Session) Entries() []core.JournalEntry {
	defer s.lock()()
	return append([]core.JournalEntry(nil), s.journal...)
}

// HungUp reports whether Hangup, Refuse or Redirect ended the call, and why.
func (s *Session) HungUp() (core.Cause, bool) {
	defer s.lock()()
	return s.cause, s.hungUp
}

// end ends the call. The caller holds mu.
func (s *Session) end(c core.Cause) {
	if s.hungUp {
		return
	}
	s.hungUp, s.cause = true, c
	s.state, s.progress = core.StateHangup, core.ProgressEnded
	close(s.ended)
}

// errEnded is what methods return after the end.
func (s *Session) errEnded() error {
	defer s.lock()()
	return &core.HangupError{Cause: s.cause, By: core.ByApp}
}

// signal is the common part of methods that act on a call that must be up.
func (s *Session) signal(ctx context.Context, method string, media bool, args ...any) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	defer s.lock()()
	s.did(method, args...)
	s.media = s.media || media
	if s.hungUp {
		return &core.HangupError{Cause: s.cause, By: core.ByApp}
	}
	return s.Fail[method]
}

// wait waits for a time, the end of ctx or of the call.
func (s *Session) wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
		return s.errEnded()
	}
}

// ID implements core.Identity.
func (s *Session) ID() core.ChannelID { return s.id }

// CallID implements core.Identity.
func (s *Session) CallID() core.CallID { return s.callID }

// Direction implements core.Identity.
func (s *Session) Direction() core.Direction { return s.Way }

// Profile implements core.Identity.
func (s *Session) Profile() core.CallerProfile {
	defer s.lock()()
	return s.profile
}

// State implements core.Identity.
func (s *Session) State() core.State {
	defer s.lock()()
	return s.state
}

// Progress implements core.Identity.
func (s *Session) Progress() core.Progress {
	defer s.lock()()
	return s.progress
}

// Times implements core.Identity.
func (s *Session) Times() core.Times {
	defer s.lock()()
	return s.times
}

// Peer implements core.Identity.
func (s *Session) Peer() core.ChannelID {
	defer s.lock()()
	return s.Bridged.Peer
}

// Var implements core.Variables.
func (s *Session) Var(name string) string {
	v, _ := s.LookupVar(name)
	return v
}

// LookupVar implements core.Variables.
func (s *Session) LookupVar(name string) (string, bool) {
	defer s.lock()()
	if v, ok := s.vars[strings.ToLower(name)]; ok {
		return v, true
	}
	if v, ok := s.profile.Field(name); ok {
		return v, true
	}
	v, ok := s.Globals[name]
	return v, ok
}

// SetVar implements core.Variables.
func (s *Session) SetVar(name, value string) {
	defer s.lock()()
	s.set(name, value)
}

func (s *Session) set(name, value string) {
	if value == "" {
		delete(s.vars, strings.ToLower(name))
		return
	}
	s.vars[strings.ToLower(name)] = value
}

// Export implements core.Variables.
func (s *Session) Export(name, value string, local bool) {
	defer s.lock()()
	s.exports[strings.ToLower(name)] = local
	if local {
		s.set(name, value)
	}
}

// SetProfile implements core.Variables.
func (s *Session) SetProfile(field, value string) bool {
	defer s.lock()()
	return s.profile.SetField(field, value)
}

// AllVars implements core.Variables.
func (s *Session) AllVars() map[string]string {
	defer s.lock()()
	return maps.Clone(s.vars)
}

// Expand implements core.Variables.
func (s *Session) Expand(ctx context.Context, text string) string {
	return expand.Expand(text, scope{ctx, s})
}

// scope is the session as an environment of expansion.
type scope struct {
	ctx context.Context
	s   *Session
}

func (e scope) Lookup(name string) (string, bool) { return e.s.LookupVar(name) }

func (e scope) Call(name, args string) (string, error) {
	if e.s.Functions == nil {
		return "", errors.New("no functions here")
	}
	return e.s.Functions(e.ctx, name, args)
}
