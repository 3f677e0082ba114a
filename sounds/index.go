// Package sounds holds the prompts, the music on hold and the tones that come
// with the switch, and finds sounds by name.
//
// It does not decode anything (media/file does) and starts no goroutine. The
// recordings are 16 kHz masters in FreeSWITCH's folder scheme, so that its
// packs can be put in front of ours:
//
//	en/us/slt/<group>/<rate>/<name>.wav    prompts, listed in en/us/slt/prompts.tsv
//	music/<rate>/<name>.wav                music on hold
//	tones.tsv                              ring tones by country, in TGML
//
// An Index looks through layers of such trees, top first:
//
//	DATA/sounds on disk ──► FS (embedded) ──► fs.ErrNotExist
package sounds

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:generate go run ./generate
//go:generate go run ./music/compose

// Prefix is the folder of the embedded voice, to be joined before the name of
// a prompt: path.Join(Prefix, "ivr/ivr-please_hold.wav").
const Prefix = "en/us/slt"

// FS is the embedded tree. It is read-only and safe for concurrent use.
//
//go:embed LICENSE.md en music/16000 tones.tsv
var FS embed.FS

// Index finds sounds in layers of file systems. It is immutable and safe for
// concurrent use as far as its layers are; embed.FS and os.DirFS are.
type Index struct {
	layers []fs.FS // top first
}

// New returns an index over the layers, the one to be searched first in front:
// New(os.DirFS(dir), FS). A layer whose folder does not exist is merely empty,
// and may come to life later: nothing is cached. New reads nothing.
func New(layers ...fs.FS) *Index {
	return &Index{layers: slices.Clone(layers)}
}

// Place is where a sound was found. Two equal places are the same file, so a
// Place can be the key of a cache.
type Place struct {
	Layer  int    // index into the layers given to New
	Path   string // path in that layer, with the rate folder
	RateHz int    // rate the folder promises; 0 if the file stood in none
}

// Sound is an open sound, from its first byte. The caller closes it.
type Sound struct {
	io.ReadSeekCloser
	Place
}

// Find says where the sound of that name is which serves a reader at rateHz
// best. A name is a slash-separated path without the rate folder, such as
// "en/us/slt/ivr/ivr-please_hold.wav" or "music/quiet_evening.wav"; with a
// rate folder ("music/8000/x.wav") that rate is preferred to rateHz.
//
// An upper layer wins over a lower one, whatever its rates. In a layer the
// order is: the rate asked for; the file without a rate folder, as people put
// their own recordings there; the next higher rates, which lose nothing; the
// next lower ones.
//
// Find reads folders and may block on a disk. The error wraps fs.ErrNotExist
// if no layer has the sound, fs.ErrInvalid if the name is absolute, empty or
// leaves the tree, and otherwise what kept a layer from answering.
func (x *Index) Find(name string, rateHz int) (Place, error) {
	clean := path.Clean(name)
	if !fs.ValidPath(clean) || clean == "." {
		return Place{}, fmt.Errorf("sounds: find %q: %w", name, fs.ErrInvalid)
	}
	dir, rateHz := cutRate(path.Dir(clean), rateHz)
	base := path.Base(clean)
	var failure error
	for i, layer := range x.layers {
		for where, rate := range folders(layer, dir, rateHz) {
			file := path.Join(where, base)
			info, err := fs.Stat(layer, file)
			if err == nil && info.Mode().IsRegular() {
				return Place{Layer: i, Path: file, RateHz: rate}, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) && failure == nil {
				failure = err
			}
		}
	}
	if failure == nil {
		failure = fs.ErrNotExist
	}
	return Place{}, fmt.Errorf("sounds: find %q: %w", name, failure)
}

// Open opens what Find finds. It may block on a disk; errors are Find's.
func (x *Index) Open(name string, rateHz int) (*Sound, error) {
	place, err := x.Find(name, rateHz)
	if err != nil {
		return nil, err
	}
	file, err := x.layers[place.Layer].Open(place.Path)
	if err != nil {
		return nil, fmt.Errorf("sounds: open %q: %w", name, err)
	}
	seeker, err := seekable(file)
	if err != nil {
		return nil, fmt.Errorf("sounds: open %q: %w", name, err)
	}
	return &Sound{ReadSeekCloser: seeker, Place: place}, nil
}

