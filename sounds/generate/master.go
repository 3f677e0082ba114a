package main

import (
	"time"

	"github.com/tandemswitch/tandem/sounds"
	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

const (
	// speechDBFS is the level of every prompt over what is spoken: about the
	// −20 dBm0 that telephone networks are laid out for, so that prompts are
	// neither louder nor softer than people.
	speechDBFS = -20

	// peakDBFS leaves room for what codecs and mixers add.
	peakDBFS = -3

	// leadTime and tailTime are kept around the speech. They are short because
	// prompts are strung together ("extension" "one" "two"), and long enough
	// not to bite off a soft consonant.
	leadTime = 40 * time.Millisecond
	tailTime = 120 * time.Millisecond

	// fadeTime takes the click out of the cuts.
	fadeTime = 10 * time.Millisecond

	// rumbleHz is below any voice; the synthesizer has an offset there.
	rumbleHz = 80

	// shelfHz and shelfDB give the voice back the consonants which statistical
	// synthesis softens and telephone bands cut.
	shelfHz = 2000
	shelfDB = 3
)

// master turns what the synthesizer said into the recording we ship.
func master(w wave.Wave, p sounds.Prompt, voice string) wave.Wave {
	w = w.HighPass(rumbleHz).HighShelf(shelfHz, shelfDB)
	w = w.Decimate(w.RateHz / sounds.MasterRateHz)
	w = w.Trim(leadTime, tailTime).Fade(fadeTime)
	if level := w.SpeechRMS(); level > 0 {
		w = w.Gain(min(wave.Amplitude(speechDBFS)/level, wave.Amplitude(peakDBFS)/wave.Peak(w.Samples)))
	}
	w.Tags = tags(p, voice)
	return w
}

// tags go with the recording: when the table is changed, the generator sees
// what it has to make anew, and a test that it was not made.
func tags(p sounds.Prompt, voice string) []wave.Tag {
	return []wave.Tag{{ID: "INAM", Text: p.Name}, {ID: "ICMT", Text: p.Text}, {ID: "ISFT", Text: "festival, " + voice}}
}
