package transport

import (
	"bytes"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// FuzzTidy wants that no input panics, and that what was tidied stays the same
// when it is tidied again.
func FuzzTidy(f *testing.F) {
	for _, data := range tortureFiles(f) {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var w wire
		if w.cut(bytes.Clone(raw)) != nil || w.check() != nil {
			_ = w.reject(badRequest("fuzz"), "t", "192.0.2.1")
			return
		}
		tidy := w.appendTo(nil)
		if err := w.cut(bytes.Clone(tidy)); err != nil {
			t.Fatalf("tidied message is refused: %v\n%q", err, tidy)
		}
		if again := w.appendTo(nil); !bytes.Equal(tidy, again) {
			t.Fatalf("not stable:\n%q\n%q", tidy, again)
		}
		defer func() {
			if p := recover(); p != nil {
				t.Logf("sipgo panics (caught by the reader): %v", p)
			}
		}()
		_, _ = sip.ParseMessage(tidy)
	})
}

func BenchmarkTidy(b *testing.B) {
	raw := []byte(text(options))
	var w wire
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		if w.cut(raw) != nil || w.check() != nil {
			b.Fatal("refused")
		}
		out = w.appendTo(out[:0])
	}
}
