package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// talkTime is how long phones talk in most tests.
const talkTime = 3 * time.Second

// TestInteropBaresipCallBothHear is the main job of the switch: two phones
// register, one calls the other, both hear each other, either hangs up, and two records are
// written.
func TestInteropBaresipCallBothHear(t *testing.T) {
	for _, test := range []struct {
		by string
	}{{"caller"}, {"callee"}} {
		t.Run(test.by+" hangs up", func(t *testing.T) {
			t.Parallel()
			s := office(t)
			phones := open(t, s, "1000", "1001")
			a, b := phones[0], phones[1]
			call := ringing(a, b, "1001")
			a.Talk(talkTime / 4) // within the first ring
			b.Accept()
			b.Expect(phone.CallEstablished)
			call.answered = a.Expect(phone.CallEstablished).At
			hangsUp, other := a, b
			if test.by == "callee" {
				hangsUp, other = b, a
			}
			hangsUp.Talk(talkTime)
			lasted := time.Since(call.answered)
			hangsUp.Hangup()
			other.Expect(phone.CallClosed)
			hangsUp.Expect(phone.CallClosed)

			mustHearEachOther(t, a, b, call, lasted)
			mustRing(t, a, b, flowOf(t, a, b).early(), 0)
			in, out := pair(t, s)
			mustRecord(t, "caller", in, cleared(test.by), lasted)
			mustRecord(t, "callee", out, cleared(test.by), lasted)
			mustExplain(t, s, in.CallID)
			if calls := s.Calls(); len(calls) != 0 {
				t.Errorf("calls after the end: %+v", calls)
			}
		})
	}
}

// TestInteropBaresipRingTone lets the phone ring for longer than the ring tone's two seconds:
// the caller hears the tone, its pause, and then the other.
func TestInteropBaresipRingTone(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	const toneTime, rings = 2 * time.Second, 3 * time.Second
	m := ringing(a, b, "1001")
	a.Talk(rings)
	b.Accept()
	b.Expect(phone.CallEstablished)
	m.answered = a.Expect(phone.CallEstablished).At
	a.Talk(time.Second)
	lasted := time.Since(m.answered)
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	mustHearEachOther(t, a, b, m, lasted)
	mustRing(t, a, b, toneTime, flowOf(t, a, b).early()-toneTime)
}

// TestInteropBaresipRingingWithoutMedia calls a number that only bridges: a 180 is passed on
// as one, and the caller's phone makes its own sound.
func TestInteropBaresipRingingWithoutMedia(t *testing.T) {
	t.Parallel()
	s := tandem.Open(t, tandem.Config{Binary: binary, Extensions: direct})
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	a.Dial("81001")
	b.Expect(phone.CallIncoming)
	a.Expect(phone.CallRinging)
	b.Accept()
	b.Expect(phone.CallEstablished)
	answered := a.Expect(phone.CallEstablished).At
	a.Talk(time.Second)
	lasted := time.Since(answered)
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	if log := a.Log(); strings.Contains(log, "SIP/2.0 183") {
		t.Error("the caller got a 183 from a number without early media")
	}
	mustHearEachOther(t, a, b, moments{early: answered, answered: answered}, lasted)
}

// TestInteropBaresipRejectedCall is about the refusal; the sample would go on to the mailbox.
func TestInteropBaresipRejectedCall(t *testing.T) {
	t.Parallel()
	s := tandem.Open(t, tandem.Config{Binary: binary, Extensions: direct})
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	a.Dial("81001")
	b.Expect(phone.CallIncoming)
	a.Expect(phone.CallRinging)
	b.Hangup()
	b.Expect(phone.CallClosed)
	closed := a.Expect(phone.CallClosed)
	if !strings.HasPrefix(closed.Param, "486") {
		t.Errorf("the caller's phone shows %s, want 486", outcome(closed))
	}
	_, out := pair(t, s)
	want := tandem.CDR{From: "1000", To: "1001", Cause: "USER_BUSY", Q850: 17, SIPStatus: 486, HungUpBy: "callee"}
	mustRecord(t, "callee", out, want, 0)
}

func TestInteropBaresipCancelWhileRinging(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	ringing(a, b, "1001")
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	in, out := pair(t, s)
	want := tandem.CDR{From: "1000", To: "1001", Cause: "ORIGINATOR_CANCEL", Q850: 16, SIPStatus: 487, HungUpBy: "caller"}
	mustRecord(t, "caller", in, want, 0)
	mustRecord(t, "callee", out, want, 0)
	// The phone is free again.
	talking(a, b, "1001")
	b.Hangup()
	a.Expect(phone.CallClosed)
}

