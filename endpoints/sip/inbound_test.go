package sip

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
)

const soon = time.Millisecond

// ringing brings a call from Alice to the point where the switch has it.
func ringing(t *testing.T, b *bench) (*phone, *dlg, admitted) {
	t.Helper()
	alice := b.phone(aliceAddr)
	d := aliceCall("in-1")
	alice.send(d.say("INVITE", description(4000)))
	alice.expect("100", soon)
	return alice, d, b.sw.last(t)
}

// answered brings it to the answered and acknowledged state.
func answered(t *testing.T, b *bench) (*phone, *dlg, admitted) {
	t.Helper()
	alice, d, call := ringing(t, b)
	call.in.Leg.Answer(parsed(t, 7000))
	d.remote = toTag(alice.expect("200", soon))
	alice.send(d.say("ACK"))
	b.want(call.inbox, "Confirmed(-)")
	return alice, d, call
}

func TestInboundCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := ringing(t, b)
		p := call.in.Profile
		if p.CallerIDNumber != "1000" || p.CallerIDName != "Alice" || p.DestinationNumber != "5000" || p.Context != "public" || p.NetworkAddr != "192.0.2.10" {
			t.Errorf("profile %+v", p)
		}
		if port(call.in.Offer) != "(4000)" || call.in.Local.Stream.Local != switchAddr.Addr() {
			t.Errorf("offer %s, media at %v", port(call.in.Offer), call.in.Local.Stream.Local)
		}
		call.in.Leg.Ring()
		if r := alice.expect("180", soon); toTag(r) == "" || !strings.Contains(header(r, "Contact"), "192.0.2.1:5060") {
			t.Errorf("180:\n%s", r)
		}
		call.in.Leg.Progress(parsed(t, 7000))
		early := alice.expect("183", soon)
		call.in.Leg.Answer(nil)
		ok := alice.expect("200", soon)
		if bodyOf(ok) == "" || bodyOf(ok) != bodyOf(early) {
			t.Error("the 200 does not repeat the description of the 183")
		}
		alice.expect("200", 600*time.Millisecond) // no ACK yet
		d.remote = toTag(ok)
		alice.send(d.say("ACK"))
		b.want(call.inbox, "Confirmed(-)")
		alice.quiet(5 * time.Second)
		alice.send(d.say("BYE"))
		if r := alice.expect("200", soon); toTag(r) != d.remote {
			t.Error("the answer to BYE has another tag")
		}
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{Cause: core.CauseNormalClearing})
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestReleaseSendsBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		call.in.Leg.Release(core.Release{Cause: core.CauseNormalClearing})
		call.in.Leg.Release(core.Release{Cause: core.CauseNormalClearing})
		bye := alice.expect("BYE sip:1000@192.0.2.10:5060 SIP/2.0", soon)
		if toTag(bye) != d.local || header(bye, "Reason") != `Q.850;cause=16;text="NORMAL_CLEARING"` || header(bye, "CSeq") != "1 BYE" {
			t.Errorf("BYE:\n%s", bye)
		}
		b.want(call.inbox, "")
		alice.send(answerTo(bye, 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestByesCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		call.in.Leg.Release(core.Release{Cause: core.CauseNormalClearing})
		bye := alice.expect("BYE", soon)
		alice.send(d.say("BYE"))
		alice.expect("200", soon)
		alice.send(answerTo(bye, 481, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestByeWithoutAnswerEndsAfterTimerF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, _, call := answered(t, b)
		call.in.Leg.Release(core.Release{Cause: core.CauseNormalClearing})
		alice.expect("BYE", soon)
		time.Sleep(33 * time.Second)
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		r    core.Release
		line string
	}{
		{core.Release{Cause: core.CauseUserBusy}, "486 Busy Here"},
		{core.Release{Cause: core.CauseUnallocatedNumber}, "404 Not Found"},
		{core.Release{Cause: core.CauseSystemShutdown}, "480 Temporarily Unavailable"},
		{core.Release{Cause: core.CauseUserBusy, SIPStatus: 433, Phrase: "Anonymity\r\nDisallowed"}, "433 Anonymity  Disallowed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := open(t, core.Deps{})
			alice, d, call := ringing(t, b)
			call.in.Leg.Release(c.r)
			r := alice.expect(c.line+"\r\n", soon)
			if toTag(r) == "" || header(r, "Reason") == "" {
				t.Errorf("refusal:\n%s", r)
			}
			b.want(call.inbox, "Released("+c.line[:3]+")")
			alice.expect(c.line[:3], 600*time.Millisecond)
			d.remote = toTag(r)
			ack := strings.Replace(d.say("ACK"), "-ack", "", 1) // the transaction's own branch
			alice.send(ack)
			alice.quiet(10 * time.Second)
			b.empty()
		})
	}
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := ringing(t, b)
		call.in.Leg.Ring()
		tag := toTag(alice.expect("180", soon))
		alice.send(d.say("CANCEL", `Reason: SIP;cause=200;text="Call completed elsewhere"`))
		ok, gone := alice.expect("200", soon), alice.expect("487", soon)
		if toTag(ok) != tag || toTag(gone) != tag {
			t.Errorf("To tags: 180 %s, 200 %s, 487 %s", tag, toTag(ok), toTag(gone))
		}
		b.want(call.inbox, "FarHangup(LOSE_RACE 0)")
		call.in.Leg.Answer(parsed(t, 7000)) // too late
		call.in.Leg.Release(core.Release{Cause: core.CauseOriginatorCancel})
		b.want(call.inbox, "Released(487)")
		alice.expect("487", time.Second)
		d.remote = tag
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		b.empty()
	})
}

