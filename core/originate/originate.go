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
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/bridge"
	"github.com/tandemswitch/tandem/core/expand"
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
	prefer := []media.Format{b.Using()}
	if out.Answered {
		err = a.AnswerWith(ctx, prefer)
	} else {
		err = a.PreAnswerWith(ctx, prefer)
	}
	if err != nil {
		b.Hangup(core.CauseOriginatorCancel, core.ByBridge)
		return core.BridgeResult{Peer: b.ID(), Cause: core.CauseOriginatorCancel, By: core.ByBridge}, err
	}
	r := bridge.New(a, b, o.deps.Sounds).Run(ctx)
	noteBridge(a, b, r)
	return core.BridgeResult{
		Connected: r.End != bridge.Failed, Answered: r.Answered, Peer: b.ID(), Cause: r.Cause, By: r.By,
		SIPStatus: r.Status, Phrase: r.Phrase, Transferred: r.End == bridge.SelfMoved,
	}, nil
}

// noteOutcome leaves originate's result variables on the A leg.
func noteOutcome(a *session.Session, out Outcome) {
	disposition := out.Cause.String()
	if out.Winner != nil {
		disposition = core.CauseSuccess.String()
	} else {
		a.SetVar("originate_failed_cause", disposition)
		if out.Status != 0 {
			a.SetVar("last_bridge_proto_specific_hangup_cause", "sip:"+strconv.Itoa(out.Status))
		}
	}
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

func noteBridge(a, b *session.Session, r bridge.Result) {
	a.SetVar("last_bridge_hangup_cause", r.Cause.String())
	a.SetVar("bridge_hangup_cause", r.Cause.String())
	a.SetVar("last_bridge_role", "originator")
	if r.Status != 0 {
		a.SetVar("last_bridge_proto_specific_hangup_cause", "sip:"+strconv.Itoa(r.Status))
	}
	_ = b
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
	try := &attempt{o: o, req: r, dial: dial}
	if r.A != nil {
		try.ring = newRinger(r.A, o.deps.Sounds)
		defer try.ring.stop()
	}
	if left, ok := forwards(r); !ok {
		return Outcome{Cause: core.CauseExchangeRoutingError, By: core.BySwitch}, nil
	} else {
		try.forwards = left
	}
	return try.run(ctx), nil
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

// attempt is one Originate under way.
type attempt struct {
	o        *Originator
	req      Request
	dial     dialstring.Dial
	ring     *ringer // nil without an A leg
	forwards int
	used     bool // req.ChannelID is given away
}

// run tries the groups: one in place, several at the same time.
func (t *attempt) run(ctx context.Context) Outcome {
	if len(t.dial.Groups) == 1 {
		return t.group(ctx, t.dial.Groups[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan Outcome, len(t.dial.Groups))
	for _, g := range t.dial.Groups {
		go func() { results <- t.group(ctx, g) }()
	}
	var won, failed Outcome
	for range t.dial.Groups {
		out := <-results
		switch {
		case out.Winner == nil:
			if failed.Cause == core.CauseNone {
				failed = out
			}
		case won.Winner == nil:
			won = out
			cancel() // the other groups are no longer wanted
		default:
			out.Winner.HangupElsewhere(core.CauseLoseRace)
		}
	}
	if won.Winner != nil {
		return won
	}
	return failed
}

// group tries the sequences of one group, with retries.
func (t *attempt) group(ctx context.Context, g dialstring.Group) Outcome {
	vars := t.dial.GroupVars(g)
	retries := number(vars, "originate_retries", 0, 100)
	pause := time.Duration(min(max(number(vars, "originate_retry_sleep_ms", 1000, 60000), 500), 60000)) * time.Millisecond
	var out Outcome
	for round := 0; ; round++ {
		for _, legs := range g.Sequences {
			out = t.sequence(ctx, g, legs)
			if out.Winner != nil || ctx.Err() != nil || final(out.Cause) {
				return out
			}
		}
		if round >= retries || !sleep(ctx, pause) {
			return out
		}
	}
}

// final causes are not tried around: the originator is gone or the call was moved.
func final(c core.Cause) bool {
	return c == core.CauseOriginatorCancel || c == core.CauseAttendedTransfer
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func number(vars dialstring.Vars, name string, def, most int) int {
	text, _ := vars.Get(name)
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return def
	}
	return min(n, most)
}

func isTrue(vars dialstring.Vars, name string) bool {
	v, _ := vars.Get(name)
	return expand.IsTrue(v)
}

var errNobody = errors.New("nobody to call")
