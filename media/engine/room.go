package engine

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mix"
)

// room mixes its members on one shard, once per tick, after all sound came in
// and before any goes out:
//
//	jitter buffers ─► speak ─► sum ─┬─► less own ─► encode ─► each who talks
//	playbacks ──────────────────────┘─► whole ─► encode once per codec ─► all others
//	                                     └─► taps
type room struct {
	// Immutable after NewRoom.
	engine *Engine
	cfg    media.RoomConfig
	home   *shard
	rateHz int

	mu     sync.Mutex
	orders []func(*shard) // Guarded by mu.
	closed bool           // Guarded by mu.

	// Owned by home.
	place   int // among the shard's rooms that tick; −1: not there
	over    bool
	members []*member // each knows its place
	plays   []*playback
	taps    []*roomTap
	tick    int64       // that was mixed last
	sum     []int32     // what all say, in this tick
	whole   []int16     // the same, limited: what who does not talk hears
	past    []int16     // whole of the tick before
	limiter mix.Limiter // of whole
	tail    []int32     // how the voices end that broke off since the last tick
	tailing bool
	noise   mix.Noise
	rates   []*roomRate
	shares  []*share
	turn    []*member // reused by mix
}

var (
	_ media.Room      = (*room)(nil)
	_ media.RoomMaker = (*Engine)(nil)
)

// NewRoom returns an empty room on a shard that has room for its members.
func (e *Engine) NewRoom(cfg media.RoomConfig) (media.Room, error) {
	if cfg.RateHz == 0 {
		cfg.RateHz = 8000
	}
	if !slices.Contains([]int{8000, 16000, 32000, 48000}, cfg.RateHz) {
		return nil, fmt.Errorf("engine: room %q: %d Hz is not 8000, 16000, 32000 or 48000", cfg.Label, cfg.RateHz)
	}
	if e.ended.Load() {
		return nil, media.ErrClosed
	}
	if err := e.filters.prepare(cfg.RateHz); err != nil {
		return nil, fmt.Errorf("engine: room %q: %w", cfg.Label, err)
	}
	n := cfg.RateHz / 50
	r := &room{
		engine: e, cfg: cfg, home: e.roomiest(), rateHz: cfg.RateHz, place: -1, tick: -1,
		sum: make([]int32, n), whole: make([]int16, n), past: make([]int16, n), tail: make([]int32, n),
	}
	e.mu.Lock()
	e.rooms[r] = struct{}{}
	e.mu.Unlock()
	return r, nil
}

// post queues an order for the shard; ErrClosed after Close.
func (r *room) post(order func(*shard)) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return media.ErrClosed
	}
	r.orders = append(r.orders, order)
	first := len(r.orders) == 1
	r.mu.Unlock()
	if first {
		r.home.call(r)
	}
	return nil
}

// drain carries out what was ordered.
func (r *room) drain(sh *shard) {
	for {
		r.mu.Lock()
		orders := r.orders
		r.orders = nil
		r.mu.Unlock()
		if len(orders) == 0 {
			return
		}
		for _, order := range orders {
			r.guard(sh, func() { order(sh) })
		}
	}
}

// guard ends the room, and nothing else, when a step of it panics (C11).
func (r *room) guard(sh *shard, step func()) {
	defer func() {
		if p := recover(); p != nil {
			r.engine.log.Error("room failed", "room", r.cfg.Label, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			r.end(sh, fmt.Errorf("engine: room %q failed: %v", r.cfg.Label, p))
		}
	}()
	step()
}

// tell reports an event; Notify does not block.
func (r *room) tell(ev media.RoomEvent) {
	if r.cfg.Notify != nil {
		r.cfg.Notify(ev)
	}
}

// Close ends everything in the room.
func (r *room) Close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed = true
	r.orders = append(r.orders, r.finish)
	r.mu.Unlock()
	r.home.call(r)
}

// finish is the end of a room, on its shard.
func (r *room) finish(sh *shard) { r.end(sh, nil) }

