package session

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
)

// runner is the goroutine beside the owner that hunts and then runs the
// applications. A newer runner waits for the one before it to return, so that
// two applications never act on a channel at the same time.
type runner struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	before *runner
	ended  chan struct{}
}

// startRunner starts a runner that hunts, or runs steps if there are any.
func (s *Session) startRunner(steps []core.Step) {
	r := &runner{before: s.run, ended: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancelCause(s.ctx)
	s.run = r
	s.runners++
	s.wg.Go(func() {
		defer s.must(runnerEnded{r})
		defer close(r.ended)
		defer r.cancel(nil)
		s.runRunner(r, steps)
	})
}

// runSteps carries out channel.RunSteps: after a hunt the waiting runner goes
// on; without one a new runner starts.
func (s *Session) runSteps() {
	if s.pending != nil {
		steps := s.pending
		s.pending = nil
		s.startRunner(steps)
		return
	}
	// The runner that found the steps runs them already: see routed.
}

func (s *Session) cancelRunner() {
	if s.run == nil {
		return
	}
	err := errMoved
	if s.ch.State() >= core.StateHangup {
		cause, by := s.ch.Cause()
		s.run.cancel(&core.HangupError{Cause: cause, By: by})
		return
	}
	s.run.cancel(err)
}

type runnerEnded struct{ r *runner }

func (m runnerEnded) handle(s *Session) {
	if s.runners--; s.runners > 0 {
		return // a newer one is out
	}
	s.run = nil
	s.facts.idle()
	_ = s.step(channel.AppEnded, 0, "")
}

// runRunner is the runner's goroutine.
func (s *Session) runRunner(r *runner, steps []core.Step) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in application", "err", p, "stack", string(debug.Stack()))
			s.Hangup(core.CauseNormalTemporaryFailure, core.BySwitch)
		}
	}()
	if steps == nil {
		route, err := s.hunt(r.ctx, s.Profile())
		if r.ctx.Err() != nil {
			return
		}
		reply := make(chan error, 1)
		if s.await(routedMessage{r, route, err, reply}, reply) != nil || route == nil {
			return
		}
		steps = route.Steps
	}
	if r.before != nil {
		select {
		case <-r.before.ended:
		case <-r.ctx.Done():
			return
		}
		r.before = nil
	}
	s.runList(r.ctx, steps)
	if r.ctx.Err() == nil && !s.ending.Load() {
		s.must(stepMessage{channel.Done})
	}
}

type stepMessage struct{ ev channel.Event }

func (m stepMessage) handle(s *Session) { _ = s.step(m.ev, 0, "") }

// routedMessage tells the owner what the hunt found.
type routedMessage struct {
	r     *runner
	route *core.Route
	err   error
	reply chan<- error
}

func (m routedMessage) handle(s *Session) {
	if s.run != m.r {
		m.reply <- errMoved // a transfer came meanwhile
		return
	}
	if m.route == nil {
		p := s.Profile()
		s.log.Info("no route", "context", p.Context, "to", p.DestinationNumber, "err", m.err)
		s.announce("call.routed", map[string]any{"context": p.Context, "to": p.DestinationNumber, "found": false})
		_ = s.step(channel.NotFound, 0, "")
		m.reply <- nil
		return
	}
	s.announce("call.routed", map[string]any{"extension": m.route.Extension, "steps": len(m.route.Steps), "found": true})
	m.reply <- s.step(channel.Found, 0, "")
}

// hunt asks the dialplans of the profile one after another (FreeSWITCH: a
// comma list of NAME[:ARG]); the first that finds something wins.
func (s *Session) hunt(ctx context.Context, p core.CallerProfile) (*core.Route, error) {
	if p.Context == "" {
		p.Context = "default"
	}
	names := p.Dialplan
	if names == "" {
		names = "XML"
	}
	for item := range strings.SplitSeq(s.Expand(ctx, names), ",") {
		name, arg, _ := strings.Cut(strings.TrimSpace(item), ":")
		router, ok := s.cfg.Deps.Routers.Router(name)
		if !ok {
			s.log.Warn("unknown dialplan", "name", name)
			continue
		}
		h := core.Hunt{Profile: p, Arg: arg, Now: time.Now(), Lookup: s.LookupVar, Call: scope{ctx, s}.Call}
		route, err := router.Route(ctx, h)
		s.noteTrace(route)
		if err != nil {
			return nil, fmt.Errorf("dialplan %s: %w", name, err)
		}
		if route != nil {
			s.applySets(route.Sets)
			if len(route.Steps) > 0 || len(route.Sets) > 0 {
				return route, nil
			}
		}
	}
	return nil, nil
}

