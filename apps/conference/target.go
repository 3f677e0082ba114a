package conference

import (
	"fmt"
	"strings"
)

// target is the application's argument.
type target struct {
	name    string
	profile string
	pin     string
	flags   []string
	dial    string // bridge:NAME:DIALSTRING: who is called as well
}

// parseTarget reads NAME[@PROFILE][+PIN][+flags{F|F}], or
// bridge:NAME[@PROFILE]:DIALSTRING.
func parseTarget(args string) (target, error) {
	var t target
	text := strings.TrimSpace(args)
	if rest, ok := strings.CutPrefix(text, "bridge:"); ok {
		if text, t.dial, ok = strings.Cut(rest, ":"); !ok {
			return t, fmt.Errorf("conference %q: want bridge:NAME:DIALSTRING", args)
		}
	}
	// The flags may stand before or behind the PIN.
	if i := strings.Index(text, "+flags{"); i >= 0 {
		list, behind, ok := strings.Cut(text[i+len("+flags{"):], "}")
		if !ok {
			return t, fmt.Errorf("conference %q: flags without }", args)
		}
		t.flags = words(list)
		text = text[:i] + behind
	}
	text, t.pin, _ = strings.Cut(text, "+")
	t.name, t.profile, _ = strings.Cut(text, "@")
	t.pin, t.profile = strings.TrimSpace(t.pin), strings.TrimSpace(t.profile)
	if t.profile == "" {
		t.profile = defaultProfile
	}
	if t.name = strings.TrimSpace(t.name); t.name == "" || strings.ContainsAny(t.name, " \t\r\n") {
		return t, fmt.Errorf("conference %q: a room needs a name without blanks", args)
	}
	return t, nil
}

// words splits a list of flags: a|b or a,b.
func words(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == '|' || r == ',' || r == ' ' })
}
