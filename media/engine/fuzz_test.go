package engine

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/rtp"
)

// FuzzDatagrams feeds any datagrams into a joined, recorded stream, from its
// far end and from strangers: nothing panics, and what is sent stays one stream.
func FuzzDatagrams(f *testing.F) {
	packet := func(h rtp.Header, payload ...byte) []byte {
		b := append(make([]byte, rtp.HeaderBytes), payload...)
		rtp.Put(b, h)
		return b
	}
	report := rtp.Report{SSRC: 7, IsSender: true, HasBlock: true}
	f.Add(packet(rtp.Header{SSRC: 7, Seq: 1}, make([]byte, 160)...), packet(rtp.Header{SSRC: 7, Seq: 3, PayloadType: 101}, 5, 0x8a, 3, 32), uint8(0))
	f.Add(report.Append(nil, "x"), packet(rtp.Header{SSRC: 8, Seq: 60000, PayloadType: 13}), uint8(1))
	f.Add([]byte{0x80}, []byte{}, uint8(2))
	f.Fuzz(func(t *testing.T, one, two []byte, how uint8) {
		w := newStill(t)
		a := w.open(pcmu)
		b := w.open([]media.Format{pcmu, pcma, wide}[how%3])
		_ = a.Join(b.stream)
		if how&8 != 0 {
			_, _ = a.Tap(&bin16{})
		}
		if how&16 != 0 {
			a.Echo(time.Duration(how>>5) * 10 * time.Millisecond)
		}
		w.apply()
		for i := range 6 {
			for _, d := range [][]byte{one, two} {
				buf := append(make([]byte, 0, maxPacketBytes), d[:min(len(d), maxPacketBytes)]...)
				from := a.addr
				if how&4 != 0 && i%2 == 1 {
					from = b.addr
				}
				w.sh.receive(a.stream, i%3 == 2, buf, from, w.now)
			}
			before := b.State()
			w.tick(a, b)
			if after := b.State(); after.SSRC != before.SSRC {
				t.Fatal("SSRC changed")
			}
			w.sh.look(w.now)
		}
		if a.broken || b.broken {
			t.Fatal("a step panicked")
		}
	})
}