func (s *Session) noteTrace(route *core.Route) {
	if route == nil {
		return
	}
	for _, t := range route.Trace { // one each: the journal keeps those that matter
		s.Journal(core.JournalEntry{Kind: core.JournalDialplan, Sentence: t.Kind, Data: []any{"trace", t}})
	}
}

func (s *Session) applySets(sets []core.VarChange) {
	for _, v := range sets {
		switch {
		case v.Global:
			s.cfg.Deps.Globals.SetGlobal(v.Name, v.Value)
		case v.Unset:
			s.SetVar(v.Name, "")
		case v.Export || v.NoLocal:
			s.Export(v.Name, v.Value, !v.NoLocal)
		default:
			s.SetVar(v.Name, v.Value)
		}
	}
}

// frame is where a list of steps is.
type frame struct {
	steps []core.Step
	index int // of the step that runs
}

// enter notes that a list begins; the returned function notes where it is.
func (f *facts) enter(steps []core.Step) *frame {
	fr := &frame{steps: steps}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = append(f.at, fr)
	return fr
}

func (f *facts) move(fr *frame, index int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fr.index = index
}

func (f *facts) exit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = f.at[:len(f.at)-1]
}

// runList runs steps until one ends the call, moves it, or all are done.
func (s *Session) runList(ctx context.Context, steps []core.Step) {
	at := s.facts.enter(steps)
	defer s.facts.exit()
	for i, st := range steps {
		s.facts.move(at, i)
		if ctx.Err() != nil || s.ending.Load() {
			return
		}
		data := st.Data
		if s.Var("app_disable_expand_variables") != "true" {
			data = s.Expand(ctx, data)
		}
		if err := s.runApp(ctx, core.Step{App: st.App, Data: data, File: st.File, Line: st.Line}); err != nil {
			return
		}
	}
}

// runApp runs one application with its expanded argument. The error, if any,
// ends the list: the call ended or was moved.
func (s *Session) runApp(ctx context.Context, st core.Step) error {
	app, ok := s.cfg.Deps.Apps.App(st.App)
	if !ok {
		s.log.Error("unknown application", "app", st.App, "file", st.File, "line", st.Line)
		s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "unknown application", Data: []any{"app", st.App, "file", st.File, "line", st.Line}})
		s.Hangup(core.CauseDestinationOutOfOrder, core.BySwitch)
		return core.ErrNotFound
	}
	s.facts.began(st)
	s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "application", Data: []any{"app", app.Name, "args", st.Data, "file", st.File, "line", st.Line}})
	if !app.NoMedia && s.direction == core.Inbound {
		if err := s.PreAnswer(ctx); err != nil {
			return err
		}
	}
	err := app.Run(ctx, s, st.Data)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		return nil
	}
	if s.appFailed(st, err) {
		return err
	}
	return nil
}

// appFailed notes an application's error; true if it ends the call.
func (s *Session) appFailed(st core.Step, err error) bool {
	s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "application failed", Data: []any{"app", st.App, "err", err.Error()}})
	s.log.Warn("application failed", "app", st.App, "err", err, "file", st.File, "line", st.Line)
	ce, ok := asCauseError(err)
	switch {
	case !ok:
		return false
	case ce.SIPStatus != 0:
		s.Refuse(ce.SIPStatus, "", ce.Cause)
	default:
		s.Hangup(ce.Cause, core.ByApp)
	}
	return true
}

// maxRecordedSteps bounds what a call that loops writes into its record.
const maxRecordedSteps = 200

// Execute implements core.Session.
func (s *Session) Execute(ctx context.Context, app, args string) error {
	return s.runApp(ctx, core.Step{App: app, Data: args})
}

// maxNesting bounds execute_extension inside itself (FreeSWITCH: SWITCH_MAX_STACKS).
const maxNesting = 32

type nestingKey struct{}

// ExecuteExtension implements core.Session: it hunts on a copy of the profile
// and runs what it finds in place. A hunt that finds nothing just returns.
func (s *Session) ExecuteExtension(ctx context.Context, extension, dialplan, dpContext string) error {
	depth, _ := ctx.Value(nestingKey{}).(int)
	if depth >= maxNesting {
		return fmt.Errorf("execute_extension %s: nested more than %d deep", extension, maxNesting)
	}
	ctx = context.WithValue(ctx, nestingKey{}, depth+1)
	p := s.Profile()
	p.DestinationNumber = extension
	if dialplan != "" {
		p.Dialplan = dialplan
	}
	if dpContext != "" {
		p.Context = dpContext
	}
	route, err := s.hunt(ctx, p)
	if err != nil || route == nil {
		return err
	}
	s.runList(ctx, route.Steps)
	return nil
}

// Bridge implements core.Session.
func (s *Session) Bridge(ctx context.Context, dial string) (core.BridgeResult, error) {
	return s.cfg.Dialer.Dial(ctx, s, dial)
}
