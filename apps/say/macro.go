package say

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/apps/say/phrase"
	"github.com/tandemswitch/tandem/core"
)

const phraseSyntax = "MACRO[@GROUP][,DATA]"

// maxNesting bounds macros that execute the application phrase.
const maxNesting = 8

type nestingKey struct{}

// phraseApp plays a phrase macro.
func (m *Module) phraseApp() core.App {
	return core.App{
		Name: "phrase", Syntax: phraseSyntax, Doc: "play a phrase macro", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			depth, _ := ctx.Value(nestingKey{}).(int)
			if depth >= maxNesting {
				return fmt.Errorf("phrase %q: nested more than %d deep", args, maxNesting)
			}
			return m.runPhrase(context.WithValue(ctx, nestingKey{}, depth+1), s, args)
		},
	}
}

// runPhrase plays a macro. What does not work is left out and reported in the
// end. Sounds are played together as far as no application comes between them:
// one playback has no gaps.
func (m *Module) runPhrase(ctx context.Context, s core.Session, args string) error {
	l, name, data, err := m.macro(s, args)
	if err != nil {
		return err
	}
	var files []string
	var troubles []error
	for part, err := range l.Walk(name, data, expander(ctx, s)) {
		if err == nil && part.App == "" {
			var more []string
			more, err = m.part(s, l, part)
			files = append(files, more...)
		}
		if err != nil {
			troubles = append(troubles, err)
			continue
		}
		if part.App == "" {
			continue
		}
		ended, err := m.play(ctx, s, files)
		if files = nil; ended || context.Cause(ctx) != nil {
			return errors.Join(append(troubles, err)...)
		}
		troubles = append(troubles, err, m.execute(ctx, s, part))
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	_, err = m.play(ctx, s, trimSilence(files))
	return errors.Join(append(troubles, err)...)
}

// macro splits MACRO,DATA (or MACRO:DATA, as after playback's phrase:) and finds
// the language.
func (m *Module) macro(s core.Session, args string) (l *phrase.Language, name, data string, err error) {
	name = strings.TrimSpace(args)
	if i := strings.IndexAny(name, ",:"); i >= 0 {
		name, data = name[:i], name[i+1:]
	}
	if name == "" {
		return nil, "", "", fmt.Errorf("phrase %q: want %s", args, phraseSyntax)
	}
	language := m.variable(s, "default_language")
	if language == "" {
		language = defaultLanguage
	}
	if l = m.book.Load().Language(language); l == nil {
		return nil, "", "", fmt.Errorf("phrase %q: there are no macros in language %q", name, language)
	}
	return l, name, data, nil
}

// part names what is to be played of one part of a macro.
func (m *Module) part(s core.Session, l *phrase.Language, p phrase.Part) ([]string, error) {
	dir := m.voice(s, p.Prefix, p.Enforced)
	switch {
	case p.Silence > 0:
		return []string{silencePrefix + strconv.FormatInt(p.Silence.Milliseconds(), 10)}, nil
	case p.File != "":
		return placed(dir, []string{p.File}), nil
	case p.Say != nil:
		p.Say.Now = m.now(s)
		files, err := m.speaker(l.SayModule)(*p.Say)
		if err != nil {
			return nil, fmt.Errorf("say: %w", err)
		}
		return placed(dir, files), nil
	}
	return nil, nil
}

// execute runs an application of a macro with the macro's voice.
func (m *Module) execute(ctx context.Context, s core.Session, p phrase.Part) error {
	own, had := s.LookupVar("sound_prefix")
	if dir := m.voice(s, p.Prefix, p.Enforced); dir != own {
		s.SetVar("sound_prefix", dir)
		defer func() {
			if !had {
				own = ""
			}
			s.SetVar("sound_prefix", own)
		}()
	}
	return s.Execute(ctx, p.App, p.Args)
}

// expander replaces variables on a channel; without one they are nothing.
func expander(ctx context.Context, s core.Session) func(string) string {
	if s == nil {
		return func(text string) string { return text }
	}
	return func(text string) string { return s.Expand(ctx, text) }
}

// phraseString names what a macro would play, for those who play files. What a
// macro executes, other than sleep, is left out.
func (m *Module) phraseString() core.Command {
	return core.Command{
		// Expanding may run functions that are slow.
		Name: "phrase_string", Kind: core.Slow, Syntax: phraseSyntax, Doc: "name the sounds of a phrase macro",
		Run: func(ctx context.Context, s core.Session, args string) (string, error) {
			l, name, data, err := m.macro(s, args)
			if err != nil {
				return "", err
			}
			var files []string
			for part, err := range l.Walk(name, data, expander(ctx, s)) {
				if errors.Is(err, phrase.ErrNoMacro) && len(files) == 0 {
					return "", err
				}
				if err != nil {
					continue
				}
				if more, err := m.part(s, l, part); err == nil {
					files = append(files, more...)
				}
			}
			return series(trimSilence(files)), nil
		},
	}
}

const silencePrefix = "silence_stream://"

// trimSilence takes the pause after the last action off.
func trimSilence(files []string) []string {
	for len(files) > 0 && strings.HasPrefix(files[len(files)-1], silencePrefix) {
		files = files[:len(files)-1]
	}
	return files
}

// now is the time on the caller's clock: the channel's zone, else the switch's.
func (m *Module) now(s core.Session) time.Time {
	now := time.Now()
	if name := m.variable(s, "timezone"); name != "" {
		if zone, err := time.LoadLocation(name); err == nil {
			return now.In(zone)
		}
	}
	return now
}

// variable reads a channel's variable, or a global one without a channel.
func (m *Module) variable(s core.Session, name string) string {
	if s != nil {
		return s.Var(name)
	}
	if m.deps.Globals == nil {
		return ""
	}
	value, _ := m.deps.Globals.Global(name)
	return value
}
