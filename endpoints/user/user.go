// Package user expands user/NAME[@DOMAIN] into the dial string of a directory
// user: the one the directory gives (dial-string), or all contacts where the
// user is registered, rung together. The user's variables and dial-var-
// parameters go to the legs. It makes no legs and starts nothing.
package user

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand"
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
func (m *Module) Prefix() string { return "user" }

// Expand implements core.Expander. A user that does not exist is
// SUBSCRIBER_ABSENT, one without a contact USER_NOT_REGISTERED.
func (m *Module) Expand(ctx context.Context, target string, vars map[string]string) (string, map[string]string, error) {
	name, domain, _ := strings.Cut(target, "@")
	if domain == "" {
		domain = m.deps.Directory.DefaultDomain()
	}
	u, ok := m.deps.Directory.User(domain, name)
	if !ok {
		return "", nil, &core.CauseError{Cause: core.CauseSubscriberAbsent, Err: fmt.Errorf("user %s@%s is not in the directory", name, domain)}
	}
	legVars := map[string]string{}
	for name, value := range u.Variables {
		if !has(vars, name) { // what the caller or the dial string says is nearer
			legVars[name] = value
		}
	}
	maps.Copy(legVars, map[string]string{
		"dialed_user": u.ID, "dialed_domain": u.Domain, "presence_id": u.ID + "@" + u.Domain, "sip_invite_domain": u.Domain,
	})
	for param, value := range u.Params {
		if v, ok := strings.CutPrefix(param, "dial-var-"); ok {
			legVars[v] = value
		}
	}
	if template := u.Params["dial-string"]; template != "" {
		dial := expand.Expand(template, env{ctx: ctx, m: m, vars: []map[string]string{legVars, vars}})
		if dial == "" {
			return "", nil, &core.CauseError{Cause: core.CauseMandatoryIEMissing, Err: fmt.Errorf("dial-string of %s@%s is empty", u.ID, u.Domain)}
		}
		return dial, legVars, nil
	}
	contacts := m.deps.Locator.Contacts(core.AOR{User: u.ID, Domain: u.Domain})
	if len(contacts) == 0 {
		return "", nil, &core.CauseError{Cause: core.CauseUserNotRegistered, Err: fmt.Errorf("%s@%s has no registered contact", u.ID, u.Domain)}
	}
	dials := make([]string, len(contacts))
	for i, c := range contacts {
		dials[i] = c.Dial
	}
	return strings.Join(dials, ","), legVars, nil
}

func has(vars map[string]string, name string) bool {
	for k := range vars {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// env expands a dial-string template.
type env struct {
	ctx  context.Context
	m    *Module
	vars []map[string]string
}

// Lookup implements expand.Env.
func (e env) Lookup(name string) (string, bool) {
	for _, m := range e.vars {
		for k, v := range m {
			if strings.EqualFold(k, name) {
				return v, true
			}
		}
	}
	return e.m.deps.Globals.Global(name)
}

// Call implements expand.Env.
func (e env) Call(name, args string) (string, error) {
	c, ok := e.m.deps.Commands.Find(name)
	if !ok {
		return "", core.ErrNotFound
	}
	return c.Run(e.ctx, nil, args)
}
