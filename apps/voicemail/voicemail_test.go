package voicemail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/apps/voicemail"
	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/presence"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/file"
)

const domain = "pbx.example"

var alice = core.AOR{User: "1000", Domain: domain}

// people is a directory: 1000 and 1001 have boxes, 1002 has none.
type people struct{ core.Directory }

func (people) User(d, id string) (core.User, bool) {
	u := core.User{ID: id, Domain: domain, Params: map[string]string{"vm-password": "8642"}}
	if id == "1001" {
		u.Params["vm-mailto"], u.Params["vm-email-all-messages"] = "bob@example.org, boss@example.org", "true"
		u.Params["vm-keep-local-after-email"] = "false"
	}
	if id == "1002" {
		u.Params["vm-enabled"] = "false"
	}
	return u, (d == domain || d == "") && (id == "1000" || id == "1001" || id == "1002")
}
func (people) Domains() []string                     { return []string{domain} }
func (people) Users(string) []core.User              { a, _ := people{}.User(domain, "1000"); return []core.User{a} }
func (people) Group(_, _ string) ([]core.User, bool) { return nil, false }

// phrases says which macro is played instead of what it consists of.
type phrases struct{}

func (phrases) Find(name string) (core.Command, bool) {
	return core.Command{Run: func(_ context.Context, _ core.Session, args string) (string, error) { return "phrase:" + args, nil }}, name == "phrase_string"
}
func (phrases) List() []core.Command { return nil }

// sounds has everything, a second of each, unless all of it is missing.
type sounds struct{ missing bool }

// sound is a second of something.
type sound struct {
	name string
	left int
}

func (s *sound) RateHz() int  { return 8000 }
func (s *sound) Close() error { return nil }
func (s *sound) Read(p []int16) (int, error) {
	n := min(len(p), s.left)
	if s.left -= n; n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s sounds) Open(_ context.Context, path string, _ int) (media.Source, error) {
	if s.missing {
		return nil, os.ErrNotExist
	}
	return &sound{path, 8000}, nil
}

// recording is a file that tells how long it became.
type recording struct {
	*file.Recorder
	opt core.RecordOptions
}

func (r recording) Close() error {
	err := r.Recorder.Close()
	got := r.Result()
	r.opt.OnEnd(core.RecordEnd{Path: got.Path, Length: got.Duration, Bytes: got.Bytes, Err: got.Err})
	return err
}

func (sounds) Create(_ context.Context, path string, opt core.RecordOptions) (media.Sink, error) {
	r, err := file.Record(file.RecorderConfig{Path: path, RateHz: opt.RateHz})
	if err != nil {
		return nil, err
	}
	return recording{r, opt}, nil
}

// notices are what the world was told.
type notices struct {
	mu   sync.Mutex
	list []string
}

func (n *notices) Publish(e core.Notice) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, e.Type)
	return uint64(len(n.list))
}

// memory is a table that forgets with the test.
type memory struct{}

func (memory) Load(context.Context) ([]box.Message, []box.Settings, error) { return nil, nil, nil }
func (memory) SaveMessage(context.Context, box.Message) error              { return nil }
func (memory) DeleteMessage(context.Context, string) error                 { return nil }
func (memory) SaveSettings(context.Context, box.Settings) error            { return nil }

// office is a module and what it tells.
type office struct {
	*voicemail.Module
	board   *presence.Board
	notices *notices
	app     core.App
	data    string
}

func open(t *testing.T, snd core.Sounds) *office { return openWith(t, snd, nil) }

