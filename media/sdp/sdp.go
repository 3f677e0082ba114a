// Package sdp reads and writes session descriptions (RFC 8866) as
// [media.Description] values and makes and answers offers (RFC 3264).
//
// Everything in it is a pure function: no socket, no clock, no goroutine. It
// chooses formats; what a stream then does with them is media/engine's work.
//
//	bytes ─ Parse ─► Description ─ Answer ─► Description ─ Marshal ─► bytes
//	                                  └────► media.Negotiated
//
// Writing goes through pion/sdp. Reading does not: pion's reader refuses a
// whole description for an m= line it does not know (image and udptl among
// them, where RFC 3264 §6 wants that one stream refused), for lines out of
// order and for unregistered b= types, and its errors name no line.
package sdp

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Limits on what a stranger can make us keep.
const (
	maxBytes   = 64 << 10 // the largest description that is read; a browser's is under 10 kB
	maxStreams = 64       // m= lines
)

// maxPTime is the longest packet that is believed; more is treated as not said.
const maxPTime = time.Second

// ParseError is where and why a description was refused.
type ParseError struct {
	Line  int    // from 1; 0 where a line is missing
	Field string // "c", "m", "a=rtpmap" …
	What  string
}

// Error names the line and the field.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("sdp: %s: %s", e.Field, e.What)
	}
	return fmt.Sprintf("sdp: line %d: %s: %s", e.Line, e.Field, e.What)
}

// Parse reads a description. The result shares no memory with b. Malformed
// input gives a *ParseError.
//
// It is generous where meaning is not at stake: any line ends, lines out of
// order within their section, missing s= and t=. Session-level connection and
// direction are merged into the streams. Lines that have no place in a
// Description (i= u= e= p= b= k= t= r= z=) are dropped. The address of a refused
// stream (port 0) means nothing and is dropped, too.
func Parse(b []byte) (*media.Description, error) {
	if len(b) > maxBytes {
		return nil, &ParseError{Field: "description", What: fmt.Sprintf("%d bytes, at most %d", len(b), maxBytes)}
	}
	var p parser
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\r", "\n"), "\n") {
		p.line++
		if strings.TrimSpace(line) == "" {
			continue // a blank line at the end is common
		}
		if err := p.read(line); err != nil {
			return nil, err
		}
	}
	return p.finish()
}

// parser is the state between two lines.
type parser struct {
	desc      media.Description
	line      int // the line being read
	version   bool
	origin    bool
	session   section   // what holds for streams that do not say otherwise
	sections  []section // one per stream of desc
	direction media.Direction
}

// section is what is only understood once all lines of it were read.
type section struct {
	line      int // of the m= line
	conn      *connection
	direction *media.Direction
	rtcp      string // a=rtcp text
	rtcpLine  int
}

// connection is a c= line.
type connection struct {
	addr netip.Addr
	host string // set where addr is not
}

func (p *parser) fail(field, format string, args ...any) error {
	return &ParseError{Line: p.line, Field: field, What: fmt.Sprintf(format, args...)}
}

// read takes one line.
func (p *parser) read(line string) error {
	if len(line) < 2 || line[1] != '=' {
		return p.fail("line", "%q is not of the form x=value", clip(line))
	}
	if strings.IndexByte(line, 0) >= 0 {
		return p.fail("line", "has a NUL byte") // RFC 8866 §9: byte-string
	}
	kind, value := line[0], strings.TrimSpace(line[2:])
	if !p.version && kind != 'v' {
		return p.fail("v", "the first line has to be v=0")
	}
	switch kind {
	case 'v':
		return p.readVersion(value)
	case 'o':
		return p.readOrigin(value)
	case 's':
		if len(p.sections) == 0 {
			p.desc.SessionName = notDash(value)
		}
	case 'c':
		return p.readConnection(value)
	case 'm':
		return p.readMedia(value)
	case 'a':
		return p.readAttribute(value)
	}
	return nil
}

func (p *parser) readVersion(value string) error {
	if p.version {
		return p.fail("v", "given twice")
	}
	if value != "0" {
		return p.fail("v", "version %q, want 0", clip(value)) // RFC 8866 §5.1
	}
	p.version = true
	return nil
}

// readOrigin reads o=<username> <sess-id> <sess-version> IN <addrtype>
// <unicast-address> (RFC 8866 §5.2). The fields are counted from the end, as
// some phones put spaces into the user name.
func (p *parser) readOrigin(value string) error {
	f := strings.Fields(value)
	switch {
	case p.origin:
		return p.fail("o", "given twice")
	case len(p.sections) > 0:
		return p.fail("o", "after an m= line")
	case len(f) < 6:
		return p.fail("o", "%d fields, want 6", len(f))
	}
	tail := f[len(f)-5:]
	p.origin = true
	p.desc.Origin = notDash(strings.Join(f[:len(f)-5], " "))
	p.desc.SessionID = number(tail[0])
	p.desc.SessionVersion = number(tail[1])
	if a, err := netip.ParseAddr(tail[4]); err == nil && a.Zone() == "" {
		p.desc.OriginAddr = a.Unmap()
	}
	return nil
}

