package resample

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

func rates() []int { return []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000} }

func pairs(t *testing.T, test func(t *testing.T, in, out int)) {
	for _, in := range rates() {
		for _, out := range rates() {
			t.Run(fmt.Sprintf("%d-%d", in, out), func(t *testing.T) { test(t, in, out) })
		}
	}
}

func filter(t testing.TB, in, out int) *Filter {
	t.Helper()
	f, err := NewFilter(in, out)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// steady leaves out the first and last 50 ms, where the filter begins and ends.
func steady(samples []int16, rate int) []int16 { return samples[rate/20 : len(samples)-rate/20] }

// TestPassBand: tones up to 85 % of the lower Nyquist frequency (3400 Hz at
// 8000 Hz) keep their level and nothing else appears.
func TestPassBand(t *testing.T) {
	pairs(t, func(t *testing.T, in, out int) {
		f := filter(t, in, out)
		low := float64(min(in, out))
		for _, part := range []float64{0.0375, 0.125, 0.25, 0.375, 0.425} {
			hz := part * low
			got := Convert(f, mediatest.Tone(in, hz, -10, 200*time.Millisecond))
			got = steady(got, out)
			level := mediatest.PowerDBov(got, out, hz) + 10
			if level > 0.1 || level < -0.3 {
				t.Errorf("%.0f Hz: gain %.2f dB", hz, level)
			}
			if snr := mediatest.ToneSNR(got, out, hz); snr < 65 {
				t.Errorf("%.0f Hz: images or aliases: SNR %.1f dB", hz, snr)
			}
		}
	})
}

// TestStopBand: when the rate goes down, tones that the new rate cannot carry
// are at least 60 dB softer, wherever they would alias to.
func TestStopBand(t *testing.T) {
	pairs(t, func(t *testing.T, in, out int) {
		if in <= out {
			return
		}
		f := filter(t, in, out)
		for part := 0.515; part < float64(in)/float64(out)/2; part += 0.1713 {
			hz := part * float64(out)
			got := steady(Convert(f, mediatest.Tone(in, hz, -3.1, 200*time.Millisecond)), out)
			if level := mediatest.LevelDBov(got) + 3.1; level > -60 {
				t.Errorf("%.0f Hz comes through with %.1f dB", hz, level)
			}
		}
	})
}

func TestConvertKeepsLengthAndTime(t *testing.T) {
	pairs(t, func(t *testing.T, in, out int) {
		f := filter(t, in, out)
		sound := mediatest.Mix(mediatest.Tone(in, 400, -20, time.Second), mediatest.Tone(in, 1730, -26, 500*time.Millisecond))
		want := mediatest.Mix(mediatest.Tone(out, 400, -20, time.Second), mediatest.Tone(out, 1730, -26, 500*time.Millisecond))
		got := Convert(f, sound)
		if len(got) != out*len(sound)/in {
			t.Errorf("%d samples out of %d", len(got), len(sound))
		}
		if d := mediatest.Compare(want, got, out, 10*time.Millisecond); d.Lag != 0 || d.Correlation < 0.999 || d.SNR < 30 {
			t.Errorf("%+v", d)
		}
	})
}

func TestBlocksOfAnyLengthJoin(t *testing.T) {
	pairs(t, func(t *testing.T, in, out int) {
		f := filter(t, in, out)
		sound := mediatest.Noise(in, -20, 100*time.Millisecond, 5)
		whole := New(f)
		want := make([]int16, whole.OutputLen(len(sound)))
		if n := whole.Process(want, sound); n != len(want) {
			t.Fatalf("Process = %d, OutputLen said %d", n, len(want))
		}
		rnd := rand.New(rand.NewPCG(uint64(in), uint64(out)))
		r := New(f)
		var got []int16
		for rest := sound; len(rest) > 0; {
			m := min(len(rest), rnd.IntN(2500))
			block := make([]int16, r.OutputLen(m))
			if n := r.Process(block, rest[:m]); n != len(block) {
				t.Fatalf("Process of %d = %d, OutputLen said %d", m, n, len(block))
			}
			got = append(got, block...)
			rest = rest[m:]
		}
		if !slices.Equal(got, want) {
			t.Error("blocks differ from the whole")
		}
		r.Reset()
		if n := r.Process(got, sound); n != len(want) || !slices.Equal(got, want) {
			t.Error("Reset leaves something behind")
		}
	})
}

// TestInputLenIsTheFewest walks through a stream asking for blocks of random
// size.
func TestInputLenIsTheFewest(t *testing.T) {
	pairs(t, func(t *testing.T, in, out int) {
		r := New(filter(t, in, out))
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			want := 1 + rnd.IntN(900)
			n := r.InputLen(want)
			if got := r.OutputLen(n); got < want {
				t.Fatalf("InputLen(%d) = %d yields %d", want, n, got)
			}
			if n > 0 && r.OutputLen(n-1) >= want {
				t.Fatalf("InputLen(%d) = %d, but one less would do", want, n)
			}
			r.Process(make([]int16, r.OutputLen(n)), make([]int16, n))
		}
	})
}

// TestNoDrift counts two seconds of packets.
func TestNoDrift(t *testing.T) {
	pairs(t, func(t *testing.T, in, out int) {
		if in%50 != 0 || out%50 != 0 {
			return
		}
		r := New(filter(t, in, out))
		packet, dst := make([]int16, in/50), make([]int16, out)
		for i := range 100 {
			if n := r.Process(dst, packet); n != out/50 {
				t.Fatalf("packet %d: %d samples, want %d", i, n, out/50)
			}
		}
	})
}

