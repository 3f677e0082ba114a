//go:build linux

// Package flow is the media side of the load generator: it sends a stamped
// RTP packet of G.711 every 20 ms on each of many sockets, reads what comes back,
// and measures latency, loss and its own punctuality.
//
// It is not an RTP stack: there is no RTCP, no jitter buffer, and sound is
// never decoded. Each thread is one goroutine that owns the sockets of its legs
// through one epoll instance and paces them itself, spread over the 20 ms; Run
// starts the threads and waits for them.
//
//	Leg a ──► switch or floor ──► Leg b        stamps tell who sent it, and when
package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// PacketTime is the time between two packets of a leg.
const PacketTime = 20 * time.Millisecond

// ErrNoLeg is returned by Take when every leg is in use.
var ErrNoLeg = errors.New("flow: no leg is free")

// Config is what a Generator needs.
type Config struct {
	Addr    netip.Addr // where the legs are; an IPv4 loopback address of its own
	Legs    int        // sockets to open, 65535 at most
	Threads int        // 1 if zero: more than one is useless while the switch needs the other processors
	// Burst is the time between two wake-ups for sending; the legs whose turn comes in between send
	// at once. 1 ms if zero, which is how the figures of other switches were measured. A shorter
	// one wakes the switch for nearly each packet, which costs it three times as much at low load.
	Burst time.Duration
}

// Generator owns the legs. Its methods may be called from any goroutine.
type Generator struct {
	threads []*thread
	legs    []*Leg
	epoch   atomic.Uint32 // the window packets are sent in; zero outside of one
	window  atomic.Uint32 // the latest window, whose packets count when they arrive
	silent  atomic.Bool
	burst   time.Duration
	opened  time.Time

	mu   sync.Mutex // guards free
	free []*Leg
}

// firstPort begins the range of the legs; it ends below the one from which the
// system picks ports.
const (
	firstPort = 10000
	lastPort  = 32766
)

// Open opens the sockets. RTP takes the even ports (RFC 3550 §11).
func Open(cfg Config) (*Generator, error) {
	g := &Generator{opened: time.Now(), burst: cmp.Or(cfg.Burst, time.Millisecond)}
	for range max(cfg.Threads, 1) {
		t, err := newThread(g)
		if err != nil {
			g.Close()
			return nil, err
		}
		g.threads = append(g.threads, t)
	}
	port := firstPort
	for i := range cfg.Legs {
		l := &Leg{id: uint16(i), g: g, thread: g.threads[i%len(g.threads)], fd: -1}
		for ; l.fd < 0; port += 2 {
			if port > lastPort {
				g.Close()
				return nil, fmt.Errorf("flow: no port is left on %s for leg %d", cfg.Addr, i)
			}
			if err := l.open(netip.AddrPortFrom(cfg.Addr, uint16(port))); err != nil && !errors.Is(err, unix.EADDRINUSE) {
				g.Close()
				return nil, err
			}
		}
		g.legs = append(g.legs, l)
		if err := l.thread.add(l); err != nil {
			g.Close()
			return nil, err
		}
	}
	for _, l := range slices.Backward(g.legs) {
		g.free = append(g.free, l)
	}
	return g, nil
}

// Run sends and receives until ctx ends. It returns when all threads ended.
func (g *Generator) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, len(g.threads))
	for i, t := range g.threads {
		wg.Go(func() { errs[i] = t.run(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Close closes the sockets. Run has ended, or was never called.
func (g *Generator) Close() {
	for _, l := range g.legs {
		l.close()
	}
	for _, t := range g.threads {
		t.close()
	}
}

// Take hands out a leg that is not in use, or ErrNoLeg. It is given back with
// Leg.Release.
func (g *Generator) Take() (*Leg, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.free) == 0 {
		return nil, ErrNoLeg
	}
	l := g.free[len(g.free)-1]
	g.free = g.free[:len(g.free)-1]
	return l, nil
}

// Legs returns all legs in the order of their ports.
func (g *Generator) Legs() []*Leg { return g.legs }

// Silence says whether legs send nothing.
func (g *Generator) Silence(silent bool) { g.silent.Store(silent) }

// Begin starts a window: from now on packets are counted.
func (g *Generator) Begin() {
	for _, t := range g.threads {
		t.mu.Lock()
		t.figures = Figures{}
		t.mu.Unlock()
	}
	next := g.window.Load()%255 + 1
	g.window.Store(next)
	g.epoch.Store(next)
}

// End ends the window. What was sent in it still counts when it arrives
// before Figures is called.
func (g *Generator) End() { g.epoch.Store(0) }

// Figures returns what was counted since Begin.
func (g *Generator) Figures() Figures {
	var all Figures
	for _, t := range g.threads {
		t.mu.Lock()
		all.merge(&t.figures)
		t.mu.Unlock()
	}
	return all
}

// Figures are the counts of one window.
type Figures struct {
	Sent      uint64 // stamped packets
	Received  uint64 // of those
	Foreign   uint64 // received by somebody else than the first packets of that leg
	Reordered uint64
	Unstamped uint64 // sound that we did not send, e.g. music
	Skipped   uint64 // not sent, as the generator came more than a packet time too late
	Refused   uint64 // not sent, as the kernel said no

	Latency Histogram // from sending to receiving
	Late    Histogram // from when a burst was due to when a packet of it was sent
	Gap     Histogram // between unstamped packets of a leg
}

// Loss is the share of stamped packets that did not arrive.
func (f *Figures) Loss() float64 {
	if f.Sent == 0 {
		return 0
	}
	return 1 - float64(f.Received)/float64(f.Sent)
}

func (f *Figures) merge(o *Figures) {
	f.Sent += o.Sent
	f.Received += o.Received
	f.Foreign += o.Foreign
	f.Reordered += o.Reordered
	f.Unstamped += o.Unstamped
	f.Skipped += o.Skipped
	f.Refused += o.Refused
	f.Latency.Merge(&o.Latency)
	f.Late.Merge(&o.Late)
	f.Gap.Merge(&o.Gap)
}