// openWith has a configuration.
func openWith(t *testing.T, snd core.Sounds, cfg *config.Node) *office {
	t.Helper()
	data := t.TempDir()
	o := &office{board: presence.New(), notices: &notices{}, data: data}
	m, err := voicemail.With(voicemail.Options{Table: func() (box.Table, error) { return memory{}, nil }})(cfg, core.Deps{
		Directory: people{}, Commands: phrases{}, Sounds: snd, Presence: o.board, Events: o.notices, Log: slog.New(slog.DiscardHandler), DataDir: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Module = m.(*voicemail.Module)
	if err := o.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.app = o.Apps()[0]
	return o
}

// person is somebody at the phone: answers keys to what is heard, and talks
// after the tone.
type person struct {
	*apptest.Session
	answers []string        // "macro=keys": pressed when the macro is heard, in this order
	talks   []time.Duration // after each tone; then silence. Negative: hangs up after it
	hangup  func()

	mu    sync.Mutex
	heard []string
	keys  string
	stop  chan struct{}
	fed   sync.WaitGroup
}

func (p *person) Play(ctx context.Context, src media.Source, terminators string) (core.PlayResult, error) {
	name := strings.TrimPrefix(src.(*sound).name, "phrase:")
	p.mu.Lock()
	p.heard = append(p.heard, strings.TrimSuffix(name, ","))
	if len(p.answers) > 0 {
		what, keys, _ := strings.Cut(p.answers[0], "=")
		if strings.HasPrefix(name, what) {
			p.answers = p.answers[1:]
			if keys == "hangup" {
				p.hangup()
			} else {
				p.keys += keys
			}
		}
	}
	if p.keys != "" && strings.IndexByte(terminators, p.keys[0]) >= 0 {
		k := p.keys[0]
		p.keys = p.keys[1:]
		p.mu.Unlock()
		return core.PlayResult{Terminator: k, Played: 100 * time.Millisecond}, nil
	}
	p.mu.Unlock()
	return p.Session.Play(ctx, src, "")
}

func (p *person) Digit(ctx context.Context, timeout time.Duration) (byte, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys != "" {
		k := p.keys[0]
		p.keys = p.keys[1:]
		return k, true, nil
	}
	return p.Session.Digit(ctx, timeout)
}

func (p *person) FlushDigits() {}

func (p *person) Record(ctx context.Context, name string, sink media.Sink) error {
	if err := p.Session.Record(ctx, name, sink); err != nil {
		return err
	}
	talk := time.Duration(0)
	if len(p.talks) > 0 {
		talk, p.talks = p.talks[0], p.talks[1:]
	}
	stop := make(chan struct{})
	p.stop = stop
	p.fed.Go(func() { p.feed(sink, talk, stop) })
	return nil
}

func (p *person) feed(sink media.Sink, talk time.Duration, stop <-chan struct{}) {
	loud, quiet := make([]int16, 160), make([]int16, 160)
	for i := range loud {
		loud[i] = int16(8000 * (i%8 - 4) / 4)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for at := time.Duration(0); ; at += 20 * time.Millisecond {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if talk < 0 && at >= -talk {
			p.hangup()
			return
		}
		if at < max(talk, -talk) {
			sink.Write(loud, loud)
		} else {
			sink.Write(quiet, loud)
		}
	}
}

func (p *person) StopRecord(ctx context.Context, name string) error {
	close(p.stop)
	p.fed.Wait()
	return p.Session.StopRecord(ctx, name)
}

// call runs the application for a person until it ends.
func (o *office) call(t *testing.T, p *person, args string) error {
	t.Helper()
	if p.Session == nil {
		p.Session = apptest.New(nil)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	p.hangup = func() {
		p.Hangup(core.CauseNormalClearing, core.ByCaller)
		cancel(&core.HangupError{Cause: core.CauseNormalClearing, By: core.ByCaller})
	}
	err := o.app.Run(ctx, p, args)
	if len(p.answers) > 0 {
		t.Errorf("never heard %q; heard %q", p.answers, p.heard)
	}
	return err
}

const leaving = "default " + domain + " 1000"

// message leaves one and returns it.
func (o *office) message(t *testing.T, talk time.Duration) box.Message {
	t.Helper()
	before := len(o.Boxes().Messages(alice, ""))
	if err := o.call(t, &person{talks: []time.Duration{talk}}, leaving); err != nil {
		t.Fatal(err)
	}
	list := o.Boxes().Messages(alice, "")
	if len(list) != before+1 {
		t.Fatalf("%d messages, want %d", len(list), before+1)
	}
	return list[len(list)-1]
}

func TestConformance(t *testing.T) {
	apptest.Run(t, open(t, sounds{}).app)
}

func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		p := &person{talks: []time.Duration{5 * time.Second}, answers: []string{"voicemail_record_file_check=1", "voicemail_record_file_check=2", "voicemail_record_urgent_check=*"}}
		if err := o.call(t, p, leaving); err != nil {
			t.Fatal(err)
		}
		list := o.Boxes().Messages(alice, box.StateNew)
		if len(list) != 1 || !list[0].Urgent || list[0].CallerNumber != "1000" || list[0].Length < 5*time.Second || list[0].Length > 7500*time.Millisecond {
			t.Fatalf("messages %+v", list)
		}
		want := []string{
			"voicemail_play_greeting,1000", "voicemail_record_message", "tone_stream://%(1000, 0, 640)", "voicemail_record_file_check,1:2:3",
			o.Boxes().Path(list[0]), "voicemail_record_file_check,1:2:3", "voicemail_record_urgent_check,*:#", "voicemail_ack,marked-urgent", "voicemail_goodbye",
		}
		if !slices.Equal(p.heard, want) {
			t.Errorf("heard %q\nwant  %q", p.heard, want)
		}
		if got := strings.Join(o.notices.list, " "); got != "mwi.changed mwi.changed voicemail.left" {
			t.Errorf("told %s", got)
		}
		if lamp, _ := o.board.Latest("mwi/1000@" + domain); lamp != "1/0 (1/0)" {
			t.Errorf("lamp %q", lamp)
		}
		if p.Var("voicemail_message_id") != list[0].ID {
			t.Errorf("voicemail_message_id = %q", p.Var("voicemail_message_id"))
		}
		data, err := os.ReadFile(o.Boxes().Path(list[0]))
		if err != nil || len(data) < 5*16000 {
			t.Errorf("file of %d bytes, %v", len(data), err)
		}
	})
}

// TestHangupAtAnyMomentDelivers hangs up while the caller speaks and in each
// prompt after it.
func TestHangupAtAnyMomentDelivers(t *testing.T) {
	for _, c := range []struct {
		name    string
		talk    time.Duration
		answers []string
		want    int
	}{
		{"greeting", 0, []string{"voicemail_play_greeting=hangup"}, 0},
		{"tone", 0, []string{"tone_stream=hangup"}, 0},
		{"too soon", -2 * time.Second, nil, 0},
		{"speaking", -5 * time.Second, nil, 1},
		{"review", 5 * time.Second, []string{"voicemail_record_file_check=hangup"}, 1},
		{"urgent", 5 * time.Second, []string{"voicemail_record_file_check=2", "voicemail_record_urgent_check=hangup"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := open(t, sounds{})
				err := o.call(t, &person{talks: []time.Duration{c.talk}, answers: c.answers}, leaving)
				if !errors.Is(err, core.ErrEnded) {
					t.Errorf("ended with %v", err)
				}
				if n := o.Boxes().Counts(alice).New; n != c.want {
					t.Errorf("%d new messages, want %d", n, c.want)
				}
				if told := slices.Contains(o.notices.list, "voicemail.left"); told != (c.want == 1) {
					t.Errorf("told %v", o.notices.list)
				}
			})
		})
	}
}

func TestTooShortIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		p := &person{talks: []time.Duration{100 * time.Millisecond, 6 * time.Second}}
		if err := o.call(t, p, leaving); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(p.heard, "voicemail_ack,too-small") || o.Boxes().Counts(alice).New != 1 {
			t.Errorf("heard %q, %v", p.heard, o.Boxes().Counts(alice))
		}
	})
}

// TestRecordedAnewReplaces also hangs up in the second recording: the first
// one stays.
func TestRecordedAnewReplaces(t *testing.T) {
	for second, want := range map[time.Duration]time.Duration{8 * time.Second: 8 * time.Second, -time.Second: 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			o := open(t, sounds{})
			_ = o.call(t, &person{talks: []time.Duration{4 * time.Second, second}, answers: []string{"voicemail_record_file_check=3"}}, leaving)
			list := o.Boxes().Messages(alice, "")
			if len(list) != 1 || list[0].Length < want || list[0].Length > want+2500*time.Millisecond {
				t.Errorf("second of %v: %+v", second, list)
			}
		})
	}
}

func TestLongestRecordingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if m := open(t, sounds{}).message(t, time.Hour); m.Length != 300*time.Second {
			t.Errorf("recorded %v", m.Length)
		}
	})
}

func TestMissingPromptsEndNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open(t, sounds{missing: true}).message(t, 5*time.Second)
	})
}

