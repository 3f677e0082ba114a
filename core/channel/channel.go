// Package channel decides what a leg does next. It is the channel's state
// machine as a table and a pure Step: no goroutine, no clock, no I/O. The
// session carries out the actions it returns.
package channel

import (
	"fmt"

	"github.com/tandemswitch/tandem/core"
)

// Event is what can happen to a channel.
type Event uint8

// The events, in the order of a usual life.
const (
	Start    Event = iota // the session runs
	Route                 // hunt the dialplan: a new A leg, a transfer, an answered originated leg
	Wait                  // a B leg was placed
	Found                 // the dialplan returned steps
	NotFound              // it did not
	Run                   // run given steps without a hunt
	Done                  // the last step returned
	Joined                // media and fate are joined with another channel
	Split                 // no longer
	Park                  // wait without an application
	Unpark                // the park application returned
	Hangup                // somebody or something ended it
	AppEnded              // no hunt or application is out any more
	Released              // the endpoint is done with the leg
	Reported              // the record was handed over
	eventCount
)

var eventNames = [eventCount]string{
	"start", "route", "wait", "found", "not found", "run", "done", "joined", "split",
	"park", "unpark", "hangup", "app ended", "released", "reported",
}

// String names the event.
func (e Event) String() string {
	if e < eventCount {
		return eventNames[e]
	}
	return fmt.Sprintf("event %d", uint8(e))
}

// Events lists all events, for tests and generated documentation.
func Events() []Event {
	all := make([]Event, eventCount)
	for i := range all {
		all[i] = Event(i)
	}
	return all
}

// Action is what the owner has to do, in the order given.
type Action uint8

// The actions.
const (
	Hunt        Action = iota // start hunting the dialplan
	RunSteps                  // start running the steps that were found or given
	CancelApp                 // end the hunt or application that runs
	LeaveBridge               // tell the bridge that this channel goes elsewhere
	ReleaseLeg                // end the leg at its endpoint
	Report                    // write the record, tell the world
	Destroy                   // nothing is left
)

var actionNames = [...]string{"hunt", "run steps", "cancel app", "leave bridge", "release leg", "report", "destroy"}

// String names the action.
func (a Action) String() string { return actionNames[min(int(a), len(actionNames)-1)] }

// TransitionError reports an event that a state does not take.
type TransitionError struct {
	State core.State
	Event Event
}

// Error implements error.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("channel: event %s in state %s", e.Event, e.State)
}

// Channel is the state of one leg. The zero value is a new channel.
type Channel struct {
	state core.State
	cause core.Cause
	by    core.Hanger
	// What the end still waits for. A leg is held from Start on; the
	// applications' goroutines from a hunt or run until AppEnded: after a
	// transfer two are out for a moment, and the last one says so.
	legHeld, appHeld bool
}

// State returns the state.
func (c *Channel) State() core.State { return c.state }

// Cause returns why the channel ended and who ended it; CauseNone before.
func (c *Channel) Cause() (core.Cause, core.Hanger) { return c.cause, c.by }

// AppRunning reports whether a hunt or an application's goroutine is out.
func (c *Channel) AppRunning() bool { return c.appHeld }

// rule is one cell of the table.
type rule struct {
	next    core.State
	actions []Action
}

// table holds the cells that do something; design.md section 4 draws it. What
// is not here is a *TransitionError before Hangup and dropped from then on.
var table = map[core.State]map[Event]rule{
	core.StateNew: {
		Start: {core.StateInit, nil},
	},
	core.StateInit: {
		Route: {core.StateRouting, []Action{Hunt}},
		Run:   {core.StateExecute, []Action{RunSteps}},
		Wait:  {core.StateWaiting, nil},
	},
	core.StateWaiting: {
		Route:  {core.StateRouting, []Action{Hunt}},
		Run:    {core.StateExecute, []Action{RunSteps}},
		Joined: {core.StateBridged, nil},
		Park:   {core.StateParked, nil},
	},
	core.StateRouting: {
		Found: {core.StateExecute, []Action{RunSteps}},
		Route: {core.StateRouting, []Action{CancelApp, Hunt}},
	},
	core.StateExecute: {
		Route:  {core.StateRouting, []Action{CancelApp, Hunt}},
		Joined: {core.StateBridged, nil},
		Park:   {core.StateParked, nil},
	},
	core.StateBridged: {
		Route: {core.StateRouting, []Action{CancelApp, LeaveBridge, Hunt}},
		Park:  {core.StateParked, []Action{CancelApp, LeaveBridge}},
	},
	core.StateParked: {
		Route:  {core.StateRouting, []Action{CancelApp, Hunt}},
		Run:    {core.StateExecute, []Action{CancelApp, RunSteps}},
		Joined: {core.StateBridged, nil},
	},
}

