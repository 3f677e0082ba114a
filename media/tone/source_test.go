package tone

import (
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

func source(t testing.TB, text string, rateHz, loops int) *Source {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return NewSource(s, rateHz, loops)
}

// play reads all of src, up to a minute.
func play(t testing.TB, src interface {
	RateHz() int
	Read([]int16) (int, error)
	Close() error
}) []int16 {
	t.Helper()
	out, err := mediatest.ReadAll(src, src.RateHz()/50, 60*src.RateHz())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func length(t testing.TB, src *Source) time.Duration {
	t.Helper()
	return time.Duration(len(play(t, src))) * time.Second / time.Duration(src.RateHz())
}

func TestFrequenciesAtEveryRate(t *testing.T) {
	for _, rate := range []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000} {
		got := play(t, source(t, "%(500,0,350,440)", rate, 1))
		if len(got) != (500*rate+500)/1000 {
			t.Errorf("%d Hz: %d samples", rate, len(got))
		}
		// −7 dBm0 is −13.16 dBov; each of two tones has half the amplitude.
		for _, hz := range []float64{350, 440} {
			if p := mediatest.PowerDBov(got, rate, hz); math.Abs(p+13.16+6.02) > 0.3 {
				t.Errorf("%d Hz: %v Hz has %.2f dBov, want −19.2", rate, hz, p)
			}
		}
		for _, hz := range []float64{395, 300, 880, 700} {
			if p := mediatest.PowerDBov(got, rate, hz); p > -50 {
				t.Errorf("%d Hz: %v Hz is there with %.1f dBov", rate, hz, p)
			}
		}
	}
}

// TestDigits checks each key's pair within 1.5 % (ITU-T Q.24) by searching the
// strongest frequency of each group.
func TestDigits(t *testing.T) {
	const row1, row2, row3, row4 = 697, 770, 852, 941
	want := map[string][2]float64{
		"1": {row1, 1209}, "2": {row1, 1336}, "3": {row1, 1477}, "A": {row1, 1633},
		"4": {row2, 1209}, "5": {row2, 1336}, "6": {row2, 1477}, "B": {row2, 1633},
		"7": {row3, 1209}, "8": {row3, 1336}, "9": {row3, 1477}, "C": {row3, 1633},
		"*": {row4, 1209}, "0": {row4, 1336}, "#": {row4, 1477}, "D": {row4, 1633},
	}
	for digit, pair := range want {
		got := play(t, source(t, digit, 8000, 1))
		if len(got) != 2500 {
			t.Errorf("%s lasts %d samples, want 2000 and 500", digit, len(got))
		}
		for _, hz := range pair {
			best, bestPower := 0.0, -200.0
			for f := hz * 0.95; f < hz*1.05; f++ {
				if p := mediatest.PowerDBov(got[:2000], 8000, f); p > bestPower {
					best, bestPower = f, p
				}
			}
			if math.Abs(best-hz) > hz*0.015 || bestPower < -25 {
				t.Errorf("%s: %.0f Hz at %.1f dBov, want %v Hz", digit, best, bestPower, hz)
			}
		}
	}
}

func TestCadence(t *testing.T) {
	ms := time.Millisecond
	table := []struct {
		text  string
		loops int
		want  []time.Duration // sound, silence, sound …
	}{
		{"%(400,200,400,450);%(400,2000,400,450)", 2, []time.Duration{400, 200, 400, 2000, 400, 200, 400, 2000}},
		{"d=100;w=60;1 2", 1, []time.Duration{100, 60, 100, 60}},
		{"d=100;w=60;1(40)2(20,200)3", 1, []time.Duration{40, 60, 20, 200, 100, 60}},
		{"l=2;%(100,100,500);l=1;%(60,40,500)", 1, []time.Duration{100, 100, 100, 100, 60, 40}},
		{"L=3;%(100,20,500)", 2, []time.Duration{100, 20, 100, 20, 100, 20, 100, 20, 100, 20, 100, 20}},
		{"%(100,0);%(100,100,500)", 1, []time.Duration{0, 100, 100, 100}},
		{"%(0,0,400);%(20,20,500)", 1, []time.Duration{20, 20}},
	}
	for _, tt := range table {
		for _, rate := range []int{8000, 44100} {
			got := play(t, source(t, tt.text, rate, tt.loops))
			var want []int
			for _, d := range tt.want {
				want = append(want, mediatest.Samples(rate, d*ms))
			}
			// A sine begins with a zero, which counts as silence.
			near := func(a, b int) bool { return a-b >= -1 && a-b <= 1 }
			if runs := cadence(got, rate); !slices.EqualFunc(runs, want, near) {
				t.Errorf("%q at %d Hz: runs of %v samples, want %v", tt.text, rate, runs, want)
			}
		}
	}
}

// cadence returns the lengths of sound, silence, sound … in got. Zeros count as
// silence from 2 ms on: a sine passes zero.
func cadence(got []int16, rate int) []int {
	var runs []int
	sounding := true
	last := 0
	for i := 0; i < len(got); {
		j := i
		for j < len(got) && got[j] == 0 {
			j++
		}
		silent := j-i >= rate/500
		if j == i {
			j++
		}
		if silent == sounding {
			runs = append(runs, i-last)
			last, sounding = i, !silent
		}
		i = j
	}
	return append(runs, len(got)-last)
}

func TestVolume(t *testing.T) {
	for db, want := range map[string]float64{"0": -6.16, "-7": -13.16, "-20": -26.16, "-63": -69.16} {
		got := play(t, source(t, "v="+db+";%(1000,0,1000)", 8000, 1))
		if level := mediatest.LevelDBov(got); math.Abs(level-want) > 0.35 {
			t.Errorf("v=%s: %.2f dBov, want %.2f", db, level, want)
		}
	}
	loud := play(t, source(t, "v=0;%(1000,0,400,500,600,700)", 8000, 1))
	if peak := mediatest.PeakDBov(loud); peak > -3.1 {
		t.Errorf("four tones at full volume peak at %.1f dBov: clipped", peak)
	}
}

func TestFades(t *testing.T) {
	level := func(samples []int16, atMS int) float64 {
		return mediatest.LevelDBov(samples[8*atMS : 8*(atMS+20)])
	}
	down := play(t, source(t, ">=10;+=1;%(400,0,1000);%(100,0,1000)", 8000, 1))
	if d := level(down, 0) - level(down, 300); math.Abs(d-30) > 0.5 {
		t.Errorf("1 dB in 10 ms fades by %.1f dB in 300 ms", d)
	}
	if d := level(down, 0) - level(down, 400); math.Abs(d) > 0.2 {
		t.Errorf("the next tone starts %.1f dB softer", d)
	}
	up := play(t, source(t, "v=-40;<=10;+=2;%(400,0,1000)", 8000, 1))
	if d := level(up, 100) - level(up, 0); math.Abs(d-20) > 0.5 {
		t.Errorf("2 dB in 10 ms rises by %.1f dB in 100 ms", d)
	}
	if d := level(up, 380) + 6.16; math.Abs(d) > 0.2 {
		t.Errorf("rises beyond 0 dB by %.1f", d)
	}
}

// TestMilliwattLoopsWithoutSeam: 251 ms are a whole number of periods of
// 1004 Hz, nearly.
func TestMilliwattLoopsWithoutSeam(t *testing.T) {
	src := source(t, "%(251,0,1004)", 8000, Forever)
	got, err := mediatest.ReadAll(src, 160, 80000)
	if err != nil || len(got) != 80000 {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	h := mediatest.Hear(got, 8000, 1004)
	if h.Heard != 10*time.Second || h.LongestGap != 0 {
		t.Error(h)
	}
}

func TestFrequenciesOverNyquistAreLeftOut(t *testing.T) {
	got := play(t, source(t, "%(100,0,6000)", 8000, 1))
	if level := mediatest.LevelDBov(got); level != mediatest.SilenceDBov {
		t.Errorf("6 kHz at 8000 Hz: %.1f dBov", level)
	}
}

func TestNothingToPlayEndsAtOnce(t *testing.T) {
	src := source(t, "%(0,0,440)", 8000, Forever)
	if n, err := src.Read(make([]int16, 160)); n != 0 || err != io.EOF {
		t.Errorf("Read = %d, %v, want EOF", n, err)
	}
}

func TestManyEmptyLoopsDoNotSpin(t *testing.T) {
	src := source(t, "l=1000000;L=1000000;%(0,0,440);l=1;%(20,0,440)", 8000, 1)
	if n, err := src.Read(make([]int16, 160)); n != 160 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
}

func TestSilence(t *testing.T) {
	digital := play(t, NewSilence(Silence{Duration: 250 * time.Millisecond}, 16000))
	if len(digital) != 4000 || mediatest.LevelDBov(digital) != mediatest.SilenceDBov {
		t.Errorf("%d samples at %.1f dBov", len(digital), mediatest.LevelDBov(digital))
	}
	if n, err := NewSilence(Silence{}, 8000).Read(make([]int16, 9)); n != 0 || err != io.EOF {
		t.Errorf("no silence: Read = %d, %v", n, err)
	}
	endless := NewSilence(Silence{Duration: -1, NoiseDivisor: 1400}, 8000)
	noise, err := mediatest.ReadAll(endless, 160, 80000)
	if err != nil || len(noise) != 80000 {
		t.Fatalf("%d samples, %v", len(noise), err)
	}
	want := 20 * math.Log10(math.Sqrt2/1400)
	if level := mediatest.LevelDBov(noise); math.Abs(level-want) > 0.5 {
		t.Errorf("divisor 1400: %.1f dBov, want %.1f", level, want)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	block := make([]int16, 960)
	src := source(t, ">=2;+=.1;1 2 %(100,10,350,440,500)", 48000, Forever)
	silence := NewSilence(Silence{Duration: -1, NoiseDivisor: 1000}, 48000)
	if got := testing.AllocsPerRun(200, func() { src.Read(block); silence.Read(block) }); got != 0 {
		t.Errorf("Read allocates %v times", got)
	}
}

func BenchmarkRead20ms(b *testing.B) {
	block := make([]int16, 160)
	src := source(b, "%(2000,4000,440,480)", 8000, Forever)
	b.ReportAllocs()
	for b.Loop() {
		src.Read(block)
	}
}
