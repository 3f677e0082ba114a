package sound

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func join(parts ...Recording) Recording {
	r := Recording{RateHz: parts[0].RateHz}
	for _, p := range parts {
		r.Samples = append(r.Samples, p.Samples...)
	}
	return r
}

func silence(rateHz int, length time.Duration) Recording {
	return Recording{RateHz: rateHz, Samples: make([]int16, int(length*time.Duration(rateHz)/time.Second))}
}

func noise(rateHz int, length time.Duration) Recording {
	r := silence(rateHz, length)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range r.Samples {
		r.Samples[i] = int16(random.IntN(20000) - 10000)
	}
	return r
}

func TestHeardFindsEachToneAndNoOther(t *testing.T) {
	for _, rateHz := range []int{8000, 16000, 48000} {
		for _, sent := range Tones {
			r := Tone(sent, rateHz, time.Second)
			for _, asked := range Tones {
				want := time.Duration(0)
				if asked == sent {
					want = time.Second
				}
				if got := r.Heard(asked).Total; got != want {
					t.Errorf("rate %d: %d Hz heard for %v in a tone of %d Hz, want %v", rateHz, asked, got, sent, want)
				}
			}
		}
	}
}

func TestHeardMeasuresGaps(t *testing.T) {
	const ms = time.Millisecond
	r := join(silence(8000, 100*ms), Tone(ToneA, 8000, 400*ms), silence(8000, 60*ms), Tone(ToneA, 8000, 200*ms),
		Tone(ToneB, 8000, 80*ms), Tone(ToneA, 8000, 100*ms), silence(8000, 500*ms))
	want := Hearing{Total: 700 * ms, First: 100 * ms, Last: 940 * ms, Gap: 80 * ms}
	if diff := cmp.Diff(want, r.Heard(ToneA)); diff != "" {
		t.Errorf("Heard(ToneA): (-want +got)\n%s", diff)
	}
	if got, want := r.Heard(ToneB), (Hearing{Total: 80 * ms, First: 760 * ms, Last: 840 * ms}); got != want {
		t.Errorf("Heard(ToneB) = %v, want %v", got, want)
	}
	if got, want := r.Loud(), 780*ms; got != want {
		t.Errorf("Loud() = %v, want %v", got, want)
	}
}

func TestHeardBothWantsBothTones(t *testing.T) {
	const ms = time.Millisecond
	mix := Tone(440, 8000, 400*ms)
	for i, s := range Tone(480, 8000, 400*ms).Samples {
		mix.Samples[i] = mix.Samples[i]/2 + s/2
	}
	r := join(silence(8000, 200*ms), mix, Tone(ToneA, 8000, 300*ms))
	if got, want := r.HeardBoth(440, 480), (Hearing{Total: 400 * ms, First: 200 * ms, Last: 600 * ms}); got != want {
		t.Errorf("HeardBoth(440, 480) = %v, want %v", got, want)
	}
	for name, r := range map[string]Recording{
		"440 alone": Tone(440, 8000, 400*ms),
		"480 alone": Tone(480, 8000, 400*ms),
		"tone A":    Tone(ToneA, 8000, 400*ms),
		"noise":     noise(8000, time.Second),
		"silence":   silence(8000, time.Second),
	} {
		if got := r.HeardBoth(440, 480); got != (Hearing{}) {
			t.Errorf("%s: HeardBoth(440, 480) = %v, want nothing", name, got)
		}
	}
}

func TestHeardIgnoresNoiseAndSilence(t *testing.T) {
	for name, r := range map[string]Recording{
		"noise":   noise(8000, time.Second),
		"silence": silence(8000, time.Second),
		"empty":   {},
	} {
		for _, hz := range Tones {
			if got := r.Heard(hz); got != (Hearing{}) {
				t.Errorf("%s: Heard(%d) = %v, want nothing", name, hz, got)
			}
		}
	}
}

func TestBetweenCutsAndLimits(t *testing.T) {
	r := join(Tone(ToneA, 8000, time.Second), Tone(ToneB, 8000, time.Second))
	if got := r.Between(time.Second, time.Minute); got.Heard(ToneB).Total != time.Second || got.Heard(ToneA).Total != 0 {
		t.Errorf("second half: %v of tone B and %v of tone A", got.Heard(ToneB), got.Heard(ToneA))
	}
	if got := r.Between(3*time.Second, time.Second).Duration(); got != 0 {
		t.Errorf("an empty range lasts %v", got)
	}
}

func TestWAVRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tone.wav")
	want := Tone(ToneC, 16000, 100*time.Millisecond)
	if err := WriteWAV(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadWAV(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReadWAVRefusesWhatItCannotJudge(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tone.wav")
	if err := WriteWAV(path, Tone(ToneA, 8000, 20*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stereo := append([]byte(nil), good...)
	stereo[22] = 2
	for name, b := range map[string][]byte{"empty": nil, "text": []byte("no wave file at all"), "stereo": stereo, "header only": good[:30]} {
		if _, err := parseWAV(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	unfinished := append([]byte(nil), good...)
	copy(unfinished[40:44], []byte{0, 0, 0, 0})
	if r, err := parseWAV(unfinished); err != nil || r.Duration() != 20*time.Millisecond {
		t.Errorf("unfinished file: %v of audio, error %v", r.Duration(), err)
	}
}
