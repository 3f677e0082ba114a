package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"time"
)

// toneAmplitude is −6 dB of full scale, which makes a sine of −9 dBov: loud, and
// far from clipping in any codec.
const toneAmplitude = 0.5

// Tone returns a sine of hz at −9 dBov.
func Tone(hz, rateHz int, length time.Duration) Recording {
	samples := make([]int16, int(length*time.Duration(rateHz)/time.Second))
	for i := range samples {
		phase := 2 * math.Pi * float64(hz) * float64(i) / float64(rateHz)
		samples[i] = int16(math.Round(toneAmplitude * 32767 * math.Sin(phase)))
	}
	return Recording{RateHz: rateHz, Samples: samples}
}

// WriteWAV writes the recording as a mono file of 16-bit PCM, which replaces
// one that is there.
func WriteWAV(path string, r Recording) error {
	bytes := 2 * len(r.Samples)
	b := make([]byte, 0, 44+bytes)
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(36+bytes))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, formatPCM)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, uint32(r.RateHz))
	b = le.AppendUint32(b, uint32(2*r.RateHz))
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(bytes))
	for _, s := range r.Samples {
		b = le.AppendUint16(b, uint16(s))
	}
	return os.WriteFile(path, b, 0o644)
}

const formatPCM = 1

// ReadWAV reads a mono file of 16-bit PCM. A data chunk that says it is longer
// than the file, or of length 0 because its writer never came back to it, is read to the
// end of the file: a phone that was ended leaves such files.
func ReadWAV(path string) (Recording, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Recording{}, err
	}
	r, err := parseWAV(b)
	if err != nil {
		return Recording{}, fmt.Errorf("sound: %q: %w", path, err)
	}
	return r, nil
}

func parseWAV(b []byte) (Recording, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return Recording{}, errors.New("no RIFF WAVE header")
	}
	le := binary.LittleEndian
	rateHz := 0
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int(le.Uint32(b[4:]))
		body := b[8:]
		switch id {
		case "fmt ":
			if len(body) < 16 || size < 16 {
				return Recording{}, errors.New("fmt chunk is cut short")
			}
			format, channels, bits := le.Uint16(body), le.Uint16(body[2:]), le.Uint16(body[14:])
			if format != formatPCM || channels != 1 || bits != 16 {
				return Recording{}, fmt.Errorf("format %d with %d channels of %d bits, want mono PCM of 16", format, channels, bits)
			}
			rateHz = int(le.Uint32(body[4:]))
		case "data":
			if rateHz == 0 {
				return Recording{}, errors.New("data chunk before fmt chunk")
			}
			if size == 0 || size > len(body) {
				size = len(body)
			}
			return Recording{RateHz: rateHz, Samples: samples(body[:size])}, nil
		}
		size += size & 1 // chunks are padded to even lengths
		if size > len(body) {
			break
		}
		b = body[size:]
	}
	return Recording{}, errors.New("no data chunk")
}

func samples(b []byte) []int16 {
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return s
}
