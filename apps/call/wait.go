package call

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// sleepApp waits. It needs no media; sleep_eat_digits=true forgets digits that
// come meanwhile.
func sleepApp() core.App {
	return core.App{
		Name: "sleep", Syntax: "MS", Doc: "wait for so many milliseconds", NoMedia: true, Resume: core.ResumeSkip,
		Run: func(ctx context.Context, s core.Session, args string) error {
			ms, err := strconv.Atoi(strings.TrimSpace(args))
			if err != nil || ms < 0 {
				return fmt.Errorf("sleep %q: want milliseconds", args)
			}
			t := time.NewTimer(time.Duration(ms) * time.Millisecond)
			defer t.Stop()
			select {
			case <-t.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if strings.EqualFold(s.Var("sleep_eat_digits"), "true") {
				s.FlushDigits()
			}
			return nil
		},
	}
}

// echo sends the caller's own sound back until the call ends.
func echo() core.App {
	return core.App{
		Name: "echo", Doc: "send the caller's sound back", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, _ string) error { return s.Echo(ctx, 0) },
	}
}

// maxEchoDelay bounds the memory of a delay line.
const maxEchoDelay = time.Minute

// delayEcho is echo, later.
func delayEcho() core.App {
	return core.App{
		Name: "delay_echo", Syntax: "MS", Doc: "send the caller's sound back after a delay", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			ms, err := strconv.Atoi(strings.TrimSpace(args))
			delay := time.Duration(ms) * time.Millisecond
			if err != nil || delay <= 0 || delay > maxEchoDelay {
				return fmt.Errorf("delay_echo %q: want 1 to %d milliseconds", args, maxEchoDelay.Milliseconds())
			}
			return s.Echo(ctx, delay)
		},
	}
}

// park waits without an application until somebody moves the call, or
// park_timeout=SECONDS[:CAUSE] hangs it up.
func park() core.App {
	return core.App{
		Name: "park", Doc: "wait until the call is moved", NoMedia: true, Resume: core.ResumeContinue,
		Run: func(ctx context.Context, s core.Session, _ string) error {
			seconds, causeName, _ := strings.Cut(s.Var("park_timeout"), ":")
			s.SetVar("park_timeout", "")
			n, _ := strconv.Atoi(seconds)
			if err := s.Park(ctx, time.Duration(n)*time.Second); err != nil {
				return err
			}
			cause := core.CauseNormalClearing
			if causeName != "" {
				cause = core.ParseCause(causeName)
			}
			s.Hangup(cause, core.BySwitch)
			return nil
		},
	}
}
