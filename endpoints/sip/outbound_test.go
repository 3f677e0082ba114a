package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media/mediatest"
)

const toBob = "internal/sip:1001@192.0.2.20:5060"

func TestOutboundCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), map[string]string{
			"sip_h_X-Answer": "forty\r\ntwo", "sip_h_Via": "SIP/2.0/UDP evil", "max_forwards": "42",
		})
		inv := bob.expect("INVITE sip:1001@192.0.2.20:5060 SIP/2.0", soon)
		if header(inv, "X-Answer") != "forty  two" || strings.Count(inv, "Via:") != 1 || header(inv, "Max-Forwards") != "42" ||
			!strings.HasPrefix(header(inv, "From"), `"Alice" <sip:1000@192.0.2.1>;tag=`) || header(inv, "To") != "<sip:1001@192.0.2.20:5060>" ||
			!strings.Contains(header(inv, "Remote-Party-ID"), "<sip:1000@192.0.2.1>") || !strings.Contains(header(inv, "Via"), ";rport;branch=z9hG4bK") {
			t.Errorf("INVITE:\n%s", inv)
		}
		bob.send(answerTo(inv, 100, ""))
		bob.send(answerTo(inv, 180, "b1"))
		bob.send(answerTo(inv, 183, "b1", "", ""))
		bob.send(answerTo(inv, 183, "b1", description(5000)))
		b.want(in, "Trying Ringing(180) EarlyMedia(5000)")
		ok := answerTo(inv, 200, "b1", "Contact: <sip:1001@192.0.2.20:5060>", description(5000))
		bob.send(ok)
		ack := bob.expect("ACK sip:1001@192.0.2.20:5060 SIP/2.0", soon)
		b.want(in, "Answered(5000)")
		if header(ack, "CSeq") != "1 ACK" || header(ack, "Via") == header(inv, "Via") {
			t.Errorf("ACK:\n%s", ack)
		}
		bob.send(ok)
		if again := bob.expect("ACK", soon); again != ack {
			t.Errorf("the repeated ACK differs:\n%s", again)
		}
		leg.Release(core.Release{Cause: core.CauseNormalClearing})
		bye := bob.expect("BYE", soon)
		if header(bye, "CSeq") != "2 BYE" {
			t.Errorf("BYE:\n%s", bye)
		}
		bob.send(answerTo(bye, 200, ""))
		b.want(in, "Released(200)")
		b.empty()
	})
}

func TestFarEndHangsUpWithReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		bob.send(answerTo(inv, 200, "b1", "Contact: <sip:1001@192.0.2.20:5060>", description(5000)))
		bob.expect("ACK", soon)
		d := bobDialog(inv, "b1")
		bob.send(d.say("BYE", `Reason: Q.850;cause=27`))
		bob.expect("200", soon)
		b.want(in, "Answered(5000) FarHangup(DESTINATION_OUT_OF_ORDER 0)")
		leg.Release(core.Release{})
		b.want(in, "Released(200)")
		b.empty()
	})
}

// bobDialog is the dialog of a call to Bob as he sees it. His CSeq begins at 1,
// below ours (finding 10).
func bobDialog(invite, tag string) *dlg {
	_, ours, _ := strings.Cut(header(invite, "From"), ";tag=")
	from, _, _ := strings.Cut(header(invite, "To"), ";tag=")
	to, _, _ := strings.Cut(header(invite, "From"), ";tag=")
	return &dlg{callID: header(invite, "Call-ID"), local: tag, remote: ours, from: from, to: to, contact: "sip:1001@192.0.2.20:5060", via: bobAddr}
}

