package ivr

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// maxNesting is how deep menus may stand inside each other: FreeSWITCH's.
const maxNesting = 12

// pinTries is how often a caller may try a menu's PIN: FreeSWITCH's.
const pinTries = 3

type nestingKey struct{}

// ivr runs a menu.
func (m *Module) ivr() core.App {
	return core.App{
		Name: "ivr", Syntax: "MENU", Doc: "run a menu of ivr.conf", Resume: core.ResumeRestart,
		Run: func(ctx context.Context, s core.Session, args string) error {
			b, name := m.menus.Load(), strings.TrimSpace(args)
			mn := b.find(name)
			if mn == nil {
				return fmt.Errorf("ivr: there is no menu %q", name)
			}
			if err := s.PreAnswer(ctx); err != nil {
				return err
			}
			s.SetVar("ivr_menu_status", "")
			w := &walk{&line{m: m, s: s}, b}
			if _, err := w.run(ctx, mn, true); err != nil {
				return err
			}
			return w.hear(ctx, mn.exit, false)
		},
	}
}

// walk is a caller's way through menus.
type walk struct {
	*line
	book *book
}

// way says where a caller goes from a menu.
type way uint8

const (
	again   way = iota // the same menu, with its short greeting
	afresh             // the same menu, with its long greeting
	back               // to the menu that called this one
	toTop              // to the menu the application began with
	leaving            // out of all menus
)

// run is one menu, until the caller leaves it. An error is the end of the call,
// or its move to another place.
func (w *walk) run(ctx context.Context, mn *menu, top bool) (way, error) {
	depth, _ := ctx.Value(nestingKey{}).(int)
	if depth >= maxNesting {
		w.note("menus are nested too deep", mn, "limit", maxNesting)
		return leaving, nil
	}
	ctx = context.WithValue(ctx, nestingKey{}, depth+1)
	w.announce("interaction.menu_entered", mn)
	defer w.announce("interaction.menu_exited", mn)
	if ok, err := w.admit(ctx, mn); err != nil || !ok {
		w.status("failure")
		return leaving, err
	}
	return w.loop(ctx, mn, top)
}

// loop asks again and again.
func (w *walk) loop(ctx context.Context, mn *menu, top bool) (way, error) {
	greeting, failures, timeouts := mn.greetLong, 0, 0
	for {
		switch {
		case failures >= mn.maxFailures:
			return w.giveUp(ctx, mn, "failure", mn.onFailures)
		case timeouts >= mn.maxTimeouts:
			return w.giveUp(ctx, mn, "timeout", mn.onTimeouts)
		}
		digits, err := w.ask(ctx, mn, greeting)
		if mn.greetShort != "" {
			greeting = mn.greetShort
		}
		picks := mn.match(digits)
		switch {
		case errors.Is(err, errRefused):
			failures++
			continue
		case err != nil:
			return leaving, err
		case digits == "":
			timeouts++
			continue
		case len(picks) == 0:
			failures++
			w.note("no such choice", mn, "digits", digits)
			if err := w.play(ctx, mn.invalid); err != nil {
				return leaving, err
			}
			continue
		}
		failures, timeouts = 0, 0
		w.status("success")
		next, err := w.act(ctx, mn, picks)
		switch {
		case err != nil:
			return leaving, err
		case next == afresh, next == toTop && top:
			greeting = mn.greetLong
		case next != again:
			return next, nil
		}
	}
}

// ask plays the greeting and returns the digits of an answer; none if the
// caller pressed nothing, errRefused if the caller takes them back. The terminating key alone is an answer, too: a menu
// may have a choice for it.
func (w *walk) ask(ctx context.Context, mn *menu, greeting string) (string, error) {
	ends := terminators{list: "#"}
	if t := w.s.Var("ivr_menu_terminator"); t != "" {
		ends = parseTerminators(t)
	}
	e := &entry{max: mn.digits, ends: ends}
	if err := w.collect(ctx, e, w.s.Expand(ctx, greeting), mn.timeout, mn.between); err != nil {
		return "", err
	}
	digits := string(e.digits)
	if digits == "" && e.terminator != 0 {
		digits = string(e.terminator)
	}
	if digits == "" || mn.confirm.macro == "" {
		return digits, nil
	}
	return digits, w.confirmed(ctx, mn, digits)
}

// errRefused: the digits were not what the caller meant.
var errRefused = errors.New("not confirmed")

