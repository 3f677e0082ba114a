package sound

import "testing"

// The values are those of ITU-T G.711, tables 1 and 2, scaled to 16 bits.
func TestG711Values(t *testing.T) {
	for b, want := range map[byte]int16{0xff: 0, 0x7f: 0, 0x80: 32124, 0x00: -32124, 0xfe: 8, 0x7e: -8, 0x8f: 16764} {
		if got := MuLaw(b); got != want {
			t.Errorf("MuLaw(%#x) = %d, want %d", b, got, want)
		}
	}
	for b, want := range map[byte]int16{0xd5: 8, 0x55: -8, 0xaa: 32256, 0x2a: -32256, 0xd4: 24, 0xc5: 264} {
		if got := ALaw(b); got != want {
			t.Errorf("ALaw(%#x) = %d, want %d", b, got, want)
		}
	}
}
