package conference

import (
	"context"

	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/conf"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/presence"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// engine makes rooms that note what is asked of them.
type engine struct {
	coretest.Engine
	mu    sync.Mutex
	rooms []*hall
}

func (e *engine) NewRoom(cfg media.RoomConfig) (media.Room, error) {
	h := &hall{cfg: cfg}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rooms = append(e.rooms, h)
	return h, nil
}

// newest is the room that was opened last.
func (e *engine) newest() *hall {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rooms[len(e.rooms)-1]
}

// hall is a room without sound.
type hall struct {
	cfg media.RoomConfig

	mu    sync.Mutex
	seats map[string]*seat // Guarded by mu.
	heard []string         // Guarded by mu: paths, in the order of their beginning.
	now   []string         // Guarded by mu: what plays.
	taps  int              // Guarded by mu.
	shut  bool             // Guarded by mu.
}

func (h *hall) Join(_ media.Stream, cfg media.MemberConfig) (media.Member, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &seat{hall: h, cfg: cfg}
	if h.seats == nil {
		h.seats = map[string]*seat{}
	}
	h.seats[cfg.ID] = s
	return s, nil
}

// Play lasts as long as the source.
func (h *hall) Play(src media.Source, opt media.PlayOptions) (media.Playback, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut {
		return nil, media.ErrClosed
	}
	path := src.(*clip).path
	h.heard = append(h.heard, path)
	h.now = append(h.now, path)
	p := &playing{hall: h, clip: src.(*clip), opt: opt}
	if p.clip.length > 0 {
		p.timer = time.AfterFunc(p.clip.length, func() { p.over(false) })
	}
	return p, nil
}

func (h *hall) Tap(sink media.Sink) (media.Tap, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taps++
	return &tap{h, sink}, nil
}

func (h *hall) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shut = true
}

// state is what a member's engine side looks like: "mute deaf in=+2.3 out=0 energy=100".
func (h *hall) state(id int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.seats[fmt.Sprint(id)]
	return fmt.Sprintf("mute=%v deaf=%v in=%.1f out=%.1f energy=%d", s.cfg.Mute, s.cfg.Deaf, s.cfg.GainIn, s.cfg.GainOut, s.cfg.Energy)
}

func (h *hall) sounds() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.heard, " ")
}

func (h *hall) playing() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.now, " ")
}

// talk makes a member begin or stop to talk.
func (h *hall) talk(id int, on bool) {
	h.cfg.Notify(media.MemberTalks{ID: fmt.Sprint(id), Talking: on})
}

type seat struct {
	hall  *hall
	cfg   media.MemberConfig
	heard []string
	left  bool
}

func (s *seat) set(f func()) {
	s.hall.mu.Lock()
	defer s.hall.mu.Unlock()
	f()
}
func (s *seat) SetMute(on bool)        { s.set(func() { s.cfg.Mute = on }) }
func (s *seat) SetDeaf(on bool)        { s.set(func() { s.cfg.Deaf = on }) }
func (s *seat) SetGainIn(dB float64)   { s.set(func() { s.cfg.GainIn = dB }) }
func (s *seat) SetGainOut(dB float64)  { s.set(func() { s.cfg.GainOut = dB }) }
func (s *seat) SetEnergy(level int)    { s.set(func() { s.cfg.Energy = level }) }
func (*seat) Stats() media.MemberStats { return media.MemberStats{} }
func (s *seat) Leave() {
	s.set(func() { s.left = true })
	s.hall.cfg.Notify(media.MemberLeft{ID: s.cfg.ID})
}
func (s *seat) Play(src media.Source, _ media.PlayOptions) (media.Playback, error) {
	s.set(func() { s.heard = append(s.heard, src.(*clip).path) })
	return &playing{hall: s.hall, clip: src.(*clip)}, nil
}

type playing struct {
	hall  *hall
	clip  *clip
	opt   media.PlayOptions
	timer *time.Timer
	once  sync.Once
}

func (p *playing) over(interrupted bool) {
	p.once.Do(func() {
		p.hall.mu.Lock()
		for i, path := range p.hall.now {
			if path == p.clip.path {
				p.hall.now = append(p.hall.now[:i], p.hall.now[i+1:]...)
				break
			}
		}
		p.hall.mu.Unlock()
		p.hall.cfg.Notify(media.PlaybackEnded{ID: p.opt.ID, Interrupted: interrupted, Played: p.clip.length})
	})
}
func (p *playing) Stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
	go p.over(true)
}
func (*playing) Pause()                  {}
func (*playing) Resume()                 {}
func (*playing) Position() time.Duration { return 0 }

type tap struct {
	hall *hall
	sink media.Sink
}

func (t *tap) Close() {
	t.hall.mu.Lock()
	t.hall.taps--
	t.hall.mu.Unlock()
	go func() { _ = t.sink.Close() }()
}

// clip is a source of a length; 0 is endless.
type clip struct {
	*mediatest.ToneSource
	path   string
	length time.Duration
	left   int
}

// library has every file but those named "missing".
type library struct {
	mu      sync.Mutex
	created []string
}

