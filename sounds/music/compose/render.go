package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

const (
	// renderRateHz is a multiple of the master's rate which gives plucked
	// strings enough samples per period to be in tune.
	renderRateHz = 48000
	masterRateHz = 16000

	// musicDBFS is two decibels below the prompts: music is not what one
	// waits for.
	musicDBFS = -22

	// peakDBFS leaves room for what codecs and mixers add.
	peakDBFS = -4

	// lowHz and highHz keep the energy where a telephone carries it; what is
	// above highHz is thinned, not cut, for wideband phones.
	lowHz    = 150
	highHz   = 3000
	highDB   = -4
	seamTime = 30 * time.Millisecond
)

// render plays a piece and makes the master of it.
func render(p piece) wave.Wave {
	perBeat := 60 / p.perMin
	track := make([]float64, int(math.Round(p.beats*perBeat*renderRateHz)))
	for i, part := range p.parts {
		// A hand is never exactly in time, nor twice equally strong. The seed
		// is fixed: the same program plays the same piece.
		touch := rand.New(rand.NewPCG(uint64(i), 20))
		for k, n := range part.notes {
			begin := n.beat*perBeat + 0.006*touch.Float64()
			n.volume *= 0.92 + 0.16*touch.Float64()
			sound := part.play(n, n.beats*perBeat, uint64(i)<<32|uint64(k))
			mixAt(track, int(begin*renderRateHz), sound)
		}
	}
	track = inRoom(track, p.wetness)
	w := around(track, func(w wave.Wave) wave.Wave {
		return w.HighPass(lowHz).HighShelf(highHz, highDB).Decimate(renderRateHz / masterRateHz)
	})
	// The end of a piece is soft by composition; this makes it zero, so that
	// another piece can follow as well as the same one.
	w = w.Fade(seamTime)
	w = w.Gain(min(wave.Amplitude(musicDBFS)/wave.RMS(w.Samples), wave.Amplitude(peakDBFS)/wave.Peak(w.Samples)))
	w.Tags = []wave.Tag{{ID: "INAM", Text: p.title}, {ID: "ICMT", Text: "Written for Tandem and rendered by sounds/music/compose."}}
	return w
}

// mixAt adds a sound to the circle; what is longer than the rest of the piece
// goes on at the beginning.
func mixAt(track []float64, at int, sound []float64) {
	for i, s := range sound {
		track[(at+i)%len(track)] += s
	}
}

// seamSamples is a quarter of a second on either side of the seam, more than
// any filter here remembers, and divisible by the decimation.
const seamSamples = 12000

// around runs a filter over the circle: what lies before the beginning is the
// end, and what follows the end is the beginning.
func around(track []float64, filter func(wave.Wave) wave.Wave) wave.Wave {
	unrolled := slices.Concat(track[len(track)-seamSamples:], track, track[:seamSamples])
	w := filter(wave.Wave{RateHz: renderRateHz, Samples: unrolled})
	seam := seamSamples * w.RateHz / renderRateHz
	w.Samples = w.Samples[seam : len(w.Samples)-seam]
	return w
}
