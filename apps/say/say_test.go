package say_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/apps/say"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/media"
)

// fakeSounds has every sound but those named missing; each lasts a second.
type fakeSounds struct{ opened []string }

func (s *fakeSounds) Open(_ context.Context, path string, rateHz int) (media.Source, error) {
	s.opened = append(s.opened, path)
	switch {
	case strings.Contains(path, "missing"):
		return nil, fmt.Errorf("open %q: %w", path, fs.ErrNotExist)
	case strings.Contains(path, "broken"):
		return nil, errors.New("no RIFF")
	}
	return &tone{rateHz: rateHz, left: rateHz}, nil
}

func (s *fakeSounds) Create(context.Context, string, core.RecordOptions) (media.Sink, error) {
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

// bench is the module with its sounds.
type bench struct {
	module module.Module
	sounds *fakeSounds
}

// macros are what the tests play.
const macros = `<language name="en" sound-prefix="/snd/en"><phrases><macros>
<macro name="count" pause="0"><input pattern="^(\d+)$"><match>
  <action function="play-file" data="vm-you_have.wav"/><action function="say" type="items" method="pronounced" data="$1"/><action function="play-file" data="/abs/x.wav"/>
</match></input></macro>
<macro name="pauses"><input><match><action function="play-file" data="a.wav"/><action function="play-file" data="b.wav"/></match></input></macro>
<macro name="runs" pause="0"><input><match>
  <action function="play-file" data="a.wav"/><action function="execute" data="log(INFO $0)"/><action function="play-file" data="${x}.wav"/>
</match></input></macro>
<macro name="troubles" pause="0"><input><match>
  <action function="say" type="number" data="abc"/><action function="play-file" data="missing.wav"/><action function="execute" data="log()"/>
  <action function="phrase" phrase="${none}x" /><action function="play-file" data="b.wav"/>
</match></input></macro>
<macro name="self"><input><match><action function="execute" data="phrase(self)"/></match></input></macro>
</macros></phrases></language>`

func load(t testing.TB, content string) *config.Node {
	t.Helper()
	text := `<document type="freeswitch/xml"><section name="languages">` + content + `</section></document>`
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Section("languages")
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{sounds: &fakeSounds{}}
	m, err := say.New(load(t, macros), core.Deps{Sounds: b.sounds})
	if err != nil {
		t.Fatal(err)
	}
	b.module = m
	return b
}

func (b *bench) app(name string) core.App {
	for _, a := range b.module.(module.AppProvider).Apps() {
		if a.Name == name {
			return a
		}
	}
	panic("no application " + name)
}

// command runs an API function.
func (b *bench) command(t *testing.T, s core.Session, name, args string) (string, error) {
	t.Helper()
	for _, c := range b.module.(module.CommandProvider).Commands() {
		if c.Name == name {
			return c.Run(t.Context(), s, args)
		}
	}
	t.Fatalf("no command %s", name)
	return "", nil
}

func TestConformance(t *testing.T) {
	for _, a := range newBench(t).module.(module.AppProvider).Apps() {
		apptest.Run(t, a)
	}
}

func TestSay(t *testing.T) {
	for _, c := range []struct{ args, opened string }{
		{"en NUMBER PRONOUNCED 21", "/snd/en/digits/20.wav!/snd/en/digits/1.wav"},
		{"EN number iterated 10", "/snd/en/digits/1.wav!/snd/en/digits/0.wav"},
		{"en ITEMS counted FEMININE 3", "/snd/en/digits/h-3.wav"},
		{"en name_spelled pronounced neuter", "n e u t e r"}, // a gender without a text is the text
		{"en NAME_SPELLED N/A a b", "a   b"},
		{"en:en-US NUMBER N/A 5", "/snd/en/digits/5.wav"},
		{"en:de NUMBER N/A 5", "/own/digits/5.wav"}, // no such language: the channel's voice
	} {
		synctest.Test(t, func(t *testing.T) {
			b, s := newBench(t), apptest.New(map[string]string{"sound_prefix": "/own"})
			if err := b.app("say").Run(t.Context(), s, c.args); err != nil {
				t.Errorf("say %s: %v", c.args, err)
			}
			want := c.opened
			if !strings.HasPrefix(want, "/") {
				var files []string
				for _, letter := range strings.ReplaceAll(strings.ReplaceAll(want, "   ", "_"), " ", "") {
					if letter == '_' {
						letter = ' '
					}
					files = append(files, fmt.Sprintf("/snd/en/ascii/%d.wav", letter))
				}
				want = strings.Join(files, "!")
			}
			if got := strings.Join(b.sounds.opened, " "); got != "file_string://"+want {
				t.Errorf("say %s opens %s\nwant %s", c.args, got, want)
			}
			if got := s.Var("current_application_response"); got != "FILE PLAYED" || s.Var("playback_ms") != "1000" {
				t.Errorf("say %s: response %q after %s ms", c.args, got, s.Var("playback_ms"))
			}
		})
	}
}

func TestSayRefusesWithoutEndingTheCall(t *testing.T) {
	for args, want := range map[string]string{
		"":                          "no module",
		"en":                        "want MODULE",
		"en NUMBER PRONOUNCED":      "want MODULE",
		"de NUMBER PRONOUNCED 5":    `no module "de": this build says en`,
		"en NUMBERS PRONOUNCED 5":   "unknown type",
		"en NUMBER LOUDLY 5":        "unknown method",
		"en NUMBER PRONOUNCED five": "cannot be said",
		"en CURRENT_TIME N/A later": "cannot be said",
	} {
		synctest.Test(t, func(t *testing.T) {
			b, s := newBench(t), apptest.New(nil)
			err := b.app("say").Run(t.Context(), s, args)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("say %q: %v, want %q", args, err, want)
			}
			if _, over := s.HungUp(); over || len(b.sounds.opened) > 0 {
				t.Errorf("say %q: over %v, opened %q", args, over, b.sounds.opened)
			}
		})
	}
}

