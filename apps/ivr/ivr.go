// Package ivr brings the applications that ask callers for keys: read,
// play_and_get_digits and the menus of ivr.conf, and those that press keys
// themselves: send_dtmf and its kin.
//
//	read, play_and_get_digits ─► question ──┐
//	ivr ─► walk ─► menu, choice ────────────┴─► line ─► core.Session (Play, Digit)
//	bind_meta_app ─► binding ◄─ keys of a bridge; job ─► Run
//
// What keys mean is decided by pure values (entry, terminators, menu); a line
// is the thin shell that plays prompts and waits. A key ends a prompt and is
// kept: it is the first of the answer. Prompts that are missing are skipped and
// journaled, they never end a call. Applications run on the goroutines of calls;
// only those that bind_meta_app's keys ask for are started by Run.
package ivr

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand/pattern"
	"github.com/tandemswitch/tandem/core/module"
)

// Module brings the applications.
type Module struct {
	deps  core.Deps            // Immutable after New.
	menus atomic.Pointer[book] // swapped by Reload; a caller stays in the menus the call began with
	regex pattern.Cache        // of play_and_get_digits
	jobs  chan job             // applications asked for by keys, for Run
}

var (
	_ module.AppProvider = (*Module)(nil)
	_ module.Reloader    = (*Module)(nil)
)

// New reads the menus of ivr.conf; nil is a configuration without any. The
// error has every mistake with its file and line.
func New(cfg *config.Node, deps core.Deps) (module.Module, error) {
	m := &Module{deps: deps, jobs: make(chan job, maxJobs)}
	if err := m.Reload(cfg); err != nil {
		return nil, err
	}
	return m, nil
}

// Reload swaps the menus. On an error the old ones stay.
func (m *Module) Reload(cfg *config.Node) error {
	b, err := readBook(cfg)
	if err != nil {
		return err
	}
	m.menus.Store(b)
	return nil
}

// Run implements module.Module: it names the applications that menus want and
// this build does not have, and runs those that are asked for by bound keys,
// each on a goroutine of its own. It waits for them at the end.
func (m *Module) Run(ctx context.Context) error {
	for _, want := range m.menus.Load().steps() {
		if _, ok := m.deps.Apps.App(want.app); !ok {
			m.deps.Log.Warn("menu with an unknown application", "app", want.app, "file", want.at.File, "line", want.at.Line)
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case j := <-m.jobs:
			wg.Go(func() { m.carryOut(ctx, j) })
		case <-ctx.Done():
			return nil
		}
	}
}

// Apps implements module.AppProvider.
func (m *Module) Apps() []core.App {
	return []core.App{m.read(), m.playAndGetDigits(), m.ivr(), m.bindMetaApp(), m.unbindMetaApp(), sendDTMF(), queueDTMF(), flushDTMF()}
}
