package transport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// stream is one TCP connection: framing and tidying in front of sipgo, and a
// writer with a bounded queue.
type stream struct {
	address *Address
	flow    *Flow
	name    string // how sipgo and Address.streams know it
	out     chan []byte
	gone    chan struct{} // closed with the stream

	accepted bool // Guarded by Address.mu. Counted in Address.count.

	once  sync.Once
	down  atomic.Bool
	conn  net.Conn      // set before the reader and the writer start
	ended chan struct{} // closed when sipgo reads no more
	end   sync.Once

	// Owned by the reader goroutine.
	in      []byte // received, not handed on
	ready   []byte // tidied, on its way into sipgo
	raw     []byte // of the message in ready
	wire    wire
	readErr error
}

const (
	// dialTimeout is well under Timer B, so that another way can be tried.
	dialTimeout = 8 * time.Second
	// writeTimeout ends a connection whose far end takes nothing any more.
	writeTimeout = 10 * time.Second
	// partialTimeout bounds how long a message may take to arrive once it began.
	partialTimeout = 30 * time.Second
	readChunkBytes = 4096
)

func (s *stream) closed() bool { return s.down.Load() }

func (s *stream) send(data []byte) error {
	if s.closed() {
		return ErrClosed
	}
	select {
	case s.out <- data:
		return nil
	default:
		s.address.Stats.QueueFull.Add(1)
		return ErrFull
	}
}

// connect dials and then serves.
func (s *stream) connect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := s.address.cfg.Dial(ctx, s.flow.Remote)
	if err != nil {
		s.close(err)
		return
	}
	s.serve(conn)
}

// serve gives the connection to sipgo for reading and writes what is queued.
func (s *stream) serve(conn net.Conn) {
	s.conn = conn
	s.ended = make(chan struct{})
	if s.closed() || !s.inject() {
		_ = conn.Close()
		s.close(ErrClosed)
		return
	}
	s.write()
	_ = conn.Close()
	<-s.ended
}

// inject hands the connection to sipgo's accept loop.
func (s *stream) inject() bool {
	select {
	case s.address.conns <- (*streamConn)(s):
		return true
	case <-s.address.done:
		return false
	}
}

func (s *stream) write() {
	for {
		select {
		case data := <-s.out:
			_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := s.conn.Write(data); err != nil {
				s.address.Stats.WriteErrors.Add(1)
				s.close(err)
				return
			}
			s.address.Stats.Sent.Add(1)
		case <-s.gone:
			return
		}
	}
}

// close ends the stream once and tells the handler why.
func (s *stream) close(err error) {
	s.once.Do(func() {
		s.address.forget(s)
		s.down.Store(true)
		close(s.gone)
		s.address.cfg.Handler.Down(s.flow, err)
	})
}

// fail marks a stream that never lived. The caller holds Address.mu.
func (s *stream) fail() {
	s.once.Do(func() {
		delete(s.address.streams, s.name)
		delete(s.address.peers, s.flow.Remote)
		s.down.Store(true)
		close(s.gone)
	})
}

// parsed takes what sipgo made of the message read last.
func (s *stream) parsed(msg sip.Message) {
	defer func() {
		if p := recover(); p != nil {
			s.address.cfg.Log.Error("message handling panicked", "peer", s.flow.Remote.String(), "err", p)
		}
	}()
	if raw := s.raw; raw != nil {
		s.raw = nil
		s.address.deliver(msg, s.flow, raw)
	}
}

// fill reads until one whole message is in ready. An error ends the connection.
func (s *stream) fill() error {
	for {
		n, err := s.frame()
		if err != nil {
			return err
		}
		if n > 0 {
			raw := bytes.Clone(s.in[:n])
			s.in = s.in[n:]
			if s.accept(raw) {
				return nil
			}
			continue
		}
		if err := s.more(); err != nil {
			return err
		}
	}
}

// more reads from the connection.
func (s *stream) more() error {
	var deadline time.Time
	if len(s.in) > 0 {
		deadline = time.Now().Add(partialTimeout)
	}
	_ = s.conn.SetReadDeadline(deadline)
	at := len(s.in)
	s.in = append(s.in, make([]byte, readChunkBytes)...)
	n, err := s.conn.Read(s.in[at:])
	s.in = s.in[:at+n]
	if n > 0 {
		return nil
	}
	return err
}