// List returns the names, sorted and ready for Open, of the sounds in a
// folder, such as "music". They all come from the uppermost layer that has any
// there, so that one piece on disk silences the embedded ones; the rate folder
// is chosen as in Find. Only .wav and .mp3 files count. The error wraps
// fs.ErrNotExist if there are none, fs.ErrInvalid if dir leaves the tree.
func (x *Index) List(dir string, rateHz int) ([]string, error) {
	clean := path.Clean(dir)
	if !fs.ValidPath(clean) {
		return nil, fmt.Errorf("sounds: list %q: %w", dir, fs.ErrInvalid)
	}
	clean, rateHz = cutRate(clean, rateHz)
	for _, layer := range x.layers {
		for where := range folders(layer, clean, rateHz) {
			if names := soundsIn(layer, where, clean); len(names) > 0 {
				return names, nil
			}
		}
	}
	return nil, fmt.Errorf("sounds: list %q: %w", dir, fs.ErrNotExist)
}

// cutRate takes the rate folder off a path that already has one.
func cutRate(dir string, rateHz int) (string, int) {
	if rate, ok := parseRate(path.Base(dir)); ok {
		return path.Dir(dir), rate
	}
	return dir, rateHz
}

// parseRate reads the name of a rate folder: a plain decimal number of hertz.
func parseRate(name string) (int, bool) {
	rate, err := strconv.Atoi(name)
	return rate, err == nil && rate > 0 && strconv.Itoa(rate) == name
}

// folders yields where a sound of dir may lie in the layer, best first, with
// the rate each folder stands for (0 for dir itself). The layer is read for
// other rates only when the first two did not do.
func folders(layer fs.FS, dir string, rateHz int) func(yield func(string, int) bool) {
	return func(yield func(string, int) bool) {
		if rateHz > 0 && !yield(path.Join(dir, strconv.Itoa(rateHz)), rateHz) {
			return
		}
		if !yield(dir, 0) {
			return
		}
		for _, rate := range otherRates(layer, dir, rateHz) {
			if !yield(path.Join(dir, strconv.Itoa(rate)), rate) {
				return
			}
		}
	}
}

// otherRates lists the rate folders in dir but rateHz: higher ones ascending,
// then lower ones descending.
func otherRates(layer fs.FS, dir string, rateHz int) []int {
	entries, err := fs.ReadDir(layer, dir)
	if err != nil {
		return nil // no such group here: the next layer is asked
	}
	var rates []int
	for _, entry := range entries {
		// Not entry.IsDir: a rate folder may be a symbolic link to a pack.
		if rate, ok := parseRate(entry.Name()); ok && rate != rateHz {
			rates = append(rates, rate)
		}
	}
	slices.SortFunc(rates, func(a, b int) int {
		if (a > rateHz) != (b > rateHz) {
			return cmp.Compare(b, a) // exactly one is higher: it comes first
		}
		if a > rateHz {
			return cmp.Compare(a, b)
		}
		return cmp.Compare(b, a)
	})
	return rates
}

// soundsIn lists the sound files in a folder of a layer, named as below dir.
func soundsIn(layer fs.FS, where, dir string) []string {
	entries, err := fs.ReadDir(layer, where)
	if err != nil {
		return nil // a folder that is not there has no sounds
	}
	var names []string
	for _, entry := range entries {
		switch strings.ToLower(path.Ext(entry.Name())) {
		case ".wav", ".mp3":
			if !entry.IsDir() {
				names = append(names, path.Join(dir, entry.Name()))
			}
		}
	}
	return names // fs.ReadDir sorts
}

// seekable returns the file itself if it can seek, as embedded and disk files
// can, and else (an archive, say) its content in memory.
func seekable(file fs.File) (io.ReadSeekCloser, error) {
	if s, ok := file.(io.ReadSeekCloser); ok {
		return s, nil
	}
	content, err := io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return inMemory{bytes.NewReader(content)}, nil
}

// inMemory is a file whose content has been read.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// Layer returns a layer by its number in a Place.
func (x *Index) Layer(i int) fs.FS { return x.layers[i] }
