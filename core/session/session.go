// Package session runs one channel: a goroutine that owns the channel's state
// machine, its leg and its stream, and carries out what the machine decides.
//
// Everybody else posts messages to it. One more goroutine per session runs the
// hunt and then the applications, one step after another (the runner); it asks
// the owner and waits, never the other way round (design rule C4). Short-lived
// ones open background sound and run the execute_on_… applications of a B leg,
// which has no runner. All end before Run returns.
//
//	leg events ─┐
//	stream events ├─► inbox ─► owner ─► channel.Step ─► actions
//	requests ───┘                │
//	                             └─ starts ─► runner: hunt, steps, applications
package session

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
	"github.com/tandemswitch/tandem/core/internal/inbox"
	"github.com/tandemswitch/tandem/media"
)

// Config is what every session of a switch shares. Immutable.
type Config struct {
	Deps core.Deps
	// Dialer does the work of Bridge; the exchange provides it.
	Dialer Dialer
	// Find returns the live session of an id, or nil.
	Find func(core.ChannelID) *Session
}

// Dialer originates dial on behalf of a and joins a with the winner. It runs
// on a's runner and blocks until the bridge ended.
type Dialer interface {
	Dial(ctx context.Context, a *Session, dial string) (core.BridgeResult, error)
}

// message is what waits in the inbox. handle runs in the owner's goroutine and
// must not block.
type message interface{ handle(s *Session) }

// Session runs one channel. Create it with NewInbound or NewOutbound and call
// Run once.
type Session struct {
	// Immutable after New.
	cfg       *Config
	id        core.ChannelID
	callID    core.CallID
	direction core.Direction
	endpoint  string
	log       *slog.Logger
	box       *inbox.Inbox[message]
	door      *door
	done      chan struct{} // closed when the channel is destroyed
	digits    *digitQueue
	place     *placing // how the leg of an outbound session is made; nil for inbound

	facts     facts         // guarded by its own mutex
	congested atomic.Bool   // the inbox was full: hang up
	ending    atomic.Bool   // somebody asked for the end: no further step runs
	keys      keyBinders    // guarded by its own mutex
	executed  atomic.Uint32 // the moments whose execute_on_ ran, by bit
	wg        sync.WaitGroup

	// Owned by Run.
	ctx        context.Context // parent of runners; ends at the hangup, with its cause
	cancel     context.CancelCauseFunc
	ch         channel.Channel
	broken     bool // a panic was caught: hang up
	leg        core.Leg
	released   bool // Release was called
	local      core.LocalMedia
	stream     media.Stream
	offer      *media.Description // the far end's offer that waits for our answer
	lateOffer  bool               // the far end made none: our answer carries the offer
	described  bool               // our answer (or late offer) was sent
	hold       holding
	reoffer    reoffer      // our offer that waits for the far end's answer
	refusal    core.Release // status the application chose for a refusal
	sipStatus  int
	run        *runner
	runners    int
	pending    []core.Step // what RunSteps runs without a hunt
	watcher    Watcher
	playbacks  map[string]*playback
	taps       map[string]media.Tap
	background background
	confirmed  []chan<- error // who waits for the ACK of a late offer
	stuck      *time.Timer    // the leg or an application does not end
	hurry      bool           // the switch shuts down
}

// NewInbound returns the session of a call that an endpoint presents.
func NewInbound(cfg *Config, in core.Incoming, id core.ChannelID, call core.CallID) *Session {
	s := newSession(cfg, id, call, core.Inbound, in.Endpoint)
	s.leg, s.offer, s.local, s.lateOffer = in.Leg, in.Offer, in.Local, in.Offer == nil
	s.facts.init(in.Profile, in.Name, in.Variables)
	s.facts.setOffered(in.Offer)
	return s
}

// Outbound says what B leg a session shall make.
type Outbound struct {
	Endpoint core.Endpoint
	Request  core.Outgoing
	// Prefer is what the A leg offered or uses, to be offered first.
	Prefer []media.Format
	// Watcher sees the milestones from the start.
	Watcher Watcher
}

// NewOutbound returns the session of a B leg. The leg is placed by Run.
func NewOutbound(cfg *Config, o Outbound) *Session {
	s := newSession(cfg, o.Request.ChannelID, o.Request.CallID, core.Outbound, o.Endpoint.Prefix())
	s.place = &placing{endpoint: o.Endpoint, request: o.Request, prefer: o.Prefer}
	s.watcher = o.Watcher
	s.facts.init(o.Request.Profile, o.Endpoint.Prefix()+"/"+o.Request.Target, o.Request.Variables)
	return s
}

