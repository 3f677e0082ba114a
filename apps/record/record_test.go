package record_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/apps/record"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/media"
)

// sounds notes what is to be recorded.
type sounds struct {
	path string
	opt  core.RecordOptions
}

func (s *sounds) Open(context.Context, string, int) (media.Source, error) {
	return nil, core.ErrUnsupported
}

func (s *sounds) Create(_ context.Context, path string, opt core.RecordOptions) (media.Sink, error) {
	s.path, s.opt = path, opt
	return sink{opt}, nil
}

type sink struct{ opt core.RecordOptions }

func (sink) RateHz() int        { return 8000 }
func (sink) Write(_, _ []int16) {}

func (s sink) Close() error {
	if s.opt.OnEnd != nil {
		s.opt.OnEnd(core.RecordEnd{Path: "p", Length: 2500 * time.Millisecond, Bytes: 40000})
	}
	return nil
}

func apps(t *testing.T, s core.Sounds) map[string]core.App {
	t.Helper()
	m, err := record.New(nil, core.Deps{Sounds: s, DataDir: "/data"})
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
	for _, a := range apps(t, &sounds{}) {
		apptest.Run(t, a)
	}
}

func TestRecordSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snd := &sounds{}
		s := apptest.New(map[string]string{"RECORD_STEREO": "true", "RECORD_MIN_SEC": "3"})
		if err := apps(t, snd)["record_session"].Run(t.Context(), s, "a/b.wav +60"); err != nil {
			t.Fatal(err)
		}
		if snd.path != "/data/recordings/a/b.wav" || !snd.opt.Stereo || snd.opt.MinLen != 3*time.Second || snd.opt.MaxLen != time.Minute || snd.opt.RateHz != 8000 {
			t.Errorf("recorded to %s with %+v", snd.path, snd.opt)
		}
		if err := apps(t, snd)["stop_record_session"].Run(t.Context(), s, "a/b.wav"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.Done(), "; "); got != "Record /data/recordings/a/b.wav; StopRecord /data/recordings/a/b.wav" {
			t.Errorf("asked %q", got)
		}
		if s.Var("record_ms") != "2500" || s.Var("record_seconds") != "2" {
			t.Errorf("record_ms %q, record_seconds %q", s.Var("record_ms"), s.Var("record_seconds"))
		}
	})
}

func TestRecordModes(t *testing.T) {
	for name, want := range map[string]string{"RECORD_READ_ONLY": "read", "RECORD_WRITE_ONLY": "write", "none": ""} {
		synctest.Test(t, func(t *testing.T) {
			snd := &sounds{}
			_ = apps(t, snd)["record_session"].Run(t.Context(), apptest.New(map[string]string{name: "true"}), "/abs.wav")
			if snd.opt.Mode != want || snd.path != "/abs.wav" {
				t.Errorf("%s: mode %q to %s", name, snd.opt.Mode, snd.path)
			}
		})
	}
}