// number reads a session id or version. They are numbers of any length; what
// does not fit is only compared for equality, so its hash does.
func number(s string) uint64 {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// readConnection reads c=IN IP4|IP6 <address>[/ttl[/count]] (RFC 8866 §5.7).
// Of several lines in a section, which only multicast has, the first counts.
func (p *parser) readConnection(value string) error {
	s := p.current()
	if s.conn != nil {
		return nil
	}
	c, err := p.parseConnection("c", strings.Fields(value))
	if err != nil {
		return err
	}
	s.conn = c
	return nil
}

// parseConnection reads the three fields that c= and a=rtcp share.
func (p *parser) parseConnection(field string, f []string) (*connection, error) {
	if len(f) != 3 {
		return nil, p.fail(field, "%d fields, want network type, address type and address", len(f))
	}
	if !strings.EqualFold(f[0], "IN") {
		return nil, p.fail(field, "network type %q, want IN", clip(f[0]))
	}
	if !strings.EqualFold(f[1], "IP4") && !strings.EqualFold(f[1], "IP6") {
		return nil, p.fail(field, "address type %q, want IP4 or IP6", clip(f[1]))
	}
	text, _, _ := strings.Cut(f[2], "/")
	if a, err := netip.ParseAddr(text); err == nil {
		if a.Zone() != "" {
			return nil, p.fail(field, "address %q has a zone", clip(text))
		}
		return &connection{addr: a.Unmap()}, nil
	}
	if !isHostName(text) {
		return nil, p.fail(field, "%q is no address and no host name", clip(text))
	}
	return &connection{host: text}, nil
}

// isHostName says whether s can be a name in DNS. Something like 300.1.2.3 is a
// broken address, not a name.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	letters := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			letters = true
		case c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return letters
}

// readMedia reads m=<media> <port>[/<count>] <proto> <fmt> … (RFC 8866 §5.14).
func (p *parser) readMedia(value string) error {
	if !p.origin {
		return p.fail("o", "missing before the first m= line")
	}
	if len(p.sections) >= maxStreams {
		return p.fail("m", "more than %d streams", maxStreams)
	}
	f := strings.Fields(value)
	if len(f) < 3 {
		return p.fail("m", "%d fields, want media, port, protocol and formats", len(f))
	}
	portText, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return p.fail("m", "port %q is not in 0…65535", clip(f[1]))
	}
	s := media.StreamDescription{Kind: f[0], Protocol: f[2], Addr: netip.AddrPortFrom(netip.Addr{}, uint16(port))}
	formats := f[3:]
	if len(formats) == 0 {
		if port != 0 {
			return p.fail("m", "no formats")
		}
		formats = []string{"0"} // seen in refusals
	}
	if isRTP(s.Protocol) {
		if s.Formats, err = p.payloadTypes(formats); err != nil {
			if port != 0 {
				return err
			}
			s.RawFormats = formats
		}
	} else {
		s.RawFormats = formats
	}
	p.desc.Streams = append(p.desc.Streams, s)
	p.sections = append(p.sections, section{line: p.line})
	return nil
}

// isRTP says whether a transport protocol carries RTP: RTP/AVP, RTP/SAVPF,
// UDP/TLS/RTP/SAVPF …
func isRTP(protocol string) bool { return strings.Contains(strings.ToUpper(protocol), "RTP/") }

// payloadTypes reads the formats of an RTP m= line and names the static ones.
// A type given twice counts once.
func (p *parser) payloadTypes(texts []string) ([]media.Format, error) {
	var formats []media.Format
	var seen [128]bool
	for _, text := range texts {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || n > 127 {
			return nil, p.fail("m", "payload type %q is not in 0…127", clip(text))
		}
		if seen[n] {
			continue
		}
		seen[n] = true
		formats = append(formats, staticFormat(uint8(n)))
	}
	return formats, nil
}

// current is the section that lines belong to now.
func (p *parser) current() *section {
	if n := len(p.sections); n > 0 {
		return &p.sections[n-1]
	}
	return &p.session
}

// stream is the stream that lines belong to now; nil at session level.
func (p *parser) stream() *media.StreamDescription {
	if n := len(p.desc.Streams); n > 0 {
		return &p.desc.Streams[n-1]
	}
	return nil
}

// finish merges session and streams once all lines are read.
func (p *parser) finish() (*media.Description, error) {
	p.line = 0
	switch {
	case !p.version:
		return nil, p.fail("v", "missing")
	case !p.origin:
		return nil, p.fail("o", "missing")
	}
	for i := range p.sections {
		if err := p.merge(&p.desc.Streams[i], p.sections[i]); err != nil {
			return nil, err
		}
	}
	return &p.desc, nil
}

// merge completes a stream with what its section and the session say.
func (p *parser) merge(s *media.StreamDescription, sec section) error {
	switch {
	case sec.direction != nil: // the stream's own goes first (RFC 8866 §6.7)
		s.Direction = *sec.direction
	case p.session.direction != nil:
		s.Direction = *p.session.direction
	}
	if s.Addr.Port() == 0 {
		return nil
	}
	c := sec.conn
	if c == nil {
		c = p.session.conn
	}
	if c == nil {
		p.line = sec.line
		return p.fail("m", "no c= line for it (RFC 8866 §5.7)")
	}
	s.Addr, s.Host = netip.AddrPortFrom(c.addr, s.Addr.Port()), c.host
	if sec.rtcp == "" {
		return nil
	}
	p.line = sec.rtcpLine
	return p.readRTCP(s, sec.rtcp)
}

// readRTCP reads a=rtcp:<port> [IN <addrtype> <address>] (RFC 3605 §2.1). Port 0
// and addresses that are names are as good as none.
func (p *parser) readRTCP(s *media.StreamDescription, value string) error {
	f := strings.Fields(value)
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return p.fail("a=rtcp", "port %q is not in 0…65535", clip(f[0]))
	}
	addr := s.Addr.Addr()
	if len(f) > 1 {
		c, err := p.parseConnection("a=rtcp", f[1:])
		if err != nil {
			return err
		}
		addr = c.addr
	}
	if port != 0 && addr.IsValid() {
		s.RTCP = netip.AddrPortFrom(addr, uint16(port))
	}
	return nil
}

// notDash turns the dash that stands for no name into none.
func notDash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// clip shortens what is quoted in an error.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
