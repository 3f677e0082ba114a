package resample

import (
	"io"

	"github.com/tandemswitch/tandem/media"
)

// Source plays another source at another rate. It is a media.Source: Read
// neither blocks nor allocates if that one does not.
type Source struct {
	r     *Resampler
	src   media.Source
	in    []int16
	flush int // samples of silence still to go in after the end
	end   error
}

var _ media.Source = (*Source)(nil)

// NewSource returns src at f's outgoing rate; f's incoming rate must be that
// of src. It owns src. The sound keeps its length and is not delayed: the
// first Read takes half a filter more out of src.
func NewSource(f *Filter, src media.Source) *Source {
	s := &Source{r: New(f), src: src, in: make([]int16, blockSamples)}
	if f.inHz != f.outHz {
		s.r.ahead, s.flush = f.taps/2, f.taps/2
	}
	return s
}

// Source returns src at rateHz: src itself if that is its rate. See Filter for
// when to call it.
func (b *Bank) Source(src media.Source, rateHz int) (media.Source, error) {
	if src.RateHz() == rateHz {
		return src, nil
	}
	f, err := b.Filter(src.RateHz(), rateHz)
	if err != nil {
		return nil, err
	}
	return NewSource(f, src), nil
}

// RateHz implements media.Source.
func (s *Source) RateHz() int { return s.r.f.outHz }

// Close closes the source below.
func (s *Source) Close() error { return s.src.Close() }

// Read implements media.Source.
func (s *Source) Read(p []int16) (int, error) {
	n := 0
	for n < len(p) {
		want := min(s.r.InputLen(len(p)-n), len(s.in))
		got, done := s.pull(s.in[:want])
		n += s.r.Process(p[n:], s.in[:got])
		if done {
			return n, s.end
		}
	}
	return n, nil
}

// pull fills in from the source and, after its end, with the silence that
// brings out what the filter still holds; done when there is neither.
func (s *Source) pull(in []int16) (n int, done bool) {
	if s.end == nil {
		n, s.end = s.src.Read(in)
		if s.end == nil && n < len(in) {
			s.end = io.ErrNoProgress // the rules of media.Source are broken
		}
		if s.end == nil {
			return n, false
		}
		if s.end != io.EOF {
			s.flush = 0
		}
	}
	m := min(s.flush, len(in)-n)
	clear(in[n : n+m])
	s.flush -= m
	return n + m, s.flush == 0
}
