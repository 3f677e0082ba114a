package voicemail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// leave takes a message for a user.
func (c *caller) leave(ctx context.Context, u core.User) error {
	k, err := c.greet(ctx, u)
	switch {
	case err != nil:
		return err
	case k.is(c.p.LoginKey):
		return c.check(ctx, u.ID, false, false)
	case k.is(c.p.OperatorKey):
		return finished(c.transfer(c.operator(u)))
	case k.is(c.p.VmainKey):
		return finished(c.transfer(c.p.VmainExtension))
	}
	id, err := c.takeMessage(ctx, u)
	if id != "" {
		c.delivered(id)
	}
	if err == nil && !expand.IsTrue(c.s.Var("voicemail_skip_goodbye")) {
		err = c.tell(ctx, "voicemail_goodbye", "")
	}
	return finished(err)
}

func (c *caller) operator(u core.User) string {
	if place := c.variable(u, "vm_operator_extension", "vm-operator-extension"); place != "" {
		return place
	}
	return c.p.OperatorExtension
}

// greet plays the greeting and what to do; a key that means nothing begins it
// again, one that leads away is returned.
func (c *caller) greet(ctx context.Context, u core.User) (key, error) {
	if expand.IsTrue(c.s.Var("skip_greeting")) && expand.IsTrue(c.variable(u, "skip_instructions", "vm-skip-instructions")) {
		return 0, nil
	}
	for range c.p.MaxRetries {
		k, err := c.greeting(ctx, u)
		if err == nil && k == 0 && !expand.IsTrue(c.variable(u, "skip_instructions", "vm-skip-instructions")) {
			k, err = c.say(ctx, "voicemail_record_message", "")
		}
		away := k.is(c.p.LoginKey) || k.is(c.p.OperatorKey) || k.is(c.p.VmainKey)
		if err != nil || k == 0 || away || k.is(c.p.SkipGreetingKey) {
			return k, err
		}
	}
	return 0, nil
}

// greeting plays what the caller is greeted with: the call's own greeting, the
// chosen one, the spoken name, or the extension.
func (c *caller) greeting(ctx context.Context, u core.User) (key, error) {
	if expand.IsTrue(c.s.Var("skip_greeting")) {
		return 0, nil
	}
	boxes, o := c.m.boxes, owner(u)
	path := ""
	if n, err := strconv.Atoi(c.s.Var("voicemail_greeting_number")); err == nil && n >= 1 && n <= 9 {
		path = boxes.GreetingPath(o, n)
	} else if path = c.s.Var("voicemail_greeting_path"); path == "" {
		path, _ = boxes.Greeting(o)
	}
	if path != "" {
		k, played, err := c.play(ctx, path)
		if err != nil || k != 0 || played > 0 {
			return k, err
		} // a file that cannot be played: the standard one
	}
	if name, ok := boxes.Name(o); ok {
		k, played, err := c.play(ctx, "file_string://"+name+"!"+c.prompt("vm-not_available"))
		if err != nil || k != 0 || played > 0 {
			return k, err
		}
	}
	who := c.variable(u, "voicemail_alternate_greet_id", "vm-alternate-greet-id")
	if who == "" {
		who = u.ID
	}
	return c.say(ctx, "voicemail_play_greeting", who)
}

// takeMessage records until there is a message that the caller is content
// with, and returns its ID; empty if there is none. It is on disk and listed
// before the caller is asked anything.
func (c *caller) takeMessage(ctx context.Context, u core.User) (id string, err error) {
	for range c.p.MaxRetries {
		msg, err := c.m.boxes.Begin(c.message(u), c.p.limits(u))
		if errors.Is(err, box.ErrFull) {
			c.s.SetVar("voicemail_result", "full")
			return id, c.tell(ctx, "voicemail_disk_quota_exceeded", "")
		}
		if err != nil {
			return id, err
		}
		length, ended, err := c.recordMessage(ctx, msg)
		if length < max(c.p.MinRecordLength, 1) {
			err = errors.Join(err, c.m.boxes.Discard(msg.ID))
			if err != nil {
				return id, err
			}
			if err := c.tell(ctx, "voicemail_ack", "too-small"); err != nil {
				return id, err
			}
			continue
		}
		if id != "" { // the caller wanted this one in place of the one before
			err = errors.Join(err, c.m.boxes.Discard(id))
		}
		id = msg.ID
		if err = errors.Join(err, c.m.boxes.Finish(id, length)); err != nil || ended {
			return id, err
		}
		anew, err := c.review(ctx, u, id)
		if err != nil || !anew {
			return id, err
		}
	}
	return id, nil
}

