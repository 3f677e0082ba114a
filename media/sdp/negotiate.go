package sdp

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// ErrNoAudio means that a description has no audio stream that could be used:
// none at all, a refused one, or only protocols that we do not speak.
var ErrNoAudio = errors.New("no usable audio stream")

// Words of media.Policy.Order.
const (
	// OrderGenerous lets the offerer's order of formats win; the default.
	OrderGenerous = "generous"
	// OrderGreedy lets our order win in the first answer; in later ones the
	// offerer may change to what it prefers.
	OrderGreedy = "greedy"
	// OrderScrooge lets our order win always.
	OrderScrooge = "scrooge"
)

// Values of a=fmtp and o= that we write.
const (
	eventFMTP       = "0-15" // the sixteen digits (RFC 4733 §2.5.1.1)
	firstVersion    = 1
	sessionNameText = "Tandem"
)

// Local is our side of a negotiation: where we are, what we may use, and what
// we said before.
type Local struct {
	Addr   netip.AddrPort // where we receive RTP, as the far end sees it
	RTCP   netip.AddrPort // only where RTCP is not at the next port
	Codecs []media.Format // what we can use where Policy.Formats is empty, in our order
	Policy media.Policy

	// RTCPMux allows RTCP on the RTP port (RFC 5761) if the far end wants it.
	RTCPMux bool

	// SessionID identifies our descriptions for the whole dialog; see
	// NewSessionID. Ignored once Last is set.
	SessionID uint64

	// Last is what we said last in this dialog, offer or answer; nil the first
	// time. It keeps the order of streams, the payload types and the version.
	Last *media.Description
}

// NewSessionID returns a random id for o= lines. It has 31 bits: some phones
// read it into a signed int.
func NewSessionID() uint64 {
	var b [4]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return uint64(binary.BigEndian.Uint32(b[:])>>1) + 1
}

// allowed lists the formats that may be chosen, in our order.
func (l *Local) allowed() []media.Format {
	formats := l.Policy.Formats
	if len(formats) == 0 {
		formats = l.Codecs
	}
	var list []media.Format
	for _, f := range slices.Concat(formats, l.Policy.PassThrough) {
		if isSound(f) && !slices.ContainsFunc(list, f.Same) {
			list = append(list, f)
		}
	}
	return list
}

// wanted is allowed with the policy's preferred ones in front. A preferred
// format has to be allowed, too.
func (l *Local) wanted() []media.Format {
	allowed := l.allowed()
	var list []media.Format
	for _, f := range slices.Concat(l.Policy.Prefer, allowed) {
		if i := slices.IndexFunc(allowed, f.Same); i >= 0 && !slices.ContainsFunc(list, f.Same) {
			list = append(list, allowed[i])
		}
	}
	return list
}

func (l *Local) ptime() time.Duration {
	if l.Policy.PTime > 0 {
		return l.Policy.PTime
	}
	return media.DefaultPTime
}

// stamp sets the o= line: the session id stays for the dialog, the version
// grows by one with each change and only then (RFC 3264 §8).
func (l *Local) stamp(d *media.Description) {
	d.OriginAddr = l.Addr.Addr().Unmap()
	d.SessionName = sessionNameText
	if l.Last == nil {
		d.SessionID, d.SessionVersion = l.SessionID, firstVersion
		return
	}
	d.SessionID, d.SessionVersion, d.Origin = l.Last.SessionID, l.Last.SessionVersion, l.Last.Origin
	if !bytes.Equal(Marshal(d), Marshal(l.Last)) {
		d.SessionVersion++
	}
}

// rtcp is what we say of RTCP's address: nothing where it is the next port.
func (l *Local) rtcp() netip.AddrPort {
	if l.RTCP.IsValid() && l.RTCP != netip.AddrPortFrom(l.Addr.Addr(), l.Addr.Port()+1) {
		return l.RTCP
	}
	return netip.AddrPort{}
}

// refuse is the answer to a stream that we do not want: the same line with
// port 0 (RFC 3264 §6).
func refuse(s media.StreamDescription) media.StreamDescription {
	r := media.StreamDescription{
		Kind: s.Kind, Protocol: s.Protocol,
		Formats: slices.Clone(s.Formats), RawFormats: slices.Clone(s.RawFormats),
	}
	for i := range r.Formats {
		r.Formats[i].FMTP = ""
	}
	return r
}

// usable says whether a stream is audio over a protocol that we speak. Plain RTP
// with a=crypto (an offer of opportunistic encryption) is taken as plain RTP.
func usable(s *media.StreamDescription) bool {
	return s.Kind == "audio" && s.Addr.Port() != 0 &&
		(strings.EqualFold(s.Protocol, "RTP/AVP") || strings.EqualFold(s.Protocol, "RTP/AVPF"))
}

// remoteDirection is the writer's direction, in which the old way of holding,
// c=0.0.0.0, means that nothing is to be sent to it (RFC 3264 §8.4).
func remoteDirection(s *media.StreamDescription) media.Direction {
	if a := s.Addr.Addr(); a.IsValid() && a.IsUnspecified() {
		return direction(s.Direction.Sends(), false)
	}
	return s.Direction
}

// meet is our direction, given what the far end says and what we want: we send
// only what it receives and receive only what it sends (RFC 3264 §6.1).
func meet(remote, want media.Direction) media.Direction {
	return direction(remote.Receives() && want.Sends(), remote.Sends() && want.Receives())
}

func direction(sends, receives bool) media.Direction {
	switch {
	case sends && receives:
		return media.SendRecv
	case sends:
		return media.SendOnly
	case receives:
		return media.RecvOnly
	}
	return media.Inactive
}

// pickEvent chooses telephone-event for a codec: the one on the codec's clock
// (RFC 4733 §2.1), else the first, since many phones offer only 8000 Hz beside
// Opus and mean it.
func pickEvent(formats []media.Format, codec media.Format) media.Format {
	var found media.Format
	for _, f := range formats {
		if !isEvent(f) {
			continue
		}
		if f.ClockHz == codec.ClockHz {
			return f
		}
		if found.IsZero() {
			found = f
		}
	}
	return found
}

// Bounds of what is sent in one packet.
const (
	ptimeStep = 10 * time.Millisecond
	ptimeMost = 120 * time.Millisecond // 960 bytes of G.711; the next step that is in use, 200 ms, exceeds an Ethernet packet
)

// sendPTime is how much audio to put into a packet for a far end: what it asks
// for where that is a sensible multiple of 10 ms, else ours, and not more than
// it takes.
func sendPTime(remote *media.StreamDescription, ours time.Duration) time.Duration {
	t := ours
	if p := remote.PTime; p >= ptimeStep && p <= ptimeMost && p%ptimeStep == 0 {
		t = p
	}
	if remote.MaxPTime > 0 {
		t = min(t, max(remote.MaxPTime.Truncate(ptimeStep), ptimeStep))
	}
	return t
}

// noCodec is the error for two lists without a common format.
func noCodec(offered, allowed []media.Format) error {
	return fmt.Errorf("sdp: %w: offered %s, allowed %s", media.ErrNoCodec, names(offered), names(allowed))
}

func names(formats []media.Format) string {
	var list []string
	for _, f := range formats {
		if isSound(f) {
			list = append(list, f.String())
		}
	}
	return "[" + strings.Join(list, " ") + "]"
}
