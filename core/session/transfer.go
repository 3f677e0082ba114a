package session

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
)

// errMoved ends an application's context because the channel goes elsewhere.
var errMoved = errors.New("the call was transferred")

// maxForwards is FreeSWITCH's start value: a call is transferred so often at most.
const maxForwards = 70

// Transfer implements core.Session. What its arguments leave open is taken
// from force_transfer_dialplan and force_transfer_context, else stays.
func (s *Session) Transfer(extension, dialplan, context string) error {
	reply := make(chan error, 1)
	return s.await(transferRequest{extension, dialplan, context, reply}, reply)
}

type transferRequest struct {
	extension, dialplan, context string
	reply                        chan<- error
}

// handle answers when the running application's context has ended, so that
// the list it came from runs no further step.
func (m transferRequest) handle(s *Session) {
	if s.ch.State() >= core.StateHangup {
		m.reply <- s.endedError()
		return
	}
	defer func() { m.reply <- nil }()
	left := maxForwards
	if n, err := strconv.Atoi(s.Var("max_forwards")); err == nil {
		left = n
	}
	if left--; left <= 0 {
		s.hangup(core.CauseExchangeRoutingError, core.BySwitch)
		return
	}
	s.facts.set("max_forwards", strconv.Itoa(left))
	if m.extension == "" {
		m.extension = "service"
	}
	if m.dialplan == "" {
		if m.dialplan = s.Var("force_transfer_dialplan"); m.dialplan == "" && s.Profile().Dialplan == "inline" {
			m.dialplan = "XML"
		}
	}
	if m.context == "" {
		m.context = s.Var("force_transfer_context")
	}
	s.facts.transfer(m.extension, m.dialplan, m.context)
	p := s.Profile()
	src := strconv.FormatInt(time.Now().Unix(), 10) + ":" + string(s.id) + ":bl_xfer:" + p.DestinationNumber + "/" + p.Context + "/" + p.Dialplan
	s.facts.set("transfer_source", src)
	s.Journal(core.JournalEntry{Kind: core.JournalState, Sentence: "transferred", Data: []any{"extension", p.DestinationNumber, "context", p.Context, "dialplan", p.Dialplan}})
	s.announce("call.transfer.completed", map[string]any{"to": p.DestinationNumber, "context": p.Context})
	_ = s.step(channel.Route, 0, "")
}

// RunSteps lets an answered leg that has no application run steps without a
// hunt: originate's &app(args).
func (s *Session) RunSteps(steps []core.Step) { s.post(runStepsRequest{steps}) }

type runStepsRequest struct{ steps []core.Step }

func (m runStepsRequest) handle(s *Session) {
	s.pending = m.steps
	if s.step(channel.Run, 0, "") != nil {
		s.pending = nil // not now: a later hunt must not find them
	}
}

// Park implements core.Session.
func (s *Session) Park(ctx context.Context, timeout time.Duration) error {
	reply := make(chan error, 1)
	if err := s.ask(ctx, parkRequest{channel.Park, reply}, reply); err != nil {
		return err
	}
	s.announce("call.parked", nil)
	var expired <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-expired:
		return s.ask(ctx, parkRequest{channel.Unpark, reply}, reply)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.done:
		return s.endedError()
	}
}

// ParkAway parks a channel that nobody waits for; it does not wait.
func (s *Session) ParkAway() {
	s.post(parkRequest{channel.Park, make(chan error, 1)})
	s.announce("call.parked", nil)
}

type parkRequest struct {
	event channel.Event
	reply chan<- error
}

func (m parkRequest) handle(s *Session) { m.reply <- s.step(m.event, 0, "") }
