package transport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// torture says what becomes of each message of RFC 4475 and RFC 5118 here:
// "up" is handed to the transaction layer (which may refuse it for other
// reasons), a number is the answer given at once, "drop" has no answer.
var torture = map[string]string{
	// RFC 4475 §3.1.1, valid messages.
	"wsinv": "up", "intmeth": "up", "esc01": "up", "escnull": "up", "esc02": "up", "lwsdisp": "up", "longreq": "up",
	"dblreq": "up", "semiuri": "up", "transports": "up", "mpart01": "up", "unreason": "up", "noreason": "up",
	// §3.1.2, invalid messages.
	"badinv01": "400", "clerr": "400", "ncl": "400", "scalar02": "400", "scalarlg": "drop", "quotbal": "400",
	"ltgtruri": "400", "lwsruri": "400", "lwsstart": "up", "trws": "up", "escruri": "400", "baddate": "up",
	"regbadct": "up", "badaspec": "up", "baddn": "up", "badvers": "505", "mismatch01": "400", "mismatch02": "400",
	"bigcode": "drop",
	// §3.2 to §3.4.
	"badbranch": "up", "insuf": "400", "unkscm": "416", "novelsc": "416", "unksm2": "up", "bext01": "up",
	"invut": "up", "regaut01": "up", "multi01": "400", "mcl01": "400", "bcast": "up", "zeromf": "up",
	"cparam01": "up", "cparam02": "up", "regescrt": "up", "sdp01": "up", "inv2543": "up",
	// RFC 5118.
	"ipv6-good": "up", "ipv6-bad": "400", "port-ambiguous": "up", "port-unambiguous": "up",
	"via-received-param-with-delim": "up", "via-received-param-no-delim": "up", "ipv6-in-sdp": "up",
	"mult-ip-in-header": "up", "mult-ip-in-sdp": "up", "ipv4-mapped-ipv6": "up",
	"ipv6-bug-abnf-3-colons": "up", "ipv6-correct-abnf-2-colons": "up",
}

func tortureFiles(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, dir := range []string{"rfc4475", "rfc5118"} {
		names, err := filepath.Glob(filepath.Join("testdata", dir, "*.dat"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimSuffix(filepath.Base(name), ".dat")] = string(data)
		}
	}
	return files
}

func TestTorture(t *testing.T) {
	files := tortureFiles(t)
	for name, want := range torture {
		t.Run(name, func(t *testing.T) {
			data, ok := files[name]
			if !ok {
				t.Fatal("no such file in testdata")
			}
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Config{})
				defer b.stop()
				// Answers go to the source, which needs rport; where the file
				// has none they go to a sent-by port nobody listens at.
				b.send(data)
				up := len(b.ear.take())
				answer := b.answer()
				switch {
				case want == "up" && up != 1, want != "up" && up != 0:
					t.Errorf("%d messages handed up, want %s; answer %.60q", up, want, answer)
				case want == "drop" && answer != "":
					t.Errorf("answer %.60q, want none", answer)
				case want != "drop" && want != "up" && !strings.HasPrefix(answer, "SIP/2.0 "+want):
					t.Errorf("answer %.60q, want %s", answer, want)
				}
			})
		})
	}
	if len(files) != len(torture) {
		t.Errorf("%d files, %d in the table", len(files), len(torture))
	}
}

// TestTortuousInviteIsUnderstood checks the fields that sipgo alone gets wrong.
func TestTortuousInviteIsUnderstood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		defer b.stop()
		b.send(tortureFiles(t)["wsinv"])
		r := b.ear.take()[0].Request
		if tag, _ := r.To().Params.Get("tag"); tag != "1918181833n" {
			t.Errorf("To tag %q", tag)
		}
		if tag, _ := r.From().Params.Get("tag"); tag != "98asjd8" {
			t.Errorf("From tag %q", tag)
		}
		if n := r.CSeq().SeqNo; n != 9 || r.CSeq().MethodName != "INVITE" {
			t.Errorf("CSeq %v", r.CSeq())
		}
		if via := r.Via(); via.Host != "192.0.2.2" || via.Transport != "UDP" {
			t.Errorf("top Via %v", via)
		}
		if n := len(r.GetHeaders("Via")); n != 3 {
			t.Errorf("%d Vias, want 3", n)
		}
		if r.GetHeader("Subject") == nil {
			t.Error("compact Subject not found")
		}
		if *r.MaxForwards() != 68 {
			t.Errorf("Max-Forwards %v", *r.MaxForwards())
		}
		if len(r.Body()) != 150 {
			t.Errorf("body has %d bytes", len(r.Body()))
		}
	})
}
