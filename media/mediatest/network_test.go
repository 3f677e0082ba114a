package mediatest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func listen(t *testing.T, n *Network, addr string) *Conn {
	t.Helper()
	c, err := n.Listen(netip.MustParseAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, from, to *Conn, text string) {
	t.Helper()
	if _, err := from.WriteToAddrPort([]byte(text), to.LocalAddrPort()); err != nil {
		t.Fatal(err)
	}
}

// receive reads all that arrives at c until nothing comes for wait.
func receive(t *testing.T, c *Conn, wait time.Duration) []string {
	t.Helper()
	var got []string
	buf := make([]byte, 1500)
	for {
		if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		n, _, err := c.ReadFromAddrPort(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(buf[:n]))
	}
}

func TestNetworkCarriesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PacketPipe()
		send(t, a, b, "ping")
		buf := make([]byte, 3)
		n, from, err := b.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "pin" {
			t.Fatalf("ReadFrom = %q, %v, want the first 3 bytes of ping", buf[:n], err)
		}
		if _, err := b.WriteTo([]byte("pong"), from); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, a, time.Second); !slices.Equal(got, []string{"pong"}) {
			t.Errorf("a received %q", got)
		}
		if from.String() != "192.0.2.1:4000" {
			t.Errorf("from = %v", from)
		}
	})
}

func TestNetworkRoutesByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := listen(t, n, "10.0.0.1:5060")
		b := listen(t, n, "[2001:db8::2]:5060")
		c := listen(t, n, "10.0.0.1:5061")
		send(t, a, b, "to b")
		send(t, a, c, "to c")
		mapped := netip.AddrPortFrom(netip.AddrFrom16(a.LocalAddrPort().Addr().As16()), 5060)
		if _, err := c.WriteToAddrPort([]byte("mapped"), mapped); err != nil {
			t.Fatal(err)
		}
		if _, err := a.WriteToAddrPort([]byte("x"), netip.MustParseAddrPort("10.9.9.9:9")); err != nil {
			t.Fatal(err)
		}
		for want, conn := range map[string]*Conn{"to b": b, "to c": c, "mapped": a} {
			if got := receive(t, conn, time.Second); !slices.Equal(got, []string{want}) {
				t.Errorf("%v received %q, want %q", conn.LocalAddr(), got, want)
			}
		}
		if s := n.Stats(); s != (Stats{Sent: 4, Delivered: 3, NoListener: 1}) {
			t.Errorf("Stats = %+v", s)
		}
	})
}

func TestListenRefusesTakenAndWildcard(t *testing.T) {
	n := NewNetwork()
	a := listen(t, n, "10.0.0.1:5060")
	if _, err := n.Listen(a.LocalAddrPort()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second Listen: %v, want EADDRINUSE", err)
	}
	if c, err := n.ListenFunc()(a.LocalAddrPort()); err == nil || c != nil {
		t.Errorf("ListenFunc on a taken address = %v, %v", c, err)
	}
	if _, err := n.Listen(netip.MustParseAddrPort("0.0.0.0:1")); err == nil {
		t.Error("a wildcard was accepted")
	}
	seen := map[netip.AddrPort]bool{}
	for range 100 {
		c, err := n.Listen(netip.MustParseAddrPort("10.0.0.1:0"))
		if err != nil || seen[c.LocalAddrPort()] || c.LocalAddrPort().Port() < firstEphemeralPort {
			t.Fatalf("Listen with port 0: %v, %v", c.LocalAddrPort(), err)
		}
		seen[c.LocalAddrPort()] = true
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	listen(t, n, "10.0.0.1:5060") // the address is free again
}

func TestCloseEndsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PacketPipe()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				_, _, err := a.ReadFromAddrPort(make([]byte, 10))
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("read: %v, want ErrClosed", err)
				}
			})
		}
		synctest.Wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := a.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if _, err := a.WriteToAddrPort(nil, b.LocalAddrPort()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write: %v", err)
		}
		if err := a.SetReadDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("SetReadDeadline: %v", err)
		}
		send(t, b, a, "to nobody")
	})
}

