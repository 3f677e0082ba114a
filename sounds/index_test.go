package sounds_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/tandemswitch/tandem/sounds"
)

// layer makes a file system whose files hold their own paths.
func layer(paths ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for _, p := range paths {
		m[p] = &fstest.MapFile{Data: []byte(p)}
	}
	return m
}

func TestFindChoosesTheBestRate(t *testing.T) {
	for _, test := range []struct {
		name   string
		files  []string
		ask    string
		rateHz int
		want   string
	}{
		{"exact", []string{"ivr/8000/a.wav", "ivr/16000/a.wav", "ivr/a.wav"}, "ivr/a.wav", 8000, "ivr/8000/a.wav"},
		{"flat before other rates", []string{"ivr/8000/a.wav", "ivr/a.wav"}, "ivr/a.wav", 16000, "ivr/a.wav"},
		{"next higher", []string{"ivr/8000/a.wav", "ivr/32000/a.wav", "ivr/48000/a.wav"}, "ivr/a.wav", 16000, "ivr/32000/a.wav"},
		{"higher before lower", []string{"ivr/8000/a.wav", "ivr/48000/a.wav"}, "ivr/a.wav", 16000, "ivr/48000/a.wav"},
		{"next lower", []string{"ivr/8000/a.wav", "ivr/16000/a.wav"}, "ivr/a.wav", 48000, "ivr/16000/a.wav"},
		{"numbers, not text", []string{"ivr/8000/a.wav", "ivr/11025/a.wav", "ivr/44100/a.wav"}, "ivr/a.wav", 48000, "ivr/44100/a.wav"},
		{"rate without the file", []string{"ivr/16000/b.wav", "ivr/32000/a.wav"}, "ivr/a.wav", 16000, "ivr/32000/a.wav"},
		{"rate in the name", []string{"ivr/8000/a.wav", "ivr/16000/a.wav"}, "ivr/8000/a.wav", 16000, "ivr/8000/a.wav"},
		{"rate in the name is missing", []string{"ivr/16000/a.wav"}, "ivr/8000/a.wav", 8000, "ivr/16000/a.wav"},
		{"no rate asked", []string{"ivr/8000/a.wav", "ivr/16000/a.wav"}, "ivr/a.wav", 0, "ivr/8000/a.wav"},
		{"top folder", []string{"16000/a.wav"}, "a.wav", 16000, "16000/a.wav"},
		{"untidy name", []string{"ivr/16000/a.wav"}, "ivr//./a.wav", 16000, "ivr/16000/a.wav"},
		{"number folder that is no rate", []string{"ivr/016000/a.wav", "ivr/8000/a.wav"}, "ivr/a.wav", 16000, "ivr/8000/a.wav"},
		{"folder named like a sound", []string{"ivr/16000/a.wav/x", "ivr/8000/a.wav"}, "ivr/a.wav", 16000, "ivr/8000/a.wav"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := sounds.New(layer(test.files...)).Find(test.ask, test.rateHz)
			if err != nil || got.Path != test.want {
				t.Errorf("Find(%q, %d) = %q, %v, want %q", test.ask, test.rateHz, got.Path, err, test.want)
			}
		})
	}
}

func TestFindReportsTheRateOfTheFolder(t *testing.T) {
	x := sounds.New(layer("ivr/32000/a.wav", "ivr/b.wav"))
	for name, want := range map[string]int{"ivr/a.wav": 32000, "ivr/b.wav": 0} {
		if got, err := x.Find(name, 8000); err != nil || got.RateHz != want {
			t.Errorf("Find(%q).RateHz = %d, %v, want %d", name, got.RateHz, err, want)
		}
	}
}

