package phrase_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tandemswitch/tandem/apps/say/phrase"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand"
)

// section loads a section languages whose content begins in line 3.
func section(t testing.TB, content string) (*config.Node, *config.Tree) {
	t.Helper()
	text := "<document type=\"freeswitch/xml\">\n<section name=\"languages\">\n" + content + "\n</section></document>"
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Section("languages"), tree
}

// english puts macros into a language; the first of them is in line 3.
func english(macros string) string {
	return `<language name="en" sound-prefix="/snd/en"><phrases><macros>` + macros + `</macros></phrases></language>`
}

func compile(t testing.TB, content string) *phrase.Book {
	t.Helper()
	n, _ := section(t, content)
	book, err := phrase.Compile(n)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// variables are what ${name} means in these tests.
type variables map[string]string

func (v variables) Lookup(name string) (string, bool) { value, ok := v[name]; return value, ok }
func (v variables) Call(name, args string) (string, error) {
	return "<" + name + ":" + args + ">", nil
}

// walk writes a walk down, one word per part.
func walk(l *phrase.Language, name, argument string, v variables) string {
	var out []string
	for p, err := range l.Walk(name, argument, func(text string) string { return expand.Expand(text, v) }) {
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			out = append(out, "unsupported")
		case errors.Is(err, phrase.ErrNoMacro):
			out = append(out, "nomacro")
		case err != nil:
			out = append(out, "error("+err.Error()+")")
		case p.Silence > 0:
			out = append(out, fmt.Sprintf("%d", p.Silence.Milliseconds()))
		case p.Say != nil:
			out = append(out, fmt.Sprintf("%s/%s/%s(%s)", p.Say.Type, p.Say.Method, p.Say.Gender, p.Say.Text))
		case p.App != "":
			out = append(out, p.App+"("+p.Args+")")
		default:
			out = append(out, p.File)
		}
	}
	return strings.Join(out, " ")
}

