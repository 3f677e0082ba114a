// Package phrase compiles phrase macros, the section languages of a
// configuration, and walks them: a macro and its argument become a sequence of
// things to play, to say and to run.
//
//	<language name="en" sound-prefix="…">
//	  <phrases><macros>
//	    <macro name="count"><input pattern="^(\d+)$"><match>
//	      <action function="say" data="$1" type="items" method="pronounced"/>
//	      <action function="play-file" data="voicemail/vm-messages.wav"/>
//
// It plays nothing and starts no goroutine; a Book never changes after Compile.
package phrase

import (
	"strings"
	"time"

	"github.com/tandemswitch/tandem/apps/say/speech"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// Book is the macros of all languages. A nil Book is empty. It is safe for
// concurrent use.
type Book struct {
	languages map[string]*Language // by lower-case name
}

// Language is the macros of one language and its voice.
type Language struct {
	Name        string
	SayModule   string // what says numbers and dates, the name if not set
	SoundPrefix string // folder of its recordings; empty: the channel's

	groups map[string]*group // by lower-case name; "" is the one without a name
}

// group is one <macros> element, or several of the same name.
type group struct {
	macros map[string]*macro // by lower-case name
}

// voice is where the recordings of a macro are.
type voice struct {
	prefix   string
	enforced bool // even where a channel insists on its own
}

// macro is one <macro>.
type macro struct {
	name   string
	pause  time.Duration // after every action
	voice  voice
	inputs []input
	pos    config.Pos
}

// input is one <input>: a pattern and what follows.
type input struct {
	field        string // what is looked at, empty: the macro's argument
	hasField     bool
	pattern      *pattern.Pattern
	breakOnMatch bool
	match        []action
	noMatch      []action
}

// function is what an action does.
type function uint8

const (
	playFile function = iota
	say
	speakText
	execute
	nested // function="phrase"
	breakMacro
	sleep
)

var functionTable = map[string]function{
	"play-file": playFile, "say": say, "speak-text": speakText, "execute": execute, "phrase": nested,
	"break": breakMacro, "sleep": sleep,
}

// action is one <action>.
type action struct {
	function function
	data     string
	phrase   string // of nested: the macro
	kind     speech.Type
	method   speech.Method
	gender   speech.Gender
}

// Language finds a language without regard to case: "en-US" is looked for as it
// is and then as "en". It is nil if there is none.
func (b *Book) Language(name string) *Language {
	if b == nil {
		return nil
	}
	name = strings.ToLower(strings.TrimSpace(name))
	if l := b.languages[name]; l != nil {
		return l
	}
	base, _, _ := strings.Cut(strings.ReplaceAll(name, "_", "-"), "-")
	return b.languages[base]
}

// Has reports whether the language has a macro: "name" or "name@group".
func (l *Language) Has(name string) bool { return l.find(name) != nil }

// find looks a macro up, nil if there is none.
func (l *Language) find(name string) *macro {
	if l == nil {
		return nil
	}
	name, in, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "@")
	if g := l.groups[in]; g != nil {
		return g.macros[name]
	}
	return nil
}
