package digest

import (
	"strings"
	"testing"
)

// The examples of the RFCs. The nonces are theirs, so only the computation is
// checked here, on both sides: the client must produce what the server accepts.
var rfcTable = []struct {
	name     string
	x        exchange
	user     string
	realm    string
	password string
	want     string
}{
	{
		name: "RFC 2617 §3.5",
		x: exchange{
			alg: MD5, nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce: "0a4f113b", nc: "00000001",
			qop: "auth", method: "GET", uri: "/dir/index.html",
		},
		user: "Mufasa", realm: "testrealm@host.com", password: "Circle Of Life",
		want: "6629fae49393a05397450978507c4ef1",
	},
	{
		name: "RFC 7616 §3.9.1 MD5",
		x: exchange{
			alg: MD5, nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
			cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", nc: "00000001",
			qop: "auth", method: "GET", uri: "/dir/index.html",
		},
		user: "Mufasa", realm: "http-auth@example.org", password: "Circle of Life",
		want: "8ca523f5e9506fed4657c9700eebdbec",
	},
	{
		name: "RFC 7616 §3.9.1 SHA-256",
		x: exchange{
			alg: SHA256, nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
			cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", nc: "00000001",
			qop: "auth", method: "GET", uri: "/dir/index.html",
		},
		user: "Mufasa", realm: "http-auth@example.org", password: "Circle of Life",
		want: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	},
	{
		// The figure printed in the RFC was made with a cut SHA-512; this is
		// the one of erratum 4897.
		name: "RFC 7616 §3.9.2 SHA-512-256",
		x: exchange{
			alg: SHA512256, nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
			cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", nc: "00000001",
			qop: "auth", method: "GET", uri: "/doe.json",
		},
		user: "J\u00e4s\u00f8n Doe", realm: "api@example.org", password: "Secret, or not?",
		want: "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
	},
	{
		// Without qop: RFC 2069 §2.4 as corrected by its errata.
		name: "RFC 2069 §2.4",
		x: exchange{
			alg: MD5, nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", method: "GET", uri: "/dir/index.html",
		},
		user: "Mufasa", realm: "testrealm@host.com", password: "CircleOfLife",
		want: "1949323746fe6a43ef61f9606e7febea",
	},
}

func TestResponsesOfTheRFCs(t *testing.T) {
	for _, c := range rfcTable {
		a1, ok := A1{Password: c.password}.hash(c.x.alg, c.user, c.realm)
		if got := c.x.response(a1); !ok || got != c.want {
			t.Errorf("%s: response = %s, want %s", c.name, got, c.want)
		}
	}
}

func TestResponseFromAStoredHashEqualsThatFromThePassword(t *testing.T) {
	for _, c := range rfcTable {
		if c.x.alg == SHA512256 {
			continue // not stored
		}
		h, ok := HashA1(strings.ToUpper(c.x.alg.sum(c.user, c.realm, c.password)))
		if !ok {
			t.Fatalf("%s: HashA1 refused the hash", c.name)
		}
		a1, ok := h.hash(c.x.alg, c.user, c.realm)
		if got := c.x.response(a1); !ok || got != c.want {
			t.Errorf("%s: response = %s, want %s", c.name, got, c.want)
		}
	}
}

func TestHashA1RefusesWhatIsNoHash(t *testing.T) {
	for _, s := range []string{"", "1234", strings.Repeat("z", 32), strings.Repeat("a", 40)} {
		if a, ok := HashA1(s); ok {
			t.Errorf("HashA1(%q) = %v, want refusal", s, a)
		}
	}
}
