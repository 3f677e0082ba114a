package say

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/apps/say/speech"
	"github.com/tandemswitch/tandem/core"
)

// sayApp says a text.
func (m *Module) sayApp() core.App {
	return core.App{
		Name: "say", Syntax: saySyntax, Doc: "say a number, a date, a name …", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			st, err := m.parse(args)
			if err != nil {
				return err
			}
			files, err := m.files(ctx, s, st)
			if err != nil {
				s.SetVar("current_application_response", "PLAYBACK ERROR")
				return err
			}
			_, err = m.play(ctx, s, files)
			return err
		},
	}
}

const saySyntax = "MODULE[:LANG] TYPE METHOD [GENDER] TEXT"

// statement is what say was asked to say.
type statement struct {
	module   string
	language string // of the recordings; empty: the channel's
	request  speech.Request
}

// parse reads MODULE[:LANG] TYPE METHOD [GENDER] TEXT. The text may have
// blanks; a gender is one only if a text follows.
func (m *Module) parse(args string) (statement, error) {
	module, rest := cut(args)
	module, language, _ := strings.Cut(module, ":")
	st, err := m.request(module, rest)
	st.language = language
	if err != nil {
		return st, fmt.Errorf("say %q: %w", args, err)
	}
	return st, nil
}

// request reads TYPE METHOD [GENDER] TEXT.
func (m *Module) request(module, args string) (st statement, err error) {
	st.module = strings.ToLower(module)
	if m.languages[st.module] == nil {
		return st, fmt.Errorf("no module %q: this build says en", module)
	}
	kind, rest := cut(args)
	method, rest := cut(rest)
	if rest == "" {
		return st, fmt.Errorf("want %s", saySyntax)
	}
	if st.request.Type, err = speech.ParseType(kind); err != nil {
		return st, err
	}
	if st.request.Method, err = speech.ParseMethod(method); err != nil {
		return st, err
	}
	if gender, text := cut(rest); text != "" {
		if g, err := speech.ParseGender(gender); err == nil {
			st.request.Gender, rest = g, text
		}
	}
	st.request.Text = rest
	return st, nil
}

// cut takes the first word off.
func cut(text string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimSpace(text), " ")
	return first, strings.TrimSpace(rest)
}

// files names the recordings of a statement, ready for core.Sounds. s is nil
// for the console.
func (m *Module) files(ctx context.Context, s core.Session, st statement) ([]string, error) {
	st.request.Now = m.now(s)
	files, err := m.languages[st.module](st.request)
	if err != nil {
		return nil, fmt.Errorf("say: %w", err)
	}
	l := m.book.Load().Language(st.language)
	if st.language == "" {
		l = m.book.Load().Language(st.module)
	}
	dir := m.voice(s, "", false)
	if l != nil {
		dir = m.voice(s, l.SoundPrefix, false)
	}
	return placed(dir, files), context.Cause(ctx)
}

// sayString is FreeSWITCH's say_string: what say would play, for those who play
// files.
func (m *Module) sayString() core.Command {
	return core.Command{
		Name: "say_string", Kind: core.Read, Syntax: "MODULE[.EXT] LANG[.EXT] TYPE METHOD [GENDER] TEXT",
		Doc: "name the recordings that say something",
		Run: func(ctx context.Context, s core.Session, args string) (string, error) {
			first, rest := cut(args)
			second, rest := cut(rest)
			module, ext, _ := strings.Cut(first, ".")
			language, ext2, _ := strings.Cut(second, ".")
			st, err := m.request(module, rest)
			if err != nil {
				return "", err
			}
			st.language = language
			files, err := m.files(ctx, s, st)
			if err != nil {
				return "", err
			}
			if ext = strings.TrimSpace(ext + ext2); ext != "" {
				files = slices.Clone(files)
				for i, f := range files {
					files[i] = strings.TrimSuffix(f, ".wav") + "." + ext
				}
			}
			return series(files), nil
		},
	}
}