func (r *room) end(sh *shard, err error) {
	if r.over {
		return
	}
	r.over = true
	r.mu.Lock()
	r.closed = true // the engine ends rooms nobody closed
	r.mu.Unlock()
	for len(r.members) > 0 {
		s := r.members[len(r.members)-1].stream
		s.unseat(sh, err)
		s.replan(sh, "room closed")
	}
	for len(r.plays) > 0 {
		r.endPlay(r.plays[len(r.plays)-1], true, nil)
	}
	for len(r.taps) > 0 {
		r.endTap(r.taps[len(r.taps)-1])
	}
	r.settle(sh)
	r.engine.forgetRoom(r)
}

// settle puts the room among those that are mixed, or takes it off when it is
// empty.
func (r *room) settle(sh *shard) {
	switch busy := len(r.members)+len(r.plays) > 0; {
	case busy && r.place < 0:
		sh.startMixing(r)
	case !busy && r.place >= 0:
		sh.stopMixing(r)
		clear(r.tail)
		clear(r.whole)
		r.tailing, r.limiter = false, mix.Limiter{}
	}
}

// Play lets all members hear src.
func (r *room) Play(src media.Source, opt media.PlayOptions) (media.Playback, error) {
	if err := usableSource(src); err != nil {
		return nil, fmt.Errorf("engine: room %q: play %q: %w", r.cfg.Label, opt.ID, err)
	}
	p := &playback{stage: r, filters: &r.engine.filters, src: src, opt: opt}
	err := r.engine.filters.prepare(src.RateHz())
	if err == nil {
		err = r.post(func(sh *shard) { r.beginPlay(sh, p) })
	}
	if err != nil {
		_ = src.Close()
		return nil, fmt.Errorf("engine: room %q: play %q: %w", r.cfg.Label, opt.ID, err)
	}
	return p, nil
}

func (r *room) beginPlay(sh *shard, p *playback) {
	r.plays = append(r.plays, p)
	r.settle(sh)
}

// stopPlay lets p fade out in the next tick.
func (r *room) stopPlay(_ *shard, p *playback) { p.stopping = true }

func (r *room) endPlay(p *playback, interrupted bool, err error) {
	if i := slices.Index(r.plays, p); i >= 0 {
		r.plays = slices.Delete(r.plays, i, i+1)
	}
	r.tell(p.end(r.engine, interrupted, err))
}

// mix is the room's part of a tick.
func (r *room) mix(sh *shard, now time.Duration) {
	r.past, r.whole = r.whole, r.past
	clear(r.sum)
	r.turn = append(r.turn[:0], r.members...)
	loud := r.tailing
	r.addTails()
	for _, m := range r.turn {
		if m.place >= 0 {
			sh.step(m.stream, now, (*stream).speak)
			loud = loud || m.own != nil
		}
	}
	loud = r.playIn(sh) || loud
	if peak := r.cfg.NoisePeak; peak > 0 && !loud {
		r.noise.Add(r.sum, peak)
	}
	for _, m := range r.turn {
		if m.place >= 0 {
			m.decide()
		}
	}
	clear(r.turn)
	r.limiter.Minus(r.whole, r.sum, nil)
	r.tick = sh.tickNo
	for _, s := range r.shares {
		if s.stateful && s.members > 0 {
			s.make(r) // each tick, so that members find its state where they left it
		}
	}
	r.feedTaps(sh)
	r.settle(sh) // the last playback may have ended
}

// addTails lets the voices end that broke off.
func (r *room) addTails() {
	if !r.tailing {
		return
	}
	for i, v := range r.tail {
		r.sum[i] += v
	}
	clear(r.tail)
	r.tailing = false
}

// playIn adds the playbacks; those in the background wait for the others.
func (r *room) playIn(sh *shard) (loud bool) {
	front := slices.ContainsFunc(r.plays, func(p *playback) bool { return !p.opt.Background && !p.paused })
	frame := sh.sound.source[:len(r.sum)]
	for i := 0; i < len(r.plays); i++ {
		p := r.plays[i]
		if p.fade.Aim(1); p.paused || p.stopping || p.opt.Background && front {
			p.fade.Aim(0)
		}
		var err error
		if !p.fade.Silent() {
			var n int
			n, err = p.read(sh, frame, r.rateHz)
			clear(frame[n:])
			mix.Add(r.sum, p.fade.Apply(frame, frame))
			loud = true
		}
		if err != nil || p.stopping {
			r.endPlay(p, err == nil, unlessEOF(err))
			i--
		}
	}
	return loud
}
