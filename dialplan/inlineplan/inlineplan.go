// Package inlineplan is the dialplan whose program is the destination number
// itself: "answer,sleep:1000,playback:tone_stream://%(200,0,440)". Another
// separator than the comma is named in front: "m:^:playback:a,b^hangup".
//
// A destination that comes from a caller must not get here: the dialplan of a
// call is chosen by the switch's own configuration, and a caller's context
// never names this one.
package inlineplan

import (
	"context"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/dialplan"
)

// maxApps bounds the program. The number is FreeSWITCH's.
const maxApps = 128

var _ core.Router = Plan{}

// Plan is the inline dialplan. It has no state.
type Plan struct{}

// New returns the plan as a module; it needs no configuration.
func New(*config.Node, core.Deps) (*Plan, error) { return &Plan{}, nil }

// Run waits for the end of ctx.
func (Plan) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Routers is the plan itself.
func (p *Plan) Routers() []core.Router { return []core.Router{p} }

// Name is "inline".
func (Plan) Name() string { return "inline" }

// Route reads the destination number as a program; nil if it is empty. It does
// not block.
func (Plan) Route(_ context.Context, h core.Hunt) (*core.Route, error) {
	r := core.Route{Extension: "inline"}
	text, sep := separator(h.Profile.DestinationNumber)
	for i, item := range expand.Split(text, sep) {
		if i == maxApps {
			break
		}
		app, data, _ := strings.Cut(item, ":")
		if app = strings.TrimSpace(app); app == "" {
			continue
		}
		r.Steps = append(r.Steps, core.Step{App: app, Data: data})
		r.Trace = append(r.Trace, core.TraceEntry{Kind: dialplan.KindAction, Name: app, Value: data, Passed: true})
	}
	if len(r.Steps) == 0 {
		return nil, nil
	}
	return &r, nil
}

// separator reads m:X:.
func separator(text string) (string, byte) {
	if len(text) >= 4 && strings.HasPrefix(text, "m:") && text[3] == ':' {
		return text[4:], text[2]
	}
	return text, ','
}
