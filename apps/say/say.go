// Package say brings the applications that speak by stringing recordings
// together: say (numbers, dates, names) and phrase (macros of the section
// languages), and the API functions that do the same for those who play files.
//
//	say      args ─► speech.Request ─► english.Say ──────────┐
//	phrase   macro ─► phrase.Walk ─► files, says, pauses ────┴─► names ─► core.Sounds ─► one playback
//
// A recording that is missing is left out and told once by core.Sounds; nothing
// here ends a call. The package starts no goroutine.
package say

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/tandemswitch/tandem/apps/say/english"
	"github.com/tandemswitch/tandem/apps/say/phrase"
	"github.com/tandemswitch/tandem/apps/say/speech"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
)

// defaultLanguage speaks where nobody chose one.
const defaultLanguage = "en"

// Module brings the applications and functions.
type Module struct {
	deps      core.Deps                  // Immutable after New.
	languages map[string]speech.Language // Immutable after New: what can be spoken, by say-module.
	book      atomic.Pointer[phrase.Book]
}

var (
	_ module.AppProvider     = (*Module)(nil)
	_ module.CommandProvider = (*Module)(nil)
	_ module.Reloader        = (*Module)(nil)
)

// New compiles the phrase macros of a section "languages" (or "phrases"); nil is
// a section without any. The error has every mistake with its file and line.
func New(cfg *config.Node, deps core.Deps) (module.Module, error) {
	m := &Module{deps: deps, languages: map[string]speech.Language{"en": english.Say}}
	if err := m.Reload(cfg); err != nil {
		return nil, err
	}
	return m, nil
}

// Reload swaps the macros; a phrase that is being spoken ends as it began. On an
// error the old ones stay.
func (m *Module) Reload(cfg *config.Node) error {
	book, err := phrase.Compile(cfg)
	if err != nil {
		return err
	}
	for n := range cfg.All("language") {
		if name := n.Attr("say-module"); name != "" && m.languages[strings.ToLower(name)] == nil {
			n.Warnf("say-module %q is not part of this build: numbers and dates are put together as in English", name)
		}
	}
	m.book.Store(book)
	return nil
}

// Run implements module.Module: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Apps implements module.AppProvider.
func (m *Module) Apps() []core.App { return []core.App{m.sayApp(), m.phraseApp()} }

// Commands implements module.CommandProvider.
func (m *Module) Commands() []core.Command {
	return []core.Command{m.sayString(), m.phraseString(), m.soundString()}
}

// speaker is the language of a say-module, English if it is not part of this
// build: its recordings have the same names.
func (m *Module) speaker(module string) speech.Language {
	if l := m.languages[strings.ToLower(module)]; l != nil {
		return l
	}
	return m.languages[defaultLanguage]
}
