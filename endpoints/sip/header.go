package sip

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// allowed are the methods we take (RFC 3261 §20.5).
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REGISTER"

// supportedTags are the option tags of extensions we know (RFC 3261 §20.37).
var supportedTags = []string{}

func tagOf(p sip.HeaderParams) string {
	tag, _ := p.Get("tag")
	return tag
}

// value returns the first header of that name as text, "" without one.
func value(msg interface{ GetHeader(string) sip.Header }, name string) string {
	if h := msg.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// values returns all values of a header that may be a list.
func values(msg sip.Message, name string) []string {
	var all []string
	for _, h := range msg.GetHeaders(name) {
		for v := range strings.SplitSeq(h.Value(), ",") {
			if v = strings.TrimSpace(v); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

// raws returns the values of all headers of that name, each whole.
func raws(msg sip.Message, name string) []string {
	var all []string
	for _, h := range msg.GetHeaders(name) {
		all = append(all, h.Value())
	}
	return all
}

// param looks a URI or header parameter up without regard to case (RFC 3261 §7.3.1).
func param(p sip.HeaderParams, name string) (string, bool) {
	for _, kv := range p {
		if strings.EqualFold(kv.K, name) {
			return strings.Trim(kv.V, `"`), true
		}
	}
	return "", false
}

// hostAddr reads a URI's host that is an IP address.
func hostAddr(host string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return a.Unmap(), err == nil
}

// clean keeps a value that came from outside from becoming two header lines.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, text)
}

// headerName reports whether text can be a header's name (RFC 3261 §25.1).
func headerName(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return text != ""
}

// quoting is made once: a Replacer builds its tables at first use.
var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quote makes a display name safe inside quotes (RFC 3261 §25.1).
func quote(name string) string {
	return quoting.Replace(clean(name))
}

// unquote undoes quote.
func unquote(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' && i+1 < len(name) {
			i++
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// escapeUser writes the user part of a URI (RFC 3261 §19.1.1, §25.1).
func escapeUser(user string) string {
	const unreserved = "-_.!~*'()&=+$,;?/#"
	var b strings.Builder
	for i := range len(user) {
		c := user[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '%', strings.IndexByte(unreserved, c) >= 0:
			if c == '#' {
				b.WriteString("%23")
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		}
	}
	return b.String()
}

// unescape undoes %XX where it is well formed.
func unescape(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if hi, lo := unhex(text[i+1]), unhex(text[i+2]); hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// bareHost is a host without the brackets of an IPv6 address.
func bareHost(host string) string { return strings.Trim(host, "[]") }
