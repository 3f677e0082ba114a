package library_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tandemswitch/tandem/apps/play/library"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/g711"
	"github.com/tandemswitch/tandem/media/file"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/resample"
	"github.com/tandemswitch/tandem/sounds"
)

// finder is a sounds.Index as the library wants it.
type finder struct{ index *sounds.Index }

func (f finder) Find(name string, rateHz int) (fs.FS, string, error) {
	p, err := f.index.Find(name, rateHz)
	if err != nil {
		return nil, "", err
	}
	return f.index.Layer(p.Layer), p.Path, nil
}

func (f finder) List(dir string, rateHz int) ([]string, error) { return f.index.List(dir, rateHz) }

const music = `<document type="freeswitch/xml"><section name="configuration"><configuration name="local_stream.conf">
<directory name="moh" path="music"><param name="shuffle" value="false"/></directory>
</configuration></section></document>`

type bench struct {
	*library.Library
	dir string // DATA/sounds
	log *strings.Builder
}

func newBench(t *testing.T) *bench {
	t.Helper()
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(music)}}})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: t.TempDir(), log: &strings.Builder{}}
	var bank resample.Bank
	files := file.NewLibrary(file.Config{Resample: bank.Source, Codecs: []media.Codec{g711.PCMU()}})
	t.Cleanup(func() { _ = files.Close() })
	l, err := library.New(library.Config{
		Music: tree.Configuration("local_stream.conf"), SoundsDir: b.dir, ConfDir: b.dir,
		Finder: finder{sounds.New(os.DirFS(b.dir), sounds.FS)}, Files: files, Log: slog.New(slog.NewTextHandler(b.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Library = l
	return b
}

// put writes a tone of a second as a WAV file below the sounds directory.
func (b *bench) put(t *testing.T, name string, hz float64, rateHz int) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	wav := mediatest.WAV{RateHz: rateHz, Channels: [][]int16{mediatest.Tone(rateHz, hz, -10, time.Second)}}
	if err := os.WriteFile(path, mediatest.EncodeWAV(wav), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (b *bench) open(t *testing.T, name string) []int16 {
	t.Helper()
	src, err := b.Open(t.Context(), name, 8000)
	if err != nil {
		t.Fatalf("Open(%q): %v", name, err)
	}
	defer src.Close()
	return take(t, src, 8000*3)
}

// take reads up to n samples.
func take(t *testing.T, src media.Source, n int) []int16 {
	t.Helper()
	if src.RateHz() != 8000 {
		t.Errorf("rate %d Hz", src.RateHz())
	}
	out := make([]int16, n)
	m, err := src.Read(out)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return out[:m]
}

func TestOpen(t *testing.T) {
	b := newBench(t)
	abs := b.put(t, "a/16000/x.wav", 1000, 16000)
	b.put(t, "flat.wav", 1500, 8000)
	if err := os.WriteFile(filepath.Join(b.dir, "tune.ttml"), []byte("%(500,0,700)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		hz   float64
		dur  time.Duration
	}{
		{"a/x.wav", 1000, time.Second},                                      // resampled
		{abs, 1000, time.Second},                                            // an absolute path
		{filepath.Join(b.dir, "a/x.wav"), 1000, time.Second},                // absolute, without its rate folder
		{"flat", 1500, time.Second},                                         // without an ending
		{"{loops=2}flat.wav", 1500, 2 * time.Second},                        //
		{"flat.wav@@4000", 1500, 500 * time.Millisecond},                    //
		{"tone_stream://%(300,0,440)", 440, 300 * time.Millisecond},         //
		{"tone_stream://%(300,0,440);loops=2", 440, 600 * time.Millisecond}, //
		{"{loops=2}tone_stream://%(300,0,440)", 440, 600 * time.Millisecond},
		{"tone_stream://path=tune.ttml", 700, 500 * time.Millisecond},
		{"file_string://a/x.wav!flat.wav", 0, 2 * time.Second},
		{"file_string://missing.wav!flat.wav", 1500, time.Second},
		{"silence_stream://250", 0, 250 * time.Millisecond},
	} {
		got := b.open(t, c.name)
		if d := time.Duration(len(got)) * time.Second / 8000; (d - c.dur).Abs() > 10*time.Millisecond {
			t.Errorf("%s lasts %s, want %s", c.name, d, c.dur)
		}
		if c.hz == 0 {
			continue
		}
		if hz := mediatest.DominantHz(got[400:1600], 8000); hz < c.hz-10 || hz > c.hz+10 {
			t.Errorf("%s sounds at %.0f Hz, want %.0f", c.name, hz, c.hz)
		}
	}
}

func TestEmbeddedPromptsStandInForTheSoundsDirectory(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(b.dir, sounds.Prefix, "voicemail/vm-not_available_no_voicemail.wav")
	if got := b.open(t, path); len(got) < 8000 {
		t.Errorf("the prompt has %d samples", len(got))
	}
}

func TestMissingAndBrokenFiles(t *testing.T) {
	b := newBench(t)
	for range 3 {
		if _, err := b.Open(t.Context(), "no/such.wav", 8000); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing: %v", err)
		}
	}
	if n := strings.Count(b.log.String(), "sound not found"); n != 1 {
		t.Errorf("a missing sound was logged %d times, want once", n)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "bad.wav"), []byte("not a sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bad.wav", "tone_stream://%(", "silence_stream://x", "http://x/y.wav", "{loops=2", "local_stream://nosuch"} {
		if _, err := b.Open(t.Context(), name, 8000); err == nil {
			t.Errorf("Open(%q) has no error", name)
		}
	}
}

func TestMusicIsSharedAndEndless(t *testing.T) {
	b := newBench(t)
	b.put(t, "music/8000/only.wav", 1200, 8000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	one, err := b.Open(t.Context(), "local_stream://moh", 8000)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Open(t.Context(), "local_stream://moh/8000", 8000)
	if err != nil {
		t.Fatal(err)
	}
	_ = one.Close()
	_ = two.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRecordings(t *testing.T) {
	for _, c := range []struct {
		name      string
		opt       core.RecordOptions
		ticks     int
		length    time.Duration
		discarded bool
	}{
		{"whole", core.RecordOptions{}, 100, 2 * time.Second, false},
		{"limited", core.RecordOptions{MaxLen: time.Second}, 100, time.Second, false},
		{"too short", core.RecordOptions{MinLen: 3 * time.Second}, 100, 2 * time.Second, true},
		{"stereo", core.RecordOptions{Stereo: true}, 50, time.Second, false},
		{"read only", core.RecordOptions{Mode: "read"}, 50, time.Second, false},
		{"swapped", core.RecordOptions{Stereo: true, Swap: true}, 50, time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			path := filepath.Join(b.dir, "rec", c.name)
			var end core.RecordEnd
			c.opt.RateHz = 8000
			c.opt.OnEnd = func(e core.RecordEnd) { end = e }
			sink, err := b.Create(t.Context(), path, c.opt)
			if err != nil {
				t.Fatal(err)
			}
			in := mediatest.Tone(8000, 600, -10, time.Duration(c.ticks)*20*time.Millisecond)
			out := mediatest.Tone(8000, 900, -10, time.Duration(c.ticks)*20*time.Millisecond)
			for i := range c.ticks {
				sink.Write(in[i*160:(i+1)*160], out[i*160:(i+1)*160])
			}
			if err := sink.Close(); err != nil {
				t.Fatal(err)
			}
			if end.Length != c.length || end.Discarded != c.discarded {
				t.Errorf("ended with %+v, want %s, discarded %v", end, c.length, c.discarded)
			}
			if _, err := os.Stat(path + ".wav"); errors.Is(err, fs.ErrNotExist) != c.discarded {
				t.Errorf("file: %v", err)
			}
			if c.discarded {
				return
			}
			checkTones(t, path+".wav", c.opt)
		})
	}
}

// checkTones: 600 Hz is what the leg said, 900 Hz what it heard.
func checkTones(t *testing.T, path string, opt core.RecordOptions) {
	t.Helper()
	wav, err := mediatest.ReadWAV(path)
	if err != nil {
		t.Fatal(err)
	}
	left, right := wav.Channels[0], wav.Channels[len(wav.Channels)-1]
	want := map[string][2]bool{"": {true, true}, "read": {true, false}}[opt.Mode]
	if opt.Stereo {
		want = [2]bool{!opt.Swap, opt.Swap}
		if has(right, 600) == has(left, 600) || has(left, 900) == has(right, 900) {
			t.Error("both directions on one channel")
		}
	}
	if got := [2]bool{has(left, 600), has(left, 900)}; got != want {
		t.Errorf("left has 600 and 900 Hz: %v, want %v", got, want)
	}
}

func has(samples []int16, hz float64) bool {
	return len(samples) > 2400 && mediatest.PowerDBov(samples[800:2400], 8000, hz) > -30
}
