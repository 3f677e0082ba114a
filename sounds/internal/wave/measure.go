package wave

import (
	"math"
	"time"
)

// DBFS returns an amplitude in decibels relative to full scale; −∞ for 0.
func DBFS(amplitude float64) float64 { return 20 * math.Log10(amplitude) }

// Amplitude is the inverse of DBFS.
func Amplitude(dbfs float64) float64 { return math.Pow(10, dbfs/20) }

// Peak returns the largest magnitude; 0 for no samples.
func Peak(samples []float64) float64 {
	peak := 0.0
	for _, s := range samples {
		peak = max(peak, math.Abs(s))
	}
	return peak
}

// RMS returns the root mean square; 0 for no samples.
func RMS(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sum := 0.0
	for _, s := range samples {
		sum += s * s
	}
	return math.Sqrt(sum / float64(len(samples)))
}

const (
	// frameTime is short against a syllable and long against a pitch period.
	frameTime = 20 * time.Millisecond

	// pauseDB is how far below the loudest frame speech is taken for a pause:
	// ITU-T P.56 sets its threshold 15.9 dB below the active level, and the
	// loudest frame of a sentence lies 6 to 10 dB above that level.
	pauseDB = 25

	// silenceDB is how far below the loudest frame nothing is heard any more.
	// A final "s" or "f" is 35 dB down.
	silenceDB = 45
)

// SpeechRMS returns the RMS over what is spoken, pauses left out.
func (w Wave) SpeechRMS() float64 {
	frames := w.frames()
	gate := loudest(frames) * Amplitude(-pauseDB)
	sum, count := 0.0, 0
	for _, level := range frames {
		if level > gate {
			sum += level * level
			count++
		}
	}
	if count == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(count))
}

// Silence returns how long nothing is heard at the beginning and at the end,
// in whole frames of 20 ms. Of a silent wave it is all at the beginning.
func (w Wave) Silence() (before, after time.Duration) {
	frames := w.frames()
	gate := loudest(frames) * Amplitude(-silenceDB)
	first, last := len(frames), len(frames)-1
	for i, level := range frames {
		if level > gate {
			first = min(first, i)
			last = i
		}
	}
	return time.Duration(first) * frameTime, time.Duration(len(frames)-1-last) * frameTime
}

// Duration returns how long the wave lasts.
func (w Wave) Duration() time.Duration {
	return time.Duration(len(w.Samples)) * time.Second / time.Duration(w.RateHz)
}

// frameSamples returns the length of a frame.
func (w Wave) frameSamples() int { return int(frameTime * time.Duration(w.RateHz) / time.Second) }

// frames returns the RMS of each whole frame.
func (w Wave) frames() []float64 {
	size := w.frameSamples()
	levels := make([]float64, len(w.Samples)/size)
	for i := range levels {
		levels[i] = RMS(w.Samples[i*size : (i+1)*size])
	}
	return levels
}

func loudest(levels []float64) float64 { return Peak(levels) }
