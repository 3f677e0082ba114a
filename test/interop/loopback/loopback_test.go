package loopback

import (
	"net"
	"net/netip"
	"testing"
)

func TestAddrIsLoopbackAndFresh(t *testing.T) {
	seen := map[netip.Addr]bool{}
	for range 100 {
		a := Addr()
		if !a.IsLoopback() || seen[a] {
			t.Fatalf("Addr() = %v, seen before: %v", a, seen[a])
		}
		seen[a] = true
	}
}

func TestPortCanBeBound(t *testing.T) {
	for _, a := range []netip.Addr{Addr(), V6} {
		ap, err := AddrPort(a)
		if err != nil {
			if a == V6 {
				t.Skip("this machine has no ::1: " + err.Error())
			}
			t.Fatal(err)
		}
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(ap))
		if err != nil {
			t.Fatalf("UDP %v: %v", ap, err)
		}
		defer udp.Close()
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(ap))
		if err != nil {
			t.Fatalf("TCP %v: %v", ap, err)
		}
		defer tcp.Close()
	}
}
