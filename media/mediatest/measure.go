package mediatest

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// fullScale is the overload point of 16-bit samples: 0 dBov is the level of a
// square wave between the extremes (RFC 6464 §3).
const fullScale = 32768

// SilenceDBov is what LevelDBov returns for digital silence, the floor of
// RFC 6464 §3.
const SilenceDBov = -127.0

// LevelDBov returns the RMS level of samples.
func LevelDBov(samples []int16) float64 {
	return toDBov(meanSquare(samples))
}

func meanSquare(samples []int16) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return sum / float64(max(len(samples), 1))
}

func toDBov(power float64) float64 {
	if power <= 0 {
		return SilenceDBov
	}
	return max(SilenceDBov, 10*math.Log10(power/(fullScale*fullScale)))
}

// PeakDBov returns the largest absolute sample; full scale is 0.
func PeakDBov(samples []int16) float64 {
	peak := 0.0
	for _, s := range samples {
		peak = max(peak, math.Abs(float64(s)))
	}
	return toDBov(peak * peak)
}

// PowerDBov returns the level of the part of samples that is at frequencyHz
// (Goertzel): for a pure tone the same as LevelDBov. Its bandwidth is about
// rateHz/len(samples).
func PowerDBov(samples []int16, rateHz int, frequencyHz float64) float64 {
	w := 2 * math.Pi * frequencyHz / float64(rateHz)
	k := 2 * math.Cos(w)
	var s1, s2 float64
	for _, v := range samples {
		s1, s2 = float64(v)+k*s1-s2, s1
	}
	n := float64(max(len(samples), 1))
	// |X|² of a sine of amplitude a is (a·n/2)², its mean square a²/2.
	return toDBov(2 * (s1*s1 + s2*s2 - k*s1*s2) / (n * n))
}

// DominantHz returns the frequency of the strongest tone in samples, or 0 for
// silence. A single tone is found within a few hertz in 20 ms.
func DominantHz(samples []int16, rateHz int) float64 {
	spectrum, binHz := powerSpectrum(samples, rateHz)
	best := 1
	for i := 1; i < len(spectrum)-1; i++ {
		if spectrum[i] > spectrum[best] {
			best = i
		}
	}
	if len(spectrum) < 3 || spectrum[best] <= 0 {
		return 0
	}
	// A parabola through the logarithms around the peak.
	left, mid, right := math.Log(spectrum[best-1]+1e-9), math.Log(spectrum[best]), math.Log(spectrum[best+1]+1e-9)
	shift := 0.0
	if curve := left - 2*mid + right; curve != 0 {
		shift = min(max((left-right)/(2*curve), -0.5), 0.5)
	}
	return (float64(best) + shift) * binHz
}

// SpectrumDB returns the power spectrum of samples in dB below its peak, and
// the width of one element in hertz.
func SpectrumDB(samples []int16, rateHz int) (db []float64, binHz float64) {
	spectrum, binHz := powerSpectrum(samples, rateHz)
	peak := 0.0
	for _, p := range spectrum {
		peak = max(peak, p)
	}
	db = make([]float64, len(spectrum))
	for i, p := range spectrum {
		db[i] = 10 * math.Log10((p+1e-12)/(peak+1e-12))
	}
	return db, binHz
}

// powerSpectrum is |DFT|² of the samples under a Hann window, padded with
// zeros to four times the length.
func powerSpectrum(samples []int16, rateHz int) ([]float64, float64) {
	if len(samples) == 0 {
		return nil, 0
	}
	size := 1 << bits.Len(uint(4*len(samples)-1))
	x := make([]complex128, size)
	for i, s := range samples {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(len(samples)))
		x[i] = complex(float64(s)*hann, 0)
	}
	fft(x)
	spectrum := make([]float64, size/2+1)
	for i := range spectrum {
		spectrum[i] = real(x[i])*real(x[i]) + imag(x[i])*imag(x[i])
	}
	return spectrum, float64(rateHz) / float64(size)
}

// fft is the radix-2 transform in place; len(x) is a power of two.
func fft(x []complex128) {
	n := len(x)
	shift := 64 - uint(bits.Len(uint(n-1)))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); n > 1 && i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for size := 2; size <= n; size *= 2 {
		step := cmplx.Rect(1, -2*math.Pi/float64(size))
		for start := 0; start < n; start += size {
			w := complex(1, 0)
			for i := start; i < start+size/2; i++ {
				a, b := x[i], x[i+size/2]*w
				x[i], x[i+size/2] = a+b, a-b
				w *= step
			}
		}
	}
}

// SNR returns the signal-to-noise ratio in dB of got against want, sample by
// sample; +Inf when they are equal. Only the common length counts.
func SNR(want, got []int16) float64 {
	n := min(len(want), len(got))
	signal, noise := 0.0, 0.0
	for i := range n {
		d := float64(got[i]) - float64(want[i])
		signal += float64(want[i]) * float64(want[i])
		noise += d * d
	}
	if noise == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(signal/noise)
}

// ToneSNR returns the ratio in dB of the part of samples that is a sine of
// frequencyHz (any phase and level) to all the rest.
func ToneSNR(samples []int16, rateHz int, frequencyHz float64) float64 {
	// Least squares of a·sin + b·cos + c.
	w := 2 * math.Pi * frequencyHz / float64(rateHz)
	var m [3][4]float64
	for i, v := range samples {
		sin, cos := math.Sincos(w * float64(i))
		row := [4]float64{sin, cos, 1, float64(v)}
		for r := range 3 {
			for c := range 4 {
				m[r][c] += row[r] * row[c]
			}
		}
	}
	a, b, c := solve3(m)
	signal, noise := 0.0, 0.0
	for i, v := range samples {
		sin, cos := math.Sincos(w * float64(i))
		tone := a*sin + b*cos
		rest := float64(v) - tone - c
		signal += tone * tone
		noise += rest * rest
	}
	if noise == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(signal/noise)
}

// solve3 is Gauss elimination of three equations with pivots on the diagonal.
func solve3(m [3][4]float64) (x, y, z float64) {
	for p := range 3 {
		if m[p][p] == 0 {
			return 0, 0, 0
		}
		for r := range 3 {
			if r == p {
				continue
			}
			f := m[r][p] / m[p][p]
			for c := p; c < 4; c++ {
				m[r][c] -= f * m[p][c]
			}
		}
	}
	return m[0][3] / m[0][0], m[1][3] / m[1][1], m[2][3] / m[2][2]
}
