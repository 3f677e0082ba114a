package sounds

import (
	"fmt"
	"io"
	"strings"
)

// Tone is one row of tones.tsv.
type Tone struct {
	Name    string // variable: "us-ring"
	Meaning string // country, or what the tone is for
	TGML    string // the tone script
}

// Tones returns the rows of tones.tsv in the table's order, which is the one
// to show people. It panics if the embedded table is broken, which a test
// excludes.
func Tones() []Tone {
	table, err := FS.ReadFile("tones.tsv")
	if err != nil {
		panic(err)
	}
	tones, err := parseTones(strings.NewReader(string(table)))
	if err != nil {
		panic(fmt.Errorf("sounds: tones.tsv: %w", err))
	}
	return tones
}

// RingTones returns the tones of tones.tsv: the name of the variable that the
// sample configuration gives them ("us-ring", "bong-ring", "beep", "sit") and
// the TGML string. The map is the caller's.
func RingTones() map[string]string {
	tones := Tones()
	byName := make(map[string]string, len(tones))
	for _, t := range tones {
		byName[t.Name] = t.TGML
	}
	return byName
}

// parseTones reads a table of name, meaning and TGML. A name that comes twice
// is an error.
func parseTones(r io.Reader) ([]Tone, error) {
	rows, err := readTable(r, 3)
	if err != nil {
		return nil, err
	}
	tones := make([]Tone, 0, len(rows))
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		if seen[row[0]] {
			return nil, fmt.Errorf("tone %q: comes twice", row[0])
		}
		seen[row[0]] = true
		tones = append(tones, Tone{Name: row[0], Meaning: row[1], TGML: row[2]})
	}
	return tones, nil
}