// confirmed tells the caller the digits. Where there is a key for yes, another
// key takes them back, and so does silence in the end.
func (w *walk) confirmed(ctx context.Context, mn *menu, digits string) error {
	c := mn.confirm
	prompt := "phrase:" + c.macro + ":" + digits
	if c.key == "" {
		return w.play(ctx, prompt)
	}
	for range c.attempts {
		e := &entry{max: 1}
		if err := w.collect(ctx, e, prompt, mn.timeout, mn.between); err != nil {
			return err
		}
		if len(e.digits) > 0 && e.digits[0] == c.key[0] {
			return nil
		}
		if len(e.digits) > 0 {
			break
		}
	}
	w.note("digits not confirmed", mn, "digits", digits)
	return errRefused
}

// admit asks for the menu's PIN, if it has one.
func (w *walk) admit(ctx context.Context, mn *menu) (bool, error) {
	if mn.pin.code == "" {
		return true, nil
	}
	for range pinTries {
		e := &entry{max: len(mn.pin.code), ends: parseTerminators("#")}
		if err := w.collect(ctx, e, w.s.Expand(ctx, mn.pin.prompt), mn.timeout, mn.between); err != nil {
			return false, err
		}
		if subtle.ConstantTimeCompare(e.digits, []byte(mn.pin.code)) == 1 {
			return true, nil
		}
		if err := w.play(ctx, mn.pin.wrong); err != nil {
			return false, err
		}
	}
	w.note("no right PIN", mn)
	return false, nil
}

// act carries out the choices one after another until one leads away.
func (w *walk) act(ctx context.Context, mn *menu, picks []pick) (way, error) {
	for _, p := range picks {
		w.note("menu choice", mn, "digits", p.digits, "action", p.action.String(), "param", p.param, "file", p.at.File, "line", p.at.Line)
		next, err := w.choose(ctx, mn, p)
		if err != nil || next > again {
			return next, err
		}
	}
	return again, nil
}

func (w *walk) choose(ctx context.Context, mn *menu, p pick) (way, error) {
	switch p.action {
	case menuExit:
		return leaving, nil
	case menuBack:
		return back, nil
	case menuTop:
		return toTop, nil
	case menuPlaySound:
		return again, w.play(ctx, p.param)
	case menuExecApp:
		return again, w.execute(ctx, mn, parseStep(p.param, p.at))
	default:
		return w.sub(ctx, mn, p)
	}
}

// sub is the way through another menu and back. A menu that names itself begins
// afresh.
func (w *walk) sub(ctx context.Context, mn *menu, p pick) (way, error) {
	name := w.s.Expand(ctx, p.param)
	next := w.book.find(name)
	if next == nil {
		w.note("there is no such menu", mn, "name", name)
		return again, nil
	}
	if next == mn {
		return afresh, nil
	}
	came, err := w.run(ctx, next, false)
	if came == back {
		came = afresh
	}
	return came, err
}

// execute runs an application in the caller's place.
func (w *walk) execute(ctx context.Context, mn *menu, st step) error {
	if strings.EqualFold(st.app, "transfer") {
		if err := w.hear(ctx, w.s.Expand(ctx, mn.transfer), false); err != nil {
			return err
		}
	}
	if err := w.s.Execute(ctx, st.app, w.s.Expand(ctx, st.args)); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// giveUp ends the menus of a caller who does not get on.
func (w *walk) giveUp(ctx context.Context, mn *menu, status string, then step) (way, error) {
	w.status(status)
	w.note("menu given up", mn, "status", status)
	if then.app == "" {
		return leaving, nil
	}
	return leaving, w.execute(ctx, mn, then)
}

// play plays what a key may interrupt; the key is the next answer's first.
func (w *walk) play(ctx context.Context, prompt string) error {
	return w.hear(ctx, w.s.Expand(ctx, prompt), true)
}

// status sets how the menus went, for the dialplan behind them.
func (w *walk) status(word string) { w.s.SetVar("ivr_menu_status", word) }

func (w *walk) note(sentence string, mn *menu, data ...any) {
	w.s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: sentence, Data: append([]any{"menu", mn.name}, data...)})
}

// announce tells the world that the caller is in a menu, or was.
func (w *walk) announce(kind string, mn *menu) {
	if w.m.deps.Events == nil {
		return
	}
	w.m.deps.Events.Publish(core.Notice{Type: kind, Time: time.Now(), CallID: w.s.CallID(), LegID: w.s.ID(), Data: map[string]any{"menu": mn.name}})
}
