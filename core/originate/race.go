package originate

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/internal/inbox"
	"github.com/tandemswitch/tandem/core/originate/dialstring"
	"github.com/tandemswitch/tandem/core/session"
)

// race rings several legs at once. It owns the candidates; the sessions tell
// it their milestones.
type race struct {
	// Immutable after newRace.
	t          *attempt
	box        *inbox.Inbox[seen]
	begin      time.Time
	deadline   time.Time
	timeout    time.Duration
	progressBy time.Time // zero: no progress_timeout
	ignore     bool      // early media does not win
	hear       bool      // but A hears it (bridge_early_media)
	fatal      causeList // fail_on_single_reject
	hangup     causeList // hangup_on_single_reject

	// Owned by run.
	candidates []*candidate
	progressed bool
	heard      *candidate // whose early media A hears
	confirming sync.WaitGroup
}

type seen struct {
	id core.ChannelID
	m  session.Milestone
}

// Saw implements session.Watcher. What decides the race is never lost.
func (r *race) Saw(id core.ChannelID, m session.Milestone) {
	switch m.(type) {
	case session.SawDigit, session.SawHold, session.SawLeft:
	case session.SawEarlyMedia, session.SawAnswered, session.SawEnded:
		_ = r.box.Must(seen{id: id, m: m})
	default:
		_ = r.box.Post(seen{id: id, m: m})
	}
}

func (t *attempt) newRace(g dialstring.Group, cs []*candidate) *race {
	vars := t.dial.GroupVars(g)
	r := &race{t: t, box: inbox.New[seen](len(cs)*16 + 64), candidates: cs, begin: time.Now(), timeout: t.timeout(vars)}
	r.deadline = r.begin.Add(r.timeout)
	if n := t.number(vars, "progress_timeout", 0, 86400); n > 0 {
		r.progressBy = r.begin.Add(time.Duration(n) * time.Second)
	}
	early := t.setting(vars, "ignore_early_media")
	r.hear = expand.IsTrue(t.setting(vars, "bridge_early_media")) && t.req.A != nil
	r.ignore = r.hear || expand.IsTrue(early) || early == "ring_ready" || early == "consume" || expand.IsTrue(t.setting(vars, "ring_ready"))
	r.fatal, r.hangup = causes(t.setting(vars, "fail_on_single_reject")), causes(t.setting(vars, "hangup_on_single_reject"))
	return r
}

// causeList is true, a list of causes, or "!" and a list of those that do not
// count.
type causeList struct {
	all, not bool
	list     []core.Cause
}

func causes(text string) causeList {
	text = strings.TrimSpace(text)
	if text == "" || expand.IsTrue(text) {
		return causeList{all: text != ""}
	}
	rest, not := strings.CutPrefix(text, "!")
	l := causeList{not: not}
	for word := range strings.SplitSeq(rest, ",") {
		if c, ok := core.LookupCause(word); ok {
			l.list = append(l.list, c)
		}
	}
	return l
}

func (l causeList) has(c core.Cause) bool {
	if l.all || len(l.list) == 0 {
		return l.all
	}
	for _, x := range l.list {
		if x == c {
			return !l.not
		}
	}
	return l.not
}

// timeout of the whole originate: the request's, call_timeout of A,
// originate_timeout, 60 s.
func (t *attempt) timeout(vars dialstring.Vars) time.Duration {
	if t.req.Timeout > 0 {
		return t.req.Timeout
	}
	if t.req.A != nil {
		if n, err := strconv.Atoi(t.req.A.Var("call_timeout")); err == nil && n > 0 {
			return time.Duration(n) * time.Second
		}
	}
	if n := t.number(vars, "originate_timeout", 0, 86400); n > 0 {
		return time.Duration(n) * time.Second
	}
	return defaultTimeout
}

// race places the candidates and waits for a winner, the deadline, or the
// end of the A leg.
func (t *attempt) race(ctx context.Context, g dialstring.Group, cs []*candidate) Outcome {
	r := t.newRace(g, cs)
	if t.ring != nil && expand.IsTrue(t.setting(t.dial.GroupVars(g), "instant_ringback")) {
		t.ring.ringing(ctx)
	}
	return r.run(ctx)
}

