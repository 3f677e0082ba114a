package module_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
)

// diary notes what happens to modules, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, " ")
}

// part is a module with apps.
type part struct {
	name  string
	d     *diary
	apps  []string
	fails time.Duration // Run ends with an error after so long
	slow  time.Duration // Run takes so long to end
	open  error
}

var errPart = errors.New("broken")

func (p *part) Run(ctx context.Context) error {
	p.d.note("run:" + p.name)
	if p.fails > 0 {
		select {
		case <-time.After(p.fails):
			return errPart
		case <-ctx.Done():
		}
	}
	<-ctx.Done()
	time.Sleep(p.slow)
	p.d.note("end:" + p.name)
	return ctx.Err()
}

func (p *part) Open(context.Context) error { p.d.note("open:" + p.name); return p.open }
func (p *part) Drain()                     { p.d.note("drain:" + p.name) }

func (p *part) Apps() []core.App {
	list := make([]core.App, len(p.apps))
	for i, name := range p.apps {
		list[i] = core.App{Name: name}
	}
	return list
}

func entry(p *part) module.Entry {
	return module.Entry{Name: p.name, New: func(*config.Node, core.Deps) (module.Module, error) { return p, nil }}
}

func build(t *testing.T, reg *module.Registry, parts ...*part) (*module.Set, error) {
	t.Helper()
	var list []module.Entry
	for _, p := range parts {
		list = append(list, entry(p))
	}
	return module.Build(list, nil, core.Deps{Log: slog.New(slog.DiscardHandler)}, reg)
}

func TestModulesStopInReverseAfterTheDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		set, err := build(t, module.NewRegistry(), &part{name: "a", d: d, slow: time.Second}, &part{name: "b", d: d, slow: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if err := set.Run(ctx, func() { d.note("drained") }); err != nil {
			t.Errorf("Run = %v", err)
		}
		got := d.text()
		if !strings.HasPrefix(got, "open:a open:b run:") || !strings.HasSuffix(got, "drained end:b end:a") {
			t.Errorf("order: %s", got)
		}
	})
}

func TestAModuleThatFailsStopsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		set, err := build(t, module.NewRegistry(), &part{name: "a", d: d}, &part{name: "b", d: d, fails: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		err = set.Run(t.Context(), func() { d.note("drained") })
		if !errors.Is(err, errPart) || !strings.HasPrefix(err.Error(), "b: ") {
			t.Errorf("Run = %v, want b's error", err)
		}
		if !strings.HasSuffix(d.text(), "drained end:a") {
			t.Errorf("order: %s", d.text())
		}
	})
}

func TestOpenReportsEveryError(t *testing.T) {
	d := &diary{}
	other := errors.New("port taken")
	set, err := build(t, module.NewRegistry(), &part{name: "a", d: d, open: errPart}, &part{name: "b", d: d, open: other})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Open(t.Context()); !errors.Is(err, errPart) || !errors.Is(err, other) {
		t.Errorf("Open = %v", err)
	}
}

func TestNamesAreGivenOnce(t *testing.T) {
	d := &diary{}
	reg := module.NewRegistry()
	_, err := build(t, reg, &part{name: "app/a", d: d, apps: []string{"answer"}}, &part{name: "app/b", d: d, apps: []string{"Answer", "hangup"}}, &part{name: "app/a", d: d})
	if err == nil || !strings.Contains(err.Error(), `module app/b: application "Answer" is brought by app/a already`) || !strings.Contains(err.Error(), `"app/a" is listed twice`) {
		t.Errorf("Build = %v", err)
	}
	if a, ok := reg.App("ANSWER"); !ok || a.Name != "answer" {
		t.Errorf("App = %v, %t", a.Name, ok)
	}
}

func TestConstructorsErrorsAreAllTold(t *testing.T) {
	other := errors.New("no such file")
	fail := func(err error) module.Constructor {
		return func(*config.Node, core.Deps) (module.Module, error) { return nil, err }
	}
	_, err := module.Build([]module.Entry{{Name: "a", New: fail(errPart)}, {Name: "b", New: fail(other)}}, nil, core.Deps{Log: slog.New(slog.DiscardHandler)}, module.NewRegistry())
	if !errors.Is(err, errPart) || !errors.Is(err, other) {
		t.Errorf("Build = %v", err)
	}
}

func TestAppsAreListedByName(t *testing.T) {
	reg := module.NewRegistry()
	if _, err := build(t, reg, &part{name: "a", d: &diary{}, apps: []string{"sleep", "answer"}}, &part{name: "b", d: &diary{}, apps: []string{"park"}}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range reg.AllApps() {
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"answer", "park", "sleep"}) {
		t.Errorf("apps %q", names)
	}
}

func TestDrainTellsEveryModule(t *testing.T) {
	d := &diary{}
	set, err := build(t, module.NewRegistry(), &part{name: "a", d: d}, &part{name: "b", d: d})
	if err != nil {
		t.Fatal(err)
	}
	set.Drain()
	if d.text() != "drain:a drain:b" {
		t.Errorf("%s", d.text())
	}
}
