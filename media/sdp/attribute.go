package sdp

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// readAttribute reads a=<name> or a=<name>:<value>. What has a field of its own
// in the description goes there, everything else is kept as it is.
func (p *parser) readAttribute(text string) error {
	name, value, _ := strings.Cut(text, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if name == "" {
		return p.fail("a", "no name")
	}
	if d, ok := parseDirection(name); ok && value == "" {
		p.current().direction = &d
		return nil
	}
	s := p.stream()
	if s == nil {
		p.desc.Attributes = append(p.desc.Attributes, media.Attribute{Name: name, Value: value})
		return nil
	}
	if isRTP(s.Protocol) {
		switch name {
		case "rtpmap":
			return p.readRTPMap(s, value)
		case "fmtp":
			return p.readFMTP(s, value)
		case "ptime":
			return p.readPTime("a=ptime", value, &s.PTime)
		case "maxptime":
			return p.readPTime("a=maxptime", value, &s.MaxPTime)
		case "rtcp-mux":
			s.RTCPMux = true
			return nil
		case "rtcp":
			if value == "" {
				return p.fail("a=rtcp", "no port")
			}
			sec := p.current()
			sec.rtcp, sec.rtcpLine = value, p.line
			return nil
		case "crypto":
			s.Crypto = append(s.Crypto, value)
			return nil
		}
	}
	s.Attributes = append(s.Attributes, media.Attribute{Name: name, Value: value})
	return nil
}

func parseDirection(name string) (media.Direction, bool) {
	for _, d := range [...]media.Direction{media.SendRecv, media.SendOnly, media.RecvOnly, media.Inactive} {
		if name == d.String() {
			return d, true
		}
	}
	return 0, false
}

// readRTPMap reads a=rtpmap:<pt> <encoding>/<clock>[/<channels>] (RFC 8866
// §6.6). One for a type that the m= line does not list is ignored.
func (p *parser) readRTPMap(s *media.StreamDescription, value string) error {
	const field = "a=rtpmap"
	f, rest, err := p.format(field, s, value)
	if err != nil || f == nil {
		return err
	}
	name, params, _ := strings.Cut(rest, "/")
	clock, channels, hasChannels := strings.Cut(params, "/")
	hz, err := strconv.ParseUint(strings.TrimSpace(clock), 10, 31)
	switch {
	case name == "" || strings.ContainsAny(name, " \t"):
		return p.fail(field, "no encoding name in %q", clip(value))
	case err != nil || hz == 0:
		return p.fail(field, "clock rate %q is no rate", clip(clock))
	}
	n := uint64(1)
	if hasChannels {
		n, err = strconv.ParseUint(strings.TrimSpace(channels), 10, 8)
		if bad := err != nil || n == 0; bad && s.Kind == "audio" {
			return p.fail(field, "%q is no number of channels", clip(channels))
		} else if bad {
			n = 1 // only for audio it is a number of channels
		}
	}
	f.Name, f.ClockHz, f.Channels = name, int(hz), int(n)
	return nil
}

// readFMTP reads a=fmtp:<pt> <parameters> (RFC 8866 §6.15). A second line for
// the same type adds to the first.
func (p *parser) readFMTP(s *media.StreamDescription, value string) error {
	f, rest, err := p.format("a=fmtp", s, value)
	if err != nil || f == nil {
		return err
	}
	if f.FMTP != "" && rest != "" {
		f.FMTP += ";" + rest
		return nil
	}
	f.FMTP += rest
	return nil
}

// format reads the payload type in front of an attribute's value and finds it
// in the stream; nil if the stream does not have it.
func (p *parser) format(field string, s *media.StreamDescription, value string) (*media.Format, string, error) {
	text, rest, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || n > 127 {
		if text == "*" { // RFC 8866 §6.15 has no such thing, some cameras do
			return nil, "", nil
		}
		return nil, "", p.fail(field, "payload type %q is not in 0…127", clip(text))
	}
	for i := range s.Formats {
		if s.Formats[i].PayloadType == uint8(n) {
			return &s.Formats[i], strings.TrimSpace(rest), nil
		}
	}
	return nil, "", nil
}

// readPTime reads milliseconds, which may have a fraction (RFC 8866 §6.4).
// Times that make no sense count as not said.
func (p *parser) readPTime(field, value string, to *time.Duration) error {
	ms, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(ms) {
		return p.fail(field, "%q is no number of milliseconds", clip(value))
	}
	if ms > 0 && ms <= float64(maxPTime/time.Millisecond) {
		*to = time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond)
	}
	return nil
}
