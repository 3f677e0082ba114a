// Package sound makes the tones that test phones send and measures which tone a
// recording holds, and when.
//
// It is the proof of two-way audio: each party sends a tone of its own, and the
// other party's recording is cut into windows that are each asked which tone
// dominates. It knows nothing of calls, starts no goroutine, and works on whole
// files in memory.
package sound

import (
	"math"
	"time"
)

// Tones of the parties, in Hz. They are multiples of 50 Hz, so that each is
// orthogonal to the others within one window of 20 ms, and none is a harmonic of
// another within the telephone band.
const (
	ToneA = 600
	ToneB = 900
	ToneC = 1300
	ToneD = 1700
)

// Tones lists the tones of all parties, for searching a recording for one that
// should not be there.
var Tones = [...]int{ToneA, ToneB, ToneC, ToneD}

// window is the length of audio that is judged at once: one packet.
const window = 20 * time.Millisecond

// pairWindow is the length in which two tones 10 Hz apart can be told from each other.
const pairWindow = 100 * time.Millisecond

const (
	// silenceDBov is the level below which a window counts as silence. G.711's
	// idle noise is near −66 dBov; a tone of a test phone is at −9 dBov.
	silenceDBov = -45
	// dominance is the share of a window's power that a tone must have to be
	// the one that is heard. A window that holds only half a tone and half
	// silence still passes, noise does not.
	dominance = 0.6
)

// Recording is decoded audio of one channel. The samples are owned by the
// Recording and must not be changed.
type Recording struct {
	RateHz  int
	Samples []int16
}

// Hearing says how one tone was heard in a recording.
type Hearing struct {
	Total time.Duration // sum of all windows with the tone
	First time.Duration // start of the first window with it
	Last  time.Duration // end of the last window with it
	Gap   time.Duration // the longest run of windows without it between First and Last
}

// Duration returns the length of the recording.
func (r Recording) Duration() time.Duration {
	if r.RateHz == 0 {
		return 0
	}
	return time.Duration(len(r.Samples)) * time.Second / time.Duration(r.RateHz)
}

// Heard returns when the tone of hz was the dominant one. The zero Hearing
// means never.
func (r Recording) Heard(hz int) Hearing {
	return r.heard(window, func(win []int16) bool { return dominates(win, hz, r.RateHz) })
}

func (r Recording) heard(window time.Duration, is func([]int16) bool) Hearing {
	var h Hearing
	gap := time.Duration(0)
	for i, win := range r.windows(window) {
		if !is(win) {
			gap += window
			continue
		}
		at := time.Duration(i) * window
		if h.Total == 0 {
			h.First = at
		} else {
			h.Gap = max(h.Gap, gap)
		}
		h.Total += window
		h.Last = at + window
		gap = 0
	}
	return h
}

// HeardBoth is Heard for two tones at the same time, as ring tones are made of. The
// tones are multiples of 10 Hz: it looks at windows of 100 ms, in which these are
// orthogonal, so its times are that exact.
func (r Recording) HeardBoth(hz1, hz2 int) Hearing {
	return r.heard(pairWindow, func(win []int16) bool {
		all := power(win)
		one, other := tonePower(win, hz1, r.RateHz), tonePower(win, hz2, r.RateHz)
		return dBov(all) > silenceDBov && one+other >= dominance*all && min(one, other) >= all/5
	})
}

// Between returns the part of the recording from one offset to another, both
// counted from its start and limited to its length.
func (r Recording) Between(from, to time.Duration) Recording {
	index := func(d time.Duration) int {
		return min(max(0, int(d*time.Duration(r.RateHz)/time.Second)), len(r.Samples))
	}
	lo, hi := index(from), index(to)
	return Recording{RateHz: r.RateHz, Samples: r.Samples[lo:max(lo, hi)]}
}

// Loud returns the sum of all windows that are not silence, whatever they hold.
func (r Recording) Loud() time.Duration {
	var sum time.Duration
	for _, win := range r.windows(window) {
		if dBov(power(win)) > silenceDBov {
			sum += window
		}
	}
	return sum
}

// windows cuts the recording; a rest shorter than one window is left out.
func (r Recording) windows(length time.Duration) [][]int16 {
	n := r.RateHz * int(length/time.Millisecond) / 1000
	if n == 0 {
		return nil
	}
	wins := make([][]int16, 0, len(r.Samples)/n)
	for rest := r.Samples; len(rest) >= n; rest = rest[n:] {
		wins = append(wins, rest[:n])
	}
	return wins
}

// dominates reports whether the tone holds most of the window's power.
func dominates(win []int16, hz, rateHz int) bool {
	all := power(win)
	return dBov(all) > silenceDBov && tonePower(win, hz, rateHz) >= dominance*all
}

// power is the mean square of the samples, with full scale as 1.
func power(win []int16) float64 {
	var sum float64
	for _, s := range win {
		v := float64(s) / 32768
		sum += v * v
	}
	return sum / float64(len(win))
}

// tonePower is the mean square of the window's component at hz (Goertzel's
// algorithm).
func tonePower(win []int16, hz, rateHz int) float64 {
	w := 2 * math.Pi * float64(hz) / float64(rateHz)
	coefficient := 2 * math.Cos(w)
	var s1, s2 float64
	for _, s := range win {
		s1, s2 = float64(s)/32768+coefficient*s1-s2, s1
	}
	n := float64(len(win))
	magnitude2 := s1*s1 + s2*s2 - coefficient*s1*s2
	// A sine of amplitude a gives a magnitude of a·n/2 and a power of a²/2.
	return 2 * magnitude2 / (n * n)
}

// dBov is the level against a full-scale square wave.
func dBov(power float64) float64 {
	return 10 * math.Log10(power+1e-12)
}
