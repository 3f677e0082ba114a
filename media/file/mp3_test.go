package file

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

// The MP3 files in testdata were made with ffmpeg and libmp3lame from sines of
// −18 dB: 1 s of 440 Hz at 16 kHz mono, half a second of 1000 Hz at 44.1 kHz stereo
// with an ID3v2 tag, and 300 ms of 440 Hz at 8 kHz, which is MPEG-2.5.

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkMP3(t *testing.T, name string, b []byte, rate int, hz float64, want time.Duration) {
	t.Helper()
	got, gotRate, err := decodeAll(b, Mix)
	if err != nil || gotRate != rate {
		t.Errorf("%s: %d Hz, %v", name, gotRate, err)
		return
	}
	if h := mediatest.Hear(got, rate, hz); h.Heard < want-60*time.Millisecond || h.LongestGap > 0 {
		t.Errorf("%s: %v", name, h)
	}
}

func TestMP3(t *testing.T) {
	mono, stereo := readTestdata(t, "mono16k.mp3"), readTestdata(t, "stereo44k-id3.mp3")
	checkMP3(t, "mono", mono, 16000, 440, time.Second)
	checkMP3(t, "stereo with ID3v2", stereo, 44100, 1000, 500*time.Millisecond)
	junk := append([]byte("RIFX\xff\xfbjunk\xff\xf3\x44\x00"), make([]byte, 5000)...)
	checkMP3(t, "leading junk", slices.Concat(junk, mono[45:]), 16000, 440, time.Second)
	checkMP3(t, "two ID3v2 tags", slices.Concat(stereo[:10+tagSize(stereo)], stereo), 44100, 1000, 500*time.Millisecond)
	trailer := make([]byte, 128)
	copy(trailer, "TAGtitle")
	checkMP3(t, "ID3v1 behind", slices.Concat(mono, trailer), 16000, 440, time.Second)
	checkMP3(t, "cut", mono[:len(mono)/2+7], 16000, 440, 400*time.Millisecond)
}

func tagSize(b []byte) int {
	return int(b[6])<<21 | int(b[7])<<14 | int(b[8])<<7 | int(b[9])
}

func TestMP3Channels(t *testing.T) {
	b := readTestdata(t, "stereo44k-id3.mp3")
	left, _, _ := decodeAll(b, Left)
	right, _, _ := decodeAll(b, Right)
	mix, _, _ := decodeAll(b, Mix)
	if len(left) == 0 || len(left) != len(right) || len(left) != len(mix) {
		t.Errorf("%d, %d and %d samples", len(left), len(right), len(mix))
	}
}

func TestMPEG25IsRefusedClearly(t *testing.T) {
	_, _, err := decodeAll(readTestdata(t, "mpeg25.mp3"), Mix)
	if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "MPEG-2.5") {
		t.Errorf("%v", err)
	}
}

// TestDamagedMP3DoesNotPanic overwrites parts of a file.
func TestDamagedMP3DoesNotPanic(t *testing.T) {
	whole := readTestdata(t, "mono16k.mp3")
	for at := 0; at < len(whole)-20; at += 37 {
		for _, fill := range []byte{0, 0xff, 0xa5} {
			b := slices.Clone(whole)
			copy(b[at:], bytes.Repeat([]byte{fill}, 20))
			decodeAll(b, Mix) // an error or some sound: both are fine
		}
	}
}
