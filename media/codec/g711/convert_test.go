package g711

import (
	"bytes"
	"testing"
)

func abs(v int) int { return max(v, -v) }

// TestConversionIsNearest checks that no other code of the target law would be
// nearer by more than one step of the 13-bit scale. The Recommendation gives up
// that much so that its two tables undo each other.
func TestConversionIsNearest(t *testing.T) {
	check := func(name string, convert func(dst, src []byte) int, from, to func(byte) int16) {
		for c := range 256 {
			var out [1]byte
			convert(out[:], []byte{byte(c)})
			want := int(from(byte(c)))
			off := abs(int(to(out[0])) - want)
			for other := range 256 {
				if d := abs(int(to(byte(other))) - want); d+8 < off {
					t.Errorf("%s: %#x (%d) → %#x (%d), but %#x is %d", name, c, want, out[0], to(out[0]), other, to(byte(other)))
					break
				}
			}
		}
	}
	check("µ to A", ULawToALaw, DecodeULaw, DecodeALaw)
	check("A to µ", ALawToULaw, DecodeALaw, DecodeULaw)
}

// TestConversionChainIsStable: after one conversion, going back and forth
// changes nothing more, however many switches are on the way.
func TestConversionChainIsStable(t *testing.T) {
	for c := range 256 {
		a := []byte{byte(c)}
		ULawToALaw(a, a)
		first := a[0]
		for range 3 {
			ALawToULaw(a, a)
			ULawToALaw(a, a)
		}
		if a[0] != first {
			t.Errorf("µ-law %#x: A-law drifts from %#x to %#x", c, first, a[0])
		}
	}
}

// TestConversionFacts are rows of G.711 tables 3 and 4 where a way over linear
// samples gives another value.
func TestConversionFacts(t *testing.T) {
	number := func(n byte, zero byte) byte { return n ^ zero }
	for _, f := range [][2]byte{{48, 45}, {49, 47}, {64, 63}, {80, 79}, {81, 81}, {95, 95}} {
		var out [1]byte
		ULawToALaw(out[:], []byte{number(f[0], SilenceULaw)})
		if out[0] != number(f[1], SilenceALaw) {
			t.Errorf("µ-law value %d → A-law value %d, want %d", f[0], out[0]^SilenceALaw, f[1])
		}
	}
	for _, f := range [][2]byte{{0, 1}, {79, 80}, {80, 80}, {81, 81}, {95, 95}, {96, 96}} {
		var out [1]byte
		ALawToULaw(out[:], []byte{number(f[0], SilenceALaw)})
		if out[0] != number(f[1], SilenceULaw) {
			t.Errorf("A-law value %d → µ-law value %d, want %d", f[0], out[0]^SilenceULaw, f[1])
		}
	}
}

func TestConversionKeepsSignAndLength(t *testing.T) {
	dst := []byte("......")
	if n := ULawToALaw(dst[:4], bytes.Repeat([]byte{SilenceULaw}, 9)); n != 4 || dst[4] != '.' {
		t.Errorf("n = %d, dst = % x", n, dst)
	}
	for c := range 256 {
		b := []byte{byte(c)}
		if ULawToALaw(b, b); b[0]&0x80 != byte(c)&0x80 {
			t.Errorf("µ-law %#x changes its sign", c)
		}
	}
	if got := testing.AllocsPerRun(100, func() { ALawToULaw(dst, dst) }); got != 0 {
		t.Errorf("ALawToULaw allocates %v times", got)
	}
}

func BenchmarkULawToALaw20ms(b *testing.B) {
	buf := make([]byte, 160)
	b.ReportAllocs()
	for b.Loop() {
		ULawToALaw(buf, buf)
	}
}
