package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// systemNetwork is the machine's own sockets.
func systemNetwork() Network {
	// Binding does not block, and Open has no context to give.
	return Network{
		ListenPacket: listenUDP,
		Listen:       func(a netip.AddrPort) (net.Listener, error) { return net.Listen("tcp", a.String()) }, //nolint:noctx // see above
		LocalAddrs:   localAddrs,
		Source:       sourceAddr,
		Resolver:     net.DefaultResolver,
	}
}

// receiveBytes lets a burst of about a thousand messages wait in the socket; the
// kernel gives less where net.core.rmem_max is lower.
const receiveBytes = 1 << 20

func listenUDP(a netip.AddrPort) (net.PacketConn, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(receiveBytes)
	return conn, nil
}

// localAddrs lists the addresses of all interfaces but link-local ones, which
// need a zone that SIP cannot carry.
func localAddrs() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		addrs = append(addrs, prefix.Addr().Unmap())
	}
	return addrs, nil
}

// sourceAddr asks the kernel's routing table by connecting a UDP socket, which
// sends nothing.
func sourceAddr(remote netip.Addr) netip.Addr {
	conn, err := net.Dial("udp", netip.AddrPortFrom(remote, 9).String()) //nolint:noctx // does not block
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// bindError says which port is taken and what to do about it.
func bindError(what string, a netip.AddrPort, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return portTakenError{fmt.Sprintf("%s port %d at %s is taken by another program; stop it, or choose another port (--set internal_sip_port=PORT, or sip-port in the profile)",
			strings.ToUpper(what), a.Port(), a.Addr())}
	}
	return fmt.Errorf("%s %s: %w", what, a, err)
}

// portTakenError is EADDRINUSE in words for the person who started the switch.
type portTakenError struct{ text string }

func (e portTakenError) Error() string { return e.text }
func (e portTakenError) Unwrap() error { return syscall.EADDRINUSE }
