// Package wave reads and writes the WAV files of the sounds tree and measures
// and shapes the audio in them, for the programs that make those files and the
// tests that check them.
//
// It is not for calls: media/file is. Everything is held in memory, and every
// function is pure.
package wave

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Wave is mono audio. Full scale is ±1.
type Wave struct {
	RateHz  int
	Samples []float64
	Tags    []Tag // in file order
}

// Tag is one text of a RIFF INFO list: ID is "INAM" (title), "ICMT" (comment),
// "ICOP" (copyright) or another of its four-letter names.
type Tag struct{ ID, Text string }

// headerBytes is RIFF+size+WAVE (12), fmt with its 16 bytes (24), data+size (8).
const headerBytes = 44

// ErrFormat says that a file is no mono WAV of 16-bit linear or µ-law samples.
var ErrFormat = errors.New("not a mono wav of 16-bit PCM or µ-law")

// coding is how samples are written: the tag of the fmt chunk and the bytes of
// a sample.
type coding struct{ tag, sampleBytes uint16 }

var (
	linear = coding{tag: 1, sampleBytes: 2}
	muLaw  = coding{tag: 7, sampleBytes: 1}
)

// Encode writes w as 16-bit linear PCM. Samples beyond full scale are clipped.
// The tags follow the audio, so that the 44-byte header is the plain one. The
// same wave gives the same bytes.
func (w Wave) Encode() []byte { return w.encode(linear) }

// EncodeULaw is Encode with a byte for a sample, companded as in ITU-T G.711
// table 2: half the size, with the noise 38 dB below the speech.
func (w Wave) EncodeULaw() []byte { return w.encode(muLaw) }

func (w Wave) encode(c coding) []byte {
	info := encodeTags(w.Tags)
	dataBytes := int(c.sampleBytes) * len(w.Samples)
	padding := dataBytes % 2 // chunks begin at even offsets
	out := make([]byte, 0, headerBytes+dataBytes+padding+len(info))
	le := binary.LittleEndian
	out = append(out, "RIFF"...)
	out = le.AppendUint32(out, uint32(headerBytes-8+dataBytes+padding+len(info)))
	out = append(out, "WAVEfmt "...)
	out = le.AppendUint32(out, 16) // size of what follows
	out = le.AppendUint16(out, c.tag)
	out = le.AppendUint16(out, 1) // channels
	out = le.AppendUint32(out, uint32(w.RateHz))
	out = le.AppendUint32(out, uint32(int(c.sampleBytes)*w.RateHz)) // bytes per second
	out = le.AppendUint16(out, c.sampleBytes)
	out = le.AppendUint16(out, 8*c.sampleBytes) // bits per sample
	out = append(out, "data"...)
	out = le.AppendUint32(out, uint32(dataBytes))
	for _, s := range w.Samples {
		if c == muLaw {
			out = append(out, compress(quantize(s)))
			continue
		}
		out = le.AppendUint16(out, uint16(quantize(s)))
	}
	out = append(out, make([]byte, padding)...)
	return append(out, info...)
}

// quantize rounds a sample to 16 bits.
func quantize(s float64) int16 {
	return int16(min(max(math.Round(s*32768), math.MinInt16), math.MaxInt16))
}

func encodeTags(tags []Tag) []byte {
	if len(tags) == 0 {
		return nil
	}
	list := []byte("INFO")
	for _, t := range tags {
		text := append([]byte(t.Text), 0)
		list = append(list, t.ID...)
		list = binary.LittleEndian.AppendUint32(list, uint32(len(text)))
		list = append(list, text...)
		if len(text)%2 != 0 {
			list = append(list, 0) // chunks begin at even offsets
		}
	}
	out := binary.LittleEndian.AppendUint32([]byte("LIST"), uint32(len(list)))
	return append(out, list...)
}

// Decode reads what Encode and EncodeULaw write, with the tags; other chunks
// are passed over. The error wraps ErrFormat for any other file, and says what is wrong
// with one that ends too early.
func Decode(file []byte) (Wave, error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return Wave{}, fmt.Errorf("wave: no RIFF header: %w", ErrFormat)
	}
	var w Wave
	var c coding
	hasData := false
	for rest := file[12:]; len(rest) > 0; {
		id, chunk, tail, err := cutChunk(rest)
		if err != nil {
			return Wave{}, err
		}
		switch id {
		case "fmt ":
			if c, w.RateHz, err = decodeFormat(chunk); err != nil {
				return Wave{}, err
			}
		case "data":
			w.Samples, hasData = decodeSamples(chunk, c), true
		case "LIST":
			if w.Tags, err = decodeTags(chunk); err != nil {
				return Wave{}, err
			}
		}
		rest = tail
	}
	if w.RateHz == 0 || !hasData {
		return Wave{}, fmt.Errorf("wave: fmt or data is missing: %w", ErrFormat)
	}
	return w, nil
}

// cutChunk splits one RIFF chunk off, with its padding byte.
func cutChunk(b []byte) (id string, chunk, rest []byte, err error) {
	if len(b) < 8 {
		return "", nil, nil, fmt.Errorf("wave: chunk header: %d bytes left: %w", len(b), ErrFormat)
	}
	size := int64(binary.LittleEndian.Uint32(b[4:]))
	if size > int64(len(b)-8) {
		return "", nil, nil, fmt.Errorf("wave: chunk %q: %d bytes, %d left: %w", b[:4], size, len(b)-8, ErrFormat)
	}
	end := 8 + int(size)
	return string(b[:4]), b[8:end], b[min(end+end%2, len(b)):], nil
}

func decodeFormat(chunk []byte) (c coding, rateHz int, err error) {
	le := binary.LittleEndian
	if len(chunk) < 16 {
		return c, 0, fmt.Errorf("wave: fmt of %d bytes: %w", len(chunk), ErrFormat)
	}
	tag, channels, bits := le.Uint16(chunk), le.Uint16(chunk[2:]), le.Uint16(chunk[14:])
	rateHz = int(le.Uint32(chunk[4:]))
	c = coding{tag, bits / 8}
	if c != linear && c != muLaw || channels != 1 || bits%8 != 0 || rateHz == 0 {
		return c, 0, fmt.Errorf("wave: format %d, %d channels, %d bits, %d Hz: %w", tag, channels, bits, rateHz, ErrFormat)
	}
	return c, rateHz, nil
}

func decodeSamples(chunk []byte, c coding) []float64 {
	if c == muLaw {
		samples := make([]float64, len(chunk))
		for i, b := range chunk {
			samples[i] = float64(expand(b)) / 32768
		}
		return samples
	}
	samples := make([]float64, len(chunk)/2)
	for i := range samples {
		samples[i] = float64(int16(binary.LittleEndian.Uint16(chunk[2*i:]))) / 32768
	}
	return samples
}

func decodeTags(list []byte) ([]Tag, error) {
	rest, ok := bytes.CutPrefix(list, []byte("INFO"))
	if !ok {
		return nil, nil // a list of something else
	}
	var tags []Tag
	for len(rest) > 0 {
		id, text, tail, err := cutChunk(rest)
		if err != nil {
			return nil, err
		}
		tags = append(tags, Tag{ID: id, Text: string(bytes.TrimRight(text, "\x00"))})
		rest = tail
	}
	return tags, nil
}
