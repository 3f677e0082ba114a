package ivr_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tandemswitch/tandem/apps/ivr"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// prompts is a core.Sounds: NAME-3s.wav lasts three seconds, others one, and
// names with "missing" are not there. It remembers what was opened, and when.
type prompts struct {
	began time.Time

	mu     sync.Mutex
	opened []string
}

func (p *prompts) Open(_ context.Context, name string, rateHz int) (media.Source, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened = append(p.opened, fmt.Sprintf("%s %s", time.Since(p.began).Round(20*time.Millisecond), name))
	if strings.Contains(name, "missing") || strings.HasPrefix(name, "say:") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	length := time.Second
	if i := strings.LastIndexByte(name, '-'); i >= 0 {
		if d, err := time.ParseDuration(strings.TrimSuffix(name[i+1:], ".wav")); err == nil {
			length = d
		}
	}
	return &silence{rateHz, int(length * time.Duration(rateHz) / time.Second)}, nil
}

func (p *prompts) Create(context.Context, string, core.RecordOptions) (media.Sink, error) {
	return nil, core.ErrUnsupported
}

// names are what was opened, without the times.
func (p *prompts) names() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, o := range p.opened {
		_, name, _ := strings.Cut(o, " ")
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

type silence struct{ rateHz, left int }

func (s *silence) RateHz() int { return s.rateHz }

func (s *silence) Read(p []int16) (int, error) {
	n := min(s.left, len(p))
	clear(p[:n])
	if s.left -= n; s.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

func (s *silence) Close() error { return nil }

// press is a key, so long after the call began.
type press struct {
	at  time.Duration
	key byte
}

// keys reads "1s:1 1.5s:23 4s:bye": what the caller presses when.
func keys(t *testing.T, script string) []press {
	t.Helper()
	var all []press
	for word := range strings.FieldsSeq(script) {
		at, digits, ok := strings.Cut(word, ":")
		d, err := time.ParseDuration(at)
		if !ok || err != nil {
			t.Fatalf("script %q: want TIME:KEYS", word)
		}
		for i := range len(digits) {
			all = append(all, press{d, digits[i]})
		}
	}
	return all
}

// outcome is how a call went.
type outcome struct {
	vars    map[string]string
	opened  string   // prompts, in order
	when    []string // the same with times
	ran     []string // applications that menus or the dialplan ran, with their times
	took    time.Duration
	left    string // keys that nobody took
	notices []string
	streams []*coretest.Stream
}

// noted are applications that only note that they ran.
var noted = []string{"note", "playback", "bridge"}

// module makes the ivr module with the menus.
func newModule(t *testing.T, deps core.Deps, menus string) (module.Module, error) {
	t.Helper()
	var node *config.Node
	if menus != "" {
		node = parse(t, menus)
	}
	return ivr.New(node, deps)
}

// call runs steps on a real session, on virtual time, while the caller presses
// keys. It must be called in a bubble.
func call(t *testing.T, menus string, vars map[string]string, presses []press, steps ...string) outcome {
	t.Helper()
	w := coretest.NewWorld()
	sounds := &prompts{began: time.Now()}
	w.Play = sounds
	var out outcome
	for _, name := range noted {
		w.AppList[name] = core.App{Name: name, NoMedia: true, Run: func(_ context.Context, _ core.Session, args string) error {
			out.ran = append(out.ran, strings.TrimSpace(fmt.Sprintf("%s %s %s", time.Since(sounds.began).Round(20*time.Millisecond), name, args)))
			return nil
		}}
	}
	w.AppList["transfer"] = core.App{Name: "transfer", NoMedia: true, Run: func(_ context.Context, s core.Session, args string) error {
		out.ran = append(out.ran, "transfer "+args)
		return s.Transfer("moved", "", "")
	}}
	w.AppList["rest"] = core.App{Name: "rest", Run: func(ctx context.Context, s core.Session, _ string) error {
		for {
			d, ok, err := s.Digit(ctx, 10*time.Second)
			if !ok || err != nil {
				return err
			}
			out.left += string(d)
		}
	}}
	w.AppList["sleep"] = coretest.Sleep("sleep")
	deps := w.Deps()
	deps.Log = slog.New(slog.DiscardHandler)
	m, err := newModule(t, deps, menus)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range m.(module.AppProvider).Apps() {
		w.AppList[a.Name] = a
	}
	steps = append(steps, "note end")
	w.Plan["test"], w.Plan["moved"] = steps, []string{"note moved"}
	w.Plan["1000"] = []string{"note 1000"}

	leg := coretest.NewLeg(nil)
	in := core.Incoming{
		Endpoint: "phone", Name: "phone/1000", Leg: leg, Offer: coretest.Describe(), Variables: vars,
		Profile: core.CallerProfile{CallerIDNumber: "1000", DestinationNumber: "test", Context: "default", Dialplan: "XML"},
	}
	s := session.NewInbound(&session.Config{Deps: deps, Find: func(core.ChannelID) *session.Session { return nil }}, in, "a", "call")
	leg.Attach(s.Inbox(), "a")
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(t.Context()) })
	for _, p := range presses {
		if d := p.at - time.Since(sounds.began); d > 0 {
			<-time.After(d)
		}
		if p.key == '!' { // hangs up
			leg.Post(core.FarHangup{Cause: core.CauseNormalClearing})
			break
		}
		leg.Post(core.Digit{Digit: p.key, Duration: 100 * time.Millisecond})
	}
	<-s.Done()
	wg.Wait()
	out.took = time.Since(sounds.began)
	out.vars = w.Records.All()[0].Variables
	out.opened, out.when = sounds.names(), sounds.opened
	out.streams = w.Engine.Streams()
	for _, kind := range w.Events.Types() {
		if strings.HasPrefix(kind, "interaction.menu") {
			out.notices = append(out.notices, strings.TrimPrefix(kind, "interaction.menu_"))
		}
	}
	return out
}

// parse reads menus, which stand in the file ivr.xml from line 1 on.
func parse(t *testing.T, menus string) *config.Node {
	t.Helper()
	tree, err := config.Load(config.Options{FS: fstest.MapFS{
		"freeswitch.xml": {Data: []byte(`<document type="freeswitch/xml"><section name="configuration">
<configuration name="ivr.conf"><menus>
<X-PRE-PROCESS cmd="include" data="ivr.xml"/>
</menus></configuration></section></document>`)},
		"ivr.xml": {Data: []byte(menus)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Configuration("ivr.conf")
}

// ranAt returns when a step ran.
func ranAt(t *testing.T, out outcome, step string) time.Duration {
	t.Helper()
	for _, r := range out.ran {
		at, what, _ := strings.Cut(r, " ")
		if what == step {
			d, err := time.ParseDuration(at)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	}
	t.Errorf("%q did not run: %q", step, out.ran)
	return 0
}

// last is the last word of the last step.
func last(ran []string) string {
	if len(ran) == 0 {
		return ""
	}
	words := strings.Fields(ran[len(ran)-1])
	return words[len(words)-1]
}
