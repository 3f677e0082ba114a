package main

import (
	"math"
	"math/rand/v2"
)

// pluck plays a nylon string (Karplus and Strong 1983, with the tuning and decay
// of Jaffe and Smith): what the finger left on the string runs around a delay
// line as long as one period and loses its edge at every turn.
func pluck(n note, _ float64, seed uint64) []float64 {
	const blunt = 0.42 // weight of the previous sample at each turn: damps high partials
	frequency := hertz(n.pitch)
	period := renderRateHz / frequency
	// Low strings ring longer: 3.2 s to −60 dB at A3, half of it two octaves up.
	decaySeconds := 3.2 * math.Pow(220/frequency, 0.5)
	loss := math.Pow(10, -3/(frequency*decaySeconds))

	// The loop is the line, plus blunt by the low-pass, plus what the all-pass
	// adds to reach the period.
	line := finger(int(period-blunt-0.3), frequency, seed)
	allPass := newAllPass(period - blunt - float64(len(line)))
	out := make([]float64, int(decaySeconds*renderRateHz))
	previous := 0.0
	for i := range out {
		at := i % len(line)
		s := line[at]
		out[i] = n.volume * s
		line[at] = loss * allPass.next((1-blunt)*s+blunt*previous)
		previous = s
	}
	rise(out, renderRateHz/400)
	fadeOut(out, renderRateHz/10)
	return out
}

// finger returns one period of a string that a fingertip lets go: partials that
// have a node under it are missing, and flesh leaves few high ones. The phases
// are drawn, so that no two notes begin alike but all are equally strong, which
// a burst of plain noise would not give.
func finger(length int, frequency float64, seed uint64) []float64 {
	const (
		place  = 0.22 // share of the string's length
		fleshy = 2200 // hertz at which the flesh has taken 8.7 dB
	)
	draw := rand.New(rand.NewPCG(seed, 1))
	period := make([]float64, length)
	power := 0.0
	for k := 1; k < length/2 && float64(k)*frequency < 8000; k++ {
		order := float64(k)
		amplitude := math.Sin(math.Pi*order*place) / order * math.Exp(-order*frequency/fleshy)
		phase := 2 * math.Pi * draw.Float64()
		for i := range period {
			period[i] += amplitude * math.Cos(2*math.Pi*order*float64(i)/float64(length)+phase)
		}
		power += amplitude * amplitude / 2
	}
	for i := range period {
		period[i] /= math.Sqrt(power)
	}
	return period
}

// allPass delays by a fraction of a sample at low frequencies.
type allPass struct{ c, x, y float64 }

func newAllPass(delaySamples float64) allPass {
	return allPass{c: (1 - delaySamples) / (1 + delaySamples)}
}

func (a *allPass) next(x float64) float64 {
	a.y = a.c*(x-a.y) + a.x
	a.x = x
	return a.y
}

// fadeOut brings the last samples to zero.
func fadeOut(sound []float64, samples int) {
	samples = min(samples, len(sound))
	for i := range samples {
		sound[len(sound)-1-i] *= float64(i) / float64(samples)
	}
}

// rise brings the first samples up from zero.
func rise(sound []float64, samples int) {
	samples = min(samples, len(sound))
	for i := range samples {
		sound[i] *= float64(i) / float64(samples)
	}
}
