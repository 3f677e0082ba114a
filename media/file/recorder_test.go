package file

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

// memFile is a File in memory. Its write number failAt fails, after having
// written half of its bytes, and all later ones fail if stuck.
type memFile struct {
	mu     sync.Mutex
	data   []byte
	writes int
	failAt int
	stuck  bool
	closed int
	after  func(image []byte) // called after each write
}

var errFull = errors.New("no space left on device")

func (f *memFile) WriteAt(p []byte, at int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	var err error
	if f.writes == f.failAt || f.stuck && f.failAt > 0 && f.writes > f.failAt {
		p, err = p[:len(p)/2], errFull
	}
	if grow := int(at) + len(p) - len(f.data); grow > 0 {
		f.data = append(f.data, make([]byte, grow)...)
	}
	copy(f.data[at:], p)
	if f.after != nil {
		f.after(f.data)
	}
	return len(p), err
}

func (f *memFile) Close() error {
	f.closed++
	return nil
}

func record(t testing.TB, cfg RecorderConfig, f *memFile) *Recorder {
	t.Helper()
	cfg.Path = "call.wav"
	cfg.RateHz = 8000
	cfg.Create = func(string) (File, error) { return f, nil }
	r, err := Record(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// talk feeds r with blocks of 20 ms, a tick each.
func talk(r *Recorder, in, out []int16) {
	for at := 0; at+160 <= len(in); at += 160 {
		r.Write(in[at:at+160], out[at:at+160])
		time.Sleep(20 * time.Millisecond)
	}
}

func sides(seconds int) (in, out []int16) {
	d := time.Duration(seconds) * time.Second
	return mediatest.Tone(8000, 440, -20, d), mediatest.Tone(8000, 880, -20, d)
}

func decodeWAV(t testing.TB, b []byte) mediatest.WAV {
	t.Helper()
	w, err := mediatest.DecodeWAV(b)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestRecorderStereo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &memFile{}
		r := record(t, RecorderConfig{Stereo: true}, f)
		in, out := sides(5)
		talk(r, in, out)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		w := decodeWAV(t, f.data)
		if w.RateHz != 8000 || len(w.Channels) != 2 || !slices.Equal(w.Channels[0], in) || !slices.Equal(w.Channels[1], out) {
			t.Errorf("%d Hz, %d channels, not what was said", w.RateHz, len(w.Channels))
		}
		want := Recording{Path: "call.wav", Duration: 5 * time.Second, Bytes: 44 + 4*40000}
		if got := r.Result(); got != want || len(f.data) != int(want.Bytes) {
			t.Errorf("Result = %+v, want %+v; %d bytes", got, want, len(f.data))
		}
		if err := r.Close(); err != nil || f.closed != 1 {
			t.Errorf("second Close: %v; the file was closed %d times", err, f.closed)
		}
	})
}

func TestRecorderMonoAdds(t *testing.T) {
	f := &memFile{}
	r := record(t, RecorderConfig{}, f)
	r.Write([]int16{1, 30000, -30000, 4}, []int16{10, 30000, -30000})
	r.Write(nil, []int16{7})
	r.Write(nil, nil)
	r.Close()
	want := []int16{11, math.MaxInt16, math.MinInt16, 4, 7}
	if w := decodeWAV(t, f.data); len(w.Channels) != 1 || !slices.Equal(w.Channels[0], want) {
		t.Errorf("recorded %v, want %v", w.Channels, want)
	}
}

func TestRecorderTakesLongBlocks(t *testing.T) {
	f := &memFile{}
	r := record(t, RecorderConfig{Stereo: true}, f)
	in, out := sides(1)
	r.Write(in, out[:5000])
	r.Close()
	w := decodeWAV(t, f.data)
	if !slices.Equal(w.Channels[0], in) || !slices.Equal(w.Channels[1][:5000], out[:5000]) || mediatest.LevelDBov(w.Channels[1][5000:]) != mediatest.SilenceDBov {
		t.Error("a block of a second was not recorded as it was")
	}
}

// TestRecorderCrash looks at the file after each single write: whenever the
// process dies, it is a strictly correct WAV file, at most a second behind.
func TestRecorderCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &memFile{}
		f.after = func(image []byte) {
			w, err := mediatest.DecodeWAV(bytes.Clone(image))
			if err != nil {
				t.Errorf("after %d writes: %v", f.writes, err)
				return
			}
			have := time.Duration(len(w.Channels[0])) * time.Second / 8000
			if behind := time.Since(start) - have; behind > 1300*time.Millisecond {
				t.Errorf("after %d writes the header is %v behind", f.writes, behind)
			}
		}
		r := record(t, RecorderConfig{}, f)
		in, out := sides(7)
		talk(r, in, out)
		r.Close()
		if f.writes < 35 {
			t.Errorf("only %d writes in 7 s", f.writes)
		}
	})
}

