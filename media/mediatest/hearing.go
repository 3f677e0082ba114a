package mediatest

import (
	"fmt"
	"math"
	"time"
)

// windowTime is how long the pieces are that a sound is judged in: one packet.
const windowTime = 20 * time.Millisecond

// audibleDBov is the level under which a window counts as silent. Comfort
// noise is below it, quiet speech above.
const audibleDBov = -55

// toneToleranceHz is how far the strongest tone of a window may be from the
// expected one: half of what 20 ms can tell apart (50 Hz).
const toneToleranceHz = 25

// Window is what was heard in one piece of a sound.
type Window struct {
	At         time.Duration // start of the piece
	LevelDBov  float64
	DominantHz float64 // 0: silent
}

// Windows measures samples in pieces of 20 ms; a shorter rest is left out.
func Windows(samples []int16, rateHz int) []Window {
	size := Samples(rateHz, windowTime)
	var out []Window
	for i := 0; i+size <= len(samples); i += size {
		piece := samples[i : i+size]
		w := Window{
			At:        time.Duration(i) * time.Second / time.Duration(rateHz),
			LevelDBov: LevelDBov(piece),
		}
		if w.LevelDBov > audibleDBov {
			w.DominantHz = DominantHz(piece, rateHz)
		}
		out = append(out, w)
	}
	return out
}

// Hearing sums up where a tone was heard.
type Hearing struct {
	Heard       time.Duration // total of windows that hold it
	First, Last time.Duration // start of the first and end of the last such window
	LongestGap  time.Duration // longest stretch without it between First and Last
	Other       time.Duration // total of audible windows with another dominant tone
	LevelDBov   float64       // mean level where it was heard
}

// String is for failure messages.
func (h Hearing) String() string {
	return fmt.Sprintf("heard %v from %v to %v at %.1f dBov, longest gap %v, other sound %v",
		h.Heard, h.First, h.Last, h.LevelDBov, h.LongestGap, h.Other)
}

// Hear looks for a tone of frequencyHz in samples; frequencyHz 0 means any
// sound that is not silence. Windows at the edges of a tone may count as
// Other.
func Hear(samples []int16, rateHz int, frequencyHz float64) Hearing {
	var h Hearing
	power := 0.0
	windows := 0
	for _, w := range Windows(samples, rateHz) {
		end := w.At + windowTime
		switch {
		case w.DominantHz == 0:
		case frequencyHz != 0 && math.Abs(w.DominantHz-frequencyHz) > toneToleranceHz:
			h.Other += windowTime
		default:
			if h.Heard == 0 {
				h.First = w.At
			} else {
				h.LongestGap = max(h.LongestGap, w.At-h.Last)
			}
			h.Last = end
			h.Heard += windowTime
			power += math.Pow(10, w.LevelDBov/10)
			windows++
		}
	}
	h.LevelDBov = SilenceDBov
	if windows > 0 {
		h.LevelDBov = 10 * math.Log10(power/float64(windows))
	}
	return h
}
