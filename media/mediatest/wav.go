package mediatest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The WAV code here is kept apart from media/file on purpose: tests must not
// judge a file with the code that wrote it. It knows 16-bit PCM only.

// WAV is a decoded file: one slice per channel.
type WAV struct {
	RateHz   int
	Channels [][]int16
}

// EncodeWAV returns the bytes of a 16-bit PCM WAV file. Channels must be of
// equal length.
func EncodeWAV(w WAV) []byte {
	samples := 0
	if len(w.Channels) > 0 {
		samples = len(w.Channels[0])
	}
	frameBytes := 2 * len(w.Channels)
	data := samples * frameBytes
	out := make([]byte, 0, 44+data)
	out = append(out, "RIFF"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(36+data))
	out = append(out, "WAVEfmt "...)
	out = binary.LittleEndian.AppendUint32(out, 16)
	out = binary.LittleEndian.AppendUint16(out, 1)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(w.Channels)))
	out = binary.LittleEndian.AppendUint32(out, uint32(w.RateHz))
	out = binary.LittleEndian.AppendUint32(out, uint32(w.RateHz*frameBytes))
	out = binary.LittleEndian.AppendUint16(out, uint16(frameBytes))
	out = binary.LittleEndian.AppendUint16(out, 16)
	out = append(out, "data"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(data))
	for i := range samples {
		for _, c := range w.Channels {
			out = binary.LittleEndian.AppendUint16(out, uint16(c[i]))
		}
	}
	return out
}

// DecodeWAV reads a 16-bit PCM WAV file strictly: sizes in the headers must
// not exceed the file.
func DecodeWAV(b []byte) (WAV, error) {
	var w WAV
	if len(b) < 12 || !bytes.Equal(b[:4], []byte("RIFF")) || !bytes.Equal(b[8:12], []byte("WAVE")) {
		return w, errors.New("mediatest: wav: no RIFF/WAVE header")
	}
	if size := int(binary.LittleEndian.Uint32(b[4:])); size+8 > len(b) {
		return w, fmt.Errorf("mediatest: wav: RIFF size %d in a file of %d bytes", size, len(b))
	}
	channels := 0
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		if size > len(b)-8 {
			return w, fmt.Errorf("mediatest: wav: chunk %q of %d bytes, %d left", id, size, len(b)-8)
		}
		body := b[8 : 8+size]
		switch id {
		case "fmt ":
			if size < 16 || binary.LittleEndian.Uint16(body) != 1 || binary.LittleEndian.Uint16(body[14:]) != 16 {
				return w, errors.New("mediatest: wav: not 16-bit PCM")
			}
			channels = int(binary.LittleEndian.Uint16(body[2:]))
			w.RateHz = int(binary.LittleEndian.Uint32(body[4:]))
		case "data":
			if channels == 0 {
				return w, errors.New("mediatest: wav: data before fmt")
			}
			w.Channels = make([][]int16, channels)
			for i := 0; i+1 < len(body); i += 2 {
				c := i / 2 % channels
				w.Channels[c] = append(w.Channels[c], int16(binary.LittleEndian.Uint16(body[i:])))
			}
			return w, nil
		}
		b = b[8+min(size+size&1, len(b)-8):]
	}
	return w, errors.New("mediatest: wav: no data chunk")
}

// ReadWAV reads a file with DecodeWAV.
func ReadWAV(path string) (WAV, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return WAV{}, err
	}
	return DecodeWAV(b)
}

// KeepOnFailure writes channels to t's artifact directory as name.wav when
// the test has failed at its end. It lasts where go test -artifacts says so.
func KeepOnFailure(t testing.TB, name string, rateHz int, channels ...[]int16) {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), name+".wav")
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		if err := os.WriteFile(path, EncodeWAV(WAV{rateHz, channels}), 0o600); err != nil {
			t.Log(err)
			return
		}
		t.Log("kept", path)
	})
}
