// Package dtmf turns digits into RFC 4733 telephone-event packets and back.
//
// It is pure: time, timestamps and packets are passed in. It starts no
// goroutine, reads no clock and allocates nothing per packet. Tones in the
// audio are not looked for here.
//
//	Queue("12#") ─► Sender ─ Next, once per ptime ─► packets
//	packets ─ Put ─► Receiver ─ Next ─► digits, each reported once
package dtmf

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// Errors of this package.
var (
	// ErrShortPayload is returned for a payload that holds no event.
	ErrShortPayload = errors.New("dtmf: payload shorter than 4 bytes")
	// ErrFull is returned when a Sender's queue has no room for all digits.
	ErrFull = errors.New("dtmf: too many digits wait")
)

// PayloadBytes is the length of one event (RFC 4733 §2.3).
const PayloadBytes = 4

// digits in the order of their event codes: 0–15 are RFC 4733 §3.2; 16 is the
// hook flash of RFC 2833, written F as in FreeSWITCH.
const digits = "0123456789*#ABCDF"

// Digit returns the digit of an event code; false for events that are none.
func Digit(event uint8) (byte, bool) {
	if int(event) >= len(digits) {
		return 0, false
	}
	return digits[event], true
}

// Code returns the event code of a digit: 0–9, *, #, A–D, F for hook flash;
// small letters are the same.
func Code(digit byte) (uint8, bool) {
	if digit >= 'a' && digit <= 'z' {
		digit -= 'a' - 'A'
	}
	i := strings.IndexByte(digits, digit)
	return uint8(max(i, 0)), i >= 0
}

// Event is one report of RFC 4733 §2.3.
type Event struct {
	Code     uint8
	End      bool
	Volume   uint8  // 0 to 63, in −dBm0
	Duration uint16 // so far, in units of the RTP timestamp
}

// Parse reads an event; bytes behind the fourth are ignored.
func Parse(payload []byte) (Event, error) {
	if len(payload) < PayloadBytes {
		return Event{}, ErrShortPayload
	}
	return Event{
		Code:     payload[0],
		End:      payload[1]&0x80 != 0,
		Volume:   payload[1] & 0x3f,
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, nil
}

// Payload returns the four bytes of e.
func (e Event) Payload() [PayloadBytes]byte {
	flags := e.Volume & 0x3f
	if e.End {
		flags |= 0x80
	}
	return [PayloadBytes]byte{e.Code, flags, byte(e.Duration >> 8), byte(e.Duration)}
}

// units is d in ticks of a clock.
func units(d time.Duration, clockHz int) uint32 {
	return uint32(d * time.Duration(clockHz) / time.Second)
}
