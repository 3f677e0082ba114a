package sounds_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/g711"
	"github.com/tandemswitch/tandem/media/file"
	"github.com/tandemswitch/tandem/media/resample"
	"github.com/tandemswitch/tandem/sounds"
	"github.com/tandemswitch/tandem/sounds/internal/wave"
)

// decode reads an embedded recording.
func decode(t *testing.T, file string) wave.Wave {
	t.Helper()
	content, err := sounds.FS.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := wave.Decode(content)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if w.RateHz != sounds.MasterRateHz {
		t.Fatalf("%s: %d Hz, want %d", file, w.RateHz, sounds.MasterRateHz)
	}
	return w
}

func TestEveryPromptIsRecordedWell(t *testing.T) {
	prompts, err := sounds.Prompts(sounds.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prompts {
		t.Run(p.File(), func(t *testing.T) {
			w := decode(t, path.Join(sounds.Prefix, p.Master()))
			// Speech is 10 to 20 letters per second, and a word alone is said
			// slowly; a recording outside a generous range is cut off or of
			// another text.
			letters := float64(len(p.Text))
			if s := w.Duration().Seconds(); s < 0.3 || s < letters/25 || s > 0.4+letters/10 {
				t.Errorf("lasts %.2f s for %g letters", s, letters)
			}
			if peak := wave.DBFS(wave.Peak(w.Samples)); peak > -2.9 {
				t.Errorf("peak %.1f dBFS, want at most -3", peak)
			}
			if level := wave.DBFS(w.SpeechRMS()); level < -22 || level > -19 {
				t.Errorf("speech at %.1f dBFS, want about -20", level)
			}
			if before, after := w.Silence(); before > 100*time.Millisecond || after > 200*time.Millisecond {
				t.Errorf("silent for %v before and %v after, want at most 100 and 200 ms", before, after)
			}
		})
	}
}

func TestEveryRecordingSaysTheTextOfTheTable(t *testing.T) {
	prompts, err := sounds.Prompts(sounds.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prompts {
		w := decode(t, path.Join(sounds.Prefix, p.Master()))
		for _, tag := range w.Tags {
			if tag.ID == "ICMT" && tag.Text != p.Text {
				t.Errorf("%s says %q, the table %q: run go generate in sounds/", p.File(), tag.Text, p.Text)
			}
		}
		if len(w.Tags) == 0 {
			t.Errorf("%s does not carry its text", p.File())
		}
	}
}

func TestNoRecordingIsWithoutATableRow(t *testing.T) {
	prompts, err := sounds.Prompts(sounds.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range prompts {
		known[path.Join(sounds.Prefix, p.Master())] = true
	}
	err = fs.WalkDir(sounds.FS, "en", func(file string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(file, ".wav") && !known[file] {
			t.Errorf("%s is not in prompts.tsv", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Who brings a configuration from FreeSWITCH counts on its names.
func TestEveryPromptOfTheStockConfigurationExists(t *testing.T) {
	stock, err := os.ReadFile("testdata/stock.txt")
	if err != nil {
		t.Fatal(err)
	}
	x := sounds.New(sounds.FS)
	count := 0
	for name := range strings.Lines(string(stock)) {
		if name = strings.TrimSpace(name); strings.HasPrefix(name, "#") {
			continue
		}
		count++
		if _, err := x.Find(path.Join(sounds.Prefix, name), 8000); err != nil {
			t.Error(err)
		}
	}
	if count < 155 {
		t.Errorf("%d names, want those of the stock configuration", count)
	}
}

// maxPromptsBytes keeps the binary something that one downloads without
// thinking.
const maxPromptsBytes = 12 << 20

func TestCallsCanPlayEveryPrompt(t *testing.T) {
	prompts, err := sounds.Prompts(sounds.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	var bank resample.Bank
	library := file.NewLibrary(file.Config{Resample: bank.Source, Codecs: []media.Codec{g711.PCMU()}})
	defer library.Close()
	total := int64(0)
	for _, p := range prompts {
		name := path.Join(sounds.Prefix, p.Master())
		info, err := fs.Stat(sounds.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		want := decode(t, name).Duration()
		src, err := library.Open(t.Context(), sounds.FS, name, file.OpenOptions{RateHz: 8000})
		if err != nil {
			t.Error(err)
			continue
		}
		samples := make([]int16, 8000*30)
		n, _ := src.Read(samples) // io.EOF, or the length tells
		if got := time.Duration(n) * time.Second / 8000; (got - want).Abs() > 10*time.Millisecond {
			t.Errorf("%s lasts %v in a call, want %v", name, got, want)
		}
		_ = src.Close()
	}
	if total > maxPromptsBytes {
		t.Errorf("prompts have %d bytes, want at most %d", total, maxPromptsBytes)
	}
}

func TestPromptsOfAnUnknownVoice(t *testing.T) {
	if _, err := sounds.Prompts("en/us/nobody"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Prompts: %v, want %v", err, fs.ErrNotExist)
	}
}

func TestParsePrompts(t *testing.T) {
	got, err := sounds.ParsePrompts(strings.NewReader("# words\n\nivr\tivr-a\tSay a.\n digits \t1\tOne. \r\n"))
	want := []sounds.Prompt{{Group: "ivr", Name: "ivr-a", Text: "Say a."}, {Group: "digits", Name: "1", Text: "One."}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("ParsePrompts = %+v, %v, want %+v", got, err, want)
	}
	if file := want[0].File(); file != "ivr/ivr-a.wav" {
		t.Errorf("File = %q", file)
	}
	if file := want[0].Master(); file != "ivr/16000/ivr-a.wav" {
		t.Errorf("Master = %q", file)
	}
}

func TestParsePromptsRefuses(t *testing.T) {
	for table, want := range map[string]string{
		"ivr\tivr-a\n":                    "line 1: 2 columns",
		"#\nivr\tivr-a\tSay\tmore\n":      "line 2: 4 columns",
		"ivr\t\tSay\n":                    "line 1: column 2 is empty",
		"ivr\ta\tSay\nivr\ta\tSay it\n":   "comes twice",
		"ivr/deep\ta\tSay\n":              "no plain file name",
		"ivr\t..\tSay\n":                  "no plain file name",
		"ivr\ta\\b\tSay\n":                "no plain file name",
		strings.Repeat("x", 1<<20) + "\n": "token too long",
	} {
		if _, err := sounds.ParsePrompts(strings.NewReader(table)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePrompts(%.40q): %v, want %q", table, err, want)
		}
	}
}

func FuzzParsePrompts(f *testing.F) {
	f.Add("ivr\tivr-a\tSay a.\n")
	f.Add("# nothing\n\t\t\n")
	f.Fuzz(func(t *testing.T, table string) {
		prompts, err := sounds.ParsePrompts(strings.NewReader(table))
		if err != nil {
			return
		}
		for _, p := range prompts {
			if !fs.ValidPath(p.Master()) || p.Text == "" {
				t.Errorf("ParsePrompts(%q) lets %+v through", table, p)
			}
		}
	})
}