// Step applies one event and returns the actions to carry out, in order. cause
// and by are read with Hangup only.
//
// Once the hangup began, events that come too late are dropped without error:
// a BYE may cross a CANCEL, and an application may return after both.
func (c *Channel) Step(ev Event, cause core.Cause, by core.Hanger) ([]Action, error) {
	if c.state >= core.StateHangup {
		return c.stepEnd(ev), nil
	}
	switch ev {
	case Hangup:
		return c.hangup(cause, by), nil
	case NotFound:
		if c.state == core.StateRouting {
			return c.hangup(core.CauseNoRouteDestination, core.BySwitch), nil
		}
	case Done:
		if c.state == core.StateExecute {
			return c.hangup(core.CauseNormalClearing, core.ByApp), nil
		}
		return nil, nil // it was canceled meanwhile; AppEnded follows
	case AppEnded:
		c.appHeld = false
		if c.state == core.StateRouting || c.state == core.StateExecute {
			// Nothing is left that would ever end this channel.
			return c.hangup(core.CauseNormalClearing, core.ByApp), nil
		}
		return nil, nil
	case Released:
		// The endpoint gave the leg up without a word of hangup: its trouble.
		c.legHeld = false
		return c.hangup(core.CauseNormalTemporaryFailure, core.BySwitch), nil
	case Split, Unpark:
		return nil, c.back(ev)
	}
	r, ok := table[c.state][ev]
	if !ok {
		return nil, &TransitionError{c.state, ev}
	}
	c.state = r.next
	for _, a := range r.actions {
		if a == Hunt || a == RunSteps {
			c.appHeld = true
		}
	}
	if ev == Start {
		c.legHeld = true
	}
	return r.actions, nil
}

// back leaves Bridged or Parked for what the channel did before: its
// application runs on, or it waits as an originated leg does.
func (c *Channel) back(ev Event) error {
	if (ev == Split && c.state != core.StateBridged) || (ev == Unpark && c.state != core.StateParked) {
		return &TransitionError{c.state, ev}
	}
	if c.appHeld {
		c.state = core.StateExecute
	} else {
		c.state = core.StateWaiting
	}
	return nil
}

func (c *Channel) hangup(cause core.Cause, by core.Hanger) []Action {
	actions := make([]Action, 0, 4)
	if c.appHeld {
		actions = append(actions, CancelApp)
	}
	if c.state == core.StateBridged {
		actions = append(actions, LeaveBridge)
	}
	if c.legHeld {
		actions = append(actions, ReleaseLeg)
	}
	c.state, c.cause, c.by = core.StateHangup, cause, by // only the first cause counts
	return append(actions, c.settle()...)
}

// stepEnd waits for what is still held, then reports, then is gone. Each end
// action happens once.
func (c *Channel) stepEnd(ev Event) []Action {
	switch {
	case c.state == core.StateHangup && ev == AppEnded:
		c.appHeld = false
		return c.settle()
	case c.state == core.StateHangup && ev == Released:
		c.legHeld = false
		return c.settle()
	case c.state == core.StateReporting && ev == Reported:
		c.state = core.StateDestroyed
		return []Action{Destroy}
	}
	return nil
}

func (c *Channel) settle() []Action {
	if c.legHeld || c.appHeld {
		return nil
	}
	c.state = core.StateReporting
	return []Action{Report}
}
