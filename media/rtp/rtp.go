// Package rtp holds the rules of one RTP stream (RFC 3550): packet headers,
// what a receiver believes, how a sender numbers packets over changes of what
// it sends, which source address is followed, and RTCP reports.
//
// It is pure: no socket, no goroutine, no clock. Time is an argument, counted
// as a duration since any fixed moment. Nothing here allocates per packet.
//
//	datagram ─► Packet.Parse ─► Source.Check ─► Receiver.Accept ─► (engine)
//	(engine) ─► Sender.Next or Sender.Relay ─► Packet.Rewrite or Put ─► datagram
package rtp

import (
	"encoding/binary"
	"errors"
)

// HeaderBytes is the fixed RTP header (RFC 3550 §5.1).
const HeaderBytes = 12

// ErrMalformed is returned for a datagram that is no RTP or RTCP packet.
var ErrMalformed = errors.New("rtp: malformed packet")

// Seq is an RTP sequence number; it wraps (RFC 3550 §5.1).
type Seq uint16

// Sub is the distance from t to s, within ±32768.
func (s Seq) Sub(t Seq) int { return int(int16(s - t)) }

// Before reports whether s comes before t.
func (s Seq) Before(t Seq) bool { return s.Sub(t) < 0 }

// Timestamp is an RTP timestamp in units of the stream's clock; it wraps.
type Timestamp uint32

// Sub is the distance from t to s in clock units.
func (s Timestamp) Sub(t Timestamp) int { return int(int32(s - t)) }

// Before reports whether s comes before t.
func (s Timestamp) Before(t Timestamp) bool { return s.Sub(t) < 0 }

// Header is what we use of an RTP header.
type Header struct {
	PayloadType uint8
	Marker      bool
	Seq         Seq
	Timestamp   Timestamp
	SSRC        uint32
}

// Packet is a received RTP packet. It borrows the datagram it was parsed from.
type Packet struct {
	Header
	Payload []byte // without padding

	datagram []byte
	start    int // of Payload in datagram, ≥ HeaderBytes
}

// Parse reads the datagram b, which p keeps. Contributing sources, header
// extensions and padding are skipped (RFC 3550 §5.1, §5.3.1).
func (p *Packet) Parse(b []byte) error {
	if len(b) < HeaderBytes || b[0]>>6 != 2 {
		return ErrMalformed
	}
	start, end := HeaderBytes+4*int(b[0]&0x0f), len(b)
	if b[0]&0x10 != 0 {
		if start+4 > end {
			return ErrMalformed
		}
		start += 4 + 4*int(binary.BigEndian.Uint16(b[start+2:]))
	}
	if b[0]&0x20 != 0 {
		end -= int(b[end-1])
		if b[len(b)-1] == 0 {
			return ErrMalformed // the count includes itself
		}
	}
	if start > end {
		return ErrMalformed
	}
	p.Header = Header{
		PayloadType: b[1] & 0x7f,
		Marker:      b[1]&0x80 != 0,
		Seq:         Seq(binary.BigEndian.Uint16(b[2:])),
		Timestamp:   Timestamp(binary.BigEndian.Uint32(b[4:])),
		SSRC:        binary.BigEndian.Uint32(b[8:]),
	}
	p.Payload, p.datagram, p.start = b[start:end], b, start
	return nil
}

// Rewrite writes h before the payload, in the datagram p was parsed from, and
// returns the new packet. Extensions and contributing sources, which were
// agreed with the sender only, are gone. The payload is not copied.
func (p *Packet) Rewrite(h Header) []byte {
	b := p.datagram[p.start-HeaderBytes : p.start+len(p.Payload)]
	Put(b, h)
	return b
}

// Put writes h into the first HeaderBytes of b.
func Put(b []byte, h Header) {
	_ = b[HeaderBytes-1]
	b[0], b[1] = 0x80, h.PayloadType&0x7f
	if h.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(h.Seq))
	binary.BigEndian.PutUint32(b[4:], uint32(h.Timestamp))
	binary.BigEndian.PutUint32(b[8:], h.SSRC)
}

// IsRTCP tells RTCP from RTP on one port by the second byte (RFC 5761 §4).
func IsRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }
