// Package group expands group/NAME[@DOMAIN][+A|+F|+E] into the dial string of a
// directory group: its members together (+A, the default), one after another
// (+F) or as independent calls (+E). It makes no legs and starts nothing.
package group

import (
	"context"
	"fmt"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
)

// Module brings the expander.
type Module struct{ deps core.Deps }

// New returns the module.
func New(_ *config.Node, deps core.Deps) (module.Module, error) { return &Module{deps}, nil }

var (
	_ module.ExpanderProvider = (*Module)(nil)
	_ core.Expander           = (*Module)(nil)
)

// Run implements module.Module: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Expanders implements module.ExpanderProvider.
func (m *Module) Expanders() []core.Expander { return []core.Expander{m} }

// Prefix implements core.Expander.
func (m *Module) Prefix() string { return "group" }

var separators = map[string]string{"": ",", "A": ",", "F": "|", "E": ":_:"}

// Expand implements core.Expander. A group that does not exist or is empty is
// NO_ROUTE_DESTINATION.
func (m *Module) Expand(_ context.Context, target string, _ map[string]string) (string, map[string]string, error) {
	name, how, _ := strings.Cut(target, "+")
	sep, ok := separators[strings.ToUpper(how)]
	if !ok {
		return "", nil, &core.CauseError{Cause: core.CauseNoRouteDestination, Err: fmt.Errorf("group %q: +%s is not one of +A, +F, +E", name, how)}
	}
	name, domain, _ := strings.Cut(name, "@")
	if domain == "" {
		domain = m.deps.Directory.DefaultDomain()
	}
	users, ok := m.deps.Directory.Group(domain, name)
	if !ok || len(users) == 0 {
		return "", nil, &core.CauseError{Cause: core.CauseNoRouteDestination, Err: fmt.Errorf("group %s@%s has no members", name, domain)}
	}
	dials := make([]string, len(users))
	for i, u := range users {
		dials[i] = "user/" + u.ID + "@" + u.Domain
		if d := u.Params["group-dial-string"]; d != "" {
			dials[i] = d
		}
	}
	return strings.Join(dials, sep), nil, nil
}
