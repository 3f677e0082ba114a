package ivr_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
)

// menus is what most tests walk through.
const menus = `
<menu name="main" greet-long="long-2s.wav" greet-short="short-1s.wav" invalid-sound="invalid-1s.wav" exit-sound="exit-1s.wav" transfer-sound="moving-1s.wav"
      timeout="3000" inter-digit-timeout="1000" max-failures="2" max-timeouts="2" exec-on-max-failures="note failures" exec-on-max-timeouts="note ${ivr_menu_status} ${caller_id_number}" digit-len="4">
  <entry action="menu-exec-app" digits="1" param="note one ${caller_id_number}"/>
  <entry action="menu-sub" digits="2" param="sub"/>
  <entry action="menu-play-sound" digits="3" param="info-2s.wav"/>
  <entry action="menu-exit" digits="4"/>
  <entry action="menu-back" digits="5"/>
  <entry action="menu-top" digits="6"/>
  <entry action="menu-exec-app" digits="/^(7)(\d)$/" param="note seven $2 of $0"/>
  <entry action="menu-exec-app" digits="71" param="note exactly"/>
  <entry action="menu-sub" digits="8" param="main"/>
  <entry action="menu-exec-app" digits="/^(10[01]\d)$/" param="transfer $1 XML default"/>
  <entry action="menu-exec-app" digits="*" param="note star"/>
  <entry action="menu-exec-app" digits="#" param="note pound"/>
  <entry action="menu-sub" digits="9" param="deep"/>
</menu>
<menu name="sub" greet-long="sub-1s.wav" timeout="3000" inter-digit-timeout="500" exit-sound="never.wav">
  <entry action="menu-exec-app" digits="1" param="note below"/>
  <entry action="menu-back" digits="2"/>
  <entry action="menu-top" digits="3"/>
  <entry action="menu-exit" digits="4"/>
  <entry action="menu-sub" digits="5" param="third"/>
</menu>
<menu name="third" greet-long="third-1s.wav" timeout="2s" inter-digit-timeout="500ms">
  <entry action="menu-top" digits="1"/>
  <entry action="menu-back" digits="2"/>
</menu>
<menu name="deep" greet-long="deep-1s.wav" timeout="1000" max-timeouts="1"><entry action="menu-sub" digits="9" param="deeper"/></menu>
<menu name="deeper" greet-long="deeper-1s.wav" timeout="1000" max-timeouts="1"><entry action="menu-sub" digits="9" param="deep"/></menu>
<menu name="guarded" greet-long="in-1s.wav" pin="4711" pin-file="pin-1s.wav" bad-pin-file="bad-1s.wav" timeout="2000" max-timeouts="1">
  <entry action="menu-exit" digits="1"/>
</menu>
<menu name="sure" greet-long="ask-1s.wav" timeout="2000" confirm-macro="sure" confirm-key="1" confirm-attempts="2" max-failures="2" digit-len="2">
  <entry action="menu-exec-app" digits="/^(\d\d)$/" param="note sure $1"/>
</menu>
<menu name="told" greet-long="ask-1s.wav" timeout="2000" confirm-macro="sure" max-timeouts="1" digit-len="2">
  <entry action="menu-exec-app" digits="/^(\d\d)$/" param="note sure $1"/>
</menu>
<menu name="spoken" greet-long="phrase:welcome:Ann" greet-short="say:hello" timeout="1000" max-timeouts="2"><entry action="menu-exit" digits="1"/></menu>
`

