package sounds_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/sounds"
	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

// music returns the embedded pieces.
func music(t *testing.T) map[string]wave.Wave {
	t.Helper()
	x := sounds.New(sounds.FS)
	names, err := x.List("music", sounds.MasterRateHz)
	if err != nil {
		t.Fatal(err)
	}
	pieces := map[string]wave.Wave{}
	for _, name := range names {
		place, err := x.Find(name, sounds.MasterRateHz)
		if err != nil {
			t.Fatal(err)
		}
		pieces[name] = decode(t, place.Path)
	}
	return pieces
}

func TestMusicIsCalmAndLeveled(t *testing.T) {
	pieces := music(t)
	if len(pieces) < 2 {
		t.Errorf("%d pieces, want at least 2", len(pieces))
	}
	for name, w := range pieces {
		if w.Duration() < time.Minute {
			t.Errorf("%s lasts %v, want a minute", name, w.Duration())
		}
		if peak := wave.DBFS(wave.Peak(w.Samples)); peak > -3.9 {
			t.Errorf("%s: peak %.1f dBFS, want at most -4", name, peak)
		}
		if level := wave.DBFS(wave.RMS(w.Samples)); math.Abs(level+22) > 1 {
			t.Errorf("%s: %.1f dBFS, want about -22", name, level)
		}
		// Nothing startles, and nobody thinks the line is dead: the last five
		// seconds may die away.
		second := w.RateHz
		for at := 0; at+second <= len(w.Samples)-5*second; at += second {
			if level := wave.DBFS(wave.RMS(w.Samples[at : at+second])); level < -30 || level > -16 {
				t.Errorf("%s: %.1f dBFS in second %d", name, level, at/second)
			}
		}
	}
}

func TestMusicRepeatsWithoutAClick(t *testing.T) {
	for name, w := range music(t) {
		// One piece may follow another as well as itself, so each begins and
		// ends at zero …
		first, last := w.Samples[0], w.Samples[len(w.Samples)-1]
		if math.Abs(first) > 0.001 || math.Abs(last) > 0.001 {
			t.Errorf("%s begins at %.4f and ends at %.4f", name, first, last)
		}
		// … and the seam has no step that the music itself has not.
		seam := append(append([]float64(nil), w.Samples[len(w.Samples)-800:]...), w.Samples[:800]...)
		if got, all := largestStep(seam), largestStep(w.Samples); got > all {
			t.Errorf("%s: step of %.4f at the seam, %.4f within", name, got, all)
		}
		// The last 100 ms are soft enough that going to zero is not heard.
		if level := wave.DBFS(wave.RMS(w.Samples[len(w.Samples)-w.RateHz/10:])); level > -45 {
			t.Errorf("%s ends at %.1f dBFS, want it died away", name, level)
		}
	}
}

func largestStep(samples []float64) float64 {
	step := 0.0
	for i := 1; i < len(samples); i++ {
		step = max(step, math.Abs(samples[i]-samples[i-1]))
	}
	return step
}

func TestMusicFitsThroughATelephone(t *testing.T) {
	for name, w := range music(t) {
		// At least 85 % of the energy is above 200 Hz, at most 5 % above 3400 Hz.
		whole := energy(w)
		if share := energy(w.HighPass(200)) / whole; share < 0.85 {
			t.Errorf("%s: %.2f of the energy is above 200 Hz, want 0.85", name, share)
		}
		if share := energy(w.HighPass(3400)) / whole; share > 0.05 {
			t.Errorf("%s: %.3f of the energy is above 3400 Hz, want 0.05", name, share)
		}
	}
}

func energy(w wave.Wave) float64 {
	rms := wave.RMS(w.Samples)
	return rms * rms
}

func TestLicenseNamesWhatIsEmbedded(t *testing.T) {
	content, err := sounds.FS.ReadFile("LICENSE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cmu_us_slt_arctic_hts", "Carnegie Mellon University", "EST-2003", "music/compose", "tones.tsv"} {
		if !strings.Contains(string(content), want) {
			t.Errorf("LICENSE.md does not name %q", want)
		}
	}
}
