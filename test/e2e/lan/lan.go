// Package lan is the network that call scripts run on: datagrams and
// connections between named hosts, all on virtual time, with one travel time
// for everything and losses that the script plans one by one.
//
// It starts no goroutine; what travels rides on timers.
package lan

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// LAN is one network. Its methods may be called from several goroutines. In a
// synctest bubble it must be made inside the bubble.
type LAN struct {
	// Immutable after New.
	datagrams *mediatest.Network
	travel    time.Duration

	mu        sync.Mutex
	hosts     map[netip.Addr]string        // Guarded by mu.
	bad       *Weather                     // Guarded by mu.
	planned   []loss                       // Guarded by mu.
	lost      func(from, to, what string)  // Guarded by mu.
	listeners map[netip.AddrPort]*Listener // Guarded by mu.
	streams   map[*Conn]struct{}           // Guarded by mu.
	nextPort  uint16                       // Guarded by mu.
}

// loss is one datagram that will not arrive.
type loss struct {
	from, to, what string
	skip           int // so many that match arrive before it
}

// New returns a network on which everything travels for so long.
func New(travel time.Duration) *LAN {
	l := &LAN{
		datagrams: mediatest.NewNetwork(), travel: travel, hosts: map[netip.Addr]string{},
		listeners: map[netip.AddrPort]*Listener{}, streams: map[*Conn]struct{}{}, nextPort: 49152,
	}
	l.datagrams.SetPlan(l.plan)
	return l
}

// Name gives a host its name in scripts.
func (l *LAN) Name(host netip.Addr, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hosts[host] = name
}

// OnLoss makes f see each planned loss when it happens. f must not use the LAN.
func (l *LAN) OnLoss(f func(from, to, what string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = f
}

// Lose plans the loss of the next SIP datagram from one host to another that
// what names: a method ("BYE"), a status ("200"), both ("200 BYE"), "" for
// any, or "#3" for the third from now on.
func (l *LAN) Lose(from, to, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := loss{from: from, to: to, what: what}
	if _, err := fmt.Sscanf(what, "#%d", &x.skip); err == nil {
		x.what, x.skip = "", x.skip-1
	}
	l.planned = append(l.planned, x)
}

// Weather is a bad network for SIP datagrams. Equal seeds give equal fates,
// whatever the order in which hosts send.
type Weather struct {
	Seed      uint64
	Loss      int           // percent that are lost
	Duplicate int           // percent that arrive twice
	Jitter    time.Duration // up to this is added to the travel: datagrams overtake each other
}

// Change makes the weather bad from now on.
func (l *LAN) Change(w Weather) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad = &w
}

// fate is what the weather does to the n-th datagram of a way.
func (w *Weather) fate(p mediatest.Packet, travel time.Duration) []time.Duration {
	h := fnv.New64a()
	fmt.Fprint(h, w.Seed, p.From, p.To, p.Nth)
	r := rand.New(rand.NewPCG(w.Seed, h.Sum64()))
	late := func() time.Duration {
		if w.Jitter == 0 {
			return travel
		}
		return travel + time.Duration(r.Int64N(int64(w.Jitter)))
	}
	if r.IntN(100) < w.Loss {
		return nil
	}
	fate := []time.Duration{late()}
	if r.IntN(100) < w.Duplicate {
		fate = append(fate, late())
	}
	return fate
}

// plan decides about a datagram.
func (l *LAN) plan(p mediatest.Packet) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, to := l.hosts[p.From.Addr()], l.hosts[p.To.Addr()]
	name, sip := nameOf(p.Payload)
	if !sip {
		return []time.Duration{l.travel}
	}
	for i, x := range l.planned {
		if x.from == from && x.to == to && matches(x.what, name) {
			if x.skip > 0 {
				l.planned[i].skip--
				continue
			}
			l.planned = append(l.planned[:i:i], l.planned[i+1:]...)
			if l.lost != nil {
				l.lost(from, to, name)
			}
			return nil
		}
	}
	if l.bad != nil {
		return l.bad.fate(p, l.travel)
	}
	return []time.Duration{l.travel}
}

// Pending tells how many planned losses have not happened.
func (l *LAN) Pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.planned)
}

// nameOf is "BYE" for a request and "200 BYE" for a response.
func nameOf(payload []byte) (string, bool) {
	head, rest, ok := strings.Cut(string(payload), "\r\n")
	if !ok {
		return "", false
	}
	words := strings.Fields(head)
	if len(words) < 2 {
		return "", false
	}
	if words[0] != "SIP/2.0" {
		return words[0], strings.HasSuffix(head, "SIP/2.0")
	}
	for line := range strings.SplitSeq(rest, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "CSeq") {
			if _, method, ok := strings.Cut(strings.TrimSpace(value), " "); ok {
				return words[1] + " " + method, true
			}
		}
	}
	return words[1], true
}

func matches(want, name string) bool {
	status, _, _ := strings.Cut(name, " ")
	return want == "" || want == name || want == status
}

// ListenPacket binds a UDP address.
func (l *LAN) ListenPacket(addr netip.AddrPort) (net.PacketConn, error) {
	c, err := l.datagrams.Listen(addr)
	if err != nil {
		return nil, err // not a nil *Conn in an interface
	}
	return c, nil
}

// Media binds UDP addresses for the media engine.
func (l *LAN) Media() media.ListenFunc { return l.datagrams.ListenFunc() }

// Socket binds a UDP address for a phone.
func (l *LAN) Socket(addr netip.AddrPort) (*mediatest.Conn, error) { return l.datagrams.Listen(addr) }
