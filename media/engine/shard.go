package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
)

const (
	// tickEvery is the step of everything that is paced.
	tickEvery = 20 * time.Millisecond
	// maxCatchUp bounds the ticks that run back to back after a stall; the
	// rest are skipped and counted, so that nobody is flooded (works-when M19).
	maxCatchUp = 3
	// breatheEvery is how many streams are stepped before relayed packets get
	// their turn: they wait 0.1 ms at most, not for a thousand playbacks.
	breatheEvery = 32
	// watchEvery is how often timeouts, keep-alives and RTCP are looked after.
	watchEvery = 200 * time.Millisecond
	// maxDepth bounds how many pipes a packet passes at once: loops end.
	maxDepth = 8
	never    = time.Duration(math.MaxInt64)
)

// shard is one goroutine that owns streams: their sockets, numbers and graph.
type shard struct {
	// Immutable after New.
	engine *Engine
	index  int

	// own is held while the shard's state is touched, but only where sockets
	// have readers of their own; a polling shard has no rival and takes it
	// only at the end.
	own sync.Mutex

	mu    sync.Mutex
	dirty []*stream // Guarded by mu: streams with commands.
	rung  []*room   // Guarded by mu: rooms with orders.
	poll  *poller   // Guarded by mu until set; nil where not polled.
	woken chan struct{}

	pending atomic.Bool // dirty or rung is not empty
	load    atomic.Int64
	skipped atomic.Uint64
	lengths tickLengths

	// Owned by the shard.
	streams  []*stream // each knows its place
	ticking  []*stream // those with something due each tick; each knows its place
	rooms    []*room   // those that are mixed each tick; each knows its place
	nextTick time.Duration
	tickNo   int64
	nextLook time.Duration
	alarm    bool // the clock was started by a packet
	depth    int
	taken    []*stream // reused by apply
	called   []*room   // reused by apply
	turn     []*stream // reused by tick and look
	buf      []byte    // what was read
	pcm      []int16   // decoded on arrival
	sound    sound
}

func newShard(e *Engine, index int) *shard {
	return &shard{
		engine: e,
		index:  index,
		woken:  make(chan struct{}, 1),
		buf:    make([]byte, maxPacketBytes),
		pcm:    make([]int16, maxFrameSamples),
	}
}

func (sh *shard) run(ctx context.Context) error {
	if sh.engine.epoll {
		return sh.runPolled(ctx)
	}
	return sh.runTimed(ctx)
}

func (sh *shard) free() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.poll != nil {
		sh.poll.free()
		sh.poll = nil
	}
}

// notify says that s has commands. It may be called from any goroutine.
func (sh *shard) notify(s *stream) {
	sh.mu.Lock()
	sh.dirty = append(sh.dirty, s)
	sh.mu.Unlock()
	if !sh.pending.Swap(true) {
		sh.wake()
	}
}

// call says that r has orders. It may be called from any goroutine.
func (sh *shard) call(r *room) {
	sh.mu.Lock()
	sh.rung = append(sh.rung, r)
	sh.mu.Unlock()
	if !sh.pending.Swap(true) {
		sh.wake()
	}
}

// wake makes the shard look at its commands, deadlines and context. The write
// to the event descriptor is under the lock so that free cannot close it in
// between; it never blocks.
func (sh *shard) wake() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.poll != nil {
		sh.poll.wake()
		return
	}
	select {
	case sh.woken <- struct{}{}:
	default:
	}
}

// work does what is due at now, which is not a packet.
func (sh *shard) work(now time.Duration) {
	if sh.pending.Load() {
		sh.apply()
	}
	if sh.ticks() && now >= sh.nextTick {
		sh.runTicks(now)
	}
	if len(sh.streams) > 0 && now >= sh.nextLook {
		sh.look(now)
		sh.nextLook = now + watchEvery
	}
}