func (*library) Open(_ context.Context, path string, rateHz int) (media.Source, error) {
	if strings.Contains(path, "missing") {
		return nil, fmt.Errorf("open %q: %w", path, fs.ErrNotExist)
	}
	length := time.Second
	if strings.HasPrefix(path, "local_stream") {
		length = 0
	}
	return &clip{ToneSource: mediatest.NewToneSource(rateHz, 400, -20), path: strings.TrimPrefix(path, "/sounds/"), length: length, left: rateHz}, nil
}

func (c *clip) Read(p []int16) (int, error) {
	n, _ := c.ToneSource.Read(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 {
		return n, errEOF
	}
	return n, nil
}

func (l *library) Create(_ context.Context, path string, opt core.RecordOptions) (media.Sink, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.created = append(l.created, path)
	return &file{path: path, opt: opt}, nil
}

type file struct {
	path string
	opt  core.RecordOptions
}

func (f *file) RateHz() int      { return f.opt.RateHz }
func (*file) Write(_, _ []int16) {}
func (f *file) Close() error {
	f.opt.OnEnd(core.RecordEnd{Path: f.path, Length: time.Second})
	return nil
}
func (l *library) recorded() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.created...)
}

// globals are the preprocessor's variables.
type globals map[string]string

func (g globals) Global(name string) (string, bool) { v, ok := g[name]; return v, ok }
func (globals) SetGlobal(string, string)            {}
func (g globals) AllGlobals() map[string]string     { return g }

// dialer notes what is originated.
type dialer struct {
	core.Switch
	requests []core.OriginateRequest
}

func (d *dialer) Originate(_ context.Context, r core.OriginateRequest) (core.CallID, core.ChannelID, error) {
	d.requests = append(d.requests, r)
	return "call", "leg", nil
}

// office is a module with everything around it, in a bubble.
type office struct {
	*Module
	t      *testing.T
	engine *engine
	lib    *library
	events *coretest.Events
	board  *presence.Board
	dialer *dialer
	stop   func()
}

// meet runs f with a module that read xml, the inside of <configuration>.
func meet(t *testing.T, xml string, f func(o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, node(t, xml))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = o.Run(ctx) }()
		o.stop = sync.OnceFunc(func() { cancel(); <-done })
		defer o.stop()
		f(o)
	})
}

func newOffice(t *testing.T, n *config.Node) *office {
	t.Helper()
	o := &office{t: t, engine: &engine{}, lib: &library{}, events: &coretest.Events{}, board: presence.New(), dialer: &dialer{}}
	m, err := New(n, core.Deps{
		Media: o.engine, Sounds: o.lib, Events: o.events, Presence: o.board, Switch: o.dialer, DataDir: "/data",
		Globals: globals{"sound_prefix": "/sounds"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Module = m.(*Module)
	return o
}

// node makes a configuration out of XML.
func node(t *testing.T, xml string) *config.Node {
	t.Helper()
	tree, err := load(xml)
	if err != nil {
		t.Fatal(err)
	}
	return tree.Configuration("conference.conf")
}

func sample(t *testing.T) *config.Node {
	t.Helper()
	presets := config.HostPresets("/data", "/data/conf", nil)
	presets["default_password"] = "x"
	tree, err := config.Load(config.Options{FS: conf.FS, Presets: presets})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Configuration("conference.conf")
}

// caller is a session that can join rooms.
type caller struct {
	*apptest.Session
	office *office
	keys   chan byte
	done   chan error
	hangUp context.CancelCauseFunc
}

func (c *caller) JoinRoom(ctx context.Context, room media.Room, cfg media.MemberConfig) (media.Member, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return room.Join(nil, cfg)
}
func (*caller) LeaveRoom() {}

// Digit takes keys that the test presses.
func (c *caller) Digit(ctx context.Context, timeout time.Duration) (byte, bool, error) {
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case d := <-c.keys:
		return d, true, nil
	case <-t.C:
		return 0, false, nil
	case <-ctx.Done():
		return 0, false, context.Cause(ctx)
	}
}

// call lets somebody call in, and waits until all is quiet.
func (o *office) call(args string, vars map[string]string) *caller {
	ctx, cancel := context.WithCancelCause(o.t.Context())
	c := &caller{Session: apptest.New(vars), office: o, keys: make(chan byte, 64), done: make(chan error, 1), hangUp: cancel}
	go func() { c.done <- o.Apps()[0].Run(ctx, c, args) }()
	synctest.Wait()
	return c
}

// press presses keys, one after another.
func (c *caller) press(keys string) {
	for _, k := range []byte(keys) {
		c.keys <- k
		synctest.Wait()
	}
}

// ends hangs up and returns what the application says.
func (c *caller) ends() error {
	c.hangUp(&core.HangupError{Cause: core.CauseNormalClearing, By: core.ByCaller})
	return c.end()
}

// end waits for the application's end.
func (c *caller) end() error {
	select {
	case err := <-c.done:
		return err
	case <-time.After(5 * time.Minute):
		c.hangUp(&core.HangupError{Cause: core.CauseNormalClearing, By: core.ByCaller})
		return errors.New("the stay does not end")
	}
}

// says runs an API command; errors as the console shows them.
func (o *office) says(line string) string {
	out, err := o.Commands()[0].Run(o.t.Context(), nil, strings.TrimPrefix(line, "conference "))
	synctest.Wait()
	if err != nil {
		return "-ERR " + err.Error()
	}
	return out
}

func (o *office) count(kind string) int { return o.events.Count(kind) }

var errEOF = io.EOF
