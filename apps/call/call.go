// Package call holds the applications that move a call: answer, ring, refuse,
// bridge, transfer, wait. One file per verb; each application is a plain
// blocking function on the session's runner.
package call

import (
	"context"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
)

// Module brings the applications.
type Module struct{ deps core.Deps }

// New returns the module.
func New(_ *config.Node, deps core.Deps) (module.Module, error) { return &Module{deps}, nil }

var _ module.AppProvider = (*Module)(nil)

// Run implements module.Module: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Apps implements module.AppProvider.
func (m *Module) Apps() []core.App {
	return []core.App{
		answer(), preAnswer(), ringReady(), acknowledge(), hangup(), respond(), redirect(), deflect(),
		sleepApp(), echo(), delayEcho(), bridge(), transfer(), executeExtension(), park(),
	}
}

// words splits an argument at blanks.
func words(args string) []string { return strings.Fields(args) }

// at returns the i-th word, or "".
func at(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return ""
}
