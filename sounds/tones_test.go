package sounds

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The values that dialplans written for FreeSWITCH expect of these variables.
func TestRingTonesOfCountries(t *testing.T) {
	tones := RingTones()
	for name, want := range map[string]string{
		"us-ring":   "%(2000,4000,440,480)",
		"ca-ring":   "%(2000,4000,440,480)",
		"uk-ring":   "%(400,200,400,450);%(400,2000,400,450)",
		"au-ring":   "%(400,200,383,417);%(400,2000,383,417)",
		"de-ring":   "%(1000,4000,425)",
		"fr-ring":   "%(1500,3500,440)",
		"es-ring":   "%(1500,3000,425)",
		"hu-ring":   "%(1250,3750,425)",
		"ru-ring":   "%(800,3200,425)",
		"jp-ring":   "%(1000,2000,420,380)",
		"hk-ring":   "%(400,200,440,480);%(400,3000,440,480)",
		"beep":      "%(1000,0,640)",
		"sit":       "%(274,0,913.8);%(274,0,1370.6);%(380,0,1776.7)",
		"bong-ring": "v=-7;%(100,0,941.0,1477.0);v=-7;>=2;+=.1;%(1400,0,350,440)",
	} {
		if got := tones[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for country := range strings.FieldsSeq("au be ca cn cy cz de dk dz eg es fi fr hk hu il in jp ko pk pl ro rs ru sa tr uk us") {
		if tones[country+"-ring"] == "" {
			t.Errorf("%s-ring is missing", country)
		}
	}
}

func TestTonesAreWellFormed(t *testing.T) {
	ring := regexp.MustCompile(`^%\(\d+,\d+(,\d+(\.\d+)?){1,2}\)(;%\(\d+,\d+(,\d+(\.\d+)?){1,2}\))*$`)
	name := regexp.MustCompile(`^([a-z]{2}-ring|bong-ring|beep|sit)$`)
	tones := Tones()
	for _, tone := range tones {
		if !name.MatchString(tone.Name) {
			t.Errorf("%q is no name of a variable", tone.Name)
		}
		if tone.Name != "bong-ring" && !ring.MatchString(tone.TGML) {
			t.Errorf("%s = %q, which is no TGML", tone.Name, tone.TGML)
		}
	}
	rings := tones[:len(tones)-3] // the three others follow the countries
	if !slices.IsSortedFunc(rings, func(a, b Tone) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the countries are not in order")
	}
}

func TestRingTonesAreTheCallers(t *testing.T) {
	RingTones()["us-ring"] = "changed"
	if got := RingTones()["us-ring"]; got == "changed" {
		t.Error("a caller's change is seen by the next one")
	}
}

func TestParseTonesRefuses(t *testing.T) {
	for table, want := range map[string]string{
		"us-ring\t%(1,2,3)\n":             "line 1: 2 columns",
		"beep\ta\t%(1,0,2)\nbeep\tb\tx\n": "comes twice",
	} {
		if _, err := parseTones(strings.NewReader(table)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseTones(%q): %v, want %q", table, err, want)
		}
	}
}
