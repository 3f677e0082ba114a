package pattern

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// findTable also seeds the fuzz target. A nil want is no match.
var findTable = []struct {
	pattern, text string
	want          []string
}{
	// What dialplans hold.
	{"^(10[01][0-9])$", "1000", []string{"1000", "1000"}},
	{"^(10[01][0-9])$", "1020", nil},
	{"1000", "21000", []string{"1000"}},
	{"", "anything", []string{""}},
	{"^$", "", []string{""}},
	{"^$", "x", nil},
	{`^\*\*(\d+)$`, "**1000", []string{"**1000", "1000"}},
	{`^88(\d{4})$|^\*0(.*)$`, "*0123", []string{"*0123", "", "123"}},
	{`^((?!6000)60\d{2})$`, "6001", []string{"6001", "6001"}},
	{`^((?!6000)60\d{2})$`, "6000", nil},
	{`(35\d{2})-canvas-(\d+)`, "x3500-canvas-2", []string{"3500-canvas-2", "3500", "2"}},
	{`<sip:(.*)@(.*)>`, "<sip:a@b>", []string{"<sip:a@b>", "a", "b"}},
	{`^\+?1?(\d{10})$`, "+12125551212", []string{"+12125551212", "2125551212"}},
	{`a=rtpmap:(\d+)\stelephone-event/8000`, "v=0\r\na=rtpmap:101 telephone-event/8000\r\n",
		[]string{"a=rtpmap:101 telephone-event/8000", "101"}},
	{`^(?!219099999|078051120)(?!666|000|9\d{2})\d{3}(?!00)\d{2}(?!0{4})\d{4}$`, "123456789", []string{"123456789"}},
	{`^(?!219099999|078051120)(?!666|000|9\d{2})\d{3}(?!00)\d{2}(?!0{4})\d{4}$`, "666456789", nil},
	// The three forms.
	{"/^SIP:(.*)$/i", "sip:X", []string{"sip:X", "X"}},
	{"/a.b/s", "a\nb", []string{"a\nb"}},
	{"/a/b/", "a/b", []string{"a/b"}},
	{"_NXXZ.", "2001", []string{"2001"}},
	{"_NXXZ.", "1001", nil},
	{"_NXXZ.", "2000", nil},
	{"_9[1-3]X", "925", []string{"925"}},
	{"_*9X", "*98", []string{"*98"}},
	{"_1X", "100", nil},
	// Ends of text and line.
	{"^(.*)$", "abc\n", []string{"abc", "abc"}},
	{"abc$", "abc\n", []string{"abc"}},
	{"abc$", "abc\n\n", nil},
	{`abc\z`, "abc\n", nil},
	{`abc\Z`, "abc\n", []string{"abc"}},
	{"(?m)^b$", "a\nb\nc", []string{"b"}},
	{"^b", "a\nb", nil},
	{".*b", "a\ncb", []string{"cb"}},
	{".", "\n", nil},
	{`\bfoo\b`, "a foo.", []string{"foo"}},
	{`\Boo`, "foo", []string{"oo"}},
	// Bytes.
	{"^.(.)$", "\xff\xfe", []string{"\xff\xfe", "\xfe"}},
	{"^J.{2}rg$", "J\u00f6rg", []string{"J\u00f6rg"}},
	{"J\u00f6rg", "J\u00f6rg", []string{"J\u00f6rg"}},
	{`^\w+$`, "J\u00f6rg", nil},
	{`\x{f6}`, "\xf6", []string{"\xf6"}},
	// Quantifiers.
	{"a*?b", "aab", []string{"aab"}},
	{"<(.+?)>", "<a><b>", []string{"<a>", "a"}},
	{"(?U)<(.+)>", "<a><b>", []string{"<a>", "a"}},
	{"(?U)<(.+?)>", "<a><b>", []string{"<a><b>", "a><b"}},
	{"a{2}", "aaa", []string{"aa"}},
	{"a{2,}", "aaa", []string{"aaa"}},
	{"a{1,2}?", "aaa", []string{"a"}},
	{"a{,2}", "a{,2}", []string{"a{,2}"}},
	{"x{a}", "x{a}", []string{"x{a}"}},
	{"^(?:ab){2,3}$", "ababab", []string{"ababab"}},
	{"^(?:ab){2,3}$", "ab", nil},
	{"^(a|ab)(c|bcd)*$", "abcd", []string{"abcd", "a", "bcd"}},
	{"(a*)*b", "aab", []string{"aab", ""}},
	{"(?:a?)*?b", "aab", []string{"aab"}},
	{"(?:a|){3}b", "ab", []string{"ab"}},
	{"a++b", "aab", []string{"aab"}},
	{"a++ab", "aaab", nil},
	{"(?:ab)?+abc", "abc", nil},
	{"(?>a+)ab", "aaab", nil},
	{"(?>a+|b)c", "aac", []string{"aac"}},
	// Groups.
	{"(a)|(b)", "b", []string{"b", "", "b"}},
	{"(?<x>a)(b)(?P<y>c)", "abc", []string{"abc", "a", "b", "c"}},
	{"(?'x'a)", "a", []string{"a", "a"}},
	{"(?:a)(b)", "ab", []string{"ab", "b"}},
	{"(?|(a)|(b))(c)", "bc", []string{"bc", "b", "c"}},
	{"(?i)ABC", "abc", []string{"abc"}},
	{"a(?i)b(?-i)c", "aBc", []string{"aBc"}},
	{"a(?i)b(?-i)c", "aBC", nil},
	{"(a(?i)b)c", "aBC", nil},
	{"(?i:a)b", "AB", nil},
	{"(?x) a b # comment\n c", "abc", []string{"abc"}},
	{"a(?#comment)b", "ab", []string{"ab"}},
	{"(?n)(a)(?<x>b)", "ab", []string{"ab", "b"}},
	// References.
	{`(.)\1`, "abccd", []string{"cc", "c"}},
	{`(?i)(a)\1`, "aA", []string{"aA", "a"}},
	{`(?<n>a+)-\k<n>`, "aa-aa", []string{"aa-aa", "aa"}},
	{`(?<n>a)\k{n}\g{n}(?P=n)\g1\g{-1}`, "aaaaaa", []string{"aaaaaa", "a"}},
	{`(a)?\1b`, "b", nil},
	{`(a\1?){3}`, "aaaa", []string{"aaaa", "a"}},
	// Look-around.
	{"a(?=b)", "acab", []string{"a"}},
	{"(?=(a+))a*b\\1", "baaabac", []string{"aba", "a"}},
	{"(?<=a)b", "bab", []string{"b"}},
	{"(?<!a)b", "abb", []string{"b"}},
	{"(?<=ab|c)d", "cd", []string{"d"}},
	{"(?<=^|,)x", "a,x", []string{"x"}},
	{"(?!(a))b", "b", []string{"b", ""}},
	{`foo\Kbar`, "foobar", []string{"bar"}},
	// Conditions and recursion.
	{`^(<)?a(?(1)>)$`, "<a>", []string{"<a>", "<"}},
	{`^(<)?a(?(1)>|b)$`, "ab", []string{"ab", ""}},
	{`^(<)?a(?(1)>)$`, "<a", nil},
	{`^(x)?(?(1)(?i)a|b)C$`, "bC", []string{"bC", ""}},
	{`^(x)?(?(1)(?i)a|(?i)b)C$`, "Bc", nil},
	{`^(?<o><)?a(?(<o>)>)$`, "a", []string{"a", ""}},
	{`^(?(?=\d)\d{2}|x)$`, "42", []string{"42"}},
	{`^(?(?=\d)\d{2}|x)$`, "x", []string{"x"}},
	{`^(\((?:[^()]|(?1))*\))$`, "(a(b)c)", []string{"(a(b)c)", "(a(b)c)"}},
	{`^(\((?:[^()]|(?1))*\))$`, "(a(b)c", nil},
	{`^(?<p>\d+)-(?&p)-(?P>p)$`, "1-22-333", []string{"1-22-333", "1"}},
	{`a(?R)?b`, "xaabb", []string{"aabb"}},
	// Escapes and classes.
	{`\Qa.b\E+`, "a.bbb", []string{"a.bbb"}},
	{`\Qa.b`, "axb", nil},
	{`[\Q^]\E]+`, "^]", []string{"^]"}},
	{`\d\D\w\W\s\S`, "1aa- x", []string{"1aa- x"}},
	{`^\h\H\v\V\N$`, " a\nbc", []string{" a\nbc"}},
	{`^a\Rb$`, "a\r\nb", []string{"a\r\nb"}},
	{`\x41\x{42}\103\e\t\cA\o{104}`, "ABC\x1b\t\x01D", []string{"ABC\x1b\t\x01D"}},
	{`\.\*\+\/\-\:`, ".*+/-:", []string{".*+/-:"}},
	{"[]a]+", "]a", []string{"]a"}},
	{"[^]a]+", "]ab", []string{"b"}},
	{"[a-c-]+", "ab-", []string{"ab-"}},
	{`[\d-x]+`, "1-x", []string{"1-x"}},
	{`[a\-z]+`, "a-z", []string{"a-z"}},
	{`[[:digit:][:^space:]]+`, "1a b", []string{"1a"}},
	{`[[:alpha]+`, "[:ah", []string{"[:ah"}},
	{`[\b]`, "\b", []string{"\b"}},
	{"(?i)[a-c]+", "aBC", []string{"aBC"}},
	{"(?i)[^a]", "A", nil},
}

