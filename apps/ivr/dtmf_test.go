package ivr_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/apps/ivr"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/module"
)

func apps(t *testing.T) map[string]core.App {
	t.Helper()
	m, err := ivr.New(parse(t, menus+`<menu name="1000" timeout="1s"/>`), core.Deps{Sounds: &prompts{}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]core.App{}
	for _, a := range m.(module.AppProvider).Apps() {
		all[a.Name] = a
	}
	return all
}

func TestConformance(t *testing.T) {
	for _, a := range apps(t) {
		apptest.Run(t, a)
	}
}

// TestSendDTMF: what is sent, and how long it takes.
func TestSendDTMF(t *testing.T) {
	for _, c := range []struct{ args, want, took string }{
		{"1", "SendDigits 1 250ms", "500"},
		{"12#*", "SendDigits 12#* 250ms", "2000"},
		{"12@100", "SendDigits 12 100ms", "700"},
		{"1@100+2@200", "SendDigits 1 100ms; SendDigits 2 200ms", "800"},
		{"1@100+2", "SendDigits 1 100ms; SendDigits 2 250ms", "850"},
		{"1@5", "SendDigits 1 50ms", "300"},
		{"1@99999", "SendDigits 1 24s", "24250"},
		{"w1W", "SendDigits w1W 250ms", "2000"},
		{"ad", "SendDigits AD 250ms", "1000"},
		{"f", "SendDigits F 250ms", "500"},
		{"~1", "SendDigits 1 250ms", "500"},
		{"", "", ""},
		{"1@", "", ""},
		{"12x", "", ""},
		{"1++2", "", ""},
		{strings.Repeat("1", 100), "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := apptest.New(nil)
			err := apps(t)["send_dtmf"].Run(t.Context(), s, c.args)
			if got := strings.Join(s.Done(), "; "); got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("send_dtmf %q: %q, %v; want %q", c.args, got, err, c.want)
			}
			if got := s.Var("last_dtmf_duration"); got != c.took {
				t.Errorf("send_dtmf %q: last_dtmf_duration = %q, want %q", c.args, got, c.took)
			}
		})
	}
}

// TestQueueDTMF: the legs called later press the keys when they answer.
func TestQueueDTMF(t *testing.T) {
	s := apptest.New(nil)
	queue := apps(t)["queue_dtmf"].Run
	if err := queue(t.Context(), s, "ww1234@100"); err != nil {
		t.Fatal(err)
	}
	if local, ok := s.Exported()["execute_on_answer_7362"]; !ok || local {
		t.Errorf("exported %v", s.Exported())
	}
	if err := queue(t.Context(), s, "12x"); err == nil {
		t.Error("12x was taken")
	}
	if err := queue(t.Context(), s, ""); err != nil {
		t.Error(err)
	}
}

// TestQueuedKeysAreSentWhenTheLegAnswers: to the callee, and to nobody once that
// was taken back.
func TestQueuedKeysAreSentWhenTheLegAnswers(t *testing.T) {
	for want, steps := range map[string][]string{"digits w12": {"queue_dtmf w12"}, "": {"queue_dtmf 12", "queue_dtmf"}} {
		synctest.Test(t, func(t *testing.T) {
			w := coretest.NewWorld()
			bridgedIn(t, w, steps, "", "")
			for i, s := range w.Engine.Streams() {
				var sent string
				for _, c := range s.Calls() {
					if strings.HasPrefix(c, "digits") {
						sent += c
					}
				}
				// The callee's stream is opened first: the caller's waits for an answer to its offer.
				if i == 0 && sent != want || i == 1 && sent != "" {
					t.Errorf("%q: stream %d was asked %q, want %q on the first", steps, i, sent, want)
				}
			}
		})
	}
}

func TestFlushDTMF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := call(t, "", nil, keys(t, "1s:1 1.1s:2 3s:3"), "sleep 2s", "flush_dtmf", "rest")
		if out.left != "3" {
			t.Errorf("left %q, want 3", out.left)
		}
	})
}