// TestRecorderOnAFailingDisk fails the n-th write, for every n: the error is
// reported once, what was written is playable, and all sound is accounted for.
func TestRecorderOnAFailingDisk(t *testing.T) {
	in, out := sides(3)
	for _, stuck := range []bool{false, true} {
		for n := 2; n < 25; n++ {
			synctest.Test(t, func(t *testing.T) {
				f := &memFile{failAt: n, stuck: stuck}
				var reports []error
				r := record(t, RecorderConfig{Stereo: true, OnError: func(err error) { reports = append(reports, err) }}, f)
				talk(r, in, out)
				err := r.Close()
				if f.writes < n {
					if err != nil {
						t.Errorf("n=%d: %v without a failure", n, err)
					}
					return
				}
				if !errors.Is(err, errFull) || len(reports) != 1 || !errors.Is(reports[0], errFull) {
					t.Errorf("n=%d: Close = %v, reports %v", n, err, reports)
				}
				got := r.Result()
				if got.Duration+got.Dropped != 3*time.Second || got.Err == nil {
					t.Errorf("n=%d: %+v does not add up to 3s", n, got)
				}
				if f.closed != 1 {
					t.Errorf("n=%d: closed %d times", n, f.closed)
				}
				// A header that was cut in half, and stays so, is beyond repair.
				w, err := mediatest.DecodeWAV(f.data)
				if err != nil {
					t.Errorf("n=%d, stuck=%v: %v", n, stuck, err)
					return
				}
				if m := len(w.Channels[0]); !slices.Equal(w.Channels[0], in[:m]) || !slices.Equal(w.Channels[1], out[:m]) {
					t.Errorf("n=%d: the %d samples in the file are not what was said", n, m)
				}
			})
		}
	}
}

func TestRecorderOnAStuckDiskDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &memFile{}
		f.after = func([]byte) {
			if f.writes == 5 {
				time.Sleep(10 * time.Second)
			}
		}
		r := record(t, RecorderConfig{}, f)
		in, out := sides(20)
		talk(r, in, out)
		r.Close()
		got := r.Result()
		if got.Err != nil || got.Dropped < 5*time.Second || got.Dropped > 7*time.Second || got.Duration+got.Dropped != 20*time.Second {
			t.Errorf("%+v", got)
		}
		if w := decodeWAV(t, f.data); len(w.Channels[0]) != int(got.Duration*8000/time.Second) {
			t.Errorf("%d samples in the file", len(w.Channels[0]))
		}
	})
}

func TestRecorderCreateErrors(t *testing.T) {
	for name, cfg := range map[string]RecorderConfig{
		"create": {Path: "x.wav", RateHz: 8000, Create: func(string) (File, error) { return nil, errFull }},
		"header": {Path: "x.wav", RateHz: 8000, Create: func(string) (File, error) { return &memFile{failAt: 1}, nil }},
		"rate":   {Path: "x.wav", RateHz: 1},
	} {
		if r, err := Record(cfg); err == nil || r != nil || !strings.HasPrefix(err.Error(), "file: record") {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestRecorderOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "2026", "11", "call.wav")
	r, err := Record(RecorderConfig{Path: path, RateHz: 16000})
	if err != nil {
		t.Fatal(err)
	}
	want := mediatest.Tone(16000, 440, -20, time.Second)
	r.Write(want, nil)
	got := r.Result()
	w, err := mediatest.ReadWAV(path)
	if err != nil || w.RateHz != 16000 || !slices.Equal(w.Channels[0], want) || got.Duration != time.Second {
		t.Errorf("%+v, %v", got, err)
	}
	l := newTestLibrary(t, Config{})
	clip, err := l.Load(t.Context(), os.DirFS(filepath.Dir(path)), "call.wav", 16000)
	if err != nil || !slices.Equal(clip.samples, want) {
		t.Errorf("read back: %v", err)
	}
	if _, err := Record(RecorderConfig{Path: filepath.Join(path, "x.wav"), RateHz: 8000}); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestRecorderEndsAtFourGigabytes(t *testing.T) {
	f := &memFile{}
	var reports []error
	r := &Recorder{
		cfg: RecorderConfig{RateHz: 8000, OnError: func(err error) { reports = append(reports, err) }}, channels: 1,
		ring: newRing(1000), file: f, written: maxDataBytes - 100,
	}
	r.ring.put(make([]int16, 51))
	r.drain(newChunk(1024))
	if len(reports) != 1 || !errors.Is(reports[0], ErrTooLong) || f.writes != 0 || r.dropped.Load() != 51 {
		t.Errorf("reports %v, %d writes, %d dropped", reports, f.writes, r.dropped.Load())
	}
}

func TestRecorderWriteAllocatesNothing(t *testing.T) {
	for _, stereo := range []bool{false, true} {
		t.Run(fmt.Sprint("stereo=", stereo), func(t *testing.T) {
			r := &Recorder{
				cfg: RecorderConfig{RateHz: 8000}, channels: 1, ring: newRing(64000),
				mixed: make([]int16, 1920), wake: make(chan struct{}, 1),
			}
			if stereo {
				r.channels = 2
			}
			block := make([]int16, 160)
			if got := testing.AllocsPerRun(500, func() { r.Write(block, block) }); got != 0 {
				t.Errorf("Write allocates %v times", got)
			}
			if r.dropped.Load() == 0 && stereo {
				t.Error("the ring never got full")
			}
		})
	}
}