func TestWalk(t *testing.T) {
	vars := variables{"color": "blue", "n": "3", "nested": "${color}"}
	for _, c := range []struct{ name, macro, argument, want string }{
		{"a file and the pause behind it", `<input><match><action function="play-file" data="a.wav"/></match></input>`, "x", "a.wav 100"},
		{"groups", `<input pattern="^(\d+):(.*)$"><match><action function="play-file" data="$2-$1-$0-${1}-$3.wav"/></match></input>`, "5:b", "b-5-5:b-5-.wav 100"},
		{"a dollar stays", `<input><match><action function="play-file" data="a$.wav"/></match></input>`, "x", "a$.wav 100"},
		{"variables after groups", `<input pattern="(.*)"><match><action function="play-file" data="${$1}-${nested}.wav"/></match></input>`, "color", "blue-blue.wav 100"},
		{"functions", `<input pattern="(.*)"><match><action function="play-file" data="${user_data($1 x)}"/></match></input>`, "1000", "<user_data:1000 x> 100"},
		{"an argument is not expanded", `<input pattern="(.*)"><match><action function="play-file" data="$1.wav"/></match></input>`, "${color}", "${color}.wav 100"},
		{"nor behind a backslash", `<input pattern="(.*)"><match><action function="play-file" data="$1.wav"/></match></input>`, `\${color}`, `\${color}.wav 100`},
		{"say", `<input pattern="(.*)"><match><action function="say" type="items" method="counted" gender="feminine" data="$1"/></match></input>`, "7", "ITEMS/COUNTED/FEMININE(7) 100"},
		{"nomatch", `<input pattern="^\d+$"><match><action function="play-file" data="yes"/></match><nomatch><action function="play-file" data="no-$1"/></nomatch></input>`, "x", "no-$1 100"},
		{"a field", `<input field="${n}" pattern="^3$"><match><action function="play-file" data="three"/></match></input>`, "4", "three 100"},
		{"an empty field is looked at", `<input field="${none}" pattern="^$"><match><action function="play-file" data="none"/></match></input>`, "4", "none 100"},
		{"all inputs that match", `<input pattern="1"><match><action function="play-file" data="a"/></match></input><input pattern="2"><match><action function="play-file" data="b"/></match></input>`, "12", "a 100 b 100"},
		{"break_on_match", `<input pattern="1" break_on_match="true"><match><action function="play-file" data="a"/></match></input><input><match><action function="play-file" data="b"/></match></input>`, "1", "a 100"},
		{"break_on_match without a match", `<input pattern="2" break_on_match="true"><match><action function="play-file" data="a"/></match></input><input><match><action function="play-file" data="b"/></match></input>`, "1", "b 100"},
		{"break", `<input><match><action function="play-file" data="a"/><action function="break"/><action function="play-file" data="b"/></match></input><input><match><action function="play-file" data="c"/></match></input>`, "", "a 100"},
		{"execute", `<input><match><action function="execute" data="set(x=$0)"/><action function="execute" data="log INFO hi"/></match></input>`, "1", "set(x=1) 100 log(INFO hi) 100"},
		{"sleeping is silence", `<input><match><action function="execute" data="sleep(250)"/><action function="sleep" data="400"/><action function="sleep" data="${none}"/></match></input>`, "", "250 100 400 100 100"},
		{"a file that has no name", `<input><match><action function="play-file" data="${none}"/></match></input>`, "", "100"},
		{"speak-text", `<input><match><action function="speak-text" data="hello"/><action function="play-file" data="a"/></match></input>`, "", "unsupported 100 a 100"},
		{"a macro in a macro", `<input pattern="(.*)"><match><action function="phrase" phrase="other" data="[$1]"/></match></input>`, "q", "other([q]) 20 100"},
		{"of another group", `<input><match><action function="phrase" phrase="far@away" data=""/></match></input>`, "", "far 100 100"},
		{"named by a variable", `<input pattern="(.*)"><match><action function="phrase" phrase="$1" data="z"/></match></input>`, "other", "other(z) 20 100"},
		{"that is not there", `<input pattern="(.*)"><match><action function="phrase" phrase="$1"/><action function="play-file" data="a"/></match></input>`, "nosuch", "nomacro 100 a 100"},
		{"a break stays inside", `<input><match><action function="phrase" phrase="broken"/><action function="play-file" data="a"/></match></input>`, "", "b 100 100 a 100"},
		{"nothing", ``, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			const others = `
				<macro name="other" pause="20"><input pattern="(.*)"><match><action function="play-file" data="other($1)"/></match></input></macro>
				<macro name="broken"><input><match><action function="play-file" data="b"/><action function="break"/></match></input></macro>
				</macros><macros name="away"><macro name="far"><input><match><action function="play-file" data="far"/></match></input></macro>`
			l := compile(t, english(`<macro name="M">`+c.macro+`</macro>`+others)).Language("en")
			if got := walk(l, "m", c.argument, vars); got != c.want {
				t.Errorf("walk(%q) = %s\nwant %s", c.argument, got, c.want)
			}
		})
	}
}

func TestWalkEnds(t *testing.T) {
	l := compile(t, english(`
		<macro name="self"><input><match><action function="phrase" phrase="self"/></match></input></macro>
		<macro name="twice"><input><match><action function="phrase" phrase="twice"/><action function="phrase" phrase="twice"/></match></input></macro>
	`)).Language("en")
	for name, most := range map[string]int{"self": 30, "twice": 1100} {
		if parts := len(strings.Fields(walk(l, name, "", nil))); parts > 20*most {
			t.Errorf("%s yields %d words", name, parts)
		}
	}
	if got := walk(l, "self", "", nil); !strings.Contains(got, "nested more than 20 deep") {
		t.Errorf("self: %.200s", got)
	}
}

func TestWalkIsLazy(t *testing.T) {
	l := compile(t, english(`<macro name="m" pause="0"><input>
		<match><action function="execute" data="set(x=2)"/><action function="play-file" data="${x}"/></match></input></macro>`)).Language("en")
	vars := variables{"x": "1"}
	for p := range l.Walk("m", "", func(text string) string { return expand.Expand(text, vars) }) {
		if p.App == "set" {
			vars["x"] = "2"
		}
		if p.File != "" && p.File != "2" {
			t.Errorf("file %q: expanded before the application ran", p.File)
		}
	}
	for range l.Walk("m", "", func(text string) string { return text }) {
		break // must not panic
	}
}

