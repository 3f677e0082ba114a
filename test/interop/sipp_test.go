package interop

import (
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/loopback"
	"github.com/tandemswitch/tandem/test/interop/sipp"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

func scenario(name string) string { return filepath.Join("testdata", "sipp", name+".xml") }

// desks runs sipp as the phones of one switch.
type desks struct {
	t *testing.T
	s *tandem.Switch
	// tcp is how its phones speak.
	tcp bool
	// addr gives each sipp its address; fresh ones if nil.
	addr func() netip.Addr
}

func (d desks) local() netip.AddrPort {
	d.t.Helper()
	addr := loopback.Addr()
	if d.addr != nil {
		addr = d.addr()
	}
	local, err := loopback.AddrPort(addr)
	if err != nil {
		d.t.Fatal(err)
	}
	return local
}

// config is a scenario with what most of them need. More values come in pairs.
func (d desks) config(name string, more ...string) sipp.Config {
	values := map[string]string{"domain": d.s.Domain}
	for i := 0; i < len(more); i += 2 {
		values[more[i]] = more[i+1]
	}
	return sipp.Config{
		Scenario: scenario(name), Values: values, Server: d.s.SIP, Domain: d.s.Domain, Local: d.local(), TCP: d.tcp,
	}
}

// caller is a scenario of user 1000, who calls a number.
func (d desks) caller(name, number string, more ...string) sipp.Config {
	cfg := d.config(name, more...)
	cfg.Values["number"] = number
	cfg.Users = []sipp.User{{Name: "1000", Password: d.s.Password}}
	return cfg
}

// callee registers a user at a port and starts a scenario there that waits to be called.
func (d desks) callee(name, user string, more ...string) *sipp.Run {
	d.t.Helper()
	cfg := d.config(name, more...)
	return d.registered(cfg, user)
}

func (d desks) registered(cfg sipp.Config, user string) *sipp.Run {
	d.t.Helper()
	d.register(user, cfg.Local)
	cfg.Server = netip.AddrPort{}
	cfg.Values = maps.Clone(cfg.Values)
	cfg.Values["user"] = user
	return sipp.Start(d.t, cfg)
}

// register adds a contact of the user at the port.
func (d desks) register(user string, local netip.AddrPort) {
	d.t.Helper()
	cfg := d.config("register", "expires", "300")
	cfg.Local = local
	cfg.Users = []sipp.User{{Name: user, Password: d.s.Password}}
	sipp.Start(d.t, cfg).Wait()
}

// phonesOf is sipp's phones at a fresh switch.
func phonesOf(t *testing.T) desks {
	t.Helper()
	return desks{t: t, s: office(t)}
}

func TestInteropSippBasicCall(t *testing.T) {
	for _, test := range []struct {
		name           string
		caller, callee string
		tcp            bool
		by             string
	}{
		{"caller hangs up", "caller", "callee", false, "caller"},
		{"callee hangs up", "caller_waits", "callee_hangs_up", false, "callee"},
		{"caller hangs up, over TCP", "caller", "callee", true, "caller"},
		{"callee hangs up, over TCP", "caller_waits", "callee_hangs_up", true, "callee"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := phonesOf(t)
			d.tcp = test.tcp
			callee := d.callee(test.callee, "1001", "ring_milliseconds", "200")
			caller := sipp.Start(t, d.caller(test.caller, "1001"))
			caller.Wait()
			callee.Wait()
			in, out := pair(t, d.s)
			mustRecord(t, "caller", in, cleared(test.by), time.Second)
			mustRecord(t, "callee", out, cleared(test.by), time.Second)
		})
	}
}

func TestInteropSippWrongPassword(t *testing.T) {
	t.Parallel()
	d := phonesOf(t)
	for _, user := range []sipp.User{{Name: "1000", Password: "wrong"}, {Name: "1999", Password: d.s.Password}} {
		register := d.config("register_refused")
		register.Users = []sipp.User{user}
		sipp.Start(t, register).Wait()
		call := d.caller("caller_wrong_password", "9196")
		call.Users = []sipp.User{user}
		sipp.Start(t, call).Wait()
	}
	if r := d.s.Registrations(); len(r) != 0 {
		t.Errorf("registrations: %+v", r)
	}
}

