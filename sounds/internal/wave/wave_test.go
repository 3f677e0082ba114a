package wave

import (
	"bytes"
	"errors"
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
		"µ-law":            change(20, 7),
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
