package main

import "math"

// pad plays a soft, slowly swelling tone of three slightly detuned voices, as
// a group of strings far away.
func pad(n note, seconds float64, seed uint64) []float64 {
	const (
		attack  = 1.1 // seconds to full
		release = 1.8 // seconds after the note is let go
	)
	frequency := hertz(n.pitch)
	out := make([]float64, int((seconds+release)*renderRateHz))
	for voice, cents := range [3]float64{-4, 0, 5} {
		f := frequency * math.Pow(2, cents/1200)
		for partial := 1; partial <= 8 && float64(partial)*f < 4000; partial++ {
			// Steep: a round sound, with little where consonants are.
			amplitude := math.Pow(float64(partial), -1.7) / 3
			phase := 2.4 * float64(voice*8+partial) // any, but not the same
			addSine(out, f*float64(partial), amplitude, phase)
		}
	}
	for i := range out {
		t := float64(i) / renderRateHz
		// It breathes a little, each note at its own moment.
		breath := 1 + 0.07*math.Sin(2*math.Pi*0.31*t+float64(seed%7))
		out[i] *= n.volume * breath * swell(t, attack) * swell(seconds+release-t, release)
	}
	return out
}

// swell rises from 0 to 1 along a raised cosine over the given time.
func swell(t, length float64) float64 {
	if t >= length {
		return 1
	}
	return 0.5 - 0.5*math.Cos(math.Pi*max(t, 0)/length)
}

// addSine adds a sine, turned by complex multiplication: one call of sin per
// tone instead of one per sample.
func addSine(out []float64, frequency, amplitude, phase float64) {
	stepSin, stepCos := math.Sincos(2 * math.Pi * frequency / renderRateHz)
	sin, cos := math.Sincos(phase)
	for i := range out {
		out[i] += amplitude * sin
		sin, cos = sin*stepCos+cos*stepSin, cos*stepCos-sin*stepSin
	}
}
