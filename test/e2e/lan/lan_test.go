package lan

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const travel = 10 * time.Millisecond

var (
	hostA = netip.MustParseAddrPort("10.0.0.1:5060")
	hostB = netip.MustParseAddrPort("10.0.0.2:5060")
)

func TestLoseTakesTheNamedDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(travel)
		l.Name(hostA.Addr(), "a")
		l.Name(hostB.Addr(), "b")
		var lost []string
		l.OnLoss(func(from, to, what string) { lost = append(lost, from+" "+to+" "+what) })
		a, b := socket(t, l, hostA), socket(t, l, hostB)
		defer a.Close()
		defer b.Close()
		l.Lose("a", "b", "200 BYE")
		l.Lose("a", "b", "#2")
		sent := []string{
			"BYE sip:b SIP/2.0\r\n\r\n", // first of "#2"
			"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n",
			"SIP/2.0 200 OK\r\nCSeq: 1 BYE\r\n\r\n",
			"not SIP\r\n\r\n",
			"SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\n\r\n",
		}
		for _, s := range sent {
			if _, err := a.WriteTo([]byte(s), net.UDPAddrFromAddrPort(hostB)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{sent[0], sent[3], sent[4]} {
			if got := read(t, b); got != want {
				t.Errorf("read %q, want %q", got, want)
			}
		}
		if len(lost) != 2 || lost[0] != "a b 200 INVITE" || lost[1] != "a b 200 BYE" {
			t.Errorf("lost = %q", lost)
		}
		if n := l.Pending(); n != 0 {
			t.Errorf("Pending() = %d", n)
		}
	})
}

func TestWeatherOfASeedIsAlwaysTheSame(t *testing.T) {
	arrived := func(seed uint64) (n int) {
		synctest.Test(t, func(t *testing.T) {
			l := New(travel)
			a, b := socket(t, l, hostA), socket(t, l, hostB)
			defer a.Close()
			defer b.Close()
			l.Change(Weather{Seed: seed, Loss: 30, Duplicate: 30, Jitter: time.Second})
			for range 200 {
				_, _ = a.WriteTo([]byte("BYE sip:b SIP/2.0\r\n\r\n"), net.UDPAddrFromAddrPort(hostB))
			}
			_ = b.SetReadDeadline(time.Now().Add(time.Minute))
			buf := make([]byte, 100)
			for {
				if _, _, err := b.ReadFrom(buf); err != nil {
					return
				}
				n++
			}
		})
		return n
	}
	first := arrived(1)
	if first < 140 || first > 230 { // 200 × 0.7 × 1.3 = 182
		t.Errorf("%d of 200 arrived", first)
	}
	if again := arrived(1); again != first {
		t.Errorf("%d arrived, then %d", first, again)
	}
}

func TestStreamArrivesInOrderAfterTheTravel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(travel)
		n, err := l.Listen(hostB)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		near, err := l.Dial(t.Context(), hostA, hostB)
		if err != nil {
			t.Fatal(err)
		}
		far, err := n.Accept()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for _, s := range []string{"one ", "two"} {
			if _, err := near.Write([]byte(s)); err != nil {
				t.Fatal(err)
			}
		}
		_ = near.Close()
		all, err := io.ReadAll(far)
		if string(all) != "one two" || err != nil || time.Since(began) != travel {
			t.Errorf("read %q, %v after %v", all, err, time.Since(began))
		}
		_ = far.Close()
	})
}

func TestStreamThatBreaksFailsAtBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(travel)
		n, err := l.Listen(hostB)
		if err != nil {
			t.Fatal(err)
		}
		near, err := l.Dial(t.Context(), hostA, hostB)
		if err != nil {
			t.Fatal(err)
		}
		far, err := n.Accept()
		if err != nil {
			t.Fatal(err)
		}
		l.Break(hostA.Addr())
		if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Write = %v", err)
		}
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read = %v", err)
		}
		_ = n.Close()
		if _, err := n.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept = %v", err)
		}
		if _, err := l.Dial(t.Context(), hostA, hostB); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("Dial = %v", err)
		}
	})
}

func TestStreamReadEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(travel)
		n, err := l.Listen(hostB)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		c, err := l.Dial(t.Context(), hostA, hostB)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		began := time.Now()
		_ = c.SetReadDeadline(began.Add(3 * time.Second))
		var ne net.Error
		if _, err := c.Read(make([]byte, 1)); !errors.As(err, &ne) || !ne.Timeout() || time.Since(began) != 3*time.Second {
			t.Errorf("Read = %v after %v", err, time.Since(began))
		}
	})
}

func socket(t *testing.T, l *LAN, at netip.AddrPort) net.PacketConn {
	t.Helper()
	c, err := l.ListenPacket(at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, c net.PacketConn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 1000)
	n, _, err := c.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}
