package interop

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// callNumber calls a number that the switch answers itself, listens, hangs up, and
// returns what was heard and for how long.
func callNumber(t *testing.T, s *tandem.Switch, number string, length time.Duration) (sound.Recording, time.Duration) {
	t.Helper()
	p := phone.Open(t, desk(s, "1000"))
	p.Dial(number)
	p.Expect(phone.CallEstablished)
	answered := time.Now()
	p.Talk(length)
	lasted := time.Since(answered)
	p.Hangup()
	p.Expect(phone.CallClosed)
	heard := p.Heard()
	if len(heard) != 1 {
		t.Fatalf("%s: %d recordings, want 1", number, len(heard))
	}
	if records := s.CDRs(1); len(records) != 1 || records[0].To != number || records[0].Cause != "NORMAL_CLEARING" {
		t.Errorf("%s: records %+v", number, records)
	}
	return heard[0], lasted
}

func TestInteropBaresipEcho(t *testing.T) {
	t.Parallel()
	r, lasted := callNumber(t, office(t), "9196", talkTime)
	h := r.Heard(sound.ToneA)
	if h.Total < lasted-2*startup || h.Gap > longestGap {
		t.Errorf("heard the own tone for %v of %v, longest gap %v", h.Total, lasted, h.Gap)
	}
}

func TestInteropBaresipDelayedEcho(t *testing.T) {
	t.Parallel()
	r, _ := callNumber(t, office(t), "9195", 8*time.Second)
	h := r.Heard(sound.ToneA)
	// The sample's delay is 5 s; what comes before may be silence or nothing at all.
	if h.Total < 2*time.Second || h.Total > 3500*time.Millisecond || h.Gap > longestGap {
		t.Errorf("heard the own tone, delayed by 5 s, for %v of 8 s, longest gap %v", h.Total, h.Gap)
	}
}

func TestInteropBaresipMilliwatt(t *testing.T) {
	t.Parallel()
	r, lasted := callNumber(t, office(t), "9197", talkTime)
	const milliwattHz = 1004 // the North American test tone
	h := r.Heard(milliwattHz)
	if h.Total < lasted-2*startup || h.Gap > longestGap {
		t.Errorf("heard %d Hz for %v of %v, longest gap %v", milliwattHz, h.Total, lasted, h.Gap)
	}
}

func TestInteropBaresipMusic(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"9198", "9664"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			r, lasted := callNumber(t, office(t), number, 4*time.Second)
			if loud := r.Loud(); loud < lasted/3 {
				t.Errorf("heard sound for %v of %v", loud, lasted)
			}
			for _, hz := range sound.Tones {
				if h := r.Heard(hz); h.Total > lasted/4 {
					t.Errorf("heard %d Hz for %v: that is a phone and no music", hz, h.Total)
				}
			}
		})
	}
}

// TestInteropBaresipGroup has all phones of a group ring; the first to answer gets the
// call and the others stop ringing.
func TestInteropBaresipGroup(t *testing.T) {
	t.Parallel()
	s := office(t)
	a := phone.Open(t, desk(s, "1003"))
	members := open(t, s, "1000", "1001")
	a.Dial("2000")
	for _, p := range members {
		p.Expect(phone.CallIncoming)
	}
	members[1].Accept()
	members[1].Expect(phone.CallEstablished)
	members[0].Expect(phone.CallClosed)
	a.Expect(phone.CallEstablished)
	answered := time.Now()
	a.Talk(time.Second)
	lasted := time.Since(answered)
	a.Hangup()
	members[1].Expect(phone.CallClosed)
	a.Expect(phone.CallClosed)
	mustHear(t, "the caller", a, sound.ToneB, lasted)
	mustHear(t, "the member who answered", members[1], sound.ToneD, lasted)
}
