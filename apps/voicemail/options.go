package voicemail

import (
	"context"
	"errors"
	"os"
	"strconv"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/core"
)

// options is the menu of greetings, name and PIN.
func (c *caller) options(ctx context.Context, o core.AOR) error {
	if err := c.m.boxes.Prepare(o); err != nil {
		return err
	}
	for {
		k, err := c.menu(ctx, "voicemail_config_menu",
			[]string{c.p.RecordGreetingKey, c.p.ChooseGreetingKey, c.p.RecordNameKey, c.p.ChangePassKey, c.p.MainMenuKey})
		switch {
		case err != nil:
			return err
		case k.is(c.p.RecordGreetingKey):
			err = c.recordGreeting(ctx, o)
		case k.is(c.p.ChooseGreetingKey):
			err = c.chooseGreeting(ctx, o)
		case k.is(c.p.RecordNameKey):
			err = c.recordName(ctx, o)
		case k.is(c.p.ChangePassKey):
			err = c.changePIN(ctx, o)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// greetingNumber asks which greeting; false if the owner did not say.
func (c *caller) greetingNumber(ctx context.Context) (int, bool, error) {
	k, err := c.say(ctx, "voicemail_choose_greeting", "")
	if err == nil && k == 0 {
		k, err = c.wait(ctx)
	}
	if err != nil || k < '0' || k > '9' {
		return 0, false, err
	}
	return int(k - '0'), true, nil
}

func (c *caller) recordGreeting(ctx context.Context, o core.AOR) error {
	n, ok, err := c.greetingNumber(ctx)
	if err != nil {
		return err
	}
	if !ok || n == 0 { // the standard one is not recorded
		return c.tell(ctx, "voicemail_choose_greeting_fail", "")
	}
	kept, err := c.recordDraft(ctx, o, "voicemail_record_greeting", c.m.boxes.GreetingPath(o, n))
	if err != nil || !kept {
		return err
	}
	if err := c.m.boxes.ChooseGreeting(o, n); err != nil {
		return err
	}
	return c.tell(ctx, "voicemail_greeting_selected", strconv.Itoa(n))
}

func (c *caller) chooseGreeting(ctx context.Context, o core.AOR) error {
	n, ok, err := c.greetingNumber(ctx)
	if err != nil {
		return err
	}
	if !ok {
		return c.tell(ctx, "voicemail_choose_greeting_fail", "")
	}
	err = c.m.boxes.ChooseGreeting(o, n)
	if errors.Is(err, box.ErrNoGreeting) {
		return c.tell(ctx, "voicemail_choose_greeting_fail", "")
	}
	if err != nil {
		return err
	}
	return c.tell(ctx, "voicemail_greeting_selected", strconv.Itoa(n))
}

func (c *caller) recordName(ctx context.Context, o core.AOR) error {
	kept, err := c.recordDraft(ctx, o, "voicemail_record_name", c.m.boxes.NamePath(o))
	if err != nil || !kept {
		return err
	}
	_, _, err = c.playUntil(ctx, c.prompt("vm-saved"), "")
	return err
}

// recordDraft records beside the file's place and puts it there when the owner
// is content; until then, and if the call ends, the old one stays.
func (c *caller) recordDraft(ctx context.Context, o core.AOR, macro, place string) (kept bool, err error) {
	draft := c.m.boxes.DraftPath(o)
	defer func() { _ = os.Remove(draft) }() // it is gone if it was kept; else the next start removes it
	for range c.p.MaxRetries {
		if err := c.tell(ctx, macro, ""); err != nil {
			return false, err
		}
		if err := c.beep(ctx); err != nil {
			return false, err
		}
		length, _, err := c.record(ctx, draft)
		if err != nil {
			return false, err
		}
		if length == 0 {
			if _, _, err := c.playUntil(ctx, c.prompt("vm-nothing_recorded"), ""); err != nil {
				return false, err
			}
			continue
		}
		anew, keep, err := c.reviewDraft(ctx, draft)
		switch {
		case err != nil:
			return false, err
		case keep:
			return true, c.m.boxes.Keep(draft, place)
		case !anew:
			return false, nil
		}
	}
	return false, nil
}

func (c *caller) reviewDraft(ctx context.Context, draft string) (anew, keep bool, err error) {
	for {
		k, err := c.menu(ctx, "voicemail_record_file_check", []string{c.p.ListenFileKey, c.p.SaveFileKey, c.p.RecordFileKey})
		if err != nil || !k.is(c.p.ListenFileKey) {
			return k.is(c.p.RecordFileKey), k.is(c.p.SaveFileKey), err
		}
		if _, _, err := c.play(ctx, draft); err != nil {
			return false, false, err
		}
	}
}

// changePIN asks twice for a new PIN.
func (c *caller) changePIN(ctx context.Context, o core.AOR) error {
	for range c.p.MaxRetries {
		pin, err := c.enter(ctx, "voicemail_enter_new_pass")
		if err != nil || pin == "" { // changed their mind
			return err
		}
		problem := ""
		switch {
		case !digitsOnly(pin):
			problem = "voicemail_change_pass_fail"
		case len(pin) < c.p.MinPINLength:
			problem = "voicemail_change_pass_too_short"
		case c.p.SecurePIN && box.Guessable(pin, o.User):
			problem = "voicemail_change_pass_not_secure"
		default:
			again, err := c.enter(ctx, "voicemail_enter_new_pass_again")
			if err != nil {
				return err
			}
			if again == pin {
				if err := c.m.boxes.SetPIN(o, pin); err != nil {
					return err
				}
				return c.tell(ctx, "voicemail_change_pass_success", "")
			}
			problem = "voicemail_change_pass_differ"
		}
		if err := c.tell(ctx, problem, ""); err != nil {
			return err
		}
	}
	return nil
}

func digitsOnly(text string) bool {
	for _, r := range text {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
