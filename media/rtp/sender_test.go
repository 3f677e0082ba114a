package rtp

import (
	"math/rand/v2"
	"testing"
	"time"
)

const ptime = 20 * time.Millisecond

// TestSenderOverRandomWayChanges drives a sender through paced runs, relayed
// runs of ever new origins, events, pauses and omissions: sequence numbers
// follow each other, timestamps never go back and keep to elapsed time.
func TestSenderOverRandomWayChanges(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := NewSender(8000)
		var now time.Duration
		var began time.Duration
		var first, last Header
		sent, before := 0, 0
		note := func(h Header) {
			if sent == 0 {
				first, began = h, now
			} else {
				if h.Seq != last.Seq+1 || h.SSRC != last.SSRC {
					t.Fatalf("seed %d: %+v after %+v", seed, h, last)
				}
				if h.Timestamp.Before(last.Timestamp) {
					t.Fatalf("seed %d: timestamp goes back: %+v after %+v", seed, h, last)
				}
				off := time.Duration(h.Timestamp.Sub(first.Timestamp))*time.Second/8000 - (now - began)
				if off > 220*time.Millisecond || off < -60*time.Millisecond {
					t.Fatalf("seed %d: packet %d is %v off at %v", seed, sent, off, now)
				}
			}
			last = h
			sent++
		}
		for range 60 {
			kind := rnd.IntN(3)
			if min(kind, kind&2) == before || rnd.IntN(4) > 0 {
				s.Break() // else the other sort of packets begins a run by itself
			}
			if before = kind; kind < 2 {
				before = 0 // both are paced
			}
			now += time.Duration(rnd.IntN(40)) * time.Millisecond
			n := 1 + rnd.IntN(40)
			switch kind {
			case 0: // paced
				for range n {
					if !s.Early(now) {
						note(s.Next(now, 160))
					}
					now += ptime
				}
			case 1: // an event in place of audio
				start := s.Ready(now)
				for i := range n {
					h := s.Event(now, start, i == 0, 160)
					sent++
					if h.Seq != last.Seq+1 && sent > 1 {
						t.Fatalf("seed %d: event %+v after %+v", seed, h, last)
					}
					if sent == 1 {
						first, began = h, now
					}
					last = h
					now += ptime
				}
			case 2: // relayed from a new origin
				s.Break()
				seq, ts := int64(1<<16+rnd.IntN(65536)), Timestamp(rnd.Uint32())
				for range n {
					if rnd.IntN(10) == 0 {
						s.Omit(seq) // a payload type the far end does not know
					} else if h, ok := s.Relay(Header{Seq: Seq(seq), Timestamp: ts}, seq, 160, 160, now); ok {
						note(h)
					}
					if rnd.IntN(50) == 0 {
						ts += Timestamp(rnd.Uint32()) // a phone that jumps
					}
					seq++
					ts += 160
					now += ptime
				}
			}
		}
		if sent < 100 {
			t.Fatalf("seed %d: only %d packets", seed, sent)
		}
	}
}

func TestRelayKeepsGapsAndRefusesThePast(t *testing.T) {
	s := NewSender(8000)
	for range 10 {
		s.Next(0, 160)
	}
	s.Break()
	next, _ := s.Position()
	relay := func(seq int64) (int, bool) {
		h, ok := s.Relay(Header{Seq: Seq(seq), Timestamp: Timestamp(seq * 160)}, seq, 160, 160, time.Duration(seq)*ptime)
		return h.Seq.Sub(next), ok
	}
	for _, tt := range []struct {
		seq  int64
		want int
		ok   bool
	}{{100, 0, true}, {101, 1, true}, {104, 4, true}, {103, 3, true}, {99, 0, false}, {105, 5, true}} {
		if got, ok := relay(tt.seq); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%d is relayed as %d, %v, want %d, %v", tt.seq, got, ok, tt.want, tt.ok)
		}
	}
	s.Omit(106)
	if got, ok := relay(107); !ok || got != 6 {
		t.Errorf("behind an omitted packet: %d, %v, want 6", got, ok)
	}
	if _, ok := relay(105); ok {
		t.Error("a packet from before the omitted one has no number left")
	}
}

func TestPauseIsAGapOfTimestampsOnly(t *testing.T) {
	s := NewSender(8000)
	a := s.Next(0, 160)
	s.Break()
	b := s.Next(time.Second, 160)
	if b.Seq != a.Seq+1 || b.Timestamp.Sub(a.Timestamp) != 8000 || !b.Marker {
		t.Errorf("%+v after %+v", b, a)
	}
	s.Break()
	if !s.Early(time.Second) {
		t.Error("a second packet at once is not early")
	}
	if s.Early(time.Second + ptime) {
		t.Error("a packet in its time is early")
	}
}

func TestClockChangesKeepGoing(t *testing.T) {
	s := NewSender(8000)
	a := s.Next(0, 160)
	s.SetClock(48000)
	b := s.Next(ptime, 960)
	c := s.Next(2*ptime, 960)
	if b.SSRC != a.SSRC || b.Seq != a.Seq+1 || b.Timestamp.Sub(a.Timestamp) != 160 || c.Timestamp.Sub(b.Timestamp) != 960 {
		t.Errorf("%+v, %+v, %+v", a, b, c)
	}
}

func TestCarryGoesOn(t *testing.T) {
	s := Carry(7, 1000, 2000, 8000)
	if h := s.Next(0, 160); h != (Header{Marker: true, Seq: 1000, Timestamp: 2000, SSRC: 7}) {
		t.Errorf("%+v", h)
	}
}
