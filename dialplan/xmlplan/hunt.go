package xmlplan

import (
	"fmt"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand/pattern"
	"github.com/tandemswitch/tandem/dialplan"
)

// maxSteps bounds the list of one route.
const maxSteps = 10_000

// hunt is one walk through a context.
type hunt struct {
	plan    *Plan
	scope   *dialplan.Scope
	profile core.CallerProfile
	route   core.Route
	met     bool // an action was met: there is a route
	name    string
	clock   clock
}

func newHunt(p *Plan, c *planContext, h core.Hunt) *hunt {
	e := &hunt{plan: p, scope: dialplan.NewScope(h), profile: h.Profile, clock: clock{server: h.Now}}
	e.route.Trace = make([]core.TraceEntry, 0, c.size)
	e.scope.Note = func(t core.TraceEntry) {
		if n := len(e.route.Trace); n > 0 {
			t.Depth = e.route.Trace[n-1].Depth
		}
		e.note(t)
	}
	return e
}

// note appends to the trace and returns the place of the entry.
func (e *hunt) note(t core.TraceEntry) int {
	e.route.Trace = append(e.route.Trace, t)
	return len(e.route.Trace) - 1
}

// context visits extensions in order until one matches that does not go on.
// What they gathered stays, whether they matched or not.
func (e *hunt) context(c *planContext, want string) {
	detail := ""
	if !strings.EqualFold(c.name, want) {
		detail = fmt.Sprintf("there is no context %q", want)
	}
	e.note(core.TraceEntry{Kind: dialplan.KindContext, File: c.pos.File, Line: c.pos.Line, Name: c.name, Passed: true, Detail: detail})
	for _, x := range c.extensions[c.first(e):] {
		if e.extension(x) && !x.goesOn {
			return
		}
	}
}

func (e *hunt) extension(x *extension) bool {
	at := e.note(core.TraceEntry{Kind: dialplan.KindExtension, File: x.pos.File, Line: x.pos.Line, Name: x.name, Depth: 1})
	e.name = x.name
	matched := e.conditions(x.conditions, true, 0)
	e.route.Trace[at].Passed = matched
	if x.goesOn && matched {
		e.route.Trace[at].Detail = "continue"
	}
	return matched
}

// conditions evaluates a list; the last one that is evaluated decides.
func (e *hunt) conditions(list []*condition, requireNested bool, depth int) bool {
	proceed := false
	for _, c := range list {
		passed, matched := e.condition(c, depth)
		proceed = matched
		if c.leave == breakAlways || c.leave == breakOnTrue && passed || c.leave == breakOnFalse && !passed {
			break
		}
		if !proceed || len(c.nested) == 0 {
			continue
		}
		proceed = e.conditions(c.nested, c.requireNested, depth+1)
		if !proceed && c.leave != breakNever {
			break
		}
	}
	return proceed || !requireNested
}

// condition evaluates one condition and takes its actions or anti-actions.
// passed says which; matched is whether the extension matches as far as this
// condition goes. They differ after anti-actions, which count as a match, and
// where the time passed and the expression did not, which does not.
func (e *hunt) condition(c *condition, depth int) (passed, matched bool) {
	var groups captures
	if c.mode != regexNone {
		passed, groups = e.regexes(c, depth)
		matched = passed
	} else {
		passed, matched, groups = e.single(c, depth)
	}
	if groups.stored {
		e.scope.Change(core.VarChange{Name: "DP_MATCH", Value: groups.array()})
	}
	if passed {
		e.take(c.actions, dialplan.KindAction, groups, depth)
		return passed, matched
	}
	e.take(c.antiActions, dialplan.KindAntiAction, captures{}, depth)
	return passed, matched || ran(c.antiActions)
}

// ran reports whether any of the actions is taken at all.
func ran(actions []action) bool {
	for _, a := range actions {
		if a.loop > 0 {
			return true
		}
	}
	return false
}

