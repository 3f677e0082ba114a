// Package exchange is the switch: it holds every live session, admits new
// ones within the limits, and ends them all at shutdown.
//
// Run starts nothing of its own; sessions run on goroutines that Run waits for.
package exchange

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/originate"
	"github.com/tandemswitch/tandem/core/session"
)

// Config are the limits of the switch (switch.conf).
type Config struct {
	MaxSessions       int           // channels at the same time; 0: no limit
	SessionsPerSecond int           // new calls per second; 0: no limit
	DrainTimeout      time.Duration // how long a shutdown waits for calls
}

// Exchange implements core.Switch and core.Calls.
type Exchange struct {
	// Immutable after New.
	cfg       Config
	deps      core.Deps
	session   *session.Config
	originate *originate.Originator
	started   time.Time

	running sync.WaitGroup
	base    context.Context // parent of sessions; ends at the hang-up of shutdown
	hangup  context.CancelFunc

	// Guarded by mu, which is held for access only.
	mu       sync.Mutex
	sessions map[core.ChannelID]*session.Session
	calls    map[core.CallID]*call
	draining bool  // no new calls; legs of those that are up may still be made
	closed   bool  // nothing at all any more
	second   int64 // the second that inSecond counts
	inSecond int
	peak     int
	total    uint64
	idle     chan struct{} // closed when draining and the last session ended
}

// call is what is known of a call as a whole.
type call struct {
	holds    int            // live channels, and an originate under way
	first    core.ChannelID // its cause is the call's
	created  time.Time
	answered bool
	cause    core.Cause
	by       core.Hanger
	cancel   context.CancelCauseFunc // ends an originate under way; nil if none is
}

// New returns an exchange. deps lacks Switch and Calls, which are the exchange
// itself. Cancelling base hangs up everything, as Close does.
func New(base context.Context, cfg Config, deps core.Deps) *Exchange {
	x := &Exchange{
		cfg: cfg, deps: deps, started: time.Now(),
		sessions: map[core.ChannelID]*session.Session{}, calls: map[core.CallID]*call{},
	}
	x.deps.Switch, x.deps.Calls = x, x
	x.originate = originate.New(x.deps, x.startOutbound)
	x.session = &session.Config{Deps: x.deps, Dialer: x.originate, Find: x.find}
	x.base, x.hangup = context.WithCancel(base)
	return x
}

// Drain refuses new calls from now on and returns when the last session ended,
// or when ctx does.
func (x *Exchange) Drain(ctx context.Context) {
	x.mu.Lock()
	x.draining = true
	if x.idle == nil {
		x.idle = make(chan struct{})
		if len(x.sessions) == 0 {
			close(x.idle)
		}
	}
	idle := x.idle
	x.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// Close hangs up what is left with SYSTEM_SHUTDOWN and waits for every session.
func (x *Exchange) Close() {
	x.mu.Lock()
	x.draining, x.closed = true, true // from here on nothing is added to running
	x.mu.Unlock()
	x.hangup()
	x.running.Wait()
}

// Ready implements core.Switch.
func (x *Exchange) Ready() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.admissible(time.Now(), false)
}

// admissible checks drain and limits; take counts the call in. The caller holds mu.
func (x *Exchange) admissible(now time.Time, take bool) error {
	if x.draining {
		return core.ErrDraining
	}
	if err := x.room(); err != nil {
		return err
	}
	if s := now.Unix(); s != x.second {
		x.second, x.inSecond = s, 0
	}
	if x.cfg.SessionsPerSecond > 0 && x.inSecond >= x.cfg.SessionsPerSecond {
		return fmt.Errorf("sessions-per-second %d: %w", x.cfg.SessionsPerSecond, core.ErrLimit)
	}
	if take {
		x.inSecond++
	}
	return nil
}

// room checks what also binds the legs of calls that are up. The caller holds mu.
func (x *Exchange) room() error {
	if x.closed {
		return core.ErrDraining
	}
	if x.cfg.MaxSessions > 0 && len(x.sessions) >= x.cfg.MaxSessions {
		return fmt.Errorf("max-sessions %d: %w", x.cfg.MaxSessions, core.ErrLimit)
	}
	return nil
}

// Admit implements core.Switch.
func (x *Exchange) Admit(in core.Incoming) (core.Inbox, core.ChannelID, error) {
	id, callID := core.NewChannelID(), in.CallID
	if callID == "" {
		callID = core.CallID(id) // as in FreeSWITCH the A leg's uuid names the call
	}
	s := session.NewInbound(x.session, in, id, callID)
	// The other half of a loopback leg belongs to a call that is up.
	if err := x.enter(s, in.CallID == ""); err != nil {
		return nil, "", err
	}
	if in.Attach != nil {
		in.Attach(s.Inbox(), id)
	}
	x.run(s)
	return s.Inbox(), id, nil
}