// INVITE and CANCEL back to back: the CANCEL never overtakes (findings 1 and 2).
func TestCancelAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice := b.phone(aliceAddr)
		for i := range 100 {
			d := aliceCall(strings.Repeat("x", i+1))
			alice.send(d.say("INVITE", description(4000)))
			alice.send(d.say("CANCEL"))
			alice.expect("100", soon)
			alice.expect("200", soon)
			alice.expect("487", soon)
			call := b.sw.last(t)
			call.in.Leg.Release(core.Release{})
			alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
			b.want(call.inbox, "FarHangup(ORIGINATOR_CANCEL 0) Released(487)")
		}
		b.empty()
	})
}

func TestCancelAfterAnswerChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := ringing(t, b)
		call.in.Leg.Answer(parsed(t, 7000))
		d.remote = toTag(alice.expect("200", soon))
		alice.send(d.say("CANCEL"))
		if r := alice.expect("200", soon); header(r, "CSeq") != "1 CANCEL" {
			t.Errorf("answer to CANCEL:\n%s", r)
		}
		alice.send(d.say("ACK"))
		b.want(call.inbox, "Confirmed(-)")
		alice.send(d.say("BYE"))
		alice.expect("200", soon)
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{})
		b.empty()
	})
}

func TestCancelOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice := b.phone(aliceAddr)
		d := aliceCall("none")
		d.say("INVITE")
		alice.send(d.say("CANCEL"))
		alice.expect("481", soon)
		b.empty()
	})
}

func TestAnswerNeverAcknowledgedIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, _, call := ringing(t, b)
		call.in.Leg.Answer(parsed(t, 7000))
		for range 11 { // at 0, 0.5, 1.5, 3.5, then every 4 s (RFC 3261 §13.3.1.4)
			alice.expect("200", 4100*time.Millisecond)
		}
		bye := alice.expect("BYE", 4100*time.Millisecond)
		b.want(call.inbox, "LegFailed(RECOVERY_ON_TIMER_EXPIRE)")
		call.in.Leg.Release(core.Release{Cause: core.CauseRecoveryOnTimerExpire})
		alice.send(answerTo(bye, 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

// RFC 3261 §15: the callee's BYE waits for the ACK.
func TestReleaseBeforeACKWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := ringing(t, b)
		call.in.Leg.Answer(parsed(t, 7000))
		d.remote = toTag(alice.expect("200", soon))
		call.in.Leg.Release(core.Release{Cause: core.CauseNormalClearing})
		alice.expect("200", time.Second)
		alice.send(d.say("ACK"))
		bye := alice.expect("BYE", soon)
		alice.send(answerTo(bye, 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestByeBeforeACKAndInEarlyDialog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := ringing(t, b)
		call.in.Leg.Answer(parsed(t, 7000))
		d.remote = toTag(alice.expect("200", soon))
		alice.send(d.say("BYE"))
		alice.expect("200", soon)
		alice.quiet(10 * time.Second) // the 200 is not sent again
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{})
		b.want(call.inbox, "Released(200)")

		d = aliceCall("early")
		alice.send(d.say("INVITE", description(4000)))
		alice.expect("100", soon)
		call = b.sw.last(t)
		call.in.Leg.Ring()
		d.remote = toTag(alice.expect("180", soon))
		alice.send(d.say("BYE"))
		alice.expect("200", soon)
		alice.expect("487", soon)
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{})
		b.want(call.inbox, "Released(487)")
		b.empty()
	})
}

func TestLateOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice := b.phone(aliceAddr)
		d := aliceCall("late")
		alice.send(d.say("INVITE"))
		alice.expect("100", soon)
		call := b.sw.last(t)
		if call.in.Offer != nil {
			t.Fatal("an offer out of nothing")
		}
		call.in.Leg.Answer(parsed(t, 7000))
		ok := alice.expect("200", soon)
		if !strings.Contains(bodyOf(ok), "m=audio 7000") {
			t.Errorf("our offer:\n%s", ok)
		}
		d.remote = toTag(ok)
		alice.send(d.say("ACK", description(4444)))
		b.want(call.inbox, "Confirmed(4444)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

func TestRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, _, call := ringing(t, b)
		call.in.Leg.(core.Redirector).Redirect([]string{"sip:other@example.com", "<sip:third@example.com>;q=0.5\r\nEvil: yes"})
		r := alice.expect("302", soon)
		if strings.Count(r, "Contact: ") != 2 || !strings.Contains(r, "Contact: <sip:other@example.com>\r\n") || header(r, "Evil") != "" {
			t.Errorf("302:\n%s", r)
		}
		call.in.Leg.Release(core.Release{Cause: core.CauseRedirectionToNewDest})
		b.want(call.inbox, "Released(302)")
		b.empty()
	})
}

func TestReinviteFromTheFarEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)

		d.contact = "sip:1000@192.0.2.10:5070"
		alice.send(d.say("INVITE", description(4002)))
		alice.expect("100", soon)
		b.want(call.inbox, "Offered(4002)")
		alice.send(d.say("UPDATE", description(4003))) // a second offer at the same time
		if r := alice.expect("500", soon); header(r, "Retry-After") == "" {
			t.Error("500 without Retry-After (RFC 3261 §14.2)")
		}
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		if ok := alice.expect("200", soon); !strings.Contains(bodyOf(ok), "m=audio 7002") {
			t.Errorf("answer:\n%s", ok)
		}
		alice.expect("200", time.Second) // again, until the ACK
		d.seq--                          // the ACK is the INVITE's
		alice.send(d.say("ACK"))
		d.seq++
		alice.quiet(5 * time.Second)

		// Refused: the call goes on as it was.
		alice.send(d.say("INVITE", description(4004)))
		alice.expect("100", soon)
		b.want(call.inbox, "Offered(4004)")
		call.in.Leg.Reply(nil, core.CauseIncompatibleDestination)
		alice.expect("488", soon)
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))

		// Without an offer: ours is asked for, and answered in the ACK.
		alice.send(d.say("INVITE"))
		alice.expect("100", soon)
		b.want(call.inbox, "Offered(-)")
		call.in.Leg.Reply(parsed(t, 7004), core.CauseNone)
		alice.expect("200", soon)
		alice.send(d.say("ACK", description(4006)))
		b.want(call.inbox, "OfferAnswered(4006)")

		// The refreshed target is used.
		p := b.phone(aliceAddrAt(5070))
		call.in.Leg.Release(core.Release{})
		p.send(answerTo(p.expect("BYE sip:1000@192.0.2.10:5070", soon), 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestUpdateFromTheFarEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		alice.send(d.say("UPDATE"))
		alice.expect("200", soon)
		b.want(call.inbox, "")
		alice.send(d.say("UPDATE", description(4002)))
		b.want(call.inbox, "Offered(4002)")
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		if ok := alice.expect("200", soon); !strings.Contains(bodyOf(ok), "m=audio 7002") {
			t.Errorf("answer:\n%s", ok)
		}
		alice.quiet(5 * time.Second)
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

func TestOurReinvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		call.in.Leg.Offer(parsed(t, 7010))
		call.in.Leg.Offer(parsed(t, 7012)) // waits for the first
		first := alice.expect("INVITE", soon)
		if !strings.Contains(bodyOf(first), "7010") || toTag(first) != "alice" {
			t.Errorf("re-INVITE:\n%s", first)
		}
		alice.quiet(100 * time.Millisecond)
		alice.send(d.say("INVITE", description(4002))) // glare
		alice.expect("491", soon)
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		alice.send(answerTo(first, 200, "", "Contact: <sip:1000@192.0.2.10:5060>", description(4010)))
		ack := alice.expect("ACK", soon)
		if header(ack, "CSeq") != "1 ACK" || header(ack, "Via") == header(first, "Via") {
			t.Errorf("ACK:\n%s", ack)
		}
		second := alice.expect("INVITE", soon)
		alice.send(answerTo(first, 200, "", "Contact: <sip:1000@192.0.2.10:5060>", description(4010)))
		if again := alice.expect("ACK", soon); again != ack {
			t.Errorf("ACK of a repeated 200 differs:\n%s\n%s", ack, again)
		}
		b.want(call.inbox, "OfferAnswered(4010)")
		alice.send(answerTo(second, 488, ""))
		alice.expect("ACK", soon)
		b.want(call.inbox, "OfferRejected(INCOMPATIBLE_DESTINATION 488)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

// RFC 3261 §14.1: who did not make the Call-ID tries again within 2 seconds, who
// made it within 2.1 and 4.
func TestOfferIsTriedAgainAfterGlare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, _, call := answered(t, b)
		call.in.Leg.Offer(parsed(t, 7010))
		first := alice.expect("INVITE", soon)
		alice.send(answerTo(first, 491, ""))
		alice.expect("ACK", soon)
		again := alice.expect("INVITE", 2200*time.Millisecond)
		if header(again, "CSeq") != "2 INVITE" || bodyOf(again) != bodyOf(first) {
			t.Errorf("second offer:\n%s", again)
		}
		alice.send(answerTo(again, 200, "", description(4010)))
		alice.expect("ACK", soon)
		b.want(call.inbox, "OfferAnswered(4010)")

		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		bob.send(answerTo(inv, 200, "b1", "Contact: <sip:1001@192.0.2.20:5060>", description(5000)))
		bob.expect("ACK", soon)
		leg.Offer(parsed(t, 7020))
		bob.send(answerTo(bob.expect("INVITE", soon), 491, ""))
		bob.expect("ACK", soon)
		bob.quiet(2050 * time.Millisecond)
		bob.send(answerTo(bob.expect("INVITE", 2*time.Second), 200, "", description(5002)))
		bob.expect("ACK", soon)
		b.want(in, "Answered(5000) OfferAnswered(5002)")
		leg.Release(core.Release{})
		call.in.Leg.Release(core.Release{})
		bob.send(answerTo(bob.expect("BYE", soon), 200, ""))
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

// When the far end's own offer came first, ours is out of date.
func TestOfferThatWasOvertakenIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		call.in.Leg.Offer(parsed(t, 7010))
		alice.send(answerTo(alice.expect("INVITE", soon), 491, ""))
		alice.expect("ACK", soon)
		alice.send(d.say("INVITE", description(4002))) // theirs goes first
		alice.expect("100", soon)
		b.want(call.inbox, "Offered(4002)")
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		alice.expect("200", soon)
		alice.send(d.say("ACK"))
		time.Sleep(2200 * time.Millisecond)
		b.want(call.inbox, "OfferRejected(NORMAL_TEMPORARY_FAILURE 491)")
		call.in.Leg.Offer(parsed(t, 7012)) // made anew, with what was agreed on
		again := alice.expect("INVITE", soon)
		if header(again, "CSeq") != "2 INVITE" {
			t.Errorf("CSeq %s", header(again, "CSeq"))
		}
		alice.send(answerTo(again, 200, "", description(4010)))
		alice.expect("ACK", soon)
		b.want(call.inbox, "OfferAnswered(4010)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

func TestReinviteToAGoneFarEnd(t *testing.T) {
	for _, status := range []int{481, 408} {
		synctest.Test(t, func(t *testing.T) {
			b := open(t, core.Deps{})
			alice, _, call := answered(t, b)
			call.in.Leg.Offer(parsed(t, 7010))
			alice.send(answerTo(alice.expect("INVITE", soon), status, ""))
			alice.expect("ACK", soon)
			alice.send(answerTo(alice.expect("BYE", soon), 481, ""))
			synctest.Wait()
			got := call.take()
			if !strings.HasPrefix(got, "OfferRejected(") || !strings.HasSuffix(got, "LegFailed(RECOVERY_ON_TIMER_EXPIRE)") {
				t.Errorf("session heard %q", got)
			}
			call.in.Leg.Release(core.Release{})
			b.want(call.inbox, "Released(200)")
			b.empty()
		})
	}
}

func TestInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		alice.send(d.say("INFO", "Content-Type: application/dtmf-relay") + "Signal=5\nDuration=160\n")
		alice.expect("200", soon)
		b.want(call.inbox, "Digit(5 160ms)")
		alice.send(d.say("INFO", "Content-Type: application/dtmf") + "11")
		alice.expect("200", soon)
		b.want(call.inbox, "Digit(# 250ms)")
		alice.send(d.say("INFO", "Content-Type: text/plain") + "hello")
		alice.expect("415", soon)
		alice.send(d.say("INFO"))
		alice.expect("200", soon)
		call.in.Leg.(core.DTMFSender).SendDTMF('7', 100*time.Millisecond)
		info := alice.expect("INFO", soon)
		if bodyOf(info) != "Signal=7\r\nDuration=100\r\n" {
			t.Errorf("INFO:\n%s", info)
		}
		alice.send(answerTo(info, 200, ""))
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

func TestRequestsWithinDialogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		d.seq = 50
		alice.send(d.say("INFO"))
		alice.expect("200", soon)
		d.seq = 10
		alice.send(d.say("INFO"))
		alice.expect("500", soon) // RFC 3261 §12.2.2
		d.seq = 60
		// Another Request-URI does not matter; other tags do.
		alice.send(strings.Replace(d.say("INFO"), "sip:5000@192.0.2.1", "sip:whatever@example.net", 1))
		alice.expect("200", soon)
		other := *d
		other.local = "mallory"
		alice.send(other.say("BYE"))
		alice.expect("481", soon)
		other = *d
		other.remote = "guessed"
		alice.send(other.say("BYE"))
		alice.expect("481", soon)
		alice.send(d.say("MESSAGE"))
		if r := alice.expect("405", soon); header(r, "Allow") == "" {
			t.Error("405 without Allow")
		}
		b.want(call.inbox, "")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

func TestStrangersOddInput(t *testing.T) {
	invite := func() string { return aliceCall("odd").say("INVITE", description(4000)) }
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"no contact":              {strings.Replace(invite(), "Contact: <sip:1000@192.0.2.10:5060>\n", "", 1), "400"},
		"broken SDP":              {aliceCall("odd").say("INVITE", "v=0\nnonsense\n"), "488"},
		"body type":               {strings.Replace(invite(), "application/sdp", "application/unknown", 1), "415"},
		"accept":                  {aliceCall("odd").say("INVITE", "Accept: text/plain", description(4000)), "406"},
		"require":                 {aliceCall("odd").say("INVITE", "Require: 100rel, precondition", description(4000)), "420"},
		"no more hops":            {strings.Replace(invite(), "Max-Forwards: 70", "Max-Forwards: 0", 1), "483"},
		"unknown method":          {aliceCall("odd").say("FROBNICATE"), "405"},
		"publish":                 {aliceCall("odd").say("PUBLISH"), "405"},
		"bye out of the blue":     {aliceCall("odd").say("BYE"), "481"},
		"invite in a dead dialog": {func() string { d := aliceCall("odd"); d.remote = "dead"; return d.say("INVITE", description(4000)) }(), "481"},
		"content encoding":        {aliceCall("odd").say("INVITE", "Content-Encoding: gzip", description(4000)), "415"},
		"options":                 {aliceCall("odd").say("OPTIONS"), "200"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := open(t, core.Deps{})
				alice := b.phone(aliceAddr)
				alice.send(c.text)
				r := alice.expect(c.want, soon)
				if c.want == "420" && header(r, "Unsupported") != "100rel, precondition" {
					t.Errorf("Unsupported: %q", header(r, "Unsupported"))
				}
				if len(b.sw.calls) != 0 {
					t.Error("it reached the switch")
				}
			})
		})
	}
}

func TestMergedInviteIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := ringing(t, b)
		d.seq = 0
		alice.send(strings.Replace(d.say("INVITE", description(4000)), "branch=", "branch=z9hG4bKother", 1))
		alice.expect("482", soon)
		call.in.Leg.Release(core.Release{})
	})
}

func TestOverloadAndDrainAreStateless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		b.sw.refuse(core.ErrLimit)
		for i := range 3 {
			alice.send(aliceCall(strings.Repeat("o", i+1)).say("INVITE", description(4000)))
			if r := alice.expect("503", soon); header(r, "Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		}
		if got := b.m.Stats().Refused; got != 3 {
			t.Errorf("refused = %d", got)
		}
		alice.send(d.say("INVITE", description(4002))) // calls that are up stay up
		alice.expect("100", soon)
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		alice.expect("200", soon)
		alice.send(d.say("ACK"))
		b.sw.refuse(nil)
		b.m.Drain()
		alice.send(aliceCall("drain").say("OPTIONS"))
		alice.expect("503", soon)
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

func TestAdmissionRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		b.sw.err = nil
		alice := b.phone(aliceAddr)
		alice.send(aliceCall("x").say("INVITE", description(4000)))
		alice.expect("100", soon)
		b.sw.last(t).in.Leg.Release(core.Release{})
		alice.expect("480", soon)
	})
	if errors.Is(core.ErrLimit, core.ErrDraining) {
		t.Error("limits and drain are one")
	}
}