func TestRefusedByTheFarEnd(t *testing.T) {
	for status, want := range map[int]string{
		486: "FarHangup(USER_BUSY 486)", 404: "FarHangup(UNALLOCATED_NUMBER 404)", 603: "FarHangup(CALL_REJECTED 603)",
		480: "FarHangup(NO_USER_RESPONSE 480)", 500: "FarHangup(NORMAL_TEMPORARY_FAILURE 500)", 401: "FarHangup(CALL_REJECTED 401)",
		699: "FarHangup(NORMAL_UNSPECIFIED 699)",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := open(t, core.Deps{})
			bob := b.phone(bobAddr)
			leg, in := b.place(toBob, parsed(t, 7000), nil)
			inv := bob.expect("INVITE", soon)
			bob.send(answerTo(inv, status, "b1"))
			ack := bob.expect("ACK", soon)
			if header(ack, "Via") != header(inv, "Via") {
				t.Error("the ACK of a failure belongs to the INVITE's transaction")
			}
			bob.send(answerTo(inv, status, "b1"))
			bob.expect("ACK", soon)
			b.want(in, want)
			leg.Release(core.Release{Cause: core.CauseUserBusy})
			b.want(in, fmt.Sprintf("Released(%d)", status))
			b.empty()
		})
	}
}

func TestRedirectedByTheFarEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		bob.send(answerTo(inv, 302, "b1", "Contact: <sip:second@192.0.2.30>;q=0.3, <sip:first@192.0.2.30>;q=0.8"))
		bob.expect("ACK", soon)
		b.want(in, "Redirected[sip:first@192.0.2.30 sip:second@192.0.2.30] FarHangup(REDIRECTION_TO_NEW_DESTINATION 302)")
		leg.Release(core.Release{})
		b.empty()
	})
}

func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		time.Sleep(33 * time.Second) // Timer B
		b.want(in, "LegFailed(RECOVERY_ON_TIMER_EXPIRE)")
		leg.Release(core.Release{})
		b.want(in, "Released(408)")
		b.empty()
	})
}

func TestReleaseWhileRingingCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		bob.send(answerTo(inv, 180, "b1"))
		b.want(in, "Trying Ringing(180)")
		leg.Release(core.Release{Cause: core.CauseLoseRace, Elsewhere: true})
		c := bob.expect("CANCEL", soon)
		if header(c, "Via") != header(inv, "Via") || header(c, "CSeq") != "1 CANCEL" || toTag(c) != "" ||
			header(c, "Reason") != `SIP;cause=200;text="Call completed elsewhere"` {
			t.Errorf("CANCEL:\n%s", c)
		}
		bob.send(answerTo(c, 200, "b1"))
		b.want(in, "")
		bob.send(answerTo(inv, 487, "b1"))
		bob.expect("ACK", soon)
		b.want(in, "Released(487)")
		b.empty()
	})
}

// RFC 3261 §9.1: no CANCEL before a provisional response.
func TestReleaseBeforeAnyResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		leg.Release(core.Release{Cause: core.CauseOriginatorCancel})
		bob.quiet(100 * time.Millisecond)
		bob.send(answerTo(inv, 100, ""))
		bob.send(answerTo(bob.expect("CANCEL", soon), 200, ""))
		bob.send(answerTo(inv, 487, "b1"))
		bob.expect("ACK", soon)
		b.want(in, "Released(487)")
		b.empty()
	})
}

func TestAnswerCrossesCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		bob.send(answerTo(inv, 180, "b1"))
		leg.Release(core.Release{Cause: core.CauseOriginatorCancel})
		c := bob.expect("CANCEL", soon)
		ok := answerTo(inv, 200, "b1", "Contact: <sip:1001@192.0.2.20:5060>", description(5000))
		bob.send(ok)
		bob.expect("ACK", soon)
		bye := bob.expect("BYE", soon)
		bob.send(answerTo(c, 481, ""))
		bob.send(ok) // our ACK was slow
		bob.expect("ACK", soon)
		bob.send(answerTo(bye, 200, ""))
		b.want(in, "Trying Ringing(180) Released(200)")
		b.empty()
	})
}

func TestCancelIsNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		bob.send(answerTo(bob.expect("INVITE", soon), 180, "b1"))
		leg.Release(core.Release{})
		time.Sleep(33 * time.Second)
		b.want(in, "Trying Ringing(180) Released(0)")
		b.empty()
	})
}

func TestForkedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		bob.send(answerTo(inv, 180, "one"))
		bob.send(answerTo(inv, 183, "two", description(5002)))
		two := answerTo(inv, 200, "two", "Contact: <sip:two@192.0.2.20:5060>", description(5002))
		one := answerTo(inv, 200, "one", "Contact: <sip:one@192.0.2.20:5060>", description(5001))
		bob.send(two)
		bob.expect("ACK sip:two@", soon)
		bob.send(one)
		bob.expect("ACK sip:one@", soon)
		bye := bob.expect("BYE sip:one@", soon)
		bob.send(one)
		bob.expect("ACK sip:one@", soon)
		bob.send(answerTo(bye, 200, ""))
		b.want(in, "Trying Ringing(180) EarlyMedia(5002) Answered(5002)")
		leg.Release(core.Release{})
		bob.send(answerTo(bob.expect("BYE sip:two@", soon), 200, ""))
		b.want(in, "Released(200)")
		// A third branch answers after the call is over.
		bob.send(answerTo(inv, 200, "three", "Contact: <sip:three@192.0.2.20:5060>", description(5003)))
		bob.expect("ACK sip:three@", soon)
		bob.send(answerTo(bob.expect("BYE sip:three@", soon), 200, ""))
		b.empty()
	})
}

func TestOutboundWithoutOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, nil, nil)
		inv := bob.expect("INVITE", soon)
		if bodyOf(inv) != "" {
			t.Error("an offer that nobody made")
		}
		ok := answerTo(inv, 200, "b1", "Contact: <sip:1001@192.0.2.20:5060>", description(5000))
		bob.send(ok)
		b.want(in, "Answered(-) Offered(5000)")
		bob.send(ok)
		bob.quiet(100 * time.Millisecond) // the ACK needs the answer first
		leg.Reply(parsed(t, 7000), core.CauseNone)
		if ack := bob.expect("ACK", soon); !strings.Contains(bodyOf(ack), "m=audio 7000") {
			t.Errorf("ACK:\n%s", ack)
		}
		bob.send(ok)
		bob.expect("ACK", soon)
		leg.Release(core.Release{})
		bob.send(answerTo(bob.expect("BYE", soon), 200, ""))
		b.want(in, "Released(200)")
		b.empty()
	})
}

func TestChallengedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), map[string]string{"sip_auth_username": "tandem", "sip_auth_password": "geheim"})
		inv := bob.expect("INVITE", soon)
		challenge := `Proxy-Authenticate: Digest realm="carrier", nonce="abc", qop="auth", algorithm=MD5`
		bob.send(answerTo(inv, 407, "x", challenge))
		bob.expect("ACK", soon)
		again := bob.expect("INVITE", soon)
		if header(again, "CSeq") != "2 INVITE" || header(again, "Call-ID") != header(inv, "Call-ID") || header(again, "From") != header(inv, "From") ||
			!strings.Contains(header(again, "Proxy-Authorization"), `username="tandem"`) || header(again, "Via") == header(inv, "Via") {
			t.Errorf("second INVITE:\n%s", again)
		}
		if strings.Contains(again, "geheim") {
			t.Error("the password is on the wire")
		}
		bob.send(answerTo(again, 407, "x", challenge)) // wrong password: no third try
		bob.expect("ACK", soon)
		bob.quiet(time.Second)
		b.want(in, "FarHangup(CALL_REJECTED 407)")
		leg.Release(core.Release{})
		b.empty()
	})
}

