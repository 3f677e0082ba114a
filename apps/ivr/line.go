package ivr

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// line is a caller who is asked for keys. One application uses it at a time.
type line struct {
	m    *Module
	s    core.Session
	kept []byte // keys that ended a prompt and were not taken yet
}

// collect plays a prompt and takes keys until e is complete, the first key does
// not come within first of the prompt's end, or a later one not within between
// of the one before it.
func (l *line) collect(ctx context.Context, e *entry, prompt string, first, between time.Duration) error {
	if err := l.hear(ctx, prompt, true); err != nil {
		return err
	}
	for wait := first; !e.complete; wait = between {
		key, ok, err := l.key(ctx, wait)
		if err != nil {
			return err
		}
		if !ok {
			e.expired = true
			return nil
		}
		e.press(key)
	}
	return nil
}

// key waits for the next key of a telephone; ok is false when none came in time.
func (l *line) key(ctx context.Context, timeout time.Duration) (key byte, ok bool, err error) {
	if len(l.kept) > 0 {
		key, l.kept = l.kept[0], l.kept[1:]
		return key, true, nil
	}
	for until := time.Now().Add(timeout); ; timeout = time.Until(until) {
		key, ok, err = l.s.Digit(ctx, timeout)
		if err != nil || !ok || isKey(key) {
			return key, ok, err
		}
	}
}

// hear plays a prompt. If it may be interrupted, a key ends it and is kept; one
// that was kept already keeps it from being played at all. The error is the end
// of the call: a prompt that cannot be heard is journaled and skipped.
func (l *line) hear(ctx context.Context, prompt string, interruptible bool) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if prompt == "" || strings.EqualFold(prompt, "silence") || interruptible && len(l.kept) > 0 {
		return nil
	}
	if err := l.s.PreAnswer(ctx); err != nil { // so that the caller's rate is known
		return err
	}
	src, err := l.open(ctx, prompt)
	if err != nil {
		return l.skip(ctx, prompt, err)
	}
	ends := ""
	if interruptible {
		ends = keys
	}
	r, err := l.s.Play(ctx, src, ends)
	if err != nil {
		return l.skip(ctx, prompt, err)
	}
	if r.Terminator != 0 {
		l.kept = append(l.kept, r.Terminator)
	}
	return nil
}

// skip returns err if the call is over, else notes why a prompt is not heard.
func (l *line) skip(ctx context.Context, prompt string, err error) error {
	if over := context.Cause(ctx); over != nil {
		return over
	}
	if errors.Is(err, core.ErrEnded) {
		return err
	}
	l.s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "prompt skipped", Data: []any{"prompt", prompt, "err", err.Error()}})
	return nil
}

// open opens a prompt: whatever core.Sounds knows, relative names below
// sound_prefix, and phrase:MACRO[:ARGUMENT] through the function phrase_string.
func (l *line) open(ctx context.Context, name string) (media.Source, error) {
	if macro, ok := strings.CutPrefix(name, "phrase:"); ok && l.m.deps.Commands != nil {
		if f, ok := l.m.deps.Commands.Find("phrase_string"); ok {
			files, err := f.Run(ctx, l.s, macro)
			if err != nil {
				return nil, err
			}
			name = files
		}
	}
	return l.m.deps.Sounds.Open(ctx, resolve(l.s, name), l.s.SampleRateHz())
}

// resolve puts sound_prefix before a relative file name.
func resolve(s core.Session, name string) string {
	params := ""
	if strings.HasPrefix(name, "{") {
		if i := strings.IndexByte(name, '}'); i > 0 {
			params, name = name[:i+1], name[i+1:]
		}
	}
	prefix := s.Var("sound_prefix")
	if prefix != "" && !strings.HasPrefix(name, "/") && !strings.Contains(name, "://") && !strings.HasPrefix(name, "phrase:") && !strings.HasPrefix(name, "say:") {
		name = strings.TrimSuffix(prefix, "/") + "/" + name
	}
	return params + name
}
