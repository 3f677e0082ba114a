package interop

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/wire"
)

// TestInteropBaresipHoldAndResume puts the other side on hold from each side.
// While on hold nobody hears the other, and the one who waits hears the sample's music; after
// that it is as before.
func TestInteropBaresipHoldAndResume(t *testing.T) {
	for _, test := range []struct {
		name        string
		calleeHolds bool
	}{{"caller holds", false}, {"callee holds", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := office(t)
			phones := open(t, s, "1000", "1001")
			a, b := phones[0], phones[1]
			talking(a, b, "1001")
			toA, ok := wire.Listen(t, a.MediaPort())
			if !ok {
				t.Skip("packet sockets are not permitted: run as root, or give the test CAP_NET_RAW")
			}
			toB, _ := wire.Listen(t, b.MediaPort())
			holds := a
			if test.calleeHolds {
				holds = b
			}
			holds.Talk(time.Second)
			held := time.Now()
			holds.Hold()
			holds.Talk(1500 * time.Millisecond)
			resumed := time.Now()
			holds.Resume()
			holds.Talk(1500 * time.Millisecond)
			end := time.Now()
			holds.Hangup()
			a.Expect(phone.CallClosed)
			b.Expect(phone.CallClosed)

			// A re-INVITE and its answer take effect well within this time.
			const settle = 300 * time.Millisecond
			for _, ear := range []struct {
				who string
				at  *wire.Capture
				hz  int
			}{{"the caller", toA, sound.ToneB}, {"the callee", toB, sound.ToneA}} {
				for _, part := range []struct {
					name     string
					from, to time.Time
					hears    bool
				}{
					{"before the hold", held.Add(-700 * time.Millisecond), held, true},
					{"on hold", held.Add(settle), resumed, false},
					{"after the hold", resumed.Add(settle), end, true},
				} {
					packets := ear.at.Between(part.from, part.to)
					audio, lasted := wire.Audio(packets), part.to.Sub(part.from)
					for _, hz := range sound.Tones {
						h := audio.Heard(hz)
						if part.hears && hz == ear.hz {
							if h.Total < lasted-startup || h.Gap > longestGap {
								t.Errorf("%s, %s, heard the other for %v of %v, longest gap %v", ear.who, part.name, h.Total, lasted, h.Gap)
							}
						} else if h.Total > 0 {
							t.Errorf("%s, %s, heard %d Hz for %v", ear.who, part.name, hz, h.Total)
						}
					}
					if heldEar := ear.at == toB != test.calleeHolds; heldEar && !part.hears && audio.Loud() < lasted/3 {
						t.Errorf("%s, %s, heard music for %v of %v", ear.who, part.name, audio.Loud(), lasted)
					}
					if missing := wire.Missing(packets); missing != 0 {
						t.Errorf("%s, %s: %d packets are missing", ear.who, part.name, missing)
					}
					t.Logf("%s, %s: %d packets, longest pause %v, sound %v", ear.who, part.name, len(packets), wire.Gap(packets), audio.Loud())
				}
			}
		})
	}
}
