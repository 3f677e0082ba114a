package phone

import (
	"bytes"
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

var errMessage = errors.New("phone: not a SIP message")

// message is what the generator needs of a SIP message. Its slices point into
// the datagram.
type message struct {
	method string // of a request; empty in a response
	status int    // of a response

	vias       [][]byte // whole values, in order
	from, to   []byte
	callID     []byte
	cseq       uint32
	cseqMethod string
	contact    []byte
	challenges []string // of a 401 or 407
	isProxy    bool     // they are of a proxy
	body       []byte
}

// isResponse reports which of the two it is.
func (m *message) isResponse() bool { return m.method == "" }

// parse reads a message. It takes what our switch and other honest ones write;
// folded lines and several values in one line are not known to it.
func parse(b []byte) (*message, error) {
	head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return nil, errMessage
	}
	m := &message{body: body}
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if err := m.start(line); err != nil {
		return nil, err
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return nil, errMessage
		}
		m.header(string(bytes.ToLower(bytes.TrimSpace(name))), bytes.TrimSpace(value))
	}
	if m.callID == nil || m.cseqMethod == "" || m.from == nil || m.to == nil {
		return nil, errMessage
	}
	return m, nil
}

func (m *message) start(line []byte) error {
	first, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return errMessage
	}
	if string(first) != "SIP/2.0" {
		if !bytes.HasSuffix(rest, []byte(" SIP/2.0")) {
			return errMessage
		}
		m.method = string(first)
		return nil
	}
	code, _, _ := bytes.Cut(rest, []byte(" "))
	status, err := strconv.Atoi(string(code))
	if err != nil || status < 100 || status > 699 {
		return errMessage
	}
	m.status = status
	return nil
}

func (m *message) header(name string, value []byte) {
	switch name {
	case "via", "v":
		m.vias = append(m.vias, value)
	case "from", "f":
		m.from = value
	case "to", "t":
		m.to = value
	case "call-id", "i":
		m.callID = value
	case "cseq":
		number, method, _ := bytes.Cut(value, []byte(" "))
		n, err := strconv.ParseUint(string(number), 10, 32)
		if err == nil {
			m.cseq, m.cseqMethod = uint32(n), string(bytes.TrimSpace(method))
		}
	case "contact", "m":
		m.contact = value
	case "www-authenticate":
		m.challenges = append(m.challenges, string(value))
	case "proxy-authenticate":
		m.challenges, m.isProxy = append(m.challenges, string(value)), true
	}
}

// tag returns the tag of a From or To value, or nothing.
func tag(value []byte) string {
	params := value
	if i := bytes.LastIndexByte(value, '>'); i >= 0 {
		params = value[i+1:]
	}
	for p := range bytes.SplitSeq(params, []byte(";")) {
		if t, ok := bytes.CutPrefix(bytes.TrimSpace(p), []byte("tag=")); ok {
			return string(t)
		}
	}
	return ""
}

// uri returns the URI of a Contact, From or To value.
func uri(value []byte) string {
	if _, after, ok := bytes.Cut(value, []byte("<")); ok {
		inside, _, _ := bytes.Cut(after, []byte(">"))
		return string(inside)
	}
	bare, _, _ := bytes.Cut(value, []byte(";"))
	return string(bare)
}

// user returns the user part of a URI.
func user(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	name, _, _ := strings.Cut(rest, "@")
	return name
}

// audio returns where an SDP wants its audio, and the payload types it lists.
func audio(sdp []byte) (to netip.AddrPort, payloadTypes []uint8, ok bool) {
	var host netip.Addr
	var port uint16
	for line := range bytes.Lines(sdp) {
		line = bytes.TrimSpace(line)
		if addr, found := bytes.CutPrefix(line, []byte("c=IN IP4 ")); found {
			host, _ = netip.ParseAddr(string(addr))
		}
		media, found := bytes.CutPrefix(line, []byte("m=audio "))
		if !found {
			continue
		}
		fields := strings.Fields(string(media))
		if len(fields) < 3 {
			return netip.AddrPort{}, nil, false
		}
		n, err := strconv.ParseUint(fields[0], 10, 16)
		if err != nil {
			return netip.AddrPort{}, nil, false
		}
		port = uint16(n)
		for _, f := range fields[2:] {
			if pt, err := strconv.ParseUint(f, 10, 7); err == nil {
				payloadTypes = append(payloadTypes, uint8(pt))
			}
		}
	}
	return netip.AddrPortFrom(host, port), payloadTypes, host.Is4() && port != 0 && len(payloadTypes) > 0
}