// deadline is when work is due next, packets and commands aside.
func (sh *shard) deadline() (time.Duration, bool) {
	at := never
	if sh.ticks() {
		at = sh.nextTick
	}
	if len(sh.streams) > 0 {
		at = min(at, sh.nextLook)
	}
	return at, at != never
}

// apply carries out the commands of all streams that have some.
func (sh *shard) apply() {
	sh.pending.Store(false)
	sh.mu.Lock()
	sh.taken, sh.dirty = sh.dirty, sh.taken[:0]
	sh.called, sh.rung = sh.rung, sh.called[:0]
	sh.mu.Unlock()
	for _, s := range sh.taken {
		if home := s.home.Load(); home != sh {
			home.notify(s) // it moved while the command was on its way
			continue
		}
		s.drain(sh)
	}
	clear(sh.taken)
	for _, r := range sh.called {
		r.drain(sh)
	}
	clear(sh.called)
}

// ticks reports whether something is due each tick.
func (sh *shard) ticks() bool { return len(sh.ticking)+len(sh.rooms) > 0 }

// startClock is called before the first of what is due each tick comes. The
// grid is absolute; an idle shard skips its steps at no cost.
func (sh *shard) startClock() {
	now := sh.engine.now()
	sh.tickNo = int64(now / tickEvery)
	sh.nextTick = time.Duration(sh.tickNo+1) * tickEvery
	sh.alarm = true
}

// adopt makes s one of the shard's streams.
func (sh *shard) adopt(s *stream) {
	s.place = len(sh.streams)
	sh.streams = append(sh.streams, s)
	if len(sh.streams) == 1 {
		sh.nextLook = sh.engine.now() + watchEvery
	}
	if sh.engine.epoll {
		if err := sh.pollStream(s); err != nil {
			sh.fail(s, err)
			return
		}
	} else {
		s.startReaders()
	}
	s.replan(sh, "opened")
}

// release takes s off the shard's lists and sockets.
func (sh *shard) release(s *stream) {
	sh.stopTicking(s)
	if sh.poll != nil && sh.engine.epoll {
		sh.unpollStream(s)
	}
	if s.place < 0 {
		return
	}
	last := len(sh.streams) - 1
	sh.streams[s.place] = sh.streams[last]
	sh.streams[s.place].place = s.place
	sh.streams[last] = nil
	sh.streams = sh.streams[:last]
	s.place = -1
}

// startTicking puts s among those that are stepped each tick.
func (sh *shard) startTicking(s *stream) {
	if s.turn >= 0 || s.place < 0 {
		return
	}
	if !sh.ticks() {
		sh.startClock()
	}
	s.turn = len(sh.ticking)
	s.lastTick = -1
	sh.ticking = append(sh.ticking, s)
}

func (sh *shard) stopTicking(s *stream) {
	if s.turn < 0 {
		return
	}
	last := len(sh.ticking) - 1
	sh.ticking[s.turn] = sh.ticking[last]
	sh.ticking[s.turn].turn = s.turn
	sh.ticking[last] = nil
	sh.ticking = sh.ticking[:last]
	s.turn = -1
}

// startMixing puts r among the rooms that are mixed each tick.
func (sh *shard) startMixing(r *room) {
	if !sh.ticks() {
		sh.startClock()
	}
	r.place = len(sh.rooms)
	sh.rooms = append(sh.rooms, r)
}

func (sh *shard) stopMixing(r *room) {
	last := len(sh.rooms) - 1
	sh.rooms[r.place] = sh.rooms[last]
	sh.rooms[r.place].place = r.place
	sh.rooms[last] = nil
	sh.rooms = sh.rooms[:last]
	r.place = -1
}

// runTicks runs what is due, at most maxCatchUp ticks, and skips the rest.
func (sh *shard) runTicks(now time.Duration) {
	due := int64((now-sh.nextTick)/tickEvery) + 1
	if skip := due - maxCatchUp; skip > 0 {
		sh.skipped.Add(uint64(skip))
		sh.tickNo += skip
		sh.nextTick += time.Duration(skip) * tickEvery
		due = maxCatchUp
	}
	for range due {
		sh.tickNo++
		began := sh.engine.now()
		sh.tick(sh.nextTick)
		sh.lengths.add(sh.engine.now() - began)
		sh.nextTick += tickEvery
		if !sh.ticks() {
			return
		}
	}
}

