// Package g711 is the codec of ITU-T G.711: µ-law (PCMU) and A-law (PCMA),
// from and to 16-bit linear samples, and between the two laws directly.
//
// It is table-driven, stateless and bit-exact; it starts no goroutine. One
// payload byte is one sample (RFC 3551 §4.5.14).
package g711

import (
	"fmt"
	"io"
	"strings"

	"github.com/tandemswitch/tandem/media"
)

// Bytes that carry silence: the codes of the smallest positive values.
const (
	SilenceULaw = 0xff
	SilenceALaw = 0xd5
)

// law is one of the two codecs; all fields are read-only.
type law struct {
	format media.Format
	shift  uint   // makes the index into code out of a sample
	code   []byte // by the upper bits of a sample
	linear *[256]int16
}

// PCMU returns the µ-law codec: payload type 0, 8000 Hz (RFC 3551 §6).
func PCMU() media.Codec {
	return &law{
		format: media.Format{Name: media.PCMU, PayloadType: 0, ClockHz: 8000, Channels: 1},
		shift:  ulawShift, code: ulawCode[:], linear: &ulawLinear,
	}
}

// PCMA returns the A-law codec: payload type 8, 8000 Hz (RFC 3551 §6).
func PCMA() media.Codec {
	return &law{
		format: media.Format{Name: media.PCMA, PayloadType: 8, ClockHz: 8000, Channels: 1},
		shift:  alawShift, code: alawCode[:], linear: &alawLinear,
	}
}

// Format implements media.Codec.
func (l *law) Format() media.Format { return l.format }

// NewEncoder implements media.Codec. Any clock rate will do; more than one
// channel is refused.
func (l *law) NewEncoder(f media.Format) (media.Encoder, error) { return l, l.check(f) }

// NewDecoder implements media.Codec, with the same rules as NewEncoder.
func (l *law) NewDecoder(f media.Format) (media.Decoder, error) { return l, l.check(f) }

func (l *law) check(f media.Format) error {
	if !strings.EqualFold(f.Name, l.format.Name) || f.Channels > 1 {
		return fmt.Errorf("g711: format %v is not %v", f, l.format)
	}
	return nil
}

// Encode implements media.Encoder.
func (l *law) Encode(dst []byte, pcm []int16) (int, error) {
	if len(dst) < len(pcm) {
		return 0, io.ErrShortBuffer
	}
	dst = dst[:len(pcm)]
	for i, s := range pcm {
		dst[i] = l.code[uint16(s)>>l.shift]
	}
	return len(pcm), nil
}

// Decode implements media.Decoder.
func (l *law) Decode(dst []int16, payload []byte) (int, error) {
	if len(dst) < len(payload) {
		return 0, io.ErrShortBuffer
	}
	dst = dst[:len(payload)]
	for i, c := range payload {
		dst[i] = l.linear[c]
	}
	return len(payload), nil
}

// EncodeULaw returns the µ-law code of one sample.
func EncodeULaw(sample int16) byte { return ulawCode[uint16(sample)>>ulawShift] }

// EncodeALaw returns the A-law code of one sample.
func EncodeALaw(sample int16) byte { return alawCode[uint16(sample)>>alawShift] }

// DecodeULaw returns the sample of one µ-law code.
func DecodeULaw(code byte) int16 { return ulawLinear[code] }

// DecodeALaw returns the sample of one A-law code.
func DecodeALaw(code byte) int16 { return alawLinear[code] }
