package voicemail

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// anyKey are all keys of a phone that can mean something here.
const anyKey = "0123456789*#"

// caller is one call in the application: who leaves or hears messages. It is
// used by the application's goroutine alone.
type caller struct {
	m      *Module
	s      core.Session
	p      *Profile
	domain string
	ahead  key // pressed before its menu or prompt was said
}

// errTransferred ends the application after the call was sent elsewhere.
var errTransferred = errors.New("transferred")

// key is one key pressed; 0 is none.
type key byte

// is reports whether a key is the one of the profile.
func (k key) is(of string) bool { return k != 0 && of != "" && string(rune(k)) == of }

// phrase names the sounds of a macro; empty if there is no such macro.
func (c *caller) phrase(ctx context.Context, name, data string) string {
	if c.m.deps.Commands == nil {
		return ""
	}
	cmd, ok := c.m.deps.Commands.Find("phrase_string")
	if !ok {
		return ""
	}
	text, err := cmd.Run(ctx, c.s, name+","+data)
	if err != nil {
		c.s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "phrase not found", Data: []any{"macro", name, "err", err.Error()}})
		return ""
	}
	return strings.TrimSpace(text)
}

// prompt names a recording that no macro plays.
func (c *caller) prompt(name string) string {
	file := "voicemail/" + name + ".wav"
	if prefix := c.s.Var("sound_prefix"); prefix != "" {
		return strings.TrimSuffix(prefix, "/") + "/" + file
	}
	return file
}

// say plays a macro until its end or a key.
func (c *caller) say(ctx context.Context, name, data string) (key, error) {
	k, _, err := c.play(ctx, c.phrase(ctx, name, data))
	return k, err
}

// tell plays a macro to its end, whatever is pressed.
func (c *caller) tell(ctx context.Context, name, data string) error {
	_, _, err := c.playUntil(ctx, c.phrase(ctx, name, data), "")
	return err
}

// play plays a sound until its end or a key.
func (c *caller) play(ctx context.Context, path string) (key, time.Duration, error) {
	return c.playUntil(ctx, path, anyKey)
}

// playUntil plays a sound until its end or one of the keys. A sound that is
// missing or broken is silence: only the end of the call is an error.
func (c *caller) playUntil(ctx context.Context, path, keys string) (key, time.Duration, error) {
	if err := c.s.PreAnswer(ctx); err != nil { // so that the caller's rate is known
		return 0, 0, err
	}
	if path == "" {
		return 0, 0, context.Cause(ctx)
	}
	src, err := c.m.deps.Sounds.Open(ctx, path, c.s.SampleRateHz())
	if err != nil { // told by Sounds
		return 0, 0, context.Cause(ctx)
	}
	r, err := c.s.Play(ctx, src, keys)
	if err != nil && !over(ctx, err) {
		c.s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "sound not played", Data: []any{"path", path, "err", err.Error()}})
		err = nil
	}
	return key(r.Terminator), r.Played, err
}

// over reports whether an error means that the call has ended.
func over(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, core.ErrEnded)
}

// wait waits for a key; 0 after the profile's digit-timeout.
func (c *caller) wait(ctx context.Context) (key, error) {
	d, ok, err := c.s.Digit(ctx, c.p.DigitTimeout)
	if !ok {
		return 0, err
	}
	return key(d), err
}

// menu says the choices and waits for one of the keys, a few times; 0 if none
// came.
func (c *caller) menu(ctx context.Context, macro string, spoken []string, more ...string) (key, error) {
	accepted := strings.Join(spoken, "") + strings.Join(more, "")
	for range c.p.MaxRetries {
		k, err := c.ahead, error(nil)
		if c.ahead = 0; k == 0 {
			k, err = c.say(ctx, macro, strings.Join(spoken, ":"))
		}
		if err == nil && k == 0 {
			k, err = c.wait(ctx)
		}
		if err != nil || k != 0 && strings.IndexByte(accepted, byte(k)) >= 0 {
			return k, err
		}
	}
	return 0, nil
}

// maxEntry is how many digits an extension or a PIN has at most.
const maxEntry = 32

// enter says a prompt and collects digits until the terminator or a pause. Who
// knows the way need not wait for the prompt.
func (c *caller) enter(ctx context.Context, macro string) (string, error) {
	k, err := c.ahead, error(nil)
	if c.ahead = 0; k == 0 {
		k, err = c.say(ctx, macro, c.p.TerminatorKey)
	}
	var digits []byte
	for err == nil && len(digits) < maxEntry {
		if k == 0 {
			if k, err = c.wait(ctx); err != nil || k == 0 {
				break
			}
		}
		if k.is(c.p.TerminatorKey) {
			break
		}
		digits = append(digits, byte(k))
		k = 0
	}
	return string(digits), err
}

// transfer sends the call to EXTENSION [DIALPLAN [CONTEXT]].
func (c *caller) transfer(place string) error {
	words := append(strings.Fields(place), "", "", "")
	if words[0] == "" {
		return errors.New("voicemail: a key leads nowhere: no extension is configured for it")
	}
	if err := c.s.Transfer(words[0], words[1], words[2]); err != nil {
		return err
	}
	return errTransferred
}

// finished hides what is no failure of the application.
func finished(err error) error {
	if errors.Is(err, errTransferred) {
		return nil
	}
	return err
}

// variable is a channel's variable, else the user's parameter.
func (c *caller) variable(u core.User, name, param string) string {
	if v := c.s.Var(name); v != "" {
		return v
	}
	return u.Params[param]
}