// tick is one step of media time: first all sound in is read, then the rooms
// are mixed, then all sound out is made, so that the order of streams does not
// matter.
func (sh *shard) tick(now time.Duration) {
	sh.turn = append(sh.turn[:0], sh.ticking...)
	for _, s := range sh.turn {
		if s.turn >= 0 && s.rx.wanted {
			sh.step(s, now, (*stream).tickIn)
		}
	}
	for i := len(sh.rooms) - 1; i >= 0; i-- { // backwards: one that ends takes itself off
		r := sh.rooms[i]
		r.guard(sh, func() { r.mix(sh, now) })
	}
	for i, s := range sh.turn {
		if i%breatheEvery == breatheEvery-1 {
			sh.breathe()
		}
		if s.turn >= 0 {
			sh.step(s, now, (*stream).tickOut)
		}
	}
	clear(sh.turn)
}

// step runs one stream's part of a tick; a panic there ends that stream only.
func (sh *shard) step(s *stream, now time.Duration, f func(*stream, *shard, time.Duration)) {
	defer sh.rescue(s)
	if s.broken || s.closed {
		return
	}
	f(s, sh, now)
}

// receive handles one datagram of s.
func (sh *shard) receive(s *stream, rtcp bool, b []byte, from netip.AddrPort, now time.Duration) {
	defer sh.rescue(s)
	if s.broken || s.closed {
		return
	}
	if rtcp {
		s.onRTCP(b, from, now)
		return
	}
	s.onRTP(sh, b, from, now)
}

// look watches over every stream: timeouts, keep-alives, reports.
func (sh *shard) look(now time.Duration) {
	sh.turn = append(sh.turn[:0], sh.streams...)
	for i, s := range sh.turn {
		if i%breatheEvery == breatheEvery-1 {
			sh.breathe()
		}
		sh.step(s, now, (*stream).watch)
	}
	clear(sh.turn)
}

// rescue is deferred around every step of a stream (C11).
func (sh *shard) rescue(s *stream) {
	if p := recover(); p != nil {
		sh.depth = 0
		sh.engine.log.Error("media stream failed", "chan", s.cfg.Label, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
		sh.detach(s)
	}
}

// fail detaches a stream that cannot be served.
func (sh *shard) fail(s *stream, err error) {
	sh.engine.log.Error("media stream failed", "chan", s.cfg.Label, "err", err)
	sh.detach(s)
}

// detach takes a failed stream out of the graph and reports it as timed out,
// so that its call is hung up. Its ports stay bound until Close.
func (sh *shard) detach(s *stream) {
	if s.broken {
		return
	}
	s.broken = true
	sh.stopTicking(s)
	s.unseat(sh, errors.New("engine: stream failed"))
	if p := s.peer; p != nil {
		s.peer, p.peer = nil, nil
		p.replan(sh, "other stream failed")
	}
	s.tell(media.StreamTimeout{})
}

// tickLengths keeps the durations of the latest ticks.
type tickLengths struct {
	at    atomic.Uint64
	nanos [256]atomic.Int64
}

func (t *tickLengths) add(d time.Duration) {
	i := t.at.Add(1) - 1
	t.nanos[i%uint64(len(t.nanos))].Store(int64(d))
}

// tickP99 is the 99th percentile of the latest ticks' durations.
func (sh *shard) tickP99() time.Duration {
	n := min(int(sh.lengths.at.Load()), len(sh.lengths.nanos))
	if n == 0 {
		return 0
	}
	d := make([]int64, n)
	for i := range d {
		d[i] = sh.lengths.nanos[i].Load()
	}
	slices.Sort(d)
	return time.Duration(d[(n*99)/100])
}