func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{Locator: locator{core.AOR{User: "1001", Domain: "example.com"}: "sofia/internal/sip:1001@10.9.8.7:1234;ob;fs_path=sip%3A192.0.2.20%3A5060"}})
		for target, want := range map[string]struct{ hop, line, to string }{
			"internal/1001@192.0.2.20":                               {"192.0.2.20:5060", "sip:1001@192.0.2.20", "<sip:1001@192.0.2.20>"},
			"INTERNAL/sip:a b@192.0.2.20;transport=udp":              {}, // a blank
			"internal/1001@192.0.2.20:5070;foo=bar":                  {"192.0.2.20:5070", "sip:1001@192.0.2.20:5070;foo=bar", "<sip:1001@192.0.2.20:5070>"},
			"internal/sip:1001@10.1.1.1;fs_path=sip:192.0.2.20:5062": {"192.0.2.20:5062", "sip:1001@10.1.1.1", "<sip:1001@10.1.1.1>"},
			"internal/1001%example.com":                              {"192.0.2.20:5060", "sip:1001@10.9.8.7:1234;ob", "<sip:1001@10.9.8.7:1234>"},
			"internal/1001@192.0.2.20^2000@carrier.example":          {"192.0.2.20:5060", "sip:1001@192.0.2.20", "<sip:2000@carrier.example>"},
			"internal/+49 30@192.0.2.20":                             {},
			"internal/sip:[2001:db8::1]":                             {"[2001:db8::1]:5060", "sip:[2001:db8::1]", "<sip:[2001:db8::1]>"},
		} {
			tg, err := b.m.parseTarget(target)
			if want.line == "" {
				if err == nil {
					t.Errorf("%s: no error", target)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", target, err)
				continue
			}
			to := tg.uri
			if tg.to != nil {
				to = *tg.to
			}
			to.UriParams = nil
			if got := addrOf(tg.next()).String(); got != want.hop || tg.uri.String() != want.line || "<"+to.String()+">" != want.to {
				t.Errorf("%s: to %s, %s, %s; want %+v", target, got, tg.uri.String(), to.String(), want)
			}
		}
		for target, want := range map[string]core.Cause{
			"nowhere/1001@192.0.2.20":       core.CauseInvalidProfile,
			"internal":                      core.CauseInvalidURL,
			"internal/":                     core.CauseInvalidURL,
			"internal/sip:":                 core.CauseInvalidURL,
			"internal/1002%example.com":     core.CauseUserNotRegistered,
			"gateway/carrier/4930":          core.CauseInvalidGateway,
			"internal/sip:x@[2001:db8::99]": core.CauseNetworkOutOfOrder, // no IPv6 address here
		} {
			_, _, err := b.tryPlace(target, nil, nil)
			ce, ok := errors.AsType[*core.CauseError](err)
			if !ok || ce.Cause != want {
				t.Errorf("%s: %v, want %v", target, err, want)
			}
		}
	})
}

type locator map[core.AOR]string

func (l locator) Contacts(aor core.AOR) []core.Contact {
	if d, ok := l[aor]; ok {
		return []core.Contact{{AOR: aor, Dial: d}}
	}
	return nil
}
func (l locator) AllContacts() []core.Contact { return nil }

// dns answers like a small zone.
type dns struct{ srv bool }

func (d dns) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if !d.srv || service != "sip" || proto != "udp" || name != "carrier.example" {
		return "", nil, errors.New("no such host")
	}
	return "", []*net.SRV{{Target: "one.carrier.example.", Port: 5060}, {Target: "two.carrier.example.", Port: 5060}}, nil
}

func (d dns) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	time.Sleep(time.Second)
	switch host {
	case "one.carrier.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.20")}, nil
	case "two.carrier.example", "plain.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.21")}, nil
	}
	return nil, errors.New("no such host")
}

func TestNamesAreResolvedBesideAndFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		b.m.network.Resolver = dns{srv: true}
		one, two := b.phone(bobAddr), b.phone(netip.MustParseAddrPort("192.0.2.21:5060"))
		leg, in := b.place("internal/1001@carrier.example", parsed(t, 7000), nil)
		// Calls of others go on meanwhile.
		alice := b.phone(aliceAddr)
		alice.send(aliceCall("other").say("OPTIONS"))
		alice.expect("200", soon)
		inv := one.expect("INVITE sip:1001@carrier.example SIP/2.0", 3*time.Second)
		one.send(answerTo(inv, 503, "x"))
		one.expect("ACK", soon)
		second := two.expect("INVITE", soon)
		if header(second, "CSeq") != "2 INVITE" {
			t.Errorf("second INVITE:\n%s", second)
		}
		two.send(answerTo(second, 486, "x"))
		two.expect("ACK", soon)
		b.want(in, "FarHangup(USER_BUSY 486)")
		leg.Release(core.Release{})
		leg, in = b.place("internal/1001@nowhere.example", parsed(t, 7000), nil)
		time.Sleep(2 * time.Second)
		b.want(in, "LegFailed(NO_ROUTE_DESTINATION)")
		leg.Release(core.Release{})
		b.want(in, "Released(0)")
		leg, in = b.place("internal/1001@plain.example", parsed(t, 7000), nil)
		leg.Release(core.Release{}) // while it is looked up
		b.want(in, "Released(0)")
		two.quiet(5 * time.Second)
		b.empty()
	})
}