// TestInteropBaresipNoAnswer takes as long as the sample lets a phone ring.
// The caller then hears the greeting of the mailbox.
func TestInteropBaresipNoAnswer(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	ringing(a, b, "1001")
	const ringTime, promptTime = 40 * time.Second, 5 * time.Second
	b.ExpectWithin(phone.CallClosed, ringTime)
	a.Expect(phone.CallEstablished)
	a.Talk(promptTime)
	a.Hangup()
	a.Expect(phone.CallClosed)
	heard := a.Heard()
	if len(heard) == 0 || heard[len(heard)-1].Loud() < 500*time.Millisecond {
		t.Errorf("the caller heard no prompt: %d recordings", len(heard))
	}
	_, out := pair(t, s)
	if out.Cause != "NO_ANSWER" || out.Q850 != 19 || out.Answered() {
		t.Errorf("record of the callee: %+v, want NO_ANSWER, 19", out)
	}
}

// TestInteropBaresipSeveralCallsAtOnce has two pairs of phones talk at the same
// time: nobody hears the other pair.
func TestInteropBaresipSeveralCallsAtOnce(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001", "1002", "1003")
	first := talking(phones[0], phones[1], "1001")
	second := talking(phones[2], phones[3], "1003")
	phones[0].Talk(talkTime)
	firstLasted, secondLasted := time.Since(first.answered), time.Since(second.answered)
	phones[0].Hangup()
	phones[3].Hangup()
	for _, p := range phones {
		p.Expect(phone.CallClosed)
	}
	mustHearEachOther(t, phones[0], phones[1], first, firstLasted)
	mustHearEachOther(t, phones[2], phones[3], second, secondLasted)
	if records := s.CDRs(4); len(records) != 4 {
		t.Errorf("%d records, want 4", len(records))
	}
}

// TestInteropBaresipCallOverTCP has one phone on TCP and one on UDP.
func TestInteropBaresipCallOverTCP(t *testing.T) {
	t.Parallel()
	s := office(t)
	onTCP := desk(s, "1000")
	onTCP.TCP = true
	a := phone.Open(t, onTCP)
	b := phone.Open(t, desk(s, "1001"))
	call := talking(a, b, "1001")
	a.Talk(talkTime / 2)
	lasted := time.Since(call.answered)
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	mustHearEachOther(t, a, b, call, lasted)
	// And back, over the connection that the phone keeps.
	talking(b, a, "1000")
	b.Hangup()
	a.Expect(phone.CallClosed)
}

// TestInteropBaresipTranscodesBetweenALawAndMuLaw has phones that have no codec
// in common.
func TestInteropBaresipTranscodesBetweenALawAndMuLaw(t *testing.T) {
	t.Parallel()
	s := office(t)
	alaw := desk(s, "1000")
	alaw.Codec = "PCMA/8000/1"
	a := phone.Open(t, alaw)
	b := phone.Open(t, desk(s, "1001"))
	call := talking(a, b, "1001")
	a.Talk(talkTime / 2)
	lasted := time.Since(call.answered)
	b.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	mustHearEachOther(t, a, b, call, lasted)
}

func TestInteropBaresipWrongPasswordIsRefused(t *testing.T) {
	t.Parallel()
	s := office(t)
	wrong := desk(s, "1000")
	wrong.Password = "not the password"
	p := phone.Start(t, wrong)
	p.Expect(phone.RegisterFail)
	unknown := desk(s, "1999")
	q := phone.Start(t, unknown)
	q.Expect(phone.RegisterFail)
	if r := s.Registrations(); len(r) != 0 {
		t.Errorf("registrations: %+v", r)
	}
}

// TestInteropBaresipUnregisters sees a phone's contact come and go.
func TestInteropBaresipUnregisters(t *testing.T) {
	t.Parallel()
	s := office(t)
	p := phone.Open(t, desk(s, "1000"))
	if r := s.Registrations(); len(r) != 1 || !strings.Contains(r[0].AOR, "1000") {
		t.Errorf("registrations: %+v, want one of 1000", r)
	}
	p.Close() // sends a REGISTER with Expires: 0 on its way out
	if r := s.Registrations(); len(r) != 0 {
		t.Errorf("registrations after the phone left: %+v", r)
	}
}
