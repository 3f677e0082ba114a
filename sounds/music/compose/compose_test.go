package main

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/tandemswitch/tandem/sounds"
	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

func TestShippedMusicIsWhatTheProgramPlays(t *testing.T) {
	if testing.Short() {
		t.Skip("renders two minutes of music")
	}
	for _, p := range pieces() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			file, err := sounds.FS.ReadFile(fmt.Sprintf("music/%d/%s.wav", masterRateHz, p.name))
			if err != nil {
				t.Fatal(err)
			}
			shipped, err := wave.Decode(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := wave.Decode(render(p).Encode())
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Samples) != len(shipped.Samples) || !slices.Equal(got.Tags, shipped.Tags) {
				t.Fatalf("%d samples with tags %v, shipped are %d with %v: run go generate in sounds/",
					len(got.Samples), got.Tags, len(shipped.Samples), shipped.Tags)
			}
			// Processors that fuse multiply and add round differently.
			const tolerance = 2.5 / 32768
			for i, s := range got.Samples {
				if math.Abs(s-shipped.Samples[i]) > tolerance {
					t.Fatalf("sample %d is %.5f, shipped %.5f: run go generate in sounds/", i, s, shipped.Samples[i])
				}
			}
		})
	}
}

func TestPiecesFillTheirBars(t *testing.T) {
	for _, p := range pieces() {
		for i, part := range p.parts {
			last := 0.0
			for _, n := range part.notes {
				last = max(last, n.beat)
				if n.beat < 0 || n.beat >= p.beats || n.pitch < 48 || n.pitch > 88 || n.volume <= 0 {
					t.Errorf("%s: part %d has %+v", p.name, i, n)
				}
			}
			if last < p.beats-4 {
				t.Errorf("%s: part %d ends at beat %g of %g", p.name, i, last, p.beats)
			}
		}
	}
}

// cents returns how far the strongest tone within an eighth of a semitone is
// from a frequency; what is farther off is seen at the edge.
func cents(sound []float64, frequency float64) float64 {
	best, bestPower := 0.0, -1.0
	for c := -12.0; c <= 12; c++ {
		f := frequency * math.Pow(2, c/1200)
		re, im := 0.0, 0.0
		for i, s := range sound {
			// The window keeps neighbors from leaning on each other.
			window := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(sound)))
			sin, cos := math.Sincos(2 * math.Pi * f * float64(i) / renderRateHz)
			re += window * s * cos
			im += window * s * sin
		}
		if power := re*re + im*im; power > bestPower {
			best, bestPower = c, power
		}
	}
	return best
}

func TestInstrumentsAreInTune(t *testing.T) {
	for name, test := range map[string]struct {
		play      func(note, float64, uint64) []float64
		tolerance float64 // cents
	}{
		"pluck": {pluck, 3},
		"bell":  {bell, 3},
		"pad":   {pad, 10}, // detuned on purpose
	} {
		for _, pitch := range []int{48, 57, 66, 76, 85} {
			sound := test.play(note{beats: 1, pitch: pitch, volume: 1}, 1, 7)
			sound = sound[:renderRateHz*4/5]
			if off := cents(sound, hertz(pitch)); math.Abs(off) > test.tolerance {
				t.Errorf("%s: pitch %d is off by %.0f cents", name, pitch, off)
			}
		}
	}
}

func TestInstrumentsBeginAndEndSoftly(t *testing.T) {
	for name, play := range map[string]func(note, float64, uint64) []float64{"pluck": pluck, "bell": bell, "pad": pad} {
		sound := play(note{beats: 1, pitch: 60, volume: 1}, 1, 7)
		if first, last := math.Abs(sound[0]), math.Abs(sound[len(sound)-1]); first > 0.01 || last > 0.001 {
			t.Errorf("%s begins at %.4f and ends at %.4f", name, first, last)
		}
	}
}

func TestStringsAreEquallyStrong(t *testing.T) {
	level := func(seed uint64) float64 {
		return wave.DBFS(wave.RMS(pluck(note{pitch: 64, volume: 1}, 1, seed)[:renderRateHz/4]))
	}
	want := level(0)
	for seed := range uint64(20) {
		if got := level(seed); math.Abs(got-want) > 1 {
			t.Errorf("seed %d: %.1f dBFS, seed 0 %.1f", seed, got, want)
		}
	}
}

func TestTrackIsACircle(t *testing.T) {
	track := make([]float64, 5)
	mixAt(track, 3, []float64{1, 2, 3, 4})
	mixAt(track, 0, []float64{10})
	if want := []float64{13, 4, 0, 1, 2}; !slices.Equal(track, want) {
		t.Errorf("track = %v, want %v", track, want)
	}
}

func TestRoomGoesOnAtTheBeginning(t *testing.T) {
	track := make([]float64, renderRateHz)
	track[len(track)-100] = 1 // a clap just before the end
	out := inRoom(track, 0.3)
	if level := wave.RMS(out[2000:6000]); level < 1e-4 {
		t.Errorf("after the seam the room is at %g", level)
	}
	// And it dies: nearly nothing is left where the clap would come again.
	if early, late := wave.RMS(out[2000:6000]), wave.RMS(out[40000:44000]); late > early/20 {
		t.Errorf("the room falls from %g to %g only", early, late)
	}
}

func TestFilteringTheCircleLeavesNoSeam(t *testing.T) {
	// A whole number of periods is a circle; so must be what comes out.
	track := make([]float64, renderRateHz)
	for i := range track {
		track[i] = math.Sin(2 * math.Pi * 440 * float64(i) / renderRateHz)
	}
	w := around(track, func(w wave.Wave) wave.Wave { return w.HighPass(lowHz).Decimate(3) })
	if len(w.Samples) != masterRateHz {
		t.Fatalf("%d samples, want %d", len(w.Samples), masterRateHz)
	}
	// A period of 440 Hz is 400/11 samples: eleven of them later it is the same.
	for i, s := range w.Samples {
		if later := w.Samples[(i+400)%len(w.Samples)]; math.Abs(s-later) > 1e-4 {
			t.Fatalf("sample %d is %.5f, eleven periods later %.5f", i, s, later)
		}
	}
}

func TestHertz(t *testing.T) {
	for pitch, want := range map[int]float64{69: 440, 57: 220, 60: 261.626} {
		if got := hertz(pitch); math.Abs(got-want) > 0.001 {
			t.Errorf("hertz(%d) = %.3f, want %.3f", pitch, got, want)
		}
	}
}
