package phone

import (
	"fmt"
	"strconv"
	"strings"
)

// message is one SIP message as a phone sees it: text, taken apart just far
// enough. It is our own reader on purpose, so that what the switch writes is
// not checked with the parser that wrote it.
type message struct {
	line    string // without CRLF
	headers []header
	body    string
	raw     string
}

type header struct{ name, value string }

// compact forms (RFC 3261 §7.3.3).
var compact = map[string]string{
	"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length", "c": "Content-Type",
	"k": "Supported", "r": "Refer-To", "e": "Content-Encoding", "s": "Subject",
}

func parse(raw string) (*message, error) {
	head, body, ok := strings.Cut(raw, "\r\n\r\n")
	if !ok {
		return nil, fmt.Errorf("no empty line after the headers")
	}
	lines := strings.Split(head, "\r\n")
	m := &message{line: lines[0], body: body, raw: raw}
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			return nil, fmt.Errorf("header without colon: %q", l)
		}
		name = strings.TrimSpace(name)
		if long, ok := compact[strings.ToLower(name)]; ok {
			name = long
		}
		m.headers = append(m.headers, header{name, strings.TrimSpace(value)})
	}
	if n, err := strconv.Atoi(m.get("Content-Length")); err == nil && n < len(m.body) {
		m.body = m.body[:n]
	}
	return m, nil
}

// get returns the first header of that name.
func (m *message) get(name string) string {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

// all returns every header of that name.
func (m *message) all(name string) []string {
	var values []string
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			values = append(values, h.value)
		}
	}
	return values
}

// list takes comma-separated values apart.
func list(values []string) []string {
	var all []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			all = append(all, strings.TrimSpace(part))
		}
	}
	return all
}

// response reports whether m is one, and its status.
func (m *message) response() (status int, ok bool) {
	rest, ok := strings.CutPrefix(m.line, "SIP/2.0 ")
	if !ok {
		return 0, false
	}
	text, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(text)
	return status, err == nil
}

// method of a request, or of the request that a response answers.
func (m *message) method() string {
	if _, ok := m.response(); ok {
		_, method, _ := strings.Cut(m.get("CSeq"), " ")
		return strings.TrimSpace(method)
	}
	method, _, _ := strings.Cut(m.line, " ")
	return method
}

// uri of a request.
func (m *message) uri() string {
	words := strings.Fields(m.line)
	if len(words) < 2 {
		return ""
	}
	return words[1]
}

func (m *message) seq() int {
	text, _, _ := strings.Cut(m.get("CSeq"), " ")
	n, _ := strconv.Atoi(text)
	return n
}

func (m *message) branch() string { return param(m.get("Via"), "branch") }

// param finds ;name=value after the address of a header value.
func param(value, name string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		value = value[i:]
	}
	for part := range strings.SplitSeq(value, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// address is the URI of a From, To or Contact.
func address(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return uri
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// userOf is the user part of a URI.
func userOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	return user
}

// text writes a message.
func text(line string, headers []header, body string) string {
	var b strings.Builder
	b.WriteString(line + "\r\n")
	for _, h := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}
