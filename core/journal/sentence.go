package journal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// sentence tells an entry in words: what the writer said, with what it was about.
func (l *line) sentence(raw string) string {
	switch {
	case l.Trace != nil:
		return traceSentence(l.Trace)
	case l.Kind == core.JournalSIP && raw != "":
		return l.messageSentence(raw)
	case l.Kind == core.JournalApp && l.find("app") != "":
		return l.Said + " " + invocation(l.find("app"), l.find("args")) + l.rest("app", "args")
	default:
		return l.Said + l.rest()
	}
}

// messageSentence has the first line of the message: "received INVITE sip:… from …".
func (l *line) messageSentence(raw string) string {
	first, _, _ := strings.Cut(raw, "\n")
	said := l.Said + " " + strings.TrimSuffix(strings.TrimSpace(first), " SIP/2.0")
	peer := l.find("peer")
	switch {
	case peer == "":
		return said
	case strings.HasPrefix(l.Said, "received"):
		return said + " from " + peer
	default:
		return said + " to " + peer
	}
}

// traceSentence tells what the dialplan looked at, as `tandem route` does.
func traceSentence(t *core.TraceEntry) string {
	var said string
	switch t.Kind {
	case "context":
		said = "context " + t.Name
	case "extension":
		said = "extension " + t.Name + ": " + word(t.Passed, "matches", "does not match")
	case "condition", "regex":
		said = t.Kind + ": "
		if t.Field != "" {
			said += fmt.Sprintf("%s is %q, wanted %s: ", t.Field, t.Value, t.Pattern)
		}
		said += word(t.Passed, "yes", "no")
	case "not-evaluated":
		said = "not evaluated: " + invocation(t.Name, t.Value)
	default:
		said = t.Kind + " " + invocation(t.Name, t.Value)
	}
	if t.Detail != "" {
		said += " (" + t.Detail + ")"
	}
	return said
}

func invocation(app, args string) string {
	if args == "" {
		return app
	}
	return app + "(" + args + ")"
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// rest joins the pairs that are not told yet, without where a rule stands.
func (l *line) rest(told ...string) string {
	told = append(told, "file", "line")
	var b strings.Builder
	lead := ": "
	for i := 0; i+1 < len(l.Pairs); i += 2 {
		key, value := fmt.Sprint(l.Pairs[i]), l.Pairs[i+1]
		if value == nil || value == "" || slices.Contains(told, key) {
			continue
		}
		b.WriteString(lead + strings.ReplaceAll(key, "_", " ") + " " + fmt.Sprint(value))
		lead = ", "
	}
	return b.String()
}

// find returns the value of a key as text, "" if there is none.
func (l *line) find(key string) string {
	for i := 0; i+1 < len(l.Pairs); i += 2 {
		if l.Pairs[i] == key && l.Pairs[i+1] != nil {
			return fmt.Sprint(l.Pairs[i+1])
		}
	}
	return ""
}
