package mediatest

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance || math.IsNaN(got) {
		t.Errorf("%s = %.3f, want %.3f ± %.3f", what, got, want, tolerance)
	}
}

func TestLevelOfKnownSignals(t *testing.T) {
	square := make([]int16, 100)
	for i := range square {
		square[i] = math.MinInt16
	}
	near(t, "square", LevelDBov(square), 0, 0.001)
	near(t, "full-scale sine", LevelDBov(Tone(8000, 1000, -3.01, time.Second)), -3.01, 0.01)
	near(t, "tone", LevelDBov(Tone(8000, 440, -20, time.Second)), -20, 0.05)
	near(t, "noise", LevelDBov(Noise(8000, -30, 5*time.Second, 1)), -30, 0.1)
	near(t, "silence", LevelDBov(make([]int16, 80)), SilenceDBov, 0)
	near(t, "nothing", LevelDBov(nil), SilenceDBov, 0)
	near(t, "peak", PeakDBov(Tone(8000, 500, -13.01, time.Second)), -10, 0.05)
}

func TestGoertzelSeparatesTones(t *testing.T) {
	mix := Mix(Tone(8000, 697, -20, time.Second), Tone(8000, 1209, -26, time.Second))
	near(t, "697 Hz", PowerDBov(mix, 8000, 697), -20, 0.1)
	near(t, "1209 Hz", PowerDBov(mix, 8000, 1209), -26, 0.1)
	if p := PowerDBov(mix, 8000, 1000); p > -70 {
		t.Errorf("1000 Hz, which is not there: %.1f dBov", p)
	}
}

func TestDominantFrequencyInOneFrame(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for hz := 200.0; hz < 3600; hz += 83 {
			near(t, "dominant", DominantHz(Tone(rate, hz, -20, windowTime), rate), hz, 4)
		}
	}
	near(t, "silence", DominantHz(make([]int16, 160), 8000), 0, 0)
	near(t, "nothing", DominantHz(nil, 8000), 0, 0)
}

func TestSNR(t *testing.T) {
	tone := Tone(8000, 1000, -20, 2*time.Second)
	noisy := Mix(tone, Noise(8000, -50, 2*time.Second, 2))
	near(t, "SNR", SNR(tone, noisy), 30, 0.3)
	near(t, "ToneSNR", ToneSNR(noisy, 8000, 1000), 30, 0.3)
	if got := SNR(tone, tone); !math.IsInf(got, 1) {
		t.Errorf("SNR of equal sounds = %v", got)
	}
}

func TestHearFindsGapsAndStrangers(t *testing.T) {
	ms := time.Millisecond
	call := slices.Concat(
		make([]int16, Samples(8000, 500*ms)),
		Tone(8000, 440, -20, time.Second),
		make([]int16, Samples(8000, 60*ms)),
		Tone(8000, 440, -20, time.Second),
		Tone(8000, 880, -20, 200*ms),
	)
	h := Hear(call, 8000, 440)
	want := Hearing{Heard: 2 * time.Second, First: 500 * ms, Last: 2560 * ms, LongestGap: 60 * ms, Other: 200 * ms, LevelDBov: h.LevelDBov}
	if h != want {
		t.Errorf("got  %v\nwant %v", h, want)
	}
	near(t, "level", h.LevelDBov, -20, 0.1)
	if h := Hear(call, 8000, 0); h.Heard != 2200*ms || h.Other != 0 {
		t.Errorf("any sound: %v", h)
	}
	if h := Hear(make([]int16, 8000), 8000, 0); h.Heard != 0 || h.LevelDBov != SilenceDBov {
		t.Errorf("silence: %v", h)
	}
}

func TestCompareFindsLagAndGain(t *testing.T) {
	want := Noise(8000, -20, 2*time.Second, 3)
	quiet := make([]int16, 800+len(want))
	for i, v := range want {
		quiet[800+i] = v / 2
	}
	d := Compare(want, quiet, 8000, time.Second)
	if d.Lag != 100*time.Millisecond {
		t.Errorf("Lag = %v, want 100ms", d.Lag)
	}
	near(t, "LevelDB", d.LevelDB, -6.02, 0.02)
	near(t, "Correlation", d.Correlation, 1, 0.001)
	near(t, "SNR", d.SNR, 6.02, 0.02)
	if c := Compare(want, Noise(8000, -20, 2*time.Second, 4), 8000, 100*time.Millisecond).Correlation; c > 0.1 {
		t.Errorf("unrelated sounds correlate: %v", c)
	}
}

func TestWAVRoundTrip(t *testing.T) {
	w := WAV{16000, [][]int16{{1, -2, 32767}, {-32768, 0, 5}}}
	b := EncodeWAV(w)
	got, err := DecodeWAV(b)
	if err != nil || got.RateHz != 16000 || !slices.EqualFunc(got.Channels, w.Channels, slices.Equal) {
		t.Errorf("DecodeWAV = %+v, %v", got, err)
	}
	for n := range b {
		if _, err := DecodeWAV(b[:n]); err == nil {
			t.Errorf("a file cut to %d bytes was read", n)
		}
	}
	if _, err := DecodeWAV(bytes.Replace(b, []byte("RIFF"), []byte("RIFX"), 1)); err == nil {
		t.Error("RIFX was read")
	}
}

func TestSourcesReadAll(t *testing.T) {
	src := NewToneSource(8000, 1000, -10)
	got, err := ReadAll(src, 160, 8000)
	if err != nil || len(got) != 8000 {
		t.Fatalf("ReadAll = %d samples, %v", len(got), err)
	}
	if !slices.Equal(got, Tone(8000, 1000, -10, time.Second)) {
		t.Error("blocks do not join without a seam")
	}
	if src.Close(); !src.Closed() {
		t.Error("Closed = false after Close")
	}
	got, err = ReadAll(NewSampleSource(8000, []int16{1, 2, 3}), 2, 100)
	if err != nil || !slices.Equal(got, []int16{1, 2, 3}) {
		t.Errorf("ReadAll = %v, %v", got, err)
	}
}