func TestFullBox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		for range 100 {
			if _, err := o.Boxes().Begin(box.Message{Owner: alice}, box.Limits{}); err != nil {
				t.Fatal(err)
			}
		}
		p := &person{}
		if err := o.call(t, p, leaving); err != nil || !slices.Contains(p.heard, "voicemail_disk_quota_exceeded") {
			t.Errorf("%v, heard %q", err, p.heard)
		}
	})
}

func TestNoBox(t *testing.T) {
	o := open(t, sounds{})
	for _, args := range []string{"default " + domain + " 1002", "default " + domain + " 77", "nosuch " + domain + " 1000", "default", "check default"} {
		p := &person{}
		if err := o.call(t, p, args); err == nil || len(p.Done()) != 0 {
			t.Errorf("%q: %v, did %q", args, err, p.Done())
		}
	}
}

const checking = "check default " + domain

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		first := o.message(t, 5*time.Second)
		time.Sleep(time.Minute)
		second := o.message(t, 6*time.Second)
		o.notices.list = nil
		p := &person{answers: []string{
			"voicemail_enter_id=1000#", "voicemail_enter_pass=8642#",
			"voicemail_listen_file_check=0", // again
			"voicemail_listen_file_check=2", // save
			"voicemail_listen_file_check=1", // the one before
			"voicemail_listen_file_check=3", // on
			"voicemail_listen_file_check=7", // delete
			"voicemail_menu=2",              // saved
			"voicemail_listen_file_check=#",
			"voicemail_menu=#",
		}}
		if err := o.call(t, p, checking); err != nil {
			t.Fatal(err)
		}
		if list := o.Boxes().Messages(alice, ""); len(list) != 1 || list[0].ID != first.ID || list[0].State != box.StateSaved {
			t.Errorf("left %+v", list)
		}
		if _, err := os.Stat(o.Boxes().Path(second)); !os.IsNotExist(err) {
			t.Errorf("the deleted file: %v", err)
		}
		if lamp, _ := o.board.Latest("mwi/1000@" + domain); lamp != "0/1 (0/0)" {
			t.Errorf("lamp %q", lamp)
		}
		wantHeard := []string{
			"voicemail_hello", "voicemail_enter_id,#", "voicemail_enter_pass,#", "voicemail_message_count,2:new", "voicemail_message_count,0:saved",
			"voicemail_say_message_number,new:1", "voicemail_say_phone_number,1000", fmt.Sprintf("voicemail_say_date,%d", first.Created.Unix()), o.Boxes().Path(first) + "@@0", "voicemail_listen_file_check,1:2:7:",
		}
		if !slices.Equal(p.heard[:len(wantHeard)], wantHeard) {
			t.Errorf("heard %q\nwant  %q", p.heard, wantHeard)
		}
		read, deleted := 0, 0
		for _, n := range o.notices.list {
			read, deleted = read+strings.Count(n, "voicemail.read"), deleted+strings.Count(n, "voicemail.deleted")
		}
		if read != 2 || deleted != 1 {
			t.Errorf("told %q", o.notices.list)
		}
	})
}

func TestWhoKnowsTheWayNeedsNoPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		p := &person{answers: []string{"voicemail_hello=1000#8642##"}}
		if err := o.call(t, p, checking); err != nil || !slices.Equal(p.heard, []string{"voicemail_hello", "voicemail_enter_pass,#", "voicemail_message_count,0:new", "voicemail_goodbye"}) {
			t.Errorf("%v, heard %q", err, p.heard)
		}
	})
}

func TestHangupWhileListeningKeepsTheMessageNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		m := o.message(t, 5*time.Second)
		_ = o.call(t, &person{answers: []string{"voicemail_enter_pass=8642#", o.Boxes().Path(m) + "=hangup"}}, checking+" 1000")
		if c := o.Boxes().Counts(alice); c.New != 1 {
			t.Errorf("after a hangup within the message: %v", c)
		}
		_ = o.call(t, &person{answers: []string{"voicemail_enter_pass=8642#", "voicemail_listen_file_check=7", "voicemail_menu=hangup"}}, checking+" 1000")
		if _, ok := o.Boxes().Message(m.ID); ok {
			t.Error("deleted and hung up: it is still there")
		}
	})
}

func TestKeysWithinAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		m := o.message(t, 20*time.Second)
		path := o.Boxes().Path(m)
		p := &person{answers: []string{"voicemail_enter_pass=8642#", path + "@@0=6", path + "=6", path + "=4", path + "=05", path + "=1", path + "=2", "voicemail_menu=#"}}
		if err := o.call(t, p, checking+" 1000"); err != nil {
			t.Fatal(err)
		}
		var places []string
		for _, h := range p.heard {
			if at, ok := strings.CutPrefix(h, path+"@@"); ok {
				places = append(places, at)
			}
		}
		// 0.1 s is heard before each key; 3 s are 24000 samples.
		if got := strings.Join(places, " "); got != "0 24800 49600 26400 27200 0" {
			t.Errorf("played from %s", got)
		}
		if m, _ = o.Boxes().Message(m.ID); m.State != box.StateSaved {
			t.Errorf("state %s", m.State)
		}
	})
}

func TestWrongPINEndsInALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		for range 3 {
			p := &person{answers: []string{"voicemail_enter_pass=1#", "voicemail_enter_pass=2#", "voicemail_enter_pass=3#"}}
			if err := o.call(t, p, checking+" 1000"); err != nil || slices.Contains(p.heard, "voicemail_menu,1:2:5:#") {
				t.Fatalf("%v, heard %q", err, p.heard)
			}
		}
		p := &person{answers: []string{"voicemail_enter_pass=4#"}}
		_ = o.call(t, p, checking+" 1000")
		if !slices.Contains(p.heard, "voicemail_locked") {
			t.Errorf("heard %q", p.heard)
		}
		time.Sleep(16 * time.Minute)
		p = &person{answers: []string{"voicemail_enter_pass=8642#", "voicemail_menu=#"}}
		if err := o.call(t, p, checking+" 1000"); err != nil {
			t.Error(err)
		}
	})
}

func TestOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		p := &person{talks: []time.Duration{3 * time.Second, time.Second}, answers: []string{
			"voicemail_enter_pass=8642#", "voicemail_menu=5",
			"voicemail_config_menu=1", "voicemail_choose_greeting=4", "voicemail_record_file_check=2",
			"voicemail_config_menu=3", "voicemail_record_file_check=2",
			"voicemail_config_menu=2", "voicemail_choose_greeting=7",
			"voicemail_config_menu=6", "voicemail_enter_new_pass=1234#", "voicemail_enter_new_pass=12#", "voicemail_enter_new_pass=97531#", "voicemail_enter_new_pass_again=97531#",
			"voicemail_config_menu=0", "voicemail_menu=#",
		}}
		if err := o.call(t, p, checking+" 1000"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"voicemail_greeting_selected,4", "voicemail_choose_greeting_fail", "voicemail_change_pass_not_secure", "voicemail_change_pass_too_short", "voicemail_change_pass_success"} {
			if !slices.Contains(p.heard, want) {
				t.Errorf("never heard %s; heard %q", want, p.heard)
			}
		}
		path, ok := o.Boxes().Greeting(alice)
		if !ok || path != o.Boxes().GreetingPath(alice, 4) {
			t.Errorf("greeting %q, %v", path, ok)
		}
		if _, ok := o.Boxes().Name(alice); !ok {
			t.Error("no name")
		}
		if o.Boxes().CheckPIN(alice, "97531", "8642") != box.Right {
			t.Error("the new PIN does not open the box")
		}
		// The greeting is what a caller hears, and the owner may come in through it.
		p = &person{answers: []string{path + "=0", "voicemail_enter_pass=97531#", "voicemail_menu=#"}}
		if err := o.call(t, p, leaving); err != nil {
			t.Error(err)
		}
	})
}

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, sounds{})
		m := o.message(t, 5*time.Second)
		run := func(name, args string) string {
			t.Helper()
			for _, c := range o.Commands() {
				if c.Name == name {
					text, err := c.Run(t.Context(), nil, args)
					if err != nil {
						return "-ERR " + err.Error()
					}
					return text
				}
			}
			t.Fatalf("no command %s", name)
			return ""
		}
		for _, c := range []struct{ name, args, want string }{
			{"vm_boxcount", "1000@" + domain, "1"},
			{"vm_boxcount", "default/1000@" + domain + "|all", "1:0:0:0"},
			{"vm_boxcount", "77@" + domain + "|all", "0:0:0:0"},
			{"vm_list", "1001@" + domain, ""},
			{"vm_read", "1000@" + domain + "/default read " + m.ID, "+OK\n"},
			{"vm_boxcount", "1000@" + domain + "|all", "0:1:0:0"},
			{"vm_read", "1000@" + domain + " unread", "+OK\n"},
			{"vm_boxcount", "1000@" + domain + "|new", "1"},
			{"vm_inject", "1001@" + domain + " " + o.Boxes().Path(m) + " 555 Somebody Else", "+OK\n"},
			{"vm_boxcount", "1001@" + domain, "1"},
			{"vm_delete", "1000@" + domain, "+OK\n"},
			{"vm_boxcount", "1000@" + domain + "|all", "0:0:0:0"},
		} {
			if got := run(c.name, c.args); got != c.want {
				t.Errorf("%s %s = %q, want %q", c.name, c.args, got, c.want)
			}
		}
		line := run("vm_list", "1001@"+domain)
		if !strings.HasSuffix(line, ":Somebody Else:555:"+fmt.Sprint(int(m.Length.Seconds()))+"\n") || !strings.Contains(line, ":1001:"+domain+":inbox:") {
			t.Errorf("vm_list: %q", line)
		}
		if text := run("vm_list", "1001@"+domain+" xml"); !strings.Contains(text, "<cid-number>555</cid-number>") {
			t.Errorf("vm_list xml: %s", text)
		}
		for _, args := range []string{"", "@", "77@" + domain, "1000@" + domain + " sideways"} {
			if got := run("vm_read", args); !strings.HasPrefix(got, "-ERR") {
				t.Errorf("vm_read %q = %q", args, got)
			}
		}
	})
}

