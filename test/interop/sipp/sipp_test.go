package sipp

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandemswitch/tandem/test/interop/loopback"
)

func TestExpandFillsBlocksAndValues(t *testing.T) {
	got, err := expand("{{callee}} {{sdp}}", map[string]string{"number": "1001", "domain": "example.com", "version": "7", "ip": "IP4 127.0.0.1"})
	if err != nil || !strings.HasPrefix(got, "To: <sip:1001@example.com> v=0") || !strings.Contains(got, "o=sipp 1 7 ") || strings.Contains(got, "{{") {
		t.Errorf("expand() = %q, %v", got, err)
	}
	if got, err := expand("{{nonesuch}}", nil); err == nil {
		t.Errorf("a placeholder without value gives %q and no error", got)
	}
}

// The tests below run the callers' scenarios of the switch's tests against a
// sipp that answers as a switch would: what fails there is then not the scenarios' fault.

func scenario(name string) string { return filepath.Join("..", "testdata", "sipp", name+".xml") }

func values(more ...string) map[string]string {
	v := map[string]string{"domain": "example.com", "number": "1001", "user": "1001", "milliseconds": "100", "ring_milliseconds": "50"}
	for i := 0; i < len(more); i += 2 {
		v[more[i]] = more[i+1]
	}
	return v
}

const okAndBye = `{{answered}}<recv request="ACK"/>{{answer_bye}}`

func TestCallersAgainstAnAnsweringSipp(t *testing.T) {
	for _, test := range []struct {
		name, caller, then string
		tcp                bool
		addr               netip.Addr
	}{
		{"basic", "caller", okAndBye, false, loopback.Addr()},
		{"tcp", "caller", okAndBye, true, loopback.Addr()},
		{"late ack", "caller_late_ack", okAndBye, false, loopback.Addr()},
		{"IPv6", "caller", okAndBye, false, loopback.V6},
		{"IPv6 over TCP", "caller", okAndBye, true, loopback.V6},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			local := func() netip.AddrPort {
				ap, err := loopback.AddrPort(test.addr)
				if err != nil {
					t.Skipf("this machine has no %s: %v", test.addr, err)
				}
				return ap
			}
			callee := Start(t, Config{Scenario: filepath.Join("testdata", "callee_challenges.xml"), Values: values("then", test.then), TCP: test.tcp, Local: local()})
			caller := Start(t, Config{Scenario: scenario(test.caller), Values: values(), Users: []User{{"1000", "secret"}}, Server: callee.Local, TCP: test.tcp, Local: local()})
			caller.Wait()
			callee.Wait()
		})
	}
}

func TestRefusedCaller(t *testing.T) {
	t.Parallel()
	const busy = `<send retrans="500"><![CDATA[
SIP/2.0 486 Busy Here
{{response}}
Content-Length: 0

]]></send><recv request="ACK"/>`
	callee := Start(t, Config{Scenario: filepath.Join("testdata", "callee_challenges.xml"), Values: values("then", busy)})
	caller := Start(t, Config{Scenario: scenario("caller_refused"), Values: values("status", "486"), Users: []User{{"1000", "secret"}}, Server: callee.Local})
	caller.Wait()
	callee.Wait()
}

func TestUnexpectedMessageIsCounted(t *testing.T) {
	t.Parallel()
	callee := Start(t, Config{Scenario: filepath.Join("testdata", "callee_challenges.xml"), Values: values("then", okAndBye)})
	caller := Start(t, Config{Scenario: scenario("caller_refused"), Values: values("status", "486"), Users: []User{{"1000", "secret"}}, Server: callee.Local})
	result := caller.Finish()
	if result.Failed != 1 || result.Unexpected != 1 || result.Succeeded != 0 || !strings.Contains(result.Errors, "200 OK") {
		t.Errorf("a caller that expects 486 and gets 200: %+v", result)
	}
	if !strings.Contains(result.Messages, "SIP/2.0 180 Ringing") {
		t.Error("the trace does not hold the messages")
	}
	if result := callee.Finish(); result.Failed != 1 {
		t.Errorf("a callee that is hung up on before the ACK: %+v", result)
	}
}