func TestVoiceOfAMacro(t *testing.T) {
	l := compile(t, `<language name="en" sound-prefix="/snd/en"><phrases>
		<macros><macro name="a"><input><match><action function="play-file" data="x"/></match></input></macro></macros>
		<macros name="g" sound-prefix="/snd/g" sound-prefix-enforced="true"><macro name="a"><input><match><action function="play-file" data="x"/></match></input></macro></macros>
		</phrases></language>`).Language("en")
	for name, want := range map[string]phrase.Part{
		"a":   {File: "x", Prefix: "/snd/en"},
		"a@g": {File: "x", Prefix: "/snd/g", Enforced: true},
	} {
		for p := range l.Walk(name, "", func(text string) string { return text }) {
			if p.File != "" && p != want {
				t.Errorf("%s yields %+v, want %+v", name, p, want)
			}
		}
	}
}

func TestLanguageFallsBackToItsBase(t *testing.T) {
	book := compile(t, `<language name="en"/><language name="pt-BR"/>`)
	for name, want := range map[string]string{"en": "en", "EN": "en", "en-US": "en", "en_GB": "en", "pt-br": "pt-BR", "pt": "", "pt-PT": "", "de": "", "": ""} {
		got := ""
		if l := book.Language(name); l != nil {
			got = l.Name
		}
		if got != want {
			t.Errorf("Language(%q) = %q, want %q", name, got, want)
		}
	}
	var none *phrase.Book
	if none.Language("en") != nil || none.Language("en").Has("x") {
		t.Error("a nil book has a language")
	}
}

func TestCompileReportsEveryMistakeWithItsLine(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"a strange element":       {`<macro name="x"/>`, ":3: <macro> is not known here"},
		"a language without name": {`<language/>`, ":3: <language> needs a name"},
		"an attribute":            {`<language name="en" sound_prefix="x"/>`, `:3: <language> has no attribute "sound_prefix"`},
		"a macro without name":    {english("\n<macro/>"), ":4: <macro> needs a name"},
		"an attribute of a macro": {english("\n<macro name='a' pauze='1'/>"), `:4: <macro> has no attribute "pauze"`},
		"a pause":                 {english("\n<macro name='a' pause='long'/>"), `:4: pause "long"`},
		"a pattern":               {english("<macro name='a'>\n<input pattern='^(1$'/></macro>"), `:4: pattern "^(1$"`},
		"an element in an input":  {english("<macro name='a'><input>\n<mach/></input></macro>"), ":4: <mach> is not known here"},
		"a function":              {english("<macro name='a'><input><match>\n<action function='playfile'/></match></input></macro>"), `:4: function "playfile" is not known`},
		"a type":                  {english("<macro name='a'><input><match>\n<action function='say' type='numbers'/></match></input></macro>"), `:4: say: unknown type "numbers"`},
		"a method":                {english("<macro name='a'><input><match>\n<action function='say' type='number' method='loud'/></match></input></macro>"), `:4: say: unknown method "loud"`},
		"a gender":                {english("<macro name='a'><input><match>\n<action function='say' type='number' gender='x'/></match></input></macro>"), `:4: say: unknown gender "x"`},
		"a macro of another name": {english("<macro name='a'><input><match>\n<action function='phrase' phrase='b'/></match></input></macro>"), `:4: phrase "b": language "en" has no such macro`},
		"no macro":                {english("<macro name='a'><input><match>\n<action function='phrase'/></match></input></macro>"), ":4: function=\"phrase\" needs"},
		"a sleep":                 {english("<macro name='a'><input><match>\n<action function='sleep' data='long'/></match></input></macro>"), `:4: sleep "long"`},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := section(t, c.content)
			book, err := phrase.Compile(n)
			problems := config.Problems(err)
			if book != nil || len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want) {
				t.Errorf("Compile: %v, want one problem with %q", err, c.want)
			}
		})
	}
	n, _ := section(t, english("<macro/>\n<macro name='a'>\n<input pattern='('/></macro>"))
	if _, err := phrase.Compile(n); len(config.Problems(err)) != 2 {
		t.Errorf("two mistakes are reported as %v", err)
	}
}

