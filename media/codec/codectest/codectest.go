// Package codectest is the conformance suite that every media.Codec must
// pass. It is imported by tests only.
package codectest

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// Codec says what to expect of a codec under test.
type Codec struct {
	Codec media.Codec
	// MinSNR in dB of a 1 kHz tone at −15 dBov after encoding and decoding.
	MinSNR float64
	// Delay is how much later the decoded sound is (look-ahead); at most.
	Delay time.Duration
	// PTimes to be tried; 10, 20, 30 and 60 ms if empty.
	PTimes []time.Duration
	// BytesPerSecond of payload if constant; 0 is not checked.
	BytesPerSecond int
	// Stateful codecs depend on what they encoded before.
	Stateful bool
}

// maxPayloadBytes and maxSamples are enough for 120 ms of stereo L16 at 48 kHz.
const (
	maxSamples      = 48000 * 120 / 1000
	maxPayloadBytes = 4 * maxSamples
)

// Run runs the suite.
func Run(t *testing.T, c Codec) {
	if len(c.PTimes) == 0 {
		for _, ms := range []int{10, 20, 30, 60} {
			c.PTimes = append(c.PTimes, time.Duration(ms)*time.Millisecond)
		}
	}
	t.Run("Format", c.testFormat)
	t.Run("RoundTrip", c.testRoundTrip)
	t.Run("Silence", c.testSilence)
	t.Run("Lengths", c.testLengths)
	t.Run("ShortBuffers", c.testShortBuffers)
	t.Run("Garbage", c.testGarbage)
	t.Run("NoAllocation", c.testNoAllocation)
	t.Run("Independence", c.testIndependence)
	t.Run("Concurrency", c.testConcurrency)
}

func (c Codec) pair(t testing.TB) (media.Encoder, media.Decoder) {
	t.Helper()
	enc, err := c.Codec.NewEncoder(c.Codec.Format())
	if err != nil {
		t.Fatalf("NewEncoder: %v", err)
	}
	dec, err := c.Codec.NewDecoder(c.Codec.Format())
	if err != nil {
		t.Fatalf("NewDecoder: %v", err)
	}
	return enc, dec
}

func (c Codec) rate() int { return c.Codec.Format().SampleRateHz() }

// pass encodes and decodes pcm in packets of ptime.
func (c Codec) pass(t testing.TB, pcm []int16, ptime time.Duration) []int16 {
	t.Helper()
	enc, dec := c.pair(t)
	payload := make([]byte, maxPayloadBytes)
	samples := make([]int16, maxSamples)
	frame := mediatest.Samples(c.rate(), ptime)
	var out []int16
	for block := range slices.Chunk(pcm, frame) {
		if len(block) < frame {
			break
		}
		n, err := enc.Encode(payload, block)
		if err != nil {
			t.Fatalf("Encode: %v", err)
		}
		m, err := dec.Decode(samples, payload[:n])
		if err != nil {
			t.Fatalf("Decode: %v", err)
		}
		out = append(out, samples[:m]...)
	}
	return out
}

func (c Codec) testFormat(t *testing.T) {
	f := c.Codec.Format()
	if f.Name == "" || f.ClockHz <= 0 || f.Channels < 1 || f.PayloadType > 127 || !f.IsAudio() {
		t.Errorf("Format() = %+v", f)
	}
	other := f
	other.Name = "x-" + f.Name
	if _, err := c.Codec.NewEncoder(other); err == nil {
		t.Errorf("NewEncoder accepts %v", other)
	}
	if _, err := c.Codec.NewDecoder(other); err == nil {
		t.Errorf("NewDecoder accepts %v", other)
	}
}

func (c Codec) testRoundTrip(t *testing.T) {
	tone := mediatest.Tone(c.rate(), 1000, -15, 600*time.Millisecond)
	for _, ptime := range c.PTimes {
		got := c.pass(t, tone, ptime)
		mediatest.KeepOnFailure(t, "roundtrip", c.rate(), got)
		// The start is left out: codecs with state need a moment.
		steady := got[mediatest.Samples(c.rate(), 100*time.Millisecond):]
		if snr := mediatest.ToneSNR(steady, c.rate(), 1000); snr < c.MinSNR {
			t.Errorf("%v: SNR %.1f dB, want %.1f", ptime, snr, c.MinSNR)
		}
		d := mediatest.Compare(tone, got, c.rate(), c.Delay)
		if d.Correlation < 0.98 || d.LevelDB < -1 || d.LevelDB > 1 {
			t.Errorf("%v: %+v", ptime, d)
		}
	}
}

func (c Codec) testSilence(t *testing.T) {
	got := c.pass(t, make([]int16, c.rate()), c.PTimes[0])
	if level := mediatest.LevelDBov(got); level > -66 {
		t.Errorf("silence comes back with %.1f dBov", level)
	}
}

func (c Codec) testLengths(t *testing.T) {
	for _, ptime := range c.PTimes {
		enc, dec := c.pair(t)
		frame := mediatest.Samples(c.rate(), ptime)
		payload := make([]byte, maxPayloadBytes)
		n, err := enc.Encode(payload, mediatest.Tone(c.rate(), 700, -20, ptime))
		if err != nil {
			t.Fatal(err)
		}
		if want := int(ptime * time.Duration(c.BytesPerSecond) / time.Second); c.BytesPerSecond > 0 && n != want {
			t.Errorf("%v: payload of %d bytes, want %d", ptime, n, want)
		}
		if m, err := dec.Decode(make([]int16, maxSamples), payload[:n]); err != nil || m != frame {
			t.Errorf("%v: Decode = %d, %v, want %d samples", ptime, m, err, frame)
		}
	}
	enc, dec := c.pair(t)
	if n, err := enc.Encode(nil, nil); n != 0 || err != nil {
		t.Errorf("Encode of nothing = %d, %v", n, err)
	}
	if n, err := dec.Decode(nil, nil); n != 0 || err != nil {
		t.Errorf("Decode of nothing = %d, %v", n, err)
	}
}

