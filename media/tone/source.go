package tone

import (
	"io"
	"math"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// levelAt0DB is the amplitude of a sine of 0 dBm0: full scale is 3.14 dBm0 for
// a sine (ITU-T G.711 §4).
var levelAt0DB = 32767 * math.Pow(10, -3.14/20)

// Source plays a Script. It is a media.Source: Read neither blocks nor
// allocates.
type Source struct {
	rateHz int
	lines  []playLine
	loops  int // of the whole script, still to be played; Forever

	// Where we are.
	line, tone int
	repeats    int // of this tone, still to be played
	lineLoops  int // of this line, still to be played; Forever
	at         int // samples of this tone that are over
	volumeDB   float64
	amplitude  float64
	fadeIn     int // samples until the next step of the fade
	osc        [MaxFrequencies]oscillator
	ended      bool
}

var _ media.Source = (*Source)(nil)

// playLine and playTone are line and tone in samples.
type playLine struct {
	tones []playTone
	loops int
}

type playTone struct {
	tone
	on, off    int
	fadeStep   int
	oscillator []oscillator // as they start
}

// oscillator is a two-pole resonator on the unit circle: y[n] = k·y[n−1] − y[n−2].
type oscillator struct{ k, y1, y2 float64 }

func newOscillator(hz float64, rateHz int) oscillator {
	w := 2 * math.Pi * hz / float64(rateHz)
	// The next two values are sin(0) and sin(w).
	return oscillator{k: 2 * math.Cos(w), y1: math.Sin(-w), y2: math.Sin(-2 * w)}
}

// NewSource returns a source that plays s at rateHz. The script is played
// loops times, Forever without end; 0 is taken as 1. Frequencies that rateHz
// cannot carry are left out. All loops sound the same.
func NewSource(s *Script, rateHz, loops int) *Source {
	if loops == 0 {
		loops = 1
	}
	src := &Source{rateHz: rateHz, loops: loops}
	for _, ln := range s.lines {
		pl := playLine{loops: ln.loops}
		for _, t := range ln.tones {
			pt := newPlayTone(t, rateHz)
			// Without tones of no length every step forward yields a sample: Read
			// cannot spin.
			if pt.on+pt.off > 0 {
				pl.tones = append(pl.tones, pt)
			}
		}
		if len(pl.tones) > 0 {
			src.lines = append(src.lines, pl)
		}
	}
	src.ended = len(src.lines) == 0
	if !src.ended {
		src.beginScript()
	}
	return src
}

func newPlayTone(t tone, rateHz int) playTone {
	samples := func(ms float64) int { return int(math.Round(ms * float64(rateHz) / 1000)) }
	pt := playTone{tone: t, on: samples(t.onMS), off: samples(t.offMS)}
	if t.fade.stepMS > 0 {
		pt.fadeStep = max(samples(t.fade.stepMS), 1)
	}
	for _, hz := range t.hz {
		if hz > 0 && hz < float64(rateHz)/2 {
			pt.oscillator = append(pt.oscillator, newOscillator(hz, rateHz))
		}
	}
	return pt
}

// RateHz implements media.Source.
func (s *Source) RateHz() int { return s.rateHz }

// Close implements media.Source; it frees nothing.
func (s *Source) Close() error { return nil }

// Read implements media.Source. io.EOF comes with the last samples.
func (s *Source) Read(p []int16) (int, error) {
	n := 0
	for n < len(p) && !s.ended {
		t := &s.lines[s.line].tones[s.tone]
		if s.at < t.on {
			m := min(len(p)-n, t.on-s.at)
			s.sound(p[n:n+m], t)
			n, s.at = n+m, s.at+m
		} else {
			m := min(len(p)-n, t.on+t.off-s.at)
			clear(p[n : n+m])
			n, s.at = n+m, s.at+m
		}
		if s.at >= t.on+t.off {
			s.advance()
		}
	}
	if s.ended {
		return n, io.EOF
	}
	return n, nil
}

// sound fills p with the running tone.
func (s *Source) sound(p []int16, t *playTone) {
	if len(t.oscillator) == 0 {
		clear(p)
		return
	}
	// Frequencies that were left out count: the others keep their level.
	share := 1 / float64(len(t.hz))
	osc := s.osc[:len(t.oscillator)]
	for i := range p {
		if t.fadeStep > 0 {
			s.fade(t)
		}
		sum := 0.0
		for j := range osc {
			o := &osc[j]
			y := o.k*o.y1 - o.y2
			o.y2, o.y1 = o.y1, y
			sum += y
		}
		p[i] = int16(math.Round(sum * share * s.amplitude))
	}
}

// fade counts one sample and changes the volume when a step is over.
func (s *Source) fade(t *playTone) {
	s.fadeIn--
	if s.fadeIn > 0 {
		return
	}
	s.fadeIn = t.fadeStep
	if v := s.volumeDB + t.tone.fade.byDB; v >= minVolumeDB && v <= maxVolumeDB {
		s.setVolume(v)
	}
}

func (s *Source) setVolume(db float64) {
	s.volumeDB = db
	s.amplitude = levelAt0DB * math.Pow(10, db/20)
}

func (s *Source) beginScript() {
	s.line = 0
	s.lineLoops = s.lines[0].loops
	s.beginTone(0)
}

// beginTone makes tone i of the line the running one.
func (s *Source) beginTone(i int) {
	s.tone = i
	s.repeats = s.lines[s.line].tones[i].repeat
	s.restartTone()
}

func (s *Source) restartTone() {
	t := &s.lines[s.line].tones[s.tone]
	s.at = 0
	copy(s.osc[:], t.oscillator)
	s.setVolume(t.volumeDB)
	s.fadeIn = t.fadeStep
}

// advance goes to what follows the running tone.
func (s *Source) advance() {
	if s.repeats--; s.repeats > 0 {
		s.restartTone()
		return
	}
	ln := &s.lines[s.line]
	if s.tone+1 < len(ln.tones) {
		s.beginTone(s.tone + 1)
		return
	}
	if s.lineLoops == Forever {
		s.beginTone(0)
		return
	}
	if s.lineLoops--; s.lineLoops > 0 {
		s.beginTone(0)
		return
	}
	if s.line+1 < len(s.lines) {
		s.line++
		s.lineLoops = s.lines[s.line].loops
		s.beginTone(0)
		return
	}
	if s.loops != Forever {
		s.loops--
	}
	if s.loops == 0 {
		s.ended = true
		return
	}
	s.beginScript()
}

// SilenceSource yields digital silence or comfort noise. It is a media.Source.
type SilenceSource struct {
	rateHz  int
	rest    int // samples; negative: endless
	divisor int
	noise   uint32
}

var _ media.Source = (*SilenceSource)(nil)

// NewSilence returns a source of s at rateHz.
func NewSilence(s Silence, rateHz int) *SilenceSource {
	rest := -1
	if s.Duration >= 0 {
		rest = int(s.Duration * time.Duration(rateHz) / time.Second)
	}
	return &SilenceSource{rateHz: rateHz, rest: rest, divisor: s.NoiseDivisor, noise: 1}
}

// RateHz implements media.Source.
func (s *SilenceSource) RateHz() int { return s.rateHz }

// Close implements media.Source; it frees nothing.
func (s *SilenceSource) Close() error { return nil }

// Read implements media.Source. io.EOF comes with the last samples.
func (s *SilenceSource) Read(p []int16) (int, error) {
	n := len(p)
	if s.rest >= 0 {
		n = min(n, s.rest)
		s.rest -= n
	}
	s.fill(p[:n])
	if s.rest == 0 {
		return n, io.EOF
	}
	return n, nil
}

// fill makes noise that is nearly normal: six uniform values are added up.
// Its RMS is 32768·√2/divisor.
func (s *SilenceSource) fill(p []int16) {
	if s.divisor <= 0 {
		clear(p)
		return
	}
	for i := range p {
		sum := 0
		for range 6 {
			// xorshift32 (Marsaglia 2003): the period is 2^32 − 1.
			s.noise ^= s.noise << 13
			s.noise ^= s.noise >> 17
			s.noise ^= s.noise << 5
			sum += int(int16(s.noise >> 16))
		}
		p[i] = int16(min(max(sum/s.divisor, math.MinInt16), math.MaxInt16))
	}
}
