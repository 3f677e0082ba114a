// Package resample changes the sample rate of sound with a polyphase FIR
// filter under a Kaiser window.
//
// A Filter holds the coefficients of one pair of rates; it is immutable and
// shared. A Resampler is the state of one stream: blocks of any length go in,
// what can be computed comes out, and nothing is allocated. The package starts
// no goroutine.
//
//	Bank ─► Filter (8000→48000) ─► Resampler ─ Process(dst, src)
//	                             └► Source (a media.Source at another rate)
package resample

import (
	"fmt"
	"math"
	"sync"
)

// Design of the filters, for the lower of both rates.
const (
	// tapsAtLow is the length of the impulse response in samples of the lower
	// rate: what makes the transition band below 820 Hz wide at 8000 Hz.
	tapsAtLow = 48
	// beta of the Kaiser window gives a stop band of 77 dB:
	// A = beta/0.1102 + 8.7.
	beta = 7.5
	// cutoff is the −6 dB point as a part of the lower rate's Nyquist frequency:
	// 3660 Hz at 8000 Hz. 3400 Hz pass with less than 0.3 dB of loss, and what
	// aliases falls above 3900 Hz.
	cutoff = 0.915
	// maxCoefficients bounds the memory of a filter between odd rates (16 MB).
	maxCoefficients = 4 << 20
)

// Rates that are accepted; telephony uses 8000 to 48000.
const (
	MinRateHz = 4000
	MaxRateHz = 192000
)

// Filter holds the coefficients that convert between two rates.
type Filter struct {
	inHz, outHz int
	up, down    int       // outHz/inHz in lowest terms
	taps        int       // per phase
	phases      []float32 // up × taps; each phase backwards, so that it runs with time
}

// NewFilter computes the filter from inHz to outHz. This takes up to some
// milliseconds and is best done once per pair (see Bank).
func NewFilter(inHz, outHz int) (*Filter, error) {
	for _, hz := range []int{inHz, outHz} {
		if hz < MinRateHz || hz > MaxRateHz {
			return nil, fmt.Errorf("resample: %d Hz is not within %d and %d Hz", hz, MinRateHz, MaxRateHz)
		}
	}
	g := gcd(inHz, outHz)
	f := &Filter{inHz: inHz, outHz: outHz, up: outHz / g, down: inHz / g, taps: tapsAtLow}
	if inHz > outHz {
		f.taps = (tapsAtLow*inHz + outHz - 1) / outHz
	}
	f.taps += f.taps & 1 // even: the center is at a sample that goes in
	if f.up*f.taps > maxCoefficients {
		return nil, fmt.Errorf("resample: %d to %d Hz: rates have too little in common", inHz, outHz)
	}
	if inHz != outHz {
		f.phases = design(f.up, f.taps, min(inHz, outHz), inHz)
	}
	return f, nil
}

// InHz is the rate that goes in.
func (f *Filter) InHz() int { return f.inHz }

// OutHz is the rate that comes out.
func (f *Filter) OutHz() int { return f.outHz }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// design computes a windowed sinc at up times inHz and deals it out to its
// phases.
func design(up, taps, lowHz, inHz int) []float32 {
	total := up * taps
	center := float64(total / 2)
	// Cycles per sample of the upsampled stream.
	fc := cutoff * float64(lowHz) / 2 / (float64(inHz) * float64(up))
	phases := make([]float32, total)
	row := make([]float64, taps)
	for phase := range up {
		sum := 0.0
		for t := range taps {
			x := float64(phase+t*up) - center
			row[t] = sinc(2*fc*x) * kaiser(x/center)
			sum += row[t]
		}
		for t := range taps {
			// Equal sums of all phases keep a constant constant.
			phases[phase*taps+taps-1-t] = float32(row[t] / sum)
		}
	}
	return phases
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x from −1 to 1.
func kaiser(x float64) float64 {
	return bessel0(beta*math.Sqrt(max(0, 1-x*x))) / bessel0(beta)
}

// bessel0 is the modified Bessel function I₀ by its series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// Bank keeps the filters that were asked for. The zero value is ready; it may
// be used from several goroutines.
type Bank struct {
	mu      sync.Mutex
	filters map[[2]int]*Filter
}

// Filter returns the filter from inHz to outHz, computing it at the first
// call. Do not call it on a tick: it may compute, and wait for another caller
// that does.
func (b *Bank) Filter(inHz, outHz int) (*Filter, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := [2]int{inHz, outHz}
	if f := b.filters[key]; f != nil {
		return f, nil
	}
	f, err := NewFilter(inHz, outHz)
	if err != nil {
		return nil, err
	}
	if b.filters == nil {
		b.filters = make(map[[2]int]*Filter)
	}
	b.filters[key] = f
	return f, nil
}
