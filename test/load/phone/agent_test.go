package phone

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/endpoints/sip/digest"
	"github.com/tandemswitch/tandem/test/interop/loopback"
)

// limit is how long anything may take on a busy machine.
const limit = 20 * time.Second

// pair runs two agents whose server is the other one.
func pair(t *testing.T, change func(caller, callee *Config)) (caller, callee *Agent) {
	t.Helper()
	at := loopback.Addr()
	one, err1 := loopback.AddrPort(at)
	two, err2 := loopback.AddrPort(at)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	a, b := Config{Local: one, Server: two}, Config{Local: two, Server: one}
	if change != nil {
		change(&a, &b)
	}
	return run(t, a), run(t, b)
}

func run(t *testing.T, cfg Config) *Agent {
	t.Helper()
	a, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a
}

// outcome waits for what a callback reports.
func outcome(t *testing.T, from <-chan Outcome) Outcome {
	t.Helper()
	select {
	case o := <-from:
		return o
	case <-time.After(limit):
		t.Fatal("no outcome")
		return Outcome{}
	}
}

// deck is media that writes down what was done with it.
type deck struct {
	mu       sync.Mutex
	at       netip.AddrPort
	aimed    netip.AddrPort
	typ      uint8
	released int
}

func (d *deck) Addr() netip.AddrPort { return d.at }

func (d *deck) Aim(to netip.AddrPort, typ uint8) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aimed, d.typ = to, typ
	return nil
}

func (d *deck) Release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.released++
}

func TestCallIsAnsweredAndEnds(t *testing.T) {
	ours := &deck{at: netip.MustParseAddrPort("192.0.2.1:10000")}
	theirs := &deck{at: netip.MustParseAddrPort("192.0.2.2:20000")}
	caller, callee := pair(t, func(a, b *Config) {
		a.Media = func() (Media, error) { return ours, nil }
		b.Media = func() (Media, error) { return theirs, nil }
		a.PayloadType, b.PayloadType = 8, 8
	})
	up, done := make(chan Outcome, 1), make(chan Outcome, 1)
	caller.Place(Call{From: "1000", To: "1010", Hold: 10 * time.Millisecond, Up: func(o Outcome) { up <- o }, Done: func(o Outcome) { done <- o }})
	if o := outcome(t, up); !o.OK() || o.Setup <= 0 {
		t.Errorf("answered with %+v", o)
	}
	if o := outcome(t, done); !o.OK() {
		t.Errorf("ended with %+v", o)
	}
	if f := callee.Figures(); f.Answered != 1 || f.Broken != 0 || f.Unexpected != 0 {
		t.Errorf("the callee counts %+v", f)
	}
	for _, d := range []struct {
		*deck
		want netip.AddrPort
	}{{ours, theirs.at}, {theirs, ours.at}} {
		d.mu.Lock()
		if d.aimed != d.want || d.typ != 8 || d.released != 1 {
			t.Errorf("sound at %v aimed at %v, want %v; type %d; released %d times", d.at, d.aimed, d.want, d.typ, d.released)
		}
		d.mu.Unlock()
	}
}

func TestHangupAllEndsWhatIsUp(t *testing.T) {
	caller, callee := pair(t, nil)
	const n = 20
	up, done := make(chan Outcome, n), make(chan Outcome, n)
	for range n {
		caller.Place(Call{From: "1000", To: "1010", Up: func(o Outcome) { up <- o }, Done: func(o Outcome) { done <- o }})
	}
	for range n {
		outcome(t, up)
	}
	caller.HangupAll(1000)
	for range n {
		if o := outcome(t, done); !o.OK() {
			t.Errorf("ended with %+v", o)
		}
	}
	if f := callee.Figures(); f.Answered != n || f.Live > n {
		t.Errorf("the callee counts %+v", f)
	}
}

func TestCancelWhileRinging(t *testing.T) {
	caller, _ := pair(t, func(_, b *Config) { b.Silent = map[string]bool{"1016": true} })
	done := make(chan Outcome, 1)
	caller.Place(Call{From: "1000", To: "1016", Cancel: true, Done: func(o Outcome) { done <- o }})
	if o := outcome(t, done); o.Status != 487 || o.Err != nil {
		t.Errorf("ended with %+v, want 487", o)
	}
}

