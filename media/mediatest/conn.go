package mediatest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/tandemswitch/tandem/media"
)

type datagram struct {
	from netip.AddrPort
	data []byte
}

// Conn is one bound address of a Network. It is a media.PacketConn and a
// net.PacketConn; as with sockets its methods may be called from several
// goroutines at once, and Close ends blocked reads with net.ErrClosed.
type Conn struct {
	net    *Network
	local  netip.AddrPort
	queue  chan datagram
	closed chan struct{}
	once   sync.Once
	read   deadline
}

var (
	_ net.PacketConn   = (*Conn)(nil)
	_ media.PacketConn = (*Conn)(nil)
)

func newConn(n *Network, local netip.AddrPort) *Conn {
	return &Conn{
		net:    n,
		local:  local,
		queue:  make(chan datagram, queuePackets),
		closed: make(chan struct{}),
		read:   deadline{passed: make(chan struct{})},
	}
}

// PacketPipe returns two conns on a network of their own, at 192.0.2.1:4000
// and 192.0.2.2:4000 (RFC 5737 §3).
func PacketPipe() (a, b *Conn) {
	n := NewNetwork()
	a, errA := n.Listen(netip.MustParseAddrPort("192.0.2.1:4000"))
	b, errB := n.Listen(netip.MustParseAddrPort("192.0.2.2:4000"))
	if errA != nil || errB != nil {
		panic(fmt.Sprint("mediatest: ", errA, errB)) // two constants on an empty network
	}
	return a, b
}

// Network returns the network that c is bound to.
func (c *Conn) Network() *Network { return c.net }

// LocalAddrPort returns the address c is bound to.
func (c *Conn) LocalAddrPort() netip.AddrPort { return c.local }

// LocalAddr is LocalAddrPort as a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// ReadFromAddrPort waits for one datagram and copies it into p; what does not
// fit is cut off, as on a socket. Errors are *net.OpError around
// os.ErrDeadlineExceeded or net.ErrClosed.
func (c *Conn) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	passed := c.read.wait()
	// A deadline that has passed and a closed conn win over waiting data, as
	// on a socket.
	select {
	case <-c.closed:
		return 0, netip.AddrPort{}, opError("read", c.local, netip.AddrPort{}, net.ErrClosed)
	case <-passed:
		return 0, netip.AddrPort{}, opError("read", c.local, netip.AddrPort{}, os.ErrDeadlineExceeded)
	default:
	}
	select {
	case d := <-c.queue:
		return copy(p, d.data), d.from, nil
	case <-c.closed:
		return 0, netip.AddrPort{}, opError("read", c.local, netip.AddrPort{}, net.ErrClosed)
	case <-passed:
		return 0, netip.AddrPort{}, opError("read", c.local, netip.AddrPort{}, os.ErrDeadlineExceeded)
	}
}

// WriteToAddrPort sends a copy of p to addr. It never blocks. A datagram
// nobody waits for is lost without an error, as on a network.
func (c *Conn) WriteToAddrPort(p []byte, addr netip.AddrPort) (int, error) {
	select {
	case <-c.closed:
		return 0, opError("write", c.local, addr, net.ErrClosed)
	default:
	}
	if len(p) > MaxDatagramBytes {
		return 0, opError("write", c.local, addr, syscall.EMSGSIZE)
	}
	c.net.send(c.local, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), p)
	return len(p), nil
}

// ReadFrom is ReadFromAddrPort with a *net.UDPAddr.
func (c *Conn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(p)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is WriteToAddrPort for a *net.UDPAddr.
func (c *Conn) WriteTo(p []byte, addr net.Addr) (int, error) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, opError("write", c.local, netip.AddrPort{}, syscall.EINVAL)
	}
	return c.WriteToAddrPort(p, udp.AddrPort())
}

// SetReadDeadline ends reads that wait, and later ones, at t; the zero time
// never does.
func (c *Conn) SetReadDeadline(t time.Time) error {
	select {
	case <-c.closed:
		return opError("set", c.local, netip.AddrPort{}, net.ErrClosed)
	default:
	}
	c.read.set(t)
	return nil
}

// SetWriteDeadline does nothing: writes never block.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// Close gives the address back and ends reads. Datagrams that still wait are
// dropped. The second Close fails with net.ErrClosed, as a socket's does.
func (c *Conn) Close() error {
	err := opError("close", c.local, netip.AddrPort{}, net.ErrClosed)
	c.once.Do(func() {
		err = nil
		c.net.remove(c)
		close(c.closed)
		c.read.set(time.Time{})
	})
	return err
}

// deadline closes passed at a settable time.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	passed chan struct{}
}

func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed
}

// set replaces the time. A reader that already waits keeps the channel it
// has, so the channel is replaced only after it was closed.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.passed // the timer has fired: let it finish closing
	}
	d.timer = nil
	if isClosed(d.passed) {
		d.passed = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	passed := d.passed
	if wait := time.Until(t); wait > 0 {
		d.timer = time.AfterFunc(wait, func() { close(passed) })
		return
	}
	close(passed)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
