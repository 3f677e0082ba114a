// Package coretest holds small fakes of the roles that sessions need, for tests
// on virtual time: an engine without sockets, legs that do what their target
// says, a dialplan that is a map. It is used by tests only.
package coretest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// World is a set of fakes that work together.
type World struct {
	Engine    *Engine
	Phones    *Phones
	Records   *Records
	Events    *Events
	Plan      Plan
	AppList   map[string]core.App
	Expanders map[string]core.Expander
	Others    map[string]core.Endpoint // endpoints besides Phones, by prefix
	Play      core.Sounds              // nil: there is no sound
}

// NewWorld returns fakes with an empty dialplan and no applications.
func NewWorld() *World {
	return &World{
		Engine: &Engine{}, Phones: &Phones{}, Records: &Records{}, Events: &Events{}, Plan: Plan{}, AppList: map[string]core.App{}, Expanders: map[string]core.Expander{}, Others: map[string]core.Endpoint{},
	}
}

// Deps are the fakes as roles.
func (w *World) Deps() core.Deps {
	return core.Deps{
		Apps: w, Endpoints: w, Routers: w, Commands: w, Globals: w, Media: w.Engine, Records: w.Records, Events: w.Events, Sounds: w.Play, Log: slog.New(slog.DiscardHandler),
	}
}

// App implements core.Apps.
func (w *World) App(name string) (core.App, bool) {
	a, ok := w.AppList[name]
	return a, ok
}

// AllApps implements core.Apps.
func (w *World) AllApps() []core.App { return nil }

// Endpoint implements core.Endpoints: every prefix but those of Expanders and
// Others is the fake endpoint's.
func (w *World) Endpoint(prefix string) (core.Endpoint, bool) {
	if ep, ok := w.Others[prefix]; ok {
		return ep, true
	}
	return w.Phones, prefix != "none"
}

// Router implements core.Routers.
func (w *World) Router(name string) (core.Router, bool) {
	return w.Plan, strings.EqualFold(name, "XML")
}

// Find implements core.Commands: there are none.
func (w *World) Find(string) (core.Command, bool) { return core.Command{}, false }

// List implements core.Commands.
func (w *World) List() []core.Command { return nil }

// Global implements core.Globals: there are none.
func (w *World) Global(string) (string, bool) { return "", false }

// SetGlobal implements core.Globals.
func (w *World) SetGlobal(string, string) {}

// AllGlobals implements core.Globals.
func (w *World) AllGlobals() map[string]string { return nil }

// Expander implements core.Endpoints.
func (w *World) Expander(prefix string) (core.Expander, bool) {
	x, ok := w.Expanders[prefix]
	return x, ok
}

// Plan is a dialplan: destination → steps "app args".
type Plan map[string][]string

// Name implements core.Router.
func (p Plan) Name() string { return "XML" }

// Route implements core.Router.
func (p Plan) Route(_ context.Context, h core.Hunt) (*core.Route, error) {
	lines, ok := p[h.Profile.DestinationNumber]
	if !ok {
		return nil, nil
	}
	r := &core.Route{Extension: h.Profile.DestinationNumber}
	for _, l := range lines {
		app, data, _ := strings.Cut(l, " ")
		r.Steps = append(r.Steps, core.Step{App: app, Data: data})
	}
	return r, nil
}

// Expand is an expander that returns a fixed dial string.
type Expand struct{ Name, Dial string }

// Prefix implements core.Expander.
func (e Expand) Prefix() string { return e.Name }

// Expand implements core.Expander.
func (e Expand) Expand(context.Context, string, map[string]string) (string, map[string]string, error) {
	if c, ok := core.LookupCause(e.Dial); ok {
		return "", nil, &core.CauseError{Cause: c}
	}
	return e.Dial, nil, nil
}

// Records keeps records in memory.
type Records struct {
	mu      sync.Mutex
	records []core.Record
	Held    int // reserved and not yet written or canceled
}

// Reserve implements core.Records.
func (r *Records) Reserve() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Held++
	return nil
}

// Write implements core.Records.
func (r *Records) Write(rec core.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Held--
	r.records = append(r.records, rec)
}

// Cancel implements core.Records.
func (r *Records) Cancel() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Held--
}

// All returns what was written, in order.
func (r *Records) All() []core.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]core.Record(nil), r.records...)
}

// Events keeps notices in memory.
type Events struct {
	mu      sync.Mutex
	notices []core.Notice
}

// Publish implements core.Events.
func (e *Events) Publish(n core.Notice) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notices = append(e.notices, n)
	return uint64(len(e.notices))
}

// Types lists the types of all notices, in order.
func (e *Events) Types() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	types := make([]string, len(e.notices))
	for i, n := range e.notices {
		types[i] = n.Type
	}
	return types
}

// Count returns how many notices of a type there were.
func (e *Events) Count(kind string) int {
	n := 0
	for _, t := range e.Types() {
		if t == kind {
			n++
		}
	}
	return n
}

// Sleep is an application that waits for so long ("1s").
func Sleep(name string) core.App {
	return core.App{Name: name, NoMedia: true, Run: func(ctx context.Context, _ core.Session, args string) error {
		d, err := time.ParseDuration(args)
		if err != nil {
			return fmt.Errorf("sleep %q: %w", args, err)
		}
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
}
