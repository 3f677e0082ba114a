//go:build linux

package flow

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/loopback"
)

// open runs a generator for the length of a test.
func open(t *testing.T, cfg Config) *Generator {
	t.Helper()
	cfg.Addr = loopback.Addr()
	g, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		g.Close()
	})
	return g
}

// pair aims two legs at each other.
func pair(t *testing.T, a, b *Leg) {
	t.Helper()
	if err := errors.Join(a.Aim(b.Addr(), 0), b.Aim(a.Addr(), 0)); err != nil {
		t.Fatal(err)
	}
}

// window measures for a while, and waits for what is on its way.
func window(g *Generator, d time.Duration) Figures {
	g.Begin()
	<-time.After(d)
	g.End()
	<-time.After(50 * time.Millisecond)
	return g.Figures()
}

func TestLegsHearEachOther(t *testing.T) {
	for _, threads := range []int{1, 2} {
		g := open(t, Config{Legs: 8, Threads: threads})
		for i := 0; i < 8; i += 2 {
			pair(t, g.Legs()[i], g.Legs()[i+1])
		}
		f := window(g, 200*time.Millisecond)
		if f.Sent < 20 || f.Received != f.Sent || f.Loss() != 0 {
			t.Errorf("%d threads: sent %d, received %d in 200 ms of 8 legs", threads, f.Sent, f.Received)
		}
		if f.Latency.Count() != f.Received || f.Late.Count() != f.Sent {
			t.Errorf("%d latencies of %d packets, %d sendings of %d", f.Latency.Count(), f.Received, f.Late.Count(), f.Sent)
		}
		if f.Foreign != 0 || f.Reordered != 0 || f.Unstamped != 0 || f.Refused != 0 {
			t.Errorf("%d foreign, %d reordered, %d unstamped, %d refused", f.Foreign, f.Reordered, f.Unstamped, f.Refused)
		}
	}
}

func TestOnlyPacketsOfTheWindowCount(t *testing.T) {
	g := open(t, Config{Legs: 2})
	pair(t, g.Legs()[0], g.Legs()[1])
	if f := window(g, 0); f.Received > f.Sent {
		t.Errorf("received %d of %d", f.Received, f.Sent)
	}
	g.Silence(true)
	<-time.After(20 * time.Millisecond) // the thread sees it within idleTime
	if f := window(g, 60*time.Millisecond); f.Sent != 0 || f.Received != 0 {
		t.Errorf("in silence sent %d, received %d", f.Sent, f.Received)
	}
}

func TestWhatIsNotForwardedIsLost(t *testing.T) {
	g := open(t, Config{Legs: 2})
	sink := g.Legs()[1] // hears, but its own packets go nowhere
	if err := g.Legs()[0].Aim(netip.AddrPortFrom(sink.Addr().Addr(), 9), 0); err != nil {
		t.Fatal(err)
	}
	if f := window(g, 60*time.Millisecond); f.Sent == 0 || f.Received != 0 || f.Loss() != 1 {
		t.Errorf("sent %d, received %d, loss %v", f.Sent, f.Received, f.Loss())
	}
}

func TestLegsAreHandedOutOnce(t *testing.T) {
	g, err := Open(Config{Addr: loopback.Addr(), Legs: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	a, err1 := g.Take()
	b, err2 := g.Take()
	if err := errors.Join(err1, err2); err != nil || a == b {
		t.Fatalf("Take() twice: %v, same %v", err, a == b)
	}
	if _, err := g.Take(); !errors.Is(err, ErrNoLeg) {
		t.Errorf("a third Take() = %v, want ErrNoLeg", err)
	}
	b.Release()
	if c, err := g.Take(); c != b || err != nil {
		t.Errorf("Take() after Release() = %v, %v", c, err)
	}
	if a.Addr().Port()%2 != 0 {
		t.Errorf("RTP at port %d, want an even one", a.Addr().Port())
	}
}