// startOutbound implements originate.Starter.
func (x *Exchange) startOutbound(o session.Outbound) (*session.Session, error) {
	if o.Request.CallID == "" {
		o.Request.CallID = core.CallID(o.Request.ChannelID)
	}
	s := session.NewOutbound(x.session, o)
	if err := x.enter(s, false); err != nil {
		return nil, err
	}
	x.run(s)
	return s, nil
}

// enter admits s into the tables. B legs count as sessions but not against the
// rate of new calls, and are made while the switch drains: calls that are up
// are to come to their own end.
func (x *Exchange) enter(s *session.Session, newCall bool) error {
	if r := x.deps.Records; r != nil {
		if err := r.Reserve(); err != nil {
			return &core.CauseError{Cause: core.CauseSwitchCongestion, Err: err}
		}
	}
	now := time.Now()
	x.mu.Lock()
	err := x.room()
	if newCall {
		err = x.admissible(now, true)
	}
	refusal := &core.CauseError{Cause: core.CauseSwitchCongestion, SIPStatus: 503, Err: err}
	if _, taken := x.sessions[s.ID()]; err == nil && taken {
		refusal = &core.CauseError{Cause: core.CauseMandatoryIEMissing, Err: fmt.Errorf("channel id %s is in use", s.ID())}
		err = refusal
	}
	if err != nil {
		x.mu.Unlock()
		if r := x.deps.Records; r != nil {
			r.Cancel()
		}
		return refusal
	}
	x.sessions[s.ID()] = s
	x.total++
	x.peak = max(x.peak, len(x.sessions))
	fresh := x.hold(s.CallID(), s.ID(), now)
	x.running.Add(1)
	x.mu.Unlock()
	if fresh {
		p := s.Profile()
		x.publish("call.created", s.CallID(), s.ID(), map[string]any{
			"direction": s.Direction().String(), "from": p.CallerIDNumber, "to": p.DestinationNumber, "context": p.Context,
		})
	}
	return nil
}

// hold counts one more that keeps a call alive; true if the call is new. The
// caller holds mu.
func (x *Exchange) hold(id core.CallID, first core.ChannelID, now time.Time) bool {
	c := x.calls[id]
	if c != nil {
		c.holds++
		return false
	}
	x.calls[id] = &call{holds: 1, first: first, created: now}
	return true
}

// run runs the session on its own goroutine; Close waits for it.
func (x *Exchange) run(s *session.Session) {
	go func() {
		defer x.running.Done()
		defer x.leave(s)
		s.Run(x.base)
	}()
}

// leave forgets an ended session.
func (x *Exchange) leave(s *session.Session) {
	x.mu.Lock()
	delete(x.sessions, s.ID())
	if x.draining && len(x.sessions) == 0 && x.idle != nil {
		close(x.idle)
		x.idle = nil
	}
	x.mu.Unlock()
	cause, by := s.Ended()
	x.letGo(s.CallID(), s.ID(), cause, by, !s.Times().Answered.IsZero())
}

// letGo takes back one hold; the last one ends the call.
func (x *Exchange) letGo(id core.CallID, who core.ChannelID, cause core.Cause, by core.Hanger, answered bool) {
	x.mu.Lock()
	c := x.calls[id]
	c.holds--
	c.answered = c.answered || answered
	if who == c.first || c.cause == core.CauseNone {
		c.cause, c.by = cause, by
	}
	last := c.holds == 0
	if last {
		delete(x.calls, id)
	}
	x.mu.Unlock()
	if !last {
		return
	}
	x.publish("call.ended", id, "", map[string]any{
		"cause": c.cause.String(), "q850": c.cause.Q850(), "hung_up_by": string(c.by), "answered": c.answered,
		"duration_ms": time.Since(c.created).Milliseconds(),
	})
	if j := x.deps.Journal; j != nil {
		j.End(id, !c.answered)
	}
}

func (x *Exchange) publish(kind string, id core.CallID, leg core.ChannelID, data map[string]any) {
	if x.deps.Events != nil {
		x.deps.Events.Publish(core.Notice{Type: kind, Time: time.Now(), CallID: id, LegID: leg, Data: data})
	}
}

func (x *Exchange) find(id core.ChannelID) *session.Session {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.sessions[id]
}
