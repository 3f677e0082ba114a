package phone

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// sound is what a phone offers or answers.
type sound struct {
	at        netip.AddrPort
	codecs    []string // static payload types as text: "0", "8", "18"; "101" is telephone-event
	direction string
	zero      bool // c=0.0.0.0, the hold of RFC 2543
	video     bool // a second stream, which nobody here understands
	version   int
}

var codecNames = map[string]string{"pcmu": "0", "pcma": "8", "g729": "18", "g722": "9", "dtmf": "101"}

var rtpmaps = map[string]string{
	"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000", "101": "telephone-event/8000",
}

func (s sound) text() string {
	host := s.at.Addr().String()
	family := "IP4"
	if s.at.Addr().Is6() {
		family = "IP6"
	}
	c := host
	if s.zero {
		c = "0.0.0.0"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- 4711 %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n", s.version, family, host, family, c)
	fmt.Fprintf(&b, "m=audio %d RTP/AVP %s\r\n", s.at.Port(), strings.Join(s.codecs, " "))
	for _, pt := range s.codecs {
		if m := rtpmaps[pt]; m != "" {
			fmt.Fprintf(&b, "a=rtpmap:%s %s\r\n", pt, m)
		}
	}
	if slices.Contains(s.codecs, "101") {
		b.WriteString("a=fmtp:101 0-15\r\n")
	}
	fmt.Fprintf(&b, "a=ptime:20\r\na=%s\r\n", s.direction)
	if s.video {
		b.WriteString("m=video 4100 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n")
	}
	return b.String()
}

// seen is what a phone understands of the switch's description.
type seen struct {
	origin    string // session id
	version   int
	at        netip.AddrPort
	codecs    []string // payload types
	names     []string
	direction string
	streams   int
	fault     string
}

func readSDP(body string) seen {
	s := seen{direction: "sendrecv"}
	maps := map[string]string{}
	var host string
	var port int
	for line := range strings.SplitSeq(body, "\r\n") {
		key, value, _ := strings.Cut(line, "=")
		words := strings.Fields(value)
		if key == "m" {
			s.streams++
		}
		switch {
		case key == "o" && len(words) == 6:
			s.origin = words[1]
			s.version, _ = strconv.Atoi(words[2])
		case key == "c" && len(words) == 3:
			host = words[2]
		case key == "m" && len(words) > 3 && words[0] == "audio":
			port, _ = strconv.Atoi(words[1])
			s.codecs = words[3:]
		case s.streams > 1: // of audio only
		case key == "a" && (value == "sendrecv" || value == "sendonly" || value == "recvonly" || value == "inactive"):
			s.direction = value
		case key == "a" && strings.HasPrefix(value, "rtpmap:"):
			pt, m, _ := strings.Cut(strings.TrimPrefix(value, "rtpmap:"), " ")
			maps[pt] = m
		case key == "a" && value == "rtcp-mux":
			s.fault = "rtcp-mux not asked for"
		}
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		s.at = netip.AddrPortFrom(addr, uint16(port))
	}
	for _, pt := range s.codecs {
		name := maps[pt]
		if name == "" {
			name = rtpmaps[pt]
		}
		name, _, _ = strings.Cut(strings.ToLower(name), "/")
		if name == "telephone-event" {
			name = "dtmf"
		}
		s.names = append(s.names, name)
	}
	switch {
	case s.origin == "":
		s.fault = "description without o="
	case !s.at.IsValid():
		s.fault = "description without address"
	case !strings.HasSuffix(body, "\r\n"):
		s.fault = "description does not end with CRLF"
	}
	return s
}

// reverse is the direction that answers another (RFC 3264 §6.1).
func reverse(direction string) string {
	switch direction {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	}
	return direction
}