func TestInteropSippUnknownNumberIs404(t *testing.T) {
	t.Parallel()
	d := phonesOf(t)
	sipp.Start(t, d.caller("caller_refused", "7777777", "status", "404")).Wait()
}

// direct lets 8 and a phone's number ring that phone with nothing after it, so that
// what the phone says is what the caller gets.
const direct = `
  <extension name="direct">
    <condition field="destination_number" expression="^8(10[01][0-9])$">
      <action application="bridge" data="user/$1@${domain_name}"/>
    </condition>
  </extension>`

// TestInteropSippRefusalsArePassedOn has the caller get what the called phone said.
func TestInteropSippRefusalsArePassedOn(t *testing.T) {
	for status, answer := range map[string]struct {
		reason, cause string
		q850          int
	}{
		"486": {"Busy Here", "USER_BUSY", 17},
		"480": {"Temporarily Unavailable", "NO_USER_RESPONSE", 18},
		"603": {"Decline", "CALL_REJECTED", 21},
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			d := desks{t: t, s: tandem.Open(t, tandem.Config{Binary: binary, Extensions: direct})}
			callee := d.callee("callee_refuses", "1001", "status", status, "reason", answer.reason)
			caller := sipp.Start(t, d.caller("caller_refused", "81001", "status", status))
			caller.Wait()
			callee.Wait()
			_, out := pair(t, d.s)
			if fmt.Sprint(out.SIPStatus) != status || out.Cause != answer.cause || out.Q850 != answer.q850 || out.Answered() {
				t.Errorf("record of the callee: %+v, want %s, %s, %d", out, status, answer.cause, answer.q850)
			}
		})
	}
}

// TestInteropSippCancel has the caller give up at each stage before the answer. A CANCEL
// before any response is none of them: it has to wait for one (RFC 3261 §9.1).
func TestInteropSippCancel(t *testing.T) {
	const (
		optional100 = `<recv response="100" optional="true"/>`
		a180        = optional100 + `<recv response="180"/>`
		a183        = optional100 + `<recv response="183"/>`
		// aWhile is a time in which nothing more may come.
		aWhile = `<pause milliseconds="700"/>`
	)
	for _, test := range []struct {
		name, number, wait string
		rings              bool
	}{
		{"after 100", "81001", `<recv response="100"/>`, false},
		{"after 180", "81001", a180, true},
		{"a while after 180", "81001", a180 + aWhile, true},
		{"after 183", "1001", a183, true},
		{"while the ring tone plays", "1001", a183 + aWhile, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := desks{t: t, s: tandem.Open(t, tandem.Config{Binary: binary, Extensions: direct})}
			callee := d.callee("callee_canceled", "1001")
			// How many messages of the scenario back the INVITE is from its CANCEL and its ACK.
			back := 1 + strings.Count(test.wait, "/>")
			caller := sipp.Start(t, d.caller("caller_cancels", test.number, "wait", test.wait,
				"back", fmt.Sprint(back), "back_ack", fmt.Sprint(back+8)))
			caller.Wait()
			if test.rings {
				callee.Wait()
				in, out := pair(t, d.s)
				canceled := tandem.CDR{From: "1000", To: test.number, Cause: "ORIGINATOR_CANCEL", Q850: 16, SIPStatus: 487, HungUpBy: "caller"}
				mustRecord(t, "caller", in, canceled, 0)
				canceled.To = "1001"
				mustRecord(t, "callee", out, canceled, 0)
			} else {
				callee.Stop() // it may never have been called
			}
			d.s.Settled(tandem.Metrics{"tandem_channels": 0})
		})
	}
}

func TestInteropSippCancelAfterAnswerHasNoEffect(t *testing.T) {
	t.Parallel()
	d := phonesOf(t)
	callee := d.callee("callee", "1001", "ring_milliseconds", "100")
	sipp.Start(t, d.caller("caller_cancels_late", "1001")).Wait()
	callee.Wait()
	in, _ := pair(t, d.s)
	if in.Cause != "NORMAL_CLEARING" || !in.Answered() {
		t.Errorf("record of the caller: %+v", in)
	}
}