func newSession(cfg *Config, id core.ChannelID, call core.CallID, d core.Direction, endpoint string) *Session {
	s := &Session{
		cfg: cfg, id: id, callID: call, direction: d, endpoint: endpoint,
		log:       cfg.Deps.Log.With("call", call, "chan", id),
		box:       inbox.New[message](0),
		done:      make(chan struct{}),
		digits:    newDigitQueue(),
		playbacks: map[string]*playback{},
		taps:      map[string]media.Tap{},
		door:      &door{},
	}
	s.door.s.Store(s)
	return s
}

// Inbox is where the leg's endpoint posts.
func (s *Session) Inbox() core.Inbox { return s.door }

// door is how endpoints and engine reach a session. It is shut when the session
// has ended: an endpoint that remembers a leg for a while (retransmissions)
// keeps a pointer and not the channel with all its variables.
type door struct{ s atomic.Pointer[Session] }

// Post implements core.Inbox. Without its Released a leg would never end.
func (d *door) Post(ev core.Event) {
	s := d.s.Load()
	if s == nil {
		return
	}
	if _, last := ev.(core.Released); last {
		s.must(legMessage{ev})
		return
	}
	s.post(legMessage{ev})
}

// notify takes an engine's event.
func (d *door) notify(ev media.StreamEvent) {
	if s := d.s.Load(); s != nil {
		s.post(streamMessage{ev})
	}
}

// Run runs the channel until it is destroyed. Cancelling ctx hangs up with
// SYSTEM_SHUTDOWN. It returns after the runner ended too.
func (s *Session) Run(ctx context.Context) {
	defer s.wg.Wait()
	defer s.finish()
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	defer s.cancel(nil)
	shutdown := ctx.Done()
	s.guard(s.begin)
	var batch []message
	for s.ch.State() != core.StateDestroyed {
		if s.broken {
			s.broken = false
			s.hangup(core.CauseNormalTemporaryFailure, core.BySwitch)
			continue
		}
		select {
		case <-s.box.Ready():
		case <-shutdown:
			shutdown = nil // once is enough
			s.shutDown()
			continue
		}
		if s.congested.CompareAndSwap(true, false) {
			s.log.Error("inbox full", "state", s.ch.State())
			s.hangup(core.CauseSwitchCongestion, core.BySwitch)
		}
		batch = s.box.Take(batch)
		for _, m := range batch {
			s.guard(func() { m.handle(s) })
		}
	}
}

// guard keeps a panic in a message or an action from ending more than this
// call (design rule C11): the loop hangs up next.
func (s *Session) guard(what func()) {
	defer func() {
		if p := recover(); p != nil {
			s.broken = true
			s.log.Error("panic in session", "err", p, "stack", string(debug.Stack()))
		}
	}()
	what()
}

// begin takes the first steps of a channel's life.
func (s *Session) begin() {
	s.announceCreated()
	_ = s.step(channel.Start, 0, "")
	if s.place != nil {
		s.placeLeg()
		return
	}
	_ = s.step(channel.Route, 0, "")
}

// step moves the machine and carries out its actions.
func (s *Session) step(ev channel.Event, cause core.Cause, by core.Hanger) error {
	before := s.ch.State()
	actions, err := s.ch.Step(ev, cause, by)
	if err != nil {
		s.log.Debug("event refused", "event", ev.String(), "state", s.ch.State())
		return err
	}
	if after := s.ch.State(); after != before {
		s.facts.setState(after)
		s.Journal(core.JournalEntry{Kind: core.JournalState, Sentence: "channel state", Data: []any{"from", before.String(), "to", after.String(), "event", ev.String()}})
		if after >= core.StateHangup && before < core.StateHangup {
			s.endMilestones()
		}
	}
	for _, a := range actions {
		s.guard(func() { s.act(a) })
	}
	return nil
}

func (s *Session) act(a channel.Action) {
	switch a {
	case channel.Hunt:
		s.startRunner(nil)
	case channel.RunSteps:
		s.runSteps()
	case channel.CancelApp:
		s.cancelRunner()
	case channel.LeaveBridge:
		s.leaveBridge()
	case channel.ReleaseLeg:
		s.releaseLeg()
	case channel.Report:
		s.report()
	case channel.Destroy:
	}
}

// dropper is a message that holds something to be freed when nobody handles it.
type dropper interface{ drop() }

