// Package file reads sound files (WAV, MP3) as media sources and writes
// recordings (WAV).
//
// Nothing of it touches the disk on a tick: short files are decoded whole into
// Clips, which a Library keeps; long ones are read ahead by a goroutine of
// their own, as is music that all listeners share (Playlist). A Recorder's
// goroutine writes what the tick leaves in a ring.
//
//	Library.Open ─┬─ short: Clip (cache) ─► Source ──────► tick
//	              └─ long: reader goroutine ─► ring ─► Source ─► tick
//	Playlist.Run: decoder goroutine ─► blocks ─► any number of Sources
//	tick ─► Recorder ─► ring ─► writer goroutine ─► WAV file
//
// Goroutines: one per long source until it is closed or its Library is, one
// per Recorder until it is closed, and whoever calls Playlist.Run.
package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/tandemswitch/tandem/media"
)

// Errors that callers branch on, wrapped with the file's name.
var (
	// ErrFormat means that a file is no sound we can read; the text says why.
	ErrFormat = errors.New("not a readable sound file")
	// ErrClosed means that the Library is closed.
	ErrClosed = errors.New("file: library closed")
)

// FormatError says what is wrong with a sound file. It matches ErrFormat.
type FormatError struct {
	Problem string
}

// Error is the problem alone; the file's name is put in front by the Library.
func (e *FormatError) Error() string { return e.Problem }

// Is makes errors.Is(err, ErrFormat) true.
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

func badFormat(format string, args ...any) error {
	return &FormatError{fmt.Sprintf(format, args...)}
}

// Channel chooses what is taken of a file with several channels.
type Channel int

// The average of all channels, or one of them. Mono files have all.
const (
	Mix Channel = iota
	Left
	Right
)

// decoder yields the samples of an open file, mono at the file's own rate. It
// blocks on the disk.
type decoder interface {
	rateHz() int
	// read fills p; fewer samples come only with io.EOF or another error.
	read(p []int16) (int, error)
}

// sniffBytes tells WAV from MP3; it is also how far junk may reach before the
// first MP3 frame.
const sniffBytes = 64 << 10

// newDecoder finds out what r holds, which is size bytes long (−1: unknown).
func newDecoder(r io.Reader, size int64, channel Channel, codecs []media.Codec) (decoder, error) {
	br := bufio.NewReaderSize(r, sniffBytes)
	head, err := br.Peek(12)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case len(head) == 0:
		return nil, badFormat("the file is empty")
	case isWAV(head):
		return newWAVDecoder(br, size, channel, codecs)
	}
	return newMP3Decoder(br, channel)
}

// opened is a file with its decoder.
type opened struct {
	decoder
	file fs.File
}

func (o *opened) close() error { return o.file.Close() }

// openDecoder opens path. The error begins with path.
func openDecoder(fsys fs.FS, path string, channel Channel, codecs []media.Codec) (*opened, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err // an *fs.PathError names the path
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = badFormat("is a folder")
	}
	var d decoder
	if err == nil {
		d, err = newDecoder(f, info.Size(), channel, codecs)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &opened{d, f}, nil
}

// discard skips n samples of d.
func discard(d decoder, n int64) error {
	var scratch [1024]int16
	for n > 0 {
		m, err := d.read(scratch[:min(n, int64(len(scratch)))])
		n -= int64(m)
		if err != nil {
			return err
		}
	}
	return nil
}

// decoderSource makes a media.Source of a decoder, so that it can be
// resampled. It blocks, so it never gets near a tick.
type decoderSource struct{ d decoder }

func (s decoderSource) RateHz() int                 { return s.d.rateHz() }
func (s decoderSource) Read(p []int16) (int, error) { return s.d.read(p) }
func (s decoderSource) Close() error                { return nil }
