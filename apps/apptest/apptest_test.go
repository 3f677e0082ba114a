package apptest

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
)

// tone is a source that ends after a time, or never.
type tone struct {
	left   int
	closed bool
}

func (s *tone) RateHz() int { return 8000 }
func (s *tone) Read(p []int16) (int, error) {
	if s.left < 0 {
		return len(p), nil
	}
	n := min(s.left, len(p))
	s.left -= n
	if s.left == 0 {
		return n, io.EOF
	}
	return n, nil
}
func (s *tone) Close() error { s.closed = true; return nil }

func TestPlayLastsAsLongAsItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, src := New(nil), &tone{left: 8000}
		began := time.Now()
		r, err := s.Play(t.Context(), src, "")
		if err != nil || r.Played != time.Second || !src.closed {
			t.Errorf("%+v, %v, closed %v", r, err, src.closed)
		}
		if took := time.Since(began); took < 980*time.Millisecond || took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestPlayEndsWithATerminator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(nil)
		s.Digits, s.DigitEvery = "#5", time.Second
		r, err := s.Play(t.Context(), &tone{left: -1}, "#*")
		if err != nil || r.Terminator != '#' || r.Played != time.Second {
			t.Errorf("%+v, %v", r, err)
		}
		if d, ok, err := s.Digit(t.Context(), 5*time.Second); d != '5' || !ok || err != nil {
			t.Errorf("the digit behind it: %c, %v, %v", d, ok, err)
		}
		if d, ok, err := s.Digit(t.Context(), 5*time.Second); ok || err != nil {
			t.Errorf("no more digits: %c, %v, %v", d, ok, err)
		}
	})
}

func TestWaitingEndsWithTheCall(t *testing.T) {
	for name, wait := range map[string]func(context.Context, *Session) error{
		"Park": func(ctx context.Context, s *Session) error { return s.Park(ctx, 0) },
		"Echo": func(ctx context.Context, s *Session) error { return s.Echo(ctx, 0) },
		"Play": func(ctx context.Context, s *Session) error { _, err := s.Play(ctx, &tone{left: -1}, ""); return err },
		"Bridge": func(ctx context.Context, s *Session) error {
			s.BridgeFor = time.Hour
			_, err := s.Bridge(ctx, "user/1001")
			return err
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New(nil)
			time.AfterFunc(time.Minute, func() { s.Hangup(core.CauseNormalClearing, core.ByCaller) })
			if err := wait(t.Context(), s); !errors.Is(err, core.ErrEnded) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := &core.HangupError{Cause: core.CauseUserBusy}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		if err := New(nil).Park(ctx, time.Hour); !errors.Is(err, cause) {
			t.Errorf("Park: %v", err)
		}
	})
}

func TestSessionRemembersWhatWasDone(t *testing.T) {
	s := New(map[string]string{"Color": "blue"})
	s.Fail = map[string]error{"Hold": errors.New("no")}
	ctx := t.Context()
	if err := errors.Join(s.Ring(ctx), s.Answer(ctx), s.Execute(ctx, "playback", "x.wav"), s.Transfer("2000", "", "default")); err != nil {
		t.Fatal(err)
	}
	if err := s.Hold(ctx, true); err == nil {
		t.Error("Hold did not fail")
	}
	s.SetVar("Shade", "dark")
	if got := s.Expand(ctx, "${shade} ${COLOR} ${destination_number}"); got != "dark blue 1001" {
		t.Errorf("Expand = %q", got)
	}
	s.Refuse(486, "Busy", core.CauseUserBusy)
	if err := s.Answer(ctx); !errors.Is(err, core.ErrEnded) {
		t.Errorf("Answer after the end: %v", err)
	}
	want := []string{"Ring", "Answer", "Execute playback x.wav", "Transfer 2000 default", "Hold true", "Refuse 486 Busy", "Answer"}
	if diff := cmp.Diff(want, s.Done()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c, over := s.HungUp(); c != core.CauseUserBusy || !over || s.UsedMedia() || s.Progress() != core.ProgressEnded {
		t.Errorf("HungUp = %v, %v", c, over)
	}
}

// TestRunPassesAGoodApp runs the suite on an application that waits well.
func TestRunPassesAGoodApp(t *testing.T) {
	Run(t, core.App{Name: "good", Doc: "wait for the end", Run: func(ctx context.Context, s core.Session, _ string) error {
		if err := s.Answer(ctx); err != nil {
			return err
		}
		return s.Echo(ctx, 0)
	}})
}