// message is what is known of a message before it is recorded.
func (c *caller) message(u core.User) box.Message {
	p := c.s.Profile()
	return box.Message{Owner: owner(u), CallID: c.s.CallID(), CallerName: p.CallerIDName, CallerNumber: p.CallerIDNumber}
}

// recordMessage records one message; ended is true when the call is over.
func (c *caller) recordMessage(ctx context.Context, msg box.Message) (length time.Duration, ended bool, err error) {
	if err := c.beep(ctx); err != nil {
		return 0, true, err
	}
	length, _, err = c.record(ctx, c.m.boxes.Path(msg))
	return length, err != nil, err
}

// review lets the caller hear, keep or replace the message, and mark it as
// urgent; anew is true if it shall be replaced. A caller who says nothing keeps it.
func (c *caller) review(ctx context.Context, u core.User, id string) (anew bool, err error) {
	msg, ok := c.m.boxes.Message(id)
	if !ok { // its owner was faster
		return false, nil
	}
	for !expand.IsTrue(c.s.Var("skip_record_check")) {
		k, err := c.menu(ctx, "voicemail_record_file_check", []string{c.p.ListenFileKey, c.p.SaveFileKey, c.p.RecordFileKey}, c.p.OperatorKey)
		switch {
		case err != nil:
			return false, err
		case k.is(c.p.OperatorKey):
			return false, c.transfer(c.operator(u))
		case k.is(c.p.RecordFileKey):
			return true, nil
		}
		if !k.is(c.p.ListenFileKey) {
			break
		}
		if _, _, err := c.play(ctx, c.m.boxes.Path(msg)); err != nil {
			return false, err
		}
	}
	return false, c.askUrgent(ctx, id)
}

func (c *caller) askUrgent(ctx context.Context, id string) error {
	if expand.IsTrue(c.s.Var("skip_record_urgent_check")) || c.p.UrgentKey == "" {
		return nil
	}
	k, err := c.say(ctx, "voicemail_record_urgent_check", c.p.UrgentKey+":"+c.p.TerminatorKey)
	if err == nil && k == 0 {
		k, err = c.wait(ctx)
	}
	if err != nil || !k.is(c.p.UrgentKey) {
		return err
	}
	if err := c.m.boxes.SetUrgent(id, true); err != nil && !errors.Is(err, core.ErrNotFound) {
		return err
	}
	return c.tell(ctx, "voicemail_ack", "marked-urgent")
}

// delivered tells of a message that has been left; the call may be over.
func (c *caller) delivered(id string) {
	msg, ok := c.m.boxes.Message(id)
	if !ok {
		return
	}
	path := c.m.boxes.Path(msg)
	c.s.SetVar("voicemail_message_id", id)
	c.s.SetVar("voicemail_message_len", strconv.FormatInt(int64(msg.Length.Seconds()), 10))
	c.s.SetVar("voicemail_file_path", path)
	c.s.SetVar("voicemail_account", msg.Owner.User)
	c.s.SetVar("voicemail_domain", msg.Owner.Domain)
	c.s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "message left", Data: []any{
		"mailbox", msg.Owner.String(), "message", id, "length_ms", msg.Length.Milliseconds(), "file", filepath.Base(path),
	}})
	c.m.tell("voicemail.left", msg, c.s)
	c.copies(msg)
	c.mail(msg) // last: it may be the end of the message
}

// copies puts a copy into the boxes of vm_cc: USER@DOMAIN, separated by commas.
func (c *caller) copies(msg box.Message) {
	for name := range strings.SplitSeq(c.s.Var("vm_cc"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		id, domain, _ := strings.Cut(name, "@")
		if err := c.copyTo(msg, domain, id); err != nil {
			c.s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "message not copied", Data: []any{"mailbox", name, "err", err.Error()}})
		}
	}
}

func (c *caller) copyTo(msg box.Message, domain, id string) error {
	u, ok := c.m.user(domain, id)
	if !ok {
		return fmt.Errorf("%q: %w", id, errNoBox)
	}
	path := c.m.boxes.Path(msg)
	msg.Owner = owner(u)
	copied, err := c.m.boxes.Inject(msg, path, c.p.limits(u))
	if err == nil {
		c.m.tell("voicemail.left", copied, c.s)
		c.mail(copied)
	}
	return err
}

// mail spools the letters about a message; one that cannot be written is told
// and costs nothing else.
func (c *caller) mail(msg box.Message) {
	if err := c.m.mail(c.p, msg); err != nil {
		c.m.deps.Log.Error("message not mailed", "aor", msg.Owner.String(), "err", err)
		c.s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "message not mailed", Data: []any{"message", msg.ID, "err", err.Error()}})
	}
}
