package engine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// ports hands out even RTP ports of a range, per local address, in rotation
// from a random start: a port that was used comes back as late as possible.
type ports struct {
	first, pairs int
	delay        time.Duration

	mu    sync.Mutex
	pools map[netip.Addr]*pool // Guarded by mu.
	used  int                  // Guarded by mu: ports, two per pair.
}

// pool is a queue of free ports, oldest first.
type pool struct {
	free []freePort // ring
	head int
	n    int
}

type freePort struct {
	port  uint16
	since time.Time // zero: never used
}

func (p *ports) init(start, end uint16, delay time.Duration) {
	p.first = (int(start) + 1) &^ 1
	p.pairs = max((int(end)-p.first+1)/2, 0)
	p.delay = delay
	p.pools = make(map[netip.Addr]*pool)
}

// take returns a free even port of addr; ErrNoPort when there is none.
func (p *ports) take(addr netip.Addr, now time.Time) (uint16, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.pools[addr]
	if q == nil {
		q = p.newPool()
		p.pools[addr] = q
	}
	if q.n == 0 {
		return 0, fmt.Errorf("%w: all %d pairs from %d are in use", media.ErrNoPort, p.pairs, p.first)
	}
	f := q.free[q.head]
	if !f.since.IsZero() && now.Sub(f.since) < p.delay {
		return 0, fmt.Errorf("%w: the free pairs from %d were used within %v", media.ErrNoPort, p.first, p.delay)
	}
	q.head = (q.head + 1) % len(q.free)
	q.n--
	p.used += 2
	return f.port, nil
}

// give takes a port back.
func (p *ports) give(addr netip.Addr, port uint16, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.pools[addr]
	if q == nil || q.n == len(q.free) {
		return // not one of ours
	}
	q.free[(q.head+q.n)%len(q.free)] = freePort{port, now}
	q.n++
	p.used -= 2
}

func (p *ports) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used
}

func (p *ports) newPool() *pool {
	q := &pool{free: make([]freePort, p.pairs), n: p.pairs}
	if p.pairs == 0 {
		return q
	}
	start := rand.IntN(p.pairs)
	for i := range q.free {
		q.free[i].port = uint16(p.first + 2*((start+i)%p.pairs))
	}
	return q
}