func TestCompileWarns(t *testing.T) {
	n, tree := section(t, english("<macro name='a'><input><match>\n<action function='speak-text' data='hi'/>\n<action function='play-file' data='x' volume='1'/></match></input></macro>\n<macro name='A'/>"))
	if _, err := phrase.Compile(n); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{":4: speak-text", ":5: play-file: volume", ":6: macro \"A\" is at freeswitch.xml:3 already"} {
		if w := tree.Warnings(); len(w) != 3 || !strings.Contains(w[i].Error(), want) {
			t.Errorf("warnings = %v, want %q in number %d", w, want, i)
		}
	}
}

func TestOldFormOfPhrases(t *testing.T) {
	book := compile(t, `<macros><language name="en" sound_path="/snd"><macro name="a"><input><match><action function="play-file" data="x"/></match></input></macro></language></macros>`)
	if got := walk(book.Language("en"), "a", "", nil); got != "x 100" {
		t.Errorf("walk = %q", got)
	}
}

func TestNoSectionIsAnEmptyBook(t *testing.T) {
	book, err := phrase.Compile(nil)
	if err != nil || book.Language("en") != nil {
		t.Errorf("Compile(nil) = %v, %v", book, err)
	}
}

// vanillaDir is FreeSWITCH's sample configuration, kept beside the project.
const vanillaDir = "../../../../shared/vanilla"

func TestVanillaMacros(t *testing.T) {
	if _, err := os.Stat(vanillaDir); err != nil {
		t.Skipf("the vanilla configuration is not here: %v", err)
	}
	tree, err := config.Load(config.Options{FS: os.DirFS(vanillaDir), Presets: map[string]string{"sound_prefix": "/snd", "sounds_dir": "/snd"}})
	if err != nil {
		t.Fatal(err)
	}
	book, err := phrase.Compile(tree.Section("languages"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ macro, argument, want string }{
		{"voicemail_message_count", "1:new", "voicemail/vm-you_have.wav 100 ITEMS/PRONOUNCED/MASCULINE(1) 100 voicemail/vm-new.wav 100 voicemail/vm-message.wav 100"},
		{"voicemail_message_count", "12:saved", "voicemail/vm-you_have.wav 100 ITEMS/PRONOUNCED/MASCULINE(12) 100 voicemail/vm-saved.wav 100 voicemail/vm-messages.wav 100"},
		{"plural_msg@voicemail_ivr", "1:a:b", "a 100"},
		{"plural_msg@voicemail_ivr", "2:a:b", "b 100"},
		{"plural_msg", "2:a:b", "nomacro"},
		{"press_key@voicemail_ivr", "5:x.wav", "x.wav 100 voicemail/vm-press.wav 100 NAME_SPELLED/PRONOUNCED/MASCULINE(5) 100"},
		{"voicemail_say_phone_number", "anonymous", "voicemail/vm-message_from.wav 100 100 100 ivr/ivr-anonymous_caller.wav 100 500 100"},
	} {
		if got := walk(book.Language("en-us"), c.macro, c.argument, nil); got != c.want {
			t.Errorf("%s(%s) = %s\nwant %s", c.macro, c.argument, got, c.want)
		}
	}
}

func FuzzWalk(f *testing.F) {
	f.Add("a", "1:new")
	f.Add("other@g", "${x}")
	f.Add("a", `\${x}$1`)
	l := compile(f, english(`
		<macro name="a"><input pattern="^(.*?):(.*)$"><match><action function="play-file" data="$1/$2"/><action function="phrase" phrase="$1" data="$2"/></match>
		<nomatch><action function="execute" data="$1"/></nomatch></input></macro>`)).Language("en")
	f.Fuzz(func(t *testing.T, name, argument string) {
		var waited time.Duration
		for p, err := range l.Walk(name, argument, func(text string) string {
			return expand.Expand(text, variables{"x": "never"})
		}) {
			if waited += p.Silence; err == nil && slices.Contains([]string{p.File, p.App, p.Args}, "never") {
				t.Errorf("the argument %q was expanded", argument)
			}
		}
		if waited > 1000*10*time.Second {
			t.Errorf("waits for %v", waited)
		}
	})
}
