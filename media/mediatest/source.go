package mediatest

import (
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Samples returns how many samples d lasts at rateHz.
func Samples(rateHz int, d time.Duration) int {
	return int(d * time.Duration(rateHz) / time.Second)
}

// Tone returns a sine of frequencyHz at levelDBov; a full-scale sine has
// −3.01 dBov.
func Tone(rateHz int, frequencyHz, levelDBov float64, d time.Duration) []int16 {
	src := NewToneSource(rateHz, frequencyHz, levelDBov)
	out := make([]int16, Samples(rateHz, d))
	src.Read(out) // an endless source does not fail
	return out
}

// Noise returns white noise of levelDBov; equal seeds give equal noise.
func Noise(rateHz int, levelDBov float64, d time.Duration, seed uint64) []int16 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	out := make([]int16, Samples(rateHz, d))
	// The RMS of a uniform distribution over ±a is a/√3.
	peak := fullScale * math.Pow(10, levelDBov/20) * math.Sqrt(3)
	for i := range out {
		out[i] = clip((2*rnd.Float64() - 1) * peak)
	}
	return out
}

// Mix returns the sum of sounds, as long as the longest, cut at full scale.
func Mix(sounds ...[]int16) []int16 {
	longest := 0
	for _, s := range sounds {
		longest = max(longest, len(s))
	}
	out := make([]int16, longest)
	for i := range out {
		sum := 0.0
		for _, s := range sounds {
			if i < len(s) {
				sum += float64(s[i])
			}
		}
		out[i] = clip(sum)
	}
	return out
}

func clip(v float64) int16 {
	return int16(math.Round(min(max(v, math.MinInt16), math.MaxInt16)))
}

// ToneSource is an endless sine; Closed tells whether somebody closed it.
type ToneSource struct {
	rateHz        int
	amplitude     float64
	phase, stride float64 // radians; per sample
	closed        chan struct{}
}

var _ media.Source = (*ToneSource)(nil)

// NewToneSource returns a source of frequencyHz at levelDBov.
func NewToneSource(rateHz int, frequencyHz, levelDBov float64) *ToneSource {
	return &ToneSource{
		rateHz:    rateHz,
		amplitude: fullScale * math.Pow(10, levelDBov/20) * math.Sqrt2,
		stride:    2 * math.Pi * frequencyHz / float64(rateHz),
		closed:    make(chan struct{}, 1),
	}
}

// RateHz is the rate given to NewToneSource.
func (s *ToneSource) RateHz() int { return s.rateHz }

// Read fills p; it never ends.
func (s *ToneSource) Read(p []int16) (int, error) {
	for i := range p {
		p[i] = clip(s.amplitude * math.Sin(s.phase))
		s.phase = math.Mod(s.phase+s.stride, 2*math.Pi)
	}
	return len(p), nil
}

// Close makes Closed true.
func (s *ToneSource) Close() error {
	select {
	case s.closed <- struct{}{}:
	default:
	}
	return nil
}

// Closed reports whether Close was called.
func (s *ToneSource) Closed() bool { return len(s.closed) > 0 }

// SampleSource plays fixed samples once.
type SampleSource struct {
	rateHz int
	rest   []int16
}

var _ media.Source = (*SampleSource)(nil)

// NewSampleSource returns a source of samples; it keeps the slice.
func NewSampleSource(rateHz int, samples []int16) *SampleSource {
	return &SampleSource{rateHz, samples}
}

// RateHz is the rate given to NewSampleSource.
func (s *SampleSource) RateHz() int { return s.rateHz }

// Read copies the next samples; io.EOF comes with the last ones.
func (s *SampleSource) Read(p []int16) (int, error) {
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	if len(s.rest) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// Close does nothing.
func (s *SampleSource) Close() error { return nil }

// ReadAll reads src in blocks of blockSamples, as a shard would, until its
// end or limitSamples. An error other than io.EOF is returned with what came
// before.
func ReadAll(src media.Source, blockSamples, limitSamples int) ([]int16, error) {
	var out []int16
	for len(out) < limitSamples {
		block := make([]int16, min(blockSamples, limitSamples-len(out)))
		n, err := src.Read(block)
		out = append(out, block[:n]...)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if n < len(block) {
			return out, io.ErrNoProgress // a source may not give less without a reason
		}
	}
	return out, nil
}
