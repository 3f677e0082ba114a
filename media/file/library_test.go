package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/resample"
)

func newTestLibrary(t testing.TB, cfg Config) *Library {
	t.Helper()
	var bank resample.Bank
	cfg.Resample, cfg.Codecs = bank.Source, codecs()
	l := NewLibrary(cfg)
	t.Cleanup(func() { l.Close() })
	return l
}

func wavOf(rate int, samples []int16) []byte {
	return mediatest.EncodeWAV(mediatest.WAV{RateHz: rate, Channels: [][]int16{samples}})
}

// countFS counts how often files are opened; opening may be held up.
type countFS struct {
	fs.FS
	opens *atomic.Int32
	gate  chan struct{} // nil: open
}

func newCountFS(files fs.FS) *countFS { return &countFS{FS: files, opens: new(atomic.Int32)} }

func (c *countFS) Open(name string) (fs.File, error) {
	c.opens.Add(1)
	if c.gate != nil {
		<-c.gate
	}
	return c.FS.Open(name)
}

// Stat keeps fs.Stat from opening.
func (c *countFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(c.FS, name) }

func open(t testing.TB, l *Library, fsys fs.FS, path string, o OpenOptions) media.Source {
	t.Helper()
	src, err := l.Open(t.Context(), fsys, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestLibraryPlaysAtAnyRate(t *testing.T) {
	l := newTestLibrary(t, Config{})
	files := os.DirFS("testdata")
	for _, rate := range []int{8000, 16000, 48000, 0} {
		src := open(t, l, files, "mono16k.mp3", OpenOptions{RateHz: rate})
		if rate == 0 {
			rate = 16000
		}
		if src.RateHz() != rate {
			t.Errorf("RateHz = %d, want %d", src.RateHz(), rate)
		}
		got, err := mediatest.ReadAll(src, rate/50, 10*rate)
		if h := mediatest.Hear(got, rate, 440); err != nil || h.Heard < 940*time.Millisecond {
			t.Errorf("%d Hz: %v, %v", rate, h, err)
		}
	}
}

func TestLibraryDecodesOnce(t *testing.T) {
	files := newCountFS(fstest.MapFS{"a.wav": {Data: wavOf(8000, make([]int16, 800))}})
	l := newTestLibrary(t, Config{})
	var wg sync.WaitGroup
	clips := make([]*Clip, 8)
	for i := range clips {
		wg.Go(func() {
			c, err := l.Load(t.Context(), files, "a.wav", 8000)
			if err != nil {
				t.Error(err)
			}
			clips[i] = c
		})
	}
	wg.Wait()
	for _, c := range clips {
		if c != clips[0] {
			t.Error("callers got different clips")
		}
	}
	if n := files.opens.Load(); n != 1 {
		t.Errorf("opened %d times", n)
	}
	if _, err := l.Load(t.Context(), files, "a.wav", 16000); err != nil {
		t.Error(err)
	}
	want := Stats{Hits: 7, Misses: 2, CacheBytes: 1600 + 3200, Clips: 2}
	if s := l.Stats(); s != want {
		t.Errorf("Stats = %+v, want %+v", s, want)
	}
}

func TestLibraryNoticesChangedFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "greeting.wav")
	write := func(samples int, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, wavOf(8000, make([]int16, samples)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	l := newTestLibrary(t, Config{})
	start := time.Unix(1_700_000_000, 0)
	for i, step := range []struct {
		samples int
		at      time.Time
		same    bool
	}{{100, start, false}, {100, start, true}, {200, start, false}, {200, start.Add(time.Second), false}} {
		write(step.samples, step.at)
		before := l.Stats().Misses
		c, err := l.Load(t.Context(), os.DirFS(dir), "greeting.wav", 8000)
		if err != nil || c.Len() != step.samples {
			t.Fatalf("step %d: %v", i, err)
		}
		if same := l.Stats().Misses == before; same != step.same {
			t.Errorf("step %d: from the cache: %v", i, same)
		}
	}
}

func TestLibraryCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), wavOf(8000, make([]int16, 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "huge"), wavOf(8000, make([]int16, 3000)), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newTestLibrary(t, Config{CacheBytes: 5000}) // room for two
	load := func(name string) {
		t.Helper()
		if _, err := l.Load(t.Context(), os.DirFS(dir), name, 8000); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b", "a", "c", "a", "huge", "b"} {
		load(name) // c pushes b out: a was used later; huge is not kept; b pushes c out
	}
	want := Stats{Hits: 2, Misses: 5, CacheBytes: 4000, Clips: 2}
	if s := l.Stats(); s != want {
		t.Errorf("Stats = %+v, want %+v", s, want)
	}
}

// TestLibraryUncacheableFS: a map cannot be part of a key.
func TestLibraryUncacheableFS(t *testing.T) {
	l := newTestLibrary(t, Config{})
	files := fstest.MapFS{"a.wav": {Data: wavOf(8000, make([]int16, 800))}}
	if c, err := l.Load(t.Context(), files, "a.wav", 8000); err != nil || c.Len() != 800 {
		t.Errorf("Load: %v", err)
	}
}

func TestLibraryErrorsNameTheFile(t *testing.T) {
	l := newTestLibrary(t, Config{})
	files := newCountFS(fstest.MapFS{
		"bad.wav": {Data: []byte("no sound at all, only text")},
		"dir/x":   {Data: nil},
		"a.wav":   {Data: wavOf(8000, make([]int16, 10))},
	})
	for path, want := range map[string]error{"absent.wav": fs.ErrNotExist, "bad.wav": ErrFormat, "dir": nil, "../x": nil} {
		_, err := l.Open(t.Context(), files, path, OpenOptions{RateHz: 8000})
		if err == nil || (want != nil && !errors.Is(err, want)) {
			t.Errorf("Open(%s): %v, want %v", path, err, want)
		}
	}
	gaveUp := errors.New("caller hung up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gaveUp)
	if _, err := l.Load(ctx, files, "a.wav", 8000); !errors.Is(err, gaveUp) {
		t.Errorf("canceled Load: %v", err)
	}
	if _, err := l.Load(t.Context(), files, "a.wav", 1); err == nil {
		t.Error("1 Hz was accepted")
	}
	if _, err := NewLibrary(Config{}).Load(t.Context(), files, "a.wav", 16000); !errors.Is(err, ErrFormat) {
		t.Errorf("without a resampler: %v", err)
	}
	l.Close()
	if _, err := l.Load(t.Context(), files, "a.wav", 8000); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestLibraryWaiterSurvivesTheDecoder: one caller decodes and gives up; the
// other, who waits for him, does it himself.
func TestLibraryWaiterSurvivesTheDecoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := newCountFS(fstest.MapFS{"a.wav": {Data: wavOf(8000, make([]int16, 800))}})
		files.gate = make(chan struct{})
		l := newTestLibrary(t, Config{})
		gaveUp := errors.New("caller hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := l.Load(ctx, files, "a.wav", 8000); !errors.Is(err, gaveUp) {
				t.Errorf("first: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if c, err := l.Load(t.Context(), files, "a.wav", 8000); err != nil || c.Len() != 800 {
				t.Errorf("second: %v", err)
			}
		})
		synctest.Wait()
		cancel(gaveUp)
		close(files.gate)
		wg.Wait()
	})
}