// The path of the dialog is the proxy's, as Record-Route says.
func TestRecordRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		proxy := b.phone(bobAddr)
		leg, in := b.place("internal/sip:1001@10.0.0.1;fs_path=sip:192.0.2.20", parsed(t, 7000), nil)
		inv := proxy.expect("INVITE sip:1001@10.0.0.1 SIP/2.0", soon)
		proxy.send(answerTo(inv, 200, "b1", "Record-Route: <sip:192.0.2.20:5060;lr>", "Contact: <sip:1001@10.0.0.1:5060>", description(5000)))
		ack := proxy.expect("ACK sip:1001@10.0.0.1:5060 SIP/2.0", soon)
		if header(ack, "Route") != "<sip:192.0.2.20:5060;lr>" {
			t.Errorf("ACK:\n%s", ack)
		}
		leg.Release(core.Release{})
		proxy.send(answerTo(proxy.expect("BYE sip:1001@10.0.0.1:5060", soon), 200, ""))
		b.want(in, "Answered(5000) Released(200)")
		b.empty()
	})
}

// Each packet of a basic call is lost once; both calls must come about all the same.
func TestEachPacketLostOnce(t *testing.T) {
	for nth := 1; nth <= 5; nth++ {
		for _, fromUs := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				b := open(t, core.Deps{})
				bob := b.phone(bobAddr)
				lost := false
				b.net.SetPlan(func(p mediatest.Packet) []time.Duration {
					if (p.From == switchAddr) == fromUs && p.Nth == nth {
						lost = true
						return nil
					}
					return []time.Duration{0}
				})
				leg, in := b.place(toBob, parsed(t, 7000), nil)
				script := bobAnswers(bob)
				time.Sleep(10 * time.Second)
				leg.Release(core.Release{})
				time.Sleep(10 * time.Second)
				synctest.Wait()
				got := in.take()
				if !strings.Contains(got, "Answered(5000)") || !strings.HasSuffix(got, "Released(200)") {
					t.Errorf("packet %d lost (ours: %v): session heard %q", nth, fromUs, got)
				}
				_ = bob.conn.Close()
				<-script
				b.empty()
				_ = lost
			})
		}
	}
}

// bobAnswers is a phone with retransmissions of its own: it rings, answers and
// repeats its 200 until the ACK.
func bobAnswers(bob *phone) <-chan struct{} {
	done := make(chan struct{})
	say := func(text string) {
		head, body, _ := strings.Cut(text, "\n\n")
		body = strings.ReplaceAll(body, "\n", "\r\n")
		msg := fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n"), len(body), body)
		_, _ = bob.conn.WriteTo([]byte(msg), net.UDPAddrFromAddrPort(switchAddr))
	}
	go func() {
		defer close(done)
		inv, acked := "", false
		next := time.Now()
		for {
			buf := make([]byte, 65535)
			_ = bob.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
			n, _, err := bob.conn.ReadFrom(buf)
			msg := string(buf[:n])
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil:
			case strings.HasPrefix(msg, "INVITE"):
				if inv == "" {
					say(answerTo(msg, 180, "b1"))
				}
				inv = msg
			case strings.HasPrefix(msg, "ACK"):
				acked = true
			case strings.HasPrefix(msg, "BYE"):
				say(answerTo(msg, 200, ""))
			}
			if inv != "" && !acked && !time.Now().Before(next) {
				say(answerTo(inv, 200, "b1", "Contact: <sip:1001@192.0.2.20:5060>", description(5000)))
				next = time.Now().Add(500 * time.Millisecond)
			}
		}
	}()
	return done
}
