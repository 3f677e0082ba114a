package wave

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
)

func TestEncodeDecodeRoundTrip(t *testing.T) {
	for _, w := range []Wave{
		{RateHz: 8000},
		{RateHz: 16000, Samples: []float64{0, 0.5, -0.5, -1, 32767.0 / 32768}},
		{RateHz: 48000, Samples: []float64{0.25}, Tags: []Tag{{"INAM", "odd"}, {"ICMT", "even"}, {"ICOP", ""}}},
	} {
		got, err := Decode(w.Encode())
		if err != nil {
			t.Errorf("Decode(Encode(%+v)): %v", w, err)
			continue
		}
		if got.RateHz != w.RateHz || !slices.Equal(got.Samples, w.Samples) || !slices.Equal(got.Tags, w.Tags) {
			t.Errorf("Decode(Encode(%+v)) = %+v", w, got)
		}
	}
}

func TestEncodeIsThePlainHeaderOf44Bytes(t *testing.T) {
	got := Wave{RateHz: 16000, Samples: []float64{0, 1.0 / 32768}}.Encode()
	want := []byte("RIFF\x28\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\x04\x00\x00\x00\x00\x00\x01\x00")
	if !bytes.Equal(got, want) {
		t.Errorf("Encode = %q, want %q", got, want)
	}
}

// The table of ITU-T G.711 at some of its decision values, on a 16-bit scale.
func TestULawOfG711(t *testing.T) {
	for sample, want := range map[int16]byte{0: 0xff, 8: 0xfe, 100: 0xf2, 1000: 0xce, 8000: 0xa0, 32767: 0x80, -100: 0x72, -1000: 0x4e, -32768: 0x00} {
		if got := compress(sample); got != want {
			t.Errorf("compress(%d) = %#x, want %#x", sample, got, want)
		}
	}
	for law := range 256 {
		if law == 0x7f { // minus zero
			continue
		}
		if got := compress(expand(byte(law))); got != byte(law) {
			t.Errorf("compress(expand(%#x)) = %#x", law, got)
		}
	}
}

func TestEncodeULawRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1601} {
		w := Wave{RateHz: 16000, Samples: make([]float64, n), Tags: []Tag{{"INAM", "odd"}, {"ICMT", "even"}}}
		for i := range w.Samples {
			w.Samples[i] = 0.3 * math.Sin(2*math.Pi*440*float64(i)/16000)
		}
		got, err := Decode(w.EncodeULaw())
		if err != nil || got.RateHz != w.RateHz || len(got.Samples) != n || !slices.Equal(got.Tags, w.Tags) {
			t.Fatalf("%d samples: Decode(EncodeULaw) = %d Hz, %d samples, %v, %v", n, got.RateHz, len(got.Samples), got.Tags, err)
		}
		noise := make([]float64, n)
		for i := range noise {
			noise[i] = got.Samples[i] - w.Samples[i]
		}
		if snr := DBFS(RMS(w.Samples)) - DBFS(RMS(noise)); n > 100 && snr < 35 {
			t.Errorf("noise is %.1f dB below the signal, want 35", snr)
		}
	}
}

func TestEncodeClips(t *testing.T) {
	got, err := Decode(Wave{RateHz: 8000, Samples: []float64{3, -3, 1}}.Encode())
	if want := []float64{32767.0 / 32768, -1, 32767.0 / 32768}; err != nil || !slices.Equal(got.Samples, want) {
		t.Errorf("samples = %v, %v, want %v", got.Samples, err, want)
	}
}

func TestDecodePassesOverOtherChunks(t *testing.T) {
	file := Wave{RateHz: 8000, Samples: []float64{0.5}}.Encode()
	// An odd chunk with its padding, and a list of another kind, before fmt.
	other := append([]byte("junk\x03\x00\x00\x00abc\x00LIST\x04\x00\x00\x00adtl"), file[12:]...)
	got, err := Decode(append(slices.Clone(file[:12]), other...))
	if err != nil || got.RateHz != 8000 || len(got.Samples) != 1 || got.Tags != nil {
		t.Errorf("Decode = %+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := Wave{RateHz: 8000, Samples: []float64{0.5, 0.5}, Tags: []Tag{{"INAM", "x"}}}.Encode()
	change := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(b), b...) }
	for name, file := range map[string][]byte{
		"empty":            nil,
		"no RIFF":          change(0, 'X'),
		"no WAVE":          change(8, 'X'),
		"A-law":            change(20, 6),
		"µ-law of 16 bits": change(20, 7),
		"stereo":           change(22, 2),
		"rate 0":           change(24, 0, 0),
		"8 bits":           change(34, 8),
		"short fmt":        append(slices.Clone(good[:12]), "fmt \x02\x00\x00\x00\x01\x00"...),
		"no data":          good[:36],
		"data cut off":     good[:46],
		"header cut off":   good[:40],
		"tags cut off":     good[:len(good)-1],
		"tag beyond list":  change(len(good)-6, 0xff),
		"huge chunk":       change(40, 0xff, 0xff, 0xff, 0xff),
		"data before rate": append(slices.Clone(good[:12]), "data\x00\x00\x00\x00"...),
	} {
		if w, err := Decode(file); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: Decode = %+v, %v, want %v", name, w, err, ErrFormat)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(Wave{RateHz: 8000}.Encode())
	f.Add(Wave{RateHz: 16000, Samples: []float64{0.5}, Tags: []Tag{{"INAM", "x"}}}.Encode())
	f.Add(Wave{RateHz: 16000, Samples: []float64{0.5}, Tags: []Tag{{"INAM", "x"}}}.EncodeULaw())
	f.Fuzz(func(t *testing.T, file []byte) {
		w, err := Decode(file)
		if err != nil {
			return
		}
		again, err := Decode(w.Encode())
		if err != nil || again.RateHz != w.RateHz || !slices.Equal(again.Samples, w.Samples) || !slices.Equal(again.Tags, w.Tags) {
			t.Errorf("Decode(Encode(%+v)) = %+v, %v", w, again, err)
		}
	})
}
