package originate

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/internal/inbox"
	"github.com/tandemswitch/tandem/core/originate/dialstring"
	"github.com/tandemswitch/tandem/core/session"
)

func isTrueText(v string) bool { return expand.IsTrue(v) }

// race rings several legs at once. It owns the candidates; the sessions tell
// it their milestones.
type race struct {
	t          *attempt
	box        *inbox.Inbox[seen]
	candidates []*candidate
	ignore     bool // early media does not win
	deadline   time.Time
	timeout    time.Duration
}

type seen struct {
	id core.ChannelID
	m  session.Milestone
}

// Saw implements session.Watcher.
func (r *race) Saw(id core.ChannelID, m session.Milestone) { _ = r.box.Post(seen{id, m}) }

// sequence rings one sequence; alternatives that an expanded leg brought are
// tried after it.
func (t *attempt) sequence(ctx context.Context, g dialstring.Group, legs []dialstring.Leg) Outcome {
	var out Outcome
	todo := [][]dialstring.Leg{legs}
	for len(todo) > 0 {
		now, then, group := t.candidates(ctx, g, todo[0])
		if len(then) > 0 {
			g = group
		}
		todo = append(then, todo[1:]...)
		out = t.race(ctx, group, now)
		if out.Winner != nil || ctx.Err() != nil || final(out.Cause) {
			return out
		}
	}
	return out
}

// race places the candidates and waits for a winner, the deadline, or the
// end of the A leg.
func (t *attempt) race(ctx context.Context, g dialstring.Group, cs []*candidate) Outcome {
	vars := t.dial.GroupVars(g)
	r := &race{t: t, box: inbox.New[seen](len(cs)*16 + 64), candidates: cs}
	for _, name := range [...]string{"ignore_early_media", "ring_ready", "bridge_early_media"} {
		v, ok := vars.Get(name)
		if !ok && t.req.A != nil {
			v = t.req.A.Var(name)
		}
		r.ignore = r.ignore || expand.IsTrue(v) || name == "ignore_early_media" && (v == "ring_ready" || v == "consume")
	}
	r.timeout = t.timeout(vars)
	begin := time.Now()
	r.deadline = begin.Add(r.timeout)
	if t.ring != nil && (isTrue(vars, "instant_ringback") || expand.IsTrue(t.req.A.Var("instant_ringback"))) {
		t.ring.ringing(ctx)
	}
	r.placeDue(begin, begin)
	return r.wait(ctx, begin)
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
	if n := number(vars, "originate_timeout", 0, 86400); n > 0 {
		return time.Duration(n) * time.Second
	}
	return defaultTimeout
}

// placeDue starts the legs whose leg_delay_start has passed.
func (r *race) placeDue(begin, now time.Time) {
	for _, c := range r.candidates {
		if c.over || c.session != nil || now.Before(begin.Add(c.delay)) {
			continue
		}
		if err := r.t.place(c, r, r.timeout); err != nil {
			c.fail(err)
		}
	}
}

// wait is the race's loop.
func (r *race) wait(ctx context.Context, begin time.Time) Outcome {
	var batch []seen
	for {
		if out, done := r.settled(); done {
			return out
		}
		now := time.Now()
		timer := time.NewTimer(r.next(begin, now).Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			r.hangupAll(nil, core.CauseOriginatorCancel)
			return Outcome{Cause: core.CauseOriginatorCancel, By: core.ByCaller}
		case <-timer.C:
			if now = time.Now(); !now.Before(r.deadline) {
				r.hangupAll(nil, core.CauseNoAnswer)
				return Outcome{Cause: core.CauseNoAnswer, By: core.BySwitch}
			}
			r.expire(begin, now)
			r.placeDue(begin, now)
		case <-r.box.Ready():
			timer.Stop()
			batch = r.box.Take(batch)
			for i, s := range batch {
				if out, won := r.see(ctx, s); won {
					_ = i
					return out
				}
			}
		}
	}
}

// next is when something is due: a delayed leg, a leg's time, or the end.
func (r *race) next(begin, now time.Time) time.Time {
	at := r.deadline
	earlier := func(t time.Time) {
		if t.After(now) && t.Before(at) {
			at = t
		}
	}
	for _, c := range r.candidates {
		if c.over {
			continue
		}
		if c.session == nil {
			earlier(begin.Add(c.delay))
		}
		if c.limit > 0 {
			earlier(begin.Add(c.delay + c.limit))
		}
		if c.progressLimit > 0 && !c.progressed {
			earlier(begin.Add(c.delay + c.progressLimit))
		}
	}
	return at
}

