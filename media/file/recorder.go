package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
)

const (
	// headerEvery is how old the sizes in the header of a growing file may get.
	// What a crash leaves behind is playable up to them.
	headerEvery = time.Second
	// recordBuffer bridges what a disk may take to write.
	recordBuffer = 4 * time.Second
	// recordChunk is how much is written at a time, at least, unless a header is
	// due.
	recordChunk = 200 * time.Millisecond
	// chunkSamples is how much is written at a time at most: 200 ms of stereo at
	// 8000 Hz fit.
	chunkSamples = 4096
	// headerBytes of a PCM WAV file.
	headerBytes = 44
	// maxDataBytes is what the 32-bit sizes of a WAV file can say.
	maxDataBytes = math.MaxUint32 - headerBytes
)

// ErrTooLong ends a recording that has reached the 4 GB of a WAV file.
var ErrTooLong = errors.New("file: recording reached 4 GB")

// File is what a Recorder writes to; *os.File is one.
type File interface {
	io.WriterAt
	io.Closer
}

// RecorderConfig of a Recorder.
type RecorderConfig struct {
	// Path of the new file. Missing folders are made, an old file is replaced.
	Path   string
	RateHz int
	// Stereo puts what the far end said on the left and what it heard on the
	// right; otherwise both are added.
	Stereo bool
	// OnError hears, once, why the recording cannot go on: a full disk, say. It
	// is called by the recorder's goroutine and may be nil.
	OnError func(error)
	// Create makes the file; os.Create with folders if nil.
	Create func(path string) (File, error)
}

// Recording is what became of a recording.
type Recording struct {
	Path     string
	Duration time.Duration // in the file
	Bytes    int64         // of the file, header included
	Dropped  time.Duration // that the disk was too slow or too full for
	Err      error         // what ended it early; nil if nothing did
}

// Recorder writes a WAV file of 16-bit PCM. It is a media.Sink: the shard's
// tick puts sound into a ring and never waits; a goroutine writes it. When the
// ring is full, sound is dropped and counted.
type Recorder struct {
	cfg      RecorderConfig
	channels int
	ring     *ring
	mixed    []int16 // scratch of Write
	wake     chan struct{}
	stop     chan struct{}
	stopping sync.Once
	wg       sync.WaitGroup
	dropped  atomic.Int64 // frames
	failed   atomic.Bool

	// Owned by the goroutine, and by everybody once it has ended.
	file    File
	written int64 // bytes of data in the file
	err     error
}

var _ media.Sink = (*Recorder)(nil)

// Record creates the file with its header and starts the goroutine that writes
// it. It blocks on the disk. Close ends both.
func Record(cfg RecorderConfig) (*Recorder, error) {
	if cfg.RateHz < minRateHz || cfg.RateHz > maxRateHz {
		return nil, fmt.Errorf("file: record %q: a rate of %d Hz", cfg.Path, cfg.RateHz)
	}
	if cfg.Create == nil {
		cfg.Create = createFile
	}
	r := &Recorder{
		cfg:      cfg,
		channels: 1,
		wake:     make(chan struct{}, 1),
		stop:     make(chan struct{}),
	}
	if cfg.Stereo {
		r.channels = 2
	}
	r.ring = newRing(r.channels * int(recordBuffer*time.Duration(cfg.RateHz)/time.Second))
	// A tick has 20 ms; 120 ms is the longest packet.
	r.mixed = make([]int16, r.channels*cfg.RateHz*120/1000)
	f, err := cfg.Create(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("file: record: %w", err)
	}
	r.file = f
	if err := r.writeHeader(); err != nil {
		f.Close()
		return nil, fmt.Errorf("file: record %q: %w", cfg.Path, err)
	}
	r.wg.Go(r.run)
	return r, nil
}

func createFile(path string) (File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err // not a nil *os.File in an interface
	}
	return f, nil
}

// RateHz implements media.Sink.
func (r *Recorder) RateHz() int { return r.cfg.RateHz }

// Write implements media.Sink. If one side is shorter, the rest of it counts
// as silence.
func (r *Recorder) Write(in, out []int16) {
	most := len(r.mixed) / r.channels
	for len(in) > 0 || len(out) > 0 {
		frames := min(max(len(in), len(out)), most)
		a, b := in[:min(frames, len(in))], out[:min(frames, len(out))]
		r.write(a, b, frames)
		in, out = in[len(a):], out[len(b):]
	}
}

