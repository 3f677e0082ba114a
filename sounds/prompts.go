package sounds

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// MasterRateHz is the rate of the embedded recordings: what G.722 carries, and
// twice what G.711 does.
const MasterRateHz = 16000

// Prompt is one row of a prompts.tsv: what a recording is called and says.
type Prompt struct {
	Group string // folder: ivr, voicemail, digits …
	Name  string // file name without its extension
	Text  string // the words, as the synthesizer is given them
}

// File returns the name of the prompt for playback, below the prefix of the
// voice: "ivr/ivr-please_hold.wav".
func (p Prompt) File() string { return path.Join(p.Group, p.Name+".wav") }

// Master returns where the generator puts the recording, below the prefix.
func (p Prompt) Master() string {
	return path.Join(p.Group, strconv.Itoa(MasterRateHz), p.Name+".wav")
}

// Prompts returns the embedded prompts of a voice in the order of its table,
// prefix/prompts.tsv. The error wraps fs.ErrNotExist if FS has no such voice.
func Prompts(prefix string) ([]Prompt, error) {
	file := path.Join(prefix, "prompts.tsv")
	table, err := fs.ReadFile(FS, file)
	if err != nil {
		return nil, fmt.Errorf("sounds: prompts: %w", err)
	}
	prompts, err := ParsePrompts(strings.NewReader(string(table)))
	if err != nil {
		return nil, fmt.Errorf("sounds: %s: %w", file, err)
	}
	return prompts, nil
}

// ParsePrompts reads a prompts.tsv: group, name and text separated by tabs;
// lines that begin with # are comments. A prompt that comes twice, or whose
// group or name is no plain file name, is an error.
func ParsePrompts(r io.Reader) ([]Prompt, error) {
	rows, err := readTable(r, 3)
	if err != nil {
		return nil, err
	}
	prompts := make([]Prompt, 0, len(rows))
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		p := Prompt{Group: row[0], Name: row[1], Text: row[2]}
		if !plainName(p.Group) || !plainName(p.Name) {
			return nil, fmt.Errorf("prompt %q: no plain file name", p.File())
		}
		if seen[p.File()] {
			return nil, fmt.Errorf("prompt %q: comes twice", p.File())
		}
		seen[p.File()] = true
		prompts = append(prompts, p)
	}
	return prompts, nil
}

// plainName reports whether a name can be one element of a path anywhere.
func plainName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, `/\:`)
}