func TestDescriptionInMultipart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice := b.phone(aliceAddr)
		text := aliceCall("multi").say("INVITE", "Content-Type: multipart/mixed;boundary=x") +
			"--x\nContent-Type: text/plain\n\nhello\n--x\nContent-Type: application/sdp\n\n" + description(4321) + "--x--\n"
		alice.send(text)
		alice.expect("100", soon)
		if got := port(b.sw.last(t).in.Offer); got != "(4321)" {
			t.Errorf("offer %s", got)
		}
		b.sw.last(t).in.Leg.Release(core.Release{})
	})
}

func TestSnapshotOfALeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		s := call.in.Leg.Snapshot()
		var o opaque
		if err := json.Unmarshal(s.Opaque, &o); err != nil {
			t.Fatal(err)
		}
		if s.State != "up" || s.Values["call_id"] != d.callID || s.Values["remote_tag"] != "alice" || s.Values["local_tag"] != d.remote ||
			o.Dialog.Target != "sip:1000@192.0.2.10:5060" || o.Remote != "192.0.2.10:5060" {
			t.Errorf("snapshot %+v, %+v", s, o.Dialog)
		}
		// Another process can send the BYE from it.
		bye, err := o.Dialog.Request("BYE")
		if err != nil || !strings.HasPrefix(bye.String(), "BYE sip:1000@192.0.2.10:5060 SIP/2.0\r\n") {
			t.Errorf("BYE from the snapshot: %v, %v", bye, err)
		}
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
	})
}

