package apptest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// oddArgs are arguments that a person or a caller's number may bring.
var oddArgs = []string{
	"", " ", "0", "-1", "1000", "a b c d e f g h i j k l", "x=y", "x=", "=", ",", "^^", "^^:", "'", "\\", "\\'", "${", "${x", "a|b|c|d|e",
	"99999999999999999999", "\xff\xfe\x00", strings.Repeat("9", 4096),
}

// stopWithin is how soon an application must be back after its context ended.
const stopWithin = time.Second

// Run is the conformance suite. An application passes if it is described, takes
// any argument without a panic, ends soon after its context does, does nothing
// more once the call is over, leaves no goroutine behind, and uses media only
// if it does not say NoMedia.
//
// The application runs in synctest bubbles: what it waits for must be made
// while it runs, not before.
func Run(t *testing.T, app core.App) {
	t.Helper()
	t.Run(app.Name, func(t *testing.T) {
		t.Run("described", func(t *testing.T) { described(t, app) })
		t.Run("odd arguments", func(t *testing.T) {
			for _, args := range oddArgs {
				synctest.Test(t, func(t *testing.T) { stops(t, app, args, time.Minute) })
			}
		})
		t.Run("ends at once", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { stops(t, app, "1000", 0) })
		})
		t.Run("after hangup", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { afterHangup(t, app) })
		})
	})
}

func described(t *testing.T, app core.App) {
	if app.Name == "" || app.Name != strings.ToLower(app.Name) || strings.ContainsAny(app.Name, " \t:(){}") {
		t.Errorf("name %q: want lower case without blanks", app.Name)
	}
	if app.Doc == "" || strings.Contains(app.Doc, "\n") {
		t.Errorf("doc %q: want one line", app.Doc)
	}
	if app.Run == nil {
		t.Fatal("nothing to run")
	}
}

// stops runs the application until the context ends after d.
func stops(t *testing.T, app core.App, args string, d time.Duration) {
	s := New(map[string]string{"x": "y"})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	over := &core.HangupError{Cause: core.CauseNormalClearing, By: core.ByCaller}
	if d == 0 {
		cancel(over)
	} else {
		defer time.AfterFunc(d, func() { cancel(over) }).Stop()
	}
	began := time.Now()
	err := app.Run(ctx, s, args)
	if took := time.Since(began); took > d+stopWithin {
		t.Errorf("%s(%.40q) ended %v after its context", app.Name, args, took-d)
	}
	if app.NoMedia && s.UsedMedia() {
		t.Errorf("%s(%.40q) uses media and says NoMedia: %q", app.Name, args, s.Done())
	}
	if err != nil && err.Error() == "" {
		t.Errorf("%s(%.40q): an error without text", app.Name, args)
	}
}

// afterHangup runs the application on a call that is over, its context as well.
func afterHangup(t *testing.T, app core.App) {
	s := New(nil)
	s.Hangup(core.CauseNormalClearing, core.ByCaller)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&core.HangupError{Cause: core.CauseNormalClearing, By: core.ByCaller})
	began := time.Now()
	err := app.Run(ctx, s, "1000")
	if took := time.Since(began); took > stopWithin {
		t.Errorf("%s went on for %v after the hangup", app.Name, took)
	}
	if errors.Is(err, context.Canceled) && !errors.Is(err, core.ErrEnded) {
		t.Errorf("%s: %v hides the cause of the end: use context.Cause", app.Name, err)
	}
}
