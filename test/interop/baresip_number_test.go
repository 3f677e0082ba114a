package interop

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// callNumber calls a number that the switch answers itself, listens, hangs up, and
// returns what was heard and how much was received.
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
	heard, packets := p.Heard(), p.Packets()
	if len(heard) != 1 || len(packets) != 1 {
		t.Fatalf("%s: %d recordings and %d counts of packets, want 1", number, len(heard), len(packets))
	}
	received := time.Duration(packets[0].Received) * packetTime
	if records := s.CDRs(1); len(records) != 1 || records[0].To != number || records[0].Cause != "NORMAL_CLEARING" {
		t.Errorf("%s: records %+v", number, records)
	}
	if (received - lasted).Abs() > clocks {
		t.Errorf("%s: received %v of sound in %v", number, received, lasted)
	}
	return heard[0], received
}

func TestInteropBaresipEcho(t *testing.T) {
	t.Parallel()
	r, received := callNumber(t, office(t), "9196", talkTime)
	h := r.Heard(sound.ToneA)
	if h.Total < received-startup || h.Gap > longestGap {
		t.Errorf("heard the own tone for %v of %v, longest gap %v", h.Total, received, h.Gap)
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
	r, received := callNumber(t, office(t), "9197", talkTime)
	const milliwattHz = 1004 // the North American test tone
	h := r.Heard(milliwattHz)
	if h.Total < received-startup || h.Gap > longestGap {
		t.Errorf("heard %d Hz for %v of %v, longest gap %v", milliwattHz, h.Total, received, h.Gap)
	}
}

func TestInteropBaresipMusic(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"9198", "9664"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			r, received := callNumber(t, office(t), number, 4*time.Second)
			if loud := r.Loud(); loud < received/3 {
				t.Errorf("heard sound for %v of %v", loud, received)
			}
			for _, hz := range sound.Tones {
				if h := r.Heard(hz); h.Total > received/4 {
					t.Errorf("heard %d Hz for %v: that is a phone and no music", hz, h.Total)
				}
			}
		})
	}
}

// TestInteropBaresipKindsOfRinging listens to what the numbers that ring for 20 seconds send
// meanwhile: nothing, a tone or music, before the answer or after it.
func TestInteropBaresipKindsOfRinging(t *testing.T) {
	t.Parallel()
	const (
		low, high = 400, 450 // Hz: the British ring tone, twice 400 ms of tone in each 3 s
		listens   = 3 * time.Second
		tone      = 800 * time.Millisecond
	)
	for _, test := range []struct {
		number      string
		first       phone.Kind
		tone, music bool
	}{
		{"9180", phone.CallRinging, false, false},
		{"9181", phone.CallProgress, true, false},
		{"9182", phone.CallProgress, false, true},
		{"9183", phone.CallEstablished, true, false},
		{"9184", phone.CallEstablished, false, true},
	} {
		t.Run(test.number, func(t *testing.T) {
			t.Parallel()
			p := phone.Open(t, desk(office(t), "1000"))
			p.Dial(test.number)
			p.Expect(test.first)
			p.Talk(listens)
			p.Hangup()
			p.Expect(phone.CallClosed)
			var heard sound.Recording
			if all := p.Heard(); len(all) > 0 {
				heard = all[0]
			}
			both, loud := heard.HeardBoth(low, high).Total, heard.Loud()
			if test.tone && (both < tone-startup || loud > tone+startup) || !test.tone && both > tone/4 {
				t.Errorf("heard the ring tone for %v, sound for %v of %v", both, loud, listens)
			}
			if test.music && loud < listens/3 || !test.tone && !test.music && loud > 0 {
				t.Errorf("heard sound for %v of %v", loud, listens)
			}
		})
	}
}

// TestInteropBaresipGroup has all phones of a group ring; the first to answer gets the
// call and the others stop ringing.
func TestInteropBaresipGroup(t *testing.T) {
	t.Parallel()
	s := office(t)
	a := phone.Open(t, desk(s, "1010")) // no member itself, or it would ring as well
	members := open(t, s, "1000", "1001")
	a.Dial("2000")
	early := a.Expect(phone.CallProgress).At
	for _, p := range members {
		p.Expect(phone.CallIncoming)
	}
	members[1].Accept()
	members[1].Expect(phone.CallEstablished)
	members[0].Expect(phone.CallClosed)
	answered := a.Expect(phone.CallEstablished).At
	a.Talk(time.Second)
	lasted := time.Since(answered)
	a.Hangup()
	members[1].Expect(phone.CallClosed)
	a.Expect(phone.CallClosed)
	mustHearEachOther(t, a, members[1], moments{early: early, answered: answered}, lasted)
}
