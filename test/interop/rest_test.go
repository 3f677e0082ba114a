package interop

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// makeCall makes a call over REST and returns its id.
func makeCall(t *testing.T, s *tandem.Switch, body map[string]string) string {
	t.Helper()
	var made struct {
		CallID string `json:"call_id"`
	}
	s.Post("/v1/calls", body, &made)
	if made.CallID == "" {
		t.Fatal("the answer has no call_id")
	}
	return made.CallID
}

// TestInteropRESTOriginate rings a phone over REST and connects it with a
// number when it is answered; then the call is ended over REST.
func TestInteropRESTOriginate(t *testing.T) {
	t.Parallel()
	s := office(t)
	p := phone.Open(t, desk(s, "1000"))
	call := makeCall(t, s, map[string]string{"from": "1000", "to": "9196"})
	p.Expect(phone.CallIncoming)
	p.Accept()
	p.Expect(phone.CallEstablished)
	p.Talk(2 * time.Second)
	if calls := s.Calls(); len(calls) != 1 {
		t.Errorf("calls: %+v, want one", calls)
	}
	s.Delete("/v1/calls/" + call)
	p.Expect(phone.CallClosed)
	heard := p.Heard()
	if len(heard) != 1 || heard[0].Heard(sound.ToneA).Total < time.Second {
		t.Errorf("the phone did not hear its echo: %d recordings", len(heard))
	}
	for _, r := range s.CDRs(1) {
		if r.CallID != call || r.HungUpBy != "api" {
			t.Errorf("record %+v, want of call %s, hung up by api", r, call)
		}
	}
}

// TestInteropRESTConnectsTwoPhones rings one phone, and when it answers the other: both hear each
// other.
func TestInteropRESTConnectsTwoPhones(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	call := makeCall(t, s, map[string]string{"from": "1000", "to": "1001"})
	a.Expect(phone.CallIncoming)
	a.Accept()
	m := moments{early: a.Expect(phone.CallEstablished).At}
	b.Expect(phone.CallIncoming)
	b.Accept()
	m.answered = b.Expect(phone.CallEstablished).At
	a.Talk(talkTime / 2)
	lasted := time.Since(m.answered)
	b.Hangup()
	a.Expect(phone.CallClosed)
	b.Expect(phone.CallClosed)
	mustHearEachOther(t, a, b, m, lasted)
	for _, r := range s.CDRs(2) {
		if r.CallID != call || r.Direction != "outbound" || r.HungUpBy != "callee" {
			t.Errorf("record %+v, want one of call %s, outbound, hung up by a phone", r, call)
		}
	}
}

// TestInteropRESTRunsAnApplication plays a tone to a phone that is rung.
func TestInteropRESTRunsAnApplication(t *testing.T) {
	t.Parallel()
	s := office(t)
	p := phone.Open(t, desk(s, "1000"))
	makeCall(t, s, map[string]string{"from": "1000", "app": "playback", "args": "tone_stream://%(2000,0,1300)"})
	p.Expect(phone.CallIncoming)
	p.Accept()
	p.Expect(phone.CallEstablished)
	p.Expect(phone.CallClosed) // there is no more to do after the tone
	heard := p.Heard()
	if len(heard) != 1 {
		t.Fatalf("%d recordings, want 1", len(heard))
	}
	if h := heard[0].Heard(sound.ToneC); (h.Total-2*time.Second).Abs() > startup || h.Gap > longestGap {
		t.Errorf("heard the tone for %v, longest gap %v, want 2 s", h.Total, h.Gap)
	}
}

// TestInteropRESTEndsACallThatRings takes a call back before anybody answers.
func TestInteropRESTEndsACallThatRings(t *testing.T) {
	t.Parallel()
	s := office(t)
	p := phone.Open(t, desk(s, "1000"))
	call := makeCall(t, s, map[string]string{"from": "1000", "to": "9196"})
	p.Expect(phone.CallIncoming)
	s.Delete("/v1/calls/" + call)
	p.Expect(phone.CallClosed)
	for _, r := range s.CDRs(1) {
		if r.CallID != call || r.HungUpBy != "api" || r.Answered() {
			t.Errorf("record %+v, want of call %s, not answered, hung up by api", r, call)
		}
	}
}