// TestMenus: what the caller presses in which menu, what is heard, what is run,
// and how it ends.
func TestMenus(t *testing.T) {
	for _, c := range []struct {
		name, menu, keys string
		vars             map[string]string
		opened, ran      string
		status           string
	}{
		{
			name: "an application, then the menu again", menu: "main", keys: "3s:1 7s:4",
			opened: "long-2s.wav short-1s.wav exit-1s.wav", ran: "note one 1000; note end", status: "success",
		},
		{
			name: "barge-in", menu: "main", keys: "1s:1 2.5s:4",
			opened: "long-2s.wav short-1s.wav exit-1s.wav", ran: "note one 1000; note end", status: "success",
		},
		{
			name: "nothing pressed", menu: "main",
			opened: "long-2s.wav short-1s.wav exit-1s.wav", ran: "note timeout 1000; note end", status: "timeout",
		},
		{
			name: "wrong keys", menu: "main", keys: "3s:0 7s:0000",
			opened: "long-2s.wav invalid-1s.wav short-1s.wav invalid-1s.wav exit-1s.wav", ran: "note failures; note end", status: "failure",
		},
		{
			name: "a right key forgives wrong ones", menu: "main", keys: "1s:0 5s:1 8s:0 12s:4",
			opened: "long-2s.wav invalid-1s.wav short-1s.wav short-1s.wav invalid-1s.wav short-1s.wav exit-1s.wav", ran: "note one 1000; note end", status: "success",
		},
		{
			name: "a sound", menu: "main", keys: "1s:3 6s:4",
			opened: "long-2s.wav info-2s.wav short-1s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "a key while the sound plays", menu: "main", keys: "1s:3 3s:4",
			opened: "long-2s.wav info-2s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "back at the top is the end", menu: "main", keys: "1s:5",
			opened: "long-2s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "top at the top", menu: "main", keys: "1s:6 3s:4",
			opened: "long-2s.wav long-2s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "itself", menu: "main", keys: "1s:8 3s:4",
			opened: "long-2s.wav long-2s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "all entries that match, in order", menu: "main", keys: "1s:7 1.3s:1 4s:4",
			opened: "long-2s.wav short-1s.wav exit-1s.wav", ran: "note seven 1 of 71; note exactly; note end", status: "success",
		},
		{
			name: "a full answer does not wait", menu: "main", keys: "1s:1 1.1s:0 1.2s:0 1.3s:1",
			opened: "long-2s.wav moving-1s.wav", ran: "transfer 1001 XML default; note moved", status: "success",
		},
		{
			name: "the terminator ends an answer", menu: "main", keys: "1s:1 1.1s:# 1.5s:4 1.6s:#",
			opened: "long-2s.wav short-1s.wav exit-1s.wav", ran: "note one 1000; note end", status: "success",
		},
		{
			name: "the terminator as a choice", menu: "main", keys: "3s:# 6s:4",
			opened: "long-2s.wav short-1s.wav exit-1s.wav", ran: "note pound; note end", status: "success",
		},
		{
			name: "another terminator", menu: "main", keys: "3s:1 3.2s:* 7s:4", vars: map[string]string{"ivr_menu_terminator": "*"},
			opened: "long-2s.wav short-1s.wav exit-1s.wav", ran: "note one 1000; note end", status: "success",
		},
		{
			name: "below and back", menu: "main", keys: "1s:2 3s:1 5s:2 8s:4",
			opened: "long-2s.wav sub-1s.wav sub-1s.wav long-2s.wav exit-1s.wav", ran: "note below; note end", status: "success",
		},
		{
			name: "out of all", menu: "main", keys: "1s:2 3s:4",
			opened: "long-2s.wav sub-1s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "three down and to the top", menu: "main", keys: "1s:2 3s:5 5s:1 7s:4",
			opened: "long-2s.wav sub-1s.wav third-1s.wav long-2s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "three down and one back", menu: "main", keys: "1s:2 3s:5 5s:2 7s:4",
			opened: "long-2s.wav sub-1s.wav third-1s.wav sub-1s.wav exit-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "silence below ends all", menu: "main", keys: "1s:2",
			opened: "long-2s.wav sub-1s.wav sub-1s.wav sub-1s.wav exit-1s.wav", ran: "note end", status: "timeout",
		},
		{
			name: "the right PIN", menu: "guarded", keys: "2s:4711 4s:1",
			opened: "pin-1s.wav in-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "the right PIN the third time", menu: "guarded", keys: "2s:4712 5s:47 5.5s:# 8s:4711 10s:1",
			opened: "pin-1s.wav bad-1s.wav pin-1s.wav bad-1s.wav pin-1s.wav in-1s.wav", ran: "note end", status: "success",
		},
		{
			name: "no right PIN", menu: "guarded", keys: "2s:1111 5s:4710",
			opened: "pin-1s.wav bad-1s.wav pin-1s.wav bad-1s.wav pin-1s.wav bad-1s.wav", ran: "note end", status: "failure",
		},
		{
			name: "confirmed", menu: "sure", keys: "2s:42 4s:1",
			opened: "ask-1s.wav phrase:sure:42 ask-1s.wav ask-1s.wav", ran: "note sure 42; note end", status: "timeout",
		},
		{
			name: "taken back", menu: "sure", keys: "2s:42 4s:2 6s:43 8s:2",
			opened: "ask-1s.wav phrase:sure:42 ask-1s.wav phrase:sure:43", ran: "note end", status: "failure",
		},
		{
			name: "asked twice, no word", menu: "sure", keys: "2s:42",
			opened: "ask-1s.wav phrase:sure:42 phrase:sure:42 ask-1s.wav ask-1s.wav", ran: "note end", status: "timeout",
		},
		{
			name: "told and not asked", menu: "told", keys: "2s:42",
			opened: "ask-1s.wav phrase:sure:42 ask-1s.wav", ran: "note sure 42; note end", status: "timeout",
		},
		{
			name: "prompts of other makers", menu: "spoken", keys: "",
			opened: "phrase:welcome:Ann say:hello", ran: "note end", status: "timeout",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := call(t, menus, c.vars, keys(t, c.keys), "ivr "+c.menu)
				if out.opened != c.opened {
					t.Errorf("heard %q, want %q\n%q", out.opened, c.opened, out.when)
				}
				if ran := steps(out); ran != c.ran {
					t.Errorf("ran %q, want %q", ran, c.ran)
				}
				if got := out.vars["ivr_menu_status"]; got != c.status {
					t.Errorf("ivr_menu_status = %q, want %q", got, c.status)
				}
			})
		})
	}
}