// expire ends legs whose own time is up.
func (r *race) expire(begin, now time.Time) {
	for _, c := range r.candidates {
		if c.over || c.session == nil {
			continue
		}
		age := now.Sub(begin) - c.delay
		switch {
		case c.limit > 0 && age >= c.limit:
			c.over, c.cause, c.by = true, core.CauseNoAnswer, core.BySwitch
			c.session.Hangup(core.CauseAllottedTimeout, core.BySwitch)
		case c.progressLimit > 0 && !c.progressed && age >= c.progressLimit:
			c.over, c.cause, c.by = true, core.CauseProgressTimeout, core.BySwitch
			c.session.Hangup(core.CauseProgressTimeout, core.BySwitch)
		}
	}
}

// see takes one milestone; true if it decided the race.
func (r *race) see(ctx context.Context, s seen) (Outcome, bool) {
	c := r.find(s.id)
	if c == nil || c.over {
		return Outcome{}, false
	}
	switch m := s.m.(type) {
	case session.SawRinging:
		c.progressed = true
		if r.t.ring != nil && !c.flag("ignore_ring_ready") {
			r.t.ring.ringing(ctx)
		}
	case session.SawEarlyMedia:
		c.progressed = true
		if !r.ignore {
			return r.won(c, false), true
		}
		if r.t.ring != nil {
			r.t.ring.ringing(ctx)
		}
	case session.SawAnswered:
		return r.won(c, true), true
	case session.SawRedirected:
		c.redirects = m.Contacts
	case session.SawEnded:
		c.over, c.cause, c.by, c.status, c.phrase = true, m.Cause, m.By, m.Status, m.Phrase
		r.follow(c)
		if c.required {
			r.hangupAll(nil, c.cause)
			return Outcome{Cause: c.cause, By: c.by, Status: c.status, Phrase: c.phrase}, true
		}
	}
	return Outcome{}, false
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
	r.hangupAll(c, core.CauseLoseRace)
	return Outcome{Winner: c.session, Answered: answered, Cause: core.CauseSuccess}
}

// hangupAll ends all legs but the winner's.
func (r *race) hangupAll(winner *candidate, cause core.Cause) {
	for _, c := range r.candidates {
		if c == winner || c.session == nil || c.over {
			continue
		}
		c.over, c.cause, c.by = true, cause, core.BySwitch
		if cause == core.CauseLoseRace {
			c.session.HangupElsewhere(cause)
		} else {
			c.session.Hangup(cause, core.BySwitch)
		}
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

// maxRedirects bounds a chain of 3xx answers (RFC 3261 §8.1.3.4 asks for loop
// detection; five is what phones forward to one another at most).
const maxRedirects = 5

// follow puts the contacts of a 3xx in the place of the leg that was
// redirected. A contact of our own domain goes through the dialplan.
func (r *race) follow(c *candidate) {
	if len(c.redirects) == 0 || c.hops >= maxRedirects || isTrueText(lookup(c.vars, "outbound_redirect_fatal")) {
		return
	}
	profile, _, _ := strings.Cut(c.target, "/")
	for _, uri := range c.redirects {
		next := &candidate{prefix: c.prefix, target: profile + "/" + uri, vars: c.vars, limit: c.limit, hops: c.hops + 1}
		if user, ok := r.local(uri); ok {
			next.prefix, next.target = "loopback", user+"/"+r.context()
		}
		if err := r.t.place(next, r, time.Until(r.deadline)); err != nil {
			next.fail(err)
		}
		r.candidates = append(r.candidates, next)
	}
	// The redirected leg no longer speaks for the outcome.
	for i, other := range r.candidates {
		if other == c {
			r.candidates = append(r.candidates[:i:i], r.candidates[i+1:]...)
			return
		}
	}
}

// local returns the user of a URI in one of our domains.
func (r *race) local(uri string) (string, bool) {
	rest := strings.TrimPrefix(strings.TrimPrefix(uri, "sips:"), "sip:")
	user, host, ok := strings.Cut(rest, "@")
	if !ok || user == "" || r.t.o.deps.Directory == nil {
		return "", false
	}
	if i := strings.IndexAny(host, ":;?>"); i >= 0 && !strings.HasPrefix(host, "[") {
		host = host[:i]
	}
	for _, d := range r.t.o.deps.Directory.Domains() {
		if strings.EqualFold(d, host) {
			user, _, _ = strings.Cut(user, ";")
			return user, true
		}
	}
	return "", false
}

func (r *race) context() string {
	if a := r.t.req.A; a != nil {
		if c := a.Profile().Context; c != "" {
			return c
		}
	}
	return "default"
}
