package dialplan

import (
	"fmt"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// The kinds of trace entries.
const (
	KindContext      = "context"
	KindExtension    = "extension"
	KindCondition    = "condition"
	KindRegex        = "regex"
	KindAction       = "action"
	KindAntiAction   = "anti-action"
	KindInline       = "inline"
	KindNotEvaluated = "not-evaluated"
)

// Explain tells a hunt in words: each thing that was looked at in order, with
// its place in the files, then the variables that were set and the steps that
// were chosen.
func Explain(r *core.Route) []string {
	if r == nil {
		return []string{"nothing found"}
	}
	var lines []string
	for _, e := range r.Trace {
		lines = append(lines, line(e))
	}
	for _, c := range r.Sets {
		lines = append(lines, "sets "+change(c))
	}
	if len(r.Steps) == 0 {
		return append(lines, "no actions chosen")
	}
	lines = append(lines, fmt.Sprintf("actions of extension %s:", r.Extension))
	for i, s := range r.Steps {
		lines = append(lines, fmt.Sprintf("%4d. %s%s", i+1, call(s.App, s.Data), place(s.File, s.Line)))
	}
	return lines
}

func line(e core.TraceEntry) string {
	indent := strings.Repeat("  ", e.Depth)
	where := place(e.File, e.Line)
	switch e.Kind {
	case KindContext:
		return "context " + e.Name + detail(e.Detail) + where
	case KindExtension:
		return indent + "extension " + e.Name + ": " + word(e.Passed, "matches", "does not match") + detail(e.Detail) + where
	case KindCondition, KindRegex:
		return indent + e.Kind + " " + test(e) + word(e.Passed, "yes", "no") + detail(e.Detail) + where
	case KindNotEvaluated:
		return indent + "not evaluated: " + call(e.Name, e.Value) + detail(e.Detail) + where
	default:
		return indent + e.Kind + " " + call(e.Name, e.Value) + detail(e.Detail) + where
	}
}

// test says what a condition looked at.
func test(e core.TraceEntry) string {
	if e.Field == "" {
		return ""
	}
	return fmt.Sprintf("%s is %q, wanted %s: ", e.Field, e.Value, e.Pattern)
}

func change(c core.VarChange) string {
	var b strings.Builder
	b.WriteString(c.Name)
	switch {
	case c.Unset:
		b.WriteString(" to nothing")
	default:
		fmt.Fprintf(&b, "=%s", c.Value)
	}
	switch {
	case c.NoLocal:
		b.WriteString(" (B legs only)")
	case c.Export:
		b.WriteString(" (exported)")
	case c.Global:
		b.WriteString(" (global)")
	}
	return b.String()
}

func call(app, data string) string {
	if data == "" {
		return app
	}
	return app + "(" + data + ")"
}

func place(file string, line int) string {
	if file == "" {
		return ""
	}
	return fmt.Sprintf("  [%s:%d]", file, line)
}

func detail(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func word(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
