package conference

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/media"
)

func load(xml string) (*config.Tree, error) {
	text := "<document><section name=\"configuration\">\n<configuration name=\"conference.conf\">\n" + xml + "\n</configuration></section></document>"
	return config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": &fstest.MapFile{Data: []byte(text)}}})
}

func profile(params ...string) string {
	var b strings.Builder
	b.WriteString(`<profiles><profile name="default"><param name="comfort-noise" value="false"/>`)
	for i := 0; i < len(params); i += 2 {
		b.WriteString(`<param name="` + params[i] + `" value="` + params[i+1] + `"/>`)
	}
	return b.String() + "</profile></profiles>"
}

func TestTargetIsReadAsFreeSWITCHReadsIt(t *testing.T) {
	for args, want := range map[string]target{
		"3000":                        {name: "3000", profile: "default"},
		"3000-pbx.example@wideband":   {name: "3000-pbx.example", profile: "wideband"},
		"3000@wideband+4711":          {name: "3000", profile: "wideband", pin: "4711"},
		"3000+4711+flags{mute|deaf}":  {name: "3000", profile: "default", pin: "4711", flags: []string{"mute", "deaf"}},
		"3000@x+flags{Moderator}+1":   {name: "3000", profile: "x", pin: "1", flags: []string{"moderator"}},
		"bridge:room@cd:sofia/a:5060": {name: "room", profile: "cd", dial: "sofia/a:5060"},
	} {
		got, err := parseTarget(args)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{})); diff != "" || err != nil {
			t.Errorf("parseTarget(%q): %v\n%s", args, err, diff)
		}
	}
	for _, args := range []string{"", "@default", "+1", "a b", "x+flags{mute", "bridge:x", " "} {
		if got, err := parseTarget(args); err == nil {
			t.Errorf("parseTarget(%q) = %+v", args, got)
		}
	}
}

func TestSettingsAreCheckedWithPositions(t *testing.T) {
	_, err := readSettings(node(t, `<caller-controls><group name="g">
<control action="jump" digits="1"/>
<control action="mute" digits="x"/>
<control action="vmute" digits="2"/>
</group></caller-controls>
<profiles><profile name="p">
<param name="rate" value="11025"/>
<param name="enter-sond" value="x"/>
<param name="pin-retries" value="many"/>
<param name="caller-controls" value="nobody"/>
<param name="tts-voice" value="slt"/>
<param name="timer-name" value="soft"/>
</profile></profiles>`))
	var got []string
	for _, e := range config.Problems(err) {
		got = append(got, e.Error())
	}
	want := []string{
		`freeswitch.xml:4: <control>: unknown action "jump"`, `freeswitch.xml:5: <control>: digits "x": want keys of a telephone`,
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Logf("missing %q", w)
		}
	}
	if len(got) != 6 {
		t.Errorf("problems:\n%s", strings.Join(got, "\n"))
	}
	for i, word := range []string{`"jump"`, `"x"`, "rate 11025", "enter-sond", "pin-retries", `"nobody"`} {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, word) && strings.Contains(g, "freeswitch.xml:") }) {
			t.Errorf("%d: nothing about %s in\n%s", i, word, strings.Join(got, "\n"))
		}
	}
}

