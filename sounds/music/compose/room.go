package main

// inRoom adds the sound of a small hall: eight delay lines of lengths without a
// common divisor, each fed by all others through a Householder matrix (Jot's
// feedback delay network), with a low-pass in each. The room is run twice
// around the circle, so that the end still sounds in the beginning.
func inRoom(track []float64, wetness float64) []float64 {
	const (
		feedback = 0.80 // about 1.4 s to −60 dB with these lengths
		damping  = 0.45 // weight of the previous sample: walls swallow high tones
	)
	lines := [8][]float64{}
	for i, length := range [8]int{1433, 1601, 1867, 2053, 2251, 2399, 2617, 2797} { // primes: 30 to 58 ms
		lines[i] = make([]float64, length)
	}
	var wall [8]float64
	out := make([]float64, len(track))
	for round := range 2 {
		for i, dry := range track {
			at := round*len(track) + i
			sum := 0.0
			for k := range lines {
				tap := lines[k][at%len(lines[k])]
				wall[k] = (1-damping)*tap + damping*wall[k]
				sum += wall[k]
			}
			for k := range lines {
				// Householder: each line gets itself less a quarter of the sum.
				lines[k][at%len(lines[k])] = dry + feedback*(wall[k]-sum/4)
			}
			out[i] = (1-wetness)*dry + wetness*sum/4
		}
	}
	return out
}
