package dtmf

import (
	"errors"
	"testing"
)

func TestEventRoundTrip(t *testing.T) {
	table := []struct {
		wire []byte
		want Event
	}{
		{[]byte{1, 0x0a, 0x03, 0x20}, Event{Code: 1, Volume: 10, Duration: 800}},
		{[]byte{11, 0x80, 0xff, 0xff}, Event{Code: 11, End: true, Duration: 65535}},
		{[]byte{16, 0xbf, 0, 0}, Event{Code: 16, End: true, Volume: 63}},
	}
	for _, tt := range table {
		got, err := Parse(append(tt.wire, 9, 9))
		if err != nil || got != tt.want {
			t.Errorf("Parse(% x) = %+v, %v, want %+v", tt.wire, got, err, tt.want)
		}
		if wire := tt.want.Payload(); string(wire[:]) != string(tt.wire) {
			t.Errorf("Payload of %+v = % x, want % x", tt.want, wire, tt.wire)
		}
	}
	// The reserved bit is ignored by receivers (RFC 4733 §2.3.3).
	if e, _ := Parse([]byte{5, 0x4a, 0, 1}); e != (Event{Code: 5, Volume: 10, Duration: 1}) {
		t.Errorf("with reserved bit: %+v", e)
	}
	for n := range 4 {
		if _, err := Parse(make([]byte, n)); !errors.Is(err, ErrShortPayload) {
			t.Errorf("Parse of %d bytes: %v", n, err)
		}
	}
}

func TestCodesAndDigits(t *testing.T) {
	for digit, want := range map[byte]uint8{'0': 0, '9': 9, '*': 10, '#': 11, 'A': 12, 'd': 15, 'D': 15, 'F': 16} {
		if got, ok := Code(digit); !ok || got != want {
			t.Errorf("Code(%q) = %d, %v, want %d", digit, got, ok, want)
		}
	}
	for _, digit := range []byte("E+ wx\x00\xff") {
		if _, ok := Code(digit); ok {
			t.Errorf("Code(%q) is a digit", digit)
		}
	}
	for code := range 256 {
		digit, ok := Digit(uint8(code))
		if back, _ := Code(digit); ok != (code <= 16) || (ok && int(back) != code) {
			t.Errorf("Digit(%d) = %q, %v", code, digit, ok)
		}
	}
}
