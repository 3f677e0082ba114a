package expand

import (
	"errors"
	"strings"
	"testing"
	"unsafe"
)

// fakeEnv has variables and three functions: echo, fail and braces.
type fakeEnv map[string]string

func (f fakeEnv) Lookup(name string) (string, bool) {
	v, ok := f[strings.ToLower(name)]
	return v, ok
}

func (f fakeEnv) Call(name, args string) (string, error) {
	switch name {
	case "echo":
		return "<" + args + ">", nil
	case "raw":
		return "${number}\n", nil
	case "fail":
		return "out", errors.New("no")
	}
	return "", errors.New("unknown")
}

func testEnv() fakeEnv {
	return fakeEnv{
		"number": "12345", "name": "number", "a_12345": "deep", "empty": "",
		"nested": "[${number}]", "loop": "x${loop}", "double": "${double}${double}",
		"list": "ARRAY::one|:two|:three", "digits": "0123456789", "esc": `\$5`,
		"fn": "echo", "us-ring": "%(2000,4000,440,480)", "mixed": "ARRAY::${number}|:b",
	}
}

// expandTable also seeds the fuzz target.
var expandTable = []struct{ in, want string }{
	// Plain text.
	{"", ""},
	{"plain", "plain"},
	{"$number", "$number"},
	{"$1 and $", "$1 and $"},
	{"^(10[01][0-9])$", "^(10[01][0-9])$"},
	// Variables.
	{"${number}", "12345"},
	{"a${number}b${number}c", "a12345b12345c"},
	{"${NUMBER}", "12345"},
	{"${unknown}", ""},
	{"${empty}", ""},
	{"${}", ""},
	{"${us-ring}", "%(2000,4000,440,480)"},
	{"$${number}", "12345"},
	{"$$x ${number}", "$$x 12345"},
	{"cost $5 ${number}", "cost $5 12345"},
	{"${number", "12345"},
	// Nesting: in the name, in the value.
	{"${a_${number}}", "deep"},
	{"${${name}}", "12345"},
	{"${nested}", "[12345]"},
	// Substrings, in bytes.
	{"${digits:3}", "3456789"},
	{"${digits:3:2}", "34"},
	{"${digits:-4}", "6789"},
	{"${digits:-4:2}", "67"},
	{"${number:-9}", "12345"},
	{"${number:5}", ""},
	{"${number:6}", ""},
	{"${number:0:3}", "123"},
	{"${number:1:9}", "2345"},
	{"${number:1:0}", "2345"},
	{"${number:1:-2}", "2345"},
	{"${number:x}", "12345"},
	{"${${name}:2}", "345"},
	{"30${digits:2}", "3023456789"},
	// Arrays.
	{"${list}", "ARRAY::one|:two|:three"},
	{"${list[0]}", "one"},
	{"${list[2]}", "three"},
	{"${list[3]}", ""},
	{"${list[-1]}", "ARRAY::one|:two|:three"},
	{"${list[1]:1}", "wo"},
	{"${number[0]}", ""},
	{"${mixed[0]}", "12345"},
	// Functions.
	{"${echo(a b)}", "<a b>"},
	{"${echo a b}", "<a b>"},
	{"${echo()}", "<>"},
	{"${echo(${number})}", "<12345>"},
	{"${echo(a(b)c)d}", "<a(b)c>"},
	{"${echo(a(b)}", "<a(b)>"},
	{"${${fn}(x)}", "<x>"},
	{"${echo(${echo(${number})})}", "<<12345>>"},
	{"${echo({x})}", "<{x}>"},
	{"${raw()}", "${number}\n"},
	{"${fail(x)}", ""},
	{"${nofunc(x)}", ""},
	{"insert/${number}-last/${digits:0:2}/${echo(${name})}", "insert/12345-last/01/<number>"},
	// Escapes count only where there is something to expand, or one of \\ \n \s \t \'.
	{`\$x`, `\$x`},
	{`\${number}`, `${number}`},
	{`\$${number}`, `${number}`},
	{`\\`, `\`},
	{`a\nb`, `a\nb`},
	{`it\'s`, `its`},
	{`\d+ ${number}`, `\d+ 12345`},
	{`\\${number}`, `\12345`},
	{`${number}\`, `12345\`},
	{`${esc}`, `\$5`}, // the value alone has nothing to expand
}

func TestExpand(t *testing.T) {
	env := testEnv()
	for _, row := range expandTable {
		if got := Expand(row.in, env); got != row.want {
			t.Errorf("Expand(%q) = %q, want %q", row.in, got, row.want)
		}
	}
}

func TestExpandEndsInLoops(t *testing.T) {
	env := testEnv()
	if got := Expand("${loop}", env); !strings.HasPrefix(got, "xxxx") || len(got) > 2*maxDepth {
		t.Errorf("Expand of a variable that holds itself = %q", got)
	}
	Expand("${double}", env) // 2^100 steps without the bound
}

func TestExpandBoundsOutput(t *testing.T) {
	env := fakeEnv{"big": strings.Repeat("x", 10_000)}
	if n := len(Expand(strings.Repeat("${big}", 100), env)); n != maxOutputBytes {
		t.Errorf("output of %d bytes, want %d", n, maxOutputBytes)
	}
}

func TestExpandPlainTextIsTheSameText(t *testing.T) {
	text := strings.Repeat("user/1000@example.com ", 4)
	env := testEnv()
	if n := testing.AllocsPerRun(100, func() { Expand(text, env) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if got := Expand(text, env); unsafe.StringData(got) != unsafe.StringData(text) {
		t.Error("the text was copied")
	}
}

func TestArrayGrows(t *testing.T) {
	v := Push("", "a")
	if v != "a" {
		t.Errorf("Push to nothing = %q", v)
	}
	v = Push(v, "b")
	v = Unshift(v, "c")
	if want := "ARRAY::c|:a|:b"; v != want {
		t.Errorf("array = %q, want %q", v, want)
	}
	if got := strings.Join(Elements(v), ","); got != "c,a,b" {
		t.Errorf("Elements = %q", got)
	}
	if got := Unshift("", "a"); got != "a" {
		t.Errorf("Unshift to nothing = %q", got)
	}
	if got := Elements("plain"); len(got) != 1 || got[0] != "plain" {
		t.Errorf("Elements of a plain value = %q", got)
	}
}

func FuzzExpand(f *testing.F) {
	for _, row := range expandTable {
		f.Add(row.in, row.want)
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		env := testEnv()
		env["value"] = value
		got := Expand(text, env)
		if len(got) > maxOutputBytes {
			t.Errorf("output of %d bytes", len(got))
		}
		if !Needed(text) && got != text {
			t.Errorf("Expand(%q) = %q, want it untouched", text, got)
		}
	})
}

func BenchmarkExpand(b *testing.B) {
	env := testEnv()
	for _, row := range []struct{ name, text string }{
		{"plain", "user/1000@example.com"},
		{"variable", "user/${number}@example.com"},
		{"function", "insert/${number}-spymap/${echo(${name})}"},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Expand(row.text, env)
			}
		})
	}
}