func TestSayUsesTheChannelsZone(t *testing.T) {
	for zone, want := range map[string]string{"UTC": "digits/10.wav", "Asia/Tokyo": "digits/7.wav", "America/New_York": "digits/5.wav", "No/Where": ""} {
		synctest.Test(t, func(t *testing.T) {
			b, s := newBench(t), apptest.New(map[string]string{"timezone": zone})
			if err := b.app("say").Run(t.Context(), s, "en CURRENT_TIME PRONOUNCED 1700000000"); err != nil { // 22:13:20 UTC
				t.Fatal(err)
			}
			if got := b.sounds.opened[0]; !strings.HasPrefix(got, "file_string:///snd/en/"+want) {
				t.Errorf("in %s: %s, want %s first", zone, got, want)
			}
		})
	}
}

func TestKeysEndWhatIsSaid(t *testing.T) {
	for _, c := range []struct{ terminators, digit, used string }{
		{"", "*", "*"}, {"", "5", ""}, {"any", "5", "5"}, {"none", "*", ""}, {"#5", "5", "5"},
	} {
		for app, args := range map[string]string{"say": "en NUMBER N/A 1", "phrase": "runs,1"} {
			synctest.Test(t, func(t *testing.T) {
				b, s := newBench(t), apptest.New(map[string]string{"playback_terminators": c.terminators, "x": "y"})
				s.Digits = c.digit
				if err := b.app(app).Run(t.Context(), s, args); err != nil {
					t.Fatal(err)
				}
				if got := s.Var("playback_terminator_used"); got != c.used {
					t.Errorf("%s with terminators %q and key %s: used %q, want %q", app, c.terminators, c.digit, got, c.used)
				}
				if app == "phrase" && c.used != "" && len(b.sounds.opened) != 1 {
					t.Errorf("the phrase went on after the key: %q", b.sounds.opened)
				}
			})
		}
	}
}