// steps are what ran, without the times.
func steps(out outcome) string {
	var all []string
	for _, r := range out.ran {
		if at, what, ok := strings.Cut(r, " "); ok {
			if _, err := time.ParseDuration(at); err == nil {
				r = what
			}
		}
		all = append(all, r)
	}
	return strings.Join(all, "; ")
}

func TestMenusTellWhenTheyAreEnteredAndLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := call(t, menus, nil, keys(t, "1s:2 3s:2 5s:4"), "ivr main")
		if got, want := strings.Join(out.notices, " "), "entered entered exited exited"; got != want {
			t.Errorf("notices %q, want %q", got, want)
		}
	})
}

// TestMenusAreNotNestedForEver goes down by nines.
func TestMenusAreNotNestedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := call(t, menus, nil, keys(t, "1s:9 3s:9 4.5s:9 6s:9 7.5s:9 9s:9 10.5s:9 12s:9 13.5s:9 15s:9 16.5s:9 18s:9 19.5s:9"), "ivr main")
		if n := strings.Count(out.opened, "deep"); n != 11 {
			t.Errorf("%d menus below the first, want 11: %q", n, out.when)
		}
		if last(out.ran) != "end" {
			t.Errorf("ran %q", out.ran)
		}
	})
}

func TestHangupEndsAMenu(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := call(t, menus, nil, keys(t, "1s:1 4500ms:!"), "ivr main")
		if ran := steps(out); ran != "note one 1000" || out.took > 4600*time.Millisecond {
			t.Errorf("ran %q, took %v", ran, out.took)
		}
		if got := strings.Join(out.notices, " "); got != "entered exited" {
			t.Errorf("notices %q", got)
		}
	})
}

func TestUnknownMenuIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if out := call(t, menus, nil, nil, "ivr nowhere"); steps(out) != "note end" {
			t.Errorf("ran %q", out.ran)
		}
	})
}

// TestMistakesInMenus: what is written, and what is said about it.
func TestMistakesInMenus(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`<menu greet-long="x"><entry action="menu-exit" digits="1"/></menu>`, `ivr.xml:1: menu: name is missing`},
		{`<menu name="a"><entry action="menu-jump" digits="1"/></menu>`, `ivr.xml:1: entry: unknown action "menu-jump": want one of menu-exit, menu-sub,`},
		{"<menu name=\"a\">\n<entry action=\"menu-exit\"/></menu>", `ivr.xml:2: entry: digits is missing: want keys or /PATTERN/`},
		{`<menu name="a"><entry action="menu-sub" digits="1"/></menu>`, `ivr.xml:1: entry: menu-sub needs param`},
		{`<menu name="a"><entry action="menu-exec-app" digits="1" param=" "/></menu>`, `entry: menu-exec-app needs param`},
		{`<menu name="a"><entry action="menu-sub" digits="1" param="b"/></menu>`, `ivr.xml:1: entry: there is no menu "b": want one of a`},
		{`<menu name="a"><entry action="menu-exit" digits="/^(1/"/></menu>`, `entry: digits "/^(1/": `},
		{`<menu name="a"><entry action="menu-exit" digits="/1"/></menu>`, `entry: digits "/1": want /PATTERN/`},
		{`<menu name="a"><entry action="menu-exit" digits="1x"/></menu>`, `entry: digits "1x": want keys out of`},
		{`<menu name="a"><entry action="menu-exit" digits="1" parm="x"/></menu>`, `entry: unknown attribute "parm"`},
		{`<menu name="a" greet="x"/>`, `menu: unknown attribute "greet"`},
		{`<menu name="a" timeout="soon"/>`, `menu: timeout "soon": want milliseconds, or a time like 5s`},
		{`<menu name="a" timeout="0"/>`, `menu: timeout "0": want milliseconds`},
		{`<menu name="a" max-failures="0"/>`, `menu: max-failures "0": want a number of at least 1`},
		{`<menu name="a" pin="47a1"/>`, `menu: pin "47a1": want keys out of`},
		{"<menu name=\"a\"/>\n<menu name=\"a\"/>", `ivr.xml:2: menu "a" is there twice, first at ivr.xml:1`},
		{`<menu name="a"><exit digits="1"/></menu>`, `<exit> in <menu>: want <entry>`},
		{`<entry digits="1"/>`, `<entry> in <menus>: want <menu>`},
	} {
		_, err := newModule(t, core.Deps{}, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.text, err, c.want)
		}
	}
}

// TestAllMistakesAreTold at once.
func TestAllMistakesAreTold(t *testing.T) {
	_, err := newModule(t, core.Deps{}, "<menu name=\"a\" timeout=\"x\">\n<entry action=\"y\"/>\n</menu>")
	if n := len(config.Problems(err)); n != 3 {
		t.Errorf("%d problems, want 3:\n%v", n, err)
	}
}

func TestReloadKeepsTheOldMenusOnAMistake(t *testing.T) {
	m, err := newModule(t, core.Deps{}, menus)
	if err != nil {
		t.Fatal(err)
	}
	r := m.(interface{ Reload(*config.Node) error })
	if err := r.Reload(parse(t, `<menu/>`)); err == nil {
		t.Error("a menu without a name was taken")
	}
	if err := r.Reload(parse(t, `<menu name="new"><entry action="menu-exit" digits="1"/></menu>`)); err != nil {
		t.Error(err)
	}
}
