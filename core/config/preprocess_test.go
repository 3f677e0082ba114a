package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tandemswitch/tandem/core/config"
)

// quirkTable is the preprocessor's behavior line by line. The lines stand in
// <document>, from line 2 on; want lists what follows of the tree, one element
// per item: name, attributes, text.
var quirkTable = []struct {
	name  string
	lines []string
	want  []string
	warn  []string // parts of the warnings, in order
	errs  []string // parts of the errors, in order; then want is not looked at
}{
	{name: "set is seen by later lines only",
		lines: []string{`<a v="$${x}"/>`, `<X-PRE-PROCESS cmd="set" data="x=1"/>`, `<a v="$${x}"/>`},
		want:  []string{`a v=""`, `a v="1"`}, warn: []string{":2: $${x} is not set"}},
	{name: "spaces around the equals sign are dropped, the value keeps its end",
		lines: []string{`<X-PRE-PROCESS cmd="set" data=" x =  1 = 2 "/>`, `<a v="[$${x}]"/>`},
		want:  []string{`a v="[1 = 2 ]"`}},
	{name: "values are expanded when set, not again when used",
		lines: []string{`<X-PRE-PROCESS cmd="set" data="x=1"/>`, `<X-PRE-PROCESS cmd="set" data="y=$${x}2"/>`,
			`<X-PRE-PROCESS cmd="set" data="x=9"/>`, `<a v="$${y}"/>`},
		want: []string{`a v="12"`}},
	{name: "tag and attributes in any case", lines: []string{`<x-pre-process CMD="SET" Data="x=1" />`, `<a v="$${x}"/>`}, want: []string{`a v="1"`}},
	{name: "entities in values reach the tree decoded",
		lines: []string{`<X-PRE-PROCESS cmd="set" data="x=a &amp; &quot;b&quot;"/>`, `<a v="$${x}"/>`}, want: []string{`a v="a & \"b\""`}},
	{name: "a dollar-brace in a value is neutralized",
		lines: []string{`<X-PRE-PROCESS cmd="set" data="x=${y}"/>`, `<a v="$${x}"/>`}, want: []string{`a v="%{y}"`}, warn: []string{`:2: set: "x" holds ${`}},
	{name: "run-time variables pass", lines: []string{`<a v="${x} $1 $${y"/>`, `<b/>`}, errs: []string{":2: $${ without a closing }"}},
	{name: "directives work in comments",
		lines: []string{`<!--`, `<X-PRE-PROCESS cmd="set" data="x=1"/>`, `-->`, `<!-- <X-PRE-PROCESS cmd="set" data="y=2"/> -->`, `<a v="$${x}$${y}"/>`},
		want:  []string{`a v="12"`}, warn: []string{":3: X-PRE-PROCESS works inside a comment", ":5: X-PRE-PROCESS works inside a comment"}},
	{name: "Z-PRE-PROCESS and X-NO-PRE-PROCESS are elements that nobody sees",
		lines: []string{`<Z-PRE-PROCESS cmd="set" data="x=1"/>`, `<X-NO-PRE-PROCESS cmd="set" data="x=1"/>`, `<a/>`}, want: []string{`a`}},
	{name: "XX-PRE-PROCESS makes the line vanish",
		lines: []string{`<XX-PRE-PROCESS cmd="set" data="x=1"/><b/>`, `<a/>`}, want: []string{`a`}, warn: []string{":2: the whole line is dropped"}},
	{name: "what stands beside a directive is lost",
		lines: []string{`<b/><X-PRE-PROCESS cmd="set" data="x=1"/><c/>`, `<a v="$${x}"/>`}, want: []string{`a v="1"`}, warn: []string{":2: what stands beside"}},
	{name: "a comment beside a directive is no loss",
		lines: []string{`<X-PRE-PROCESS cmd="set" data="x=1"/> <!-- one -->`, `<a v="$${x}"/>`}, want: []string{`a v="1"`}},
	{name: "a line with include vanishes whole", lines: []string{`<include><b/>`, `<a/>`, `</include>`}, want: []string{`a`}, warn: []string{":2: the whole line is dropped"}},
	{name: "a line with a declaration vanishes", lines: []string{`<?xml version="1.0" encoding="utf-8"?>`, `<a/>`}, want: []string{`a`}},
	{name: "foreign encoding with ASCII only is fine", lines: []string{`<?xml version="1.0" encoding="Windows-1252"?>`, `<a/>`}, want: []string{`a`}},
	{name: "foreign encoding that is UTF-8 is read as such",
		lines: []string{`<?xml encoding="iso-8859-1"?>`, `<a v="ü"/>`}, want: []string{`a v="ü"`}, warn: []string{`:2: declares encoding "iso-8859-1", but is UTF-8`}},
	{name: "foreign encoding is an error",
		lines: []string{`<?xml encoding='iso-8859-1'?>`, "<a v=\"\xfc\"/>"}, errs: []string{`:2: encoding "iso-8859-1" is not supported`, ":3: not valid UTF-8"}},
	{name: "control characters are errors", lines: []string{"<a v=\"\x01\"/>"}, errs: []string{`:2: control character '\x01'`}},
	{name: "cmd must come before data", lines: []string{`<X-PRE-PROCESS data="x=1" cmd="set"/>`}, errs: []string{`:2: X-PRE-PROCESS: want cmd="…" and then data="…"`}},
	{name: "single quotes are not understood", lines: []string{`<X-PRE-PROCESS cmd='set' data='x=1'/>`}, errs: []string{":2: X-PRE-PROCESS: want"}},
	{name: "a directive over two lines is not understood", lines: []string{`<X-PRE-PROCESS cmd="set"`, ` data="x=1"/>`}, errs: []string{":2: X-PRE-PROCESS: want"}},
	{name: "set without a value", lines: []string{`<X-PRE-PROCESS cmd="set" data="x"/>`}, errs: []string{`:2: set: want name=value, got "x"`}},
	{name: "legacy set", lines: []string{`<!--#set "x=1"-->`, `<b/> <!--#comment no --> <a v="$${x}"/>`}, want: []string{`b`, `a v="1"`}},
	{name: "legacy comments over lines are swallowed with what they say",
		lines: []string{`<!--#set "x=1"`, `<X-PRE-PROCESS cmd="set" data="x=2"/> $${nobody} -->`, `--><a v="[$${x}]"/>`},
		want:  []string{`a v="[]"`}, warn: []string{":4: $${x} is not set"}},
	{name: "legacy comment without an end", lines: []string{`<!--#comment`}, errs: []string{"<!--# is not closed", "<document> is not closed"}},
	{name: "an include that is not there is a warning", lines: []string{`<X-PRE-PROCESS cmd="include" data="none.xml"/>`}, warn: []string{`:2: include: no file "none.xml"`}},
	{name: "an empty glob is fine", lines: []string{`<X-PRE-PROCESS cmd="include" data="none/*.xml"/>`}},
	{name: "an include outside", lines: []string{`<X-PRE-PROCESS cmd="include" data="../x.xml"/>`, `<X-PRE-PROCESS cmd="include" data="/etc/*.xml"/>`},
		errs: []string{`:2: include: "../x.xml" is outside`, `:3: include: "/etc/*.xml" is outside`}},
	{name: "an include of itself", lines: []string{`<X-PRE-PROCESS cmd="include" data="*.xml"/>`}, errs: []string{`:2: include: "freeswitch.xml" includes itself`}},
	{name: "a bad glob", lines: []string{`<X-PRE-PROCESS cmd="include" data="[.xml"/>`}, errs: []string{`:2: include: "[.xml": syntax error in pattern`}},

	{name: "text, entities and CDATA", lines: []string{`<a>  x &lt; y &#65;&#x42; <![CDATA[ <&amp;> ]]></a>`}, want: []string{`a: x < y AB  <&amp;> `}},
	{name: "text around children is joined", lines: []string{`<a> one`, `<b>in</b>`, `two </a>`}, want: []string{"a: one\n\ntwo"}},
	{name: "attributes are normalized", lines: []string{"<a v='x\ty", "  z' w=\"'\"/>"}, want: []string{`a v="x y   z" w="'"`}},
	{name: "a bare ampersand is tolerated", lines: []string{`<a v="a && b &nbsp; c">x & y</a>`}, want: []string{`a v="a && b &nbsp; c": x & y`}, warn: []string{`:2: "&& b &nbsp; c`, `:2: "& y"`}},
	{name: "angle brackets in attributes are tolerated", lines: []string{`<a v="<sip:x@y>"/>`}, want: []string{`a v="<sip:x@y>"`}},
	{name: "dashes in comments are tolerated", lines: []string{`<!-- a -- b --- c --><a/>`}, want: []string{`a`}},
	{name: "UTF-8 and a byte order mark", lines: []string{`<a v="Grüße 電話 🙂"/>`}, want: []string{`a v="Grüße 電話 🙂"`}},
	{name: "an entity bomb", lines: []string{`<!DOCTYPE x [ <!ENTITY a "aaaa"> <!ENTITY b "&a;&a;"> ]>`, `<a>&b;</a>`}, errs: []string{":2: document type declarations and entities are not allowed"}},
	{name: "a number that is no character", lines: []string{`<a v="&#0;"/>`}, want: []string{`a v="&#0;"`}, warn: []string{`"&#0;" is taken as it stands`}},
	{name: "a forgotten quote", lines: []string{`<a v="1/>`, `<b w="2"/>`}, errs: []string{":2: <a>: the value of v has no closing quote"}},
	{name: "an attribute twice", lines: []string{`<a v="1" v="2"/>`}, errs: []string{":2: <a>: attribute v is given twice"}},
	{name: "an attribute without value", lines: []string{`<a v/>`}, errs: []string{":2: <a>: attribute v has no value"}},
	{name: "a lone less-than", lines: []string{`<a>1 < 2</a>`}, errs: []string{":2: a tag needs a name after <"}},
	{name: "crossed tags", lines: []string{`<a><b></a></b>`}, errs: []string{":2: <b> of freeswitch.xml:2 is not closed before </a>", ":2: </b> closes nothing"}},
	{name: "too deep", lines: []string{strings.Repeat("<a>", 300)}, errs: []string{":2: elements are nested more than 200 deep"}},
	{name: "an open comment", lines: []string{`<!-- a`}, errs: []string{":2: a comment is not closed by -->", "<document> is not closed"}},
}

