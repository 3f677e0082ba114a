package play_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/apps/play"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/media"
)

// sounds has every file but those named missing; each lasts a second.
type sounds struct{ opened []string }

func (s *sounds) Open(_ context.Context, path string, rateHz int) (media.Source, error) {
	s.opened = append(s.opened, path)
	switch {
	case strings.Contains(path, "missing"):
		return nil, fmt.Errorf("open %q: %w", path, fs.ErrNotExist)
	case strings.Contains(path, "broken"):
		return nil, errors.New("no RIFF")
	case strings.Contains(path, "empty"):
		return &tone{rateHz: rateHz}, nil
	}
	return &tone{rateHz: rateHz, left: rateHz}, nil
}

func (s *sounds) Create(context.Context, string, core.RecordOptions) (media.Sink, error) {
	return nil, core.ErrUnsupported
}

type tone struct{ rateHz, left int }

func (t *tone) RateHz() int { return t.rateHz }

func (t *tone) Read(p []int16) (int, error) {
	n := min(len(p), t.left)
	if t.left -= n; n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (t *tone) Close() error { return nil }

func apps(t *testing.T, s core.Sounds) map[string]core.App {
	t.Helper()
	m, err := play.New(nil, core.Deps{Sounds: s})
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

func TestPlaybackSaysHowItWent(t *testing.T) {
	for path, want := range map[string]string{"x.wav": "FILE PLAYED", "missing.wav": "FILE NOT FOUND", "broken.wav": "PLAYBACK ERROR"} {
		synctest.Test(t, func(t *testing.T) {
			s := apptest.New(nil)
			_ = apps(t, &sounds{})["playback"].Run(t.Context(), s, path)
			if got := s.Var("current_application_response"); got != want {
				t.Errorf("playback %s: %q, want %q", path, got, want)
			}
			if _, over := s.HungUp(); over {
				t.Errorf("playback %s ended the call", path)
			}
		})
	}
}

func TestTerminators(t *testing.T) {
	for _, c := range []struct{ vars, used string }{
		{"", "*"}, {"none", ""}, {"any", "*"}, {"#", ""}, {"*#", "*"}, {"NONE", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := apptest.New(map[string]string{"playback_terminators": c.vars})
			s.Digits = "*"
			_ = apps(t, &sounds{})["playback"].Run(t.Context(), s, "x.wav")
			if got := s.Var("playback_terminator_used"); got != c.used {
				t.Errorf("terminators %q: used %q, want %q", c.vars, got, c.used)
			}
		})
	}
}

func TestSoundPrefixIsForRelativeNamesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snd := &sounds{}
		s := apptest.New(map[string]string{"sound_prefix": "/sounds/en"})
		for _, path := range []string{"ivr/hello.wav", "/abs/x.wav", "tone_stream://%(100,0,440)", "{loops=2}ivr/hello.wav"} {
			_ = apps(t, snd)["playback"].Run(t.Context(), s, path)
		}
		want := "/sounds/en/ivr/hello.wav /abs/x.wav tone_stream://%(100,0,440) {loops=2}/sounds/en/ivr/hello.wav"
		if got := strings.Join(snd.opened, " "); got != want {
			t.Errorf("opened %q, want %q", got, want)
		}
	})
}

func TestLoops(t *testing.T) {
	for _, c := range []struct {
		app, args string
		lasts     time.Duration
	}{
		{"loop_playback", "+3 x.wav", 3 * time.Second},
		{"loop_playback", "+1 x.wav", time.Second},
		{"endless_playback", "x.wav", time.Minute}, // until the call ends
		{"endless_playback", "empty.wav", 0},       // does not spin
		{"endless_playback", "missing.wav", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			begin := time.Now()
			_ = apps(t, &sounds{})[c.app].Run(ctx, apptest.New(nil), c.args)
			if d := time.Since(begin); d < c.lasts || d > c.lasts+time.Second/10 {
				t.Errorf("%s %s lasted %s, want %s", c.app, c.args, d, c.lasts)
			}
		})
	}
}

// words answers sound_string as apps/say does.
type words struct{}

func (words) List() []core.Command { return nil }

func (words) Find(name string) (core.Command, bool) {
	return core.Command{Name: name, Run: func(_ context.Context, _ core.Session, args string) (string, error) {
		if strings.Contains(args, "nosuch") {
			return "", errors.New("no such macro")
		}
		return "file_string://a.wav!b.wav", nil
	}}, name == "sound_string"
}

func TestPhrasesAreMadeOfRecordings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snd := &sounds{}
		m, err := play.New(nil, core.Deps{Sounds: snd, Commands: words{}})
		if err != nil {
			t.Fatal(err)
		}
		playback := m.(module.AppProvider).Apps()[0]
		if err := playback.Run(t.Context(), apptest.New(nil), "phrase:hello:world"); err != nil {
			t.Fatal(err)
		}
		if snd.opened[0] != "file_string://a.wav!b.wav" {
			t.Errorf("opened %q", snd.opened)
		}
		s := apptest.New(nil)
		if err := playback.Run(t.Context(), s, "phrase:nosuch"); err == nil || s.Var("current_application_response") != "PLAYBACK ERROR" {
			t.Errorf("err %v, response %q", err, s.Var("current_application_response"))
		}
	})
}

func TestGentones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		snd := &sounds{}
		_ = apps(t, snd)["gentones"].Run(t.Context(), apptest.New(nil), "%(100,0,440)|5")
		if snd.opened[0] != "tone_stream://%(100,0,440);loops=5" {
			t.Errorf("opened %q", snd.opened)
		}
	})
}
