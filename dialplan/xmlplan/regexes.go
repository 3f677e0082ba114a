package xmlplan

import (
	"strconv"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/dialplan"
)

// regexes evaluates a condition with <regex> elements: any, all, or exactly one
// must pass; a time on the condition that passes is enough as well.
//
// Each expression that captures is stored as DP_REGEX_MATCH_n, but for the one
// at which the evaluation ends early. $n means the last stored one, for any the
// one that matched.
func (e *hunt) regexes(c *condition, depth int) (passed bool, groups captures) {
	entry := core.TraceEntry{Kind: dialplan.KindCondition, File: c.pos.File, Line: c.pos.Line, Depth: depth + 2}
	at := e.note(entry)
	e.forgetMatches()
	passes := 0
	ended := false
	for i, r := range c.regexes {
		found, got := e.regex(r, depth)
		if found {
			passes++
		}
		if c.mode == regexAny && found {
			groups, ended = got, true
			break
		}
		if c.mode == regexAll && !found {
			ended = true
			break
		}
		if got.stored {
			e.scope.Change(core.VarChange{Name: "DP_REGEX_MATCH_" + strconv.Itoa(i+1), Value: got.array()})
			if c.mode != regexAny {
				groups = got
			}
		}
	}
	switch c.mode {
	case regexAny:
		passed, entry.Detail = ended, "any"
	case regexAll:
		passed, entry.Detail = !ended, "all"
	case regexXor:
		passed, entry.Detail = passes == 1, "exactly one"
	}
	if c.test.times != nil {
		inTime := e.timePasses(c.test.times)
		passed = passed || inTime
		entry.Detail += "; time " + c.test.times.String() + ": " + yesNo(inTime)
	}
	entry.Passed = passed
	e.route.Trace[at] = entry
	if !passed {
		groups = captures{}
	}
	return passed, groups
}

// regex evaluates one element. With a field its times are not looked at.
func (e *hunt) regex(r regex, depth int) (bool, captures) {
	entry := core.TraceEntry{Kind: dialplan.KindRegex, File: r.pos.File, Line: r.pos.Line, Depth: depth + 3}
	var groups captures
	switch {
	case r.test.hasField:
		entry.Passed, groups = e.field(r.test, &entry)
	case r.test.times == nil:
		entry.Passed, entry.Detail = true, "always"
	default:
		entry.Passed = e.timePasses(r.test.times)
		entry.Detail = "time " + r.test.times.String()
	}
	e.note(entry)
	return entry.Passed, groups
}

// forgetMatches removes what earlier conditions stored.
func (e *hunt) forgetMatches() {
	for i := 1; ; i++ {
		name := "DP_REGEX_MATCH_" + strconv.Itoa(i)
		if e.scope.Var(name) == "" {
			return
		}
		e.scope.Change(core.VarChange{Name: name})
	}
}
