package sdp

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tandemswitch/tandem/media"
)

func seed(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(files) == 0 {
		f.Fatal("no test data")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("v=0\no=- 1 1 IN IP4 h\nc=IN IP6 ::ffff:1.2.3.4\nm=audio 9/2 RTP/AVP 0 96\na=rtpmap:96 a/1/2\na=sendonly:\na= x : y\n"))
}

// FuzzParse holds: no panic, and what was parsed and written parses to the same.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := Parse(b); err == nil {
			roundTrip(t, d)
		}
	})
}

// FuzzAnswer holds for every offer that can be read: an answer has as many
// streams, one of them taken, can be read back, and both sides agree.
func FuzzAnswer(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		offer, err := Parse(b)
		if err != nil {
			return
		}
		l := with(func(l *Local) { l.Codecs = []media.Format{pcma, opus, g722, pcmu} })
		answer, n, err := Answer(offer, l)
		if err != nil {
			return
		}
		if len(answer.Streams) != len(offer.Streams) {
			t.Fatalf("%d streams answered to %d", len(answer.Streams), len(offer.Streams))
		}
		roundTrip(t, answer)
		taken := 0
		for _, s := range answer.Streams {
			if s.Addr.Port() != 0 {
				taken++
			}
		}
		if taken != 1 || n.Send.IsZero() || n.SendPTime <= 0 || n.Send.PayloadType != n.Receive.PayloadType {
			t.Fatalf("%d streams taken, %+v", taken, n)
		}
		l.Last = answer
		again := Offer(l)
		if len(again.Streams) != len(answer.Streams) {
			t.Fatalf("%d streams in the next offer, want %d", len(again.Streams), len(answer.Streams))
		}
		roundTrip(t, again)
		if _, err := Match(again, answer); err != nil {
			t.Fatalf("our answer as an answer to our offer: %v", err)
		}
	})
}
