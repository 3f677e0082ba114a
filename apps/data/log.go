package data

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// logLevels are FreeSWITCH's levels in the order of their numbers.
var logLevels = [...]struct {
	name  string
	level slog.Level
}{
	{"CONSOLE", slog.LevelInfo}, {"ALERT", slog.LevelError}, {"CRIT", slog.LevelError}, {"ERR", slog.LevelError},
	{"WARNING", slog.LevelWarn}, {"NOTICE", slog.LevelInfo}, {"INFO", slog.LevelInfo}, {"DEBUG", slog.LevelDebug},
}

// logLevel reads a name or number; false if the word is neither.
func logLevel(word string) (slog.Level, bool) {
	if n, err := strconv.Atoi(word); err == nil && n >= 0 && n < len(logLevels) {
		return logLevels[n].level, true
	}
	for _, l := range logLevels {
		if strings.EqualFold(l.name, word) || len(word) >= 3 && len(word) < len(l.name) && strings.EqualFold(l.name[:len(word)], word) {
			return l.level, true
		}
	}
	if strings.EqualFold(word, "ERROR") {
		return slog.LevelError, true
	}
	return slog.LevelDebug, false
}

// log writes a line to the log and to the call's journal. Without a level the
// whole text is written as DEBUG.
func (m *Module) log() core.App {
	return variable("log", "[<level>] <text>", "write a line to the log",
		func(ctx context.Context, s core.Session, args string) error {
			word, text, _ := strings.Cut(strings.TrimLeft(args, " "), " ")
			level, ok := logLevel(word)
			if !ok {
				text = args
			}
			m.deps.Log.Log(ctx, level, "dialplan", "call", s.CallID(), "chan", s.ID(), "text", text)
			s.Journal(core.JournalEntry{Leg: s.ID(), Kind: core.JournalApp, Sentence: "the dialplan says", Data: []any{"text", text}})
			return nil
		})
}

// info writes what is known of the channel to the log: caller profile and
// variables, but no secrets.
func (m *Module) info() core.App {
	return variable("info", "[<level>]", "write what is known of the channel to the log",
		func(ctx context.Context, s core.Session, args string) error {
			level, ok := logLevel(strings.TrimSpace(args))
			if !ok {
				level = slog.LevelInfo
			}
			m.deps.Log.Log(ctx, level, "channel", "call", s.CallID(), "chan", s.ID(), "state", s.State().String(),
				"progress", s.Progress().String(), "direction", s.Direction().String(), "profile", s.Profile(), variables(s.AllVars()))
			return nil
		})
}

// variables is a group of all variables, sorted. Passwords are left out.
func variables(all map[string]string) slog.Attr {
	var attrs []any
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if secret(name) {
			continue
		}
		attrs = append(attrs, slog.String(name, all[name]))
	}
	return slog.Group("variables", attrs...)
}

// secret reports whether a variable's value is not for logs.
func secret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "a1-hash", "secret", "authorization", "crypto_key", "crypto_suite_key"},
		func(word string) bool { return strings.Contains(name, word) })
}