func (c Codec) testShortBuffers(t *testing.T) {
	enc, dec := c.pair(t)
	pcm := mediatest.Tone(c.rate(), 700, -20, c.PTimes[0])
	payload := make([]byte, maxPayloadBytes)
	n, err := enc.Encode(payload, pcm)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enc.Encode(make([]byte, n-1), pcm); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("Encode into %d of %d bytes: %v, want ErrShortBuffer", n-1, n, err)
	}
	if _, err := dec.Decode(make([]int16, len(pcm)-1), payload[:n]); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("Decode into a short buffer: %v, want ErrShortBuffer", err)
	}
	// dst longer than needed is not touched beyond the payload.
	guard := make([]byte, n+4)
	copy(guard[n:], "keep")
	if _, err := enc.Encode(guard, pcm); err != nil || string(guard[n:]) != "keep" {
		t.Errorf("Encode wrote beyond its payload: %q, %v", guard[n:], err)
	}
}

// testGarbage feeds random payloads of every length: errors are fine, panics
// and impossible counts are not.
func (c Codec) testGarbage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(711, 722))
	_, dec := c.pair(t)
	dst := make([]int16, maxSamples)
	for length := range 700 {
		payload := make([]byte, length)
		for i := range payload {
			payload[i] = byte(rnd.Uint32())
		}
		if n, err := dec.Decode(dst, payload); n < 0 || n > len(dst) || (err != nil && n != 0) {
			t.Fatalf("Decode of %d random bytes = %d, %v", length, n, err)
		}
	}
	enc, _ := c.pair(t)
	pcm := mediatest.Tone(c.rate(), 700, -20, c.PTimes[0])
	for length := range len(pcm) {
		if n, err := enc.Encode(make([]byte, maxPayloadBytes), pcm[:length]); n < 0 || (err != nil && n != 0) {
			t.Fatalf("Encode of %d samples = %d, %v", length, n, err)
		}
	}
}

func (c Codec) testNoAllocation(t *testing.T) {
	enc, dec := c.pair(t)
	pcm := mediatest.Tone(c.rate(), 700, -20, 20*time.Millisecond)
	payload := make([]byte, maxPayloadBytes)
	samples := make([]int16, maxSamples)
	n := 0
	if got := testing.AllocsPerRun(200, func() { n, _ = enc.Encode(payload, pcm) }); got != 0 {
		t.Errorf("Encode allocates %v times", got)
	}
	if got := testing.AllocsPerRun(200, func() { dec.Decode(samples, payload[:n]) }); got != 0 {
		t.Errorf("Decode allocates %v times", got)
	}
	if got := testing.AllocsPerRun(200, func() { enc.Encode(payload[:1], pcm) }); got != 0 {
		t.Errorf("Encode into a short buffer allocates %v times", got)
	}
}

// testIndependence runs two streams through two pairs in turns; each must come
// out as if it were alone.
func (c Codec) testIndependence(t *testing.T) {
	frame := mediatest.Samples(c.rate(), 20*time.Millisecond)
	sounds := [2][]int16{
		mediatest.Tone(c.rate(), 700, -20, time.Second),
		mediatest.Noise(c.rate(), -30, time.Second, 3),
	}
	var alone, together [2][]int16
	var enc [2]media.Encoder
	var dec [2]media.Decoder
	for i, s := range sounds {
		alone[i] = c.pass(t, s, 20*time.Millisecond)
		enc[i], dec[i] = c.pair(t)
	}
	payload := make([]byte, maxPayloadBytes)
	samples := make([]int16, maxSamples)
	for at := 0; at+frame <= len(sounds[0]); at += frame {
		for i := range 2 {
			n, err := enc[i].Encode(payload, sounds[i][at:at+frame])
			if err != nil {
				t.Fatal(err)
			}
			m, err := dec[i].Decode(samples, payload[:n])
			if err != nil {
				t.Fatal(err)
			}
			together[i] = append(together[i], samples[:m]...)
		}
	}
	for i := range 2 {
		if !slices.Equal(alone[i], together[i]) {
			t.Errorf("stream %d differs when another one runs beside it", i)
		}
	}
	if !c.Stateful {
		whole := c.pass(t, sounds[1], 10*time.Millisecond)
		if !slices.Equal(whole, alone[1]) {
			t.Error("packet size changes the sound of a stateless codec")
		}
	}
}

// testConcurrency uses the factory from several goroutines; it says something
// under -race only.
func (c Codec) testConcurrency(t *testing.T) {
	var wg sync.WaitGroup
	tone := mediatest.Tone(c.rate(), 700, -20, 100*time.Millisecond)
	for range 4 {
		wg.Go(func() { c.pass(t, tone, 20*time.Millisecond) })
	}
	wg.Wait()
}

// Bench measures both directions of one 20 ms packet.
func Bench(b *testing.B, codec media.Codec) {
	c := Codec{Codec: codec}
	pcm := mediatest.Noise(c.rate(), -20, 20*time.Millisecond, 1)
	payload := make([]byte, maxPayloadBytes)
	samples := make([]int16, maxSamples)
	n := 0
	b.Run("Encode20ms", func(b *testing.B) {
		enc, _ := c.pair(b)
		b.ReportAllocs()
		for b.Loop() {
			n, _ = enc.Encode(payload, pcm)
		}
	})
	b.Run("Decode20ms", func(b *testing.B) {
		_, dec := c.pair(b)
		b.ReportAllocs()
		for b.Loop() {
			dec.Decode(samples, payload[:n])
		}
	})
}
