// Package english says things in English through recordings with FreeSWITCH's
// names: "digits/20.wav digits/1.wav" for 21. It is pure.
//
// What a number, a date or a name sounds like is in testdata/golden.tsv.
package english

import (
	"fmt"
	"strconv"

	"github.com/tandemswitch/tandem/apps/say/speech"
)

var _ speech.Language = Say

// Say implements speech.Language. English has no genders.
func Say(r speech.Request) ([]string, error) {
	files, err := say(r)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", r.Type, r.Text, err)
	}
	return files, nil
}

func say(r speech.Request) ([]string, error) {
	switch r.Type {
	case speech.Number, speech.Items, speech.Persons, speech.Messages:
		return number(r.Text, r.Method)
	case speech.Currency:
		return money(r.Text)
	case speech.TimeMeasurement:
		return duration(r.Text)
	case speech.CurrentDate, speech.CurrentTime, speech.CurrentDateTime, speech.ShortDateTime:
		return moment(r)
	case speech.IPAddress:
		return address(r.Text, r.Method)
	case speech.TelephoneNumber, speech.TelephoneExtension:
		return dialed(r.Text)
	case speech.AccountNumber, speech.PostalAddress:
		return letters(r.Text)
	case speech.URL, speech.EmailAddress:
		return written(r.Text)
	case speech.NamePhonetic:
		return spell(r.Text, phonetic)
	case speech.NameSpelled:
		return spell(r.Text, plain)
	}
	return nil, speech.ErrText
}

// digit and word name recordings.
func digit(n int) string { return "digits/" + strconv.Itoa(n) + ".wav" }

func word(group, name string) string { return group + "/" + name + ".wav" }

// counted is the word in the singular for one, in the plural for other amounts.
func counted(group, singular string, amount int) string {
	if amount == 1 {
		return word(group, singular)
	}
	return word(group, singular+"s")
}