// A phone behind a NAT is called back where it was heard last.
func TestFarEndBehindNATMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		one := b.phone(netip.MustParseAddrPort("198.51.100.7:1111"))
		d := aliceCall("nat")
		d.contact = "sip:1000@10.0.0.7:5060"
		one.send(d.say("INVITE", description(4000)))
		one.expect("100", soon)
		call := b.sw.last(t)
		if call.in.Variables["sip_nat_detected"] != "true" {
			t.Error("NAT not detected")
		}
		call.in.Leg.Answer(parsed(t, 7000))
		d.remote = toTag(one.expect("200", soon))
		one.send(d.say("ACK"))
		two := b.phone(netip.MustParseAddrPort("198.51.100.7:2222"))
		two.send(d.say("INFO"))
		two.expect("200", soon)
		call.in.Leg.Release(core.Release{})
		two.send(answerTo(two.expect("BYE sip:1000@10.0.0.7:5060", soon), 200, ""))
		b.want(call.inbox, "Confirmed(-) Released(200)")
		b.empty()
	})
}

func TestCallerOfATrunk(t *testing.T) {
	for _, c := range []struct{ pai, from, number, name string }{
		{`"Bob, \"the\" boss" <sip:+4930@carrier.example>, <tel:+4931>`, "", "+4930", `Bob, "the" boss`},
		{"<tel:+4931;phone-context=x>", "", "+4931", "Alice"},
		{"", "<tel:+4932>", "+4932", "+4932"},
		{"", "", "1000", "Alice"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := open(t, core.Deps{})
			alice := b.phone(aliceAddr)
			d := aliceCall("pai")
			if c.from != "" {
				d.from = c.from
			}
			pai := "Subject: x"
			if c.pai != "" {
				pai = "P-Asserted-Identity: " + c.pai
			}
			alice.send(d.say("INVITE", pai, description(4000)))
			alice.expect("100", soon)
			call := b.sw.last(t)
			if p := call.in.Profile; p.CallerIDNumber != c.number || p.CallerIDName != c.name {
				t.Errorf("%q %q: caller %q %q, want %q %q", c.pai, c.from, p.CallerIDNumber, p.CallerIDName, c.number, c.name)
			}
			call.in.Leg.Release(core.Release{})
		})
	}
}

// RFC 3261 §13.3.1.1: a proxy's Timer C must not end a call that rings for long.
func TestRingingIsRepeatedEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, _, call := ringing(t, b)
		call.in.Leg.Ring()
		first := alice.expect("180", soon)
		for range 3 {
			if again := alice.expect("180", 62*time.Second); again != first {
				t.Errorf("repeated 180 differs:\n%s", again)
			}
		}
		call.in.Leg.Release(core.Release{Cause: core.CauseNoAnswer})
		alice.expect("480", soon)
		b.empty()
	})
}
