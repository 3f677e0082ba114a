package wave

import (
	"slices"
	"testing"
	"time"
)

// levelOf returns the level of a tone through a change, relative to before and
// measured in the middle, where filters have settled.
func levelOf(rateHz int, hz float64, change func(Wave) Wave) float64 {
	in := tone(rateHz, hz, 0.5, time.Second)
	out := change(Wave{RateHz: rateHz, Samples: in}).Samples
	return DBFS(RMS(out[len(out)/4:len(out)/4*3])) - DBFS(RMS(in))
}

func TestDecimateKeepsTheBandAndNothingElse(t *testing.T) {
	for _, factor := range []int{2, 3} {
		rateHz := 16000 * factor
		decimate := func(w Wave) Wave { return w.Decimate(factor) }
		for _, hz := range []float64{50, 1000, 3400, 6800} {
			if got := levelOf(rateHz, hz, decimate); !within(got, 0, 0.1) {
				t.Errorf("from %d Hz: %g Hz changes by %.2f dB, want 0", rateHz, hz, got)
			}
		}
		for _, hz := range []float64{8050, 9000, 12000, 15000} {
			if got := levelOf(rateHz, hz, decimate); got > -57 {
				t.Errorf("from %d Hz: %g Hz folds back at %.1f dB, want -57", rateHz, hz, got)
			}
		}
	}
}

func TestDecimateKeepsTime(t *testing.T) {
	in := Wave{RateHz: 48000, Samples: make([]float64, 4801), Tags: []Tag{{"INAM", "x"}}}
	in.Samples[2400] = 1
	out := in.Decimate(3)
	if out.RateHz != 16000 || len(out.Samples) != 1601 || len(out.Tags) != 1 {
		t.Fatalf("Decimate(3) = %d samples at %d Hz with %d tags", len(out.Samples), out.RateHz, len(out.Tags))
	}
	if at := slices.Index(out.Samples, Peak(out.Samples)); at != 800 {
		t.Errorf("the click of sample 2400 is at %d, want 800", at)
	}
}

func TestFilters(t *testing.T) {
	for _, test := range []struct {
		name         string
		change       func(Wave) Wave
		hz, want, by float64
	}{
		{"high-pass below", func(w Wave) Wave { return w.HighPass(80) }, 20, -24, 1},
		{"high-pass corner", func(w Wave) Wave { return w.HighPass(80) }, 80, -3, 0.1},
		{"high-pass above", func(w Wave) Wave { return w.HighPass(80) }, 400, 0, 0.1},
		{"shelf below", func(w Wave) Wave { return w.HighShelf(2000, 3) }, 200, 0, 0.1},
		{"shelf corner", func(w Wave) Wave { return w.HighShelf(2000, 3) }, 2000, 1.5, 0.1},
		{"shelf above", func(w Wave) Wave { return w.HighShelf(2000, 3) }, 10000, 3, 0.1},
		{"shelf down", func(w Wave) Wave { return w.HighShelf(2000, -6) }, 12000, -6, 0.1},
	} {
		if got := levelOf(32000, test.hz, test.change); !within(got, test.want, test.by) {
			t.Errorf("%s: %g Hz changes by %.2f dB, want %.1f", test.name, test.hz, got, test.want)
		}
	}
}

func TestFiltersBeginSettled(t *testing.T) {
	offset := Wave{RateHz: 32000, Samples: slices.Repeat([]float64{0.25}, 100)}
	for i, s := range offset.HighPass(80).HighShelf(2000, 3).Samples {
		if !within(s, 0, 1e-9) {
			t.Fatalf("an offset gives %g at sample %d, want 0", s, i)
		}
	}
	for i, s := range offset.HighShelf(2000, 3).Samples {
		if !within(s, 0.25, 1e-9) {
			t.Fatalf("the shelf makes %g of an offset of 0.25 at sample %d", s, i)
		}
	}
	if got := (Wave{RateHz: 8000}).HighPass(80); len(got.Samples) != 0 {
		t.Error("nothing became something")
	}
}

func TestTrimCutsOnlySilence(t *testing.T) {
	sine := tone(16000, 500, 0.1, 500*time.Millisecond)
	w := Wave{RateHz: 16000, Samples: slices.Concat(pause(time.Second), sine, pause(time.Second))}
	got := w.Trim(40*time.Millisecond, 120*time.Millisecond)
	if got.Duration() != 660*time.Millisecond {
		t.Errorf("trimmed to %v, want 660ms", got.Duration())
	}
	if before, after := got.Silence(); before != 40*time.Millisecond || after != 120*time.Millisecond {
		t.Errorf("silence of %v and %v is left, want 40ms and 120ms", before, after)
	}
	for name, test := range map[string]struct {
		samples []float64
		want    time.Duration
	}{
		"nothing to cut":  {sine, 500 * time.Millisecond},
		"less than asked": {slices.Concat(pause(20*time.Millisecond), sine), 520 * time.Millisecond},
		"all silent":      {pause(time.Second), 40 * time.Millisecond},
		"empty":           {nil, 0},
	} {
		w := Wave{RateHz: 16000, Samples: test.samples}
		if got := w.Trim(40*time.Millisecond, 120*time.Millisecond).Duration(); got != test.want {
			t.Errorf("%s: %v is left, want %v", name, got, test.want)
		}
	}
}

func TestFadeBeginsAndEndsAtZero(t *testing.T) {
	full := slices.Repeat([]float64{1}, 1600)
	got := Wave{RateHz: 16000, Samples: full}.Fade(10 * time.Millisecond).Samples
	if got[0] != 0 || got[1599] != 0 || got[160] != 1 || got[1439] != 1 {
		t.Errorf("ends %g and %g, inner %g and %g", got[0], got[1599], got[160], got[1439])
	}
	if !within(got[80], 0.5, 1e-9) {
		t.Errorf("half way up at %g, want 0.5", got[80])
	}
	if full[0] != 1 {
		t.Error("the original was changed")
	}
	short := Wave{RateHz: 16000, Samples: []float64{1, 1, 1}}.Fade(time.Second).Samples
	if short[0] != 0 || short[2] != 0 {
		t.Errorf("a wave shorter than its fades: %v", short)
	}
}

func TestGain(t *testing.T) {
	in := Wave{RateHz: 8000, Samples: []float64{0.1, -0.2}}
	if got := in.Gain(2).Samples; !slices.Equal(got, []float64{0.2, -0.4}) || in.Samples[0] != 0.1 {
		t.Errorf("Gain(2) = %v, original %v", got, in.Samples)
	}
}
