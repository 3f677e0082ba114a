package dialplan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
)

func hunt() core.Hunt {
	return core.Hunt{
		Profile: core.CallerProfile{CallerIDName: "Alice", Context: "default"},
		Lookup: func(name string) (string, bool) {
			v, ok := map[string]string{"a": "channel", "context": "shadow"}[name]
			return v, ok
		},
	}
}

func TestScopeLooksUpInOrder(t *testing.T) {
	s := NewScope(hunt())
	for name, want := range map[string]string{"a": "channel", "caller_id_name": "Alice", "context": "shadow", "none": ""} {
		if got := s.Var(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := s.Field("context"); got != "default" {
		t.Errorf("field context = %q", got)
	}
	s.Change(core.VarChange{Name: "A", Value: "changed"})
	if got := s.Var("a"); got != "changed" {
		t.Errorf("after a change: %q", got)
	}
	s.Change(core.VarChange{Name: "a"})
	s.Change(core.VarChange{Name: "context"})
	if _, ok := s.Lookup("a"); ok {
		t.Error("a is still there")
	}
	if got := s.Var("context"); got != "default" {
		t.Errorf("an unset variable shows the field: %q", got)
	}
	if got := s.Changes(); len(got) != 3 || !got[1].Unset {
		t.Errorf("changes: %+v", got)
	}
}

func TestScopeNotesWhatItCannotRun(t *testing.T) {
	s := NewScope(hunt())
	var noted []core.TraceEntry
	s.Note = func(e core.TraceEntry) { noted = append(noted, e) }
	if got := s.Expand("[${hash(select/a/b)}]"); got != "[]" {
		t.Errorf("Expand = %q", got)
	}
	want := []core.TraceEntry{{Kind: KindNotEvaluated, Name: "hash", Value: "select/a/b", Detail: "no commands here"}}
	if diff := cmp.Diff(want, noted); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestInlineOutcomes(t *testing.T) {
	for app, want := range map[string]Outcome{
		"set": Evaluated, "SET": Evaluated, "info": Evaluated, "lua": Deferred, "set_profile_var": Deferred, "answer": Refused, "hash": Refused,
	} {
		if got, _ := NewScope(hunt()).Inline(app, "x=y"); got != want {
			t.Errorf("%s: %v, want %v", app, got, want)
		}
		if MayRunInline(app) != (want != Refused) {
			t.Errorf("MayRunInline(%s) = %v", app, MayRunInline(app))
		}
	}
}

func TestProfileChangesShowInFieldsAndVariables(t *testing.T) {
	h := hunt()
	h.Lookup = h.Profile.Field // a live channel's look-up falls back to its profile
	s := NewScope(h)
	s.Inline("set_profile_var", "caller_id_name=Bob")
	s.Inline("set_profile_var", "nonsense=x")
	if f, v := s.Field("caller_id_name"), s.Var("Caller_ID_Name"); f != "Bob" || v != "Bob" || s.Var("nonsense") != "" {
		t.Errorf("field %q, variable %q, nonsense %q", f, v, s.Var("nonsense"))
	}
}

func TestInlineWithoutExpansion(t *testing.T) {
	s := NewScope(hunt())
	s.Change(core.VarChange{Name: "app_disable_expand_variables", Value: "true"})
	if _, data := s.Inline("eval", "${a}"); data != "${a}" {
		t.Errorf("data = %q", data)
	}
}

func TestInlineIgnoresWhatNamesNothing(t *testing.T) {
	s := NewScope(hunt())
	for _, app := range []string{"set", "unset", "multiset", "multiunset", "export", "push", "unshift", "set_global", "set_profile_var"} {
		s.Inline(app, "=x ")
		s.Inline(app, "")
	}
	for _, c := range s.Changes() {
		if strings.TrimSpace(c.Name) == "" {
			t.Errorf("changes %+v", c)
		}
	}
}

func TestExplainWithoutARoute(t *testing.T) {
	if diff := cmp.Diff([]string{"nothing found"}, Explain(nil)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got := Explain(&core.Route{
		Trace: []core.TraceEntry{{Kind: KindContext, Name: "x", Detail: "there is no such context"}},
		Sets:  []core.VarChange{{Name: "a", Value: "1", Export: true}, {Name: "b", Unset: true}, {Name: "c", Value: "2", Global: true}, {Name: "d", Value: "3", Export: true, NoLocal: true}},
	})
	want := []string{
		"context x (there is no such context)", "sets a=1 (exported)", "sets b to nothing", "sets c=2 (global)", "sets d=3 (B legs only)", "no actions chosen",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