func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PacketPipe()
		start := time.Now()
		if err := a.SetReadDeadline(start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		// Somebody else moves the deadline while the read waits.
		time.AfterFunc(time.Second, func() { a.SetReadDeadline(time.Now().Add(time.Second)) })
		_, _, err := a.ReadFromAddrPort(nil)
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || time.Since(start) != 2*time.Second {
			t.Errorf("read: %v after %v, want a time-out after 2s", err, time.Since(start))
		}
		send(t, b, a, "waits")
		if _, _, err := a.ReadFromAddrPort(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read after the deadline: %v", err)
		}
		a.SetReadDeadline(time.Time{})
		buf := make([]byte, 9)
		if n, _, err := a.ReadFromAddrPort(buf); err != nil || string(buf[:n]) != "waits" {
			t.Errorf("read = %q, %v", buf[:n], err)
		}
	})
}

func TestOversizedDatagramIsRefused(t *testing.T) {
	a, b := PacketPipe()
	if _, err := a.WriteToAddrPort(make([]byte, MaxDatagramBytes+1), b.LocalAddrPort()); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("write: %v, want EMSGSIZE", err)
	}
}

func TestPlans(t *testing.T) {
	late := 30 * time.Millisecond
	table := []struct {
		name string
		plan Plan
		want []string
	}{
		{"perfect", nil, []string{"1", "2", "3", "4"}},
		{"lose", Lose(2, 3), []string{"1", "4"}},
		{"delay", Delay(late), []string{"1", "2", "3", "4"}},
		{"reorder", Match(func(p Packet) bool { return p.Nth == 1 }, Delay(late), nil), []string{"2", "3", "4", "1"}},
		{"double", func(p Packet) []time.Duration { return []time.Duration{0, late} }, []string{"1", "2", "3", "4", "1", "2", "3", "4"}},
		{"by content", Match(func(p Packet) bool { return p.Payload[0] == '4' }, Lose(4), Delay(0)), []string{"1", "2", "3"}},
	}
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := PacketPipe()
				var watched []string
				a.Network().SetWatch(func(p Packet) { watched = append(watched, string(p.Payload)) })
				a.Network().SetPlan(tt.plan)
				for i := range 4 {
					send(t, a, b, fmt.Sprint(i+1))
				}
				if got := receive(t, b, time.Second); !slices.Equal(got, tt.want) {
					t.Errorf("received %q, want %q", got, tt.want)
				}
				if !slices.Equal(watched, []string{"1", "2", "3", "4"}) {
					t.Errorf("watched %q", watched)
				}
			})
		})
	}
}

func TestImpairmentIsRepeatable(t *testing.T) {
	im := Impairment{Seed: 1, Loss: 0.1, Duplicate: 0.05, Reorder: 0.1, ReorderBy: time.Second, Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond}
	first, second := im.Plan(), im.Plan()
	lost, doubled, reordered := 0, 0, 0
	for i := range 10000 {
		fate := first(Packet{Nth: i})
		if !slices.Equal(fate, second(Packet{Nth: i})) {
			t.Fatalf("packet %d: plans of one seed differ", i)
		}
		switch len(fate) {
		case 0:
			lost++
		case 2:
			doubled++
		}
		if len(fate) > 0 && fate[0] >= time.Second {
			reordered++
		}
	}
	for name, got := range map[string][2]int{"lost": {lost, 1000}, "doubled": {doubled, 450}, "reordered": {reordered, 900}} {
		if got[0] < got[1]*8/10 || got[0] > got[1]*12/10 {
			t.Errorf("%s: %d of 10000, want about %d", name, got[0], got[1])
		}
	}
}

func TestQueueOverflowDropsAndCounts(t *testing.T) {
	a, b := PacketPipe()
	for range queuePackets + 5 {
		send(t, a, b, "x")
	}
	if s := a.Network().Stats(); s.Overflow != 5 || s.Delivered != queuePackets {
		t.Errorf("Stats = %+v", s)
	}
}
