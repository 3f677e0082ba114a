package main

import (
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/sounds"
	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

// speech returns two "words" of a buzz at 32 kHz with an offset under them and
// silence around, as the synthesizer gives them.
func speech(amplitude float64) wave.Wave {
	const rateHz = 32000
	samples := make([]float64, 3*rateHz)
	for i := range samples {
		t := float64(i) / rateHz
		samples[i] = 0.01
		if word := (t > 0.8 && t < 1.2) || (t > 1.4 && t < 2); word {
			for k := 1.0; k <= 20; k++ {
				samples[i] += amplitude / k * math.Sin(2*math.Pi*180*k*t)
			}
		}
	}
	return wave.Wave{RateHz: rateHz, Samples: samples}
}

func TestMasterIsTrimmedAndLeveled(t *testing.T) {
	prompt := sounds.Prompt{Group: "ivr", Name: "ivr-test", Text: "Test."}
	for _, amplitude := range []float64{0.003, 0.05, 0.4} {
		w := master(speech(amplitude), prompt, "voice")
		if w.RateHz != 16000 {
			t.Fatalf("%d Hz, want 16000", w.RateHz)
		}
		if level := wave.DBFS(w.SpeechRMS()); math.Abs(level+20) > 0.1 {
			t.Errorf("amplitude %g: speech at %.1f dBFS, want -20", amplitude, level)
		}
		// 0.8 to 2 s and what is kept around, in frames of 20 ms.
		if d := w.Duration(); d < 1300*time.Millisecond || d > 1420*time.Millisecond {
			t.Errorf("amplitude %g: lasts %v, want 1.36 s", amplitude, d)
		}
		if w.Samples[0] != 0 || w.Samples[len(w.Samples)-1] != 0 {
			t.Errorf("amplitude %g: begins or ends with a step", amplitude)
		}
	}
}

func TestMasterKeepsPeaksUnderTheirBound(t *testing.T) {
	w := speech(0.05)
	w.Samples[32000] = 1 // far louder than the words
	w = master(w, sounds.Prompt{Name: "x"}, "voice")
	if peak := wave.DBFS(wave.Peak(w.Samples)); math.Abs(peak-peakDBFS) > 0.01 {
		t.Errorf("peak %.2f dBFS, want %d", peak, peakDBFS)
	}
}

func TestMasterCarriesItsText(t *testing.T) {
	w := master(speech(0.1), sounds.Prompt{Name: "ivr-test", Text: "Test."}, "voice")
	want := []wave.Tag{{ID: "INAM", Text: "ivr-test"}, {ID: "ICMT", Text: "Test."}, {ID: "ISFT", Text: "festival, voice"}}
	if len(w.Tags) != len(want) || w.Tags[0] != want[0] || w.Tags[1] != want[1] || w.Tags[2] != want[2] {
		t.Errorf("tags = %v, want %v", w.Tags, want)
	}
}

func TestMasterOfSilenceIsSilence(t *testing.T) {
	w := master(wave.Wave{RateHz: 32000, Samples: make([]float64, 32000)}, sounds.Prompt{}, "voice")
	if wave.Peak(w.Samples) != 0 {
		t.Error("silence became sound")
	}
}

func TestMakeTellsWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := voice{dir: voiceFolder(t), name: "cmu_us_slt_arctic_hts", out: io.Discard}.make(t.Context())
	if err == nil || !strings.Contains(err.Error(), "apt-get install festival festvox-us-slt-hts") {
		t.Errorf("make without festival: %v", err)
	}
}

func TestMakeNamesTheBrokenTable(t *testing.T) {
	dir := t.TempDir()
	if err := (voice{dir: dir, name: "v", out: io.Discard}).make(t.Context()); !os.IsNotExist(err) {
		t.Errorf("make without a table: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "prompts.tsv"), []byte("ivr\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := voice{dir: dir, name: "v", out: io.Discard}.make(t.Context())
	if err == nil || !strings.Contains(err.Error(), "prompts.tsv: line 1") {
		t.Errorf("make with a broken table: %v", err)
	}
}

// voiceFolder returns a folder with a table of two prompts.
func voiceFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	table := "ivr\tivr-please_hold\tOne moment, please.\nivr\tivr-other\tNot made.\n"
	if err := os.WriteFile(filepath.Join(dir, "prompts.tsv"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// needFestival skips where the voice cannot be heard.
func needFestival(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the speech synthesizer")
	}
	if _, err := exec.LookPath("text2wave"); err != nil {
		t.Skip("apt-get install festival festvox-us-slt-hts")
	}
}

func TestFestivalMakesTheRecordingWeShip(t *testing.T) {
	needFestival(t)
	dir := voiceFolder(t)
	var out strings.Builder
	if err := (voice{dir: dir, name: "cmu_us_slt_arctic_hts", only: "please_hold", out: &out}).make(t.Context()); err != nil {
		if strings.Contains(err.Error(), "not installed") {
			t.Skip("apt-get install festvox-us-slt-hts")
		}
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "ivr/ivr-please_hold.wav") {
		t.Errorf("told %q", out.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "ivr/16000/ivr-other.wav")); err == nil {
		t.Error("a prompt was made that -only left out")
	}
	file, err := os.ReadFile(filepath.Join(dir, "ivr/16000/ivr-please_hold.wav"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := wave.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := sounds.FS.ReadFile("en/us/slt/ivr/16000/ivr-please_hold.wav")
	if err != nil {
		t.Fatal(err)
	}
	want, err := wave.Decode(shipped)
	if err != nil {
		t.Fatal(err)
	}
	// Another version of festival may say it a little differently.
	if d := (got.Duration() - want.Duration()).Abs(); d > 200*time.Millisecond {
		t.Errorf("lasts %v, the shipped one %v", got.Duration(), want.Duration())
	}
}

func TestMakeLeavesAloneWhatIsMade(t *testing.T) {
	v := voice{dir: voiceFolder(t), name: "v", only: "please_hold"}
	prompts, err := v.table()
	if err != nil || len(prompts) != 1 {
		t.Fatalf("table = %v, %v, want one prompt", prompts, err)
	}
	w := master(speech(0.1), prompts[0], "v")
	if err := os.MkdirAll(filepath.Dir(v.file(prompts[0])), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(v.file(prompts[0]), w.EncodeULaw(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		v    voice
		want int
	}{
		{v, 0},
		{voice{dir: v.dir, name: "v", only: v.only, all: true}, 1},
		{voice{dir: v.dir, name: "another", only: v.only}, 1},
		{voice{dir: v.dir, name: "v"}, 1}, // the other prompt of the table
	} {
		if got, err := c.v.table(); err != nil || len(got) != c.want {
			t.Errorf("%+v: %d prompts to make, %v, want %d", c.v, len(got), err, c.want)
		}
	}
}

func TestFestivalRefusesAnUnknownVoice(t *testing.T) {
	needFestival(t)
	_, err := speak(t.Context(), "nobody_at_all", "Hello.")
	if err == nil || !strings.Contains(err.Error(), "nobody_at_all") && !strings.Contains(err.Error(), "text2wave") {
		t.Errorf("speak with an unknown voice: %v", err)
	}
}