// TestInteropSippLateOffer calls without a description, to the switch itself and
// to a phone.
func TestInteropSippLateOffer(t *testing.T) {
	t.Run("echo", func(t *testing.T) {
		t.Parallel()
		d := phonesOf(t)
		sipp.Start(t, d.caller("caller_late_offer", "9196")).Wait()
	})
	t.Run("phone", func(t *testing.T) {
		t.Parallel()
		d := phonesOf(t)
		callee := d.callee("callee", "1001", "ring_milliseconds", "200")
		sipp.Start(t, d.caller("caller_late_offer", "1001")).Wait()
		callee.Wait()
	})
}

// TestInteropSippReinvite holds and resumes in the ways that phones have, against the switch itself
// and against a phone.
func TestInteropSippReinvite(t *testing.T) {
	for _, hold := range []struct{ name, direction, ip, held string }{
		{"sendonly", "sendonly", "{{ip}}", "recvonly|inactive"},
		{"inactive", "inactive", "{{ip}}", "inactive"},
		// The old way (RFC 3264 §8.4): the direction says nothing.
		{"0.0.0.0", "sendrecv", "IP4 0.0.0.0", "sendrecv|recvonly|inactive"},
	} {
		for _, number := range []string{"9196", "1001"} {
			t.Run(hold.name+" to "+number, func(t *testing.T) {
				t.Parallel()
				d := phonesOf(t)
				if number == "1001" {
					callee := d.callee("callee", number, "ring_milliseconds", "100")
					defer callee.Wait()
				}
				sipp.Start(t, d.caller("caller_reinvites", number,
					"hold_direction", hold.direction, "hold_ip", hold.ip, "held", hold.held)).Wait()
			})
		}
	}
}

func TestInteropSippUpdate(t *testing.T) {
	t.Parallel()
	d := phonesOf(t)
	sipp.Start(t, d.caller("caller_updates", "9196")).Wait()
}

// TestInteropSippAnswerIsSentAgainUntilACK delays the ACK by 1.8 s: the 200 comes at
// 0, 0.5 and 1.5 s (RFC 3261 §13.3.1.4), and no more after the ACK.
func TestInteropSippAnswerIsSentAgainUntilACK(t *testing.T) {
	t.Parallel()
	d := phonesOf(t)
	result := sipp.Start(t, d.caller("caller_late_ack", "9196")).Wait()
	answers := 0
	for message := range strings.SplitSeq(result.Messages, "-----------------------------------------------") {
		if strings.Contains(message, "message received") && strings.Contains(message, "SIP/2.0 200") && strings.Contains(message, "CSeq: 2 INVITE") {
			answers++
		}
	}
	if answers != 3 {
		t.Errorf("the 200 came %d times, want 3\n%s", answers, result.Messages)
	}
}

// TestInteropSippRedirect has a phone that is forwarded to another one: the
// switch follows, or passes the 302 on.
func TestInteropSippRedirect(t *testing.T) {
	t.Parallel()
	d := desks{t: t, s: tandem.Open(t, tandem.Config{Binary: binary, Extensions: direct})}
	redirects := d.callee("callee_redirects", "1001", "target", "1002")
	target := d.callee("callee", "1002", "ring_milliseconds", "100")
	sipp.Start(t, d.caller("caller_redirected", "81001", "target", "1002")).Wait()
	redirects.Wait()
	target.Stop()
}

// TestInteropSippRegistrationSurvivesRestart calls a phone that registered with the
// switch's last run.
func TestInteropSippRegistrationSurvivesRestart(t *testing.T) {
	t.Parallel()
	d := phonesOf(t)
	callee := d.callee("callee", "1001", "ring_milliseconds", "100")
	d.s.Restart()
	if r := d.s.Registrations(); len(r) != 1 {
		t.Errorf("registrations after the restart: %+v, want one", r)
	}
	sipp.Start(t, d.caller("caller", "1001")).Wait()
	callee.Wait()
	pair(t, d.s)
}

// TestInteropSippIPv6 registers and calls over ::1.
func TestInteropSippIPv6(t *testing.T) {
	t.Parallel()
	if _, err := loopback.Port(loopback.V6); err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	d := desks{
		t: t, addr: func() netip.Addr { return loopback.V6 },
		s: tandem.Open(t, tandem.Config{Binary: binary, Addr: loopback.V6}),
	}
	callee := d.callee("callee", "1001", "ring_milliseconds", "100")
	sipp.Start(t, d.caller("caller", "1001")).Wait()
	callee.Wait()
	sipp.Start(t, d.caller("caller", "9196")).Wait()
}
