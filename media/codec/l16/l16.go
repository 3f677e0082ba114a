// Package l16 is the codec of RFC 3551 §4.5.11: 16-bit linear samples in
// network byte order. It is stateless and starts no goroutine.
package l16

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tandemswitch/tandem/media"
)

// ErrOddPayload is returned for a payload that does not hold whole samples of
// every channel.
var ErrOddPayload = errors.New("l16: payload length is not a multiple of the sample size")

// dynamicPayloadType is the usual type of rates without a static one: the
// first of the dynamic range (RFC 3551 §6).
const dynamicPayloadType = 96

type codec struct{ format media.Format }

// New returns the codec at clockHz with one or two channels. It has static
// payload types at 44100 Hz only: 10 with two channels, 11 with one
// (RFC 3551 §6). Two channels carry the same sound out; in, they are averaged.
func New(clockHz, channels int) media.Codec {
	f := media.Format{Name: media.L16, PayloadType: dynamicPayloadType, ClockHz: clockHz, Channels: max(channels, 1)}
	if clockHz == 44100 {
		f.PayloadType = uint8(12 - f.Channels)
	}
	return codec{f}
}

// Format implements media.Codec.
func (c codec) Format() media.Format { return c.format }

// NewEncoder implements media.Codec; the clock of f may differ from the
// codec's.
func (c codec) NewEncoder(f media.Format) (media.Encoder, error) { return newDirection(f) }

// NewDecoder implements media.Codec, with the same rules as NewEncoder.
func (c codec) NewDecoder(f media.Format) (media.Decoder, error) { return newDirection(f) }

type direction struct{ channels int }

func newDirection(f media.Format) (direction, error) {
	if !strings.EqualFold(f.Name, media.L16) || f.Channels > 2 {
		return direction{}, fmt.Errorf("l16: format %v is not L16 with one or two channels", f)
	}
	return direction{max(f.Channels, 1)}, nil
}

// Encode implements media.Encoder.
func (d direction) Encode(dst []byte, pcm []int16) (int, error) {
	if len(dst) < 2*d.channels*len(pcm) {
		return 0, io.ErrShortBuffer
	}
	n := 0
	for _, s := range pcm {
		for range d.channels {
			binary.BigEndian.PutUint16(dst[n:], uint16(s))
			n += 2
		}
	}
	return n, nil
}

// Decode implements media.Decoder. Besides io.ErrShortBuffer it returns
// ErrOddPayload.
func (d direction) Decode(dst []int16, payload []byte) (int, error) {
	frame := 2 * d.channels
	if len(payload)%frame != 0 {
		return 0, ErrOddPayload
	}
	n := len(payload) / frame
	if len(dst) < n {
		return 0, io.ErrShortBuffer
	}
	if d.channels == 2 {
		for i := range n {
			left := int16(binary.BigEndian.Uint16(payload[4*i:]))
			right := int16(binary.BigEndian.Uint16(payload[4*i+2:]))
			dst[i] = int16((int(left) + int(right)) >> 1)
		}
		return n, nil
	}
	for i := range n {
		dst[i] = int16(binary.BigEndian.Uint16(payload[2*i:]))
	}
	return n, nil
}
