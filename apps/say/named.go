package say

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tandemswitch/tandem/apps/say/speech"
	"github.com/tandemswitch/tandem/core"
)

// soundString names what stands behind phrase:MACRO:DATA and say:… wherever a
// sound may be given, as a file_string://. Any other name comes back as it is,
// so that those who play sounds need to ask in one place only.
func (m *Module) soundString() core.Command {
	return core.Command{
		Name: "sound_string", Kind: core.Slow, Syntax: "phrase:MACRO[:DATA]|say:[TYPE METHOD] TEXT|SOUND",
		Doc: "name the sounds of a phrase or of something said",
		Run: func(ctx context.Context, s core.Session, args string) (string, error) {
			if macro, ok := strings.CutPrefix(args, "phrase:"); ok {
				return m.phraseString().Run(ctx, s, macro)
			}
			text, ok := strings.CutPrefix(args, "say:")
			if !ok {
				return args, nil
			}
			st, err := m.spoken(s, text)
			if err != nil {
				return "", fmt.Errorf("say:%s: %w", text, err)
			}
			files, err := m.files(ctx, s, st)
			return series(files), err
		},
	}
}

// errNoSynthesizer is what plain words come to.
var errNoSynthesizer = errors.New("words need a speech synthesizer, which this build does not have: want say:TYPE METHOD TEXT, or a number")

// spoken reads what follows say: — TYPE METHOD TEXT as in the application, or a
// number alone — in the channel's language.
func (m *Module) spoken(s core.Session, text string) (statement, error) {
	module, _, _ := strings.Cut(strings.ToLower(m.variable(s, "default_language")), "-")
	if m.languages[module] == nil {
		module = defaultLanguage
	}
	kind, _ := cut(text)
	if _, err := speech.ParseType(kind); err == nil {
		return m.request(module, text)
	}
	st := statement{module: module, request: speech.Request{Type: speech.Number, Method: speech.Pronounced, Text: strings.TrimSpace(text)}}
	if _, err := m.languages[module](st.request); err != nil {
		return st, errNoSynthesizer
	}
	return st, nil
}