func TestConstantStaysConstant(t *testing.T) {
	pairs(t, func(t *testing.T, in, out int) {
		got := Convert(filter(t, in, out), slices.Repeat([]int16{1000}, in))
		for i, v := range steady(got, out) {
			if v < 999 || v > 1001 {
				t.Fatalf("sample %d = %d", i, v)
			}
		}
	})
}

func TestOverloadIsClippedNotWrapped(t *testing.T) {
	square := make([]int16, 8000)
	for i := range square {
		square[i] = []int16{math.MaxInt16, math.MinInt16}[i/20%2]
	}
	for i, v := range Convert(filter(t, 8000, 48000), square) {
		// Six times 20 samples per half wave; its middle is not near zero.
		if i%120 == 60 && (v > 0) != (i/120%2 == 0) {
			t.Fatalf("sample %d = %d has the wrong sign", i, v)
		}
	}
}

func TestShortDestinationIsSafe(t *testing.T) {
	r := New(filter(t, 8000, 16000))
	if n := r.Process(make([]int16, 10), make([]int16, 160)); n != 10 {
		t.Errorf("Process into 10 samples = %d", n)
	}
	if n := r.Process(make([]int16, 320), make([]int16, 160)); n != 320 {
		t.Errorf("the next block has %d samples", n)
	}
}

func TestStrangeRates(t *testing.T) {
	for _, hz := range []int{0, -8000, 3999, 192001} {
		if _, err := NewFilter(hz, 8000); err == nil {
			t.Errorf("%d Hz was accepted", hz)
		}
		if _, err := NewFilter(8000, hz); err == nil {
			t.Errorf("%d Hz was accepted", hz)
		}
	}
	if _, err := NewFilter(191999, 191998); err == nil {
		t.Error("a filter of half a gigabyte was made")
	}
	f := filter(t, 37800, 8000)
	got := steady(Convert(f, mediatest.Tone(37800, 1000, -10, time.Second)), 8000)
	if snr := mediatest.ToneSNR(got, 8000, 1000); snr < 65 {
		t.Errorf("37800 Hz: SNR %.1f dB", snr)
	}
}

func TestBankSharesFilters(t *testing.T) {
	var b Bank
	var wg sync.WaitGroup
	got := make([]*Filter, 4)
	for i := range got {
		wg.Go(func() { got[i], _ = b.Filter(8000, 16000) })
	}
	wg.Wait()
	if got[0] == nil || got[0] != got[1] || got[1] != got[2] || got[2] != got[3] {
		t.Errorf("filters %p", got)
	}
	if f, _ := b.Filter(16000, 8000); f == got[0] {
		t.Error("both directions have one filter")
	}
	if _, err := b.Filter(1, 8000); err == nil {
		t.Error("1 Hz was accepted")
	}
}

func TestSourceResamplesToTheEnd(t *testing.T) {
	for _, tt := range []struct{ in, out int }{{16000, 8000}, {8000, 48000}, {44100, 8000}, {8000, 8000}, {11025, 16000}} {
		sound := mediatest.Tone(tt.in, 440, -20, 500*time.Millisecond)
		f := filter(t, tt.in, tt.out)
		got, err := mediatest.ReadAll(NewSource(f, mediatest.NewSampleSource(tt.in, sound)), tt.out/50, 10*tt.out)
		if err != nil {
			t.Fatalf("%d to %d: %v", tt.in, tt.out, err)
		}
		if want := (len(sound)*tt.out + tt.in - 1) / tt.in; len(got) != want {
			t.Errorf("%d to %d: %d samples, want %d", tt.in, tt.out, len(got), want)
		}
		if want := Convert(f, sound); !slices.Equal(got[:len(want)], want) {
			t.Errorf("%d to %d: a source differs from Convert", tt.in, tt.out)
		}
		if h := mediatest.Hear(got, tt.out, 440); h.Heard < 480*time.Millisecond {
			t.Errorf("%d to %d: %v", tt.in, tt.out, h)
		}
	}
}

type brokenSource struct {
	err    error
	closed int
}

func (s *brokenSource) RateHz() int               { return 8000 }
func (s *brokenSource) Read([]int16) (int, error) { return 0, s.err }
func (s *brokenSource) Close() error              { s.closed++; return io.ErrClosedPipe }

func TestBankSource(t *testing.T) {
	var b Bank
	src := mediatest.NewToneSource(8000, 440, -20)
	if got, err := b.Source(src, 8000); got != src || err != nil {
		t.Errorf("same rate: %v, %v", got, err)
	}
	if got, err := b.Source(src, 16000); err != nil || got.RateHz() != 16000 {
		t.Errorf("16000 Hz: %v, %v", got, err)
	}
	if _, err := b.Source(src, 1); err == nil {
		t.Error("1 Hz was accepted")
	}
}

func TestSourcePassesErrorsOn(t *testing.T) {
	b := &brokenSource{err: io.ErrUnexpectedEOF}
	s := NewSource(filter(t, 8000, 16000), b)
	if n, err := s.Read(make([]int16, 100)); n != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Read = %d, %v", n, err)
	}
	b.err = nil // neither samples nor an error
	if _, err := NewSource(filter(t, 8000, 16000), b).Read(make([]int16, 100)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Read = %v", err)
	}
	if err := s.Close(); !errors.Is(err, io.ErrClosedPipe) || b.closed != 1 {
		t.Errorf("Close = %v, %d times", err, b.closed)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	src := mediatest.NewToneSource(8000, 440, -20)
	s := NewSource(filter(t, 8000, 48000), src)
	r := New(filter(t, 48000, 8000))
	wide, narrow := make([]int16, 960), make([]int16, 160)
	if got := testing.AllocsPerRun(100, func() {
		s.Read(wide)
		r.Process(narrow, wide)
	}); got != 0 {
		t.Errorf("allocates %v times per packet", got)
	}
}
