package data

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/command"
)

// fakes are the roles the module uses.
type fakes struct {
	globals  map[string]string
	users    map[string]core.User // id → user of example.com
	sessions map[core.ChannelID]core.Session
	commands *command.Registry
}

func (f *fakes) Global(name string) (string, bool) { v, ok := f.globals[name]; return v, ok }
func (f *fakes) SetGlobal(name, value string)      { f.globals[name] = value }
func (f *fakes) AllGlobals() map[string]string     { return maps.Clone(f.globals) }

func (f *fakes) User(domain, id string) (core.User, bool) {
	u, ok := f.users[id]
	return u, ok && (domain == "" || domain == "example.com")
}

func (f *fakes) Group(domain, name string) ([]core.User, bool) {
	var members []core.User
	for _, id := range slices.Sorted(maps.Keys(f.users)) {
		if slices.Contains(f.users[id].Groups, name) {
			members = append(members, f.users[id])
		}
	}
	return members, domain == "example.com" && len(members) > 0
}
func (f *fakes) Domains() []string            { return []string{"example.com"} }
func (f *fakes) Users(string) []core.User     { return nil }
func (f *fakes) Groups(string) []string       { return nil }
func (f *fakes) DefaultDomain() string        { return "example.com" }
func (f *fakes) Limits() core.LimitInfo       { return core.LimitInfo{} }
func (f *fakes) Channels() []core.ChannelInfo { return nil }
func (f *fakes) Channel(core.ChannelID) (core.ChannelInfo, bool) {
	return core.ChannelInfo{}, false
}
func (f *fakes) Session(id core.ChannelID) core.Session {
	return f.sessions[id]
}
func (f *fakes) Domain(name string) (params, vars map[string]string, ok bool) {
	return nil, nil, name == "example.com"
}
func (f *fakes) Find(name string) (core.Command, bool) { return f.commands.Find(name) }
func (f *fakes) List() []core.Command                  { return f.commands.List() }
func (f *fakes) App(name string) (core.App, bool)      { return core.App{}, name == "playback" }
func (f *fakes) AllApps() []core.App                   { return nil }
func (f *fakes) Router(name string) (core.Router, bool) {
	return nil, name == "XML"
}
func (f *fakes) Endpoint(prefix string) (core.Endpoint, bool) { return nil, prefix == "sofia" }
func (f *fakes) Expander(string) (core.Expander, bool)        { return nil, false }

// newModule returns the module, its fakes, and what it logged.
func newModule(t *testing.T) (*Module, *fakes, *bytes.Buffer) {
	t.Helper()
	f := &fakes{
		globals: map[string]string{"domain": "example.com", "us-ring": "%(2000,4000,440,480)"},
		users: map[string]core.User{
			"1000": {ID: "1000", Alias: "alice", Domain: "example.com", Groups: []string{"sales"},
				Params: map[string]string{"vm-enabled": "true"}, Variables: map[string]string{"callgroup": "techsupport"}},
			"1001": {ID: "1001", Domain: "example.com", Groups: []string{"sales"}, Params: map[string]string{"group-dial-string": "sofia/gateway/gw/1001"}},
		},
		sessions: map[core.ChannelID]core.Session{},
	}
	var log bytes.Buffer
	m, err := New(nil, core.Deps{
		Globals: f, Directory: f, Commands: f, Calls: f, Apps: f, Routers: f, Endpoints: f,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.commands, err = command.New(m.Commands()); err != nil {
		t.Fatal(err)
	}
	return m, f, &log
}

func app(t *testing.T, m *Module, name string) core.App {
	t.Helper()
	for _, a := range m.Apps() {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("no application %s", name)
	return core.App{}
}

func TestAppsConform(t *testing.T) {
	m, _, _ := newModule(t)
	for _, a := range m.Apps() {
		apptest.Run(t, a)
	}
}

func TestVariableApps(t *testing.T) {
	m, f, _ := newModule(t)
	s := apptest.New(map[string]string{"gone": "x", "deep": "${caller_id_number}"})
	for _, step := range []string{
		"set a=1", "set b=${deep}", "set c,3", "set d=1", "set d=", "unset gone", "multiset e=5 f=6", "multiset ^^;g=7 7;h=8",
		"set i=1", "set j=1", "multiunset i j", "export k=9", "export nolocal:l=10", "push m=1", "push m=2", "unshift m=0",
		"set_profile_var caller_id_name=Bob", "set_global n=${a}", "eval x",
	} {
		name, args, _ := strings.Cut(step, " ")
		if err := app(t, m, name).Run(t.Context(), s, args); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	want := map[string]string{"a": "1", "b": "1000", "c": "3", "deep": "${caller_id_number}", "e": "5", "f": "6", "g": "7 7", "h": "8", "k": "9", "m": "ARRAY::0|:1|:2"}
	if diff := cmp.Diff(want, s.AllVars()); diff != "" {
		t.Errorf("variables: (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]bool{"k": true, "l": false}, s.Exported()); diff != "" {
		t.Errorf("exports: (-want +got)\n%s", diff)
	}
	if got := s.Profile().CallerIDName; got != "Bob" {
		t.Errorf("caller_id_name = %q", got)
	}
	if f.globals["n"] != "1" {
		t.Errorf("global n = %q", f.globals["n"])
	}
}

func TestVariableAppsWithoutAName(t *testing.T) {
	m, _, _ := newModule(t)
	for _, name := range []string{"set", "export", "push", "unshift", "set_profile_var", "set_global"} {
		if err := app(t, m, name).Run(t.Context(), apptest.New(nil), "=x"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := app(t, m, "set_profile_var").Run(t.Context(), apptest.New(nil), "nonsense=x"); err == nil {
		t.Error("a field that does not exist was set")
	}
}

func TestLog(t *testing.T) {
	m, _, log := newModule(t)
	s := apptest.New(nil)
	for args, want := range map[string]string{
		"INFO hello there": `level=INFO msg=dialplan`, "CRIT broken": "level=ERROR", "4 odd": "level=WARN", "hello there": `text="hello there"`,
		"warn short": "level=WARN", "Error long": "level=ERROR",
	} {
		log.Reset()
		if err := app(t, m, "log").Run(t.Context(), s, args); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), want) {
			t.Errorf("log %s: %s", args, log.String())
		}
	}
	if n := len(s.Entries()); n != 6 {
		t.Errorf("%d journal entries", n)
	}
}

func TestInfoShowsVariablesAndNoSecrets(t *testing.T) {
	m, _, log := newModule(t)
	s := apptest.New(map[string]string{"color": "blue", "sip_auth_password": "hunter2"})
	if err := app(t, m, "info").Run(t.Context(), s, "NOTICE"); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.Contains(got, "variables.color=blue") || strings.Contains(got, "hunter2") {
		t.Errorf("log: %s", got)
	}
}

func TestHash(t *testing.T) {
	m, _, _ := newModule(t)
	if err := app(t, m, "hash").Run(t.Context(), nil, "insert/example.com-spymap/1000/some/id"); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ line, want string }{
		{"hash select/example.com-spymap/1000", "some/id"},
		{"hash select/example.com-spymap/1001", ""},
		{"hash insert/r/k/1", "+OK"},
		{"hash insert_ifempty/r/k/2", "-ERR key already exists"},
		{"hash insert_ifempty/r/l/2", "+OK"},
		{"hash select/r/k", "1"},
		{"hash delete_ifmatch/r/k/2", "-ERR Doesn't match"},
		{"hash delete_ifmatch/r/k/1", "+OK"},
		{"hash delete/r/k", "-ERR Not found"},
		{"hash delete/r/l", "+OK"},
		{"hash INSERT/r/k", "+OK"},
		{"hash select/r", "-USAGE: " + hashSyntax},
		{"hash jump/r/k", "-USAGE: " + hashSyntax},
	} {
		reply(t, m, row.line, row.want)
	}
}

func TestHashIsBounded(t *testing.T) {
	tb := table{values: make(map[hashKey]string, maxHash)}
	for i := range maxHash {
		tb.values[hashKey{"r", strconv.Itoa(i)}] = "x"
	}
	if _, err := tb.do("insert/r/more/x"); !errors.Is(err, errHashFull) {
		t.Errorf("%v, want full", err)
	}
	if _, err := tb.do("insert/r/0/y"); err != nil {
		t.Errorf("changing a key of a full table: %v", err)
	}
}

// reply holds the reply of a command line against want.
func reply(t *testing.T, m *Module, line, want string) {
	t.Helper()
	if got := command.Reply(t.Context(), m.deps.Commands, nil, line); got != want {
		t.Errorf("%s: %q, want %q", line, got, want)
	}
}

func TestCommands(t *testing.T) {
	m, _, _ := newModule(t)
	for _, row := range []struct{ line, want string }{
		// regex
		{`regex 1000|^(10)(\d+)$`, "true"},
		{`regex 2000|^(10)(\d+)$`, "false"},
		{`regex 1000|^(10)(\d+)$|%2-$1`, "00-10"},
		{`regex 2000|^(10)(\d+)$|%2-%1`, "2000"},
		{`regex 2000|^(10)(\d+)$|%1|n`, ""},
		{`regex 2000|^(10)(\d+)$|%1|b`, "false"},
		{`regex m:~a|b~^(a\|b)$`, "true"},
		{`regex m:~a|b~^(a.b)$~[%1]`, "[a|b]"},
		{`regex m:/x~y/^(x)/%1`, "x"},
		{`regex a\|b|^a\|b$`, "true"}, // the pattern is then a or b
		{`regex b|^a\|b$`, "true"},
		{`regex x`, "-USAGE: " + regexSyntax},
		{`regex x|(`, `-ERR expression "(": no closing ) at byte 0`},
		// cond
		{`cond 5 > 3 ? yes : no`, "yes"},
		{`cond 5 < 3 ? yes : no`, "no"},
		{`cond 5.0 == 5 ? yes : no`, "yes"},
		{`cond abc == abc ? yes : no`, "yes"},
		{`cond abc != abd ? yes : no`, "yes"},
		{`cond '5.0' == '5' ? yes : no`, "no"},
		{`cond 'a b' == 'a b' ? yes : no`, "yes"},
		{`cond abcd > abc ? yes : no`, "yes"},
		{`cond b > aaa ? yes : no`, "no"}, // lengths
		{`cond abc == 3 ? yes : no`, "yes"},
		{`cond abc >= 4 ? yes : no`, "no"},
		{`cond '' == '' ? yes : no`, "yes"},
		{`cond  == x ? yes : no`, "no"},
		{`cond x == ? yes : no`, "no"},
		{`cond 1 == 2 ? yes`, ""},
		{`cond 1 <= 1 ?  a b  :  c `, "a b"},
		{`cond 1 = 1 ? a : b`, "-ERR"},
		{`cond 1 == 1`, "-ERR"},
		{`cond`, "-ERR"},
		// texts
		{`echo a  b`, "a  b"},
		{`toupper aBc1`, "ABC1"},
		{`tolower ABc`, "abc"},
		{`url_encode a b&c=ü/+`, "a%20b%26c%3D%C3%BC%2F%2B"},
		{`url_decode a%20b+%26`, "a b+&"},
		{`url_decode %zz`, `-ERR invalid URL escape "%zz"`},
		{`md5 abc`, "900150983cd24fb0d6963f7d28e17f72"},
		// times
		{`strftime 0|%s`, "0"},
		{`strftime x|%s`, `-ERR strftime: "x" is no number of seconds`},
		{`strepoch 2026-11-21T10:00:00Z`, "1795255200"},
		{`strepoch nonsense`, `-ERR strepoch: "nonsense" is no date`},
		// variables of the switch
		{`global_getvar domain`, "example.com"},
		{`global_getvar none`, ""},
		{`global_setvar color=blue`, "+OK"},
		{`global_setvar =`, "-USAGE: <name>=<value>"},
		{`global_getvar`, "color=blue\ndomain=example.com\nus-ring=%(2000,4000,440,480)\n"},
		{`eval ${domain} ${md5(abc)}`, "example.com 900150983cd24fb0d6963f7d28e17f72"},
		{`eval uuid:none x`, "-ERR No such channel!"},
		{`expand toupper ${domain}`, "EXAMPLE.COM"},
		{`expand nothing`, "-ERR nothing Command not found!"},
		{`expand expand echo x`, "-ERR expand Command not found!"},
		// directory
		{`user_data 1000@example.com var callgroup`, "techsupport"},
		{`user_data 1000 param VM-Enabled`, "true"},
		{`user_data 1000 attr id`, "1000"},
		{`user_data 1000 attr number-alias`, "alice"},
		{`user_data 1000 attr other`, ""},
		{`user_data 9999 var callgroup`, ""},
		{`user_data 1000 what callgroup`, "-USAGE: <user>[@<domain>] var|param|attr <name>"},
		{`user_data 1000`, "-USAGE: <user>[@<domain>] var|param|attr <name>"},
		{`user_exists id 1000 example.com`, "true"},
		{`user_exists id 1000 example.net`, "false"},
		{`user_exists id 9999`, "false"},
		{`user_exists id`, "-USAGE: <key> <user> [<domain>]"},
		{`domain_exists example.com`, "true"},
		{`domain_exists example.net`, "false"},
		{`in_group 1000@example.com Sales`, "true"},
		{`in_group 1000 billing`, "false"},
		{`in_group 9999 sales`, "false"},
		{`in_group 1000`, "-USAGE: <user>[@<domain>] <group>"},
		{`group_call sales`, "user/1000@example.com,sofia/gateway/gw/1001"},
		{`group_call sales@example.com+F`, "user/1000@example.com|sofia/gateway/gw/1001"},
		{`group_call sales+e`, "user/1000@example.com:_:sofia/gateway/gw/1001"},
		{`group_call sales+x`, "-USAGE: <group>[@<domain>][+F|+A|+E]"},
		{`group_call nobody`, "error/NO_ROUTE_DESTINATION"},
		// the switch
		{`module_exists mod_sofia`, "true"},
		{`module_exists mod_sndfile`, "true"},
		{`module_exists mod_dialplan_xml`, "true"},
		{`module_exists mod_hash`, "false"}, // the fakes have no application hash
		{`module_exists mod_commands`, "true"},
		{`module_exists mod_enum`, "false"},
		{`module_exists mod_unheard_of`, "false"},
	} {
		reply(t, m, row.line, row.want)
	}
}

func TestCommandsOfChance(t *testing.T) {
	m, _, _ := newModule(t)
	run := func(line string) string { return command.Reply(t.Context(), m.deps.Commands, nil, line) }
	if a, b := run("create_uuid"), run("create_uuid"); len(a) != 36 || a == b {
		t.Errorf("create_uuid: %q, %q", a, b)
	}
	if got := run("hostname"); got == "" || strings.HasPrefix(got, "-ERR") {
		t.Errorf("hostname: %q", got)
	}
	if got := run("version"); !strings.HasPrefix(got, "Tandem Version ") || !strings.HasSuffix(got, run("version short")) {
		t.Errorf("version: %q", got)
	}
}

func TestEvalOnAChannel(t *testing.T) {
	m, f, _ := newModule(t)
	s := apptest.New(map[string]string{"color": "blue"})
	f.sessions[s.ID()] = s
	reply(t, m, "eval uuid:"+string(s.ID())+" ${color} ${caller_id_number}", "blue 1000")
	reply(t, m, "expand uuid:"+string(s.ID())+" toupper ${color}", "BLUE")
	out, err := command.Call(t.Context(), m.deps.Commands, s, "eval", "${color}")
	if out != "blue" || err != nil {
		t.Errorf("eval with the channel's own session: %q, %v", out, err)
	}
}

func TestStrepochIsNow(t *testing.T) {
	m, _, _ := newModule(t)
	synctest.Test(t, func(t *testing.T) {
		reply(t, m, "strepoch", strconv.FormatInt(time.Now().Unix(), 10))
		reply(t, m, "strftime", time.Now().Format("2006-01-02 15:04:05"))
		reply(t, m, "strftime %Y", time.Now().Format("2006"))
	})
}

func TestStrftime(t *testing.T) {
	moment := time.Date(2026, 1, 4, 0, 5, 9, 0, time.FixedZone("CET", 3600)) // a Sunday
	for format, want := range map[string]string{
		"%a, %d %b %Y %T %z": "Sun, 04 Jan 2026 00:05:09 +0100",
		"%Y-%m-%d-%H-%M-%S":  "2026-01-04-00-05-09",
		"%A %B %e %k %l %p":  "Sunday January  4  0 12 AM",
		"%C %y %j %u %w":     "20 26 004 7 0",
		"%U %W %V %G %g":     "01 00 01 2026 26",
		"%D %R %F %I %P %h":  "01/04/26 00:05 2026-01-04 12 am Jan",
		"%s%n%t%%%Z":         "1767481509\n\t%CET",
		"%Q % x %":           "%Q % x %",
	} {
		if got := strftime(moment, format); got != want {
			t.Errorf("strftime(%q) = %q, want %q", format, got, want)
		}
	}
}

func TestRunWaitsForTheEnd(t *testing.T) {
	m, _, _ := newModule(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
}

func FuzzCommands(f *testing.F) {
	f.Add("regex a|b|c|d")
	f.Add("cond 1 == 2 ? a : b")
	f.Add("hash insert/a/b/c")
	f.Add("strftime 1|%a%b")
	f.Add("user_data a@b var c")
	f.Add("eval ${echo(${domain})}")
	f.Fuzz(func(t *testing.T, line string) {
		m, _, _ := newModule(t)
		name, _ := command.Parse(line)
		if c, ok := m.deps.Commands.Find(name); !ok || c.Name == "md5" {
			return
		}
		command.Reply(t.Context(), m.deps.Commands, nil, line)
	})
}
