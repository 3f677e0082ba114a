package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// talkTime is how long phones talk in most tests.
const talkTime = 3 * time.Second

// TestInteropBaresipCallBothHear is the main job of the switch: two phones
// register, one calls the other, both hear each other, either hangs up, and two records are
// written.
func TestInteropBaresipCallBothHear(t *testing.T) {
	for _, test := range []struct {
		name          string
		calleeHangsUp bool
	}{{"caller hangs up", false}, {"callee hangs up", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := office(t)
			phones := open(t, s, "1000", "1001")
			a, b := phones[0], phones[1]
			talking(a, b, "1001")
			answered := time.Now()
			hangsUp, other := a, b
			if test.calleeHangsUp {
				hangsUp, other = b, a
			}
			hangsUp.Talk(talkTime)
			lasted := time.Since(answered)
			hangsUp.Hangup()
			other.Expect(phone.CallClosed)
			hangsUp.Expect(phone.CallClosed)

			mustHear(t, "the caller", a, sound.ToneB, lasted)
			mustHear(t, "the callee", b, sound.ToneA, lasted)
			in, out := pair(t, s)
			mustRecord(t, "caller", in, cleared(test.calleeHangsUp, "inbound"), lasted)
			mustRecord(t, "callee", out, cleared(test.calleeHangsUp, "outbound"), lasted)
			if calls := s.Calls(); len(calls) != 0 {
				t.Errorf("calls after the end: %+v", calls)
			}
		})
	}
}

func TestInteropBaresipRejectedCall(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	a.Dial("1001")
	b.Expect(phone.CallIncoming)
	a.Expect(phone.CallRinging)
	b.Hangup()
	b.Expect(phone.CallClosed)
	closed := a.Expect(phone.CallClosed)
	if !strings.HasPrefix(closed.Param, "486") {
		t.Errorf("the caller's phone shows %s, want 486", outcome(closed))
	}
	in, out := pair(t, s)
	want := tandem.CDR{From: "1000", To: "1001", Cause: "USER_BUSY", Q850: 17, SIPStatus: 486, HungUpBy: "callee"}
	mustRecord(t, "callee", out, want, 0)
	// The sample's dialplan goes on after the refusal, tells the caller, and hangs up.
	want.HungUpBy = "application"
	mustRecord(t, "caller", in, want, 0)
}

func TestInteropBaresipCancelWhileRinging(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	a.Dial("1001")
	b.Expect(phone.CallIncoming)
	a.Expect(phone.CallRinging)
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	in, out := pair(t, s)
	want := tandem.CDR{From: "1000", To: "1001", Cause: "ORIGINATOR_CANCEL", Q850: 487, SIPStatus: 487, HungUpBy: "caller"}
	mustRecord(t, "caller", in, want, 0)
	want.HungUpBy = "bridge"
	mustRecord(t, "callee", out, want, 0)
	// The phone is free again.
	talking(a, b, "1001")
	b.Hangup()
	a.Expect(phone.CallClosed)
}

// TestInteropBaresipNoAnswer takes as long as the sample lets a phone ring.
// The caller then hears a prompt, and is hung up on.
func TestInteropBaresipNoAnswer(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	a.Dial("1001")
	b.Expect(phone.CallIncoming)
	a.Expect(phone.CallRinging)
	const ringTime, promptTime = 40 * time.Second, 20 * time.Second
	b.ExpectWithin(phone.CallClosed, ringTime)
	a.ExpectWithin(phone.CallClosed, promptTime)
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
	talking(phones[0], phones[1], "1001")
	first := time.Now()
	talking(phones[2], phones[3], "1003")
	second := time.Now()
	phones[0].Talk(talkTime)
	firstLasted, secondLasted := time.Since(first), time.Since(second)
	phones[0].Hangup()
	phones[3].Hangup()
	for _, p := range phones {
		p.Expect(phone.CallClosed)
	}
	mustHear(t, "1000", phones[0], sound.ToneB, firstLasted)
	mustHear(t, "1001", phones[1], sound.ToneA, firstLasted)
	mustHear(t, "1002", phones[2], sound.ToneD, secondLasted)
	mustHear(t, "1003", phones[3], sound.ToneC, secondLasted)
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
	talking(a, b, "1001")
	answered := time.Now()
	a.Talk(talkTime / 2)
	lasted := time.Since(answered)
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	mustHear(t, "the phone on TCP", a, sound.ToneB, lasted)
	mustHear(t, "the phone on UDP", b, sound.ToneA, lasted)
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
	talking(a, b, "1001")
	answered := time.Now()
	a.Talk(talkTime / 2)
	lasted := time.Since(answered)
	b.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	mustHear(t, "the phone with A-law", a, sound.ToneB, lasted)
	mustHear(t, "the phone with µ-law", b, sound.ToneA, lasted)
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
