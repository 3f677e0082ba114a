package wave

import (
	"math"
	"slices"
	"testing"
	"time"
)

// tone returns a sine.
func tone(rateHz int, hz, amplitude float64, length time.Duration) []float64 {
	out := make([]float64, int(length*time.Duration(rateHz)/time.Second))
	for i := range out {
		out[i] = amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rateHz))
	}
	return out
}

// pause returns silence at 16 kHz.
func pause(length time.Duration) []float64 { return make([]float64, 16*length/time.Millisecond) }

func within(got, want, by float64) bool { return math.Abs(got-want) <= by }

func TestLevels(t *testing.T) {
	sine := tone(16000, 1000, 0.5, time.Second)
	if got := DBFS(RMS(sine)); !within(got, -9.03, 0.01) {
		t.Errorf("RMS of a half-scale sine = %.2f dBFS, want -9.03", got)
	}
	if got := DBFS(Peak(sine)); !within(got, -6.02, 0.01) {
		t.Errorf("peak of a half-scale sine = %.2f dBFS, want -6.02", got)
	}
	if Peak(nil) != 0 || RMS(nil) != 0 {
		t.Error("nothing has a level")
	}
	if got := Amplitude(DBFS(0.3)); !within(got, 0.3, 1e-12) {
		t.Errorf("Amplitude(DBFS(0.3)) = %g", got)
	}
}

func TestSpeechRMSLeavesPausesOut(t *testing.T) {
	sine := tone(16000, 500, 0.1, time.Second)
	w := Wave{RateHz: 16000, Samples: slices.Concat(pause(2*time.Second), sine, pause(time.Second), sine)}
	if got, want := w.SpeechRMS(), RMS(sine); !within(DBFS(got), DBFS(want), 0.1) {
		t.Errorf("SpeechRMS = %.2f dBFS, want %.2f", DBFS(got), DBFS(want))
	}
	if got := (Wave{RateHz: 16000, Samples: pause(time.Second)}).SpeechRMS(); got != 0 {
		t.Errorf("SpeechRMS of silence = %g, want 0", got)
	}
}

func TestSilence(t *testing.T) {
	sine := tone(16000, 500, 0.1, 500*time.Millisecond)
	faint := tone(16000, 500, 0.1*Amplitude(-35), 100*time.Millisecond) // a final consonant
	for _, test := range []struct {
		name          string
		samples       []float64
		before, after time.Duration
	}{
		{"none", sine, 0, 0},
		{"both", slices.Concat(pause(300*time.Millisecond), sine, pause(200*time.Millisecond)), 300 * time.Millisecond, 200 * time.Millisecond},
		{"pause within", slices.Concat(sine, pause(time.Second), sine), 0, 0},
		{"faint end is heard", slices.Concat(sine, faint, pause(200*time.Millisecond)), 0, 200 * time.Millisecond},
		{"all", pause(time.Second), time.Second, 0},
	} {
		before, after := Wave{RateHz: 16000, Samples: test.samples}.Silence()
		if before != test.before || after != test.after {
			t.Errorf("%s: Silence = %v, %v, want %v, %v", test.name, before, after, test.before, test.after)
		}
	}
}

func TestDuration(t *testing.T) {
	if got := (Wave{RateHz: 16000, Samples: make([]float64, 24000)}).Duration(); got != 1500*time.Millisecond {
		t.Errorf("Duration = %v, want 1.5s", got)
	}
}
