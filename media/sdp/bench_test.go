package sdp

import (
	"os"
	"testing"

	"github.com/tandemswitch/tandem/media"
)

// BenchmarkAnswer is the whole way of an offer: bytes in, answer's bytes out.
func BenchmarkAnswer(b *testing.B) {
	text, err := os.ReadFile("testdata/desk-phone.sdp")
	if err != nil {
		b.Fatal(err)
	}
	l := with(func(l *Local) { l.Codecs = []media.Format{pcma, pcmu} })
	b.ReportAllocs()
	for b.Loop() {
		offer, err := Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		d, _, err := Answer(offer, l)
		if err != nil {
			b.Fatal(err)
		}
		Marshal(d)
	}
}
