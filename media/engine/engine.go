// Package engine owns the graph of every stream and drives it: it relays,
// transcodes, plays, echoes, records and paces. It is the implementation of
// [media.Engine].
//
// A shard is one goroutine that serves its streams' sockets and their 20 ms
// tick. Streams that hear each other live on one shard, so that nothing between
// two sockets is locked. On Linux a shard is an epoll loop; elsewhere, and
// with sockets given from outside, each socket has a reading goroutine, which
// takes the shard for the time of one packet.
//
//	          command (Join, Play, …)
//	session ──────────► inbox of the stream ─┐
//	                                         ▼
//	socket ─► receive ─┬─ relay/transcode ─► transmit ─► socket     on arrival
//	                   └─ playout ──┐            ▲
//	                       sources ─┴─ tick ─────┘                  every 20 ms
//	                                     └─► taps
//
// Goroutines: the shards, readers of portable sockets, and short ones that
// close sources and sinks. Run waits for all of them.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Config of an engine. The zero value is usable.
type Config struct {
	// Shards is the number of media goroutines; GOMAXPROCS if 0.
	Shards int
	// PortStart and PortEnd bound the RTP ports: even ones carry RTP, the odd
	// ones above them RTCP. 16384 to 32768 if 0, as FreeSWITCH.
	PortStart, PortEnd uint16
	// PortReuseDelay keeps a port unused after a stream closed, so that late
	// packets of one call do not reach the next; 2 s if 0, negative for none.
	PortReuseDelay time.Duration
	// Codecs the engine can transcode, in order of preference.
	Codecs []media.Codec
	// Listen opens sockets; nil for the platform's fastest.
	Listen media.ListenFunc
	// CNAME of our RTCP (RFC 3550 §6.5.1); a random one if empty.
	CNAME string
	Log   *slog.Logger
}

// Engine implements [media.Engine]. New makes it, Run drives it.
type Engine struct {
	// Immutable after New.
	cfg          Config
	log          *slog.Logger
	codecs       codecSet
	shards       []*shard
	shardStreams int
	epoll        bool // shards poll sockets themselves
	start        time.Time

	ports   ports
	filters filters
	lastID  atomic.Uint64
	tickets atomic.Uint64  // of joins and splits
	running sync.WaitGroup // readers, and closers of sources and sinks
	ended   atomic.Bool

	mu      sync.Mutex
	streams map[*stream]struct{} // Guarded by mu.
	rooms   map[*room]struct{}   // Guarded by mu.
	gone    media.EngineStats    // Guarded by mu: totals of closed streams.
}

var _ media.Engine = (*Engine)(nil)

