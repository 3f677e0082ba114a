// Package loopback hands out addresses and ports of this machine to the
// processes of a test.
//
// Every process gets an address of its own in 127.0.0.0/8, so that phones and
// switches of tests that run side by side, also of other test binaries, do not
// meet. It starts no goroutine.
package loopback

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// V6 is the only IPv6 address that every machine has.
var V6 = netip.IPv6Loopback()

// Addr returns an address in 127.0.0.0/8 that nobody else is likely to use:
// 24 random bits, without 127.0.x.x, where the machine's own services live, and
// without a last byte of 0 or 255. Linux answers on all of them.
func Addr() netip.Addr {
	var b [3]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return netip.AddrFrom4([4]byte{127, 1 + b[0]%254, b[1], 1 + b[2]%254})
}

// Port returns a port that is free on the address for UDP and for TCP. It is
// free no longer than until somebody takes it: use it at once.
func Port(addr netip.Addr) (uint16, error) {
	const attempts = 50 // one is enough unless TCP and UDP disagree
	for range attempts {
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			return 0, fmt.Errorf("loopback: %s: %w", addr, err)
		}
		port := tcp.Addr().(*net.TCPAddr).AddrPort().Port()
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, port)))
		_ = tcp.Close()
		if err != nil {
			continue
		}
		_ = udp.Close()
		return port, nil
	}
	return 0, errors.New("loopback: no port is free for both UDP and TCP")
}

// AddrPort returns the address with a port as Port finds it.
func AddrPort(addr netip.Addr) (netip.AddrPort, error) {
	port, err := Port(addr)
	return netip.AddrPortFrom(addr, port), err
}
