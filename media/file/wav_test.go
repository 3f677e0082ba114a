package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/g711"
	"github.com/tandemswitch/tandem/media/mediatest"
)

func codecs() []media.Codec { return []media.Codec{g711.PCMU(), g711.PCMA()} }

// chunkOf builds one RIFF chunk.
func chunkOf(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func fmtChunk(tag uint16, channels, rateHz, bits int, extra ...byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, tag)
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rateHz))
	b = binary.LittleEndian.AppendUint32(b, uint32(rateHz*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	return chunkOf("fmt ", append(b, extra...))
}

func wavFile(chunks ...[]byte) []byte {
	body := slices.Concat(chunks...)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(body)))
	return append(append(b, "WAVE"...), body...)
}

// extensible is what follows the 16 bytes of a PCM fmt chunk: the sub-format
// is the tag and the rest of a GUID.
func extensible(tag uint16) []byte {
	b := []byte{22, 0, 16, 0, 3, 0, 0, 0}
	b = binary.LittleEndian.AppendUint16(b, tag)
	return append(b, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
}

// encode makes the data of a WAV file out of samples.
func encode(samples []int16, each func(int16) []byte) []byte {
	var b []byte
	for _, s := range samples {
		b = append(b, each(s)...)
	}
	return b
}

func pcm16(s int16) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(s)) }

func decodeAll(b []byte, channel Channel) ([]int16, int, error) {
	d, err := newDecoder(bytes.NewReader(b), int64(len(b)), channel, codecs())
	if err != nil {
		return nil, 0, err
	}
	got, err := mediatest.ReadAll(decoderSource{d}, 333, 1<<22)
	return got, d.rateHz(), err
}

func TestWAVFormats(t *testing.T) {
	tone := mediatest.Tone(8000, 440, -15, 250*time.Millisecond)
	twice := func(each func(int16) []byte) func(int16) []byte {
		return func(s int16) []byte { return append(each(s), each(s)...) }
	}
	pcm8 := func(s int16) []byte { return []byte{byte(int(s)>>8 + 128)} }
	table := []struct {
		name   string
		format []byte
		each   func(int16) []byte
		snr    float64
	}{
		{"pcm 8", fmtChunk(1, 1, 8000, 8), pcm8, 25},
		{"pcm 16", fmtChunk(1, 1, 8000, 16), pcm16, math.Inf(1)},
		{"pcm 16 stereo", fmtChunk(1, 2, 8000, 16), twice(pcm16), math.Inf(1)},
		{"pcm 24", fmtChunk(1, 1, 8000, 24), func(s int16) []byte { return append([]byte{0x55}, pcm16(s)...) }, math.Inf(1)},
		{"pcm 32", fmtChunk(1, 1, 8000, 32), func(s int16) []byte { return append([]byte{1, 2}, pcm16(s)...) }, math.Inf(1)},
		{"float", fmtChunk(3, 1, 8000, 32), func(s int16) []byte {
			return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(s)/32768))
		}, math.Inf(1)},
		{"A-law", fmtChunk(6, 1, 8000, 8), func(s int16) []byte { return []byte{g711.EncodeALaw(s)} }, 33},
		{"µ-law stereo", fmtChunk(7, 2, 8000, 8), twice(func(s int16) []byte { return []byte{g711.EncodeULaw(s)} }), 33},
		{"extensible pcm", fmtChunk(tagExtensible, 1, 8000, 16, extensible(1)...), pcm16, math.Inf(1)},
		{"extensible A-law", fmtChunk(tagExtensible, 1, 8000, 8, extensible(6)...), func(s int16) []byte { return []byte{g711.EncodeALaw(s)} }, 33},
		{"fmt of 18 bytes", fmtChunk(1, 1, 8000, 16, 0, 0), pcm16, math.Inf(1)},
	}
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			data := encode(tone, tt.each)
			file := wavFile(chunkOf("LIST", []byte("odd")), tt.format, chunkOf("fact", make([]byte, 4)), chunkOf("data", data), chunkOf("LIST", []byte("behind")))
			got, rate, err := decodeAll(file, Mix)
			if err != nil || rate != 8000 || len(got) != len(tone) {
				t.Fatalf("%d samples at %d Hz, %v", len(got), rate, err)
			}
			if snr := mediatest.SNR(tone, got); snr < tt.snr {
				t.Errorf("SNR %.1f dB, want %.1f", snr, tt.snr)
			}
		})
	}
}

func TestWAVChannels(t *testing.T) {
	file := mediatest.EncodeWAV(mediatest.WAV{RateHz: 16000, Channels: [][]int16{{100, -32768}, {301, -32768}}})
	for channel, want := range map[Channel][]int16{Mix: {200, -32768}, Left: {100, -32768}, Right: {301, -32768}} {
		got, rate, err := decodeAll(file, channel)
		if err != nil || rate != 16000 || !slices.Equal(got, want) {
			t.Errorf("channel %d: %v at %d Hz, %v, want %v", channel, got, rate, err, want)
		}
	}
	mono := mediatest.EncodeWAV(mediatest.WAV{RateHz: 8000, Channels: [][]int16{{7, 8}}})
	if got, _, err := decodeAll(mono, Right); err != nil || !slices.Equal(got, []int16{7, 8}) {
		t.Errorf("the right channel of a mono file: %v, %v", got, err)
	}
}

