package interop

import (
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/child"
	"github.com/tandemswitch/tandem/test/interop/loopback"
	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// endTime is how long a switch that has no calls may take to end.
const endTime = 15 * time.Second

// drain asks the switch to stop and waits until it says that it takes no calls.
func drain(t *testing.T, s *tandem.Switch) {
	t.Helper()
	s.Signal()
	for deadline := time.Now().Add(endTime); s.Ready(); {
		if time.Now().After(deadline) {
			t.Fatal("the switch says that it is ready while it drains")
		}
	}
}

// TestInteropDrain stops the switch during a call: the call goes on as if nothing were, new calls
// and monitors are told 503, and the program ends after the call.
func TestInteropDrain(t *testing.T) {
	t.Parallel()
	child.Require(t, "sipsak", "sipsak")
	s := office(t)
	phones := open(t, s, "1000", "1001", "1002")
	a, b, late := phones[0], phones[1], phones[2]
	call := talking(a, b, "1001")
	drain(t, s)
	late.Dial("1001")
	if closed := late.Expect(phone.CallClosed); !strings.HasPrefix(closed.Param, "503") {
		t.Errorf("a new call got %s, want 503", outcome(closed))
	}
	options := child.Run(t, child.Command{
		Name: "sipsak", Path: "sipsak", Dir: t.TempDir(), Args: []string{"-vv", "-s", "sip:" + s.SIP.String()},
	})
	if _, err := options.Wait(endTime); err != nil || !strings.Contains(options.Log(), "SIP/2.0 503") || !strings.Contains(options.Log(), "Retry-After:") {
		t.Errorf("OPTIONS got no 503 with Retry-After, %v:\n%s", err, options.Log())
	}
	a.Talk(talkTime / 2)
	lasted := time.Since(call.answered)
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	s.Ended(endTime)
	mustHearEachOther(t, a, b, call, lasted)
	s.Restart()
	for _, p := range phones {
		p.Close() // while there is a switch to take their leave of
	}
	in, out := pair(t, s)
	mustRecord(t, "caller", in, cleared("caller"), lasted)
	mustRecord(t, "callee", out, cleared("caller"), lasted)
}

// TestInteropSecondSignalHurries ends the switch with a call up: the phones are hung up on, and the
// records are there after the next start.
func TestInteropSecondSignalHurries(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	talking(a, b, "1001")
	a.Talk(time.Second)
	drain(t, s)
	a.Talk(time.Second) // the call goes on
	s.Signal()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	s.Ended(endTime)
	s.Restart()
	for _, p := range phones {
		p.Close() // while there is a switch to take their leave of
	}
	in, out := pair(t, s)
	for _, r := range []string{in.HungUpBy, out.HungUpBy} {
		if r != "switch" {
			t.Errorf("hung up by %q, want by the switch: %+v, %+v", r, in, out)
		}
	}
	if !in.Answered() || !out.Answered() {
		t.Errorf("the records do not say that the call was answered: %+v, %+v", in, out)
	}
}

// TestInteropHurriesPastASilentPhone ends the switch while a phone owes it the answer to a CANCEL,
// which it would wait 32 s for (Timer F; RFC 3261 §17.1.2.2).
func TestInteropHurriesPastASilentPhone(t *testing.T) {
	t.Parallel()
	d := phonesOf(t)
	local, err := loopback.AddrPort(loopback.Addr())
	if err != nil {
		t.Fatal(err)
	}
	d.register("1001", local)
	canceled := silentPhone(t, local)
	a := phone.Open(t, desk(d.s, "1000"))
	a.Dial("1001")
	a.Expect(phone.CallProgress)
	a.Hangup()
	a.Expect(phone.CallClosed)
	select {
	case <-canceled:
	case <-time.After(endTime):
		t.Fatal("the phone got no CANCEL")
	}
	a.Close()
	drain(t, d.s)
	d.s.Signal()
	d.s.Ended(endTime)
}

// silentPhone rings when it is called and says nothing after that. The channel is closed when it
// gets a CANCEL. Its goroutine ends with the test.
func silentPhone(t *testing.T, local netip.AddrPort) <-chan struct{} {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		t.Fatal(err)
	}
	canceled, ended := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	header := regexp.MustCompile(`(?m)^(Via|From|Call-ID|CSeq|To):.*\r$`)
	go func() {
		defer close(ended)
		rang, over := false, false
		buf := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return // closed
			}
			request := string(buf[:n])
			switch {
			case strings.HasPrefix(request, "INVITE ") && !rang:
				rang = true
				answer := "SIP/2.0 180 Ringing\r\n"
				for _, line := range header.FindAllString(request, -1) {
					if strings.HasPrefix(line, "To:") {
						line = strings.TrimSuffix(line, "\r") + ";tag=silent\r"
					}
					answer += line + "\n"
				}
				_, _ = conn.WriteToUDPAddrPort([]byte(answer+"Content-Length: 0\r\n\r\n"), from)
			case strings.HasPrefix(request, "CANCEL ") && !over:
				over = true
				close(canceled)
			}
		}
	}()
	return canceled
}
