package mix

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tandemswitch/tandem/media/mediatest"
)

func random(rnd *rand.Rand, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(rnd.Uint32())
	}
	return out
}

// TestEachHearsTheOthersExactly: as long as nothing is too loud, what a member
// hears is the sum of all others, sample by sample, for any count and length.
func TestEachHearsTheOthersExactly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		members, n := 1+rnd.IntN(20), rnd.IntN(200)
		frames := make([][]int16, members)
		sum := make([]int32, n)
		for m := range frames {
			frames[m] = random(rnd, n)
			for i := range frames[m] {
				frames[m][i] /= int16(members)
			}
			Add(sum, frames[m])
		}
		for m, own := range frames {
			var l Limiter
			got := make([]int16, n)
			l.Minus(got, sum, own)
			for i := range got {
				want := 0
				for o, f := range frames {
					if o != m {
						want += int(f[i])
					}
				}
				if int(got[i]) != want {
					t.Fatalf("member %d of %d, sample %d of %d: %d, want %d", m, members, i, n, got[i], want)
				}
			}
		}
	}
}

// TestLimiterNeverWraps: whatever comes, a sample keeps its sign and bound.
func TestLimiterNeverWraps(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var l Limiter
		for range 40 {
			n := 1 + rnd.IntN(960)
			sum := make([]int32, n)
			loud := rnd.IntN(2000)
			for range loud {
				sum[rnd.IntN(n)] += int32(int16(rnd.Uint32())) * int32(1+rnd.IntN(1000))
			}
			own := random(rnd, rnd.IntN(n+1))
			got := make([]int16, n)
			l.Minus(got, sum, own)
			for i, v := range got {
				if want := at(sum, own, i); int64(want)*int64(v) < 0 {
					t.Fatalf("sample %d: %d became %d", i, want, v)
				}
			}
		}
	}
}

func TestLimiterLeavesWhatFitsAndComesBack(t *testing.T) {
	var l Limiter
	sum, got := make([]int32, 160), make([]int16, 160)
	for i := range sum {
		sum[i] = 50000
	}
	l.Minus(got, sum, nil)
	if got[159] != limit || got[20] < limit-2 {
		t.Errorf("limited to %d, %d", got[20], got[159])
	}
	for i := range sum {
		sum[i] = 10000
	}
	ticks := 0
	for last := int16(0); ; ticks++ {
		l.Minus(got, sum, nil)
		for i, v := range got {
			if ticks > 0 && (v < last || v > 10000) {
				t.Fatalf("tick %d, sample %d: %d after %d", ticks, i, v, last)
			}
			last = v
		}
		if got[0] == 10000 {
			break
		}
		if ticks > 100 {
			t.Fatal("the gain does not come back")
		}
	}
	if ticks < 20 {
		t.Errorf("the gain comes back within %d ticks: pumping", ticks)
	}
	if !l.Same(Limiter{}) {
		t.Errorf("gain %v", 1-l.cut)
	}
}

// TestManyLoudMembersAreNotDistorted: twenty tones at −6 dBov stay tones.
func TestManyLoudMembersAreNotDistorted(t *testing.T) {
	var l Limiter
	var heard []int16
	sources := make([]*mediatest.ToneSource, 20)
	for i := range sources {
		sources[i] = mediatest.NewToneSource(8000, 250+150*float64(i), -6)
	}
	for range 200 {
		sum, frame := make([]int32, 160), make([]int16, 160)
		for _, s := range sources {
			_, _ = s.Read(frame)
			Add(sum, frame)
		}
		out := make([]int16, 160)
		l.Minus(out, sum, nil)
		heard = append(heard, out...)
	}
	heard = heard[8000:]
	flat := 0 // tops that are cut off
	for i := 2; i < len(heard); i++ {
		if v := heard[i]; (v == limit || v == -limit) && heard[i-1] == v && heard[i-2] == v {
			flat++
		}
	}
	if flat > len(heard)/1000 {
		t.Errorf("%d of %d samples are cut", flat, len(heard))
	}
	tones, total := 0.0, math.Pow(10, mediatest.LevelDBov(heard)/10)
	for i := range sources {
		tones += math.Pow(10, mediatest.PowerDBov(heard, 8000, 250+150*float64(i))/10)
	}
	if distortion := 10 * math.Log10(math.Abs(total-tones)/total); distortion > -20 {
		t.Errorf("%.1f dB of what is heard are not the tones", distortion)
	}
}

