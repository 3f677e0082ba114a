package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/dtmf"
)

// press sends a digit as a phone does, in place of audio.
func (p *phone) press(digit byte, length time.Duration) {
	code, _ := dtmf.Code(digit)
	start := p.ts
	packets := int(length / p.ptime)
	for i := 1; i <= packets+2; i++ {
		h := p.header()
		h.PayloadType, h.Timestamp, h.Marker = p.event.PayloadType, start, i == 1
		e := dtmf.Event{Code: code, Volume: 10, Duration: uint16(min(i, packets) * 160), End: i >= packets}
		b := e.Payload()
		p.send(h, b[:])
		<-time.After(p.ptime)
	}
}

func TestDigitsCrossARelayAndAreSeen(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event96), w.phone(pcmu, event) // 96 there, 101 here
		_ = a.stream.Join(b.stream)
		synctest.Wait()
		start := time.Now()
		talkFor(500*time.Millisecond, a, b)
		a.press('5', 100*time.Millisecond)
		talkFor(500*time.Millisecond, a)
		digits := of[media.DigitReceived](a.log)
		if len(digits) != 1 || digits[0].Digit != '5' || digits[0].Duration != 100*time.Millisecond {
			t.Errorf("digits = %+v", digits)
		}
		heard := since(b.heard(), start)
		checkRun(t, "digit", heard, 8000, 150*time.Millisecond)
		events, r := 0, dtmf.NewReceiver(dtmf.ReceiverConfig{})
		for _, g := range heard {
			if g.PayloadType == 101 {
				events++
				r.Put(uint16(g.Seq), uint32(g.Timestamp), g.Marker, g.payload, g.at)
			} else if g.PayloadType != 0 {
				t.Errorf("payload type %d", g.PayloadType)
			}
		}
		if d, ok := r.Next(); !ok || d.Digit != '5' || events != 7 {
			t.Errorf("%d events at the far end, digit %+v", events, d)
		}
		if st := a.stream.Stats(); st.DigitsIn != 1 {
			t.Errorf("DigitsIn = %d", st.DigitsIn)
		}
		a.hangUp()
		b.hangUp()
	})
}

func TestDigitsWithoutTelephoneEventLeaveNoHole(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event, withoutEvents())
		_ = a.stream.Join(b.stream)
		synctest.Wait()
		start := time.Now()
		talkFor(200*time.Millisecond, a)
		a.press('1', 100*time.Millisecond)
		talkFor(200*time.Millisecond, a)
		heard := since(b.heard(), start)
		checkRun(t, "without events", heard, 8000, 25*time.Millisecond)
		if len(heard) != 20 {
			t.Errorf("%d packets, want the 20 of audio", len(heard))
		}
		if d := of[media.DigitReceived](a.log); len(d) != 1 {
			t.Errorf("digits = %+v", d)
		}
		if err := b.stream.SendDigits("1", 0); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("SendDigits = %v", err)
		}
		a.hangUp()
		b.hangUp()
	})
}

func TestDigitsCrossBetweenClocks(t *testing.T) {
	bubble(t, func(w *world) {
		event16 := media.Format{Name: media.TelephoneEvent, PayloadType: 98, ClockHz: 16000, Channels: 1}
		a, b := w.phone(wide, event16), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		talkFor(200*time.Millisecond, a, b)
		b.press('3', 100*time.Millisecond)
		talkFor(500*time.Millisecond, a, b)
		if d := of[media.DigitReceived](b.log); len(d) != 1 || d[0].Digit != '3' {
			t.Errorf("digits = %+v", d)
		}
		r := dtmf.NewReceiver(dtmf.ReceiverConfig{ClockHz: 16000})
		for _, g := range a.heard() {
			if g.PayloadType == 98 {
				r.Put(uint16(g.Seq), uint32(g.Timestamp), g.Marker, g.payload, g.at)
			}
		}
		if d, ok := r.Next(); !ok || d.Digit != '3' || d.Duration != 100*time.Millisecond {
			t.Errorf("at the far end: %+v, %v", d, ok)
		}
		sequenced(t, "a", a.heard())
		a.hangUp()
		b.hangUp()
	})
}

func TestSendDigitsDuringARelay(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event96)
		_ = a.stream.Join(b.stream)
		talkFor(200*time.Millisecond, a, b)
		start := time.Now()
		if err := b.stream.SendDigits("12#", 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		talkFor(2*time.Second, a, b)
		r := dtmf.NewReceiver(dtmf.ReceiverConfig{})
		var got string
		for _, g := range since(b.heard(), start) {
			if g.PayloadType != 96 {
				continue
			}
			r.Put(uint16(g.Seq), uint32(g.Timestamp), g.Marker, g.payload, g.at)
			for d, ok := r.Next(); ok; d, ok = r.Next() {
				got += string(d.Digit)
				if d.Duration != 100*time.Millisecond {
					t.Errorf("digit %c lasts %v", d.Digit, d.Duration)
				}
			}
		}
		if got != "12#" {
			t.Errorf("digits %q, want 12#", got)
		}
		all := b.heard()
		for i := range all[1:] {
			if all[i+1].Seq != all[i].Seq+1 {
				t.Fatalf("sequence %d after %d", all[i+1].Seq, all[i].Seq)
			}
		}
		last := all[len(all)-1]
		off := time.Duration(last.Timestamp.Sub(all[0].Timestamp))*time.Second/8000 - last.at.Sub(all[0].at)
		if off > 25*time.Millisecond || off < -25*time.Millisecond {
			t.Errorf("media time is %v off after the digits", off)
		}
		if b.stream.Stats().Way != media.WayRelay {
			t.Errorf("way %v after the digits", b.stream.Stats().Way)
		}
		a.hangUp()
		b.hangUp()
	})
}
