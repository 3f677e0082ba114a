package digest

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// errScheme is returned for a header value of another scheme than Digest.
var errScheme = errors.New("digest: not the digest scheme")

// maxHeaderBytes bounds what is looked at; a real header is under 1 kB.
const maxHeaderBytes = 8192

// params are the parameters of one challenge or of one set of credentials,
// names in lower case, quotes and escapes removed.
type params map[string]string

// parse reads one header value: a scheme and its parameters (RFC 7235 §2.1).
// A parameter that occurs twice is an error: two readers could otherwise pick
// different ones.
func parse(value string) (params, error) {
	if len(value) > maxHeaderBytes {
		return nil, fmt.Errorf("digest: header of %d bytes, at most %d", len(value), maxHeaderBytes)
	}
	s := scanner{text: value}
	s.space()
	if !strings.EqualFold(s.token(), "digest") {
		return nil, errScheme
	}
	p := make(params, 12)
	for {
		s.separators()
		if s.done() {
			return p, nil
		}
		at := s.pos
		name := strings.ToLower(s.token())
		if name == "" {
			return nil, fmt.Errorf("digest: missing parameter name at byte %d", at)
		}
		val, err := s.value()
		if err != nil {
			return nil, fmt.Errorf("digest: %s: %w", name, err)
		}
		if _, twice := p[name]; twice {
			return nil, fmt.Errorf("digest: %s: given twice, again at byte %d", name, at)
		}
		p[name] = val
		s.space()
		if !s.done() && s.text[s.pos] != ',' {
			return nil, fmt.Errorf("digest: %s: missing comma at byte %d", name, s.pos)
		}
	}
}

// username returns the user, from username or from the extended form
// username* of RFC 7616 §3.4 (RFC 5987 §3.2: UTF-8'lang'percent-encoded).
func (p params) username() string {
	if u, ok := p["username"]; ok {
		return u
	}
	charset, rest, ok := strings.Cut(p["username*"], "'")
	if !ok || !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	_, encoded, ok := strings.Cut(rest, "'")
	if !ok {
		return ""
	}
	u, err := url.PathUnescape(encoded)
	if err != nil {
		return ""
	}
	return u
}

// scanner walks over one header value.
type scanner struct {
	text string
	pos  int // byte offset of the next character
}

func (s *scanner) done() bool { return s.pos >= len(s.text) }

// space skips white space, also that of folded lines.
func (s *scanner) space() {
	for !s.done() && strings.IndexByte(" \t\r\n", s.text[s.pos]) >= 0 {
		s.pos++
	}
}

// separators skips white space and commas; empty list elements are legal
// (RFC 7230 §7).
func (s *scanner) separators() {
	for !s.done() && strings.IndexByte(" \t\r\n,", s.text[s.pos]) >= 0 {
		s.pos++
	}
}

// token reads the longest token, which may be empty.
func (s *scanner) token() string {
	start := s.pos
	for !s.done() && isTokenByte(s.text[s.pos]) {
		s.pos++
	}
	return s.text[start:s.pos]
}

// value reads "=" and a token or quoted string, with white space around. An
// unquoted value runs to the next comma or space: some phones leave the quotes
// of uri and nonce away.
func (s *scanner) value() (string, error) {
	s.space()
	if s.done() || s.text[s.pos] != '=' {
		return "", fmt.Errorf("missing = at byte %d", s.pos)
	}
	s.pos++
	s.space()
	if !s.done() && s.text[s.pos] == '"' {
		return s.quoted()
	}
	start := s.pos
	for !s.done() && strings.IndexByte(" \t\r\n,\"", s.text[s.pos]) < 0 {
		s.pos++
	}
	return s.text[start:s.pos], nil
}

// quoted reads a quoted string; the scanner stands on its first quote.
func (s *scanner) quoted() (string, error) {
	start := s.pos
	s.pos++
	plain := s.pos
	var b strings.Builder // only used once an escape was seen
	for !s.done() {
		switch c := s.text[s.pos]; c {
		case '"':
			run := s.text[plain:s.pos]
			s.pos++
			if b.Len() == 0 {
				return run, nil
			}
			b.WriteString(run)
			return b.String(), nil
		case '\\':
			if s.pos+1 >= len(s.text) {
				return "", fmt.Errorf("quote opened at byte %d is not closed", start)
			}
			b.WriteString(s.text[plain:s.pos])
			b.WriteByte(s.text[s.pos+1])
			s.pos += 2
			plain = s.pos
		default:
			s.pos++
		}
	}
	return "", fmt.Errorf("quote opened at byte %d is not closed", start)
}

// isTokenByte says whether c may stand in a token (RFC 3261 §25.1).
func isTokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("-.!%*_+`'~", c) >= 0
}

// writer builds a header value.
type writer struct {
	b    strings.Builder
	next bool // a parameter has been written
}

func (w *writer) name(name string) {
	if w.next {
		w.b.WriteString(", ")
	} else {
		w.b.WriteString("Digest ")
	}
	w.next = true
	w.b.WriteString(name)
	w.b.WriteByte('=')
}

// bare writes name=value without quotes.
func (w *writer) bare(name, value string) {
	w.name(name)
	w.b.WriteString(value)
}

// quote writes name="value". Line ends are left out: they would let a value
// smuggle in a header of its own.
func (w *writer) quote(name, value string) {
	w.name(name)
	w.b.WriteByte('"')
	for i := range len(value) {
		switch c := value[i]; c {
		case '\r', '\n', 0:
		case '"', '\\':
			w.b.WriteByte('\\')
			w.b.WriteByte(c)
		default:
			w.b.WriteByte(c)
		}
	}
	w.b.WriteByte('"')
}

func (w *writer) String() string { return w.b.String() }