// post hands a message to the owner. It never blocks. What a message brings is
// freed if it cannot be taken.
func (s *Session) post(m message) bool {
	err := s.box.Post(m)
	if err == nil {
		return true
	}
	if err == inbox.ErrFull {
		s.congested.Store(true)
	}
	if d, ok := m.(dropper); ok {
		d.drop()
	}
	return false
}

// must posts what the owner cannot end without.
func (s *Session) must(m message) { _ = s.box.Must(m) }

// ask posts a request that the owner answers as soon as it comes to it, and
// waits for the answer. If ctx has ended by then the request is not carried
// out: what a canceled application asked for must not reach the channel when it
// is elsewhere already.
func (s *Session) ask(ctx context.Context, m message, reply chan error) error {
	if !s.post(request{ctx, m, reply}) {
		return s.endedError()
	}
	select {
	case err := <-reply:
		return err
	case <-s.done:
		return s.lastReply(reply)
	}
}

// askLong is ask for requests whose answer is the far end's: it also returns
// when ctx ends.
func (s *Session) askLong(ctx context.Context, m message, reply chan error) error {
	if !s.post(request{ctx, m, reply}) {
		return s.endedError()
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.done:
		return s.lastReply(reply)
	}
}

// request is a message on behalf of an application.
type request struct {
	ctx   context.Context
	m     message
	reply chan<- error
}

func (r request) handle(s *Session) {
	if r.ctx.Err() != nil {
		r.drop()
		r.reply <- context.Cause(r.ctx)
		return
	}
	r.m.handle(s)
}

func (r request) drop() {
	if d, ok := r.m.(dropper); ok {
		d.drop()
	}
}

// await is ask for what is asked in nobody's name.
func (s *Session) await(m message, reply <-chan error) error {
	if !s.post(m) {
		return s.endedError()
	}
	select {
	case err := <-reply:
		return err
	case <-s.done:
		return s.lastReply(reply)
	}
}

// lastReply is what the owner answered just before it ended.
func (s *Session) lastReply(reply <-chan error) error {
	select {
	case err := <-reply:
		return err
	default:
		return s.endedError()
	}
}

func (s *Session) endedError() error {
	cause, by := s.facts.ended()
	return &core.HangupError{Cause: cause, By: by}
}

// finish answers who came too late: the handlers see that the channel ended,
// refuse, and free what the message brought.
func (s *Session) finish() {
	if s.stuck != nil {
		s.stuck.Stop()
	}
	for _, m := range s.box.Close() {
		s.guard(func() { m.handle(s) })
	}
	s.door.s.Store(nil)
	close(s.done)
}

// lateEvent takes what a leg says after the hangup began: facts for the record
// and the ends of what it runs; all else comes too late.
func (s *Session) lateEvent(ev core.Event) {
	switch ev := ev.(type) {
	case core.VariablesLearned:
		s.facts.setAll(ev.Variables)
	case core.StreamReport:
		streamMessage{ev.Event}.handle(s)
	case core.FarHangup:
		if ev.Status != 0 && s.sipStatus == 0 {
			s.sipStatus = ev.Status
		}
	}
}

// Done is closed when the channel is destroyed.
func (s *Session) Done() <-chan struct{} { return s.done }

// legMessage carries an endpoint's event to the owner.
type legMessage struct{ ev core.Event }

func (m legMessage) handle(s *Session) {
	if _, last := m.ev.(core.Released); !last && s.ch.State() >= core.StateHangup {
		s.lateEvent(m.ev)
		return
	}
	switch ev := m.ev.(type) {
	case core.Trying:
		s.advance(core.ProgressTrying)
	case core.Ringing:
		s.farRinging(ev)
	case core.EarlyMedia:
		s.farEarlyMedia(ev)
	case core.Answered:
		s.farAnswered(ev)
	case core.Confirmed:
		s.farConfirmed(ev)
	case core.Offered:
		s.farOffered(ev)
	case core.OfferAnswered:
		s.farAnsweredOffer(ev)
	case core.OfferRejected:
		s.farRejectedOffer(ev)
	case core.Digit:
		s.digit(ev, true)
	case core.Redirected:
		s.farRedirected(ev)
	case core.VariablesLearned:
		s.facts.setAll(ev.Variables)
	case core.FarHangup:
		s.farHangup(ev)
	case core.LegFailed:
		s.legFailed(ev)
	case core.StreamReport:
		streamMessage{ev.Event}.handle(s)
	case core.Released:
		if ev.SIPStatus != 0 && s.sipStatus == 0 {
			s.sipStatus = ev.SIPStatus
		}
		_ = s.step(channel.Released, 0, "")
	}
}
