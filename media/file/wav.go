package file

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/tandemswitch/tandem/media"
)

// Format tags of WAVE files.
const (
	tagPCM        = 0x0001
	tagFloat      = 0x0003
	tagALaw       = 0x0006
	tagULaw       = 0x0007
	tagExtensible = 0xfffe // the tag proper is in the sub-format
)

// maxChannels is more than sound files for telephones have.
const maxChannels = 8

// wavFormat is the fmt chunk.
type wavFormat struct {
	tag        uint16
	channels   int
	rateHz     int
	blockBytes int // one sample of all channels
	bits       int
}

func isWAV(head []byte) bool {
	return len(head) >= 12 && (string(head[:4]) == "RIFF" || string(head[:4]) == "RF64") && string(head[8:12]) == "WAVE"
}

// wavDecoder reads the data chunk.
type wavDecoder struct {
	r       io.Reader
	format  wavFormat
	channel Channel
	sample  func([]byte) int // one sample of one channel, as 16 bits
	raw     []byte
}

// newWAVDecoder reads the headers up to the first sample. A data chunk that
// says 0, all ones or more than the file holds is read to the end of the file:
// that is what a crashed recorder leaves behind.
func newWAVDecoder(r io.Reader, size int64, channel Channel, codecs []media.Codec) (*wavDecoder, error) {
	if _, err := io.CopyN(io.Discard, r, 12); err != nil {
		return nil, err
	}
	at := int64(12)
	var format *wavFormat
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, cutShort(err, "the file ends before its data chunk")
		}
		at += 8
		id, length := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		if id == "data" {
			if format == nil {
				return nil, badFormat("the data chunk comes before the fmt chunk")
			}
			if rest := size - at; length == 0 || length == math.MaxUint32 || (size >= 0 && length > rest) {
				length = math.MaxInt64
			}
			return newWAVData(io.LimitReader(r, length), *format, channel, codecs)
		}
		padded := length + length&1
		if id == "fmt " {
			f, err := readFormat(r, length)
			if err != nil {
				return nil, err
			}
			format = &f
			padded -= min(length, maxFormatBytes)
		}
		if _, err := io.CopyN(io.Discard, r, padded); err != nil {
			return nil, cutShort(err, "the file ends before its data chunk")
		}
		at += length + length&1
	}
}

func cutShort(err error, problem string) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return badFormat("%s", problem)
	}
	return err
}

// maxFormatBytes is the length of an extensible fmt chunk, the longest there
// is.
const maxFormatBytes = 40

// readFormat reads at most maxFormatBytes of a fmt chunk of length bytes.
func readFormat(r io.Reader, length int64) (wavFormat, error) {
	if length < 16 {
		return wavFormat{}, badFormat("a fmt chunk of %d bytes", length)
	}
	b := make([]byte, min(length, maxFormatBytes))
	if _, err := io.ReadFull(r, b); err != nil {
		return wavFormat{}, cutShort(err, "the file ends in its fmt chunk")
	}
	f := wavFormat{
		tag:        binary.LittleEndian.Uint16(b),
		channels:   int(binary.LittleEndian.Uint16(b[2:])),
		rateHz:     int(binary.LittleEndian.Uint32(b[4:])),
		blockBytes: int(binary.LittleEndian.Uint16(b[12:])),
		bits:       int(binary.LittleEndian.Uint16(b[14:])),
	}
	if f.tag == tagExtensible {
		if len(b) < maxFormatBytes {
			return wavFormat{}, badFormat("an extensible fmt chunk of %d bytes", length)
		}
		f.tag = binary.LittleEndian.Uint16(b[24:])
	}
	switch {
	case f.channels < 1 || f.channels > maxChannels:
		return wavFormat{}, badFormat("%d channels", f.channels)
	case f.rateHz < minRateHz || f.rateHz > maxRateHz:
		return wavFormat{}, badFormat("a rate of %d Hz", f.rateHz)
	case f.bits%8 != 0 || f.blockBytes != f.channels*f.bits/8:
		return wavFormat{}, badFormat("%d bits in blocks of %d bytes for %d channels", f.bits, f.blockBytes, f.channels)
	}
	return f, nil
}

// Rates of files that are taken. Telephony needs 8000 to 48000.
const (
	minRateHz = 4000
	maxRateHz = 192000
)

func newWAVData(r io.Reader, f wavFormat, channel Channel, codecs []media.Codec) (*wavDecoder, error) {
	sample, err := sampleReader(f, codecs)
	if err != nil {
		return nil, err
	}
	return &wavDecoder{r: r, format: f, channel: channel, sample: sample, raw: make([]byte, 1024*f.blockBytes)}, nil
}

// sampleReader returns how one sample is read.
func sampleReader(f wavFormat, codecs []media.Codec) (func([]byte) int, error) {
	switch {
	case f.tag == tagPCM && f.bits == 8:
		return func(b []byte) int { return (int(b[0]) - 128) << 8 }, nil
	case f.tag == tagPCM && (f.bits == 16 || f.bits == 24 || f.bits == 32):
		high := f.bits/8 - 2 // the upper 16 bits are enough
		return func(b []byte) int { return int(int16(binary.LittleEndian.Uint16(b[high:]))) }, nil
	case f.tag == tagFloat && f.bits == 32:
		return func(b []byte) int {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) * 32768
			return int(min(max(v, math.MinInt16), math.MaxInt16)) // NaN becomes some int: harmless
		}, nil
	case f.tag == tagALaw && f.bits == 8:
		return codecTable(media.PCMA, codecs)
	case f.tag == tagULaw && f.bits == 8:
		return codecTable(media.PCMU, codecs)
	}
	return nil, badFormat("WAVE format %#04x with %d bits is not supported", f.tag, f.bits)
}

// codecTable decodes each of the 256 codes once.
func codecTable(name string, codecs []media.Codec) (func([]byte) int, error) {
	for _, c := range codecs {
		f := c.Format()
		if f.Name != name {
			continue
		}
		d, err := c.NewDecoder(f)
		if err != nil {
			return nil, err
		}
		var codes [256]byte
		for i := range codes {
			codes[i] = byte(i)
		}
		var table [256]int16
		if _, err := d.Decode(table[:], codes[:]); err != nil {
			return nil, err
		}
		return func(b []byte) int { return int(table[b[0]]) }, nil
	}
	return nil, badFormat("it holds %s, for which no codec was given", name)
}

func (d *wavDecoder) rateHz() int { return d.format.rateHz }

func (d *wavDecoder) read(p []int16) (int, error) {
	n := 0
	for n < len(p) {
		want := min((len(p)-n)*d.format.blockBytes, len(d.raw))
		got, err := io.ReadFull(d.r, d.raw[:want])
		for b := d.raw[:got]; len(b) >= d.format.blockBytes; b = b[d.format.blockBytes:] {
			p[n] = d.mono(b)
			n++
		}
		if err == io.ErrUnexpectedEOF {
			err = io.EOF // half a sample at the end is dropped
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// mono makes one sample out of a block.
func (d *wavDecoder) mono(block []byte) int16 {
	width := d.format.bits / 8
	if one := int(d.channel) - int(Left); one >= 0 && d.format.channels > 1 {
		return int16(d.sample(block[min(one, d.format.channels-1)*width:]))
	}
	sum := 0
	for c := range d.format.channels {
		sum += d.sample(block[c*width:])
	}
	return int16(sum / d.format.channels)
}
