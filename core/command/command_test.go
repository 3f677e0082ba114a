package command

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
)

func reply(name string, kind core.CommandKind, out string, err error) core.Command {
	return core.Command{Name: name, Kind: kind, Run: func(_ context.Context, _ core.Session, args string) (string, error) {
		return out + args, err
	}}
}

func registry(t *testing.T) *Registry {
	t.Helper()
	r, err := New([]core.Command{
		reply("Echo", core.Read, "", nil),
		reply("reboot", core.Effect, "+OK", nil),
		reply("dig", core.Slow, "+OK", nil),
	}, []core.Command{
		reply("broken", core.Read, "out", errors.New("no luck")),
		reply("used", core.Read, "", errors.New("-USAGE: <name>")),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReply(t *testing.T) {
	r := registry(t)
	for line, want := range map[string]string{
		"echo a b":     "a b",
		"  ECHO   a  ": "a",
		"echo":         "",
		"":             "",
		"nothing here": "-ERR nothing Command not found!",
		"broken x":     "-ERR no luck",
		"used":         "-USAGE: <name>",
	} {
		if got := Reply(t.Context(), r, nil, line); got != want {
			t.Errorf("Reply(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestListIsSorted(t *testing.T) {
	var names []string
	for _, c := range registry(t).List() {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"broken", "dig", "Echo", "reboot", "used"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNewReportsAllThatIsWrong(t *testing.T) {
	_, err := New([]core.Command{
		reply("a", core.Read, "", nil), reply("A", core.Read, "", nil), reply("", core.Read, "", nil), reply("b c", core.Read, "", nil), {Name: "d"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"command A: there are two", `name ""`, `name "b c"`, "command d: nothing to run"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}

func TestDryRunsRunReadersOnly(t *testing.T) {
	dry := DryCaller(t.Context(), registry(t))
	if out, err := dry("echo", "x"); out != "x" || err != nil {
		t.Errorf("echo: %q, %v", out, err)
	}
	for _, name := range []string{"reboot", "dig"} {
		if _, err := dry(name, ""); err == nil {
			t.Errorf("%s ran", name)
		} else if e, ok := errors.AsType[*NotEvaluatedError](err); !ok || e.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := dry("none", ""); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
}

func TestLiveCallsRunEverything(t *testing.T) {
	live := Caller(t.Context(), registry(t), nil)
	if out, err := live("reboot", "!"); out != "+OK!" || err != nil {
		t.Errorf("reboot: %q, %v", out, err)
	}
}
