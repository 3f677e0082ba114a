package mediatest

import (
	"container/heap"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// MaxDatagramBytes is the largest payload of one UDP datagram over IPv4:
// 65535 − 20 (IPv4) − 8 (UDP). A longer write fails with EMSGSIZE.
const MaxDatagramBytes = 65507

// queuePackets bounds what waits in one Conn. A real socket's default receive
// buffer (212992 bytes on Linux) holds about 270 small packets; tests that
// step virtual time by hand need more room.
const queuePackets = 4096

// firstEphemeralPort starts the range that port 0 is taken from
// (RFC 6335 §6: dynamic ports are 49152–65535).
const firstEphemeralPort = 49152

// Packet is one datagram on its way, as a Plan and a watcher see it.
type Packet struct {
	From, To netip.AddrPort
	// Nth counts the datagrams sent on this path (From to To), from 1.
	Nth int
	// Payload is the network's own copy; it must not be changed or kept.
	Payload []byte
}

// Plan decides the fate of a datagram: one element for each copy that
// arrives, holding how long that copy travels. No element: it is lost.
// It runs in the writer's goroutine, one call at a time per network, and must
// not use the network.
type Plan func(Packet) []time.Duration

// Stats counts what happened on a network.
type Stats struct {
	Sent       int // datagrams written
	Delivered  int // copies put into a Conn's queue
	Lost       int // datagrams the plan let no copy arrive of
	NoListener int // copies for an address nobody listens at
	Overflow   int // copies dropped because the receiver's queue was full
}

type path struct{ from, to netip.AddrPort }

// Network is a virtual LAN: every Conn bound to it can send to every other by
// address, without sockets. The zero value is ready. Its methods may be
// called from several goroutines. In a synctest bubble the network and its
// conns must be made inside the bubble.
type Network struct {
	mu      sync.Mutex
	conns   map[netip.AddrPort]*Conn
	counts  map[path]int
	plan    Plan
	watch   func(Packet)
	flying  flight // delayed datagrams
	sent    int    // number of the last one that took off, to keep the order of equals
	stats   Stats
	nextEph uint16
}

// NewNetwork returns an empty, perfect network: nothing is lost or late.
func NewNetwork() *Network { return &Network{} }

// SetPlan makes p decide about every datagram sent from now on; nil delivers
// each one at once.
func (n *Network) SetPlan(p Plan) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plan = p
}

// SetWatch makes f see every datagram at the moment it is sent, also the ones
// that get lost. f obeys the rules of a Plan.
func (n *Network) SetWatch(f func(Packet)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watch = f
}

// Stats returns the counters so far.
func (n *Network) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// Listen binds a Conn to addr. Port 0 takes a free one. The error is a
// *net.OpError with EADDRINUSE when the address is taken. An unspecified
// address (0.0.0.0, ::) is refused: hosts of this network have one address
// per Conn.
func (n *Network) Listen(addr netip.AddrPort) (*Conn, error) {
	if !addr.Addr().IsValid() || addr.Addr().IsUnspecified() {
		return nil, fmt.Errorf("mediatest: listen %v: needs a host address", addr)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr.Port() == 0 {
		free, err := n.freePort(addr.Addr())
		if err != nil {
			return nil, err
		}
		addr = free
	}
	if n.conns[addr] != nil {
		return nil, opError("listen", addr, netip.AddrPort{}, syscall.EADDRINUSE)
	}
	if n.conns == nil {
		n.conns = make(map[netip.AddrPort]*Conn)
	}
	c := newConn(n, addr)
	n.conns[addr] = c
	return c, nil
}

// ListenFunc is Listen as the engine wants it.
func (n *Network) ListenFunc() media.ListenFunc {
	return func(local netip.AddrPort) (media.PacketConn, error) {
		c, err := n.Listen(local)
		if err != nil {
			return nil, err // not a nil *Conn in an interface
		}
		return c, nil
	}
}

// freePort finds an unused port of host. The caller holds mu.
func (n *Network) freePort(host netip.Addr) (netip.AddrPort, error) {
	for range 1<<16 - firstEphemeralPort {
		if n.nextEph < firstEphemeralPort {
			n.nextEph = firstEphemeralPort
		}
		addr := netip.AddrPortFrom(host, n.nextEph)
		n.nextEph++ // wraps to 0, which is below the range
		if n.conns[addr] == nil {
			return addr, nil
		}
	}
	return netip.AddrPort{}, errors.New("mediatest: no free port")
}

// send carries a copy of payload from from to to, as the plan wants.
func (n *Network) send(from, to netip.AddrPort, payload []byte) {
	data := append([]byte(nil), payload...)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.counts == nil {
		n.counts = make(map[path]int)
	}
	n.counts[path{from, to}]++
	n.stats.Sent++
	p := Packet{From: from, To: to, Nth: n.counts[path{from, to}], Payload: data}
	if n.watch != nil {
		n.watch(p)
	}
	if n.plan == nil {
		n.deliver(from, to, data)
		return
	}
	travels := n.plan(p)
	if len(travels) == 0 {
		n.stats.Lost++
	}
	now := time.Now()
	n.land(now)
	for _, d := range travels {
		if d <= 0 {
			n.deliver(from, to, data)
			continue
		}
		n.sent++
		heap.Push(&n.flying, delayed{now.Add(d), n.sent, from, to, data})
		time.AfterFunc(d, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.land(time.Now())
		})
	}
}

// land delivers what has traveled long enough, in order of arrival; timers
// that fire at the same moment run in any order. The caller holds mu.
func (n *Network) land(now time.Time) {
	for len(n.flying) > 0 && !n.flying[0].at.After(now) {
		d := heap.Pop(&n.flying).(delayed)
		n.deliver(d.from, d.to, d.data)
	}
}

// deliver queues data at its receiver. The caller holds mu. Receivers copy
// out of data, so several copies may share it.
func (n *Network) deliver(from, to netip.AddrPort, data []byte) {
	c := n.conns[to]
	if c == nil {
		n.stats.NoListener++
		return
	}
	select {
	case c.queue <- datagram{from, data}:
		n.stats.Delivered++
	default:
		n.stats.Overflow++
	}
}

func (n *Network) remove(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[c.local] == c {
		delete(n.conns, c.local)
	}
}

func opError(op string, local, remote netip.AddrPort, err error) error {
	e := &net.OpError{Op: op, Net: "udp", Err: err}
	if local.IsValid() {
		e.Source = net.UDPAddrFromAddrPort(local)
	}
	if remote.IsValid() {
		e.Addr = net.UDPAddrFromAddrPort(remote)
	}
	return e
}
