package sip

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/digest"
	"github.com/tandemswitch/tandem/endpoints/sip/registrar"
)

// account answers challenges for a phone.
func account(user, password string) *digest.Client {
	return digest.NewClient(digest.Account{Username: user, Secret: digest.A1{Password: password}})
}

// authorization returns the credentials for a challenge the phone heard.
func authorization(t *testing.T, c *digest.Client, challenge, method, uri string) string {
	t.Helper()
	proxy, name := false, "WWW-Authenticate"
	if strings.HasPrefix(challenge, "SIP/2.0 407") {
		proxy, name = true, "Proxy-Authenticate"
	}
	var all []string
	for line := range strings.SplitSeq(challenge, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			all = append(all, v)
		}
	}
	if err := c.Challenged(proxy, all, nil); err != nil {
		t.Fatal(err)
	}
	h := c.Authorize(method, uri, nil)
	return h[0].Name + ": " + h[0].Value
}

// registration is a phone's dialog-less series of REGISTERs.
func registration(user string, at netip.AddrPort) *dlg {
	return &dlg{
		callID: "reg-" + user, local: user, from: "<sip:" + user + "@example.com>", to: "<sip:" + user + "@example.com>",
		contact: "replaced", via: at,
	}
}

// contactLine writes the Contact header of a REGISTER.
func registerWith(d *dlg, contact string, more ...string) string {
	text := d.say("REGISTER", more...)
	text = strings.Replace(text, "sip:5000@192.0.2.1", "sip:example.com", 1)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "Contact: ") {
			lines[i] = contact
		}
	}
	return strings.Join(strings.Split(strings.Join(lines, "\n"), "\n\n\n"), "\n\n")
}

func (b *bench) registered(p *phone, user string, contact string, more ...string) string {
	b.t.Helper()
	d := registration(user, aliceAddr)
	b.serial++
	d.callID += fmt.Sprint("-", b.serial)
	c := account(user, "secret-"+user)
	p.send(registerWith(d, contact, more...))
	challenge := p.expect("401", soon)
	p.send(registerWith(d, contact, append(more, authorization(b.t, c, challenge, "REGISTER", "sip:example.com"))...))
	return p.hear(soon)
}

func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{Directory: users("1000", "1001")}, "challenge-realm=auto_from")
		alice := b.phone(aliceAddr)
		ok := b.registered(alice, "1000", `Contact: <sip:1000@192.0.2.10:5060;ob>;q=0.5;+sip.instance="<urn:uuid:1>";expires=120`)
		if !strings.HasPrefix(ok, "SIP/2.0 200") || header(ok, "Contact") != `<sip:1000@192.0.2.10:5060;ob>;expires=120;+sip.instance="<urn:uuid:1>"` || header(ok, "Date") == "" {
			t.Errorf("200:\n%s", ok)
		}
		aor := core.AOR{User: "1000", Domain: "example.com"}
		got := b.m.Locator().Contacts(aor)
		if len(got) != 1 || got[0].Dial != "sofia/internal/sip:1000@192.0.2.10:5060;ob" || got[0].Received != "192.0.2.10:5060" {
			t.Fatalf("contacts %+v", got)
		}
		// The switch can call it.
		leg, in := b.place(strings.TrimPrefix(got[0].Dial, "sofia/"), parsed(t, 7000), nil)
		inv := alice.expect("INVITE sip:1000@192.0.2.10:5060;ob SIP/2.0", soon)
		alice.send(answerTo(inv, 486, "x"))
		alice.expect("ACK", soon)
		b.want(in, "FarHangup(USER_BUSY 486)")
		leg.Release(core.Release{})

		// Behind a NAT: the contact is of no use, the source is.
		nat := b.phone(netip.MustParseAddrPort("198.51.100.7:40000"))
		b.registered(nat, "1001", "Contact: <sip:1001@10.0.0.7:5060>", "Expires: 300")
		got = b.m.Locator().Contacts(core.AOR{User: "1001", Domain: "example.com"})
		if len(got) != 1 {
			t.Fatalf("contacts %+v", got)
		}
		leg, in = b.place("internal/1001%example.com", parsed(t, 7000), nil)
		inv = nat.expect("INVITE sip:1001@10.0.0.7:5060 SIP/2.0", soon)
		nat.send(answerTo(inv, 200, "x", "Contact: <sip:1001@10.0.0.7:5060>", description(5000)))
		nat.expect("ACK sip:1001@10.0.0.7:5060", soon)
		leg.Release(core.Release{})
		nat.send(answerTo(nat.expect("BYE sip:1001@10.0.0.7:5060", soon), 200, ""))
		b.want(in, "Answered(5000) Released(200)")

		// De-registration, and a fetch that finds nothing.
		ok = b.registered(alice, "1000", "Contact: *", "Expires: 0")
		if !strings.HasPrefix(ok, "SIP/2.0 200") || header(ok, "Contact") != "" {
			t.Errorf("unregister:\n%s", ok)
		}
		ok = b.registered(alice, "1000", "Subject: fetch")
		if !strings.HasPrefix(ok, "SIP/2.0 200") || header(ok, "Contact") != "" {
			t.Errorf("fetch:\n%s", ok)
		}
	})
}

func TestRegisterIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{Directory: users("1000", "1001")}, "sip-expires-min=60")
		alice := b.phone(aliceAddr)
		if r := b.registered(alice, "1000", "Contact: <sip:1000@192.0.2.10>;expires=5"); !strings.HasPrefix(r, "SIP/2.0 423") || header(r, "Min-Expires") != "60" {
			t.Errorf("too brief:\n%s", r)
		}
		// RFC 4475 §3.1.2.4: scalars beyond all measure.
		if r := b.registered(alice, "1000", "Contact: <sip:1000@192.0.2.10>;expires=280297596632815"); !strings.Contains(header(r, "Contact"), "expires=3600") {
			t.Errorf("too long:\n%s", r)
		}
		if r := b.registered(alice, "1000", "Contact: <mailto:a@b>"); !strings.HasPrefix(r, "SIP/2.0 400") {
			t.Errorf("bad scheme:\n%s", r)
		}
		if r := b.registered(alice, "1000", "Contact: *"); !strings.HasPrefix(r, "SIP/2.0 400") {
			t.Errorf("* without Expires:\n%s", r)
		}
		// 1000 proves to be itself and wants to be 1001.
		d := registration("1001", aliceAddr)
		c := account("1000", "secret-1000")
		alice.send(registerWith(d, "Contact: <sip:1001@192.0.2.10>"))
		auth := authorization(t, c, alice.expect("401", soon), "REGISTER", "sip:example.com")
		alice.send(registerWith(d, "Contact: <sip:1001@192.0.2.10>", auth))
		alice.expect("403", soon)
		// An unknown user and a wrong password look the same.
		var answers []string
		for _, who := range []struct{ user, password string }{{"1000", "wrong"}, {"1234", "secret-1234"}} {
			d := registration(who.user, aliceAddr)
			d.callID += "wrong"
			alice.send(registerWith(d, "Contact: <sip:x@192.0.2.10>"))
			auth := authorization(t, account(who.user, who.password), alice.expect("401", soon), "REGISTER", "sip:example.com")
			alice.send(registerWith(d, "Contact: <sip:x@192.0.2.10>", auth))
			r := alice.expect("401", soon)
			answers = append(answers, fmt.Sprint(strings.Count(r, "\r\n"), strings.Contains(r, "stale")))
		}
		if answers[0] != answers[1] {
			t.Errorf("answers differ: %v", answers)
		}
	})
}

func TestCallsAreAuthenticated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{Directory: users("1000")}, "auth-calls=true")
		alice := b.phone(aliceAddr)
		d := aliceCall("auth")
		alice.send(d.say("INVITE", description(4000)))
		challenge := alice.expect("407", soon)
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		auth := authorization(t, account("1000", "secret-1000"), challenge, "INVITE", "sip:5000@192.0.2.1")
		alice.send(d.say("INVITE", auth, description(4000)))
		alice.expect("100", soon)
		call := b.sw.last(t)
		if v := call.in.Variables; call.in.Profile.Context != "default" || v["user_name"] != "1000" || v["toll_allow"] != "local" || v["sip_authorized"] != "true" {
			t.Errorf("context %q, variables %v", call.in.Profile.Context, v)
		}
		for name, value := range call.in.Variables {
			if strings.Contains(value, "secret") {
				t.Errorf("%s shows the password", name)
			}
		}
		call.in.Leg.Release(core.Release{})
	})
}