func TestPreprocessorQuirks(t *testing.T) {
	for _, c := range quirkTable {
		t.Run(c.name, func(t *testing.T) {
			tree, err := config.Load(config.Options{FS: document(c.lines...)})
			if len(c.errs) > 0 {
				if err == nil {
					t.Fatal("no error")
				}
				matchParts(t, "error", strings.Split(err.Error(), "\n"), c.errs)
				return
			}
			if err != nil {
				t.Fatalf("Load: %v", err)
			}
			if got := describe(tree.Root()); !slices.Equal(got, c.want) {
				t.Errorf("tree = %q, want %q", got, c.want)
			}
			matchParts(t, "warning", warnings(tree), c.warn)
		})
	}
}

func matchParts(t *testing.T, what string, got, parts []string) {
	t.Helper()
	if len(got) != len(parts) {
		t.Errorf("%ss = %q, want %d", what, got, len(parts))
		return
	}
	for i, part := range parts {
		if !strings.Contains(got[i], part) {
			t.Errorf("%s %d = %q, want %q in it", what, i, got[i], part)
		}
	}
}

func describe(n *config.Node) []string {
	var all []string
	for c := range n.All("") {
		var b strings.Builder
		b.WriteString(c.Name)
		for _, a := range c.Attrs {
			b.WriteString(" " + a.Name + `="` + strings.ReplaceAll(a.Value, `"`, `\"`) + `"`)
		}
		if c.Text != "" {
			b.WriteString(": " + c.Text)
		}
		all = append(all, b.String())
		if c.Text == "" {
			all = append(all, describe(c)...)
		}
	}
	return all
}