func TestSampleIsRead(t *testing.T) {
	s, err := readSettings(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, rate := range map[string]int{"default": 8000, "wideband": 16000, "ultrawideband": 32000, "cdquality": 48000} {
		p := s.profiles[name]
		if p == nil || p.Rate != rate || p.EnterSound == "" || p.MOHSound == "" || p.noisePeak() != 23 || p.KickedSound == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if diff := cmp.Diff(defaultControls(), s.groups["default"], cmp.AllowUnexported(control{})); diff != "" {
		t.Errorf("keys:\n%s", diff)
	}
}

func TestMembersComeAndGo(t *testing.T) {
	meet(t, profile("enter-sound", "in", "exit-sound", "out", "alone-sound", "alone", "moh-sound", "local_stream://moh", "domain", "pbx.example"), func(o *office) {
		a := o.call("3000", nil)
		h := o.engine.newest()
		if h.cfg.RateHz != 8000 || h.state(1) != "mute=false deaf=false in=0.0 out=0.0 energy=100" {
			t.Errorf("room %+v, member %s", h.cfg, h.state(1))
		}
		if h.playing() != "alone local_stream://moh" && h.playing() != "local_stream://moh alone" {
			t.Errorf("alone: %q", h.playing())
		}
		if v, _ := o.board.Latest("conf+3000@pbx.example"); v != "active (1 caller)" {
			t.Errorf("presence %q", v)
		}
		if got := a.Var("conference_name") + a.Var("conference_member_id"); got != "30001" {
			t.Errorf("variables %q", got)
		}
		time.Sleep(2 * time.Second)
		b := o.call("3000@wideband", nil)
		c := o.call("3000", nil)
		if len(o.engine.rooms) != 1 {
			t.Error("a room of its own for each")
		}
		time.Sleep(3 * time.Second)
		if h.playing() != "" || !strings.HasSuffix(h.sounds(), "in in") {
			t.Errorf("playing %q after %q", h.playing(), h.sounds())
		}
		r, err := o.Room("3000")
		if err != nil || len(r.Members) != 3 || r.Members[2].ID != 3 || r.Members[0].Leg != a.ID() {
			t.Errorf("%+v, %v", r, err)
		}
		if err := b.ends(); !errors.Is(err, core.ErrEnded) {
			t.Errorf("b ended with %v", err)
		}
		time.Sleep(2 * time.Second)
		if !strings.HasSuffix(h.sounds(), "in in out") {
			t.Errorf("heard %q", h.sounds())
		}
		_ = c.ends()
		time.Sleep(3 * time.Second)
		if !strings.HasSuffix(h.playing(), "local_stream://moh") {
			t.Errorf("alone again: %q", h.playing())
		}
		_ = a.ends()
		synctest.Wait()
		if _, err := o.Room("3000"); !errors.Is(err, core.ErrNotFound) || !h.shut {
			t.Errorf("an empty room lives on: %v", err)
		}
		if _, ok := o.board.Latest("conf+3000@pbx.example"); ok {
			t.Error("the lamp stays on")
		}
		d := o.call("3000", nil)
		if len(o.engine.rooms) != 2 {
			t.Error("no new room")
		}
		_ = d.ends()
		synctest.Wait()
		for kind, n := range map[string]int{
			"conference.created": 2, "conference.ended": 2, "conference.member_joined": 4, "conference.member_left": 4,
		} {
			if o.count(kind) != n {
				t.Errorf("%d times %s, want %d", o.count(kind), kind, n)
			}
		}
	})
}

func TestKeysOfTheDefaultGroup(t *testing.T) {
	meet(t, profile("muted-sound", "muted", "unmuted-sound", "unmuted"), func(o *office) {
		a, _ := o.call("3000", nil), o.call("3000", nil)
		h := o.engine.newest()
		for _, c := range []struct{ keys, state string }{
			{"0", "mute=true deaf=false in=0.0 out=0.0 energy=100"},
			{"0", "mute=false deaf=false in=0.0 out=0.0 energy=100"},
			{"*", "mute=true deaf=true in=0.0 out=0.0 energy=100"},
			{"*", "mute=false deaf=false in=0.0 out=0.0 energy=100"},
			{"99", "mute=false deaf=false in=0.0 out=0.0 energy=500"},
			{"7", "mute=false deaf=false in=0.0 out=0.0 energy=300"},
			{"8", "mute=false deaf=false in=0.0 out=0.0 energy=100"},
			{"33", "mute=false deaf=false in=7.2 out=0.0 energy=100"},
			{"33333", "mute=false deaf=false in=12.7 out=0.0 energy=100"},
			{"21", "mute=false deaf=false in=-1.9 out=0.0 energy=100"},
			{"2", "mute=false deaf=false in=0.0 out=0.0 energy=100"},
			{"6", "mute=false deaf=false in=0.0 out=2.3 energy=100"},
			{"54444444", "mute=false deaf=false in=0.0 out=-14.0 energy=100"},
		} {
			a.press(c.keys)
			if got := h.state(1); got != c.state {
				t.Errorf("after %s: %s, want %s", c.keys, got, c.state)
			}
		}
		if got := strings.Join(h.seats["1"].heard, " "); got != "muted unmuted muted unmuted" {
			t.Errorf("heard %q", got)
		}
		a.press("#")
		if err := a.end(); err != nil {
			t.Errorf("left by key: %v", err)
		}
		if !h.seats["1"].left || o.count("conference.member_muted") != 2 {
			t.Error("the key # does not leave")
		}
	})
}

func TestLongerKeysWaitForTheirEnd(t *testing.T) {
	keys := controls{"1": {action: "one"}, "12": {action: "twelve"}, "*9": {action: "star"}}
	for _, c := range []struct {
		pressed    string
		over       bool
		want, rest string
	}{
		{"1", false, "", "1"}, {"1", true, "one", ""}, {"12", false, "twelve", ""}, {"13", false, "", ""},
		{"*", false, "", "*"}, {"*", true, "", ""}, {"*9", false, "star", ""}, {"*1", false, "", "1"}, {"7", false, "", ""}, {"", true, "", ""},
	} {
		if got, rest := match(keys, c.pressed, c.over); got.action != c.want || rest != c.rest {
			t.Errorf("match(%q, %v) = %q, %q, want %q, %q", c.pressed, c.over, got.action, rest, c.want, c.rest)
		}
	}
}

func TestPINIsAskedAndRetried(t *testing.T) {
	meet(t, profile("pin", "4711", "moderator-pin", "99", "pin-retries", "2"), func(o *office) {
		for _, c := range []struct {
			pressed   string
			vars      map[string]string
			in        bool
			moderator string
		}{
			{"4711", nil, true, "false"},
			{"12#4711", nil, true, "false"},
			{"99#", nil, true, "true"},
			{"1#2#3#4711", nil, false, ""},
			{"", nil, false, ""},
			{"", map[string]string{"supplied_pin": "4711"}, true, "false"},
			{"", map[string]string{"conference_enforce_security": "false"}, true, "false"},
		} {
			a := o.call("3000", c.vars)
			for _, k := range []byte(c.pressed) {
				a.keys <- k
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if in := a.Var("conference_member_id") != ""; in != c.in || a.Var("conference_moderator") != c.moderator {
				t.Errorf("%q %v: in %v, moderator %q", c.pressed, c.vars, in, a.Var("conference_moderator"))
			}
			if !c.in {
				if ce, ok := errors.AsType[*core.CauseError](a.end()); !ok || ce.Cause != core.CauseNormalClearing {
					t.Errorf("%q: not hung up", c.pressed)
				}
				continue
			}
			_ = a.ends()
		}
	})
}

func TestLockedFullAndJoinOnly(t *testing.T) {
	meet(t, profile("max-members", "2", "locked-sound", "locked", "max-members-sound", "full", "join-only-sound", "nobody"), func(o *office) {
		if err := o.call("3000+flags{join-only}", nil).end(); err != nil {
			t.Errorf("join-only: %v", err)
		}
		a := o.call("3000", nil)
		if got := o.says("conference 3000 lock"); got != "+OK 3000 locked" {
			t.Errorf("lock: %s", got)
		}
		b := o.call("3000", nil)
		time.Sleep(2 * time.Second)
		if err := b.end(); err != nil || !slices.Contains(b.Done(), "Play") {
			t.Errorf("locked: %v, %q", err, b.Done())
		}
		o.says("conference 3000 unlock")
		c := o.call("3000+flags{join-only}", nil)
		d := o.call("3000", nil)
		time.Sleep(2 * time.Second)
		if err := d.end(); err != nil || c.Var("conference_member_id") == "" {
			t.Errorf("full: %v", err)
		}
		_ = a.ends()
	})
}

func TestWaitForModeratorAndEndWithHim(t *testing.T) {
	meet(t, profile("conference-flags", "wait-mod", "moh-sound", "local_stream://moh", "endconf-grace-time", "10"), func(o *office) {
		a, b := o.call("3000", nil), o.call("3000", nil)
		h := o.engine.newest()
		if !strings.HasPrefix(h.state(1), "mute=true deaf=false") || h.playing() != "local_stream://moh" {
			t.Errorf("waiting: %s, %q", h.state(1), h.playing())
		}
		mod := o.call("3000+flags{moderator|endconf}", nil)
		if !strings.HasPrefix(h.state(1), "mute=false") || h.playing() != "" {
			t.Errorf("the moderator is here: %s, %q", h.state(1), h.playing())
		}
		_ = mod.ends()
		synctest.Wait()
		if !strings.HasPrefix(h.state(2), "mute=true") {
			t.Errorf("the moderator left: %s", h.state(2))
		}
		time.Sleep(9 * time.Second)
		if len(a.done)+len(b.done) != 0 {
			t.Error("the grace is shorter than 10 s")
		}
		time.Sleep(2 * time.Second)
		if err := errors.Join(a.end(), b.end()); err != nil {
			t.Errorf("the conference is over: %v", err)
		}
	})
}

func TestMinTwoEndsWithOne(t *testing.T) {
	meet(t, profile("member-flags", "mintwo"), func(o *office) {
		a, b := o.call("3000", nil), o.call("3000", nil)
		_ = a.ends()
		if err := b.end(); err != nil {
			t.Errorf("%v", err)
		}
	})
}

func TestFloorGoesToWhoTalksFirst(t *testing.T) {
	meet(t, profile("mute-detect-sound", "you-are-muted", "member-flags", "mute-detect"), func(o *office) {
		_, _, _ = o.call("3000", nil), o.call("3000", nil), o.call("3000", nil)
		h := o.engine.newest()
		floor := func() (id int) {
			synctest.Wait()
			r, _ := o.Room("3000")
			for _, m := range r.Members {
				if m.Floor {
					id = m.ID
				}
			}
			return id
		}
		for _, c := range []struct {
			id   int
			on   bool
			want int
		}{{2, true, 2}, {3, true, 2}, {2, false, 3}, {1, true, 3}, {3, false, 1}, {1, false, 1}, {2, true, 2}} {
			h.talk(c.id, c.on)
			if got := floor(); got != c.want {
				t.Errorf("%d talks %v: floor of %d, want %d", c.id, c.on, got, c.want)
			}
		}
		o.says("conference 3000 mute 2 quiet")
		h.talk(2, true)
		synctest.Wait()
		if o.count("conference.mute_detected") != 1 || strings.Join(h.seats["2"].heard, " ") != "you-are-muted" {
			t.Errorf("muted and talking: %q", h.seats["2"].heard)
		}
		if o.count("conference.talking_started") != 4 || o.count("conference.talking_stopped") != 3 {
			t.Errorf("%d, %d talk events", o.count("conference.talking_started"), o.count("conference.talking_stopped"))
		}
	})
}

func TestRecordingByCommandAndByItself(t *testing.T) {
	meet(t, profile("auto-record", "auto-${conference_name}.wav", "min-required-recording-participants", "2"), func(o *office) {
		_ = o.call("3000", nil)
		if got := o.lib.recorded(); len(got) != 0 {
			t.Errorf("recorded %q with one member", got)
		}
		_ = o.call("3000", nil)
		if got := o.lib.recorded(); !slices.Equal(got, []string{"/data/recordings/auto-3000.wav"}) {
			t.Errorf("recorded %q", got)
		}
		h := o.engine.newest()
		for line, want := range map[string]string{"conference 3000 record a.wav": "Record file a.wav"} {
			if got := o.says(line); got != want || h.taps != 2 {
				t.Errorf("%s: %s, %d taps", line, got, h.taps)
			}
		}
		if got := o.says("conference 3000 record a.wav"); !strings.HasPrefix(got, "-ERR") || h.taps != 2 {
			t.Errorf("twice: %s", got)
		}
		if r, _ := o.Room("3000"); !slices.Equal(r.Recordings, []string{"/data/recordings/a.wav", "/data/recordings/auto-3000.wav"}) {
			t.Errorf("recordings %q", r.Recordings)
		}
		if got := o.says("conference 3000 norecord a.wav"); got != "Stopped recording file a.wav" || h.taps != 1 {
			t.Errorf("norecord: %s", got)
		}
		if got := o.says("conference 3000 norecord all"); got != "Stopped recording 1 files" || h.taps != 0 {
			t.Errorf("norecord all: %s", got)
		}
		synctest.Wait()
		if o.count("conference.recording_started") != 2 || o.count("conference.recording_finished") != 2 || len(o.lib.recorded()) != 2 {
			t.Errorf("%d, %d", o.count("conference.recording_started"), o.count("conference.recording_finished"))
		}
	})
}

func TestSoundsAreHeardOneAfterAnother(t *testing.T) {
	meet(t, profile(), func(o *office) {
		_, _ = o.call("3000", nil), o.call("3000", nil)
		h := o.engine.newest()
		for _, c := range []struct{ line, want, playing string }{
			{"play a.wav", "+OK (play) Playing file a.wav", "a.wav"},
			{"play b.wav", "+OK (play) Playing file b.wav", "a.wav"},
			{"play c.wav async", "+OK (play) Playing file c.wav", "a.wav c.wav"},
			{"play d.wav 2", "+OK (play) Playing file d.wav to member 2", "a.wav c.wav"},
			{"play missing.wav", "-ERR (play) File: missing.wav not found.", "a.wav c.wav"},
			{"play d.wav 7", "-ERR Non-Existant ID 7", "a.wav c.wav"},
			{"stop current", "+OK Stopped 1 files.", "c.wav b.wav"},
			{"stop all 2", "+OK Stopped 1 files.", "c.wav b.wav"},
			{"stop last", "+OK Stopped 1 files.", "b.wav"},
			{"play e.wav", "+OK (play) Playing file e.wav", "b.wav"},
			{"stop all", "+OK Stopped 1 files.", ""},
		} {
			if got := o.says("conference 3000 " + c.line); got != c.want || h.playing() != c.playing {
				t.Errorf("%s: %s, playing %q, want %s, %q", c.line, got, h.playing(), c.want, c.playing)
			}
		}
	})
}

func TestCommandRepliesAsFreeSWITCHDoes(t *testing.T) {
	meet(t, profile("kicked-sound", "kicked"), func(o *office) {
		if got := o.says("conference list"); got != "+OK No active conferences." {
			t.Errorf("list: %s", got)
		}
		a, b := o.call("3000+flags{moderator}", nil), o.call("3000", nil)
		o.engine.newest().talk(1, true)
		synctest.Wait()
		for _, c := range []struct{ line, want string }{
			{"nine list", "-ERR Conference nine not found"},
			{"3000 sing", "-ERR Conference command 'sing' not found."},
			{"3000 mute", "-ERR USAGE: conference 3000 mute ID|all|last|non_moderator [quiet]"},
			{"3000 count", "2"},
			{"3000 list", "1;;" + string(a.ID()) + ";Alice;1000;hear|speak|talking|floor|moderator;0;0;0;100\n2;;" + string(b.ID()) + ";Alice;1000;hear|speak;0;0;0;100"},
			{"list", "Conference 3000 (2 members rate: 8000 flags: running)\n1;;" + string(a.ID()) + ";Alice;1000;hear|speak|talking|floor|moderator;0;0;0;100\n2;;" + string(b.ID()) + ";Alice;1000;hear|speak;0;0;0;100"},
			{"3000 mute all", "+OK mute 1\n+OK mute 2"},
			{"3000 unmute non_moderator", "+OK unmute 2"},
			{"3000 tmute last", "+OK mute 2"},
			{"3000 deaf 2", "+OK deaf 2"},
			{"3000 undeaf 2", "+OK undeaf 2"},
			{"3000 mute 9", "-ERR Non-Existant ID 9"},
			{"3000 volume_in 2 3", "+OK Volume IN 2 = 3"},
			{"3000 volume_out 2 -9", "+OK Volume OUT 2 = -4"},
			{"3000 energy 2 400", "+OK Energy 2 = 400"},
			{"3000 energy 2", "+OK Energy 2 = 400"},
			{"3000 pin 123", "+OK Pin for conference 3000 set: 123"},
			{"3000 pin abc", "-ERR a PIN is digits"},
			{"3000 nopin", "+OK Pin for conference 3000 deleted"},
			{"3000 dial user/1001 1000 The Boss", "Call Requested: result: [SUCCESS]"},
			{"3000 bgdial user/1002", "OK Job-UUID: leg"},
			{"new@wideband dial user/1003", "Call Requested: result: [SUCCESS]"},
			{"3000 kick last", "+OK kicked 2"},
		} {
			if got := o.says("conference " + c.line); got != c.want {
				t.Errorf("conference %s:\n%s\nwant\n%s", c.line, got, c.want)
			}
		}
		time.Sleep(2 * time.Second)
		if err := b.end(); err != nil || !slices.Contains(b.Done(), "Play") {
			t.Errorf("kicked: %v, %q", err, b.Done())
		}
		if got := o.says("conference 3000 hup 1"); got != "+OK hup 1" {
			t.Errorf("hup: %s", got)
		}
		if err := a.end(); err != nil || slices.Contains(a.Done(), "Play") {
			t.Errorf("hup: %v, %q", err, a.Done())
		}
		var args []string
		for _, r := range o.dialer.requests {
			args = append(args, r.From+" "+r.App+" "+r.AppArgs+" "+r.CallerIDNumber+" "+r.CallerIDName)
		}
		want := []string{"user/1001 conference 3000@default 1000 The Boss", "user/1002 conference 3000@default 0000000000 Conference", "user/1003 conference new@default 0000000000 Conference"}
		if diff := cmp.Diff(want, args); diff != "" {
			t.Errorf("dialed:\n%s", diff)
		}
	})
}

func TestMovedAndFailedMembersLeave(t *testing.T) {
	meet(t, profile(), func(o *office) {
		a, b := o.call("3000", nil), o.call("3000", nil)
		o.engine.newest().cfg.Notify(media.MemberLeft{ID: "1"}) // its stream was joined elsewhere
		if err := a.end(); err != nil {
			t.Errorf("moved: %v", err)
		}
		if r, _ := o.Room("3000"); len(r.Members) != 1 {
			t.Errorf("%+v", r.Members)
		}
		_ = b.ends()
	})
}

func TestBridgeDialsSomebodyIn(t *testing.T) {
	meet(t, profile(), func(o *office) {
		a := o.call("bridge:room:user/1001", nil)
		if len(o.dialer.requests) != 1 || o.dialer.requests[0].From != "user/1001" || o.dialer.requests[0].AppArgs != "room@default" {
			t.Errorf("dialed %+v", o.dialer.requests)
		}
		_ = a.ends()
	})
}

func TestShutdownSendsEverybodyOut(t *testing.T) {
	meet(t, profile(), func(o *office) {
		a, b := o.call("3000", nil), o.call("3001", nil)
		o.stop()
		if err := errors.Join(a.end(), b.end()); err != nil {
			t.Errorf("%v", err)
		}
		if _, hungUp := a.HungUp(); !hungUp {
			t.Error("not hung up")
		}
		if err := o.call("3000", nil).end(); !errors.Is(err, errShutdown) {
			t.Errorf("a call after the end: %v", err)
		}
	})
}

func TestReloadKeepsOpenRoomsAndChangesNewOnes(t *testing.T) {
	meet(t, profile("rate", "16000"), func(o *office) {
		a := o.call("3000", nil)
		if err := o.Reload(node(t, profile("rate", "48000"))); err != nil {
			t.Fatal(err)
		}
		if err := o.Reload(node(t, profile("rate", "1"))); err == nil {
			t.Error("a bad reload is taken")
		}
		b, c := o.call("3000", nil), o.call("3001", nil)
		if len(o.engine.rooms) != 2 || o.engine.rooms[0].cfg.RateHz != 16000 || o.engine.rooms[1].cfg.RateHz != 48000 {
			t.Errorf("%d rooms", len(o.engine.rooms))
		}
		for _, x := range []*caller{a, b, c} {
			_ = x.ends()
		}
	})
}

func TestAppIsAGoodApp(t *testing.T) {
	o := newOffice(t, nil)
	for _, app := range o.Apps() {
		apptest.Run(t, app)
	}
}
