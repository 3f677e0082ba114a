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
	r, err := Open(loopback.Addr(), remotes)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		r.Close()
	}()
	for i, conn := range ends {
		if _, err := conn.WriteToUDPAddrPort([]byte{byte(i)}, r.Local()[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, conn := range ends {
		var buf [10]byte
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, from, err := conn.ReadFromUDPAddrPort(buf[:])
		if err != nil || n != 1 || buf[0] != byte(i^1) || from != r.Local()[i] {
			t.Errorf("far end %d received %x from %v, %v; want %d from %v", i, buf[:n], from, err, i^1, r.Local()[i])
		}
	}
}
