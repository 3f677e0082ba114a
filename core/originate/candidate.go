package originate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/originate/dialstring"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// candidate is one leg of a race.
type candidate struct {
	prefix, target string
	vars           map[string]string // lower-case names are not forced: as written
	session        *session.Session
	delay          time.Duration // leg_delay_start
	limit          time.Duration // leg_timeout; 0: none
	progressLimit  time.Duration // leg_progress_timeout; 0: none
	required       bool          // leg_required: its end ends everything
	began          time.Time     // placed
	progressed     bool
	early          bool // has early media
	confirming     bool // answered, and asked to confirm
	over           bool
	cause          core.Cause
	by             core.Hanger
	status         int
	phrase         string
	redirects      []string // 3xx contacts to try next
	hops           int      // redirects followed so far
}

func (c *candidate) fail(err error) {
	c.over, c.cause, c.by = true, core.CauseDestinationOutOfOrder, core.BySwitch
	if ce, ok := errors.AsType[*core.CauseError](err); ok {
		c.cause, c.status = ce.Cause, ce.SIPStatus
	}
}

func (c *candidate) value(name string) string { return lookup(c.vars, name) }

func (c *candidate) flag(name string) bool { return expand.IsTrue(c.value(name)) }

func (c *candidate) seconds(name string) time.Duration {
	n, err := strconv.Atoi(lookup(c.vars, name))
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// maxNesting bounds user/ in group/ in user/ …: a directory that names itself.
const maxNesting = 8

// sequence rings one sequence. A leg that stands alone and is expanded
// (user/, group/) keeps the alternatives and groups of what it expands to; in a
// fork only the first of its alternatives rings, as in FreeSWITCH.
func (t *attempt) sequence(ctx context.Context, g dialstring.Group, legs []dialstring.Leg, depth int) Outcome {
	if len(legs) == 1 && depth < maxNesting {
		sub, err := t.expand(ctx, g, legs[0])
		if err != nil {
			c := t.candidate(g, legs[0])
			c.fail(err)
			return t.race(ctx, g, []*candidate{c})
		}
		if sub != nil {
			outer := t.dial.LegVars(g, legs[0])
			for i := range sub.Groups {
				sub.Groups[i].Vars = outer.With(sub.Groups[i].Vars)
			}
			return t.together(ctx, sub.Groups, depth+1)
		}
	}
	var cs []*candidate
	for _, l := range legs {
		cs = append(cs, t.flatten(ctx, g, l, depth)...)
	}
	if len(cs) > dialstring.MaxForks {
		t.note("too many legs", "legs", len(cs), "most", dialstring.MaxForks)
		cs = cs[:dialstring.MaxForks]
	}
	return t.race(ctx, g, cs)
}

// flatten expands one leg of a fork into candidates; of alternatives only the
// first counts, as in FreeSWITCH.
func (t *attempt) flatten(ctx context.Context, g dialstring.Group, l dialstring.Leg, depth int) []*candidate {
	sub, err := t.expand(ctx, g, l)
	switch {
	case err == nil && sub == nil:
		return []*candidate{t.candidate(g, l)}
	case err == nil && depth >= maxNesting:
		err = &core.CauseError{Cause: core.CauseExchangeRoutingError, Err: fmt.Errorf("%s/%s names itself", l.Prefix, l.Target)}
	}
	if err != nil {
		c := t.candidate(g, l)
		c.fail(err)
		return []*candidate{c}
	}
	var all []*candidate
	inner := dialstring.Group{Vars: t.dial.LegVars(g, l).With(sub.Groups[0].Vars)}
	for _, group := range sub.Groups {
		for _, leg := range group.Sequences[0] {
			all = append(all, t.flatten(ctx, inner, leg, depth+1)...)
		}
	}
	return all
}

// expand asks the expander of a prefix; nil if an endpoint serves it.
func (t *attempt) expand(ctx context.Context, g dialstring.Group, l dialstring.Leg) (*dialstring.Dial, error) {
	if strings.EqualFold(l.Prefix, "error") {
		return nil, &core.CauseError{Cause: core.ParseCause(l.Target), Err: errNobody}
	}
	x, ok := t.o.deps.Endpoints.Expander(l.Prefix)
	if !ok {
		return nil, nil
	}
	text, legVars, err := x.Expand(ctx, l.Target, t.dial.LegVars(g, l).Map())
	if err != nil {
		return nil, err
	}
	dial, err := dialstring.Parse(text)
	if err != nil {
		return nil, &core.CauseError{Cause: core.CauseMandatoryIEMissing, Err: fmt.Errorf("%s/%s: %w", l.Prefix, l.Target, err)}
	}
	for i := range dial.Groups {
		dial.Groups[i].Vars = varsOf(legVars).With(dial.GroupVars(dial.Groups[i]))
	}
	return &dial, nil
}

func (t *attempt) candidate(g dialstring.Group, l dialstring.Leg) *candidate {
	c := &candidate{prefix: l.Prefix, target: l.Target, vars: t.legVariables(t.dial.LegVars(g, l))}
	c.limit, c.progressLimit, c.delay = c.seconds("leg_timeout"), c.seconds("leg_progress_timeout"), c.seconds("leg_delay_start")
	if ms, err := strconv.Atoi(c.value("originate_delay_start")); err == nil && ms > 0 {
		c.delay += time.Duration(ms) * time.Millisecond
	}
	c.required = c.flag("leg_required")
	return c
}

// copied to every B leg if set on A (reference core.md section 6).
var copied = [...]string{
	"forked_dial", "ignore_early_media", "bridge_early_media", "ignore_ring_ready", "return_ring_ready", "ring_ready",
	"instant_ringback", "progress_timeout", "originate_continue_on_timeout", "fail_on_single_reject", "hangup_on_single_reject",
	"group_confirm_key", "group_confirm_file", "group_confirm_error_file", "group_confirm_read_timeout", "group_confirm_timeout",
	"group_confirm_cancel_timeout", "group_confirm_early_ok", "hold_music", "domain_name", "default_language", "language",
}

// legVariables are the variables of a new channel: A's exports, then the dial string's.
func (t *attempt) legVariables(own dialstring.Vars) map[string]string {
	vars := map[string]string{}
	if a := t.req.A; a != nil {
		for _, name := range copied {
			if v := a.Var(name); v != "" {
				vars[name] = v
			}
		}
		maps.Copy(vars, a.Exports())
		vars["originator"] = string(a.ID())
		vars["originating_leg_uuid"] = string(a.ID())
	}
	maps.Copy(vars, t.req.Variables)
	maps.Copy(vars, own.Map())
	vars["max_forwards"] = strconv.Itoa(t.forwards)
	return vars
}

// place makes the leg's session and starts it.
func (t *attempt) place(c *candidate, w session.Watcher, timeout time.Duration) error {
	ep, ok := t.o.deps.Endpoints.Endpoint(c.prefix)
	if !ok {
		return &core.CauseError{Cause: core.CauseChanNotImplemented, Err: fmt.Errorf("no endpoint %q", c.prefix)}
	}
	req := core.Outgoing{
		ChannelID: core.ChannelID(lookup(c.vars, "origination_uuid")), CallID: t.req.CallID, Target: c.target, Profile: t.profile(c),
		Variables: c.vars, Timeout: timeout,
	}
	if req.ChannelID == "" {
		req.ChannelID = t.channelID()
	}
	var prefer []media.Format
	if t.req.A != nil {
		if prefer = t.req.A.Offered(); !t.req.A.Using().IsZero() {
			prefer = append([]media.Format{t.req.A.Using()}, prefer...)
		}
	}
	s, err := t.o.start(session.Outbound{Endpoint: ep, Request: req, Prefer: prefer, Watcher: w})
	if err != nil {
		return err
	}
	c.session = s
	return nil
}

// profile is who the B leg sees: A's effective caller ID, overruled by
// origination_caller_id_*.
func (t *attempt) profile(c *candidate) core.CallerProfile {
	p := t.req.Profile
	if a := t.req.A; a != nil {
		p = a.Profile()
		if v := a.Var("effective_caller_id_name"); v != "" {
			p.CallerIDName = v
		}
		if v := a.Var("effective_caller_id_number"); v != "" {
			p.CallerIDNumber = v
		}
	}
	if v := lookup(c.vars, "origination_caller_id_name"); v != "" {
		p.CallerIDName = v
	}
	if v := lookup(c.vars, "origination_caller_id_number"); v != "" {
		p.CallerIDNumber = v
	}
	if v := lookup(c.vars, "origination_callee_id_name"); v != "" {
		p.CalleeIDName = v
	}
	if v := lookup(c.vars, "origination_callee_id_number"); v != "" {
		p.CalleeIDNumber = v
	}
	p.DestinationNumber = c.destination()
	p.UUID, p.ChanName = "", ""
	return p
}

// destination is the number that was dialed: the user whose contact this is,
// else the number part of the target, which stands before the @.
func (c *candidate) destination() string {
	if user := c.value("dialed_user"); user != "" {
		return user
	}
	target := c.target
	if strings.EqualFold(c.prefix, "loopback") {
		number, _, _ := strings.Cut(target, "/")
		return number
	}
	if i := strings.LastIndexByte(target, '/'); i >= 0 && !strings.HasPrefix(target, "app=") {
		target = target[i+1:]
	}
	target = strings.TrimPrefix(strings.TrimPrefix(target, "sips:"), "sip:")
	number, _, _ := strings.Cut(target, "@")
	number, _, _ = strings.Cut(number, ";")
	return number
}

// varsOf orders a map by name, so that dial strings and journals are stable.
func varsOf(m map[string]string) dialstring.Vars {
	var v dialstring.Vars
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v = append(v, dialstring.Var{Name: k, Value: m[k]})
	}
	return v
}

func lookup(vars map[string]string, name string) string {
	if v, ok := vars[name]; ok {
		return v
	}
	for k, v := range vars {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}
