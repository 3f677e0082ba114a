package phone

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/test/e2e/lan"
)

// bench is a phone and the wire it hangs on: the test is the switch.
type bench struct {
	*Phone
	wire  *mediatest.Conn
	trace []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	l := lan.New(time.Millisecond)
	b := &bench{}
	at := netip.MustParseAddrPort("10.0.0.1:5060")
	var err error
	if b.wire, err = l.Socket(at); err != nil {
		t.Fatal(err)
	}
	b.Phone, err = Open(Config{
		Name: "a", Number: "1000", Domain: "example.org", Addr: netip.MustParseAddrPort("10.0.0.2:5060"), Switch: at, LAN: l,
		Trace: func(line string) { b.trace = append(b.trace, line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// next is what the phone sent next.
func (b *bench) next(t *testing.T) *message {
	t.Helper()
	buf := make([]byte, 65536)
	_ = b.wire.SetReadDeadline(time.Now().Add(time.Minute))
	n, _, err := b.wire.ReadFromAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(string(buf[:n]))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (b *bench) put(text string) {
	_, _ = b.wire.WriteToAddrPort([]byte(strings.ReplaceAll(text, "\n", "\r\n")), b.cfg.Addr)
	time.Sleep(2 * time.Millisecond)
}

func (b *bench) faults() []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, l := range b.trace {
		if strings.HasPrefix(l, "! ") {
			all = append(all, l)
		}
	}
	return all
}

func (b *bench) close() {
	b.Close()
	_ = b.wire.Close()
}

func answer(m *message, status string) string {
	via := strings.Replace(m.get("Via"), ";rport", ";rport=5060;received=10.0.0.2", 1)
	return "SIP/2.0 " + status + "\nVia: " + via + "\nFrom: " + m.get("From") + "\nTo: " + m.get("To") + ";tag=s\nCall-ID: " + m.get("Call-ID") +
		"\nCSeq: " + m.get("CSeq") + "\nContact: <sip:10.0.0.1>\nContent-Length: 0\n\n"
}

func TestRequestsAreRepeatedUntilAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.close()
		if err := b.Do("> INVITE 1001"); err != nil {
			t.Fatal(err)
		}
		first := b.next(t)
		began := time.Now()
		for _, after := range []time.Duration{500, 1500, 3500} { // Timer A doubles
			again := b.next(t)
			if again.raw != first.raw || time.Since(began) != after*time.Millisecond {
				t.Errorf("again after %v, want %v", time.Since(began), after*time.Millisecond)
			}
		}
		b.put(answer(first, "486 Busy Here"))
		ack := b.next(t)
		if ack.method() != "ACK" || ack.branch() != first.branch() || param(ack.get("To"), "tag") != "s" {
			t.Errorf("ACK is %q", ack.raw)
		}
		time.Sleep(time.Minute)
		if f := b.faults(); f != nil {
			t.Errorf("faults: %q", f)
		}
	})
}

func TestFaultsOfTheSwitchAreSeen(t *testing.T) {
	tests := []struct{ name, change, to, want string }{
		{"Via", ";received=10.0.0.2", "", "RFC 3581"},
		{"branch", "branch=z9hG4bKa", "branch=z9hG4bKx", "answers no request"},
		{"CSeq", "CSeq: 1 ", "CSeq: 7 ", "CSeq 7 answers 1"},
		{"tag", ";tag=s", "", "no To tag"},
		{"length", "Content-Length: 0", "Content-Length: 5", "Content-Length"},
		{"contact", "Contact: <sip:10.0.0.1>\n", "", "no Contact"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				defer b.close()
				if err := b.Do("> INVITE 1001"); err != nil {
					t.Fatal(err)
				}
				good := answer(b.next(t), "180 Ringing")
				b.put(strings.Replace(good, tt.change, tt.to, 1))
				if f := b.faults(); len(f) == 0 || !strings.Contains(strings.Join(f, "\n"), tt.want) {
					t.Errorf("faults = %q, want %q", f, tt.want)
				}
			})
		})
	}
}

func TestHabitsCanBeTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.close()
		for _, line := range []string{"without ack", "> INVITE 1001 no-sdp hops=3 +X-A: b"} {
			if err := b.Do(line); err != nil {
				t.Fatal(err)
			}
		}
		m := b.next(t)
		if m.body != "" || m.get("Max-Forwards") != "3" || m.get("X-A") != "b" {
			t.Errorf("sent %q", m.raw)
		}
		b.put(answer(m, "404 Not Found"))
		_ = b.wire.SetReadDeadline(time.Now().Add(time.Minute))
		if n, _, err := b.wire.ReadFromAddrPort(make([]byte, 2000)); err == nil {
			t.Errorf("sent %d bytes", n)
		}
		if err := b.Do("without manners"); err == nil {
			t.Error("an unknown habit is not refused")
		}
	})
}

func TestReadSDP(t *testing.T) {
	s := readSDP(sound{at: netip.MustParseAddrPort("10.0.0.2:4000"), codecs: []string{"8", "101"}, direction: "sendonly", version: 3, video: true}.text())
	if s.fault != "" || s.version != 3 || s.at.Port() != 4000 || s.direction != "sendonly" || s.streams != 2 || strings.Join(s.names, ",") != "pcma,dtmf" {
		t.Errorf("readSDP = %+v", s)
	}
}
