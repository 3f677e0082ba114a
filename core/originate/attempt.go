package originate

import (
	"context"
	"errors"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/originate/dialstring"
	"github.com/tandemswitch/tandem/core/session"
)

// attempt is one Originate under way. The groups of an enterprise dial string
// share it.
type attempt struct {
	// Immutable after Originate made it.
	o        *Originator
	req      Request
	dial     dialstring.Dial
	ring     *ringer // nil without an A leg
	forwards int

	// Guarded by mu.
	mu     sync.Mutex
	used   bool     // req.ChannelID is given away
	legs   []string // originated_legs
	causes []string // originate_causes
}

var (
	errNobody = errors.New("nobody to call")
	// errLost ends the groups that did not win.
	errLost = errors.New("another group won")
)

func (t *attempt) run(ctx context.Context) Outcome { return t.together(ctx, t.dial.Groups, 0) }

// together originates groups at the same time; one alone runs in place. The
// first to win ends the others. If nobody wins, the first-listed group says why.
func (t *attempt) together(ctx context.Context, groups []dialstring.Group, depth int) Outcome {
	if len(groups) == 1 {
		return t.group(ctx, groups[0], depth)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		index int
		out   Outcome
	}
	results := make(chan result, len(groups))
	for i, g := range groups {
		go func() { results <- result{i, t.guarded(ctx, g, depth)} }() // waited for below
	}
	var first, won Outcome
	for range groups {
		switch r := <-results; {
		case r.out.Winner == nil:
			if r.index == 0 {
				first = r.out
			}
		case won.Winner == nil:
			won = r.out
			cancel(errLost)
		default:
			r.out.Winner.HangupElsewhere(core.CauseLoseRace) // it won at the same moment
		}
	}
	if won.Winner != nil {
		return won
	}
	return first
}

// guarded is group on a goroutine of its own: a panic ends this originate only.
func (t *attempt) guarded(ctx context.Context, g dialstring.Group, depth int) (out Outcome) {
	defer func() {
		if p := recover(); p != nil {
			t.o.deps.Log.Error("panic in originate", "call", t.req.CallID, "err", p, "stack", string(debug.Stack()))
			out = Outcome{Cause: core.CauseNormalTemporaryFailure, By: core.BySwitch}
		}
	}()
	return t.group(ctx, g, depth)
}

// group tries the sequences of one group, again where originate_retries asks
// for it.
//
// What a leg expanded to is tried once each time its leg is.
func (t *attempt) group(ctx context.Context, g dialstring.Group, depth int) Outcome {
	if depth > 0 {
		return t.inTurn(ctx, g, depth)
	}
	vars := t.dial.GroupVars(g)
	retries := t.number(vars, "originate_retries", 0, 100)
	pause := time.Duration(max(t.number(vars, "originate_retry_sleep_ms", 1000, 60000), 500)) * time.Millisecond
	period := time.Duration(t.number(vars, "originate_retry_min_period_ms", 0, 3600_000)) * time.Millisecond
	begin, limit := time.Now(), time.Duration(t.number(vars, "originate_retry_timeout", 0, 86400))*time.Second
	for round := 0; ; round++ {
		started := time.Now()
		out := t.inTurn(ctx, g, depth)
		if out.Winner != nil || ctx.Err() != nil || final(out.Cause) || round >= retries {
			return out
		}
		wait := max(pause, period-time.Since(started))
		if limit > 0 && time.Since(begin)+wait >= limit || !sleep(ctx, wait) {
			return out
		}
		t.note("originate again", "round", round+2, "cause", out.Cause.String())
	}
}

// inTurn tries the sequences one after another. When nobody answers in time,
// the others are tried only if originate_continue_on_timeout says so.
func (t *attempt) inTurn(ctx context.Context, g dialstring.Group, depth int) Outcome {
	goOn := expand.IsTrue(t.setting(t.dial.GroupVars(g), "originate_continue_on_timeout"))
	var out Outcome
	for _, legs := range g.Sequences {
		out = t.sequence(ctx, g, legs, depth)
		if out.Winner != nil || ctx.Err() != nil || final(out.Cause) || out.timedOut && !goOn {
			break
		}
	}
	return out
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

// setting is a variable of the group, else of the A leg.
func (t *attempt) setting(vars dialstring.Vars, name string) string {
	if v, ok := vars.Get(name); ok {
		return v
	}
	if t.req.A != nil {
		return t.req.A.Var(name)
	}
	return ""
}

// number is a setting from 0 to most; def where it is missing or unreadable.
func (t *attempt) number(vars dialstring.Vars, name string, def, most int) int {
	n, err := strconv.Atoi(strings.TrimSpace(t.setting(vars, name)))
	if err != nil || n < 0 {
		return def
	}
	return min(n, most)
}

// channelID gives away the id that the request asked for, once.
func (t *attempt) channelID() core.ChannelID {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.used || t.req.ChannelID == "" {
		return core.NewChannelID()
	}
	t.used = true
	return t.req.ChannelID
}

// note writes down what was decided, for explain.
func (t *attempt) note(sentence string, data ...any) {
	j := t.o.deps.Journal
	if j == nil {
		return
	}
	e := core.JournalEntry{At: time.Now(), Kind: core.JournalOriginate, Sentence: sentence, Data: data}
	if t.req.A != nil {
		e.Leg = t.req.A.ID()
	}
	j.Note(t.req.CallID, e)
}

// placed notes a leg for originated_legs.
func (t *attempt) placed(c *candidate) {
	p := c.session.Profile()
	t.mu.Lock()
	t.legs = append(t.legs, string(c.session.ID())+";"+p.CalleeIDName+";"+p.CalleeIDNumber)
	t.mu.Unlock()
	t.note("leg dialed", "leg", string(c.session.ID()), "endpoint", c.prefix, "target", c.target)
}

// settledLeg notes how a leg came out, for originate_causes: NONE for the winner's.
func (t *attempt) settledLeg(c *candidate, cause core.Cause) {
	id := ""
	if c.session != nil {
		id = string(c.session.ID())
		t.mu.Lock()
		t.causes = append(t.causes, id+";"+cause.String())
		t.mu.Unlock()
	}
	if cause == core.CauseNone {
		t.note("leg won", "leg", id)
		return
	}
	t.note("leg failed", "leg", id, "endpoint", c.prefix, "target", c.target, "cause", cause.String(), "sip_status", c.status)
}

// noteLegs leaves the arrays of all legs on the A leg.
func (t *attempt) noteLegs(a *session.Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, list := range map[string][]string{"originated_legs": t.legs, "originate_causes": t.causes} {
		switch len(list) {
		case 0:
			a.SetVar(name, "")
		default:
			a.SetVar(name, expand.Array(list...))
		}
	}
}
