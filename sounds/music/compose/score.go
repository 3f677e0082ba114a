package main

import "math"

// note is one tone of an instrument.
type note struct {
	beat   float64 // when it begins, from the beginning of the piece
	beats  float64 // how long it is held; plucked strings and bells ring on
	pitch  int     // MIDI number: 60 is middle C, 69 is A at 440 Hz
	volume float64 // 1 is the loudest an accompaniment would be
}

// part is what one instrument plays.
type part struct {
	play  func(n note, seconds float64, seed uint64) []float64
	notes []note
}

// piece is a whole composition.
type piece struct {
	name    string // file name without extension
	title   string
	beats   float64 // length of the circle
	perMin  float64 // beats per minute
	wetness float64 // share of the room in the sum
	parts   []part
}

// pieces lists what is shipped.
func pieces() []piece { return []piece{evening(), harbor()} }

// hertz is the frequency of a pitch in equal temperament.
func hertz(pitch int) float64 { return 440 * math.Pow(2, float64(pitch-69)/12) }
