package say

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// play lets the caller hear files one after another, and reports whether a key
// ended it. What is missing is left out and told once by core.Sounds; an error
// says that nothing of it could be heard.
func (m *Module) play(ctx context.Context, s core.Session, files []string) (ended bool, err error) {
	if len(files) == 0 {
		return false, nil
	}
	s.SetVar("playback_terminator_used", "")
	if err := s.PreAnswer(ctx); err != nil { // so that the caller's rate is known
		return false, err
	}
	src, err := m.deps.Sounds.Open(ctx, series(files), s.SampleRateHz())
	if err != nil {
		response := "PLAYBACK ERROR"
		if errors.Is(err, fs.ErrNotExist) {
			response = "FILE NOT FOUND"
		}
		s.SetVar("current_application_response", response)
		return false, fmt.Errorf("say: %w", err)
	}
	r, err := s.Play(ctx, src, terminators(s))
	if err != nil {
		return false, err
	}
	s.SetVar("current_application_response", "FILE PLAYED")
	s.SetVar("playback_ms", strconv.FormatInt(r.Played.Milliseconds(), 10))
	if r.Terminator != 0 {
		s.SetVar("playback_terminator_used", string(r.Terminator))
	}
	return r.Terminator != 0, nil
}

// series names several sounds as one.
func series(files []string) string {
	if len(files) == 0 {
		return ""
	}
	return "file_string://" + strings.Join(files, "!")
}

// anyKey are the keys that the word "any" stands for.
const anyKey = "0123456789*#"

// terminators are the keys that end what is said: playback_terminators, * by
// default.
func terminators(s core.Session) string {
	switch t := s.Var("playback_terminators"); strings.ToLower(t) {
	case "":
		return "*"
	case "none":
		return ""
	case "any":
		return anyKey
	default:
		return t
	}
}

// voice is the folder of the recordings: the language's, unless it has none or
// the channel insists on its own (sound_prefix_enforced=true).
func (m *Module) voice(s core.Session, prefix string, enforced bool) string {
	own := m.variable(s, "sound_prefix")
	insists := expand.IsTrue(m.variable(s, "sound_prefix_enforced")) && own != ""
	if prefix == "" || insists && !enforced {
		return own
	}
	return prefix
}

// placed puts the folder of a voice before relative names.
func placed(dir string, files []string) []string {
	out := make([]string, len(files))
	for i, f := range files {
		if out[i] = f; dir != "" && !path.IsAbs(f) && !strings.Contains(f, "://") && !strings.HasPrefix(f, "{") {
			out[i] = strings.TrimSuffix(dir, "/") + "/" + f
		}
	}
	return out
}
