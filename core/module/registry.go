package module

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

// Registry is what the modules contribute, by name, ignoring case. It is filled
// by Build and does not change afterwards; then it is safe for concurrent use.
type Registry struct {
	apps      map[string]core.App
	commands  map[string]core.Command
	endpoints map[string]core.Endpoint
	expanders map[string]core.Expander
	routers   map[string]core.Router
	locators  []core.Locator
	owners    map[string]string
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{
		apps: map[string]core.App{}, commands: map[string]core.Command{}, endpoints: map[string]core.Endpoint{},
		expanders: map[string]core.Expander{}, routers: map[string]core.Router{}, owners: map[string]string{},
	}
}

var (
	_ core.Apps      = (*Registry)(nil)
	_ core.Commands  = (*Registry)(nil)
	_ core.Endpoints = (*Registry)(nil)
	_ core.Routers   = (*Registry)(nil)
	_ core.Locator   = (*Registry)(nil)
)

// add takes what m contributes; a name that is taken is an error.
func (r *Registry) add(owner string, m Module) error {
	var errs []string
	claim := func(kind, name string) bool {
		key := kind + " " + strings.ToLower(name)
		if other, taken := r.owners[key]; taken {
			errs = append(errs, fmt.Sprintf("%s %q is brought by %s already", kind, name, other))
			return false
		}
		r.owners[key] = owner
		return true
	}
	if p, ok := m.(AppProvider); ok {
		for _, a := range p.Apps() {
			if claim("application", a.Name) {
				r.apps[strings.ToLower(a.Name)] = a
			}
		}
	}
	if p, ok := m.(CommandProvider); ok {
		for _, c := range p.Commands() {
			if claim("command", c.Name) {
				r.commands[strings.ToLower(c.Name)] = c
			}
		}
	}
	if p, ok := m.(EndpointProvider); ok {
		for _, e := range p.Endpoints() {
			if claim("endpoint", e.Prefix()) {
				r.endpoints[strings.ToLower(e.Prefix())] = e
			}
		}
	}
	if p, ok := m.(ExpanderProvider); ok {
		for _, e := range p.Expanders() {
			if claim("endpoint", e.Prefix()) {
				r.expanders[strings.ToLower(e.Prefix())] = e
			}
		}
	}
	if p, ok := m.(RouterProvider); ok {
		for _, rt := range p.Routers() {
			if claim("dialplan", rt.Name()) {
				r.routers[strings.ToLower(rt.Name())] = rt
			}
		}
	}
	if p, ok := m.(LocatorProvider); ok {
		r.locators = append(r.locators, p.Locator())
	}
	if len(errs) > 0 {
		return fmt.Errorf("module %s: %s", owner, strings.Join(errs, "; "))
	}
	return nil
}

// App implements core.Apps.
func (r *Registry) App(name string) (core.App, bool) {
	a, ok := r.apps[strings.ToLower(name)]
	return a, ok
}

// AllApps implements core.Apps; sorted by name.
func (r *Registry) AllApps() []core.App {
	return slices.SortedFunc(maps.Values(r.apps), func(a, b core.App) int { return cmp.Compare(a.Name, b.Name) })
}

// Find implements core.Commands.
func (r *Registry) Find(name string) (core.Command, bool) {
	c, ok := r.commands[strings.ToLower(name)]
	return c, ok
}

// List implements core.Commands; sorted by name.
func (r *Registry) List() []core.Command {
	return slices.SortedFunc(maps.Values(r.commands), func(a, b core.Command) int { return cmp.Compare(a.Name, b.Name) })
}

// Endpoint implements core.Endpoints.
func (r *Registry) Endpoint(prefix string) (core.Endpoint, bool) {
	e, ok := r.endpoints[strings.ToLower(prefix)]
	return e, ok
}

// Expander implements core.Endpoints.
func (r *Registry) Expander(prefix string) (core.Expander, bool) {
	e, ok := r.expanders[strings.ToLower(prefix)]
	return e, ok
}

// Router implements core.Routers.
func (r *Registry) Router(name string) (core.Router, bool) {
	rt, ok := r.routers[strings.ToLower(name)]
	return rt, ok
}

// Contacts implements core.Locator over all modules that locate.
func (r *Registry) Contacts(aor core.AOR) []core.Contact {
	var all []core.Contact
	for _, l := range r.locators {
		all = append(all, l.Contacts(aor)...)
	}
	return all
}

// AllContacts implements core.Locator.
func (r *Registry) AllContacts() []core.Contact {
	var all []core.Contact
	for _, l := range r.locators {
		all = append(all, l.AllContacts()...)
	}
	return all
}
