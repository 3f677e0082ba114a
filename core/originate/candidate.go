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
	progressed     bool
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

func (c *candidate) flag(name string) bool { return isTrueText(lookup(c.vars, name)) }

func (c *candidate) seconds(name string) time.Duration {
	n, err := strconv.Atoi(lookup(c.vars, name))
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// maxNesting bounds user/ in group/ in user/ …: a directory that names itself.
const maxNesting = 8

// candidates turns the legs of a sequence into what can be placed: user/ and
// group/ are expanded, in place where the leg stands alone (then its own
// alternatives are kept as further sequences), into the fork otherwise.
func (t *attempt) candidates(ctx context.Context, g dialstring.Group, legs []dialstring.Leg) (now []*candidate, then [][]dialstring.Leg, group dialstring.Group) {
	group = g
	for depth := 0; len(legs) == 1 && depth < maxNesting; depth++ {
		sub, err := t.expand(ctx, group, legs[0])
		if err != nil {
			c := &candidate{prefix: legs[0].Prefix, target: legs[0].Target}
			c.fail(err)
			return []*candidate{c}, nil, group
		}
		if sub == nil {
			break
		}
		group.Vars = t.dial.LegVars(group, legs[0]).With(sub.Groups[0].Vars)
		legs = sub.Groups[0].Sequences[0]
		then = append(append([][]dialstring.Leg{}, sub.Groups[0].Sequences[1:]...), then...)
		for _, more := range sub.Groups[1:] {
			then = append(then, more.Sequences...)
		}
	}
	for _, l := range legs {
		now = append(now, t.flatten(ctx, group, l, 0)...)
	}
	return now, then, group
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
	c.required = c.flag("leg_required")
	return c
}

// copied to every B leg if set on A (reference core.md section 6).
var copied = [...]string{
	"forked_dial", "ignore_early_media", "bridge_early_media", "ignore_ring_ready", "return_ring_ready", "ring_ready",
	"instant_ringback", "progress_timeout", "hold_music", "domain_name", "default_language", "language",
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
	if req.ChannelID == "" && !t.used {
		req.ChannelID, t.used = t.req.ChannelID, true
	}
	if req.ChannelID == "" {
		req.ChannelID = core.NewChannelID()
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
	p.DestinationNumber = destination(c.target)
	p.UUID, p.ChanName = "", ""
	return p
}

// destination is the number part of a target: what stands before the @.
func destination(target string) string {
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
