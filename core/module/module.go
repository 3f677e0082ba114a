// Package module is how the parts of the switch are put together: names and
// constructors in an ordered list, a registry of what they contribute, and the
// supervisor that starts them in order and stops them in reverse.
//
// There is no global registry: the list is a value in cmd/tandem.
package module

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
)

// Entry is one line of the list of modules.
type Entry struct {
	Name string // kind/name: "endpoint/sip"
	// Config is what New is given: a configuration ("sofia.conf") or a section
	// ("dialplan") of the tree; empty for none.
	Config string
	New    Constructor
}

// Constructor decodes and checks the module's part of the configuration. It
// has no side effects: `tandem check` calls every one and stops there. cfg is
// nil where the tree has none. Look-ups in deps' registries work from Run on.
type Constructor func(cfg *config.Node, deps core.Deps) (Module, error)

// Module is a running part of the switch.
type Module interface {
	// Run serves until ctx is done and returns after everything it started has
	// ended. An error other than ctx's stops the switch. A module that has
	// nothing to run waits for ctx.
	Run(ctx context.Context) error
}

// Optional methods of a module.
type (
	// Opener acquires what can fail (sockets, files) before any module runs.
	Opener interface {
		Open(ctx context.Context) error
	}
	// Drainer is told that no new calls are wanted from now on.
	Drainer interface{ Drain() }
	// Reloader can change while it runs; all or nothing.
	Reloader interface {
		Reload(cfg *config.Node) error
	}
	// AppProvider brings dialplan applications.
	AppProvider interface{ Apps() []core.App }
	// CommandProvider brings API commands.
	CommandProvider interface{ Commands() []core.Command }
	// EndpointProvider brings endpoints.
	EndpointProvider interface{ Endpoints() []core.Endpoint }
	// ExpanderProvider brings expanders.
	ExpanderProvider interface{ Expanders() []core.Expander }
	// RouterProvider brings dialplans.
	RouterProvider interface{ Routers() []core.Router }
	// LocatorProvider knows where addresses of record are.
	LocatorProvider interface{ Locator() core.Locator }
)

// running is a module with its name.
type running struct {
	name   string
	module Module
}

// Set is the modules of one switch.
type Set struct {
	log     *slog.Logger
	modules []running
}

// Build constructs every module and fills reg with what they contribute. All
// errors are reported at once.
func Build(list []Entry, tree *config.Tree, deps core.Deps, reg *Registry) (*Set, error) {
	set := &Set{log: deps.Log}
	var errs []error
	seen := map[string]bool{}
	for _, e := range list {
		if seen[e.Name] {
			errs = append(errs, fmt.Errorf("module %q is listed twice", e.Name))
			continue
		}
		seen[e.Name] = true
		d := deps
		d.Log = deps.Log.With("module", e.Name)
		m, err := e.New(node(tree, e.Config), d)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := reg.add(e.Name, m); err != nil {
			errs = append(errs, err)
			continue
		}
		set.modules = append(set.modules, running{e.Name, m})
	}
	return set, errors.Join(errs...)
}

func node(tree *config.Tree, name string) *config.Node {
	switch {
	case name == "" || tree == nil:
		return nil
	case strings.HasSuffix(name, ".conf"):
		return tree.Configuration(name)
	default:
		return tree.Section(name)
	}
}

// Open opens every module in order.
func (s *Set) Open(ctx context.Context) error {
	var errs []error
	for _, r := range s.modules {
		if o, ok := r.module.(Opener); ok {
			if err := o.Open(ctx); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Drain tells every module that no new calls are wanted.
func (s *Set) Drain() {
	for _, r := range s.modules {
		if d, ok := r.module.(Drainer); ok {
			d.Drain()
		}
	}
}

// stopLimit is how long a module may take to stop before it is named in the log.
const stopLimit = 10 * time.Second

// Run runs the modules until ctx is done or one fails, then stops them in
// reverse order, each after the one before it has returned. drain runs between:
// after ctx is done and before the first module stops.
func (s *Set) Run(ctx context.Context, drain func()) error {
	ends := make([]chan struct{}, len(s.modules))
	cancels := make([]context.CancelFunc, len(s.modules))
	base := context.WithoutCancel(ctx)
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wg sync.WaitGroup
	for i, r := range s.modules {
		mctx, cancel := context.WithCancel(base)
		ends[i], cancels[i] = make(chan struct{}), cancel
		wg.Go(func() {
			defer close(ends[i])
			if err := r.module.Run(mctx); err != nil && mctx.Err() == nil {
				fail(fmt.Errorf("%s: %w", r.name, err))
			}
		})
	}
	<-failed.Done()
	drain()
	for i := len(s.modules) - 1; i >= 0; i-- {
		cancels[i]()
		s.await(s.modules[i].name, ends[i])
	}
	wg.Wait()
	if ctx.Err() == nil {
		return context.Cause(failed)
	}
	return nil
}

// await waits for a module's end and names it once if it takes too long.
func (s *Set) await(name string, ended <-chan struct{}) {
	t := time.NewTimer(stopLimit)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
		s.log.Error("module does not stop", "module", name)
		<-ended
	}
}

// Reload gives every module that can its new configuration; the first error
// stops and is returned.
func (s *Set) Reload(list []Entry, tree *config.Tree) error {
	configs := map[string]string{}
	for _, e := range list {
		configs[e.Name] = e.Config
	}
	for _, r := range s.modules {
		if rl, ok := r.module.(Reloader); ok {
			if err := rl.Reload(node(tree, configs[r.name])); err != nil {
				return err
			}
		}
	}
	return nil
}
