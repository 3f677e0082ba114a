package phrase

import (
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/apps/say/speech"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// ErrNoMacro is wrapped when a language does not have the macro.
var ErrNoMacro = errors.New("no such macro")

// Limits of one walk, so that a macro that names itself ends.
const (
	maxDepth = 20
	maxParts = 1000
)

// Part is one thing to do. Exactly one of File, Say, App and Silence is set.
type Part struct {
	File    string          // a sound to play, as playback takes it
	Say     *speech.Request // something to say; its Now is not set
	App     string          // an application to run with Args
	Args    string
	Silence time.Duration

	// Prefix is the folder of the macro's voice, empty for the channel's own;
	// it is enforced even on a channel that insists on its own.
	Prefix   string
	Enforced bool
}

// Walk yields the parts of a macro, "name" or "name@group", in their order.
// Each is made when it is asked for, so that an application which ran before
// may have changed the variables that expand sees. expand replaces ${…}; what
// the argument brings is not expanded.
//
// Trouble is yielded as an error in its place and the walk goes on; if there is
// no such macro that is the only one, and wraps ErrNoMacro. An action speak-text
// yields errors.ErrUnsupported.
func (l *Language) Walk(name, argument string, expand func(string) string) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		w := walker{language: l, expand: expand, yield: yield}
		w.macro(name, argument, 0)
	}
}

// walker is one walk.
type walker struct {
	language *Language
	expand   func(string) string
	yield    func(Part, error) bool
	parts    int
}

// macro walks one macro. It returns false if the walk is over.
func (w *walker) macro(name, argument string, depth int) bool {
	m := w.language.find(name)
	switch {
	case m == nil:
		return w.trouble(fmt.Errorf("phrase %q: %w", name, ErrNoMacro))
	case depth > maxDepth:
		return w.trouble(fmt.Errorf("phrase %q: macros are nested more than %d deep", name, maxDepth))
	}
	for _, in := range m.inputs {
		subject := argument
		if in.hasField {
			subject = w.expand(in.field)
		}
		match, matched, err := in.pattern.Find(subject)
		if err != nil && !w.trouble(fmt.Errorf("phrase %q: pattern %q: %w", name, in.pattern, err)) {
			return false
		}
		actions := in.noMatch
		if matched {
			actions = in.match
		}
		broken, more := w.actions(m, actions, match, depth)
		if !more {
			return false
		}
		if broken || matched && in.breakOnMatch {
			break
		}
	}
	return true
}

// actions walks the actions of an input. broken is true after <break>.
func (w *walker) actions(m *macro, actions []action, match pattern.Match, depth int) (broken, more bool) {
	for _, a := range actions {
		if a.function == breakMacro {
			return true, true
		}
		if !w.action(m, a, match, depth) || !w.part(Part{Silence: m.pause}) {
			return false, false
		}
	}
	return false, true
}

func (w *walker) action(m *macro, a action, match pattern.Match, depth int) bool {
	data := w.expand(fill(a.data, match))
	part := Part{Prefix: m.voice.prefix, Enforced: m.voice.enforced}
	switch a.function {
	case playFile:
		if part.File = strings.TrimSpace(data); part.File == "" {
			return true // a variable that is not set
		}
	case say:
		part.Say = &speech.Request{Type: a.kind, Method: a.method, Gender: a.gender, Text: data}
	case execute:
		part.App, part.Args = call(data)
		if wait, ok := milliseconds(part.Args); ok && strings.EqualFold(part.App, "sleep") {
			return w.part(Part{Silence: wait}) // silence keeps the sound in one piece
		}
	case nested:
		return w.macro(w.expand(fill(a.phrase, match)), data, depth+1)
	case sleep:
		wait, _ := milliseconds(data)
		part.Silence = wait
	case speakText:
		return w.trouble(fmt.Errorf("speak-text %q: %w", data, errors.ErrUnsupported))
	case breakMacro: // handled by the caller
	}
	return w.part(part)
}

// part yields a part; empty silence is none.
func (w *walker) part(p Part) bool {
	if p.File == "" && p.Say == nil && p.App == "" && p.Silence <= 0 {
		return true
	}
	if w.parts++; w.parts > maxParts {
		w.yield(Part{}, fmt.Errorf("phrase: more than %d parts", maxParts))
		return false
	}
	return w.yield(p, nil)
}

// trouble yields an error; it counts as a part.
func (w *walker) trouble(err error) bool {
	w.parts++
	return w.yield(Part{}, err) && w.parts <= maxParts
}

// call reads "app(args)" or "app args".
func call(text string) (app, args string) {
	text = strings.TrimSpace(text)
	if app, rest, ok := strings.Cut(text, "("); ok && strings.HasSuffix(rest, ")") {
		return strings.TrimSpace(app), rest[:len(rest)-1]
	}
	app, args, _ = strings.Cut(text, " ")
	return app, strings.TrimSpace(args)
}

// milliseconds reads a waiting time; it is bounded like a pause.
func milliseconds(text string) (time.Duration, bool) {
	ms, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || ms < 0 || ms > int(maxPause.Milliseconds()) {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

// fill replaces $n and ${n} by the groups of the match. The argument of a macro
// is often a caller's name or number: a ${ in it stays one when the text is
// expanded afterwards.
func fill(text string, match pattern.Match) string {
	if match.Len() == 0 || !strings.Contains(text, "$") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		n, size := reference(text[i:])
		if size == 0 {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(literal(match.Group(n)))
		i += size
	}
	return b.String()
}

// reference reads a reference at the start of text and how long it is, 0 for none.
func reference(text string) (n, size int) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return 0, 0
	}
	inner, braced := strings.CutPrefix(rest, "{")
	digits := len(inner) - len(strings.TrimLeft(inner, "0123456789"))
	if digits == 0 || digits > 3 || braced && !strings.HasPrefix(inner[digits:], "}") {
		return 0, 0
	}
	n, _ = strconv.Atoi(inner[:digits])
	if braced {
		return n, digits + len("${}")
	}
	return n, digits + len("$")
}

// literal escapes what an expansion would replace.
func literal(value string) string {
	if !strings.Contains(value, "${") {
		return value
	}
	return strings.ReplaceAll(strings.ReplaceAll(value, `\`, `\\`), "${", `\${`)
}
