package sipp

import (
	"net/netip"
	"path/filepath"
	"regexp"
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

const (
	okAndBye = `{{answered}}<recv request="ACK"/>{{answer_bye}}`
	canceled = `<recv request="CANCEL"/>
  <send><![CDATA[
SIP/2.0 200 OK
{{response_in_dialog}}
Content-Length: 0

]]></send>
  <send retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]callee[call_number]
[last_Call-ID:]
CSeq: 2 INVITE
Content-Length: 0

]]></send>
  <recv request="ACK"/>`
	moved = `<send retrans="500"><![CDATA[
SIP/2.0 302 Moved Temporarily
[last_Via:]
[last_From:]
[last_To:];tag=[pid]callee[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:1002@example.com>
Content-Length: 0

]]></send>
  <recv request="ACK"/>`
	held = `{{answered}}<recv request="ACK"/>
  <recv request="INVITE"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
{{response_in_dialog}}
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 2 IN {{ip}}
s=-
c=IN {{ip}}
t=0 0
m=audio [media_port] RTP/AVP 0
a=recvonly
]]></send>
  <recv request="ACK"/>
  <recv request="INVITE"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
{{response_in_dialog}}
Content-Type: application/sdp
Content-Length: [len]

{{sdp_resume}}
]]></send>
  <recv request="ACK"/>
  <recv request="INVITE"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
{{response_in_dialog}}
Content-Type: application/sdp
Content-Length: [len]

{{sdp_resume}}
]]></send>
  <recv request="ACK"/>{{answer_bye}}`
	hangsUp = `{{answered}}<recv request="ACK"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
{{via}}
From: <sip:1001@example.com>;tag=[pid]callee[call_number]
[last_From:]
[last_Call-ID:]
CSeq: 1 BYE
Content-Length: 0

]]></send>
  <recv response="200"/>`
	cancelNoEffect = `{{answered}}<recv request="ACK"/><recv request="CANCEL"/>
  <send><![CDATA[
SIP/2.0 {{late}}
{{response_in_dialog}}
Content-Length: 0

]]></send>{{answer_bye}}`
)

func TestCallersAgainstAnAnsweringSipp(t *testing.T) {
	for _, test := range []struct {
		name, caller, then string
		values             []string
		tcp                bool
		addr               netip.Addr
	}{
		{name: "basic", caller: "caller", then: okAndBye},
		{name: "tcp", caller: "caller", then: okAndBye, tcp: true},
		{name: "IPv6", caller: "caller", then: okAndBye, addr: loopback.V6},
		{name: "IPv6 over TCP", caller: "caller", then: okAndBye, tcp: true, addr: loopback.V6},
		{name: "late ACK", caller: "caller_late_ack", then: okAndBye},
		{name: "late offer", caller: "caller_late_offer", then: okAndBye},
		{name: "cancels after 180", caller: "caller_cancels", then: canceled,
			values: []string{"wait", `<recv response="100" optional="true"/><recv response="180"/>`, "back", "3", "back_ack", "11"}},
		{name: "cancels late, 200", caller: "caller_cancels_late", then: cancelNoEffect, values: []string{"late", "200 OK"}},
		{name: "cancels late, 481", caller: "caller_cancels_late", then: cancelNoEffect, values: []string{"late", "481 Call/Transaction Does Not Exist"}},
		{name: "redirected, passed on", caller: "caller_redirected", then: moved, values: []string{"target", "1002"}},
		{name: "redirected, followed", caller: "caller_redirected", then: okAndBye, values: []string{"target", "1002"}},
		{name: "re-INVITEs", caller: "caller_reinvites", then: held, values: []string{"held", "recvonly|inactive"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			addr := func() netip.AddrPort {
				a := test.addr
				if !a.IsValid() {
					a = loopback.Addr()
				}
				ap, err := loopback.AddrPort(a)
				if err != nil {
					t.Skipf("this machine has no %s: %v", a, err)
				}
				return ap
			}
			v := values(append(test.values, "then", test.then)...)
			callee := Start(t, Config{Scenario: filepath.Join("testdata", "callee_challenges.xml"), Values: v, TCP: test.tcp, Local: addr()})
			caller := Start(t, Config{Scenario: scenario(test.caller), Values: v, Users: []User{{"1000", "secret"}}, Server: callee.Local, TCP: test.tcp, Local: addr()})
			result := caller.Wait()
			callee.Wait()
			mustKeepBranch(t, result.Messages)
		})
	}
}

// mustKeepBranch fails the test unless each CANCEL, and each ACK of a refusal, has
// the branch of an INVITE (RFC 3261 §9.1, §17.1.1.3): a real switch would not know them
// otherwise.
func mustKeepBranch(t *testing.T, messages string) {
	t.Helper()
	branch := regexp.MustCompile(`branch=([^;\s]+)`)
	cseq := regexp.MustCompile(`CSeq: (\d+) (\w+)`)
	invites, refused := map[string]string{}, map[string]bool{}
	for message := range strings.SplitSeq(messages, "-----------------------------------------------") {
		b, c := branch.FindStringSubmatch(message), cseq.FindStringSubmatch(message)
		if b == nil || c == nil {
			continue
		}
		number, method := c[1], c[2]
		switch {
		case strings.Contains(message, "message received"):
			if method == "INVITE" && regexp.MustCompile(`SIP/2.0 [3-6]`).MatchString(message) {
				refused[number] = true
			}
		case method == "INVITE":
			invites[number] = b[1]
		case method == "CANCEL", method == "ACK" && refused[number]:
			if b[1] != invites[number] {
				t.Errorf("%s %s has branch %s, its INVITE %s", method, number, b[1], invites[number])
			}
		}
	}
}

func TestCalleesAgainstACallingSipp(t *testing.T) {
	const (
		answered = `<recv response="180" optional="true"/><recv response="200" rrs="true"/>{{ack}}`
		reinvite = `<send retrans="500"><![CDATA[
INVITE [next_url] SIP/2.0
{{request_in_dialog}}
CSeq: 3 INVITE
Content-Type: application/sdp
Content-Length: [len]

{{sdp_hold}}
]]></send>
  <recv response="200"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
{{request_in_dialog}}
CSeq: 3 ACK
Content-Length: 0

]]></send>`
		refused = `<recv response="180" optional="true"/><recv response="{{status}}"/>
  <send><![CDATA[
ACK sip:{{number}}@{{domain}} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-4];rport
{{caller}}
[last_To:]
Call-ID: [call_id]
CSeq: 2 ACK
Content-Length: 0

]]></send>`
		cancel = `<recv response="180"/><pause milliseconds="100"/>
  <send retrans="500"><![CDATA[
CANCEL sip:{{number}}@{{domain}} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-4];rport
{{caller}}
{{callee}}
Call-ID: [call_id]
CSeq: 2 CANCEL
Content-Length: 0

]]></send>
  <recv response="200"/>
  <recv response="487"/>
  <send><![CDATA[
ACK sip:{{number}}@{{domain}} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-7];rport
{{caller}}
[last_To:]
Call-ID: [call_id]
CSeq: 2 ACK
Content-Length: 0

]]></send>`
	)
	for _, test := range []struct {
		name, callee, then string
		values             []string
	}{
		{"hung up on", "callee", answered + `<pause milliseconds="100"/>{{bye}}`, nil},
		{"re-INVITEd twice", "callee", answered + reinvite + reinvite + `{{bye}}`, nil},
		{"hangs up", "callee_hangs_up", answered + `{{answer_bye}}`, nil},
		{"refuses", "callee_refuses", refused, []string{"status", "480", "reason", "Temporarily Unavailable"}},
		{"redirects", "callee_redirects", refused, []string{"status", "302", "target", "1002"}},
		{"is canceled", "callee_canceled", cancel, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := values(append(test.values, "then", test.then)...)
			callee := Start(t, Config{Scenario: scenario(test.callee), Values: v})
			caller := Start(t, Config{Scenario: filepath.Join("testdata", "caller_unchallenged.xml"), Values: v, Users: []User{{"1000", "secret"}}, Server: callee.Local})
			result := caller.Wait()
			callee.Wait()
			mustKeepBranch(t, result.Messages)
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