func TestAbsoluteIncludeBelowTheDirectory(t *testing.T) {
	fsys := document(`<X-PRE-PROCESS cmd="include" data="$${conf_dir}/sub/*.xml"/>`)
	fsys["sub/a.xml"] = files("a", "\uFEFF<a/>")["a"]
	tree := load(t, config.Options{FS: fsys, Dir: "/srv/conf/", Presets: map[string]string{"conf_dir": "/srv/conf"}})
	if tree.Root().Child("a").Pos.String() != "sub/a.xml:1" {
		t.Errorf("tree = %v", describe(tree.Root()))
	}
}

func TestLoadWithoutDocument(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"", "freeswitch.xml:1: no <document> element"},
		{"<configuration/>", "freeswitch.xml:1: the outermost element is <configuration>, want <document>"},
		{"<document/>\n<document/>", "freeswitch.xml:2: <document> is outside of <document>, which ended before"},
		{"hello\n<document/>", "freeswitch.xml:1: text outside of the outermost element"},
	} {
		_, err := config.Load(config.Options{FS: files("freeswitch.xml", c.content)})
		if err == nil || err.Error() != c.want {
			t.Errorf("Load(%q) = %v, want %s", c.content, err, c.want)
		}
	}
	_, err := config.Load(config.Options{FS: files()})
	if err == nil || err.Error() != `freeswitch.xml:1: cannot read "freeswitch.xml": file does not exist` {
		t.Errorf("Load of nothing = %v", err)
	}
}

