package xmlplan

import (
	"context"
	"sync/atomic"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
)

var _ core.Router = (*Module)(nil)

// Module is the dialplan XML of a running switch: a plan that a reload swaps as
// a whole. Calls that are hunting finish with the plan they began with.
type Module struct{ plan atomic.Pointer[Plan] }

// New compiles the section dialplan of cfg, which is the document or the section
// itself. It has no side effects.
func New(cfg *config.Node, _ core.Deps) (*Module, error) {
	m := &Module{}
	if err := m.Reload(cfg); err != nil {
		return nil, err
	}
	return m, nil
}

// Reload compiles a new configuration and swaps it in; on an error the old plan
// stays.
func (m *Module) Reload(cfg *config.Node) error {
	if s := cfg.Find("section", "name", "dialplan"); s != nil {
		cfg = s
	}
	p, err := Compile(cfg)
	if err != nil {
		return err
	}
	m.plan.Store(p)
	return nil
}

// Run waits for the end of ctx: the module has nothing of its own to do.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Routers is the module itself.
func (m *Module) Routers() []core.Router { return []core.Router{m} }

// Plan is the plan in force.
func (m *Module) Plan() *Plan { return m.plan.Load() }

// Name is "XML".
func (m *Module) Name() string { return m.Plan().Name() }

// Route hunts in the plan in force; see [Plan.Route].
func (m *Module) Route(ctx context.Context, h core.Hunt) (*core.Route, error) {
	return m.Plan().Route(ctx, h)
}
