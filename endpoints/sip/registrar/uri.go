package registrar

import (
	"net/url"
	"slices"
	"strings"
)

// sameURI compares two contact URIs by the rules of RFC 3261 §19.1.4. URIs of
// other schemes are compared as text.
func sameURI(a, b string) bool {
	if a == b {
		return true
	}
	x, okX := splitURI(a)
	y, okY := splitURI(b)
	return okX && okY &&
		x.scheme == y.scheme && x.user == y.user && x.hostPort == y.hostPort &&
		sameParams(x.params, y.params) && slices.Equal(x.headers, y.headers)
}

// sipURI is a SIP URI made ready for comparison.
type sipURI struct {
	scheme   string
	user     string // with the password, escapes resolved; case matters
	hostPort string // lower case; no port is not port 5060
	params   map[string]string
	headers  []string // sorted
}

func splitURI(s string) (u sipURI, ok bool) {
	scheme, rest, ok := strings.Cut(s, ":")
	u.scheme = strings.ToLower(scheme)
	if !ok || u.scheme != "sip" && u.scheme != "sips" {
		return u, false
	}
	rest, headers, _ := strings.Cut(rest, "?")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		u.user, rest = unescape(rest[:at]), rest[at+1:]
	}
	parts := strings.Split(rest, ";")
	u.hostPort = strings.ToLower(parts[0])
	u.params = make(map[string]string, len(parts)-1)
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		u.params[strings.ToLower(unescape(name))] = strings.ToLower(unescape(value))
	}
	if headers != "" {
		u.headers = strings.Split(unescape(headers), "&")
		slices.Sort(u.headers)
	}
	return u, true
}

// unescape resolves %hh; text that is not well escaped stays as it is.
func unescape(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}

// sameParams: a parameter in both has to be equal; one in only one of them does
// not count, except for those that change where or how a request is sent.
func sameParams(a, b map[string]string) bool {
	for name, v := range a {
		if w, ok := b[name]; ok && v != w {
			return false
		}
	}
	for _, name := range [...]string{"user", "ttl", "method", "maddr", "transport"} {
		_, inA := a[name]
		_, inB := b[name]
		if inA != inB {
			return false
		}
	}
	return true
}
