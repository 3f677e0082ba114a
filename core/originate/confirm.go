package originate

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/session"
)

// confirmed is the milestone of a leg that was asked whether it takes the call
// (group_confirm_key).
type confirmed struct {
	session.SawAnswered
	ok bool
}

// confirmTimeout is FreeSWITCH's group_confirm_read_timeout.
const confirmTimeout = 5 * time.Second

// confirm asks an answered leg to press a key before it wins, beside the race.
func (r *race) confirm(ctx context.Context, c *candidate) {
	if c.confirming {
		return
	}
	c.confirming = true
	r.confirming.Go(func() {
		ok := false
		defer func() {
			if p := recover(); p != nil {
				ok = false
				r.t.o.deps.Log.Error("panic in confirmation", "err", p)
			}
			_ = r.box.Must(seen{id: c.session.ID(), m: confirmed{ok: ok}})
		}()
		if n, _ := strconv.Atoi(c.value("group_confirm_timeout")); n > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, time.Duration(n)*time.Second)
			defer stop()
		}
		ok = r.ask(ctx, c)
	})
}

// ask plays the file and reads a key until it is the right one; "exec" as key
// runs the file as an application instead.
func (r *race) ask(ctx context.Context, c *candidate) bool {
	s, key, file := c.session, c.value("group_confirm_key"), c.value("group_confirm_file")
	if strings.EqualFold(key, "exec") {
		app, args, _ := strings.Cut(file, " ")
		err := s.Execute(ctx, app, args)
		cause, _ := s.Ended()
		return err == nil && ctx.Err() == nil && cause == core.CauseNone
	}
	wait := confirmTimeout
	if ms, err := strconv.Atoi(c.value("group_confirm_read_timeout")); err == nil && ms > 0 {
		wait = time.Duration(ms) * time.Millisecond
	}
	for ctx.Err() == nil {
		if r.play(ctx, s, file, key[:1]) == key[0] {
			return true
		}
		d, pressed, err := s.Digit(ctx, wait)
		switch {
		case err != nil:
			return false
		case pressed && d == key[0]:
			return true
		case pressed:
			if r.play(ctx, s, c.value("group_confirm_error_file"), key[:1]) == key[0] {
				return true
			}
		}
	}
	return false
}

// play returns the key that ended the sound, or 0.
func (r *race) play(ctx context.Context, s *session.Session, path, keys string) byte {
	if path == "" || r.t.o.deps.Sounds == nil {
		return 0
	}
	src, err := r.t.o.deps.Sounds.Open(ctx, path, s.SampleRateHz())
	if err != nil {
		r.t.note("no confirmation prompt", "path", path, "err", err.Error())
		return 0
	}
	res, _ := s.Play(ctx, src, keys)
	return res.Terminator
}