func TestFaderChangesWithoutAClick(t *testing.T) {
	var f Fader
	src, buf := make([]int16, 160), make([]int16, 160)
	for i := range src {
		src[i] = 10000
	}
	if f.Apply(buf, src) != nil || !f.Silent() {
		t.Error("a new fader is heard")
	}
	last := int16(0)
	for tick, gain := range []float32{1, 1, 0.5, 2, 0, 0, 1, 0} {
		f.Aim(gain)
		got := f.Apply(buf, src)
		if got == nil {
			got = make([]int16, 160)
		}
		for i, v := range got {
			if d := abs(int32(v) - int32(last)); d > 600 {
				t.Fatalf("tick %d, sample %d: a step of %d", tick, i, d)
			}
			last = v
		}
		if want := int16(10000 * gain); last != want {
			t.Errorf("tick %d: %d, want %d", tick, last, want)
		}
	}
	f.Aim(1)
	f.Apply(buf, src)
	if got := f.Apply(buf, src); &got[0] != &src[0] {
		t.Error("a gain of one copies")
	}
}

func TestTailContinuesWhatBreaksOff(t *testing.T) {
	last := mediatest.Tone(8000, 440, -10, 20e6)
	sum := make([]int32, 160)
	Tail(sum, last)
	before := int32(last[159])
	for i, v := range sum {
		if d := abs(v - before); d > 4500 { // the steepest step of the tone itself is 5000
			t.Errorf("sample %d: a step of %d", i, d)
		}
		before = v
	}
	if sum[159] != 0 || sum[41] != 0 {
		t.Error("the tail does not end")
	}
	Tail(sum, nil)
}

func TestGateOpensAtOnceAndSaysWhoTalks(t *testing.T) {
	var g Gate
	if !g.Open() {
		t.Error("without a level a gate is open")
	}
	g.SetLevel(100)
	if g.Open() || g.Step(99) != None || g.Open() {
		t.Error("open below the level")
	}
	for i := range 4 {
		if c := g.Step(150); c != None || !g.Open() {
			t.Errorf("tick %d: %v, open %v", i, c, g.Open())
		}
	}
	if c := g.Step(150); c != Started {
		t.Errorf("fifth loud tick: %v", c)
	}
	for i := range 39 {
		if c := g.Step(0); c != None || !g.Open() || !g.Talking() {
			t.Fatalf("silent tick %d: %v", i, c)
		}
	}
	if c := g.Step(0); c != Stopped || g.Open() {
		t.Errorf("after 0.8 s: %v, open %v", c, g.Open())
	}
	if c := g.Step(500); c != Started {
		t.Errorf("a loud voice: %v", c)
	}
	if c := g.Reset(); c != Stopped || g.Open() {
		t.Errorf("reset: %v", c)
	}
}

func TestLevelIsTheMeanMagnitude(t *testing.T) {
	for _, c := range []struct {
		pcm  []int16
		want int
	}{
		{nil, 0},
		{[]int16{-100, 100, 300}, 166},
		{[]int16{-32768, -32768, -32768, -32768, -32768, -32768, -32768, -32768, -32768}, 32768},
		{[]int16{1, -1, 1, -1, 1, -1, 1, -1}, 1},
	} {
		if got := Level(c.pcm); got != c.want {
			t.Errorf("Level(%v) = %d, want %d", c.pcm, got, c.want)
		}
	}
}

func TestNoiseIsWhiteAndBounded(t *testing.T) {
	var n Noise
	sum := make([]int32, 16000)
	n.Add(sum, 23)
	mean, most := 0.0, int32(0)
	for _, v := range sum {
		mean += float64(v) / float64(len(sum))
		most = max(most, abs(v))
	}
	if most != 23 || math.Abs(mean) > 1 {
		t.Errorf("peak %d, mean %.2f", most, mean)
	}
}

func TestNothingAllocates(t *testing.T) {
	sum, own, out := make([]int32, 960), make([]int16, 960), make([]int16, 960)
	var l Limiter
	var f Fader
	var g Gate
	var n Noise
	if a := testing.AllocsPerRun(100, func() {
		n.Add(sum, 30000)
		Add(sum, own)
		l.Minus(out, sum, own)
		f.Aim(0.7)
		f.Apply(out, own)
		g.Step(Level(out))
		Tail(sum, out)
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// BenchmarkMember is the arithmetic of one talking member and tick at 8000 Hz,
// codecs aside.
func BenchmarkMember(b *testing.B) {
	sum, out := make([]int32, 160), make([]int16, 160)
	own := mediatest.Tone(8000, 440, -20, 20e6)
	var l Limiter
	var g Gate
	f := Fader{1, 1}
	g.SetLevel(100)
	for b.Loop() {
		clear(sum)
		g.Step(Level(own))
		pcm := f.Apply(out, own)
		Add(sum, pcm)
		l.Minus(out, sum, pcm)
	}
}

func BenchmarkAdd(b *testing.B) {
	sum, own := make([]int32, 160), make([]int16, 160)
	for b.Loop() {
		Add(sum, own)
	}
}

func BenchmarkMinus(b *testing.B) {
	sum, own, out := make([]int32, 160), make([]int16, 160), make([]int16, 160)
	var l Limiter
	for b.Loop() {
		l.Minus(out, sum, own)
	}
}

func BenchmarkLevel(b *testing.B) {
	own := make([]int16, 160)
	for b.Loop() {
		Level(own)
	}
}