// TestWAVOfACrash: sizes that were never written are read as far as the file
// goes.
func TestWAVOfACrash(t *testing.T) {
	whole := mediatest.EncodeWAV(mediatest.WAV{RateHz: 8000, Channels: [][]int16{{1, 2, 3}}})
	for _, size := range []uint32{0, math.MaxUint32, 1000} {
		b := slices.Clone(whole)
		binary.LittleEndian.PutUint32(b[40:], size)
		if got, _, err := decodeAll(b, Mix); err != nil || !slices.Equal(got, []int16{1, 2, 3}) {
			t.Errorf("data size %d: %v, %v", size, got, err)
		}
	}
	if got, _, err := decodeAll(whole[:len(whole)-1], Mix); err != nil || !slices.Equal(got, []int16{1, 2}) {
		t.Errorf("cut in a sample: %v, %v", got, err)
	}
}

func TestBadFilesSayWhatIsWrong(t *testing.T) {
	data := chunkOf("data", make([]byte, 4))
	table := map[string]struct {
		file []byte
		want string
	}{
		"empty":           {nil, "empty"},
		"text":            {[]byte(strings.Repeat("hello world ", 100)), "neither WAV nor MP3"},
		"headers only":    {wavFile(fmtChunk(1, 1, 8000, 16)), "before its data"},
		"cut chunk":       {wavFile([]byte("LIST\xff\xff\x00\x00abc")), "before its data"},
		"no fmt":          {wavFile(data), "before the fmt"},
		"short fmt":       {wavFile(chunkOf("fmt ", make([]byte, 14)), data), "14 bytes"},
		"cut fmt":         {wavFile([]byte("fmt \x10\x00\x00\x00\x01")), "fmt chunk"},
		"ADPCM":           {wavFile(fmtChunk(0x11, 1, 8000, 8), data), "0x0011"},
		"12 bits":         {wavFile(fmtChunk(1, 1, 8000, 12), data), "12 bits"},
		"no channel":      {wavFile(fmtChunk(1, 0, 8000, 16), data), "0 channels"},
		"many channels":   {wavFile(fmtChunk(1, 9, 8000, 16), data), "9 channels"},
		"no rate":         {wavFile(fmtChunk(1, 1, 0, 16), data), "0 Hz"},
		"short extension": {wavFile(fmtChunk(tagExtensible, 1, 8000, 16), data), "extensible"},
		"ID3 alone":       {[]byte("ID3\x04\x00\x00\x00\x00\x01\x00ab"), "ID3"},
	}
	for name, tt := range table {
		_, _, err := decodeAll(tt.file, Mix)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	law := wavFile(fmtChunk(6, 1, 8000, 8), data)
	if _, err := newDecoder(bytes.NewReader(law), int64(len(law)), Mix, nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "PCMA") {
		t.Errorf("A-law without a codec: %v", err)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(mediatest.EncodeWAV(mediatest.WAV{RateHz: 8000, Channels: [][]int16{{1, 2, 3}}}))
	f.Add(wavFile(fmtChunk(tagExtensible, 2, 44100, 8, extensible(7)...), chunkOf("data", make([]byte, 9))))
	f.Add(readTestdata(f, "mono16k.mp3")[:1500])
	f.Add(readTestdata(f, "stereo44k-id3.mp3")[:1500])
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := newDecoder(bytes.NewReader(b), int64(len(b)), Mix, codecs())
		if err != nil {
			return
		}
		if d.rateHz() < minRateHz || d.rateHz() > maxRateHz {
			t.Fatalf("rate %d", d.rateHz())
		}
		p := make([]int16, 1000)
		for range 50 {
			n, err := d.read(p)
			if n < 0 || n > len(p) || (n < len(p) && err == nil) {
				t.Fatalf("read = %d, %v", n, err)
			}
			if err != nil {
				return
			}
		}
	})
}

var errDisk = errors.New("disk error")

// brokenReader fails after some bytes.
type brokenReader struct {
	r io.Reader
}

func (b *brokenReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = errDisk
	}
	return n, err
}

func TestDiskErrorsAreNoFormatErrors(t *testing.T) {
	whole := mediatest.EncodeWAV(mediatest.WAV{RateHz: 8000, Channels: [][]int16{make([]int16, 1000)}})
	for n := range 60 {
		d, err := newDecoder(&brokenReader{bytes.NewReader(whole[:n])}, int64(len(whole)), Mix, nil)
		if err == nil {
			_, err = d.read(make([]int16, 1000))
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("disk error after %d bytes: %v", n, err)
		}
	}
}