func TestSectionsGivenTwiceAreReported(t *testing.T) {
	tree := load(t, config.Options{FS: document(
		`<section name="configuration"><configuration name="switch.conf" v="1"/>`, `<configuration name="Switch.conf" v="2"/></section>`, `<section name="Configuration"/>`)})
	if got := tree.Configuration("SWITCH.CONF").Attr("v"); got != "1" {
		t.Errorf("Configuration: v = %q, want the first", got)
	}
	matchParts(t, "warning", warnings(tree), []string{
		`:4: <section name="Configuration"> is ignored: the one at freeswitch.xml:2`,
		`:3: <configuration name="Switch.conf"> is ignored: the one at freeswitch.xml:2`})
}

func TestNilNodesFindNothing(t *testing.T) {
	var tree *config.Tree
	n := tree.Section("x").Child("y").Find("a", "b", "c").Parent()
	n.Warnf("nobody hears this")
	if n != nil || n.Attr("a") != "" || n.HasAttr("a") || n.UnknownAttrs() != nil || len(tree.Vars()) > 0 || tree.Warnings() != nil {
		t.Error("a nil node found something")
	}
	if got := n.Errorf("x").Error(); got != "x" {
		t.Errorf("Errorf of nil = %q", got)
	}
}

func TestProblemsFindsAllOfJoinedErrors(t *testing.T) {
	_, one := config.Load(config.Options{FS: document(`<a v/>`, `<b w/>`)})
	got := config.Problems(errors.Join(one, errors.New("port 5060 is taken"), one, nil))
	want := []string{"freeswitch.xml:2: <a>: attribute v has no value", "freeswitch.xml:3: <b>: attribute w has no value", "port 5060 is taken"}
	if !slices.Equal(strings.Split(got.Error(), "\n"), want) {
		t.Errorf("Problems = %q, want %q", got.Error(), want)
	}
	if config.Problems(nil) != nil {
		t.Error("nothing has problems")
	}
}

func FuzzLoad(f *testing.F) {
	for _, c := range quirkTable {
		f.Add(strings.Join(c.lines, "\n"))
	}
	f.Fuzz(func(t *testing.T, body string) {
		fsys := document(body)
		fsys["vars.xml"] = files("v", body)["v"]
		tree, err := config.Load(config.Options{FS: fsys, Presets: map[string]string{"x": "<&'\""}})
		if (tree == nil) == (err == nil) {
			t.Fatalf("Load = %v, %v", tree, err)
		}
		if err == nil {
			checkPositions(t, tree.Root())
		}
	})
}

// checkPositions holds that every element of an accepted text has a place in it.
func checkPositions(t *testing.T, n *config.Node) {
	if n.Pos.File == "" || n.Pos.Line < 1 {
		t.Fatalf("<%s> at %v", n.Name, n.Pos)
	}
	for c := range n.All("") {
		if c.Parent() != n {
			t.Fatalf("<%s>: wrong parent", c.Name)
		}
		checkPositions(t, c)
	}
}
