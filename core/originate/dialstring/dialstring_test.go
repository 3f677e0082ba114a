package dialstring

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func one(vars Vars, prefix, target string) [][]Leg {
	return [][]Leg{{{Vars: vars, Prefix: prefix, Target: target}}}
}

// parseTable feeds the parse test, the round trip and the fuzz seeds.
var parseTable = []struct {
	in   string
	want Dial
}{
	{"user/1000", Dial{Groups: []Group{{Sequences: one(nil, "user", "1000")}}}},
	{" user/1000@example.com ", Dial{Groups: []Group{{Sequences: one(nil, "user", "1000@example.com")}}}},
	{"sofia/gateway/gw/123", Dial{Groups: []Group{{Sequences: one(nil, "sofia", "gateway/gw/123")}}}},
	{"loopback/app=voicemail:default example.com 1000", Dial{Groups: []Group{{
		Sequences: one(nil, "loopback", "app=voicemail:default example.com 1000")}}}},
	{"null/", Dial{Groups: []Group{{Sequences: one(nil, "null", "")}}}},
	// Forks and sequences.
	{"user/1,user/2|user/3", Dial{Groups: []Group{{Sequences: [][]Leg{
		{{Prefix: "user", Target: "1"}, {Prefix: "user", Target: "2"}},
		{{Prefix: "user", Target: "3"}},
	}}}}},
	{"user/1:_:{a=1}user/2,user/3", Dial{Groups: []Group{
		{Sequences: one(nil, "user", "1")},
		{Vars: Vars{{"a", "1"}}, Sequences: [][]Leg{{{Prefix: "user", Target: "2"}, {Prefix: "user", Target: "3"}}}},
	}}},
	{"user/1,,|,user/2,", Dial{Groups: []Group{{Sequences: [][]Leg{
		{{Prefix: "user", Target: "1"}}, {{Prefix: "user", Target: "2"}},
	}}}}},
	// Blocks.
	{"{leg_timeout=15,ignore_early_media=true}user/1", Dial{Groups: []Group{{
		Vars: Vars{{"leg_timeout", "15"}, {"ignore_early_media", "true"}}, Sequences: one(nil, "user", "1")}}}},
	{"<a=1>{b=2}{c=3,B=4} [d=5] [e=6]user/1", Dial{Vars: Vars{{"a", "1"}}, Groups: []Group{{
		Vars: Vars{{"B", "4"}, {"c", "3"}}, Sequences: one(Vars{{"d", "5"}, {"e", "6"}}, "user", "1")}}}},
	{"[x=a,y=b]user/1,[z=c|d]user/2", Dial{Groups: []Group{{Sequences: [][]Leg{{
		{Vars: Vars{{"x", "a"}, {"y", "b"}}, Prefix: "user", Target: "1"},
		{Vars: Vars{{"z", "c|d"}}, Prefix: "user", Target: "2"},
	}}}}}},
	{"{absolute_codec_string='PCMU,PCMA',name=Joe  Doe }user/1", Dial{Groups: []Group{{
		Vars: Vars{{"absolute_codec_string", "PCMU,PCMA"}, {"name", "Joe  Doe"}}, Sequences: one(nil, "user", "1")}}}},
	{`{a=x\,y,b=it\'s,c=\\}user/1`, Dial{Groups: []Group{{
		Vars: Vars{{"a", "x,y"}, {"b", "it's"}, {"c", `\`}}, Sequences: one(nil, "user", "1")}}}},
	{"{^^:a=x,y:b=z}user/1", Dial{Groups: []Group{{
		Vars: Vars{{"a", "x,y"}, {"b", "z"}}, Sequences: one(nil, "user", "1")}}}},
	{"[^^!a=1,2!b=3]user/1,user/2", Dial{Groups: []Group{{Sequences: [][]Leg{{
		{Vars: Vars{{"a", "1,2"}, {"b", "3"}}, Prefix: "user", Target: "1"}, {Prefix: "user", Target: "2"},
	}}}}}},
	{"{a={b},c='}'}user/1", Dial{Groups: []Group{{
		Vars: Vars{{"a", "{b}"}, {"c", "}"}}, Sequences: one(nil, "user", "1")}}}},
	{"{a=it's}user/1", Dial{Groups: []Group{{Vars: Vars{{"a", "it's"}}, Sequences: one(nil, "user", "1")}}}},
	{"{a='b}user/1", Dial{Groups: []Group{{Vars: Vars{{"a", "'b"}}, Sequences: one(nil, "user", "1")}}}},
	{"{flag,a=,=x,b=1=2}user/1", Dial{Groups: []Group{{
		Vars: Vars{{"a", ""}, {"b", "1=2"}}, Sequences: one(nil, "user", "1")}}}},
	{"{}user/1", Dial{Groups: []Group{{Sequences: one(nil, "user", "1")}}}},
	// What is protected in a target.
	{`sofia/internal/a\,b@h,user/1`, Dial{Groups: []Group{{Sequences: [][]Leg{{
		{Prefix: "sofia", Target: "internal/a,b@h"}, {Prefix: "user", Target: "1"},
	}}}}}},
	{`loopback/app=log:'a, b| c:_:d',user/1`, Dial{Groups: []Group{{Sequences: [][]Leg{{
		{Prefix: "loopback", Target: "app=log:a, b| c:_:d"}, {Prefix: "user", Target: "1"},
	}}}}}},
	{"sofia/internal/1000@[2001:db8::1]:5060;x=[a,b],user/O'Brien", Dial{Groups: []Group{{Sequences: [][]Leg{{
		{Prefix: "sofia", Target: "internal/1000@[2001:db8::1]:5060;x=[a,b]"}, {Prefix: "user", Target: "O'Brien"},
	}}}}}},
	{"sofia/a/b[c,user/1", Dial{Groups: []Group{{Sequences: [][]Leg{{
		{Prefix: "sofia", Target: "a/b[c"}, {Prefix: "user", Target: "1"},
	}}}}}},
	{"error/USER_BUSY", Dial{Groups: []Group{{Sequences: one(nil, "error", "USER_BUSY")}}}},
	{"verto.rtc/u_1-2:_x", Dial{Groups: []Group{{Sequences: one(nil, "verto.rtc", "u_1-2:_x")}}}},
}

func TestParse(t *testing.T) {
	for _, row := range parseTable {
		got, err := Parse(row.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", row.in, err)
			continue
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("Parse(%q): (-want +got)\n%s", row.in, diff)
		}
	}
}

func TestStringParsesToTheSame(t *testing.T) {
	for _, row := range parseTable {
		text := row.want.String()
		got, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("Parse(String()) of %q: (-want +got)\n%s", text, diff)
		}
	}
}

func TestParseErrorsHaveAPosition(t *testing.T) {
	for _, row := range []struct {
		in     string
		pos    int
		reason string
	}{
		{"", 0, "nobody to call"},
		{" , | :_: ", 9, "nobody to call"},
		{"{a=1}", 5, "nobody to call"},
		{"1000", 0, "no slash"},
		{"user/1,1000", 7, "no slash"},
		{"{a=1user/1", 0, "no closing }"},
		{"user/1,[a=1user/2", 7, "no closing ]"},
		{"<a=1user/2", 0, "no closing >"},
		{"user/1,{a=1}user/2", 7, "endpoint"},
		{"/x", 0, "endpoint"},
		{"{a b=1}user/1", 0, "variable name"},
		{strings.Repeat("user/1,", MaxForks+1), 7*(MaxForks+1) - 1, "more than 128 legs"},
		{strings.Repeat("user/1|", MaxForks+1), 7*(MaxForks+1) - 1, "more than 128 alternatives"},
		{strings.Repeat("user/1:_:", MaxForks+1), 9*(MaxForks+1) - 3, "more than 128 groups"},
		{"{" + manyVars(maxVars+1) + "}user/1", 0, "more than 1000 variables"},
		{strings.Repeat("x", maxBytes+1), maxBytes, "longer than"},
	} {
		_, err := Parse(row.in)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("Parse(%.40q) = %v, want a SyntaxError", row.in, err)
			continue
		}
		if syntax.Pos != row.pos || !strings.Contains(syntax.Reason, row.reason) {
			t.Errorf("Parse(%.40q) = %v, want %q at byte %d", row.in, err, row.reason, row.pos)
		}
	}
}

func manyVars(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "v%d=x,", i)
	}
	return b.String()
}

func TestGroupVariablesWinOverThoseOfTheLeg(t *testing.T) {
	legVars := func(text string) map[string]string {
		t.Helper()
		d, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return d.LegVars(d.Groups[0], d.Groups[0].Sequences[0][0]).Map()
	}
	got := legVars("<a=1,b=1,c=1>{B=2,c=2}[c=3,d=3]user/1")
	if diff := cmp.Diff(map[string]string{"a": "1", "B": "2", "c": "2", "d": "3"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got = legVars("{c=2,local_var_clobber=true}[c=3]user/1")
	if diff := cmp.Diff(map[string]string{"c": "3", "local_var_clobber": "true"}, got); diff != "" {
		t.Errorf("with local_var_clobber: (-want +got)\n%s", diff)
	}
}

func TestLegsInOrder(t *testing.T) {
	d, err := Parse("user/1,user/2|user/3:_:user/4")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range d.Legs() {
		got = append(got, l.String())
	}
	if diff := cmp.Diff([]string{"user/1", "user/2", "user/3", "user/4"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, row := range parseTable {
		f.Add(row.in)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Pos > len(text) {
				t.Errorf("Parse(%q) = %v", text, err)
			}
			return
		}
		again, err := Parse(d.String())
		if err != nil {
			t.Fatalf("Parse(%q), written from %q: %v", d.String(), text, err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("%q is written as %q: (-first +again)\n%s", text, d.String(), diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("{leg_timeout=15,ignore_early_media=true}[x=1]user/1000@example.com,user/1001@example.com"); err != nil {
			b.Fatal(err)
		}
	}
}
