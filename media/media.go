// Package media holds the words of media: formats, descriptions, codecs,
// sources, streams and the engine's interface. It is vocabulary: it starts no
// goroutine, opens no socket and knows nothing of calls.
//
// The engine (media/engine) implements [Engine] and [Stream]; codecs implement
// [Codec]; endpoints exchange [Description] values with the session, which asks
// a [Stream] to negotiate. An application says what shall be heard by whom and
// never which way the engine takes.
package media

import (
	"errors"
	"net/netip"
	"time"
)

// Errors that callers branch on.
var (
	// ErrClosed is returned by operations on a closed stream, engine or pipe.
	ErrClosed = errors.New("media: closed")
	// ErrNoCodec means that offer and policy share no codec; wrapped with both lists.
	ErrNoCodec = errors.New("no common codec")
	// ErrNoPort means that the RTP port range is used up.
	ErrNoPort = errors.New("media: no free RTP port")
	// ErrNoMedia means that a stream has not been negotiated yet.
	ErrNoMedia = errors.New("media: stream not negotiated")
)

// PacketConn is a datagram socket that does not allocate per packet, unlike
// [net.PacketConn]. Both the portable sockets and the in-memory test network
// (mediatest) implement it.
type PacketConn interface {
	// ReadFromAddrPort blocks until a packet, the deadline or Close.
	ReadFromAddrPort(p []byte) (n int, from netip.AddrPort, err error)
	// WriteToAddrPort sends one packet; it does not block for long: a full socket buffer drops.
	WriteToAddrPort(p []byte, to netip.AddrPort) (n int, err error)
	// LocalAddrPort is the bound address.
	LocalAddrPort() netip.AddrPort
	// SetReadDeadline ends a blocked read at t; the zero time means never.
	SetReadDeadline(t time.Time) error
	// Close ends reads and writes with net.ErrClosed. It may be called twice.
	Close() error
}

// ListenFunc opens a PacketConn at an exact address and port. Production binds
// UDP sockets; tests bind to a virtual network.
type ListenFunc func(local netip.AddrPort) (PacketConn, error)