func TestPhrase(t *testing.T) {
	for _, c := range []struct{ args, vars, opened, done string }{
		{"count,21", "", "file_string:///snd/en/vm-you_have.wav!/snd/en/digits/20.wav!/snd/en/digits/1.wav!/abs/x.wav", ""},
		{"count:3", "", "file_string:///snd/en/vm-you_have.wav!/snd/en/digits/3.wav!/abs/x.wav", ""},
		{"count,x", "", "", ""},
		{" pauses ", "", "file_string:///snd/en/a.wav!silence_stream://100!/snd/en/b.wav", ""},
		{"pauses", "enforced", "file_string:///own/a.wav!silence_stream://100!/own/b.wav", ""},
		{"pauses", "de", "", ""},
		{"pauses", "en-GB", "file_string:///snd/en/a.wav!silence_stream://100!/snd/en/b.wav", ""},
		{"runs,7", "", "file_string:///snd/en/a.wav file_string:///snd/en/y.wav", "Execute log INFO 7"},
	} {
		synctest.Test(t, func(t *testing.T) {
			vars := map[string]string{"x": "y", "sound_prefix": "/own"}
			switch c.vars {
			case "":
			case "enforced":
				vars["sound_prefix_enforced"] = "true"
			default:
				vars["default_language"] = c.vars
			}
			b, s := newBench(t), apptest.New(vars)
			err := b.app("phrase").Run(t.Context(), s, c.args)
			if (err != nil) != (c.vars == "de") {
				t.Errorf("phrase %s: %v", c.args, err)
			}
			if got := strings.Join(b.sounds.opened, " "); got != c.opened {
				t.Errorf("phrase %s opens %s\nwant %s", c.args, got, c.opened)
			}
			if done := strings.Join(s.Done(), "; "); !strings.Contains(done, c.done) {
				t.Errorf("phrase %s did %s, want %s", c.args, done, c.done)
			}
			if s.Var("sound_prefix") != "/own" {
				t.Errorf("phrase %s leaves sound_prefix at %q", c.args, s.Var("sound_prefix"))
			}
		})
	}
}

func TestPhraseGoesOnAfterTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := newBench(t), apptest.New(nil)
		err := b.app("phrase").Run(t.Context(), s, "troubles")
		for _, want := range []string{`NUMBER "abc": cannot be said`, "missing.wav", `phrase "x": no such macro`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v is no fs.ErrNotExist", err)
		}
		if last := b.sounds.opened[len(b.sounds.opened)-1]; last != "file_string:///snd/en/b.wav" {
			t.Errorf("opened %q, want b.wav in the end", b.sounds.opened)
		}
		if _, over := s.HungUp(); over {
			t.Error("the call is over")
		}
	})
}

// recursive is a session whose Execute runs the module's own application.
type recursive struct {
	*apptest.Session
	run func(ctx context.Context, s core.Session, args string) error
}

func (r recursive) Execute(ctx context.Context, _, args string) error { return r.run(ctx, r, args) }

func TestPhraseThatExecutesItselfEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newBench(t).app("phrase")
		err := app.Run(t.Context(), recursive{apptest.New(nil), app.Run}, "self")
		if err == nil || !strings.Contains(err.Error(), "nested more than") {
			t.Errorf("phrase self: %v", err)
		}
	})
}

func TestSayString(t *testing.T) {
	b := newBench(t)
	s := apptest.New(map[string]string{"sound_prefix": "/own"})
	for args, want := range map[string]string{
		"en en number pronounced 21":     "file_string:///snd/en/digits/20.wav!/snd/en/digits/1.wav",
		"en.gsm en number pronounced 21": "file_string:///snd/en/digits/20.gsm!/snd/en/digits/1.gsm",
		"en de items counted neuter 2":   "file_string:///own/digits/h-2.wav",
	} {
		if got, err := b.command(t, s, "say_string", args); err != nil || got != want {
			t.Errorf("say_string %s = %s, %v, want %s", args, got, err, want)
		}
	}
	if got, err := b.command(t, nil, "say_string", "en xx number pronounced 4"); err != nil || got != "file_string://digits/4.wav" {
		t.Errorf("without a channel: %s, %v", got, err)
	}
	for _, args := range []string{"", "en en number", "xx en number n/a 1", "en en number n/a x"} {
		if got, err := b.command(t, s, "say_string", args); err == nil {
			t.Errorf("say_string %s = %s, want an error", args, got)
		}
	}
}

