package digest

import (
	"errors"
	"strings"
	"testing"
)

func challenged(t *testing.T, a Account, values ...string) *Client {
	t.Helper()
	c := NewClient(a)
	if err := c.Challenged(false, values, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func paramsOf(t *testing.T, h Header) params {
	t.Helper()
	p, err := parse(h.Value)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var mufasa = Account{Username: "Mufasa", Secret: A1{Password: "Circle of Life"}}

func TestClientPicksTheStrongestChallenge(t *testing.T) {
	c := challenged(t, mufasa,
		`Digest realm="r", nonce="1", algorithm=MD5, qop="auth"`,
		`Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"`,
		`Digest realm="r", nonce="3", algorithm=rot13, qop="auth"`,
		`Basic realm="r"`)
	hs := c.Authorize("INVITE", "sip:a", nil)
	if len(hs) != 1 || paramsOf(t, hs[0])["nonce"] != "2" || paramsOf(t, hs[0])["algorithm"] != "SHA-256" {
		t.Errorf("Authorize = %v, want one answer to the SHA-256 challenge", hs)
	}
}

func TestClientWithAHashAnswersOnlyItsAlgorithm(t *testing.T) {
	md5Only := Account{Username: "u", Secret: A1{MD5: MD5.sum("u", "r", "p")}}
	c := challenged(t, md5Only,
		`Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"`,
		`Digest realm="r", nonce="1", qop="auth"`)
	p := paramsOf(t, c.Authorize("INVITE", "sip:a", nil)[0])
	if _, written := p["algorithm"]; p["nonce"] != "1" || written {
		t.Errorf("answer %v, want the MD5 challenge answered without algorithm, as it came", p)
	}
}

func TestClientCounts(t *testing.T) {
	c := challenged(t, mufasa, `Digest realm="r", nonce="1", qop="auth-int,auth", opaque="o"`)
	for _, want := range []string{"00000001", "00000002", "00000003"} {
		p := paramsOf(t, c.Authorize("INVITE", "sip:a", nil)[0])
		if p["nc"] != want || p["qop"] != "auth" || p["opaque"] != "o" {
			t.Errorf("answer %v, want nc %s, qop auth, opaque o", p, want)
		}
	}
	if err := c.Challenged(false, []string{`Digest realm="r", nonce="2", qop="auth"`}, nil); err != nil {
		t.Fatal(err)
	}
	if p := paramsOf(t, c.Authorize("INVITE", "sip:a", nil)[0]); p["nonce"] != "2" || p["nc"] != "00000001" {
		t.Errorf("answer %v, want the count of a new nonce to begin anew", p)
	}
	if err := c.Challenged(false, []string{`Digest realm="r", nonce="2", qop="auth"`}, nil); err != nil {
		t.Fatal(err)
	}
	if p := paramsOf(t, c.Authorize("INVITE", "sip:a", nil)[0]); p["nc"] != "00000002" {
		t.Errorf("answer %v, want the same nonce to go on counting", p)
	}
}

func TestClientHashesTheBodyForAuthInt(t *testing.T) {
	c := challenged(t, mufasa, `Digest realm="r", nonce="1", qop="auth-int"`)
	p := paramsOf(t, c.Authorize("INVITE", "sip:a", []byte("v=0"))[0])
	a1 := MD5.sum("Mufasa", "r", "Circle of Life")
	want := MD5.sum(a1, "1", "00000001", p["cnonce"], "auth-int", MD5.sum("INVITE", "sip:a", MD5.sum("v=0")))
	if p["response"] != want || p["qop"] != "auth-int" {
		t.Errorf("answer %v, want response %s", p, want)
	}
}

func TestClientSessionVariant(t *testing.T) {
	c := challenged(t, mufasa, `Digest realm="r", nonce="1", algorithm=md5-sess`)
	p := paramsOf(t, c.Authorize("INVITE", "sip:a", nil)[0])
	a1 := MD5.sum(MD5.sum("Mufasa", "r", "Circle of Life"), "1", p["cnonce"])
	if want := MD5.sum(a1, "1", MD5.sum("INVITE", "sip:a")); p["response"] != want || p["algorithm"] != "md5-sess" {
		t.Errorf("answer %v, want response %s", p, want)
	}
}

func TestClientAnswersServerAndProxies(t *testing.T) {
	c := NewClient(mufasa)
	for _, realm := range []string{"p1", "p2"} {
		if err := c.Challenged(true, []string{`Digest realm="` + realm + `", nonce="1", qop="auth"`}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Challenged(false, []string{`Digest realm="p1", nonce="1", qop="auth"`}, nil); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range c.Authorize("INVITE", "sip:a", nil) {
		got = append(got, h.Name+" "+paramsOf(t, h)["realm"])
	}
	if want := "Proxy-Authorization p1|Proxy-Authorization p2|Authorization p1"; strings.Join(got, "|") != want {
		t.Errorf("Authorize = %v, want %s", got, want)
	}
}

func TestClientSeesThatItsSecretIsWrong(t *testing.T) {
	again := []string{`Digest realm="r", nonce="2", qop="auth"`}
	c := challenged(t, mufasa, `Digest realm="r", nonce="1", qop="auth"`)
	first, second := c.Authorize("INVITE", "sip:a", nil), c.Authorize("INVITE", "sip:a", nil)

	if err := c.Challenged(false, again, first); !errors.Is(err, ErrRejected) {
		t.Errorf("first use refused: %v, want %v", err, ErrRejected)
	}
	// A nonce used before may have expired at a server that does not say so.
	if err := c.Challenged(false, again, second); err != nil {
		t.Errorf("second use refused: %v, want another try", err)
	}
	if err := c.Challenged(false, []string{again[0] + ", stale=TRUE"}, first); err != nil {
		t.Errorf("stale: %v, want another try", err)
	}
	// A proxy's challenge on the way is not about the credentials for the server.
	if err := c.Challenged(true, again, first); err != nil {
		t.Errorf("proxy: %v, want another try", err)
	}
}

func TestClientKeepsItsSecretFromOtherRealms(t *testing.T) {
	c := NewClient(Account{Username: "u", Secret: A1{Password: "p"}, Realm: "gateway.example"})
	for _, v := range [][]string{
		{`Digest realm="evil.example", nonce="1", qop="auth"`},
		{`Digest realm="gateway.example", nonce="1", qop="new"`},
		{`Digest realm="gateway.example"`},
		{`Digest nonce="1"`},
		{`Basic realm="gateway.example"`},
		nil,
	} {
		if err := c.Challenged(false, v, nil); !errors.Is(err, ErrUnanswerable) {
			t.Errorf("Challenged(%q) = %v, want %v", v, err, ErrUnanswerable)
		}
	}
	if hs := c.Authorize("BYE", "sip:a", nil); len(hs) != 0 {
		t.Errorf("Authorize = %v, want nothing", hs)
	}
}

func TestClientRemembersABoundedNumberOfRealms(t *testing.T) {
	c := NewClient(mufasa)
	for i := range 3 * maxSessions {
		if err := c.Challenged(false, []string{`Digest realm="r` + strings.Repeat("x", i) + `", nonce="1"`}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.Authorize("BYE", "sip:a", nil)); n != maxSessions {
		t.Errorf("%d realms answered, want %d", n, maxSessions)
	}
}
