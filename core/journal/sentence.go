package journal

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// sentence tells an entry in words: what the writer said, with what it was about.
func sentence(e *core.JournalEntry, pairs []pair) string {
	for _, p := range pairs {
		if p.trace != nil {
			return traceSentence(p.trace)
		}
	}
	switch {
	case e.Kind == core.JournalSIP && len(e.Raw) > 0:
		return messageSentence(e, pairs)
	case e.Kind == core.JournalApp:
		return appSentence(e.Sentence, pairs)
	default:
		return e.Sentence + listed(": ", pairs)
	}
}

// messageSentence has the first line of the message: "received INVITE sip:… from …".
func messageSentence(e *core.JournalEntry, pairs []pair) string {
	first, _, _ := bytes.Cut(e.Raw, []byte("\n"))
	said := e.Sentence + " " + strings.TrimSuffix(strings.TrimSpace(string(first)), " SIP/2.0")
	peer := find(pairs, "peer")
	switch {
	case peer == "":
		return said
	case strings.HasPrefix(e.Sentence, "received"):
		return said + " from " + peer
	default:
		return said + " to " + peer
	}
}

// appSentence is "application bridge(user/1001)", and what else there is.
func appSentence(said string, pairs []pair) string {
	app := find(pairs, "app")
	if app == "" {
		return said + listed(": ", pairs)
	}
	said += " " + invocation(app, find(pairs, "args"))
	return said + listed(": ", pairs, "app", "args")
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

// listed joins the pairs that are not told yet, without where a rule stands.
func listed(lead string, pairs []pair, told ...string) string {
	told = append(told, "file", "line")
	var b strings.Builder
	for _, p := range pairs {
		value := fmt.Sprint(p.value)
		if p.value == nil || value == "" || p.trace != nil || slices.Contains(told, p.key) {
			continue
		}
		if b.Len() == 0 {
			b.WriteString(lead)
		} else {
			b.WriteString(", ")
		}
		b.WriteString(strings.ReplaceAll(p.key, "_", " ") + " " + value)
	}
	return b.String()
}

func find(pairs []pair, key string) string {
	for _, p := range pairs {
		if p.key == key && p.value != nil {
			return fmt.Sprint(p.value)
		}
	}
	return ""
}