// frame returns the length of the first message in the buffer, 0 when it is
// not whole yet (RFC 3261 §18.3), and answers keep-alives (RFC 5626 §4.4.1).
func (s *stream) frame() (int, error) {
	for {
		switch {
		case bytes.HasPrefix(s.in, []byte("\r\n\r\n")):
			s.in = s.in[4:]
			s.address.Stats.KeepAlives.Add(1)
			_ = s.send([]byte("\r\n"))
			continue
		case len(s.in) > 2 && s.in[0] == '\r' && s.in[1] == '\n' && s.in[2] != '\r':
			s.in = s.in[2:]
			continue
		}
		break
	}
	if len(s.in) == 0 || s.in[0] == '\r' {
		return 0, nil
	}
	if !isToken(string(s.in[:1])) {
		s.address.Stats.Garbage.Add(1)
		return 0, errNotSIP
	}
	head := endOfHead(s.in)
	if head == 0 {
		if len(s.in) > maxMessageBytes {
			return 0, errTooLarge
		}
		return 0, nil
	}
	body, err := contentLength(s.in[:head])
	if err != nil {
		// Where the next message begins is unknown: answer and give up.
		_ = s.accept(s.in[:head])
		return 0, err
	}
	if head+body > maxMessageBytes {
		return 0, errTooLarge
	}
	if head+body > len(s.in) {
		return 0, nil
	}
	return head + body, nil
}

var errTooLarge = errors.New("sip: stream: message over 65535 bytes")

// accept tidies one message and tries it. sipgo reads in a goroutine of its
// own, where a panic of its parser could not be caught: the trial can.
func (s *stream) accept(raw []byte) bool {
	err := s.wire.cut(raw)
	if err == nil {
		err = s.wire.check()
	}
	if err == nil {
		s.ready = s.wire.appendTo(s.ready[:0])
		if err = try(s.ready); err == nil {
			s.raw = raw
			return true
		}
		s.ready = s.ready[:0]
	}
	s.address.Stats.Malformed.Add(1)
	if fault, ok := errors.AsType[*FaultError](err); ok {
		if answer := s.wire.reject(fault, newTag(), s.flow.Remote.Addr().String()); answer != nil {
			_ = s.send(answer)
		}
	}
	return false
}

// try parses a tidied message for the only purpose of seeing whether that works.
func try(tidy []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = badRequest("not understood by the parser")
		}
	}()
	if _, err := sip.ParseMessage(tidy); err != nil {
		return badRequest("not understood by the parser: %v", err)
	}
	return nil
}

// endOfHead returns the length of start line and headers with the empty line, 0 without one.
func endOfHead(b []byte) int {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	if i := bytes.Index(b, []byte("\n\n")); i >= 0 {
		return i + 2
	}
	return 0
}

// contentLength finds the body's length in a head. Without the header there is no body.
func contentLength(head []byte) (int, error) {
	found := -1
	for line := range bytes.SplitSeq(head, []byte{'\n'}) {
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || canonical(bytes.Trim(name, " \t")) != "Content-Length" {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		if err != nil || found >= 0 && found != int(n) {
			return 0, badRequest("Content-Length %.40q", value)
		}
		found = int(n)
	}
	return max(found, 0), nil
}

// streamConn is the face of a stream towards sipgo.
type streamConn stream

var _ net.Conn = (*streamConn)(nil)

// Read returns bytes of tidied messages, one message at a time. After an error
// sipgo reads no more.
func (c *streamConn) Read(p []byte) (int, error) {
	s := (*stream)(c)
	if len(s.ready) == 0 {
		if err := s.readNext(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

func (s *stream) readNext() error {
	if s.readErr == nil {
		if s.readErr = s.fill(); s.readErr != nil {
			s.close(s.readErr)
			s.end.Do(func() { close(s.ended) })
		}
	}
	if s.readErr != nil {
		return net.ErrClosed
	}
	return nil
}

// Write is not used: sipgo's own pong never comes, frame answers keep-alives.
func (c *streamConn) Write(p []byte) (int, error) { return len(p), nil }

// Close is called by sipgo when it gave up; the connection goes with it.
func (c *streamConn) Close() error {
	s := (*stream)(c)
	s.close(ErrClosed)
	s.end.Do(func() { close(s.ended) })
	return nil
}

// LocalAddr returns the listener's address.
func (c *streamConn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.address.local) }

// RemoteAddr returns the stream's name: sipgo hands it back as a message's source.
func (c *streamConn) RemoteAddr() net.Addr { return streamAddr(c.name) }

// SetDeadline does nothing: fill sets deadlines.
func (c *streamConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *streamConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *streamConn) SetWriteDeadline(time.Time) error { return nil }

type streamAddr string

// Network returns "tcp".
func (streamAddr) Network() string { return "tcp" }

// String returns the name.
func (a streamAddr) String() string { return string(a) }

// injector is the listener that sipgo accepts our connections from.
type injector Address

var _ net.Listener = (*injector)(nil)

// Accept returns the next connection, accepted or dialed.
func (i *injector) Accept() (net.Conn, error) {
	select {
	case c := <-i.conns:
		return c, nil
	case <-i.done:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the Address closes.
func (i *injector) Close() error { return nil }

// Addr returns the local address.
func (i *injector) Addr() net.Addr { return net.TCPAddrFromAddrPort(i.local) }