func TestFind(t *testing.T) {
	for _, row := range findTable {
		p, err := Compile(row.pattern)
		if err != nil {
			t.Errorf("Compile: %v", err)
			continue
		}
		m, ok, err := p.Find(row.text)
		if err != nil {
			t.Errorf("%q in %q: %v", row.pattern, row.text, err)
			continue
		}
		if ok != (row.want != nil) {
			t.Errorf("%q in %q: found %v", row.pattern, row.text, m.Groups())
			continue
		}
		if diff := cmp.Diff(row.want, m.Groups()); ok && diff != "" {
			t.Errorf("%q in %q: (-want +got)\n%s", row.pattern, row.text, diff)
		}
		if found, _ := p.Matches(row.text); found != ok {
			t.Errorf("%q in %q: Matches says %v", row.pattern, row.text, found)
		}
	}
}

func TestCompileErrorsHaveAPosition(t *testing.T) {
	for _, row := range []struct {
		pattern string
		pos     int
		reason  string
	}{
		{"^(10[01$", 4, "no closing ]"},
		{"^(10", 1, "no closing )"},
		{"a)", 1, "unexpected )"},
		{"*98", 0, "nothing to repeat"},
		{"a|+", 2, "nothing to repeat"},
		{"{2}", 3, "nothing to repeat"},
		{"a{3,2}", 1, "out of order"},
		{"a{70000}", 1, "repeat count"},
		{"[z-a]", 1, "out of order"},
		{"[[:foo:]]", 1, "class [:foo:]"},
		{`\`, 0, "at the end"},
		{`\y`, 0, "not known"},
		{`\x{100}`, 0, "no byte"},
		{`(a)\2`, 3, "no such group"},
		{`\k<n>`, 0, "no group named"},
		{"(?<n>a)(?<n>b)", 7, "two groups named"},
		{"(?<=a*)b", 0, "look-behind"},
		{"(?z)", 0, "unknown group"},
		{"(*FAIL)", 0, "not supported"},
		{"/a", 2, "no closing /"},
		{"/a/x", 3, "flag"},
		{"/(a/", 1, "no closing )"},
		{"(?(1)a|b|c)(d)", 0, "more than two branches"},
		{"(?(0", 0, "no closing ) of a condition"},
		{"(?(1", 0, "no closing ) of a condition"},
		{"a(?+0)(", 6, "no closing )"},
		{strings.Repeat("(?|", 300), 3 * maxNesting, "nested too deeply"},
		{strings.Repeat("(", 300), maxNesting, "nested too deeply"},
	} {
		_, err := Compile(row.pattern)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("Compile(%q) = %v, want a SyntaxError", row.pattern, err)
			continue
		}
		if syntax.Pos != row.pos || !strings.Contains(syntax.Reason, row.reason) {
			t.Errorf("Compile(%q) = %v, want %q at byte %d", row.pattern, err, row.reason, row.pos)
		}
	}
}

func TestRunawayPatternsGiveUp(t *testing.T) {
	text := strings.Repeat("a", 5000) + "!"
	for _, pattern := range []string{"^(a+)+$", "^(a|aa)+$", "(a*)*b", "^(?:a?){200}a{200}$x", "(?:(a)|b)*$"} {
		p, err := Compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := p.Matches(text); ok || err != nil && !errors.Is(err, ErrTooComplex) {
			t.Errorf("%q: %v, %v", pattern, ok, err)
		}
	}
	p, err := Compile("^(a+)+$")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Matches(text); !errors.Is(err, ErrTooComplex) {
		t.Errorf("%v, want ErrTooComplex", err)
	}
}

func TestSubstitute(t *testing.T) {
	p, err := Compile(`^(\d)(\d)?x`)
	if err != nil {
		t.Fatal(err)
	}
	m, _, _ := p.Find("1x")
	for _, row := range []struct {
		template string
		leads    string
		want     string
	}{
		{"$0 $1 [$2] [$9] ${1}0 $x ${name} $ $", "$", "1x 1 [] [] 10 $x ${name} $ $"},
		{"%1%%1", "%", "1%1"},
		{"$1", "%", "$1"},
		{"plain", "$", "plain"},
		{"%1$1%9", "%$", "11"},
		{"${1", "$", "${1"},
		{"${1a}", "$", "${1a}"},
	} {
		if got := m.Substitute(row.template, row.leads); got != row.want {
			t.Errorf("Substitute(%q) = %q, want %q", row.template, got, row.want)
		}
	}
}

// FuzzAgainstRE2 holds the matcher against the standard library where both
// mean the same: ASCII, no $ before a final line feed, no \s or \v.
func FuzzAgainstRE2(f *testing.F) {
	for _, row := range findTable {
		f.Add(row.pattern, row.text)
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 40 || len(text) > 60 {
			return
		}
		p, err := Compile(pattern)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("Compile(%q) = %v", pattern, err)
			}
			return
		}
		m, ok, err := p.Find(text)
		if err != nil || differs(pattern, text) {
			return
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return
		}
		want := re.FindStringSubmatch(text)
		if (want != nil) != ok || ok && want[0] != m.Group(0) {
			t.Errorf("%q in %q: %q %v, the library says %q", pattern, text, m.Groups(), ok, want)
		}
	})
}

func differs(pattern, text string) bool {
	for _, s := range []string{pattern, text} {
		for i := range len(s) {
			if s[i] > 126 || s[i] == '\n' || s[i] == '\v' {
				return true
			}
		}
	}
	if pattern == "" || pattern[0] == '/' || pattern[0] == '_' {
		return true
	}
	for _, odd := range []string{`\v`, `\C`, `\p`, `\P`, `\s`, `\S`, "[:", `{0`, `\Q`, "(?", `\z`, `\x`, "**", "++", "*+", "?+", "}+", "}{", "*{", "+{", "?{", "}*", "}?", "^*", "$*"} {
		if strings.Contains(pattern, odd) {
			return true
		}
	}
	return false
}

func BenchmarkMatch(b *testing.B) {
	for _, row := range []struct{ name, pattern, text string }{
		{"extension", "^(10[01][0-9])$", "1000"},
		{"miss", "^(10[01][0-9])$", "9196"},
		{"lookahead", `^((?!6000)60\d{2})$`, "6001"},
		{"unanchored", "(AES_CM_128_HMAC_SHA1_32|AES_CM_128_HMAC_SHA1_80)", strings.Repeat("a=rtpmap:0 PCMU/8000\r\n", 20)},
	} {
		p, err := Compile(row.pattern)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Matches(row.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
