package resample

import (
	"math"
	"time"
)

// blockSamples is how much input is worked on at a time: 20 ms at 48 kHz.
const blockSamples = 960

// Resampler converts one stream. It is not safe for concurrent use.
type Resampler struct {
	f *Filter
	// buf holds the last taps−1 samples of the past and then the block.
	buf   []float32
	phase int // of the next output
	ahead int // input samples from the start of the next block to the next output
}

// New returns a resampler with silence in its past.
func New(f *Filter) *Resampler {
	r := &Resampler{f: f}
	if f.inHz != f.outHz {
		r.buf = make([]float32, f.taps-1+blockSamples)
	}
	return r
}

// Reset forgets the past.
func (r *Resampler) Reset() {
	clear(r.buf)
	r.phase, r.ahead = 0, 0
}

// Delay is how much later the sound comes out: half the filter, 3 ms if the
// lower rate is 8000 Hz.
func (r *Resampler) Delay() time.Duration {
	if r.f.inHz == r.f.outHz {
		return 0
	}
	return time.Duration(r.f.taps) * time.Second / time.Duration(2*r.f.inHz)
}

// OutputLen returns how many samples Process will yield for n samples. For
// whole packets it is the same each time.
func (r *Resampler) OutputLen(n int) int {
	if r.f.inHz == r.f.outHz {
		return n
	}
	if n <= r.ahead {
		return 0
	}
	// Outputs k = 0, 1, … need the input ahead + ⌊(phase + k·down)/up⌋.
	return ((n-r.ahead)*r.f.up - r.phase + r.f.down - 1) / r.f.down
}

// InputLen returns the fewest samples for which Process will yield n.
func (r *Resampler) InputLen(n int) int {
	if r.f.inHz == r.f.outHz || n == 0 {
		return n
	}
	return r.ahead + (r.phase+(n-1)*r.f.down)/r.f.up + 1
}

// Process takes all of src and writes what comes out to dst, returning the
// number of samples. dst must hold OutputLen(len(src)) samples and may not
// overlap src; what does not fit is dropped.
func (r *Resampler) Process(dst, src []int16) int {
	if r.f.inHz == r.f.outHz {
		return copy(dst, src)
	}
	n := 0
	for len(src) > 0 {
		m := min(len(src), blockSamples)
		n += r.block(dst[n:], src[:m])
		src = src[m:]
	}
	return n
}

// block is Process for at most blockSamples.
func (r *Resampler) block(dst, src []int16) int {
	past := r.f.taps - 1
	for i, s := range src {
		r.buf[past+i] = float32(s)
	}
	out := r.OutputLen(len(src))
	at, phase, taps := r.ahead, r.phase, r.f.taps
	for i := range out {
		if i < len(dst) {
			coef := r.f.phases[phase*taps:][:taps]
			dst[i] = round(dot(coef, r.buf[at:][:taps]))
		}
		phase += r.f.down
		at += phase / r.f.up
		phase %= r.f.up
	}
	r.phase, r.ahead = phase, at-len(src)
	copy(r.buf, r.buf[len(src):len(src)+past])
	return min(out, len(dst))
}

// dot has four sums so that additions need not wait for each other, and array
// pointers so that bounds are checked once for eight products.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	for len(a) >= 8 && len(b) >= 8 {
		x, y := (*[8]float32)(a), (*[8]float32)(b)
		s0 += x[0]*y[0] + x[4]*y[4]
		s1 += x[1]*y[1] + x[5]*y[5]
		s2 += x[2]*y[2] + x[6]*y[6]
		s3 += x[3]*y[3] + x[7]*y[7]
		a, b = a[8:], b[8:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return s0 + s1 + s2 + s3
}

func round(v float32) int16 {
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}

// Convert returns all of samples at the other rate, without the delay of a
// stream: the result is as long as samples are, and in time with them.
func Convert(f *Filter, samples []int16) []int16 {
	if f.inHz == f.outHz {
		return append([]int16(nil), samples...)
	}
	r := New(f)
	r.ahead = f.taps / 2 // the first output is the one whose center is the first sample
	out := make([]int16, r.OutputLen(len(samples)+f.taps/2))
	n := r.Process(out, samples)
	n += r.Process(out[n:], make([]int16, f.taps/2))
	return out[:min(n, int(int64(len(samples))*int64(f.outHz)/int64(f.inHz)))]
}