func (r *Recorder) write(in, out []int16, frames int) {
	mixed := r.mixed[:frames*r.channels]
	// All or nothing, so that channels stay in step.
	if r.failed.Load() || r.ring.free() < len(mixed) {
		r.dropped.Add(int64(frames))
		return
	}
	clear(mixed)
	for i, v := range in {
		mixed[i*r.channels] = v
	}
	if r.channels == 2 {
		for i, v := range out {
			mixed[2*i+1] = v
		}
	} else {
		for i, v := range out {
			mixed[i] = int16(min(max(int(mixed[i])+int(v), math.MinInt16), math.MaxInt16))
		}
	}
	r.ring.put(mixed)
	if r.ring.len() >= r.channels*int(recordChunk*time.Duration(r.cfg.RateHz)/time.Second) {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// Close writes what is left and the final header, and waits for that. It
// returns what ended the recording early, if anything did; calling it again
// returns the same.
func (r *Recorder) Close() error {
	r.stopping.Do(func() { close(r.stop) })
	r.wg.Wait()
	return r.err
}

// Result tells what became of the recording. It closes it first.
func (r *Recorder) Result() Recording {
	err := r.Close()
	return Recording{
		Path:     r.cfg.Path,
		Duration: r.duration(r.written / int64(2*r.channels)),
		Bytes:    headerBytes + r.written,
		Dropped:  r.duration(r.dropped.Load()),
		Err:      err,
	}
}

func (r *Recorder) duration(frames int64) time.Duration {
	return time.Duration(frames) * time.Second / time.Duration(r.cfg.RateHz)
}

// run is the goroutine.
func (r *Recorder) run() {
	ticker := time.NewTicker(headerEvery)
	defer ticker.Stop()
	chunk := newChunk(chunkSamples)
	headed := int64(0) // bytes of data the header knows of
	for stopped := false; !stopped; {
		headerDue := false
		select {
		case <-r.wake:
		case <-ticker.C:
			headerDue = true
		case <-r.stop:
			stopped, headerDue = true, true
		}
		r.drain(chunk)
		if headerDue && headed != r.written {
			headed = r.written
			r.fail(r.writeHeader())
		}
	}
	r.fail(r.file.Close())
}

// chunk is room for one write.
type chunk struct {
	samples []int16
	bytes   []byte
}

func newChunk(samples int) *chunk {
	return &chunk{make([]int16, samples), make([]byte, 2*samples)}
}

// drain appends what waits to the file. After a failure it only empties the
// ring.
func (r *Recorder) drain(c *chunk) {
	for {
		n := r.ring.take(c.samples)
		if n == 0 {
			return
		}
		for i, v := range c.samples[:n] {
			binary.LittleEndian.PutUint16(c.bytes[2*i:], uint16(v))
		}
		r.append(c.bytes[:2*n])
	}
}

// append writes whole frames at the end of the file.
func (r *Recorder) append(b []byte) {
	frames := int64(len(b) / (2 * r.channels))
	if r.err != nil {
		r.dropped.Add(frames)
		return
	}
	if r.written+int64(len(b)) > maxDataBytes {
		r.dropped.Add(frames)
		r.fail(ErrTooLong)
		return
	}
	m, err := r.file.WriteAt(b, headerBytes+r.written)
	m -= m % (2 * r.channels) // whole frames only
	r.written += int64(m)
	if err != nil {
		r.dropped.Add(frames - int64(m/(2*r.channels)))
		r.fail(err)
	}
}

// fail ends the recording with the first error, and reports it.
func (r *Recorder) fail(err error) {
	if err == nil || r.err != nil {
		return
	}
	r.err = fmt.Errorf("file: record %q: %w", r.cfg.Path, err)
	r.failed.Store(true)
	if r.cfg.OnError != nil {
		r.cfg.OnError(r.err)
	}
}

// writeHeader writes the sizes as they are now.
func (r *Recorder) writeHeader() error {
	frameBytes := 2 * r.channels
	b := make([]byte, 0, headerBytes)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(headerBytes-8+r.written))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, tagPCM)
	b = binary.LittleEndian.AppendUint16(b, uint16(r.channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.cfg.RateHz))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.cfg.RateHz*frameBytes))
	b = binary.LittleEndian.AppendUint16(b, uint16(frameBytes))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(r.written))
	_, err := r.file.WriteAt(b, 0)
	return err
}
