// Package xmlplan is the XML dialplan with FreeSWITCH's semantics, quirks
// included; its tests name them.
//
//	<context name="default">
//	  <extension name="hours" continue="true">
//	    <condition wday="mon-fri" hour="9-17">
//	      <action application="set" data="open=true" inline="true"/>
//	    </condition>
//	  </extension>
//	  <extension name="users">
//	    <condition field="destination_number" expression="^(10[01][0-9])$">
//	      <action application="bridge" data="user/$1"/>
//	    </condition>
//	  </extension>
//	</context>
//
// [Compile] turns the section dialplan of a configuration into a [Plan]: every
// expression is compiled then, and all errors are reported with file and line.
// A hunt is pure: it reads the call as a value, changes nothing and returns the
// steps, the variables to set and a trace of everything it looked at.
package xmlplan

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/expand/pattern"
	"github.com/tandemswitch/tandem/dialplan"
)

var _ core.Router = (*Plan)(nil)

// Plan is a compiled dialplan. It does not change and may be used by many calls
// at once.
type Plan struct {
	contexts []*planContext
	cache    pattern.Cache // of expressions that hold variables
	zones    zones
}

// planContext is one <context>.
type planContext struct {
	name       string
	pos        config.Pos
	extensions []*extension
	size       int // trace entries that a whole hunt usually makes
}

// extension is one <extension>.
type extension struct {
	name       string
	pos        config.Pos
	goesOn     bool // continue="true"
	conditions []*condition
}

// Name is "XML".
func (p *Plan) Name() string { return "XML" }

// Contexts lists the names of the contexts in the order of the document.
func (p *Plan) Contexts() []string {
	names := make([]string, len(p.contexts))
	for i, c := range p.contexts {
		names[i] = c.name
	}
	return names
}

// Route hunts. It does not block but in API functions that do. A nil Route
// means that no action was met. An argument (XML:file) is refused.
func (p *Plan) Route(ctx context.Context, h core.Hunt) (*core.Route, error) {
	if h.Arg != "" {
		return nil, fmt.Errorf("dialplan XML:%s: plans from other files are not supported", h.Arg)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	r, found := p.Hunt(h)
	if !found {
		return nil, nil
	}
	return &r, nil
}

// Hunt is Route that tells what it looked at, also where nothing was found.
func (p *Plan) Hunt(h core.Hunt) (r core.Route, found bool) {
	want := cmp.Or(h.Profile.Context, "default")
	c := p.context(want)
	if c == nil {
		c = p.context("global")
	}
	if c == nil {
		r.Trace = []core.TraceEntry{{Kind: dialplan.KindContext, Name: want, Detail: "there is no such context"}}
		return r, false
	}
	e := newHunt(p, c, h)
	e.context(c, want)
	e.route.Sets = e.scope.Changes()
	return e.route, e.met
}

// context returns the first context of that name, ignoring case.
func (p *Plan) context(name string) *planContext {
	for _, c := range p.contexts {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

// first is where a hunt begins: at the first extension, or with auto_hunt at
// the one that is called like the destination, if there is one.
func (c *planContext) first(e *hunt) int {
	if !expand.IsTrue(e.scope.Var("auto_hunt")) {
		return 0
	}
	for i, x := range c.extensions {
		if strings.EqualFold(x.name, e.profile.DestinationNumber) {
			return i
		}
	}
	return 0
}
