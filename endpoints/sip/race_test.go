package sip

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// The crossings of RFC 5407 §3 that the other tests do not have.

func TestReleaseWhileTheirReinviteIsUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		alice.send(d.say("INVITE", description(4002)))
		alice.expect("100", soon)
		call.in.Leg.Release(core.Release{Cause: core.CauseNormalClearing})
		alice.expect("487", soon)
		bye := alice.expect("BYE", soon)
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone) // the session was not fast enough
		alice.send(answerTo(bye, 200, ""))
		b.want(call.inbox, "Offered(4002) Released(200)")
		alice.quiet(5 * time.Second)
		b.empty()
	})
}

func TestTheirByeCrossesOurReinvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		call.in.Leg.Offer(parsed(t, 7010))
		inv := alice.expect("INVITE", soon)
		alice.send(d.say("BYE"))
		alice.expect("200", soon)
		alice.send(answerTo(inv, 481, ""))
		alice.expect("ACK", soon)
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{})
		b.want(call.inbox, "Released(200)")
		alice.quiet(5 * time.Second)
		b.empty()
	})
}

func TestReinviteCrossesOurBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		call.in.Leg.Release(core.Release{})
		bye := alice.expect("BYE", soon)
		alice.send(d.say("INVITE", description(4002)))
		alice.expect("481", soon)
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		alice.send(answerTo(bye, 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestCancelOfAReinviteKeepsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		alice.send(d.say("INVITE", description(4002)))
		alice.expect("100", soon)
		alice.send(d.say("CANCEL"))
		alice.expect("200", soon)
		alice.expect("487", soon)
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		b.want(call.inbox, "Offered(4002)")
		alice.send(d.say("BYE"))
		alice.expect("200", soon)
		b.want(call.inbox, "FarHangup(NORMAL_CLEARING 0)")
		call.in.Leg.Release(core.Release{})
		b.empty()
	})
}

// RFC 5407 §3.1.5: a re-INVITE before the ACK of the first INVITE, which was lost.
func TestReinviteBeforeTheACK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := ringing(t, b)
		call.in.Leg.Answer(parsed(t, 7000))
		d.remote = toTag(alice.expect("200", soon))
		alice.send(d.say("INVITE", description(4002)))
		alice.expect("100", soon)
		b.want(call.inbox, "Confirmed(-) Offered(4002)")
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		if ok := alice.expect("200", soon); header(ok, "CSeq") != "2 INVITE" {
			t.Errorf("200:\n%s", ok)
		}
		alice.send(d.say("ACK"))
		alice.quiet(5 * time.Second) // neither 200 is sent again
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

// The same after an INVITE without offer: ours is still unanswered.
func TestReinviteBeforeTheACKOfALateOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice := b.phone(aliceAddr)
		d := aliceCall("late")
		alice.send(d.say("INVITE"))
		alice.expect("100", soon)
		call := b.sw.last(t)
		call.in.Leg.Answer(parsed(t, 7000))
		d.remote = toTag(alice.expect("200", soon))
		alice.send(d.say("INVITE", description(4002)))
		alice.expect("491", soon)
		alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		d.seq = 1
		alice.send(d.say("ACK", description(4000)))
		b.want(call.inbox, "Confirmed(4000)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

// An offerless re-INVITE whose ACK brings nothing leaves the session without an
// agreement: it ends (RFC 3261 §14.1, RFC 6337 §3.1).
func TestReinviteWithoutOfferAndWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		alice.send(d.say("INVITE"))
		alice.expect("100", soon)
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		alice.expect("200", soon)
		alice.send(d.say("ACK"))
		bye := alice.expect("BYE", soon)
		b.want(call.inbox, "Offered(-) LegFailed(INCOMPATIBLE_DESTINATION)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(bye, 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestReinviteNeverAcknowledgedEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		alice.send(d.say("INVITE", description(4002)))
		alice.expect("100", soon)
		call.in.Leg.Reply(parsed(t, 7002), core.CauseNone)
		for alice.last = alice.hear(40 * time.Second); strings.HasPrefix(alice.last, "SIP/2.0 200"); alice.last = alice.hear(40 * time.Second) {
		}
		if !strings.HasPrefix(alice.last, "BYE") {
			t.Fatalf("heard %q, want BYE", firstLine(alice.last))
		}
		b.want(call.inbox, "Offered(4002) LegFailed(RECOVERY_ON_TIMER_EXPIRE)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.last, 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

func TestUpdatesCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, d, call := answered(t, b)
		call.in.Leg.Offer(parsed(t, 7010))
		inv := alice.expect("INVITE", soon)
		alice.send(d.say("UPDATE", description(4002)))
		alice.expect("491", soon)
		alice.send(answerTo(inv, 200, "", description(4010)))
		alice.expect("ACK", soon)
		b.want(call.inbox, "OfferAnswered(4010)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE", soon), 200, ""))
		b.empty()
	})
}

// RFC 3261 §14.1: a re-INVITE that nobody answers ends the dialog.
func TestOurReinviteIsNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		alice, _, call := answered(t, b)
		call.in.Leg.Offer(parsed(t, 7010))
		for alice.last = alice.hear(40 * time.Second); strings.HasPrefix(alice.last, "INVITE"); alice.last = alice.hear(40 * time.Second) {
		}
		b.want(call.inbox, "OfferRejected(RECOVERY_ON_TIMER_EXPIRE 408) LegFailed(RECOVERY_ON_TIMER_EXPIRE)")
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.last, 200, ""))
		b.want(call.inbox, "Released(200)")
		b.empty()
	})
}

// A 200 that comes twice because our first ACK was lost while our BYE is out.
func TestRepeatedAnswerAfterOurBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		ok := answerTo(inv, 200, "b1", "Contact: <sip:1001@192.0.2.20:5060>", description(5000))
		bob.send(ok)
		bob.expect("ACK", soon)
		leg.Release(core.Release{})
		bye := bob.expect("BYE", soon)
		bob.send(ok)
		bob.expect("ACK", soon)
		bob.send(answerTo(bye, 200, ""))
		bob.send(ok)
		bob.expect("ACK", soon)
		b.want(in, "Answered(5000) Released(200)")
		b.empty()
	})
}

// The callee ends the early dialog with BYE, then refuses the INVITE.
func TestByeOfTheCalleeInAnEarlyDialog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{})
		bob := b.phone(bobAddr)
		leg, in := b.place(toBob, parsed(t, 7000), nil)
		inv := bob.expect("INVITE", soon)
		bob.send(answerTo(inv, 180, "b1", "Contact: <sip:1001@192.0.2.20:5060>"))
		bob.send(bobDialog(inv, "b1").say("BYE"))
		bob.expect("200", soon)
		bob.send(answerTo(inv, 480, "b1"))
		bob.expect("ACK", soon)
		b.want(in, "Trying Ringing(180) FarHangup(NO_USER_RESPONSE 480)")
		leg.Release(core.Release{})
		b.want(in, "Released(480)")
		b.empty()
	})
}
