package file

import (
	"io"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Forever as a number of loops never ends.
const Forever = -1

// Clip is a decoded sound, mono at one rate. It is immutable: any number of
// sources may play it at once.
type Clip struct {
	rateHz  int
	samples []int16
}

// NewClip returns a clip of samples, which it keeps and nobody may change.
func NewClip(rateHz int, samples []int16) *Clip { return &Clip{rateHz, samples} }

// RateHz is the sample rate.
func (c *Clip) RateHz() int { return c.rateHz }

// Len is the number of samples.
func (c *Clip) Len() int { return len(c.samples) }

// Duration is how long it lasts.
func (c *Clip) Duration() time.Duration {
	return time.Duration(len(c.samples)) * time.Second / time.Duration(c.rateHz)
}

// Source plays the clip from offsetSamples on. It is played loops times,
// Forever without end, 0 being taken as 1; later rounds begin at the
// beginning. An offset beyond the end plays nothing in the first round.
func (c *Clip) Source(offsetSamples, loops int) media.Source {
	if loops == 0 {
		loops = 1
	}
	return &clipSource{clip: c, at: min(max(offsetSamples, 0), len(c.samples)), loops: loops}
}

type clipSource struct {
	clip  *Clip
	at    int
	loops int // rounds left, this one included; Forever
}

// RateHz implements media.Source.
func (s *clipSource) RateHz() int { return s.clip.rateHz }

// Close implements media.Source.
func (s *clipSource) Close() error { return nil }

// Read implements media.Source. io.EOF comes with the last samples.
func (s *clipSource) Read(p []int16) (int, error) {
	n := 0
	for s.loops != 0 && len(s.clip.samples) > 0 {
		m := copy(p[n:], s.clip.samples[s.at:])
		n += m
		s.at += m
		if s.at < len(s.clip.samples) {
			return n, nil
		}
		s.at = 0
		if s.loops != Forever {
			s.loops--
		}
		if n == len(p) && s.loops != 0 {
			return n, nil
		}
	}
	return n, io.EOF
}