func TestFindSearchesUpperLayersFirst(t *testing.T) {
	x := sounds.New(layer("ivr/48000/a.wav"), layer("ivr/16000/a.wav", "ivr/16000/b.wav"))
	for _, test := range []struct {
		ask  string
		want sounds.Place
	}{
		// Another rate of the upper layer beats the rate asked for below.
		{"ivr/a.wav", sounds.Place{Layer: 0, Path: "ivr/48000/a.wav", RateHz: 48000}},
		{"ivr/b.wav", sounds.Place{Layer: 1, Path: "ivr/16000/b.wav", RateHz: 16000}},
	} {
		if got, err := x.Find(test.ask, 16000); err != nil || got != test.want {
			t.Errorf("Find(%q) = %+v, %v, want %+v", test.ask, got, err, test.want)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	x := sounds.New(layer("ivr/16000/a.wav"))
	for name, want := range map[string]error{
		"ivr/none.wav":     fs.ErrNotExist,
		"none/a.wav":       fs.ErrNotExist,
		"ivr":              fs.ErrNotExist, // a folder is no sound
		"../etc/passwd":    fs.ErrInvalid,
		"ivr/../../secret": fs.ErrInvalid,
		"/ivr/a.wav":       fs.ErrInvalid,
		"":                 fs.ErrInvalid,
		"bad\xffname.wav":  fs.ErrInvalid,
	} {
		if _, err := x.Find(name, 16000); !errors.Is(err, want) {
			t.Errorf("Find(%q): %v, want %v", name, err, want)
		}
		if _, err := x.Open(name, 16000); !errors.Is(err, want) {
			t.Errorf("Open(%q): %v, want %v", name, err, want)
		}
	}
	if _, err := sounds.New().Find("ivr/a.wav", 16000); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find without layers: %v, want %v", err, fs.ErrNotExist)
	}
}

// deniedFS answers every name with a permission error.
type deniedFS struct{}

func (deniedFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestFindPassesOverABrokenLayerButNamesItInTheEnd(t *testing.T) {
	x := sounds.New(deniedFS{}, layer("ivr/16000/a.wav"))
	if got, err := x.Find("ivr/a.wav", 16000); err != nil || got.Layer != 1 {
		t.Errorf("Find behind a broken layer = %+v, %v, want layer 1", got, err)
	}
	if _, err := x.Find("ivr/b.wav", 16000); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Find of a sound nobody has: %v, want the permission error", err)
	}
}

func TestOpenReadsAndSeeksDiskOverEmbedded(t *testing.T) {
	disk := t.TempDir()
	pack := filepath.Join(disk, "en", "us", "slt", "ivr", "8000")
	if err := os.MkdirAll(pack, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pack, "ivr-please_hold.wav"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	x := sounds.New(os.DirFS(disk), sounds.FS)

	s, err := x.Open("en/us/slt/ivr/ivr-please_hold.wav", 16000)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if content, err := io.ReadAll(s); err != nil || string(content) != "mine" {
		t.Errorf("content = %q, %v, want that of the disk", content, err)
	}
	if _, err := s.Seek(2, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(s); err != nil || string(content) != "ne" {
		t.Errorf("after Seek(2): %q, %v, want %q", content, err, "ne")
	}

	embedded, err := x.Open("en/us/slt/ivr/ivr-thank_you.wav", 8000)
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	if want := (sounds.Place{Layer: 1, Path: "en/us/slt/ivr/16000/ivr-thank_you.wav", RateHz: 16000}); embedded.Place != want {
		t.Errorf("Place = %+v, want %+v", embedded.Place, want)
	}
	if _, err := embedded.Seek(-4, io.SeekEnd); err != nil {
		t.Errorf("Seek in an embedded file: %v", err)
	}
}

func TestDataFolderMayComeLater(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "sounds")
	x := sounds.New(os.DirFS(disk), sounds.FS)
	if got, err := x.Find("music/quiet_evening.wav", 16000); err != nil || got.Layer != 1 {
		t.Fatalf("Find = %+v, %v, want the embedded one", got, err)
	}
	if err := os.MkdirAll(filepath.Join(disk, "music"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(disk, "music", "quiet_evening.wav"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := x.Find("music/quiet_evening.wav", 16000); err != nil || got.Layer != 0 {
		t.Errorf("Find = %+v, %v, want the one on disk", got, err)
	}
}

// plainFS hides every method of its files but those of fs.File.
type plainFS struct{ fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if _, isDir := f.(fs.ReadDirFile); isDir || err != nil {
		return f, err
	}
	return struct{ fs.File }{f}, nil
}

func TestOpenMakesAnyFileSeekable(t *testing.T) {
	s, err := sounds.New(plainFS{layer("ivr/16000/a.wav")}).Open("ivr/a.wav", 16000)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Seek(-5, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(s); err != nil || string(content) != "a.wav" {
		t.Errorf("last five bytes = %q, %v, want %q", content, err, "a.wav")
	}
}

func TestList(t *testing.T) {
	lower := layer("music/16000/a.wav", "music/16000/b.wav", "music/8000/c.wav")
	for _, test := range []struct {
		name   string
		layers []fs.FS
		dir    string
		rateHz int
		want   []string
	}{
		{"exact rate", []fs.FS{lower}, "music", 8000, []string{"music/c.wav"}},
		{"other rate", []fs.FS{lower}, "music", 48000, []string{"music/a.wav", "music/b.wav"}},
		{"rate in the name", []fs.FS{lower}, "music/8000", 16000, []string{"music/c.wav"}},
		{"upper layer alone", []fs.FS{layer("music/mine.mp3", "music/cover.jpg"), lower}, "music", 16000, []string{"music/mine.mp3"}},
		{"upper layer without sounds", []fs.FS{layer("music/16000/cover.jpg"), lower}, "music", 16000, []string{"music/a.wav", "music/b.wav"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := sounds.New(test.layers...)
			got, err := x.List(test.dir, test.rateHz)
			if err != nil || !slices.Equal(got, test.want) {
				t.Fatalf("List(%q, %d) = %q, %v, want %q", test.dir, test.rateHz, got, err, test.want)
			}
			for _, name := range got {
				if _, err := x.Find(name, test.rateHz); err != nil {
					t.Errorf("Find of a listed name: %v", err)
				}
			}
		})
	}
}

func TestListRefuses(t *testing.T) {
	x := sounds.New(layer("music/16000/a.wav"))
	for dir, want := range map[string]error{"songs": fs.ErrNotExist, "../music": fs.ErrInvalid, "/music": fs.ErrInvalid} {
		if _, err := x.List(dir, 16000); !errors.Is(err, want) {
			t.Errorf("List(%q): %v, want %v", dir, err, want)
		}
	}
}

func FuzzFindStaysInside(f *testing.F) {
	for _, name := range []string{"ivr/a.wav", "../x", "/etc/passwd", "ivr/8000/a.wav", "", ".", "a/../../b", "ivr/-1/a.wav"} {
		f.Add(name, 16000)
	}
	x := sounds.New(layer("ivr/16000/a.wav", "8000/b.wav"), sounds.FS)
	f.Fuzz(func(t *testing.T, name string, rateHz int) {
		place, err := x.Find(name, rateHz)
		if err == nil && !fs.ValidPath(place.Path) {
			t.Errorf("Find(%q, %d) = %q, which is no valid path", name, rateHz, place.Path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Find(%q, %d): unexpected kind of error: %v", name, rateHz, err)
		}
	})
}
