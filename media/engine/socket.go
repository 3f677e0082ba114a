package engine

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// maxPacketBytes is the longest datagram that is read: RTP stays within an
// Ethernet MTU of 1500; longer ones are dropped and counted.
const maxPacketBytes = 2048

// errPortTaken says that another process has the port.
var errPortTaken = errors.New("port is taken")

// socket sends for one stream. Its owner is the stream's shard.
type socket interface {
	// send drops the packet when the socket's buffer is full.
	send(p []byte, to netip.AddrPort) error
	close()
}

// connSocket is a portable socket: a goroutine reads it.
type connSocket struct{ conn media.PacketConn }

func (c *connSocket) send(p []byte, to netip.AddrPort) error {
	_, err := c.conn.WriteToAddrPort(p, to)
	return err
}

func (c *connSocket) close() { _ = c.conn.Close() }

// ListenUDP opens a portable UDP socket. It is a [media.ListenFunc].
func ListenUDP(local netip.AddrPort) (media.PacketConn, error) {
	network := "udp6"
	if local.Addr().Unmap().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, err
	}
	return &udpConn{conn, local}, nil
}

type udpConn struct {
	conn  *net.UDPConn
	local netip.AddrPort
}

func (u *udpConn) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	return u.conn.ReadFromUDPAddrPort(p)
}

func (u *udpConn) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	return u.conn.WriteToUDPAddrPort(p, to)
}

func (u *udpConn) LocalAddrPort() netip.AddrPort { return u.local }

func (u *udpConn) SetReadDeadline(t time.Time) error { return u.conn.SetReadDeadline(t) }

func (u *udpConn) Close() error { return u.conn.Close() }

// portError recognizes a port that is taken.
func portError(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return errors.Join(errPortTaken, err)
	}
	return err
}
