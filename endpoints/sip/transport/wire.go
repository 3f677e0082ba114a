package transport

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// wire is one SIP message cut into lines: the form in which strangers' input
// is checked and tidied before sipgo's parser sees it. The parser takes
// `Tag=`, `; tag = 9`, compact names, folded or bare-LF lines and doubled
// headers at face value, or drops the message without an answer.
//
// The slices point into the bytes given to cut, except values that were folded.
type wire struct {
	request bool
	method  string // of a request
	uri     string // of a request
	version string
	status  int    // of a response
	reason  string // of a response
	fields  []field
	body    []byte
	length  int // Content-Length, or -1 without one
}

type field struct {
	name  string // canonical
	value []byte
}

// FaultError is what is wrong with a request, as the answer to give.
type FaultError struct {
	Code   int
	Reason string // the reason phrase, generic
	Detail string // for the journal and the log, never sent
}

// Error says the answer and the detail.
func (f *FaultError) Error() string {
	return fmt.Sprintf("%d %s: %s", f.Code, f.Reason, f.Detail)
}

func badRequest(format string, args ...any) *FaultError {
	return &FaultError{Code: 400, Reason: "Bad Request", Detail: fmt.Sprintf(format, args...)}
}

// errNotSIP is returned for bytes that do not begin like a SIP message. They get no answer.
var errNotSIP = errors.New("sip: no SIP message")

// maxFields bounds the header lines of a message; browsers and SBCs send about 40.
const maxFields = 256

// cut splits raw, a whole message, into its parts. A fault still fills as many
// fields as an answer needs.
func (w *wire) cut(raw []byte) error {
	*w = wire{fields: w.fields[:0], length: -1}
	raw = bytes.TrimLeft(raw, "\r\n")
	line, rest := cutLine(raw)
	startErr := w.cutStart(string(bytes.TrimRight(line, " \t")))
	if errors.Is(startErr, errNotSIP) {
		return startErr
	}
	fieldErr := w.cutFields(rest)
	if startErr != nil {
		return startErr
	}
	return fieldErr
}

// cutStart reads the request line or the status line (RFC 3261 §7.1, §7.2).
func (w *wire) cutStart(line string) error {
	if len(line) >= 4 && strings.EqualFold(line[:4], "SIP/") {
		version, rest, _ := strings.Cut(line, " ")
		code, reason, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		status, err := strconv.Atoi(code)
		if err != nil || status < 100 || status > 699 || len(code) != 3 {
			return errNotSIP
		}
		w.version, w.status, w.reason = strings.ToUpper(version), status, reason
		return nil
	}
	parts := strings.Fields(line)
	if len(parts) < 2 || !isToken(parts[0]) {
		return errNotSIP
	}
	version := strings.ToUpper(parts[len(parts)-1])
	if !strings.HasPrefix(version, "SIP/") {
		return errNotSIP
	}
	w.request, w.method, w.version = true, parts[0], version
	if version != "SIP/2.0" {
		return &FaultError{Code: 505, Reason: "Version Not Supported", Detail: fmt.Sprintf("version %q", version)}
	}
	if len(parts) != 3 {
		return badRequest("request line %q", line)
	}
	w.uri = parts[1]
	return w.checkURI()
}

// checkURI refuses Request-URIs that RFC 3261 §8.2.2.1 and §19.1.1 do not allow.
func (w *wire) checkURI() error {
	scheme, rest, ok := strings.Cut(w.uri, ":")
	if !ok || !isToken(scheme) || rest == "" {
		return badRequest("request URI %q", w.uri)
	}
	switch strings.ToLower(scheme) {
	case "sip", "sips":
		if _, _, hasHeaders := strings.Cut(afterUser(rest), "?"); hasHeaders {
			return badRequest("request URI %q has headers", w.uri)
		}
	case "tel":
	default:
		return &FaultError{Code: 416, Reason: "Unsupported URI Scheme", Detail: fmt.Sprintf("scheme %q", scheme)}
	}
	return nil
}

