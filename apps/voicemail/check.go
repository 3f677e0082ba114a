package voicemail

import (
	"context"
	"strconv"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/core"
)

// check lets an owner into the box and through its menus.
func (c *caller) check(ctx context.Context, id string, authorized, loginOnly bool) error {
	u, ok, err := c.login(ctx, id, authorized)
	if err != nil {
		return err
	}
	if !ok {
		return c.tell(ctx, "voicemail_goodbye", "")
	}
	if loginOnly {
		c.s.SetVar("voicemail_authorized", "true")
		c.s.SetVar("voicemail_account", u.ID)
		return nil
	}
	defer c.purge(owner(u)) // also when the call ends in the middle
	if err := c.mainMenu(ctx, u); err != nil {
		return finished(err)
	}
	return c.tell(ctx, "voicemail_goodbye", "")
}

// purge makes final what was deleted during the call.
func (c *caller) purge(o core.AOR) {
	for _, msg := range c.m.boxes.Purge(o) {
		c.m.tell("voicemail.deleted", msg, c.s)
	}
}

// login asks for extension and PIN. Whether an extension exists is not told
// before a PIN was entered.
func (c *caller) login(ctx context.Context, id string, authorized bool) (core.User, bool, error) {
	var err error
	if c.ahead, err = c.say(ctx, "voicemail_hello", ""); err != nil {
		return core.User{}, false, err
	}
	asked := id == ""
	for range c.p.MaxLoginAttempts {
		if asked {
			if id, err = c.enter(ctx, "voicemail_enter_id"); err != nil {
				return core.User{}, false, err
			}
		}
		u, known := c.m.user(c.domain, id)
		if authorized && known {
			return u, true, nil
		}
		pin, err := c.enter(ctx, "voicemail_enter_pass")
		if err != nil {
			return core.User{}, false, err
		}
		verdict := box.Wrong
		if known && pin != "" { // silence is no attempt
			verdict = c.m.boxes.CheckPIN(owner(u), pin, u.Params["vm-password"])
		}
		macro := "voicemail_fail_auth"
		switch verdict {
		case box.Right:
			return u, true, nil
		case box.Locked:
			macro = "voicemail_locked"
		case box.Wrong:
		}
		c.s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "mailbox not opened", Data: []any{"mailbox", id, "locked", verdict == box.Locked}})
		if err := c.tell(ctx, macro, ""); err != nil || verdict == box.Locked {
			return core.User{}, false, err
		}
	}
	return core.User{}, false, nil
}

// mainMenu tells what there is, plays what is new and asks what to do. It ends
// when the owner leaves or says nothing any more.
func (c *caller) mainMenu(ctx context.Context, u core.User) error {
	o := owner(u)
	if err := c.counts(ctx, o); err != nil {
		return err
	}
	if c.ahead == 0 && c.m.boxes.Counts(o).New > 0 {
		if err := c.folder(ctx, o, box.StateNew); err != nil {
			return err
		}
	}
	for {
		k, err := c.menu(ctx, "voicemail_menu", []string{c.p.PlayNewKey, c.p.PlaySavedKey, c.p.ConfigMenuKey, c.p.TerminatorKey})
		switch {
		case err != nil:
			return err
		case k.is(c.p.PlayNewKey):
			err = c.folder(ctx, o, box.StateNew)
		case k.is(c.p.PlaySavedKey):
			err = c.folder(ctx, o, box.StateSaved)
		case k.is(c.p.ConfigMenuKey):
			err = c.options(ctx, o)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// counts tells what is in the box; a key ends it and is the first of the menu.
func (c *caller) counts(ctx context.Context, o core.AOR) error {
	n := c.m.boxes.Counts(o)
	for _, folder := range []struct {
		name  string
		count int
		empty bool // told even if there is nothing
	}{{"urgent-new", n.UrgentNew, false}, {"new", n.New, true}, {"saved", n.Saved, true}} {
		if folder.count == 0 && !folder.empty {
			continue
		}
		k, err := c.say(ctx, "voicemail_message_count", strconv.Itoa(folder.count)+":"+folder.name)
		if c.ahead = k; err != nil || k != 0 {
			return err
		}
	}
	return nil
}