// run is the race's loop. Whatever ends it, no leg but the winner's goes on.
func (r *race) run(ctx context.Context) (out Outcome) {
	ctx, cancel := context.WithCancel(ctx)
	defer r.confirming.Wait()
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r.hangupAll(nil, core.CauseNormalTemporaryFailure, core.BySwitch)
			panic(p)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var batch []seen
	for {
		now := time.Now()
		if out, over := r.late(now); over {
			return out
		}
		r.expire(now)
		if out, over := r.placeDue(now); over {
			return out
		}
		if out, over := r.settled(); over {
			return out
		}
		timer.Reset(r.next(now).Sub(now))
		select {
		case <-ctx.Done():
			return r.abandoned(ctx)
		case <-timer.C:
		case <-r.box.Ready():
			batch = r.box.Take(batch)
			for _, s := range batch {
				if out, over := r.see(ctx, s); over {
					return out
				}
			}
		}
	}
}

// abandoned: the A leg is gone or moved, or another group won.
func (r *race) abandoned(ctx context.Context) Outcome {
	if errors.Is(context.Cause(ctx), errLost) {
		r.hangupAll(nil, core.CauseLoseRace, core.BySwitch)
		return Outcome{Cause: core.CauseLoseRace, By: core.BySwitch}
	}
	by := core.BySwitch
	if he, ok := errors.AsType[*core.HangupError](context.Cause(ctx)); ok {
		by = he.By
	}
	r.hangupAll(nil, core.CauseOriginatorCancel, by)
	return Outcome{Cause: core.CauseOriginatorCancel, By: by}
}

// late ends a race that takes too long.
func (r *race) late(now time.Time) (Outcome, bool) {
	cause := core.CauseNone
	switch {
	case !now.Before(r.deadline):
		cause = core.CauseNoAnswer
	case !r.progressBy.IsZero() && !r.progressed && !now.Before(r.progressBy):
		cause = core.CauseProgressTimeout
	default:
		return Outcome{}, false
	}
	r.hangupAll(nil, cause, core.BySwitch)
	return Outcome{Cause: cause, By: core.BySwitch, timedOut: cause == core.CauseNoAnswer}, true
}

// placeDue starts the legs whose delay has passed.
func (r *race) placeDue(now time.Time) (Outcome, bool) {
	for _, c := range r.candidates {
		if c.over || c.session != nil || now.Before(r.begin.Add(c.delay)) {
			continue
		}
		if out, over := r.place(c, now); over {
			return out, true
		}
	}
	return Outcome{}, false
}

func (r *race) place(c *candidate, now time.Time) (Outcome, bool) {
	c.began = now
	if err := r.t.place(c, r, r.deadline.Sub(now)); err != nil {
		c.fail(err)
		return r.failed(c)
	}
	r.t.placed(c)
	return Outcome{}, false
}

// next is when something is due: a delayed leg, a leg's time, or the end.
func (r *race) next(now time.Time) time.Time {
	at := r.deadline
	earlier := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if !r.progressBy.IsZero() && !r.progressed {
		earlier(r.progressBy)
	}
	for _, c := range r.candidates {
		switch {
		case c.over:
		case c.session == nil:
			earlier(r.begin.Add(c.delay))
		default:
			if c.limit > 0 && !c.confirming {
				earlier(c.began.Add(c.limit))
			}
			if c.progressLimit > 0 && !c.progressed {
				earlier(c.began.Add(c.progressLimit))
			}
		}
	}
	return at
}

// expire ends legs whose own time is up. To the originate it is a leg that
// nobody answered.
func (r *race) expire(now time.Time) {
	for _, c := range r.candidates {
		if c.over || c.session == nil {
			continue
		}
		switch age := now.Sub(c.began); {
		case c.limit > 0 && !c.confirming && age >= c.limit:
			r.drop(c, core.CauseAllottedTimeout)
			c.cause = core.CauseNoAnswer
		case c.progressLimit > 0 && !c.progressed && age >= c.progressLimit:
			r.drop(c, core.CauseProgressTimeout)
		}
	}
}

func (r *race) drop(c *candidate, cause core.Cause) {
	c.over, c.cause, c.by = true, cause, core.BySwitch
	r.t.settledLeg(c, cause)
	c.session.Hangup(cause, core.BySwitch)
	r.unheard(c)
}