func afterUser(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return s[i+1:]
	}
	return s
}

// cutFields reads the header lines, unfolds them (RFC 3261 §7.3.1) and takes the body.
func (w *wire) cutFields(rest []byte) error {
	for {
		var line []byte
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			var more []byte
			more, rest = cutLine(rest)
			line = append(append(slices.Clip(bytes.TrimRight(line, " \t")), ' '), bytes.Trim(more, " \t")...)
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			return badRequest("header line without a colon: %.40q", line)
		}
		name = bytes.Trim(name, " \t")
		if len(name) == 0 {
			return badRequest("header without a name")
		}
		if len(w.fields) == maxFields {
			return badRequest("more than %d header lines", maxFields)
		}
		w.fields = append(w.fields, field{canonical(name), bytes.Trim(value, " \t")})
	}
	w.body = rest
	return w.cutLength()
}

// cutLength applies Content-Length (RFC 3261 §18.3): what follows the body in a datagram is dropped.
func (w *wire) cutLength() error {
	for i := range w.fields {
		if w.fields[i].name != "Content-Length" {
			continue
		}
		n, err := strconv.ParseUint(string(w.fields[i].value), 10, 31)
		if err != nil {
			return badRequest("Content-Length %.40q", w.fields[i].value)
		}
		if w.length >= 0 && w.length != int(n) {
			return badRequest("two Content-Lengths, %d and %d", w.length, n)
		}
		w.length = int(n)
	}
	switch {
	case w.length < 0:
		return nil
	case w.length > len(w.body):
		return badRequest("Content-Length %d, body has %d bytes", w.length, len(w.body))
	}
	w.body = w.body[:w.length]
	return nil
}

func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && b[i-1] == '\r' {
		line = b[:i-1]
	}
	return slices.Clip(line), rest
}

// check looks for what RFC 3261 §8.1.1 demands of every request and for
// headers that must not come twice.
func (w *wire) check() error {
	var seen [5]bool
	for i := range w.fields {
		f := &w.fields[i]
		slot := -1
		switch f.name {
		case "Via":
			if !seen[0] {
				seen[0] = true
			}
			if err := checkVia(f.value); err != nil {
				return err
			}
		case "From":
			slot = 1
		case "To":
			slot = 2
		case "Call-ID":
			slot = 3
			if len(f.value) == 0 {
				return badRequest("empty Call-ID")
			}
		case "CSeq":
			slot = 4
			if err := w.checkCSeq(string(f.value)); err != nil {
				return err
			}
		case "Max-Forwards":
			if _, err := strconv.ParseUint(string(f.value), 10, 31); err != nil {
				return badRequest("Max-Forwards %.40q", f.value)
			}
		}
		if slot > 0 {
			if seen[slot] {
				return badRequest("two %s headers", f.name)
			}
			seen[slot] = true
		}
		if isAddress(f.name) && !balanced(f.value) {
			return badRequest("%s: unbalanced quotes or brackets", f.name)
		}
	}
	for i, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if !seen[i] {
			return badRequest("no %s", name)
		}
	}
	return nil
}

func (w *wire) checkCSeq(value string) error {
	parts := strings.Fields(value)
	if len(parts) != 2 {
		return badRequest("CSeq %.40q", value)
	}
	// RFC 3261 §8.1.1.5: less than 2**31.
	if n, err := strconv.ParseUint(parts[0], 10, 31); err != nil {
		return badRequest("CSeq %.40q", value)
	} else if w.request && parts[1] != w.method {
		return badRequest("CSeq %d is for %q, the request is %q", n, parts[1], w.method)
	}
	return nil
}

