// Package originate makes B legs from a dial string and picks the winner.
//
// It starts no goroutine but one per group of an enterprise (":_:") dial
// string, and waits for those. Everything else runs on the caller's goroutine:
// the runner of the A leg, or the goroutine of an API originate.
//
//	dial string ─► groups ─► sequences, one after another ─► race of legs
//	                                                  ▲ user/, group/ expand into legs
package originate

import (
	"context"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/bridge"
	"github.com/tandemswitch/tandem/core/originate/dialstring"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// Starter makes and runs the session of a B leg; the exchange provides it. A
// *core.CauseError refuses it (limits, draining).
type Starter func(o session.Outbound) (*session.Session, error)

// Originator makes B legs. It is safe for concurrent use.
type Originator struct {
	deps  core.Deps
	start Starter
}

// New returns an originator.
func New(deps core.Deps, start Starter) *Originator { return &Originator{deps: deps, start: start} }

// Request is one originate.
type Request struct {
	A         *session.Session // nil for an API originate
	CallID    core.CallID
	ChannelID core.ChannelID // of the first leg; made up if empty
	Dial      string
	Profile   core.CallerProfile // caller ID, without A
	Variables map[string]string  // for every leg
	Timeout   time.Duration      // 0: by originate_timeout and call_timeout, else 60 s
}

// Outcome is who won, or why nobody did.
type Outcome struct {
	Winner   *session.Session
	Answered bool // the winner is answered; otherwise it has early media
	Cause    core.Cause
	By       core.Hanger
	Status   int
	Phrase   string

	timedOut bool // nobody answered in time, though nobody refused either
}

// defaultTimeout is FreeSWITCH's originate_timeout.
const defaultTimeout = 60 * time.Second

// Dial implements session.Dialer: originate for a, answer a as the winner
// does, and bridge the two until one of them ends.
func (o *Originator) Dial(ctx context.Context, a *session.Session, dial string) (core.BridgeResult, error) {
	out, err := o.Originate(ctx, Request{A: a, CallID: a.CallID(), Dial: dial})
	if err != nil {
		return core.BridgeResult{Cause: core.CauseDestinationOutOfOrder, By: core.BySwitch}, err
	}
	noteOutcome(a, out)
	if out.Winner == nil {
		return core.BridgeResult{Cause: out.Cause, By: out.By, SIPStatus: out.Status, Phrase: out.Phrase}, ctx.Err()
	}
	b := out.Winner
	if err := accept(ctx, a, b, out.Answered); err != nil {
		cause, by := core.CauseOriginatorCancel, core.ByBridge
		switch why, who := a.Ended(); who {
		case core.ByCaller, core.ByCallee:
			by = who
		case core.BySwitch: // nobody canceled: a's own trouble is the truth
			cause, by = why, who
		}
		b.Hangup(cause, by)
		return core.BridgeResult{Peer: b.ID(), Cause: cause, By: by}, err
	}
	r := bridge.New(a, b, o.deps.Sounds).Run(ctx)
	noteBridge(a, r)
	return core.BridgeResult{
		Connected: r.End != bridge.Failed, Answered: r.Answered, Peer: b.ID(), Cause: r.Cause, By: r.By,
		SIPStatus: r.Status, Phrase: r.Phrase, Transferred: r.End == bridge.SelfMoved,
	}, nil
}

// accept lets a hear the winner. If that ends in a panic, b ends with it: nobody
// else knows of it.
func accept(ctx context.Context, a, b *session.Session, answered bool) error {
	defer func() {
		if p := recover(); p != nil {
			b.Hangup(core.CauseNormalTemporaryFailure, core.BySwitch)
			panic(p)
		}
	}()
	prefer := []media.Format{b.Using()}
	if answered {
		return a.AnswerWith(ctx, prefer)
	}
	return a.PreAnswerWith(ctx, prefer)
}

// noteOutcome leaves originate's result variables on the A leg.
func noteOutcome(a *session.Session, out Outcome) {
	disposition, failed := out.Cause.String(), out.Cause.String()
	if out.Winner != nil {
		disposition, failed = core.CauseSuccess.String(), ""
	} else if out.Status != 0 {
		a.SetVar("last_bridge_proto_specific_hangup_cause", "sip:"+strconv.Itoa(out.Status))
	}
	a.SetVar("originate_failed_cause", failed)
	a.SetVar("originate_disposition", disposition)
	a.SetVar("DIALSTATUS", dialStatus(disposition))
}

// dialStatus is Asterisk's word for a disposition.
func dialStatus(disposition string) string {
	switch disposition {
	case "ORIGINATOR_CANCEL":
		return "CANCEL"
	case "USER_BUSY":
		return "BUSY"
	case "NO_ANSWER":
		return "NOANSWER"
	case "DESTINATION_OUT_OF_ORDER", "INVALID_PROFILE":
		return "INVALIDARGS"
	case "CALL_REJECTED":
		return "DONTCALL"
	}
	return disposition
}

func noteBridge(a *session.Session, r bridge.Result) {
	a.SetVar("last_bridge_hangup_cause", r.Cause.String())
	a.SetVar("bridge_hangup_cause", r.Cause.String())
	if r.Status != 0 {
		a.SetVar("last_bridge_proto_specific_hangup_cause", "sip:"+strconv.Itoa(r.Status))
	}
}

// Originate rings what the dial string names and returns the first that
// answers, or that has early media unless ignore_early_media says otherwise.
// It blocks until then; when ctx ends all legs are hung up. The error is only
// for a dial string that cannot be read.
func (o *Originator) Originate(ctx context.Context, r Request) (Outcome, error) {
	dial, err := dialstring.Parse(r.Dial)
	if err != nil {
		return Outcome{}, &core.CauseError{Cause: core.CauseDestinationOutOfOrder, Err: err}
	}
	left, ok := forwards(r)
	if !ok {
		return Outcome{Cause: core.CauseExchangeRoutingError, By: core.BySwitch}, nil
	}
	try := &attempt{o: o, req: r, dial: dial, forwards: left}
	if r.A != nil {
		try.ring = newRinger(r.A, o.deps.Sounds)
		defer try.ring.stop()
	}
	out := try.run(ctx)
	if r.A != nil {
		try.noteLegs(r.A)
	}
	return out, nil
}

// forwards takes one off max_forwards; false at zero (RFC 3261 §16.3 in spirit,
// FreeSWITCH's EXCHANGE_ROUTING_ERROR).
func forwards(r Request) (int, bool) {
	left := 70
	text := r.Variables["max_forwards"]
	if r.A != nil {
		text = r.A.Var("max_forwards")
	}
	if n, err := strconv.Atoi(text); err == nil {
		left = n
	}
	return left - 1, left > 1
}
