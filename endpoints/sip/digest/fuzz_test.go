package digest

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

// FuzzParse holds: nothing panics, and what was parsed and written parses to
// the same.
func FuzzParse(f *testing.F) {
	for _, c := range headerTable {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, err := parse(in)
		if err != nil {
			return
		}
		w := writer{next: true}
		w.b.WriteString("Digest ")
		clean := params{}
		for k, v := range p {
			w.quote(k, v)
			clean[k] = strings.Map(func(r rune) rune {
				if r == '\r' || r == '\n' || r == 0 {
					return -1
				}
				return r
			}, v)
		}
		if len(w.String()) > maxHeaderBytes || strings.ToValidUTF8(in, "") != in {
			return
		}
		again, err := parse(w.String())
		if err != nil || !maps.Equal(again, clean) {
			t.Errorf("parse(%q) = %v, again %q = %v, %v", in, p, w.String(), again, err)
		}
	})
}

// FuzzVerify holds: no credentials of a stranger are taken, whatever they say.
func FuzzVerify(f *testing.F) {
	for _, c := range headerTable {
		f.Add(c.in, "REGISTER", "sip:10.0.0.1")
	}
	f.Add(`Digest username="1000", realm="r", nonce="n", uri="sip:10.0.0.1", response="x"`, "REGISTER", "sip:10.0.0.1")
	s, err := NewServer(ServerConfig{Realm: "r"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value, method, uri string) {
		user, err := s.Verify(time.Unix(0, 0), Request{Credentials: []string{value}, Method: method, URI: uri, Source: "a"},
			func(string, string) (A1, bool) { return A1{Password: "secret of nobody"}, true })
		if err == nil {
			t.Fatalf("Verify(%q) took user %q", value, user)
		}
		if !errors.Is(err, ErrMissing) && !errors.Is(err, ErrRejected) && !errors.Is(err, ErrStale) {
			t.Errorf("Verify(%q) = %v, want one of the three", value, err)
		}
	})
}
