package main

import "math"

// bell plays a tone like an electric piano: a sine with a tine that dies soon.
func bell(n note, _ float64, _ uint64) []float64 {
	const (
		attack = 0.004
		rings  = 2.6 // seconds to −60 dB at A4
	)
	frequency := hertz(n.pitch)
	decay := rings * math.Pow(440/frequency, 0.4)
	out := make([]float64, int(decay*renderRateHz))
	for i := range out {
		t := float64(i) / renderRateHz
		body := math.Pow(10, -3*t/decay)
		tine := 1.1 * math.Pow(10, -3*t/(0.35*decay)) // modulation index: bright only at first
		phase := 2 * math.Pi * frequency * t
		out[i] = n.volume * swell(t, attack) * body * math.Sin(phase+tine*math.Sin(2*phase)+0.12*tine*math.Sin(7*phase))
	}
	fadeOut(out, renderRateHz/10)
	return out
}