// long is a file that is read while it plays.
func long(t testing.TB, seconds int) (*Library, *countFS, []int16) {
	t.Helper()
	samples := mediatest.Noise(8000, -20, time.Duration(seconds)*time.Second, 9)
	files := newCountFS(fstest.MapFS{"long.wav": {Data: wavOf(8000, samples)}})
	return newTestLibrary(t, Config{ClipBytes: 1000}), files, samples
}

// playOut reads src as a shard does, a block each 20 ms, which in a bubble
// lets its goroutine work in between.
func playOut(t testing.TB, src media.Source, limit int) []int16 {
	t.Helper()
	var out []int16
	block := make([]int16, src.RateHz()/50)
	for len(out) < limit {
		n, err := src.Read(block)
		out = append(out, block[:n]...)
		if err != nil {
			return out
		}
		time.Sleep(20 * time.Millisecond)
	}
	return out
}

func TestStreamPlaysLongFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    OpenOptions
		want func(s []int16) []int16
	}{
		{"whole", OpenOptions{}, func(s []int16) []int16 { return s }},
		{"offset", OpenOptions{OffsetSamples: 12345}, func(s []int16) []int16 { return s[12345:] }},
		{"offset behind the end", OpenOptions{OffsetSamples: 1 << 20}, func([]int16) []int16 { return nil }},
		{"twice", OpenOptions{Loops: 2, OffsetSamples: 100}, func(s []int16) []int16 { return slices.Concat(s[100:], s) }},
		{"for ever", OpenOptions{Loops: Forever}, func(s []int16) []int16 { return slices.Concat(s, s, s) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, files, samples := long(t, 5)
				want := tt.want(samples)
				src := open(t, l, files, "long.wav", tt.o)
				got := playOut(t, src, 15*8000)
				if !slices.Equal(got, want) {
					t.Errorf("%d samples, want %d", len(got), len(want))
				}
				src.Close()
				synctest.Wait()
				if s := l.Stats(); s.Streams != 0 || s.Underflows != 0 {
					t.Errorf("after Close: %+v", s)
				}
			})
		})
	}
}

func TestStreamResamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLibrary(t, Config{ClipBytes: 1000})
		src := open(t, l, os.DirFS("testdata"), "stereo44k-id3.mp3", OpenOptions{RateHz: 8000, Loops: 3})
		got := playOut(t, src, 10*8000)
		if h := mediatest.Hear(got, 8000, 1000); h.Heard < 1400*time.Millisecond {
			t.Error(h)
		}
		src.Close()
	})
}

func TestStreamCloseEndsTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, files, _ := long(t, 60)
		src := open(t, l, files, "long.wav", OpenOptions{})
		other := open(t, l, files, "long.wav", OpenOptions{})
		src.Close()
		src.Close()
		synctest.Wait()
		if n := l.Stats().Streams; n != 1 {
			t.Errorf("%d streams", n)
		}
		l.Close() // ends the other one and waits
		playOut(t, other, 70*8000)
		if _, err := other.Read(make([]int16, 10)); !errors.Is(err, ErrClosed) {
			t.Errorf("after the library's Close: %v", err)
		}
		if _, err := l.Open(t.Context(), files, "long.wav", OpenOptions{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Open after Close: %v", err)
		}
	})
}

// slowFS has files of which each Read takes a while.
type slowFS struct {
	fs.FS
	each  time.Duration
	chunk int   // bytes per read; 32000 if 0
	fail  error // after two reads if set
}

type slowFile struct {
	fs.File
	s     *slowFS
	reads int
}

func (s *slowFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	return &slowFile{File: f, s: s}, err
}

func (f *slowFile) Read(p []byte) (int, error) {
	f.reads++
	if f.reads > 2 {
		if f.s.fail != nil {
			return 0, f.s.fail
		}
		time.Sleep(f.s.each)
	}
	chunk := f.s.chunk
	if chunk == 0 {
		chunk = 32000
	}
	return f.File.Read(p[:min(len(p), chunk)])
}

func TestStreamOnASlowDiskIsSilentAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, files, samples := long(t, 20)
		// 2 s of sound take 3 s to read.
		src := open(t, l, &slowFS{FS: files, each: 3 * time.Second}, "long.wav", OpenOptions{Prefill: time.Millisecond})
		got := playOut(t, src, 100*8000)
		src.Close()
		synctest.Wait()
		if l.Stats().Underflows == 0 || len(got) <= len(samples) {
			t.Errorf("%d samples out of %d, %d underflows", len(got), len(samples), l.Stats().Underflows)
		}
		sound := slices.DeleteFunc(got, func(v int16) bool { return v == 0 })
		want := slices.DeleteFunc(slices.Clone(samples), func(v int16) bool { return v == 0 })
		if !slices.Equal(sound, want) {
			t.Error("sound was lost or repeated around the gaps")
		}
	})
}

func TestStreamReportsReadErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, files, samples := long(t, 20)
		src := open(t, l, &slowFS{FS: files, fail: errDisk}, "long.wav", OpenOptions{})
		got := playOut(t, src, 100*8000)
		if len(got) == 0 || !slices.Equal(got, samples[:len(got)]) {
			t.Errorf("%d samples before the error", len(got))
		}
		if _, err := src.Read(make([]int16, 1)); !errors.Is(err, errDisk) {
			t.Errorf("Read: %v", err)
		}
		src.Close()
	})
}

func TestStreamOpenHonorsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, files, _ := long(t, 20)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := l.Open(ctx, &slowFS{FS: files, each: time.Hour, chunk: 1000}, "long.wav", OpenOptions{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open: %v", err)
		}
		time.Sleep(2 * time.Hour) // until the disk answers and the reader ends
	})
}

func TestStreamReadAllocatesNothing(t *testing.T) {
	s := &streamSource{rate: 8000, ring: newRing(8000), space: make(chan struct{}, 1)}
	block := make([]int16, 160)
	if got := testing.AllocsPerRun(100, func() { s.ring.put(block); s.Read(block); s.Read(block) }); got != 0 {
		t.Errorf("Read allocates %v times", got)
	}
}

func TestRingKeepsOrder(t *testing.T) {
	r := newRing(1000)
	var wg sync.WaitGroup
	const total = 200_000
	wg.Go(func() {
		for n := 0; n < total; {
			p := make([]int16, min(total-n, 77))
			for i := range p {
				p[i] = int16(n + i)
			}
			n += r.put(p)
		}
	})
	for n := 0; n < total; {
		p := make([]int16, 130)
		m := r.take(p)
		for i := range m {
			if p[i] != int16(n+i) {
				t.Fatalf("sample %d = %d", n+i, p[i])
			}
		}
		n += m
	}
	wg.Wait()
	if r.len() != 0 || r.free() != 1024 {
		t.Errorf("len %d, free %d", r.len(), r.free())
	}
}
