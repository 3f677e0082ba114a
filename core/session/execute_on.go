package session

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// Moment is a milestone for which execute_on_… variables name applications.
type Moment uint8

// The moments. Each counts once in a channel's life, but for the two of bridges.
const (
	OnRing Moment = iota
	OnPreAnswer
	OnMedia
	OnAnswer
	OnPreBridge
	OnPostBridge
)

// variable is the name of the variable, as FreeSWITCH has it.
func (m Moment) variable() string {
	return "execute_on_" + [...]string{"ring", "pre_answer", "media", "answer", "pre_bridge", "post_bridge"}[m]
}

// ExecuteOn runs the applications of a moment on the caller's goroutine, one
// after another: "APP ARG" or "APP::ARG" out of execute_on_…, its array, and
// execute_on_…_1 and so on.
func (s *Session) ExecuteOn(ctx context.Context, m Moment) {
	for _, st := range s.due(m) {
		if ctx.Err() != nil || s.ending.Load() {
			return
		}
		s.ExecuteBeside(ctx, st)
	}
}

// executeBeside runs what a moment asks for on a goroutine of its own: the
// owner does not wait, and a leg without a runner has no other. The hangup
// cancels it.
func (s *Session) executeBeside(moments ...Moment) {
	var list []core.Step
	for _, m := range moments {
		list = append(list, s.due(m)...)
	}
	if len(list) == 0 {
		return
	}
	ctx := s.ctx
	s.wg.Go(func() {
		for _, st := range list {
			if ctx.Err() != nil {
				return
			}
			s.ExecuteBeside(ctx, st)
		}
	})
}

// due returns what a moment asks for; a second time only for bridges.
func (s *Session) due(m Moment) []core.Step {
	if m < OnPreBridge && s.executed.Or(1<<m)&(1<<m) != 0 {
		return nil
	}
	base := m.variable()
	values := s.facts.prefixed(base)
	var list []core.Step
	for _, name := range sortedKeys(values) {
		if suffix := strings.TrimPrefix(name, base); suffix != "" && !numbered(suffix) {
			continue
		}
		for _, v := range expand.Elements(values[name]) {
			app, arg, ok := strings.Cut(v, "::")
			if !ok {
				app, arg, _ = strings.Cut(strings.TrimSpace(v), " ")
			}
			if app != "" {
				list = append(list, core.Step{App: strings.TrimSpace(app), Data: strings.TrimSpace(arg)})
			}
		}
	}
	return list
}

// numbered reports whether s is an underscore and a number.
func numbered(s string) bool {
	return len(s) > 1 && s[0] == '_' && strings.Trim(s[1:], "0123456789") == ""
}

func sortedKeys[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// ExecuteBeside runs one application, whose argument it expands, beside the
// list of the dialplan: on the caller's goroutine, which it survives.
func (s *Session) ExecuteBeside(ctx context.Context, st core.Step) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in application", "err", p, "stack", string(debug.Stack()))
			s.Hangup(core.CauseNormalTemporaryFailure, core.BySwitch)
		}
	}()
	app, ok := s.cfg.Deps.Apps.App(st.App)
	if !ok {
		s.log.Warn("unknown application", "app", st.App)
		s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "unknown application", Data: []any{"app", st.App}})
		return
	}
	data := s.Expand(ctx, st.Data)
	s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "application at a milestone", Data: []any{"app", app.Name, "args", data}})
	if err := app.Run(ctx, s, data); err != nil && ctx.Err() == nil {
		s.appFailed(core.Step{App: app.Name, Data: data}, err)
	}
}
