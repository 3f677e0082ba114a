//go:build linux

package floor

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/loopback"
)

func TestRelayForwardsBetweenPairs(t *testing.T) {
	at := loopback.Addr()
	var ends [4]*net.UDPConn
	var remotes []netip.AddrPort
	for i := range ends {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ends[i], remotes = conn, append(remotes, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	r := run(t, Relay, remotes)
	for i, conn := range ends {
		if _, err := conn.WriteToUDPAddrPort([]byte{byte(i)}, r.Local()[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, conn := range ends {
		var buf [10]byte
		n, from := read(t, conn, buf[:])
		if n != 1 || buf[0] != byte(i^1) || from != r.Local()[i] {
			t.Errorf("far end %d received %x from %v; want %d from %v", i, buf[:n], from, i^1, r.Local()[i])
		}
	}
}

func TestPlayAndRecordSendToEverybody(t *testing.T) {
	for _, mode := range []Mode{Play, Record} {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback.Addr(), 0)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		f := run(t, mode, []netip.AddrPort{conn.LocalAddr().(*net.UDPAddr).AddrPort()})
		if _, err := conn.WriteToUDPAddrPort([]byte("x"), f.Local()[0]); err != nil { // is not in the way
			t.Fatal(err)
		}
		for range 3 {
			if n, _ := read(t, conn, make([]byte, 1000)); n != packetBytes {
				t.Errorf("%s: a packet of %d bytes, want %d", mode, n, packetBytes)
			}
		}
	}
	if _, err := Open("nothing", loopback.Addr(), nil); err == nil {
		t.Error("Open(\"nothing\") is taken")
	}
}

func read(t *testing.T, conn *net.UDPConn, buf []byte) (int, netip.AddrPort) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	return n, from
}

// run runs a floor for the length of a test.
func run(t *testing.T, mode Mode, remotes []netip.AddrPort) *Floor {
	t.Helper()
	r, err := Open(mode, loopback.Addr(), remotes)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		r.Close()
	})
	return r
}
