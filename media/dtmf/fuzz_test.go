package dtmf

import (
	"encoding/binary"
	"testing"
	"time"
)

// FuzzReceiver feeds any packets: 10 bytes each (sequence, timestamp, event),
// the marker being the lowest bit of the sequence's first byte.
func FuzzReceiver(f *testing.F) {
	var seed []byte
	s := NewSender(SenderConfig{})
	s.Queue("15#", 0)
	seq := uint16(0)
	for s.Busy() {
		if p, ok := s.Next(uint32(seq) * 160); ok {
			seed = binary.BigEndian.AppendUint16(seed, seq)
			seed = binary.BigEndian.AppendUint32(seed, p.Timestamp)
			seed = append(seed, p.Payload[:]...)
		}
		seq++
	}
	f.Add(seed)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReceiver(ReceiverConfig{})
		now := time.Unix(0, 0)
		puts, got := 0, 0
		for ; len(b) >= 6; puts++ {
			n := min(len(b), 10)
			r.Put(binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:]), b[0]&1 != 0, b[6:n], now)
			now = now.Add(20 * time.Millisecond)
			r.Tick(now)
			for d, ok := r.Next(); ok; d, ok = r.Next() {
				got++
				if _, ok := Code(d.Digit); !ok || d.Duration < 0 {
					t.Fatalf("reported %+v", d)
				}
			}
			b = b[n:]
		}
		r.Tick(now.Add(DefaultTimeout))
		for _, ok := r.Next(); ok; _, ok = r.Next() {
			got++
		}
		if r.Waiting() {
			t.Error("waits after the time-out")
		}
		if got > puts {
			t.Errorf("%d digits out of %d packets", got, puts)
		}
	})
}

func FuzzSender(f *testing.F) {
	f.Add("12w3#", uint16(100), uint8(20))
	f.Fuzz(func(t *testing.T, digits string, ms uint16, ptime uint8) {
		s := NewSender(SenderConfig{PTime: time.Duration(ptime%100) * time.Millisecond})
		if s.Queue(digits, time.Duration(ms%5000)*time.Millisecond) != nil {
			return
		}
		ends := 0
		for timestamp := uint32(0); s.Busy(); timestamp += s.step {
			p, ok := s.Next(timestamp)
			e, err := Parse(p.Payload[:])
			if ok && err == nil && e.End {
				ends++
			}
		}
		want := 0
		for i := range len(digits) {
			if _, ok := Code(digits[i]); ok {
				want += endPackets
			}
		}
		if ends != want {
			t.Errorf("%q: %d end packets, want %d", digits, ends, want)
		}
	})
}