// New returns an engine that waits for Run.
func New(cfg Config) *Engine {
	if cfg.Shards <= 0 {
		cfg.Shards = runtime.GOMAXPROCS(0)
	}
	if cfg.PortStart == 0 && cfg.PortEnd == 0 {
		cfg.PortStart, cfg.PortEnd = 16384, 32768
	}
	if cfg.PortReuseDelay == 0 {
		cfg.PortReuseDelay = 2 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.CNAME == "" {
		cfg.CNAME = randomName()
	}
	e := &Engine{
		cfg:          cfg,
		log:          cfg.Log,
		codecs:       codecSet(cfg.Codecs),
		epoll:        cfg.Listen == nil && pollsSockets,
		start:        time.Now(),
		shardStreams: shardStreams,
		streams:      make(map[*stream]struct{}),
		rooms:        make(map[*room]struct{}),
	}
	for _, c := range cfg.Codecs {
		if err := e.filters.prepare(c.Format().SampleRateHz()); err != nil {
			e.log.Error("codec left without resampling", "codec", c.Format().String(), "err", err)
		}
	}
	e.ports.init(cfg.PortStart, cfg.PortEnd, cfg.PortReuseDelay)
	for i := range cfg.Shards {
		e.shards = append(e.shards, newShard(e, i))
	}
	return e
}

// Run drives the engine until ctx is done, then closes every stream that is
// left and returns after all it started has ended. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var loops sync.WaitGroup
	for _, sh := range e.shards {
		loops.Go(func() {
			if err := sh.run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	loops.Wait()
	e.ended.Store(true)
	e.closeAll()
	e.running.Wait()
	for _, sh := range e.shards {
		sh.free()
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// closeAll ends what is left when no shard runs any more.
func (e *Engine) closeAll() {
	e.mu.Lock()
	rooms := slices.Collect(maps.Keys(e.rooms))
	e.mu.Unlock()
	for _, r := range rooms {
		r.home.own.Lock()
		r.drain(r.home)
		r.finish(r.home)
		r.home.own.Unlock()
	}
	for _, s := range e.all() {
		sh := s.home.Load()
		sh.own.Lock() // readers of portable sockets may still be at work
		s.drain(sh)
		s.finish(sh)
		sh.own.Unlock()
	}
}

// Open binds a stream's sockets and gives it to a shard with room.
func (e *Engine) Open(cfg media.StreamConfig) (media.Stream, error) {
	if e.ended.Load() {
		return nil, media.ErrClosed
	}
	if !cfg.Local.IsValid() || cfg.Local.IsUnspecified() {
		return nil, fmt.Errorf("engine: open %q: needs an exact local address, not %q", cfg.Label, cfg.Local)
	}
	port, rtp, rtcp, err := e.bind(cfg.Local)
	if err != nil {
		return nil, fmt.Errorf("engine: open %q on %v: %w", cfg.Label, cfg.Local, err)
	}
	s := newStream(e, cfg)
	s.local, s.rtp, s.rtcp = netip.AddrPortFrom(cfg.Local, port), rtp, rtcp
	e.place(s, e.roomiest())
	return s, nil
}

// shardStreams is how many streams a shard takes before the next one is used:
// some 500 calls, a quarter of a core. One busy shard serves packets cheaper
// than two idle ones, and calls on one shard need not move to be joined.
const shardStreams = 1000

// roomiest is the first shard with room, else the one with the fewest streams.
func (e *Engine) roomiest() *shard {
	for _, sh := range e.shards {
		if sh.load.Load() < int64(e.shardStreams) {
			return sh
		}
	}
	return slices.MinFunc(e.shards, func(a, b *shard) int { return int(a.load.Load() - b.load.Load()) })
}

// place registers new streams and tells their shard.
func (e *Engine) place(s *stream, sh *shard) {
	e.mu.Lock()
	e.streams[s] = struct{}{}
	e.mu.Unlock()
	sh.load.Add(1)
	s.home.Store(sh)
	sh.notify(s) // it adopts the stream first
}

// bind finds a free pair of ports on local.
func (e *Engine) bind(local netip.Addr) (port uint16, rtp, rtcp socket, err error) {
	for range bindAttempts {
		port, err = e.ports.take(local, time.Now())
		if err != nil {
			return 0, nil, nil, err
		}
		rtp, rtcp, err = e.listenPair(netip.AddrPortFrom(local, port))
		if err == nil {
			return port, rtp, rtcp, nil
		}
		e.ports.give(local, port, time.Now())
		if !errors.Is(err, errPortTaken) {
			return 0, nil, nil, err
		}
	}
	return 0, nil, nil, fmt.Errorf("%w: the last %d tried are taken by others", media.ErrNoPort, bindAttempts)
}

// bindAttempts bounds how long Open looks for a port others left free.
const bindAttempts = 64

func (e *Engine) listenPair(local netip.AddrPort) (rtp, rtcp socket, err error) {
	rtp, err = e.listen(local)
	if err != nil {
		return nil, nil, err
	}
	rtcp, err = e.listen(netip.AddrPortFrom(local.Addr(), local.Port()+1))
	if err != nil {
		rtp.close()
		return nil, nil, err
	}
	return rtp, rtcp, nil
}

// listen opens one socket; errPortTaken when another process has the port.
func (e *Engine) listen(local netip.AddrPort) (socket, error) {
	if e.epoll {
		return listenRaw(local)
	}
	listen := e.cfg.Listen
	if listen == nil {
		listen = ListenUDP
	}
	conn, err := listen(local)
	if err != nil {
		return nil, portError(err)
	}
	return &connSocket{conn: conn}, nil
}

// Codecs lists what can be transcoded, in order of preference.
func (e *Engine) Codecs() []media.Format {
	formats := make([]media.Format, 0, len(e.cfg.Codecs))
	for _, c := range e.cfg.Codecs {
		formats = append(formats, c.Format())
	}
	return formats
}

// Stats adds up the figures of all streams, closed ones included.
func (e *Engine) Stats() media.EngineStats {
	e.mu.Lock()
	total := e.gone
	total.Streams = len(e.streams)
	streams := slices.Collect(maps.Keys(e.streams))
	e.mu.Unlock()
	for _, s := range streams {
		s.figures.addTo(&total)
	}
	for _, sh := range e.shards {
		total.TicksSkipped += sh.skipped.Load()
		total.TickP99 = max(total.TickP99, sh.tickP99())
	}
	total.PortsInUse = e.ports.inUse()
	return total
}

func (e *Engine) all() []*stream {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.streams))
}

// forget drops a closed stream and keeps its totals.
func (e *Engine) forget(s *stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.streams[s]; ok {
		delete(e.streams, s)
		s.figures.addTo(&e.gone)
	}
}

// forgetRoom drops a closed room.
func (e *Engine) forgetRoom(r *room) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.rooms, r)
}

// now is the engine's time: the duration since New.
func (e *Engine) now() time.Duration { return time.Since(e.start) }

// randomName is a CNAME that says nothing about the host (RFC 7022 §4.2).
func randomName() string {
	return fmt.Sprintf("%x-%x", os.Getpid(), time.Now().UnixNano())
}