func TestNoCommonCodecIsRefused(t *testing.T) {
	caller, _ := pair(t, func(_, b *Config) { b.PayloadType = 8 })
	done := make(chan Outcome, 1)
	caller.Place(Call{From: "1000", To: "1010", Done: func(o Outcome) { done <- o }})
	if o := outcome(t, done); o.Status != 488 || o.OK() {
		t.Errorf("ended with %+v, want 488", o)
	}
}

func TestCallWithoutMediaFails(t *testing.T) {
	broke := errors.New("no leg")
	caller, _ := pair(t, func(a, _ *Config) { a.Media = func() (Media, error) { return nil, broke } })
	done := make(chan Outcome, 1)
	caller.Place(Call{From: "1000", To: "1010", Done: func(o Outcome) { done <- o }})
	if o := outcome(t, done); !errors.Is(o.Err, broke) {
		t.Errorf("ended with %+v", o)
	}
}

// challenger is a server that wants credentials, and loses the first packet of
// each transaction if it is deaf.
func challenger(t *testing.T, at netip.AddrPort, deaf bool) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := digest.NewServer(digest.ServerConfig{Realm: "example.com", Algorithms: []digest.Algorithm{digest.MD5}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		a := &Agent{local: at, prefix: "c"}
		seen := map[string]bool{}
		for buf := make([]byte, maxDatagram); ; {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m, err := parse(buf[:n])
			if err != nil || m.method == "ACK" {
				continue
			}
			if via := string(m.vias[0]); deaf && !seen[via] {
				seen[via] = true
				continue
			}
			_, err = srv.Verify(time.Now(), digest.Request{Credentials: credentials(buf[:n]), Method: m.method, URI: "sip:example.com", Source: "x"},
				func(string, string) (digest.A1, bool) { return digest.A1{Password: "secret"}, true })
			answer := a.reply(m, 200, "OK", "t", nil)
			if err != nil {
				answer = a.reply(m, 401, "Unauthorized", "t", nil)
				answer = append(answer[:len(answer)-2], "WWW-Authenticate: "+srv.Challenge(time.Now(), "x", false)[0]+"\r\n\r\n"...)
			}
			_, _ = conn.WriteToUDPAddrPort(answer, from)
		}
	}()
}

// credentials finds the Authorization of a request.
func credentials(b []byte) []string {
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "Authorization: "); ok {
			return []string{strings.TrimSpace(v)}
		}
	}
	return nil
}

func TestRegisterAnswersTheChallenge(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		at, err := loopback.AddrPort(loopback.Addr())
		if err != nil {
			t.Fatal(err)
		}
		challenger(t, at, deaf)
		for _, test := range []struct {
			password string
			status   int
		}{{"secret", 200}, {"wrong", 401}} {
			a := run(t, Config{Local: netip.AddrPortFrom(at.Addr(), 0), Server: at, Domain: "example.com", Password: test.password})
			done := make(chan Outcome, 1)
			a.Register("1000", func(o Outcome) { done <- o })
			o := outcome(t, done)
			if o.Status != test.status || o.Err != nil || o.Challenges == 0 {
				t.Errorf("deaf %v: password %q ended with %+v, want %d", deaf, test.password, o, test.status)
			}
			if deaf && o.Retransmits == 0 {
				t.Errorf("registered at a deaf server without a retransmission: %+v", o)
			}
		}
	}
}

func TestPostAfterTheEndIsRefused(t *testing.T) {
	a, err := Open(Config{Local: netip.AddrPortFrom(loopback.Addr(), 0), Server: netip.MustParseAddrPort("127.0.0.1:9")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for range inQueue + 1 { // the queue may take some that nobody will do
		if !a.Place(Call{From: "1000", To: "1010"}) {
			return
		}
	}
	t.Error("Place() is never refused after the end of Run")
}

func TestEndOfRunEndsCalls(t *testing.T) {
	at, err := loopback.AddrPort(loopback.Addr())
	if err != nil {
		t.Fatal(err)
	}
	d := &deck{at: at}
	a, err := Open(Config{Local: netip.AddrPortFrom(at.Addr(), 0), Server: at, Media: func() (Media, error) { return d, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	done := make(chan Outcome, 1)
	a.Place(Call{From: "1000", To: "1010", Done: func(o Outcome) { done <- o }})
	if f := a.Figures(); f.Live != 1 {
		t.Errorf("the agent counts %+v, want one call", f)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if o := outcome(t, done); !errors.Is(o.Err, errAbandoned) || d.released != 1 {
		t.Errorf("ended with %+v, released %d times", o, d.released)
	}
}
