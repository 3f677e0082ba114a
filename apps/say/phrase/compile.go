package phrase

import (
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/apps/say/speech"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// defaultPause follows every action of a macro that does not say otherwise.
const defaultPause = 100 * time.Millisecond

// maxPause bounds a slip in the configuration, not what people want.
const maxPause = 10 * time.Second

// Compile reads a section of a configuration: "languages", or the older
// "phrases", whose languages are inside of its macros. A nil section gives an
// empty book. All problems are reported at once, with their file and line.
func Compile(section *config.Node) (*Book, error) {
	c := compiler{book: &Book{languages: map[string]*Language{}}}
	for n := range section.All("") {
		switch n.Name {
		case "language":
			c.language(n)
		case "macros":
			for old := range n.All("language") {
				c.macros(c.named(old), old, "")
			}
		default:
			c.fail(n, "<%s> is not known here: want <language>", n.Name)
		}
	}
	c.checkNested()
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	return c.book, nil
}

// compiler is the work of one Compile.
type compiler struct {
	book *Book
	errs config.Errors
	uses []use
}

// use is a macro that another one names, to be looked for in the end.
type use struct {
	in   *Language
	name string
	at   *config.Node
}

func (c *compiler) fail(n *config.Node, format string, args ...any) {
	c.errs = append(c.errs, n.Errorf(format, args...))
}

// known reports attributes that nobody knows.
func (c *compiler) known(n *config.Node, attrs ...string) {
	for _, name := range n.UnknownAttrs(attrs...) {
		c.fail(n, "<%s> has no attribute %q", n.Name, name)
	}
}

func (c *compiler) language(n *config.Node) {
	c.known(n, "name", "say-module", "sound-prefix", "sound-path", "sound_path",
		"tts-engine", "tts-voice", "tts_engine", "tts_voice", "description")
	l := c.named(n)
	for child := range n.All("") {
		if child.Name != "phrases" {
			c.fail(child, "<%s> is not known here: want <phrases>", child.Name)
			continue
		}
		for m := range child.All("") {
			if m.Name != "macros" {
				c.fail(m, "<%s> is not known here: want <macros>", m.Name)
				continue
			}
			c.known(m, "name", "sound-prefix", "sound-prefix-enforced", "description")
			c.macros(l, m, m.Attr("name"))
		}
	}
}

// named returns the language of an element; two of one name are one.
func (c *compiler) named(n *config.Node) *Language {
	name := strings.TrimSpace(n.Attr("name"))
	if name == "" {
		c.fail(n, "<language> needs a name")
	}
	l := c.book.languages[strings.ToLower(name)]
	if l == nil {
		l = &Language{Name: name, SayModule: name, groups: map[string]*group{}}
		c.book.languages[strings.ToLower(name)] = l
	}
	if module := n.Attr("say-module"); module != "" {
		l.SayModule = module
	}
	for _, attr := range []string{"sound-prefix", "sound-path", "sound_path"} {
		if dir := n.Attr(attr); dir != "" {
			l.SoundPrefix = dir
			break
		}
	}
	return l
}

// macros reads the macros in an element into a group.
func (c *compiler) macros(l *Language, n *config.Node, name string) {
	g := l.groups[strings.ToLower(name)]
	if g == nil {
		g = &group{macros: map[string]*macro{}}
		l.groups[strings.ToLower(name)] = g
	}
	v := voice{prefix: l.SoundPrefix}
	if n.Name == "macros" {
		if dir := n.Attr("sound-prefix"); dir != "" {
			v.prefix = dir
		}
		v.enforced = n.Attr("sound-prefix-enforced") == "true"
	}
	for child := range n.All("") {
		if child.Name != "macro" {
			c.fail(child, "<%s> is not known here: want <macro>", child.Name)
			continue
		}
		m := c.macro(l, child)
		m.voice = v
		key := strings.ToLower(m.name)
		if first := g.macros[key]; first != nil {
			child.Warnf("macro %q is at %s already; that one is used", m.name, first.pos)
			continue
		}
		g.macros[key] = m
	}
}

func (c *compiler) macro(l *Language, n *config.Node) *macro {
	c.known(n, "name", "pause", "description")
	m := &macro{name: strings.TrimSpace(n.Attr("name")), pause: defaultPause, pos: n.Pos}
	if m.name == "" {
		c.fail(n, "<macro> needs a name")
	}
	if text := n.Attr("pause"); text != "" {
		ms, err := strconv.Atoi(text)
		if m.pause = time.Duration(ms) * time.Millisecond; err != nil || m.pause < 0 || m.pause > maxPause {
			c.fail(n, "pause %q: want 0 to %d milliseconds", text, maxPause.Milliseconds())
		}
	}
	for child := range n.All("") {
		if child.Name != "input" {
			c.fail(child, "<%s> is not known here: want <input>", child.Name)
			continue
		}
		m.inputs = append(m.inputs, c.input(l, child))
	}
	return m
}

func (c *compiler) input(l *Language, n *config.Node) input {
	c.known(n, "pattern", "field", "break_on_match", "description")
	var in input
	in.field, in.hasField = n.LookupAttr("field")
	in.breakOnMatch = strings.EqualFold(n.Attr("break_on_match"), "true")
	text := n.Attr("pattern")
	if text == "" {
		text = ".*"
	}
	var err error
	if in.pattern, err = pattern.Compile(text); err != nil {
		c.fail(n, "pattern %q: %v", text, err)
	}
	for child := range n.All("") {
		switch child.Name {
		case "match":
			in.match = append(in.match, c.actions(l, child)...)
		case "nomatch":
			in.noMatch = append(in.noMatch, c.actions(l, child)...)
		default:
			c.fail(child, "<%s> is not known here: want <match> or <nomatch>", child.Name)
		}
	}
	return in
}

func (c *compiler) actions(l *Language, n *config.Node) []action {
	var list []action
	for child := range n.All("") {
		if child.Name != "action" {
			c.fail(child, "<%s> is not known here: want <action>", child.Name)
			continue
		}
		if a, ok := c.action(l, child); ok {
			list = append(list, a)
		}
	}
	return list
}

func (c *compiler) action(l *Language, n *config.Node) (a action, ok bool) {
	c.known(n, "function", "data", "phrase", "type", "method", "gender", "volume", "tts-engine", "tts-voice", "description")
	a = action{data: n.Attr("data"), phrase: n.Attr("phrase")}
	if a.function, ok = functionTable[strings.ToLower(n.Attr("function"))]; !ok {
		c.fail(n, "function %q is not known: want play-file, say, speak-text, execute, phrase, sleep or break", n.Attr("function"))
		return a, false
	}
	switch a.function {
	case say:
		c.say(n, &a)
	case nested:
		switch {
		case a.phrase == "":
			c.fail(n, `function="phrase" needs the attribute phrase`)
		case !strings.Contains(a.phrase, "$"): // one with a variable is known only then
			c.uses = append(c.uses, use{l, a.phrase, n})
		}
	case sleep:
		if _, err := strconv.Atoi(a.data); err != nil && !strings.Contains(a.data, "$") {
			c.fail(n, "sleep %q: want milliseconds", a.data)
		}
	case speakText:
		n.Warnf("speak-text needs a speech synthesizer, which this build does not have: it is left out")
	case execute, breakMacro: // anything goes
	case playFile:
		if n.HasAttr("volume") {
			n.Warnf("play-file: volume is not supported")
		}
	}
	return a, true
}

func (c *compiler) say(n *config.Node, a *action) {
	var err error
	if a.kind, err = speech.ParseType(n.Attr("type")); err != nil {
		c.fail(n, "%v", err)
	}
	if a.method, err = speech.ParseMethod(n.Attr("method")); err != nil {
		c.fail(n, "%v", err)
	}
	if a.gender, err = speech.ParseGender(n.Attr("gender")); err != nil {
		c.fail(n, "%v", err)
	}
}

// checkNested looks for the macros that macros name, once all are there.
func (c *compiler) checkNested() {
	for _, u := range c.uses {
		if !u.in.Has(u.name) {
			c.fail(u.at, "phrase %q: language %q has no such macro", u.name, u.in.Name)
		}
	}
}
