// Package play holds the applications that let the caller hear something, and
// the library that opens what dialplans name: files, tones, silence, music.
package play

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
)

// Module brings the applications.
type Module struct{ deps core.Deps }

// New returns the module.
func New(_ *config.Node, deps core.Deps) (module.Module, error) { return &Module{deps}, nil }

var _ module.AppProvider = (*Module)(nil)

// Run implements module.Module: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Apps implements module.AppProvider.
func (m *Module) Apps() []core.App {
	return []core.App{m.playback(), m.endlessPlayback(), m.loopPlayback(), m.gentones()}
}

// anyKey are the keys that the word "any" stands for.
const anyKey = "0123456789*#"

// terminators are the keys that end a playback: playback_terminators, * by default.
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

// play opens path and lets the caller hear it once. A missing or broken file is
// told in current_application_response and never ends the call.
func (m *Module) play(ctx context.Context, s core.Session, path string) (core.PlayResult, error) {
	if err := s.PreAnswer(ctx); err != nil { // so that the caller's rate is known
		return core.PlayResult{}, err
	}
	path, err := m.spoken(ctx, s, path)
	if err != nil {
		s.SetVar("current_application_response", "PLAYBACK ERROR")
		return core.PlayResult{}, err
	}
	src, err := m.deps.Sounds.Open(ctx, resolve(s, path), s.SampleRateHz())
	if err != nil {
		response := "PLAYBACK ERROR"
		if errors.Is(err, fs.ErrNotExist) {
			response = "FILE NOT FOUND"
		}
		s.SetVar("current_application_response", response)
		return core.PlayResult{}, err
	}
	r, err := s.Play(ctx, src, terminators(s))
	if err == nil {
		s.SetVar("current_application_response", "FILE PLAYED")
		s.SetVar("playback_ms", strconv.FormatInt(r.Played.Milliseconds(), 10))
		if r.Terminator != 0 {
			s.SetVar("playback_terminator_used", string(r.Terminator))
		}
	}
	return r, err
}

// spoken turns phrase:MACRO[:DATA] and say:TEXT into the recordings they are
// made of; other names stay as they are. The words are apps/say's business.
func (m *Module) spoken(ctx context.Context, s core.Session, path string) (string, error) {
	if !strings.HasPrefix(path, "phrase:") && !strings.HasPrefix(path, "say:") {
		return path, nil
	}
	cmd, ok := m.deps.Commands.Find("sound_string")
	if !ok {
		return "", fmt.Errorf("play %q: this build has no apps/say", path)
	}
	files, err := cmd.Run(ctx, s, path)
	if err != nil {
		return "", fmt.Errorf("play %q: %w", path, err)
	}
	if files == "" {
		return "silence_stream://0", nil // a macro that says nothing this time
	}
	return files, nil
}

// resolve puts sound_prefix before a relative file name.
func resolve(s core.Session, path string) string {
	params := ""
	if strings.HasPrefix(path, "{") {
		if i := strings.IndexByte(path, '}'); i > 0 {
			params, path = path[:i+1], path[i+1:]
		}
	}
	if prefix := s.Var("sound_prefix"); prefix != "" && !strings.HasPrefix(path, "/") && !strings.Contains(path, "://") {
		path = strings.TrimSuffix(prefix, "/") + "/" + path
	}
	return params + path
}

// playback plays a file, tone_stream://, silence_stream://, local_stream:// or
// file_string:// once.
func (m *Module) playback() core.App {
	return core.App{
		Name: "playback", Syntax: "[{params}]PATH", Doc: "play a sound", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			s.SetVar("playback_terminator_used", "")
			_, err := m.play(ctx, s, strings.TrimSpace(args))
			return err
		},
	}
}

// endlessPlayback repeats a sound until the call ends.
func (m *Module) endlessPlayback() core.App {
	return core.App{
		Name: "endless_playback", Syntax: "PATH", Doc: "play a sound again and again", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			return m.loop(ctx, s, strings.TrimSpace(args), -1)
		},
	}
}

// loopPlayback repeats a sound +N times, or until the call ends.
func (m *Module) loopPlayback() core.App {
	return core.App{
		Name: "loop_playback", Syntax: "[+N] PATH", Doc: "play a sound N times", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			n, path := -1, strings.TrimSpace(args)
			if count, rest, ok := strings.Cut(path, " "); ok && strings.HasPrefix(count, "+") {
				v, err := strconv.Atoi(count[1:])
				if err != nil || v < 1 {
					return fmt.Errorf("loop_playback %q: want +N PATH", args)
				}
				n, path = v, strings.TrimSpace(rest)
			}
			return m.loop(ctx, s, path, n)
		},
	}
}

// loop plays path n times, endlessly if n is negative, until a terminator.
func (m *Module) loop(ctx context.Context, s core.Session, path string, n int) error {
	for ; n != 0; n-- {
		r, err := m.play(ctx, s, path)
		if err != nil || r.Terminator != 0 {
			return err
		}
		if r.Played <= 0 {
			return fmt.Errorf("play %q: it has no sound", path) // would spin
		}
	}
	return nil
}

// gentones plays a TGML script: SCRIPT[|LOOPS].
func (m *Module) gentones() core.App {
	return core.App{
		Name: "gentones", Syntax: "TGML[|LOOPS]", Doc: "play tones", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			script, loops, ok := strings.Cut(strings.TrimSpace(args), "|")
			path := "tone_stream://" + script
			if ok {
				path += ";loops=" + loops
			}
			_, err := m.play(ctx, s, path)
			return err
		},
	}
}