// single evaluates a condition without <regex>. A time and a field are ORed;
// where the time passed alone, $n are empty.
func (e *hunt) single(c *condition, depth int) (passed, matched bool, groups captures) {
	t := c.test
	entry := core.TraceEntry{Kind: dialplan.KindCondition, File: c.pos.File, Line: c.pos.Line, Depth: depth + 2}
	if t.times != nil {
		passed = e.timePasses(t.times)
		matched = passed
		entry.Detail = "time " + t.times.String() + ": " + yesNo(passed)
	}
	switch {
	case t.hasField:
		var found bool
		found, groups = e.field(t, &entry)
		passed, matched = passed || found, found
	case t.times == nil:
		passed, matched = true, true
		entry.Detail = "always"
	}
	entry.Passed = passed
	e.note(entry)
	return passed, matched, groups
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// field matches a field with its expression and writes down what was looked at.
func (e *hunt) field(t test, entry *core.TraceEntry) (bool, captures) {
	entry.Field, entry.Value = t.field, e.value(t.field)
	p, err := e.compiled(t.expression)
	entry.Pattern = t.expression.text
	if err != nil {
		entry.Detail = join(entry.Detail, err.Error())
		return false, captures{}
	}
	entry.Pattern = p.String()
	if !capturing(p.String()) {
		found, err := p.Matches(entry.Value)
		entry.Detail = join(entry.Detail, errorText(err))
		return found, captures{}
	}
	m, found, err := p.Find(entry.Value)
	entry.Detail = join(entry.Detail, errorText(err))
	return found, captures{used: true, stored: found, match: m, value: entry.Value}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// value is what a field is: with a dollar sign it is expanded, else it names a
// field of the caller profile and nothing else.
func (e *hunt) value(field string) string {
	if strings.IndexByte(field, '$') >= 0 {
		return e.scope.Expand(field)
	}
	return e.scope.Field(field)
}

// compiled returns the pattern of an expression; one that holds variables is
// compiled now.
func (e *hunt) compiled(x expression) (*pattern.Pattern, error) {
	if x.pattern != nil {
		return x.pattern, nil
	}
	return e.plan.cache.Compile(e.scope.Expand(x.text))
}

// capturing is FreeSWITCH's test for groups: a parenthesis anywhere.
func capturing(text string) bool { return strings.IndexByte(text, '(') >= 0 }

// take appends actions to the route, or runs them where they are inline.
func (e *hunt) take(actions []action, kind string, groups captures, depth int) {
	for _, a := range actions {
		if a.loop == 0 {
			continue
		}
		if !e.met {
			e.met = true
			e.route.Extension = e.routeName(depth)
		}
		if groups.used {
			a.data = groups.fill(a.data)
		}
		for range a.loop {
			e.takeOne(a, kind, depth)
		}
	}
}

// routeName is the name of the extension that gave the first action.
func (e *hunt) routeName(depth int) string {
	if depth == 0 {
		return e.name
	}
	return fmt.Sprintf("%s_recur_%d", e.name, depth)
}

func (e *hunt) takeOne(a action, kind string, depth int) {
	entry := core.TraceEntry{Kind: kind, File: a.pos.File, Line: a.pos.Line, Name: a.app, Value: a.data, Passed: true, Depth: depth + 3}
	if !a.inline {
		e.note(entry)
		e.step(a.app, a.data, a.pos)
		return
	}
	at := e.note(entry) // before what the application itself notes
	outcome, data := e.scope.Inline(a.app, a.data)
	entry.Value = data
	switch outcome {
	case dialplan.Evaluated:
		entry.Kind = dialplan.KindInline
	case dialplan.Deferred:
		entry.Kind, entry.Passed = dialplan.KindNotEvaluated, false
		entry.Value, entry.Detail = a.data, "runs with the other actions"
		e.step(a.app, a.data, a.pos)
	case dialplan.Refused:
		entry.Kind, entry.Passed = dialplan.KindNotEvaluated, false
		entry.Detail = "cannot run inline, left out"
	}
	e.route.Trace[at] = entry
}

func (e *hunt) step(app, data string, pos config.Pos) {
	if len(e.route.Steps) >= maxSteps {
		return
	}
	e.route.Steps = append(e.route.Steps, core.Step{App: app, Data: data, File: pos.File, Line: pos.Line})
}
