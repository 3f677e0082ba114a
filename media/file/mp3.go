package file

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// mp3Decoder reads an MP3 file. The library below always yields two channels
// of 16 bits.
type mp3Decoder struct {
	d       *mp3.Decoder
	channel Channel
	raw     [4096]byte
}

// newMP3Decoder skips what stands before the first frame: tags and junk, which
// the library does not survive.
func newMP3Decoder(r *bufio.Reader, channel Channel) (*mp3Decoder, error) {
	if err := skipToFrame(r); err != nil {
		return nil, err
	}
	d := &mp3Decoder{channel: channel}
	err := recovered(func() (err error) {
		// The library must not see that r could seek: it would scan the whole file.
		d.d, err = mp3.NewDecoder(onlyReader{r})
		return err
	})
	if err != nil {
		return nil, badFormat("MP3: %v", err)
	}
	if hz := d.d.SampleRate(); hz < minRateHz || hz > maxRateHz {
		return nil, badFormat("MP3: a rate of %d Hz", hz)
	}
	return d, nil
}

type onlyReader struct{ io.Reader }

// recovered turns a panic of the library, which strange files cause, into an
// error.
func recovered(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("decoder failed: %v", v)
		}
	}()
	return f()
}

func (d *mp3Decoder) rateHz() int { return d.d.SampleRate() }

func (d *mp3Decoder) read(p []int16) (int, error) {
	n := 0
	for n < len(p) {
		want := min(4*(len(p)-n), len(d.raw))
		got := 0
		err := recovered(func() (err error) {
			got, err = io.ReadFull(d.d, d.raw[:want])
			return err
		})
		for b := d.raw[:got]; len(b) >= 4; b = b[4:] {
			p[n] = d.mono(b)
			n++
		}
		switch {
		case err == nil:
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return n, io.EOF // a file that was cut ends where it ends
		default:
			return n, badFormat("MP3: %v", err)
		}
	}
	return n, nil
}

func (d *mp3Decoder) mono(b []byte) int16 {
	left, right := int16(binary.LittleEndian.Uint16(b)), int16(binary.LittleEndian.Uint16(b[2:]))
	switch d.channel {
	case Left:
		return left
	case Right:
		return right
	}
	return int16((int(left) + int(right)) / 2)
}

// skipToFrame discards ID3v2 tags and then everything before the first frame
// header that is followed by another one.
func skipToFrame(r *bufio.Reader) error {
	for {
		head, err := r.Peek(10)
		if err != nil || string(head[:3]) != "ID3" {
			break
		}
		// ID3v2.4 §3.1: the size is 4 × 7 bits, without the header.
		size := int64(head[6]&0x7f)<<21 | int64(head[7]&0x7f)<<14 | int64(head[8]&0x7f)<<7 | int64(head[9]&0x7f)
		if _, err := io.CopyN(io.Discard, r, size+10); err != nil {
			return cutShort(err, "MP3: the file ends in its ID3 tag")
		}
	}
	b, err := r.Peek(sniffBytes)
	if err != nil && err != io.EOF {
		return err
	}
	oldFormat := false
	for i := 0; i+4 <= len(b); i++ {
		h, ok := parseMP3Header(b[i:])
		if !ok {
			continue
		}
		next := i + h.bytes
		if _, ok := mp3HeaderAt(b, next); !ok && !(err == io.EOF && next >= len(b)-4) {
			continue
		}
		if h.version25 {
			oldFormat = true
			break
		}
		_, err := r.Discard(i)
		return err
	}
	if oldFormat {
		return badFormat("MP3: MPEG-2.5 (8, 11.025 and 12 kHz) is not supported: convert it to WAV")
	}
	return badFormat("neither WAV nor MP3")
}

func mp3HeaderAt(b []byte, i int) (mp3Header, bool) {
	if i+4 > len(b) {
		return mp3Header{}, false
	}
	return parseMP3Header(b[i:])
}

// mp3Header is what a frame's four bytes say.
type mp3Header struct {
	bytes     int // of the frame
	version25 bool
}

// parseMP3Header reads a frame header of layer III (ISO/IEC 11172-3 §2.4.1.3,
// 13818-3 §2.4.1.3, and the MPEG-2.5 extension).
func parseMP3Header(b []byte) (mp3Header, bool) {
	if b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return mp3Header{}, false
	}
	version, layer := b[1]>>3&3, b[1]>>1&3 // 0: 2.5, 2: 2, 3: 1; 1: layer III
	rate, freq, padding := b[2]>>4, b[2]>>2&3, int(b[2]>>1&1)
	if version == 1 || layer != 1 || rate == 0 || rate == 15 || freq == 3 {
		return mp3Header{}, false
	}
	kbps := [2][15]int{
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	}
	hz := [3]int{44100, 48000, 32000}[freq]
	isMPEG1, slots := 0, 72 // bytes per frame = slots·bit rate/sample rate
	switch version {
	case 3:
		isMPEG1, slots = 1, 144
	case 2:
		hz /= 2
	case 0:
		hz /= 4
	}
	return mp3Header{
		bytes:     slots*1000*kbps[isMPEG1][rate]/hz + padding,
		version25: version == 0,
	}, true
}