// storage keeps registrations in memory.
type storage map[core.AOR][]registrar.Binding

func (s storage) Load(context.Context) ([]registrar.Binding, error) {
	var all []registrar.Binding
	for _, l := range s {
		all = append(all, l...)
	}
	return all, nil
}

func (s storage) Save(_ context.Context, aors map[core.AOR][]registrar.Binding) error {
	maps.Copy(s, aors)
	return nil
}

func TestRegistrationsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{Directory: users("1000")})
		b.stop()
		kept, opened := storage{}, 0
		b.options.Storage = func() (registrar.Storage, error) { opened++; return kept, nil }
		b.start()
		alice := b.phone(aliceAddr)
		b.registered(alice, "1000", "Contact: <sip:1000@192.0.2.10:5060>;expires=300")
		b.stop()
		time.Sleep(time.Minute)
		b.start()
		got := b.m.Locator().Contacts(core.AOR{User: "1000", Domain: "example.com"})
		if len(got) != 1 || time.Until(got[0].Expires) != 4*time.Minute || opened != 2 {
			t.Errorf("contacts %+v, storage opened %d times", got, opened)
		}
		leg, in := b.place("internal/1000%example.com", parsed(t, 7000), nil)
		alice.send(answerTo(alice.expect("INVITE", soon), 486, "x"))
		b.want(in, "FarHangup(USER_BUSY 486)")
		leg.Release(core.Release{})
	})
}

func TestTCPAndLargeMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		b := openWith(t, core.Deps{}, func(n *Network) {
			n.Listen = func(netip.AddrPort) (net.Listener, error) { return l, nil }
			n.Dial = func(context.Context, netip.AddrPort, netip.AddrPort) (net.Conn, error) { return nil, net.ErrClosed }
		})
		near, far := net.Pipe()
		l.conns <- pipe{near}
		go func() {
			msg := strings.Replace(aliceCall("tcp").say("INVITE", description(4000)), "SIP/2.0/UDP", "SIP/2.0/TCP", 1)
			head, body, _ := strings.Cut(msg, "\n\n")
			body = strings.ReplaceAll(body, "\n", "\r\n")
			fmt.Fprintf(far, "%s\r\nContent-Length: %d\r\n\r\n%s", strings.ReplaceAll(head, "\n", "\r\n"), len(body), body)
		}()
		read := func() string {
			buf := make([]byte, 65535)
			_ = far.SetReadDeadline(time.Now().Add(time.Minute))
			n, err := far.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			return string(buf[:n])
		}
		if r := read(); !strings.HasPrefix(r, "SIP/2.0 100") {
			t.Fatalf("heard %q", r)
		}
		call := b.sw.last(t)
		call.in.Leg.Answer(parsed(t, 7000))
		if r := read(); !strings.HasPrefix(r, "SIP/2.0 200") || !strings.Contains(header(r, "Contact"), ";transport=tcp>") {
			t.Errorf("200:\n%s", r)
		}
		call.in.Leg.Release(core.Release{})
		// A large request to somebody whose connection is up goes over it, although the target says UDP.
		leg, _ := b.place("internal/sip:1000@192.0.2.10:5060", parsed(t, 7000), map[string]string{"sip_h_X-Long": strings.Repeat("x", 1500)})
		for {
			if r := read(); strings.HasPrefix(r, "INVITE") {
				if !strings.HasPrefix(header(r, "Via"), "SIP/2.0/TCP") {
					t.Errorf("Via %s", header(r, "Via"))
				}
				break
			}
		}
		leg.Release(core.Release{})
		_ = far.Close()
		time.Sleep(time.Minute)
	})
}

type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipes) Close() error   { close(l.done); return nil }
func (l *pipes) Addr() net.Addr { return net.TCPAddrFromAddrPort(switchAddr) }

type pipe struct{ net.Conn }

func (pipe) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(aliceAddr) }
