// Package conference holds the application that puts callers into rooms, and
// the API command that controls them, with FreeSWITCH's parameters, keys and
// replies. Mixing is the media engine's work; this package says who is in a
// room, who may speak, and what all of them are told.
//
//	application ──► enter, PIN ──► room's owner ◄── API command, REST
//	  (digits)  ──► caller controls ──┘   ▲
//	                       media.Room ────┘ events
//
// Each room has one goroutine, its owner, which begins with the first member
// and ends with the last one; opening a sound has a short one of its own. Run
// waits for all of them.
package conference

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/media"
)

// Module brings the application and the command, and answers questions about
// rooms. Its exported methods may be called from any goroutine.
type Module struct {
	// Immutable after New.
	deps  core.Deps
	rooms media.RoomMaker // nil: the engine cannot mix

	mu       sync.Mutex
	settings *settings        // Guarded by mu: swapped by Reload.
	live     map[string]*room // Guarded by mu: by lower-case name.
	ended    bool             // Guarded by mu.
	running  sync.WaitGroup   // owners of rooms
}

var (
	_ module.AppProvider     = (*Module)(nil)
	_ module.CommandProvider = (*Module)(nil)
	_ module.Reloader        = (*Module)(nil)
)

// New reads conference.conf.
func New(cfg *config.Node, deps core.Deps) (module.Module, error) {
	set, err := readSettings(cfg)
	if err != nil {
		return nil, err
	}
	m := &Module{deps: deps, settings: set, live: map[string]*room{}}
	m.rooms, _ = deps.Media.(media.RoomMaker)
	return m, nil
}

// Run implements module.Module: it waits for ctx, ends every room and waits for
// their owners.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	m.mu.Lock()
	m.ended = true
	rooms := make([]*room, 0, len(m.live))
	for _, r := range m.live {
		rooms = append(rooms, r)
	}
	m.mu.Unlock()
	for _, r := range rooms {
		r.post(func() { r.dismiss(errShutdown) })
	}
	m.running.Wait()
	return nil
}

// Reload implements module.Reloader: rooms that are open keep their profile.
func (m *Module) Reload(cfg *config.Node) error {
	set, err := readSettings(cfg)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settings = set
	return nil
}

// Apps implements module.AppProvider.
func (m *Module) Apps() []core.App {
	return []core.App{{
		Name: "conference", Syntax: "NAME[@PROFILE][+PIN][+flags{FLAG|…}]", Doc: "join a conference room", Resume: core.ResumeRestart,
		Run: m.run,
	}}
}

// Errors of joining.
var (
	errNoMixing = errors.New("conference: this switch cannot mix")
	errShutdown = errors.New("conference: the switch shuts down")
)

// enter returns the room of a name, opened if there is none, and holds it: it
// lives until the last who entered has left.
func (m *Module) enter(ctx context.Context, t target) (*room, error) {
	key := strings.ToLower(t.name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return nil, errShutdown
	}
	if r := m.live[key]; r != nil {
		r.held++
		return r, nil
	}
	if m.rooms == nil {
		return nil, errNoMixing
	}
	p := m.settings.profile(t.profile)
	r := newRoom(ctx, m, t.name, p)
	if t.pin != "" {
		r.pin = t.pin
	}
	mixed, err := m.rooms.NewRoom(media.RoomConfig{
		Label: t.name, RateHz: p.Rate, NoisePeak: p.noisePeak(), Notify: func(ev media.RoomEvent) { r.post(func() { r.heard(ev) }) },
	})
	if err != nil {
		return nil, err
	}
	r.mix, r.held = mixed, 1
	m.live[key] = r
	m.running.Go(r.run)
	return r, nil
}

// leave gives back what enter held; the last one closes the room.
func (m *Module) leave(r *room) {
	m.mu.Lock()
	r.held--
	last := r.held == 0
	if last && m.live[r.key()] == r {
		delete(m.live, r.key())
	}
	m.mu.Unlock()
	if last {
		r.post(r.end)
	}
}

// find returns a live room.
func (m *Module) find(name string) (*room, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.live[strings.ToLower(name)]; r != nil {
		return r, nil
	}
	return nil, core.ErrNotFound
}

// all returns the live rooms, by name.
func (m *Module) all() []*room {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*room
	for _, r := range m.live {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *room) int { return strings.Compare(a.key(), b.key()) })
	return list
}

func (m *Module) config() *settings {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settings
}
