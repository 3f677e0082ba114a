package interop

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
)

// TestInteropRESTOriginate rings a phone over REST and connects it with a
// number when it is answered; then the call is ended over REST.
func TestInteropRESTOriginate(t *testing.T) {
	t.Parallel()
	s := office(t)
	p := phone.Open(t, desk(s, "1000"))
	var made struct {
		CallID string `json:"call_id"`
	}
	s.Post("/v1/calls", map[string]string{"from": "1000", "to": "9196"}, &made)
	if made.CallID == "" {
		t.Fatal("the answer has no call_id")
	}
	p.Expect(phone.CallIncoming)
	p.Accept()
	p.Expect(phone.CallEstablished)
	p.Talk(2 * time.Second)
	if calls := s.Calls(); len(calls) != 1 {
		t.Errorf("calls: %+v, want one", calls)
	}
	s.Delete("/v1/calls/" + made.CallID)
	p.Expect(phone.CallClosed)
	heard := p.Heard()
	if len(heard) != 1 || heard[0].Heard(sound.ToneA).Total < time.Second {
		t.Errorf("the phone did not hear its echo: %d recordings", len(heard))
	}
	for _, r := range s.CDRs(1) {
		if r.CallID != made.CallID || r.HungUpBy != "api" {
			t.Errorf("record %+v, want of call %s, hung up by api", r, made.CallID)
		}
	}
}