// checkVia wants each value of a list to begin with a protocol (RFC 3261 §20.42).
func checkVia(value []byte) error {
	for part := range bytes.SplitSeq(value, []byte{','}) {
		if proto, _, ok := bytes.Cut(part, []byte{'/'}); !ok || !isToken(string(bytes.Trim(proto, " \t"))) {
			return badRequest("Via %.60q", value)
		}
	}
	return nil
}

// balanced reports whether quotes and angle brackets close.
func balanced(v []byte) bool {
	quoted, angle := false, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"' && !angle:
			quoted = !quoted
		case quoted:
		case c == '<':
			if angle {
				return false
			}
			angle = true
		case c == '>':
			if !angle {
				return false
			}
			angle = false
		}
	}
	return !quoted && !angle
}

// appendTo writes the message in the form every parser understands.
func (w *wire) appendTo(dst []byte) []byte {
	if w.request {
		dst = append(dst, w.method...)
		dst = append(dst, ' ')
		dst = append(dst, w.uri...)
		dst = append(dst, " SIP/2.0\r\n"...)
	} else {
		dst = append(dst, "SIP/2.0 "...)
		dst = strconv.AppendInt(dst, int64(w.status), 10)
		dst = append(dst, ' ')
		dst = append(dst, w.reason...)
		dst = append(dst, "\r\n"...)
	}
	for i := range w.fields {
		f := &w.fields[i]
		if f.name == "Content-Length" {
			continue
		}
		dst = append(dst, f.name...)
		dst = append(dst, ": "...)
		switch {
		case f.name == "CSeq":
			number, method, _ := strings.Cut(string(f.value), " ")
			dst = append(dst, number...)
			dst = append(dst, ' ')
			dst = append(dst, strings.Trim(method, " \t")...)
		case f.name == "Max-Forwards":
			n, _ := strconv.Atoi(string(f.value))
			dst = strconv.AppendInt(dst, int64(min(n, 255)), 10) // RFC 3261 §20.22: 0 to 255
		case f.name == "Via" || isAddress(f.name):
			dst = squeeze(dst, f.value, f.name == "Via")
		default:
			dst = append(dst, f.value...)
		}
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(w.body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, w.body...)
}

// squeeze writes an address or Via value without the white space that
// RFC 3261 §25.1 allows around separators, with parameter names in lower case
// and without empty parameters.
func squeeze(dst, v []byte, via bool) []byte {
	start := len(dst)
	separator := func(c byte) bool {
		return c == ';' || c == '=' || c == ',' || (via && (c == '/' || c == ':'))
	}
	last := func() byte {
		if len(dst) == start {
			return ';'
		}
		return dst[len(dst)-1]
	}
	quoted, angle, name := false, false, false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case quoted:
			dst = append(dst, c)
			if c == '\\' && i+1 < len(v) {
				i++
				dst = append(dst, v[i])
			} else if c == '"' {
				quoted = false
			}
			continue
		case angle:
			if (c == ' ' || c == '\t') && (last() == '<' || nextByte(v, i) == '>') {
				continue
			}
			dst = append(dst, c)
			angle = c != '>'
			continue
		case c == ' ' || c == '\t':
			next := nextByte(v, i)
			if next == 0 || separator(next) || separator(last()) || last() == ' ' {
				continue
			}
			c = ' '
		case c == '"':
			quoted = true
		case c == '<':
			angle = true
		case c == ';':
			name = true
			if last() == ';' && len(dst) > start {
				continue // an empty parameter
			}
		case c == '=' || c == ',':
			name = false
			for c == ',' && last() == ';' && len(dst) > start {
				dst = dst[:len(dst)-1]
			}
		case name && 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	for len(dst) > start && (last() == ';' || last() == ' ') {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// nextByte returns the first byte after v[i] that is no white space, 0 at the end.
func nextByte(v []byte, i int) byte {
	for i++; i < len(v); i++ {
		if v[i] != ' ' && v[i] != '\t' {
			return v[i]
		}
	}
	return 0
}

// reject writes the answer to a request that goes no further, without any state
// (RFC 3261 §8.2.7). It returns nil where no answer may be given: for an ACK, a
// response, or a request that lacks what an answer repeats.
func (w *wire) reject(f *FaultError, toTag string, source string) []byte {
	if !w.request || w.method == "ACK" {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", f.Code, f.Reason)
	vias := 0
	done := map[string]bool{}
	for _, fd := range w.fields {
		switch fd.name {
		case "Via":
			b.WriteString("Via: ")
			b.Write(squeeze(nil, fd.value, true))
			if vias++; vias == 1 && !bytes.Contains(fd.value, []byte{','}) {
				b.WriteString(";received=" + source) // RFC 3261 §18.2.1
			}
			b.WriteString("\r\n")
		case "From", "To", "Call-ID", "CSeq":
			if done[fd.name] {
				continue
			}
			done[fd.name] = true
			value := fd.value
			if fd.name == "From" || fd.name == "To" {
				value = squeeze(nil, fd.value, false)
			}
			b.WriteString(fd.name + ": ")
			b.Write(value)
			if fd.name == "To" && !bytes.Contains(value, []byte(";tag=")) {
				b.WriteString(";tag=" + toTag)
			}
			b.WriteString("\r\n")
		}
	}
	if vias == 0 {
		return nil
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return b.Bytes()
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-.!%*_+`'~", c) >= 0: // RFC 3261 §25.1 token
		default:
			return false
		}
	}
	return s != ""
}

// isAddress reports the headers whose value is an address with parameters.
func isAddress(name string) bool {
	switch name {
	case "From", "To", "Contact", "Route", "Record-Route", "Refer-To", "Referred-By", "P-Asserted-Identity":
		return true
	}
	return false
}

// canonical returns the header's full name in the RFC's spelling. Compact forms
// are those of RFC 3261 §7.3.3 and the IANA registry.
func canonical(name []byte) string {
	if len(name) == 1 {
		switch name[0] | 0x20 {
		case 'a':
			return "Accept-Contact"
		case 'b':
			return "Referred-By"
		case 'c':
			return "Content-Type"
		case 'd':
			return "Request-Disposition"
		case 'e':
			return "Content-Encoding"
		case 'f':
			return "From"
		case 'i':
			return "Call-ID"
		case 'j':
			return "Reject-Contact"
		case 'k':
			return "Supported"
		case 'l':
			return "Content-Length"
		case 'm':
			return "Contact"
		case 'n':
			return "Identity-Info"
		case 'o':
			return "Event"
		case 'r':
			return "Refer-To"
		case 's':
			return "Subject"
		case 't':
			return "To"
		case 'u':
			return "Allow-Events"
		case 'v':
			return "Via"
		case 'x':
			return "Session-Expires"
		case 'y':
			return "Identity"
		}
	}
	// The compiler looks these up without allocating.
	switch string(name) {
	case "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Length", "Content-Type",
		"Route", "Record-Route", "Allow", "Supported", "User-Agent", "Expires", "Authorization", "Require":
		return string(name)
	}
	for _, known := range knownNames {
		if len(known) == len(name) && strings.EqualFold(known, string(name)) {
			return known
		}
	}
	return string(name)
}

// knownNames is the table of the names that code compares with.
var knownNames = []string{
	"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Length", "Content-Type",
	"Route", "Record-Route", "Allow", "Supported", "Require", "Proxy-Require", "Unsupported", "User-Agent", "Server",
	"Expires", "Min-Expires", "Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate",
	"Event", "Subscription-State", "Allow-Events", "Refer-To", "Referred-By", "Replaces", "RAck", "RSeq",
	"Session-Expires", "Min-SE", "Reason", "Warning", "Retry-After", "Timestamp", "Date", "Subject", "Accept",
	"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Privacy", "Diversion", "Path", "Service-Route",
	"Content-Encoding", "Content-Disposition", "Alert-Info", "Call-Info", "Info-Package", "Recv-Info", "Join",
}
