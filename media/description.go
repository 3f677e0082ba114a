package media

import (
	"net/netip"
	"slices"
	"time"
)

// Direction is who sends in a stream, seen from the one who wrote the
// description (RFC 3264 §5.1).
type Direction uint8

// The four directions of RFC 8866 §6.7. The zero value is SendRecv, the default.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// String is the SDP attribute.
func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d&3]
}

// Sends reports whether the writer of the description sends media.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether the writer of the description wants media.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse is the same stream seen from the other side.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	default:
		return d
	}
}

// Attribute is an SDP attribute that is kept as it is: a=Name or a=Name:Value.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// Description is the neutral form of an SDP (RFC 8866): what one side offers or
// answers. It is a plain value; copy it with Clone before changing slices.
type Description struct {
	SessionID      uint64              `json:"session_id"`      // o= sess-id
	SessionVersion uint64              `json:"session_version"` // o= sess-version
	Origin         string              `json:"origin,omitempty"`
	OriginAddr     netip.Addr          `json:"origin_addr"`
	SessionName    string              `json:"session_name,omitempty"`
	Streams        []StreamDescription `json:"streams"`
	Attributes     []Attribute         `json:"attributes,omitempty"` // session level, unknown ones kept
}

// StreamDescription is one m= line with all that belongs to it; session-level
// connection and direction are already merged in.
type StreamDescription struct {
	Kind       string         `json:"kind"`           // "audio", "video", "image", "application"
	Protocol   string         `json:"protocol"`       // "RTP/AVP", "RTP/SAVP", "udptl", …
	Addr       netip.AddrPort `json:"addr"`           // where the writer wants RTP; port 0 refuses the stream
	Host       string         `json:"host,omitempty"` // c= text when it is a host name; never resolved on a call's path
	RTCP       netip.AddrPort `json:"rtcp"`           // a=rtcp; invalid if absent (then RTP port + 1, RFC 3605)
	RTCPMux    bool           `json:"rtcp_mux,omitempty"`
	Formats    []Format       `json:"formats"`               // in order of preference
	RawFormats []string       `json:"raw_formats,omitempty"` // m= formats of a stream that is not RTP
	Direction  Direction      `json:"direction"`
	PTime      time.Duration  `json:"ptime,omitempty"`     // 0: not said
	MaxPTime   time.Duration  `json:"max_ptime,omitempty"` // 0: not said
	Crypto     []string       `json:"-"`                   // a=crypto values (RFC 4568); never logged
	Attributes []Attribute    `json:"attributes,omitempty"`
}

// Audio returns the first audio stream that is not refused, and its index;
// -1 when there is none.
func (d *Description) Audio() (*StreamDescription, int) {
	if d == nil {
		return nil, -1
	}
	for i := range d.Streams {
		if s := &d.Streams[i]; s.Kind == "audio" && s.Addr.Port() != 0 {
			return s, i
		}
	}
	return nil, -1
}

// OnHold reports whether the writer asks its peer to stop sending: sendonly or
// inactive (RFC 3264 §8.4), or the older c=0.0.0.0 (RFC 2543).
func (d *Description) OnHold() bool {
	s, _ := d.Audio()
	if s == nil {
		return false
	}
	return !s.Direction.Receives() || (s.Addr.Addr().IsValid() && s.Addr.Addr().IsUnspecified())
}

// Clone returns a deep copy.
func (d *Description) Clone() *Description {
	if d == nil {
		return nil
	}
	c := *d
	c.Attributes = slices.Clone(d.Attributes)
	c.Streams = slices.Clone(d.Streams)
	for i := range c.Streams {
		s := &c.Streams[i]
		s.Formats = slices.Clone(s.Formats)
		s.RawFormats = slices.Clone(s.RawFormats)
		s.Crypto = slices.Clone(s.Crypto)
		s.Attributes = slices.Clone(s.Attributes)
	}
	return &c
}