func TestPhraseString(t *testing.T) {
	b := newBench(t)
	s := apptest.New(map[string]string{"x": "y"})
	for args, want := range map[string]string{
		"pauses":   "file_string:///snd/en/a.wav!silence_stream://100!/snd/en/b.wav",
		"count:21": "file_string:///snd/en/vm-you_have.wav!/snd/en/digits/20.wav!/snd/en/digits/1.wav!/abs/x.wav",
		"runs,1":   "file_string:///snd/en/a.wav!/snd/en/y.wav",
		"count,x":  "",
	} {
		if got, err := b.command(t, s, "phrase_string", args); err != nil || got != want {
			t.Errorf("phrase_string %s = %s, %v, want %s", args, got, err, want)
		}
	}
	if _, err := b.command(t, nil, "phrase_string", "nosuch"); err == nil {
		t.Error("an unknown macro is no error")
	}
}

func TestSoundString(t *testing.T) {
	b := newBench(t)
	s := apptest.New(map[string]string{"default_language": "en-US", "sound_prefix": "/own"})
	for args, want := range map[string]string{
		"phrase:count:2":                  "file_string:///snd/en/vm-you_have.wav!/snd/en/digits/2.wav!/abs/x.wav",
		"say:21":                          "file_string:///snd/en/digits/20.wav!/snd/en/digits/1.wav",
		"say: -1.5 ":                      "file_string:///snd/en/currency/negative.wav!/snd/en/digits/1.wav!/snd/en/digits/dot.wav!/snd/en/digits/5.wav",
		"say:NUMBER ITERATED 10":          "file_string:///snd/en/digits/1.wav!/snd/en/digits/0.wav",
		"say:name_spelled pronounced A":   "file_string:///snd/en/ascii/97.wav",
		"ivr/x.wav":                       "ivr/x.wav",
		"{loops=2}tone_stream://%(1,0,2)": "{loops=2}tone_stream://%(1,0,2)",
		"":                                "",
	} {
		if got, err := b.command(t, s, "sound_string", args); err != nil || got != want {
			t.Errorf("sound_string %s = %s, %v, want %s", args, got, err, want)
		}
	}
	for args, want := range map[string]string{
		"phrase:nosuch":      "no such macro",
		"phrase:":            "want MACRO",
		"say:hello there":    "speech synthesizer",
		"say:":               "speech synthesizer",
		"say:NUMBER LOUD 1":  "unknown method",
		"say:NUMBER N/A one": "cannot be said",
	} {
		if got, err := b.command(t, s, "sound_string", args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sound_string %s = %s, %v, want %q", args, got, err, want)
		}
	}
}

func TestReloadKeepsTheOldMacrosOnAnError(t *testing.T) {
	b := newBench(t)
	r := b.module.(module.Reloader)
	if err := r.Reload(load(t, `<language/>`)); err == nil {
		t.Error("no error")
	}
	if got, err := b.command(t, nil, "phrase_string", "pauses"); err != nil || got == "" {
		t.Errorf("after a failed reload: %q, %v", got, err)
	}
	if err := r.Reload(load(t, `<language name="en"/>`)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.command(t, nil, "phrase_string", "pauses"); err == nil {
		t.Error("the old macros are still there")
	}
}

func TestNewNeedsNoSection(t *testing.T) {
	m, err := say.New(nil, core.Deps{Sounds: &fakeSounds{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
}
