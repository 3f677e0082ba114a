package conference

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/media"
)

// run is the application: one caller's stay in a room.
func (m *Module) run(ctx context.Context, s core.Session, args string) error {
	t, err := parseTarget(args)
	if err != nil {
		return err
	}
	mixing, ok := s.(core.Mixing)
	if !ok {
		return fmt.Errorf("conference: %w", core.ErrUnsupported)
	}
	r, err := m.enter(ctx, t)
	if err != nil {
		return err
	}
	defer m.leave(r)
	if err := s.Answer(ctx); err != nil {
		return err
	}
	f := m.flagsOf(s, r, t)
	if err := r.ask(func() error { return r.admit(f) }); err != nil {
		return r.refuse(ctx, s, err)
	}
	switch moderator, err := r.checkPIN(ctx, s); {
	case err != nil:
		return err
	case moderator:
		f.moderator = true
	}
	return r.stay(ctx, s, mixing, f, t.dial)
}

// flagsOf puts together what the profile, the channel and the argument say.
func (m *Module) flagsOf(s core.Session, r *room, t target) flags {
	var f flags
	f.set(words(r.profile.MemberFlags))
	f.set(words(s.Var("conference_member_flags")))
	f.set(t.flags)
	return f
}

// refuse tells the caller why it may not come in; the dialplan goes on.
func (r *room) refuse(ctx context.Context, s core.Session, why error) error {
	sound := ""
	switch {
	case errors.Is(why, errLocked):
		sound = r.profile.LockedSound
	case errors.Is(why, errFull):
		sound = r.profile.MaxMembersSound
	case errors.Is(why, errEmpty):
		sound = r.profile.JoinOnlySound
	}
	s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "conference refused", Data: []any{"room", r.name, "why", why.Error()}})
	if sound == "" {
		return nil
	}
	_, err := r.prompt(ctx, s, sound, "")
	return err
}

// stay joins and waits for the end, minding the keys.
func (r *room) stay(ctx context.Context, s core.Session, mixing core.Mixing, f flags, dial string) error {
	staying, out := context.WithCancelCause(ctx)
	defer out(nil)
	p := s.Profile()
	m := &member{
		room: r, session: s, name: p.CallerIDName, number: p.CallerIDNumber, out: out, flags: f, since: time.Now(),
		energy: r.profile.energy(),
	}
	var cfg media.MemberConfig
	err := r.ask(func() error {
		if err := r.add(m); err != nil {
			return err
		}
		cfg = m.config()
		return nil
	})
	if err != nil {
		return r.refuse(ctx, s, err)
	}
	s.SetVar("conference_name", r.name)
	s.SetVar("conference_uuid", r.id)
	s.SetVar("conference_member_id", strconv.Itoa(m.id))
	s.SetVar("conference_moderator", strconv.FormatBool(m.moderator))
	joined, err := mixing.JoinRoom(ctx, r.mix, cfg)
	if err != nil {
		r.post(func() { r.gone(m, err) })
		return err
	}
	r.post(func() { m.media = joined; r.came(m) })
	s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "conference joined", Data: []any{"room", r.name, "member", m.id, "moderator", m.moderator}})
	if dial != "" && dial != "none" {
		if _, err := r.m.Dial(ctx, r.name, r.profile.Name, dial, "", ""); err != nil {
			s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "conference could not dial", Data: []any{"dial", dial, "err", err.Error()}})
		}
	}
	why := r.mindKeys(staying, s, m)
	joined.Leave()
	_ = r.ask(func() error { r.gone(m, why); return nil })
	s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "conference left", Data: []any{"room", r.name, "member", m.id, "why", reasonOf(why)}})
	return r.farewell(ctx, s, why)
}

// farewell is what follows a stay: the dialplan goes on, unless the call is over.
func (r *room) farewell(ctx context.Context, s core.Session, why error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(why, errShutdown):
		s.Hangup(core.CauseNormalClearing, core.ByApp)
		return nil
	case errors.Is(why, errKicked) && r.profile.KickedSound != "":
		if _, err := r.prompt(ctx, s, r.profile.KickedSound, ""); err != nil && ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// prompt lets one caller hear a sound that is not the room's. A missing one is
// no error: a prompt never ends a call.
func (r *room) prompt(ctx context.Context, s core.Session, path, terminators string) (byte, error) {
	src, err := r.m.deps.Sounds.Open(ctx, r.path(path, s.Var("sound_prefix")), s.SampleRateHz())
	if err != nil {
		s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "conference prompt missing", Data: []any{"file", path, "err", err.Error()}})
		return 0, context.Cause(ctx)
	}
	res, err := s.Play(ctx, src, terminators)
	return res.Terminator, err
}

// checkPIN asks for the PIN, if there is one; true if it was the moderators'.
// Who was called by us is not asked.
func (r *room) checkPIN(ctx context.Context, s core.Session) (moderator bool, err error) {
	var pin, modPIN string
	if err := r.ask(func() error { pin, modPIN = r.pin, r.modPIN; return nil }); err != nil {
		return false, err
	}
	enforce := s.Direction() == core.Inbound
	if v := s.Var("conference_enforce_security"); v != "" {
		enforce = expand.IsTrue(v)
	}
	if !enforce || pin == "" && modPIN == "" {
		return false, nil
	}
	right := func(given string) bool {
		moderator = modPIN != "" && given == modPIN
		return moderator || pin != "" && given == pin || pin == "" && given == ""
	}
	if given := s.Var("supplied_pin"); given != "" && right(given) {
		return moderator, nil
	}
	for try := range r.profile.PINRetries + 1 {
		if try > 0 {
			if _, err := r.prompt(ctx, s, r.profile.BadPINSound, ""); err != nil {
				return false, err
			}
		}
		given, err := r.readPIN(ctx, s, max(len(pin), len(modPIN)))
		if err != nil {
			return false, err
		}
		if right(given) {
			return moderator, nil
		}
	}
	s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "conference PIN refused", Data: []any{"room", r.name}})
	return false, &core.CauseError{Cause: core.CauseNormalClearing, Err: errors.New("conference: wrong PIN")}
}

// pinKeys end the prompt: the caller need not wait for its end.
const pinKeys = "0123456789*#"

// readPIN lets the caller hear the prompt and reads up to length digits, ended by #.
func (r *room) readPIN(ctx context.Context, s core.Session, length int) (string, error) {
	d, err := r.prompt(ctx, s, r.profile.PINSound, pinKeys)
	if err != nil {
		return "", err
	}
	var pin []byte
	timeout := r.profile.InputTimeout
	for len(pin) < length {
		if d == 0 {
			var ok bool
			if d, ok, err = s.Digit(ctx, timeout); err != nil {
				return "", err
			} else if !ok {
				break
			}
		}
		if d == '#' {
			break
		}
		pin = append(pin, d)
		d, timeout = 0, r.profile.DTMFTimeout
	}
	return string(pin), nil
}
