package digest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	testRealm  = "pbx.example"
	testURI    = "sip:pbx.example"
	testSource = "192.0.2.7"
)

var testNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// directory knows 1000 by password, 1001 by an MD5 hash, 1002 with no secret.
func directory(user, realm string) (A1, bool) {
	switch user {
	case "1000":
		return A1{Password: "correct horse"}, true
	case "1001":
		return A1{MD5: MD5.sum("1001", realm, "battery")}, true
	case "1002":
		return A1{}, true
	}
	return A1{}, false
}

func newTestServer(t *testing.T, cfg ServerConfig) *Server {
	t.Helper()
	if cfg.Realm == "" {
		cfg.Realm = testRealm
	}
	s, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// phone is a Client that has been challenged by s.
func phone(t *testing.T, s *Server, now time.Time, user, password string) *Client {
	t.Helper()
	c := NewClient(Account{Username: user, Secret: A1{Password: password}})
	if err := c.Challenged(false, s.Challenge(now, testSource, false), nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// register is what the client sends as a REGISTER.
func register(c *Client) Request {
	return Request{Credentials: []string{c.Authorize("REGISTER", testURI, nil)[0].Value}, Method: "REGISTER", URI: testURI, Source: testSource}
}

func verify(t *testing.T, s *Server, now time.Time, r Request, wantUser string, want error) {
	t.Helper()
	user, err := s.Verify(now, r, directory)
	if user != wantUser || !errors.Is(err, want) {
		t.Errorf("Verify = %q, %v, want %q, %v", user, err, wantUser, want)
	}
}

func TestVerify(t *testing.T) {
	tests := []struct {
		name     string
		user     string
		password string
		change   func(*Request)
		after    time.Duration
		want     error
	}{
		{name: "right password", user: "1000", password: "correct horse"},
		{name: "wrong password", user: "1000", password: "nope", want: ErrRejected},
		{name: "unknown user", user: "4711", password: "correct horse", want: ErrRejected},
		{name: "user without a secret", user: "1002", password: "anything", want: ErrRejected},
		{name: "no credentials", user: "1000", password: "correct horse", change: func(r *Request) { r.Credentials = nil }, want: ErrMissing},
		{name: "other scheme", user: "1000", password: "correct horse", change: func(r *Request) { r.Credentials = []string{"Basic Zm9v"} }, want: ErrMissing},
		{name: "malformed", user: "1000", password: "correct horse", change: func(r *Request) { r.Credentials = []string{`Digest realm="x`} }, want: ErrRejected},
		{name: "other method", user: "1000", password: "correct horse", change: func(r *Request) { r.Method = "INVITE" }, want: ErrRejected},
		{name: "other uri", user: "1000", password: "correct horse", change: func(r *Request) { r.URI = "sip:other.example" }, want: ErrRejected},
		{name: "other source", user: "1000", password: "correct horse", change: func(r *Request) { r.Source = "198.51.100.1" }, want: ErrStale},
		{name: "late", user: "1000", password: "correct horse", after: defaultNonceTTL, want: ErrStale},
		{name: "late and wrong", user: "1000", password: "nope", after: defaultNonceTTL, want: ErrRejected},
		{name: "just in time", user: "1000", password: "correct horse", after: defaultNonceTTL - time.Millisecond},
		{name: "from the future", user: "1000", password: "correct horse", after: -2 * defaultNonceTTL, want: ErrStale},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestServer(t, ServerConfig{})
			r := register(phone(t, s, testNow, tt.user, tt.password))
			if tt.change != nil {
				tt.change(&r)
			}
			wantUser := tt.user
			if tt.want != nil {
				wantUser = ""
			}
			verify(t, s, testNow.Add(tt.after), r, wantUser, tt.want)
		})
	}
}

func TestVerifyTakesCredentialsOfOurRealmAmongOthers(t *testing.T) {
	s := newTestServer(t, ServerConfig{})
	r := register(phone(t, s, testNow, "1000", "correct horse"))
	r.Credentials = append([]string{"Basic Zm9v", `Digest realm="proxy.example", username="x"`, `Digest broken`}, r.Credentials...)
	verify(t, s, testNow, r, "1000", nil)

	r.Credentials = r.Credentials[1:2]
	verify(t, s, testNow, r, "", ErrMissing)
}

func TestCopiedRequestIsStale(t *testing.T) {
	s := newTestServer(t, ServerConfig{})
	c := phone(t, s, testNow, "1000", "correct horse")
	first, second, third := register(c), register(c), register(c)
	verify(t, s, testNow, first, "1000", nil)
	verify(t, s, testNow, first, "", ErrStale)
	verify(t, s, testNow, third, "1000", nil)
	verify(t, s, testNow, second, "", ErrStale) // the count must grow
}

func TestWrongPasswordUsesUpNothing(t *testing.T) {
	s := newTestServer(t, ServerConfig{})
	verify(t, s, testNow, register(phone(t, s, testNow, "1000", "nope")), "", ErrRejected)
	verify(t, s, testNow, register(phone(t, s, testNow, "4711", "nope")), "", ErrRejected)
	if n := s.counts.len(); n != 0 {
		t.Errorf("%d nonces remembered of strangers, want 0", n)
	}
}

func TestNonceOfAnotherServerIsStale(t *testing.T) {
	c := phone(t, newTestServer(t, ServerConfig{}), testNow, "1000", "correct horse")
	verify(t, newTestServer(t, ServerConfig{}), testNow, register(c), "", ErrStale)

	secret := []byte("a secret that two servers share")
	c = phone(t, newTestServer(t, ServerConfig{Secret: secret}), testNow, "1000", "correct horse")
	verify(t, newTestServer(t, ServerConfig{Secret: secret}), testNow, register(c), "1000", nil)
}

func TestForgedTimeStampIsStale(t *testing.T) {
	s := newTestServer(t, ServerConfig{})
	value := s.Challenge(testNow.Add(-time.Hour), testSource, false)[0]
	p, err := parse(value)
	if err != nil {
		t.Fatal(err)
	}
	// The fresh nonce's time with the old one's MAC.
	fresh, err := parse(s.Challenge(testNow, testSource, false)[0])
	if err != nil {
		t.Fatal(err)
	}
	forged := fresh["nonce"][:10] + p["nonce"][10:]
	c := NewClient(Account{Username: "1000", Secret: A1{Password: "correct horse"}})
	if err := c.Challenged(false, []string{strings.Replace(value, p["nonce"], forged, 1)}, nil); err != nil {
		t.Fatal(err)
	}
	verify(t, s, testNow, register(c), "", ErrStale)
}

func TestReplayTableIsBoundedAndStaysSafe(t *testing.T) {
	s := newTestServer(t, ServerConfig{MaxNonces: 3})
	var used []Request
	for i := range 10 {
		now := testNow.Add(time.Duration(i) * time.Second)
		r := register(phone(t, s, now, "1000", "correct horse"))
		verify(t, s, now, r, "1000", nil)
		used = append(used, r)
		if n := s.counts.len(); n > 3 {
			t.Fatalf("after %d nonces %d are remembered, want at most 3", i+1, n)
		}
	}
	for i, r := range used {
		if _, err := s.Verify(testNow.Add(10*time.Second), r, directory); !errors.Is(err, ErrStale) {
			t.Errorf("replay of request %d = %v, want %v", i, err, ErrStale)
		}
	}
}

func TestExpiredNoncesAreForgotten(t *testing.T) {
	s := newTestServer(t, ServerConfig{NonceTTL: time.Second})
	for i := range 1000 {
		now := testNow.Add(time.Duration(i) * 100 * time.Millisecond)
		verify(t, s, now, register(phone(t, s, now, "1000", "correct horse")), "1000", nil)
	}
	if n := s.counts.len(); n > 11 {
		t.Errorf("%d nonces remembered, want those of the last second", n)
	}
	if n := len(s.counts.order); n > 32 {
		t.Errorf("queue of %d nonces kept, want no more than twice the live ones", n)
	}
}

func TestChallenge(t *testing.T) {
	s := newTestServer(t, ServerConfig{Realm: `a "b"`})
	values := s.Challenge(testNow, testSource, true)
	if len(values) != 2 {
		t.Fatalf("%d challenges, want 2", len(values))
	}
	for i, alg := range []string{"SHA-256", "MD5"} {
		p, err := parse(values[i])
		if err != nil {
			t.Fatal(err)
		}
		if p["algorithm"] != alg || p["stale"] != "true" || p["qop"] != "auth" || p["realm"] != `a "b"` {
			t.Errorf("challenge %d = %v, want %s, stale, auth", i, p, alg)
		}
	}
	if v := s.Challenge(testNow, testSource, false)[0]; strings.Contains(v, "stale") {
		t.Errorf("challenge %q says stale", v)
	}
	if a, b := s.Challenge(testNow, testSource, false)[0], s.Challenge(testNow, testSource, false)[0]; a == b {
		t.Error("two challenges share a nonce")
	}
}

func TestUnknownUserAndWrongPasswordLookAlike(t *testing.T) {
	s := newTestServer(t, ServerConfig{})
	calls := 0
	lookup := func(user, realm string) (A1, bool) {
		calls++
		return directory(user, realm)
	}
	for _, user := range []string{"1000", "4711"} {
		_, err := s.Verify(testNow, register(phone(t, s, testNow, user, "nope")), lookup)
		if want := fmt.Sprintf("%v: user %q", ErrRejected, user); err == nil || err.Error() != want {
			t.Errorf("Verify(%s) = %v, want %s", user, err, want)
		}
	}
	if calls != 2 {
		t.Errorf("%d look-ups, want one for each", calls)
	}
}

func TestStoredHashes(t *testing.T) {
	s := newTestServer(t, ServerConfig{Algorithms: []Algorithm{MD5}})
	verify(t, s, testNow, register(phone(t, s, testNow, "1001", "battery")), "1001", nil)
	verify(t, s, testNow, register(phone(t, s, testNow, "1001", "nope")), "", ErrRejected)

	// No SHA-256 hash is kept, and an empty one must not be guessable.
	s = newTestServer(t, ServerConfig{})
	c := NewClient(Account{Username: "1001", Secret: A1{SHA256: SHA256.sum("")}})
	if err := c.Challenged(false, s.Challenge(testNow, testSource, false), nil); err != nil {
		t.Fatal(err)
	}
	verify(t, s, testNow, register(c), "", ErrRejected)
	x := exchange{alg: SHA256, nonce: "n", method: "REGISTER", uri: testURI}
	verify(t, s, testNow, Request{
		Credentials: []string{fmt.Sprintf(`Digest username="1002", realm=%q, nonce="n", uri=%q, algorithm=SHA-256, response=%q`, testRealm, testURI, x.response(""))},
		Method:      "REGISTER", URI: testURI, Source: testSource,
	}, "", ErrRejected)
}

func TestClientsWithoutQOPGetOneUsePerNonce(t *testing.T) {
	s := newTestServer(t, ServerConfig{})
	p, err := parse(s.Challenge(testNow, testSource, false)[1])
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(Account{Username: "1000", Secret: A1{Password: "correct horse"}})
	old := fmt.Sprintf(`Digest realm=%q, nonce=%q`, p["realm"], p["nonce"])
	if err := c.Challenged(false, []string{old}, nil); err != nil {
		t.Fatal(err)
	}
	r := register(c)
	if strings.Contains(r.Credentials[0], "nc=") || strings.Contains(r.Credentials[0], "cnonce=") {
		t.Errorf("credentials %q of RFC 2069 have a count", r.Credentials[0])
	}
	verify(t, s, testNow, r, "1000", nil)
	verify(t, s, testNow, register(c), "", ErrStale)
}

func TestVerifyRefusesWhatWasNotOffered(t *testing.T) {
	s := newTestServer(t, ServerConfig{})
	for _, change := range []string{
		`algorithm=SHA-512-256`, `algorithm=MD5-sess`, `algorithm=rot13`, `qop=auth-int`, `qop=token`,
		`nc=00000000`, `nc=zz`, `nc=`, `cnonce=`, `userhash=true`, `response=""`, `nonce=""`, `username=""`, `uri=""`,
	} {
		r := register(phone(t, s, testNow, "1000", "correct horse"))
		p, err := parse(r.Credentials[0])
		if err != nil {
			t.Fatal(err)
		}
		c, err := parse("Digest " + change)
		if err != nil {
			t.Fatal(err)
		}
		var w writer
		for k, v := range p {
			if _, changed := c[k]; !changed {
				w.quote(k, v)
			}
		}
		for k, v := range c {
			w.quote(k, v)
		}
		r.Credentials[0] = w.String()
		if _, err := s.Verify(testNow, r, directory); !errors.Is(err, ErrRejected) {
			t.Errorf("with %s: %v, want %v", change, err, ErrRejected)
		}
	}
}

func TestNewServerRefuses(t *testing.T) {
	for _, cfg := range []ServerConfig{
		{},
		{Realm: "x", Algorithms: []Algorithm{"rot13"}},
		{Realm: "x", Algorithms: []Algorithm{MD5, MD5}},
	} {
		if _, err := NewServer(cfg); err == nil {
			t.Errorf("NewServer(%+v) made a server", cfg)
		}
	}
}

func TestSameURI(t *testing.T) {
	for _, c := range []struct {
		digest, request string
		want            bool
	}{
		{"sip:1000@pbx", "sip:1000@pbx", true},
		{"sip:1000@PBX;transport=tcp", "SIP:1000@pbx", true},
		{"sip:1000@pbx:5060", "sip:1000@pbx", true},
		{"sip:1000@pbx:5060", "sip:1000@pbx:5062", false},
		{"sip:10.0.0.1:5060", "sip:1000@10.0.0.1:5060", true},
		{"sip:1001@pbx", "sip:1000@pbx", false},
		{"sip:1000@pbx", "sip:pbx", false},
		{"sips:1000@pbx", "sip:1000@pbx", false},
		{"sip:[2001:db8::1]:5060", "sip:[2001:DB8::1]", true},
		{"sip:[2001:db8::1]", "sip:[2001:db8::2]", false},
		{"tel:+4930", "tel:+4930", true},
		{"", "sip:pbx", false},
		{"", "", false},
		{"garbage", "garbage", false},
	} {
		if got := SameURI(c.digest, c.request); got != c.want {
			t.Errorf("SameURI(%q, %q) = %v, want %v", c.digest, c.request, got, c.want)
		}
	}
}
