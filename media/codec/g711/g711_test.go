package g711

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/codectest"
)

func TestConformance(t *testing.T) {
	for _, c := range []media.Codec{PCMU(), PCMA()} {
		t.Run(c.Format().Name, func(t *testing.T) {
			codectest.Run(t, codectest.Codec{Codec: c, MinSNR: 34, BytesPerSecond: 8000})
		})
	}
}

// TestFacts holds pairs out of the tables of G.711: the ends of each law, the
// first values of segments, and the values both sides of zero.
func TestFacts(t *testing.T) {
	ulaw := []struct {
		code byte
		v14  int // decoder output in units of 14 bits (G.711 table 2)
	}{
		{0xff, 0}, {0xfe, 2}, {0xf0, 30}, {0xef, 33}, {0xe0, 93}, {0xdf, 99}, {0xcf, 231},
		{0xbf, 495}, {0xaf, 1023}, {0x9f, 2079}, {0x8f, 4191}, {0x80, 8031},
		{0x7f, 0}, {0x7e, -2}, {0x6f, -33}, {0x00, -8031},
	}
	for _, f := range ulaw {
		if got := DecodeULaw(f.code); got != int16(f.v14*4) {
			t.Errorf("µ-law %#x = %d, want %d", f.code, got, f.v14*4)
		}
	}
	alaw := []struct {
		code byte
		v13  int // decoder output in units of 13 bits (G.711 table 1)
	}{
		{0xd5, 1}, {0xd4, 3}, {0xda, 31}, {0xc5, 33}, {0xca, 63}, {0xf5, 66}, {0xe5, 132},
		{0x95, 264}, {0x85, 528}, {0xb5, 1056}, {0xa5, 2112}, {0xaa, 4032},
		{0x55, -1}, {0x54, -3}, {0x2a, -4032},
	}
	for _, f := range alaw {
		if got := DecodeALaw(f.code); got != int16(f.v13*8) {
			t.Errorf("A-law %#x = %d, want %d", f.code, got, f.v13*8)
		}
	}
}

// decisions computes the positive decision values of a law from the
// Recommendation's construction: eight segments (seven for A-law, the first
// of double length) of equal intervals, each twice as wide as in the segment
// below. Values are in 16-bit units.
func ulawDecisions() []int {
	values := []int{0, 4} // the first interval has half the width of the others
	for width := 8; len(values) < 128; width *= 2 {
		count := 16
		if width == 8 {
			count = 15
		}
		for range count {
			values = append(values, values[len(values)-1]+width)
		}
	}
	return values[:128]
}

func alawDecisions() []int {
	values := []int{0}
	for range 32 {
		values = append(values, values[len(values)-1]+16)
	}
	for width := 32; len(values) < 128; width *= 2 {
		for range 16 {
			values = append(values, values[len(values)-1]+width)
		}
	}
	return values[:128]
}

// TestEncoderAgainstDecisionValues searches every one of the 65536 samples in
// the list of decision values.
func TestEncoderAgainstDecisionValues(t *testing.T) {
	search := func(decisions []int, magnitude int) byte {
		number := 0
		for number+1 < len(decisions) && decisions[number+1] <= magnitude {
			number++
		}
		return byte(number)
	}
	ulaw, alaw := ulawDecisions(), alawDecisions()
	for v := -32768; v <= 32767; v++ {
		magnitude, sign := v, byte(0)
		if v < 0 {
			magnitude, sign = ^v, 0x80
		}
		if got, want := EncodeULaw(int16(v)), search(ulaw, magnitude)^0xff^sign; got != want {
			t.Fatalf("µ-law of %d = %#x, want %#x", v, got, want)
		}
		if got, want := EncodeALaw(int16(v)), search(alaw, magnitude)^0xd5^sign; got != want {
			t.Fatalf("A-law of %d = %#x, want %#x", v, got, want)
		}
	}
}

func TestEveryCodeSurvivesLinear(t *testing.T) {
	for c := range 256 {
		code := byte(c)
		if got := EncodeALaw(DecodeALaw(code)); got != code {
			t.Errorf("A-law %#x comes back as %#x", code, got)
		}
		want := code
		if code == 0x7f {
			want = 0xff // negative zero has no sign in linear
		}
		if got := EncodeULaw(DecodeULaw(code)); got != want {
			t.Errorf("µ-law %#x comes back as %#x", code, got)
		}
	}
}

// TestAgainstFFmpeg compares with ffmpeg's decoders, which share no code with
// ours, for every code, and with its encoders for every value a decoder yields.
func TestAgainstFFmpeg(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed: apt-get install ffmpeg")
	}
	dir := t.TempDir()
	run := func(in []byte, from, to string) []byte {
		t.Helper()
		src, dst := filepath.Join(dir, "in"), filepath.Join(dir, "out")
		if err := os.WriteFile(src, in, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-y",
			"-f", from, "-ar", "8000", "-i", src, "-f", to, dst)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v: %s", err, out)
		}
		b, err := os.ReadFile(dst)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	for _, law := range []struct {
		name   string
		decode func(byte) int16
		encode func(int16) byte
	}{{"mulaw", DecodeULaw, EncodeULaw}, {"alaw", DecodeALaw, EncodeALaw}} {
		linear := run(codes, law.name, "s16le")
		if len(linear) != 512 {
			t.Fatalf("%s: %d bytes from ffmpeg", law.name, len(linear))
		}
		for i := range codes {
			want := int16(binary.LittleEndian.Uint16(linear[2*i:]))
			if got := law.decode(byte(i)); got != want {
				t.Errorf("%s %#x = %d, ffmpeg has %d", law.name, i, got, want)
			}
		}
		back := run(linear, "s16le", law.name)
		for i := range back {
			sample := int16(binary.LittleEndian.Uint16(linear[2*i:]))
			if got := law.encode(sample); got != back[i] && sample != 0 {
				t.Errorf("%s of %d = %#x, ffmpeg has %#x", law.name, sample, got, back[i])
			}
		}
	}
}

func BenchmarkPCMU(b *testing.B) { codectest.Bench(b, PCMU()) }
func BenchmarkPCMA(b *testing.B) { codectest.Bench(b, PCMA()) }