// see takes one milestone; true if it decided the race.
func (r *race) see(ctx context.Context, s seen) (Outcome, bool) {
	c := r.find(s.id)
	if c == nil || c.over {
		return Outcome{}, false
	}
	switch m := s.m.(type) {
	case session.SawRinging:
		c.progressed, r.progressed = true, true
		if r.t.ring != nil && r.heard == nil && !c.flag("ignore_ring_ready") {
			r.t.ring.ringing(ctx)
		}
	case session.SawEarlyMedia:
		return r.early(ctx, c)
	case session.SawAnswered:
		if c.value("group_confirm_key") != "" {
			r.confirm(ctx, c)
			return Outcome{}, false
		}
		return r.won(c, true), true
	case confirmed:
		if m.ok {
			return r.won(c, true), true
		}
		r.drop(c, core.CauseNoAnswer)
		return r.rejected(c)
	case session.SawRedirected:
		c.redirects = m.Contacts
	case session.SawEnded:
		c.over, c.cause, c.by, c.status, c.phrase = true, m.Cause, m.By, m.Status, m.Phrase
		r.unheard(c)
		return r.failed(c)
	}
	return Outcome{}, false
}

// early: c has early media. It wins, or A hears it, or A is rung.
func (r *race) early(ctx context.Context, c *candidate) (Outcome, bool) {
	c.progressed, r.progressed, c.early = true, true, true
	if !r.ignore && c.value("group_confirm_key") == "" {
		return r.won(c, false), true
	}
	switch {
	case r.hear:
		r.listen(ctx)
	case r.t.ring != nil && c.value("ignore_early_media") != "consume":
		r.t.ring.ringing(ctx)
	}
	return Outcome{}, false
}

// listen lets A hear the first leg that has early media.
func (r *race) listen(ctx context.Context) {
	if r.heard != nil {
		return
	}
	for _, c := range r.candidates {
		if c.over || !c.early {
			continue
		}
		if r.t.req.A.PreAnswerWith(ctx, nil) == nil {
			r.heard = c
			r.t.req.A.Hear(c.session)
		}
		return
	}
}

// unheard: a leg ended. If A heard it, the next one has its turn.
func (r *race) unheard(c *candidate) {
	if r.heard != c {
		return
	}
	r.heard = nil
	r.t.req.A.Hear(nil)
	for _, other := range r.candidates {
		if !other.over && other.early {
			r.heard = other
			r.t.req.A.Hear(other.session)
			return
		}
	}
}

// failed: a leg refused, or could not be placed. Where it named other places
// those are tried in its stead.
func (r *race) failed(c *candidate) (Outcome, bool) {
	r.t.settledLeg(c, c.cause)
	if r.follow(c) {
		return Outcome{}, false
	}
	return r.rejected(c)
}

// rejected applies the rules by which one leg's failure is everybody's.
func (r *race) rejected(c *candidate) (Outcome, bool) {
	hangup := r.hangup.has(c.cause) && r.t.req.A != nil
	if !c.required && !hangup && !r.fatal.has(c.cause) {
		return Outcome{}, false
	}
	r.hangupAll(nil, c.cause, core.BySwitch)
	if hangup {
		r.t.req.A.Hangup(c.cause, c.by)
	}
	return Outcome{Cause: c.cause, By: c.by, Status: c.status, Phrase: c.phrase}, true
}

func (r *race) find(id core.ChannelID) *candidate {
	for _, c := range r.candidates {
		if c.session != nil && c.session.ID() == id {
			return c
		}
	}
	return nil
}

func (r *race) won(c *candidate, answered bool) Outcome {
	r.t.settledLeg(c, core.CauseNone)
	r.hangupAll(c, core.CauseLoseRace, core.BySwitch)
	c.session.Forget(r)
	return Outcome{Winner: c.session, Answered: answered, Cause: core.CauseSuccess}
}

// hangupAll ends all legs but the winner's.
func (r *race) hangupAll(winner *candidate, cause core.Cause, by core.Hanger) {
	for _, c := range r.candidates {
		if c == winner || c.over {
			continue
		}
		c.over, c.cause, c.by = true, cause, by
		if c.session == nil {
			continue
		}
		r.t.settledLeg(c, cause)
		if cause == core.CauseLoseRace {
			c.session.HangupElsewhere(cause)
		} else {
			c.session.Hangup(cause, by)
		}
	}
	if winner == nil && r.heard != nil {
		r.heard = nil
		r.t.req.A.Hear(nil)
	}
}

// settled reports that no leg is left; the first-listed leg's cause is the
// originate's (reference core.md section 6).
func (r *race) settled() (Outcome, bool) {
	for _, c := range r.candidates {
		if !c.over {
			return Outcome{}, false
		}
	}
	if len(r.candidates) == 0 {
		return Outcome{Cause: core.CauseNoRouteDestination, By: core.BySwitch}, true
	}
	c := r.candidates[0]
	return Outcome{Cause: c.cause, By: c.by, Status: c.status, Phrase: c.phrase}, true
}