// configuration is a tree with voicemail.conf.
func configuration(t *testing.T, text string) *config.Node {
	t.Helper()
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(`<document type="freeswitch/xml"><section name="configuration"><configuration name="voicemail.conf">` + text + `</configuration></section></document>`)}}})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Configuration("voicemail.conf")
}

func TestMessageIsMailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openWith(t, sounds{}, configuration(t, `<settings><param name="smtp-server" value="127.0.0.1:25"/></settings>`))
		if err := o.call(t, &person{talks: []time.Duration{5 * time.Second}}, "default "+domain+" 1001"); err != nil {
			t.Fatal(err)
		}
		letters, _ := filepath.Glob(filepath.Join(o.data, "mail", "*.letter"))
		if len(letters) != 2 {
			t.Fatalf("letters %v", letters)
		}
		text, err := os.ReadFile(letters[0])
		for _, want := range []string{"Subject: Voicemail from Alice 1000", "filename=msg_", "Alice 1000 left a message of", "@example.org"} {
			if err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%q is not in the letter, %v", want, err)
			}
		}
		if len(text) < 5*16000*4/3 {
			t.Errorf("a letter of %d bytes", len(text))
		}
		if n := o.Boxes().Counts(core.AOR{User: "1001", Domain: domain}); n.New != 0 {
			t.Errorf("%v, though it need not be kept", n)
		}
	})
}

func TestConfigurationMistakesAreTold(t *testing.T) {
	for text, want := range map[string]string{
		`<profiles><profile name="a"><param name="save-file-key" value="12"/></profile></profiles>`:       "key \"12\"",
		`<profiles><profile name="a"><param name="save-file-key" value="1"/></profile></profiles>`:        "two meanings",
		`<profiles><profile name="a"><param name="email-body" value="{{.Nobody}}"/></profile></profiles>`: "template",
		`<profiles><profile name="a"><param name="spell-key" value="1"/></profile></profiles>`:            "spell-key",
		`<profiles><profile name="a"/><profile name="A"/></profiles>`:                                     "twice",
		`<settings><param name="lock" value="1"/></settings>`:                                             "lock",
	} {
		_, err := voicemail.With(voicemail.Options{})(configuration(t, text), core.Deps{Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %s", text, err, want)
		}
	}
}
