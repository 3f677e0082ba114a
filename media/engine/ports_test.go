package engine

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

func TestPortsAreEvenAndComeBackLate(t *testing.T) {
	var p ports
	p.init(10001, 10010, time.Second) // pairs from 10002 to 10008
	host, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1000, 0)
	seen := map[uint16]bool{}
	var order []uint16
	for range 4 {
		port, err := p.take(host, now)
		if err != nil || port%2 != 0 || port < 10002 || port+1 > 10010 || seen[port] {
			t.Fatalf("take = %d, %v", port, err)
		}
		seen[port] = true
		order = append(order, port)
	}
	if _, err := p.take(host, now); !errors.Is(err, media.ErrNoPort) || p.inUse() != 8 {
		t.Errorf("take of a fifth pair = %v, %d in use", err, p.inUse())
	}
	if _, err := p.take(netip.MustParseAddr("192.0.2.2"), now); err != nil {
		t.Errorf("another address has ports of its own: %v", err)
	}
	p.give(host, order[2], now)
	p.give(host, order[0], now.Add(500*time.Millisecond))
	if _, err := p.take(host, now.Add(900*time.Millisecond)); !errors.Is(err, media.ErrNoPort) {
		t.Errorf("a port is used again after 900 ms: %v", err)
	}
	if port, err := p.take(host, now.Add(time.Second)); err != nil || port != order[2] {
		t.Errorf("take = %d, %v, want %d", port, err, order[2])
	}
}

func TestOpenPassesOverPortsOfOthers(t *testing.T) {
	net := mediatest.NewNetwork()
	host := netip.MustParseAddr("192.0.2.250")
	for _, port := range []uint16{20000, 20003, 20006} { // RTP or RTCP of three pairs
		if _, err := net.Listen(netip.AddrPortFrom(host, port)); err != nil {
			t.Fatal(err)
		}
	}
	e := New(Config{Shards: 1, PortStart: 20000, PortEnd: 20009, Listen: net.ListenFunc(), Codecs: testCodecs()})
	t.Cleanup(func() { e.closeAll(); e.running.Wait() })
	for range 2 {
		s, err := e.Open(media.StreamConfig{Local: host})
		if err != nil {
			t.Fatal(err)
		}
		if p := s.LocalAddr().Port(); p != 20004 && p != 20008 {
			t.Errorf("port %d", p)
		}
	}
	if _, err := e.Open(media.StreamConfig{Local: host}); !errors.Is(err, media.ErrNoPort) {
		t.Errorf("Open = %v, want ErrNoPort", err)
	}
	if _, err := e.Open(media.StreamConfig{Local: netip.IPv4Unspecified()}); err == nil {
		t.Error("bound to a wildcard")
	}
}
