package wave

import (
	"math"
	"time"
)

// Decimate returns w at its rate divided by factor, low-passed before so that
// nothing folds back: flat to 0.43 of the new rate, 60 dB down from its half
// on. The length is rounded up and the filter's delay taken out.
func (w Wave) Decimate(factor int) Wave {
	taps := lowPass(factor)
	half := len(taps) / 2
	out := make([]float64, (len(w.Samples)+factor-1)/factor)
	for i := range out {
		center := i * factor
		sum := 0.0
		for k, tap := range taps {
			if at := center + k - half; at >= 0 && at < len(w.Samples) {
				sum += tap * w.Samples[at]
			}
		}
		out[i] = sum
	}
	return Wave{RateHz: w.RateHz / factor, Samples: out, Tags: w.Tags}
}

// lowPass designs a windowed sinc with unit gain at 0 Hz. With a Kaiser window
// of beta 5.65 (60 dB) the transition is 3.6/taps·2 of the rate: 52 taps per
// step of decimation put it between 0.43 and 0.5 of the new rate.
func lowPass(factor int) []float64 {
	const beta, cutoff = 5.65, 0.465
	half := 26 * factor
	taps := make([]float64, 2*half+1)
	sum := 0.0
	for i := range taps {
		x := float64(i - half)
		edge := x / float64(half)
		window := bessel0(beta*math.Sqrt(1-edge*edge)) / bessel0(beta)
		taps[i] = sinc(2*cutoff*x/float64(factor)) * window
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel0 is the modified Bessel function of the first kind, order 0.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// HighPass removes what lies below the corner, with 12 dB per octave
// (Butterworth).
func (w Wave) HighPass(cornerHz float64) Wave {
	omega := 2 * math.Pi * cornerHz / float64(w.RateHz)
	cos, alpha := math.Cos(omega), math.Sin(omega)/math.Sqrt2
	return w.biquad(1+alpha, [3]float64{(1 + cos) / 2, -(1 + cos), (1 + cos) / 2}, [2]float64{-2 * cos, 1 - alpha})
}

// HighShelf raises what lies above the corner by gainDB.
func (w Wave) HighShelf(cornerHz, gainDB float64) Wave {
	omega := 2 * math.Pi * cornerHz / float64(w.RateHz)
	a, cos := math.Pow(10, gainDB/40), math.Cos(omega)
	beta := math.Sqrt(2*a) * math.Sin(omega) // slope 1
	b := [3]float64{a * (a + 1 + (a-1)*cos + beta), -2 * a * (a - 1 + (a+1)*cos), a * (a + 1 + (a-1)*cos - beta)}
	return w.biquad(a+1-(a-1)*cos+beta, b, [2]float64{2 * (a - 1 - (a+1)*cos), a + 1 - (a-1)*cos - beta})
}

// biquad runs a second-order section with feed-forward b and feedback a, both
// to be divided by a0. It begins as though the first sample had been there for
// ever: an offset of the recording makes no bump at its beginning.
func (w Wave) biquad(a0 float64, b [3]float64, a [2]float64) Wave {
	out := make([]float64, len(w.Samples))
	if len(out) == 0 {
		return Wave{RateHz: w.RateHz, Samples: out, Tags: w.Tags}
	}
	x1 := w.Samples[0]
	y1 := x1 * (b[0] + b[1] + b[2]) / (a0 + a[0] + a[1])
	x2, y2 := x1, y1
	for i, x := range w.Samples {
		y := (b[0]*x + b[1]*x1 + b[2]*x2 - a[0]*y1 - a[1]*y2) / a0
		x1, x2, y1, y2 = x, x1, y, y1
		out[i] = y
	}
	return Wave{RateHz: w.RateHz, Samples: out, Tags: w.Tags}
}

// Trim cuts the silence at both ends down to the given lengths. Where there is
// less, it stays as it is.
func (w Wave) Trim(before, after time.Duration) Wave {
	haveBefore, haveAfter := w.Silence()
	first := w.samplesIn(max(haveBefore-before, 0))
	last := len(w.Samples) - w.samplesIn(max(haveAfter-after, 0))
	if first >= last {
		return w
	}
	return Wave{RateHz: w.RateHz, Samples: w.Samples[first:last:last], Tags: w.Tags}
}

// Gain multiplies every sample.
func (w Wave) Gain(factor float64) Wave {
	out := make([]float64, len(w.Samples))
	for i, s := range w.Samples {
		out[i] = factor * s
	}
	return Wave{RateHz: w.RateHz, Samples: out, Tags: w.Tags}
}

// Fade lets the wave begin and end at zero, over the given time at each end
// (at most half the wave), along a raised cosine.
func (w Wave) Fade(length time.Duration) Wave {
	out := append([]float64(nil), w.Samples...)
	size := min(w.samplesIn(length), len(out)/2)
	for i := range size {
		factor := 0.5 - 0.5*math.Cos(math.Pi*float64(i)/float64(size))
		out[i] *= factor
		out[len(out)-1-i] *= factor
	}
	return Wave{RateHz: w.RateHz, Samples: out, Tags: w.Tags}
}

func (w Wave) samplesIn(d time.Duration) int {
	return int(d * time.Duration(w.RateHz) / time.Second)
}
