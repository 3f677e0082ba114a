package english

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/apps/say/speech"
	"github.com/tandemswitch/tandem/sounds"
)

var update = flag.Bool("update", false, "rewrite testdata/golden.tsv")

// now is when the golden rows are said: a Friday afternoon, five hours west.
var now = time.Date(2026, 11, 20, 15, 5, 0, 0, time.FixedZone("EST", -5*3600))

// row is one line of golden.tsv: type, method, text, what is said.
type row struct{ kind, method, text, said string }

func goldenRows(t *testing.T) (rows []row, lines []string) {
	t.Helper()
	content, err := os.ReadFile("testdata/golden.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines = strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	for _, line := range lines {
		if line == "" || strings.HasPrefix(line, "#") {
			rows = append(rows, row{})
			continue
		}
		cells := append(strings.Split(line, "\t"), "", "", "")
		rows = append(rows, row{cells[0], cells[1], cells[2], cells[3]})
	}
	return rows, lines
}

// speak is the result of a row as it is written in the file.
func (r row) speak(t *testing.T) string {
	t.Helper()
	kind, kindErr := speech.ParseType(r.kind)
	method, methodErr := speech.ParseMethod(r.method)
	if err := errors.Join(kindErr, methodErr); err != nil {
		t.Fatal(err)
	}
	files, err := Say(speech.Request{Type: kind, Method: method, Text: r.text, Now: now})
	if errors.Is(err, speech.ErrText) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.Join(files, " "), ".wav", "")
}

func TestGolden(t *testing.T) {
	rows, lines := goldenRows(t)
	for i, r := range rows {
		if r.kind == "" {
			continue
		}
		got := r.speak(t)
		if got != r.said && !*update {
			t.Errorf("%s %s %q = %s\nwant %s", r.kind, r.method, r.text, got, r.said)
		}
		lines[i] = strings.Join([]string{r.kind, r.method, r.text, got}, "\t")
	}
	if *update {
		if err := os.WriteFile("testdata/golden.tsv", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGoldenCoversEveryType keeps the file honest when a type is added.
func TestGoldenCoversEveryType(t *testing.T) {
	rows, _ := goldenRows(t)
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.kind] = seen[r.kind] || r.said != "-"
	}
	for kind := speech.Number; kind <= speech.ShortDateTime; kind++ {
		if !seen[kind.String()] {
			t.Errorf("golden.tsv says nothing of type %s", kind)
		}
	}
}

// exists fails if a recording is not embedded.
func exists(t *testing.T, files []string) {
	t.Helper()
	for _, file := range files {
		if _, err := sounds.New(sounds.FS).Find(path.Join(sounds.Prefix, file), 8000); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryRecordingIsEmbedded(t *testing.T) {
	rows, _ := goldenRows(t)
	for _, r := range rows {
		for name := range strings.FieldsSeq(r.said) {
			if name != "-" {
				exists(t, []string{name + ".wav"})
			}
		}
	}
	for n := range 1100 {
		exists(t, append(cardinal(n*999), ordinal(n*999)...))
	}
	var printable strings.Builder
	for c := ' '; c <= '~'; c++ {
		printable.WriteRune(c)
	}
	for _, letters := range []alphabet{plain, phonetic} {
		files, err := spell(printable.String(), letters)
		if err != nil || len(files) != 95 {
			t.Errorf("%s: %d recordings, %v, want 95", letters, len(files), err)
		}
		exists(t, files)
	}
	for month := time.January; month <= time.December; month++ {
		exists(t, date(time.Date(2026, month, int(month), 0, 0, 0, 0, time.UTC)))
	}
}

// TestNumbersSoundDifferent: no two numbers below ten thousand, and no number
// and ordinal, are said the same.
func TestNumbersSoundDifferent(t *testing.T) {
	seen := map[string]int{}
	for n := range 10_000 {
		for _, files := range [][]string{cardinal(n), ordinal(n)} {
			said := strings.Join(files, " ")
			if other, ok := seen[said]; ok {
				t.Fatalf("%d and %d are both %s", n, other, said)
			}
			seen[said] = n
		}
	}
}

func FuzzSay(f *testing.F) {
	rows, err := os.ReadFile("testdata/golden.tsv")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.SplitSeq(string(rows), "\n") {
		if cells := strings.Split(line, "\t"); len(cells) == 4 {
			f.Add(cells[2])
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for kind := speech.Number; kind <= speech.ShortDateTime; kind++ {
			for method := speech.NotSaid; method <= speech.PronouncedYear; method++ {
				files, err := Say(speech.Request{Type: kind, Method: method, Text: text, Now: now})
				if (err == nil) == (len(files) == 0) || err != nil && !errors.Is(err, speech.ErrText) {
					t.Fatalf("%s %s %q = %q, %v", kind, method, text, files, err)
				}
				for _, file := range files {
					if !fs.ValidPath(file) || !strings.HasSuffix(file, ".wav") {
						t.Fatalf("%s %s %q says %q", kind, method, text, file)
					}
				}
			}
		}
	})
}
