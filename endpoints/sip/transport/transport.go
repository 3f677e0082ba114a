// Package transport carries SIP messages between sockets and the signaling
// shards (RFC 3261 §18). It is not a transaction layer: it remembers sockets
// and connections, never messages.
//
// An [Address] is one local IP and port with UDP, TCP or both. It drives one
// sipgo TransportLayer, which reads and parses, through wrapped sockets, which
// filter, tidy and bound what strangers send:
//
//	socket ─► wrapper: keep-alive, garbage, size ─► tidy (wire.go) ─► sipgo parser ─► OnMessage ─► Handler
//	Flow.Send ─► bounded queue ─► writer goroutine: dial, write ─► socket
//
// Goroutines: one reader and one writer per UDP socket, one acceptor per
// listener, one reader and one writer per connection. All of them end before
// [Address.Run] returns. Nothing in the receive path resolves, dials or writes.
package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
)

// UDP and TCP are the names of transports as they stand in a Via.
const (
	UDP = "UDP"
	TCP = "TCP"
)

// ErrFull is returned by [Flow.Send] when the queue in front of the writer is
// full: the peer or the network does not take what we send. The message is dropped.
var ErrFull = errors.New("sip: flow: queue full")

// ErrClosed is returned by [Flow.Send] after the connection or the address went down.
var ErrClosed = errors.New("sip: flow: closed")

// Message is one received message. Exactly one of Request and Response is set.
// It is handed over: the receiver owns it.
type Message struct {
	Request  *sip.Request
	Response *sip.Response
	Flow     *Flow          // where answers to it go (RFC 3261 §18.2.2, RFC 3581 §4)
	Source   netip.AddrPort // where it came from
	Raw      []byte         // as it was on the wire
	At       time.Time
}

// SIP returns the request or the response.
func (m *Message) SIP() sip.Message {
	if m.Request != nil {
		return m.Request
	}
	return m.Response
}

// Handler takes what an address has to tell. Its methods are called from
// reader and writer goroutines, possibly at the same time, and must not block.
type Handler interface {
	// Receive takes one message. The messages of one flow come in the order of their arrival.
	Receive(m *Message)
	// Down says that a flow failed: a connection broke or could not be made,
	// or a datagram could not be sent. f of a datagram is only [Flow.Same] as
	// the flow it was sent on.
	Down(f *Flow, err error)
}

// DialFunc makes a TCP connection to remote. It must end with ctx.
type DialFunc func(ctx context.Context, remote netip.AddrPort) (net.Conn, error)

// Flow is a way to one far end: a UDP socket with a remote address, or a
// connection. It is immutable to its users and may be used from any goroutine.
type Flow struct {
	Transport string // UDP or TCP
	Local     netip.AddrPort
	Remote    netip.AddrPort

	address *Address
	stream  *stream // of TCP
}

// Send queues the bytes of one message. It never blocks: a full queue is
// [ErrFull]. The flow owns data from now on; later failures go to [Handler.Down].
func (f *Flow) Send(data []byte) error {
	if f.stream != nil {
		return f.stream.send(data)
	}
	return f.address.sendUDP(data, f.Remote)
}

// Reliable reports whether the transport delivers or says that it did not (RFC 3261 §17).
func (f *Flow) Reliable() bool { return f.stream != nil }

// Same reports whether both lead through the same socket to the same far end.
func (f *Flow) Same(g *Flow) bool {
	if f == nil || g == nil {
		return f == g
	}
	return f.stream == g.stream && f.address == g.address && f.Remote == g.Remote
}

// Address returns the local address the flow belongs to.
func (f *Flow) Address() *Address { return f.address }

// Up reports whether the flow can still be written to. UDP always can.
func (f *Flow) Up() bool { return f.stream == nil || !f.stream.closed() }

// String is for logs: "UDP 192.0.2.1:5060".
func (f *Flow) String() string { return f.Transport + " " + f.Remote.String() }
