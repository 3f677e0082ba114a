// Package tone generates call progress tones, digits and silence from
// FreeSWITCH's tone language (TGML, as in tone_stream:// and ringback
// variables). It parses text into a Script and plays a Script at any sample
// rate as a media.Source.
//
// It starts no goroutine and opens no file; sources allocate nothing after
// construction.
//
//	v=-7; %(2000,4000,440,480)      ring back: 2 s of two tones, 4 s pause, forever
//	d=100; w=100; 1 2 # 5(300,50)   digits; 5 lasts 300 ms
//	>=2; +=.1; %(1400,0,350,440)    0.1 dB softer every 2 ms
package tone

import "fmt"

// Limits and defaults of the language.
const (
	// MaxFrequencies of one tone.
	MaxFrequencies = 18
	// DefaultVolumeDB is a level in dBm0 for one frequency; several are averaged.
	DefaultVolumeDB = -7
	minVolumeDB     = -63
	maxVolumeDB     = 0
	// Durations of a digit unless d and w are set: FreeSWITCH's 2000 and 500
	// samples, at 8000 Hz.
	defaultOnMS  = 250
	defaultOffMS = 62.5
	// maxMS bounds every duration: one day.
	maxMS = 24 * 60 * 60 * 1000
	// maxHz is above what any rate we know can carry.
	maxHz = 96000
	// defaultFadeDB is the step of a fade unless + is set.
	defaultFadeDB = 1
)

// Forever as a number of loops never ends.
const Forever = -1

// SyntaxError says where a text is not in the tone language.
type SyntaxError struct {
	Offset  int // in bytes, from 0
	Problem string
}

// Error names the byte, counted from 1 as editors do.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("tone: byte %d: %s", e.Offset+1, e.Problem)
}

// Script is parsed text. It is immutable and may be played by many sources
// at once.
type Script struct {
	lines []line
}

// line is one run: a whole text, or one line of a file.
type line struct {
	tones []tone
	loops int // L; Forever, else at least 1
}

// tone is one tone with the pause after it.
type tone struct {
	onMS, offMS float64
	hz          []float64 // none: silence
	volumeDB    float64
	fade        fade
	repeat      int // l; at least 1
}

// fade changes the volume while a tone lasts; the next one starts at its own.
type fade struct {
	stepMS float64 // 0: none
	byDB   float64 // negative: softer
}

// dtmfTable holds the two frequencies of each key (ITU-T Q.23).
var dtmfTable = map[byte][2]float64{
	'1': {697, 1209}, '2': {697, 1336}, '3': {697, 1477}, 'A': {697, 1633},
	'4': {770, 1209}, '5': {770, 1336}, '6': {770, 1477}, 'B': {770, 1633},
	'7': {852, 1209}, '8': {852, 1336}, '9': {852, 1477}, 'C': {852, 1633},
	'*': {941, 1209}, '0': {941, 1336}, '#': {941, 1477}, 'D': {941, 1633},
}
