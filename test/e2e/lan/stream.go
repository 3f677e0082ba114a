package lan

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Listener accepts connections at one address.
type Listener struct {
	lan    *LAN
	addr   netip.AddrPort
	queue  chan *Conn
	closed chan struct{}
	once   sync.Once
}

var _ net.Listener = (*Listener)(nil)

// backlog is how many connections wait to be accepted.
const backlog = 64

// Listen binds a TCP address.
func (l *LAN) Listen(addr netip.AddrPort) (net.Listener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listeners[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: syscall.EADDRINUSE}
	}
	n := &Listener{lan: l, addr: addr, queue: make(chan *Conn, backlog), closed: make(chan struct{})}
	l.listeners[addr] = n
	return n, nil
}

// Accept implements net.Listener.
func (n *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-n.queue:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *Listener) Close() error {
	n.once.Do(func() {
		n.lan.mu.Lock()
		delete(n.lan.listeners, n.addr)
		n.lan.mu.Unlock()
		close(n.closed)
	})
	return nil
}

// Addr implements net.Listener.
func (n *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(n.addr) }

// Dial connects local, whose port may be taken by a listener and is then
// replaced, to a listener. It takes one travel there and back.
func (l *LAN) Dial(ctx context.Context, local, remote netip.AddrPort) (net.Conn, error) {
	t := time.NewTimer(2 * l.travel)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.listeners[remote]
	if n == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: syscall.ECONNREFUSED}
	}
	local = netip.AddrPortFrom(local.Addr(), l.nextPort)
	l.nextPort++
	near := &Conn{lan: l, local: local, remote: remote, arrived: make(chan struct{}, 1)}
	far := &Conn{lan: l, local: remote, remote: local, arrived: make(chan struct{}, 1)}
	near.peer, far.peer = far, near
	l.streams[near], l.streams[far] = struct{}{}, struct{}{}
	select {
	case n.queue <- far:
		return near, nil
	default:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: syscall.ECONNREFUSED}
	}
}

// Break ends all connections of a host, as a pulled plug and a reset do.
func (l *LAN) Break(host netip.Addr) {
	l.mu.Lock()
	var all []*Conn
	for c := range l.streams {
		if c.local.Addr() == host {
			all = append(all, c)
		}
	}
	l.mu.Unlock()
	for _, c := range all {
		c.end(syscall.ECONNRESET)
		c.peer.end(syscall.ECONNRESET)
	}
}

// Conn is one end of a connection. Writes never block; what is written is
// read at the other end one travel later.
type Conn struct {
	lan           *LAN
	local, remote netip.AddrPort
	peer          *Conn
	arrived       chan struct{} // holds one token when something changed

	mu       sync.Mutex
	chunks   []chunk   // Guarded by mu. On their way to us, in order.
	err      error     // Guarded by mu. Why the connection is over.
	deadline time.Time // Guarded by mu. Of reads.
}

// chunk is data on its way; nil data is the end.
type chunk struct {
	at   time.Time
	data []byte
}

var _ net.Conn = (*Conn)(nil)

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		n, wait, err := c.take(p)
		if n > 0 || err != nil {
			return n, err
		}
		t := time.NewTimer(wait)
		select {
		case <-c.arrived:
		case <-t.C:
		}
		t.Stop()
	}
}

// forever is longer than any script.
const forever = 1000 * time.Hour

// take reads what has arrived, or tells how long to wait for more.
func (c *Conn) take(p []byte) (n int, wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, 0, c.err
	}
	now := time.Now()
	if !c.deadline.IsZero() && !now.Before(c.deadline) {
		return 0, 0, os.ErrDeadlineExceeded
	}
	wait = forever
	if !c.deadline.IsZero() {
		wait = c.deadline.Sub(now)
	}
	if len(c.chunks) == 0 {
		return 0, wait, nil
	}
	first := &c.chunks[0]
	if until := first.at.Sub(now); until > 0 {
		return 0, min(wait, until), nil
	}
	if first.data == nil {
		return 0, 0, io.EOF
	}
	n = copy(p, first.data)
	if first.data = first.data[n:]; len(first.data) == 0 {
		c.chunks = c.chunks[1:]
	}
	return n, 0, nil
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	c.peer.arrive(append([]byte{}, p...))
	return len(p), nil
}

// arrive puts data on its way to c.
func (c *Conn) arrive(data []byte) {
	c.mu.Lock()
	c.chunks = append(c.chunks, chunk{time.Now().Add(c.lan.travel), data})
	c.mu.Unlock()
	c.wake()
}

func (c *Conn) wake() {
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

// end makes the connection fail with err from now on.
func (c *Conn) end(err error) bool {
	c.lan.mu.Lock()
	delete(c.lan.streams, c)
	c.lan.mu.Unlock()
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.mu.Unlock()
	c.wake()
	return first
}

// Close implements net.Conn; the far end reads EOF.
func (c *Conn) Close() error {
	if c.end(net.ErrClosed) {
		c.peer.arrive(nil)
	}
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	c.wake()
	return nil
}

// SetWriteDeadline does nothing: writes never block.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }
