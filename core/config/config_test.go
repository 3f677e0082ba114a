package config_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tandemswitch/tandem/core/config"
)

// files makes a file system out of name, content, name, content …
func files(nameContent ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(nameContent); i += 2 {
		m[nameContent[i]] = &fstest.MapFile{Data: []byte(nameContent[i+1])}
	}
	return m
}

// document wraps lines into a main file; the first of them is line 2.
func document(lines ...string) fstest.MapFS {
	return files("freeswitch.xml", "<document>\n"+strings.Join(lines, "\n")+"\n</document>\n")
}

func load(t *testing.T, o config.Options) *config.Tree {
	t.Helper()
	tree, err := config.Load(o)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return tree
}

func warnings(tree *config.Tree) []string {
	var all []string
	for _, w := range tree.Warnings() {
		all = append(all, w.Error())
	}
	return all
}

func TestLoadRemembersWhereIncludedNodesCameFrom(t *testing.T) {
	tree := load(t, config.Options{FS: files(
		"freeswitch.xml", "<?xml version=\"1.0\"?>\n<document type=\"freeswitch/xml\">\n<X-PRE-PROCESS cmd=\"include\" data=\"vars.xml\"/>\n"+
			"<section name=\"dialplan\">\n  <X-PRE-PROCESS cmd=\"include\" data=\"dialplan/*.xml\"/>\n</section>\n</document>\n",
		"vars.xml", "<include>\n<X-PRE-PROCESS cmd=\"set\" data=\"greeting=hello\"/>\n</include>\n",
		"dialplan/b.xml", "<include>\n<context name=\"b\"/>\n</include>\n",
		"dialplan/a.xml", "<include>\r\n\r\n<context\r\n  name=\"a\">\r\n<X-PRE-PROCESS cmd=\"include\" data=\"more/*.xml\"/>\r\n</context>\r\n</include>\r\n",
		"dialplan/more/x.xml", "<extension name=\"$${greeting}\"/>\n",
	)})
	dialplan := tree.Section("dialplan")
	var got []string
	for c := range dialplan.All("context") {
		got = append(got, c.Attr("name")+"@"+c.Pos.String())
	}
	want := []string{"a@dialplan/a.xml:3", "b@dialplan/b.xml:2"}
	if !slices.Equal(got, want) {
		t.Errorf("contexts = %v, want %v", got, want)
	}
	ext := dialplan.Child("context").Child("extension")
	if ext.Attr("name") != "hello" || ext.Pos.String() != "dialplan/more/x.xml:1" {
		t.Errorf("extension = %q at %s, want hello at dialplan/more/x.xml:1", ext.Attr("name"), ext.Pos)
	}
	if w := warnings(tree); len(w) > 0 {
		t.Errorf("warnings = %v, want none", w)
	}
}

func TestLoadReportsAllErrorsWithTheirFiles(t *testing.T) {
	_, err := config.Load(config.Options{FS: files(
		"freeswitch.xml", "<document>\n<X-PRE-PROCESS cmd=\"include\" data=\"a.xml\"/>\n<X-PRE-PROCESS cmd=\"include\" data=\"b.xml\"/>\n</document>",
		"a.xml", "<x>\n<y a=1/>\n</x>\n",
		"b.xml", "<p>\n<q>\n</p>\n</zz>\n<X-PRE-PROCESS cmd=\"frobnicate\" data=\"x\"/>",
	)})
	errs, ok := errors.AsType[config.Errors](err)
	if !ok {
		t.Fatalf("Load error = %T %v, want config.Errors", err, err)
	}
	want := []string{
		`b.xml:5: X-PRE-PROCESS: unknown cmd "frobnicate"; there are set, include, env-set, exec, exec-set, stun-set`,
		`a.xml:2: <y>: the value of a is not in quotes`,
		`b.xml:3: <q> of b.xml:2 is not closed before </p>`,
		`b.xml:4: </zz> closes nothing`,
	}
	if got := strings.Split(errs.Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("errors:\n%s\nwant:\n%s", errs, strings.Join(want, "\n"))
	}
}

func TestSetsWinOverFilesAndFilesOverPresets(t *testing.T) {
	tree := load(t, config.Options{
		FS: document(
			`<X-PRE-PROCESS cmd="set" data="domain=from.file"/>`,
			`<X-PRE-PROCESS cmd="set" data="local_ip_v4=192.0.2.7"/>`,
			`<X-PRE-PROCESS cmd="stun-set" data="ext=stun:stun.example.com"/>`,
			`<x a="$${Domain}" b="$${local_ip_v4}" c="$${password}"/>`),
		Sets:    map[string]string{"DOMAIN": "from.flag", "ext": "203.0.113.1"},
		Presets: map[string]string{"local_ip_v4": "127.0.0.1", "password": `a"<&'b`},
	})
	x := tree.Root().Child("x")
	if x.Attr("a") != "from.flag" || x.Attr("b") != "192.0.2.7" || x.Attr("c") != `a"<&'b` {
		t.Errorf("attributes = %q", x.Attrs)
	}
	vars := tree.Vars()
	if vars["domain"] != "from.flag" || vars["password"] != `a"<&'b` || vars["ext"] != "203.0.113.1" {
		t.Errorf("Vars() = %v", vars)
	}
}

func TestSetWithFixedNameRunsNothing(t *testing.T) {
	load(t, config.Options{
		FS:   document(`<X-PRE-PROCESS cmd="exec-set" data="x=rm -rf /"/>`),
		Sets: map[string]string{"x": "1"},
		Exec: func(string) (string, error) { t.Error("command was run"); return "", nil },
	})
}

func TestDirectivesThatReachOutNeedPermission(t *testing.T) {
	lines := document(`<X-PRE-PROCESS cmd="env-set" data="home=$HOME"/>`, `<X-PRE-PROCESS cmd="exec-set" data="id=id -u"/>`,
		`<X-PRE-PROCESS cmd="exec" data="cat x.xml"/>`)
	_, err := config.Load(config.Options{FS: lines})
	for _, want := range []string{"freeswitch.xml:2: env-set: reading the environment is not allowed",
		"freeswitch.xml:3: exec-set: running commands is not allowed", "freeswitch.xml:4: exec: running commands is not allowed"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load error = %v, want %q", err, want)
		}
	}
	tree := load(t, config.Options{
		FS:   lines,
		Env:  func(name string) (string, bool) { return "/home/" + name, true },
		Exec: func(command string) (string, error) { return "<z of=\"" + command + "\"/>\n \n", nil },
	})
	if got := tree.Vars()["home"]; got != "/home/HOME" {
		t.Errorf("env-set: home = %q", got)
	}
	if got := tree.Vars()["id"]; got != `<z of="id -u"/>` {
		t.Errorf("exec-set: id = %q", got)
	}
	if z := tree.Root().Child("z"); z.Attr("of") != "cat x.xml" || z.Pos.Line != 4 {
		t.Errorf("exec: %+v", z)
	}
}

func TestVanillaLoads(t *testing.T) {
	const dir = "../../../shared/vanilla"
	if _, err := os.Stat(dir + "/freeswitch.xml"); err != nil {
		t.Skip("FreeSWITCH's stock configuration is not here: ", err)
	}
	tree := load(t, config.Options{FS: os.DirFS(dir), Presets: config.HostPresets("/data", "/data/conf", nil)})
	for _, w := range warnings(tree) {
		t.Log(w)
	}
	if n := len(tree.Warnings()); n > 12 {
		t.Errorf("%d warnings, want few", n)
	}
	contexts := 0
	for range tree.Section("dialplan").All("context") {
		contexts++
	}
	if contexts != 4 {
		t.Errorf("%d contexts, want 4: default, features, public, skinny-patterns", contexts)
	}
	if got := tree.Vars()["us-ring"]; got != "%(2000,4000,440,480)" {
		t.Errorf("us-ring = %q", got)
	}
	profile := tree.Configuration("sofia.conf").Child("profiles").Find("profile", "name", "internal")
	if profile == nil || profile.Pos.File != "sip_profiles/internal.xml" {
		t.Errorf("profile internal = %+v", profile)
	}
	s, err := config.SwitchSettings(tree)
	if err != nil || s.MaxSessions != 1000 || s.SessionsPerSecond != 30 {
		t.Errorf("SwitchSettings = %+v, %v", s, err)
	}
	var none struct{}
	if err := config.Decode(profile.Child("settings"), &none); err != nil {
		t.Errorf("names of vanilla's profile that are not in the table:\n%v", err)
	}
}
