package voicemail

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/core"
)

// folder plays the messages of one state from the first to the last; the owner
// goes back and forth, and may leave at any time.
func (c *caller) folder(ctx context.Context, o core.AOR, state box.State) error {
	list := c.m.boxes.Messages(o, state)
	if state == box.StateNew && c.p.NewestFirst || state == box.StateSaved && c.p.NewestSavedFirst {
		slices.Reverse(list)
	}
	for i := 0; i < len(list); {
		msg, ok := c.m.boxes.Message(list[i].ID)
		if !ok || msg.State == box.StateDeleted && i == 0 && len(list) == 1 {
			i++
			continue
		}
		move, err := c.hear(ctx, msg, string(state)+":"+strconv.Itoa(i+1))
		if err != nil || move == leaveFolder {
			return err
		}
		i = max(0, i+move)
	}
	_, _, err := c.play(ctx, c.prompt("vm-no_more_messages"))
	return err
}

// leaveFolder is a move out of the folder; others count messages.
const leaveFolder = 1 << 30

// hear plays one message with its envelope and does what the owner wants with
// it. It returns how far to go on in the folder. A message that was heard is
// saved, unless it was deleted or the call ended before.
func (c *caller) hear(ctx context.Context, msg box.Message, number string) (move int, err error) {
	k, err := c.envelope(ctx, msg, number)
	if err == nil && (k == 0 || k.is(c.p.SkipInfoKey)) {
		k, err = c.listen(ctx, msg)
	}
	if err == nil && k == 0 && c.p.PlayDate == "last" {
		k, err = c.date(ctx, msg)
	}
	if err != nil {
		return 0, err
	}
	c.ahead = k
	k, err = c.menu(ctx, "voicemail_listen_file_check", []string{c.p.ListenFileKey, c.p.SaveFileKey, c.p.DeleteFileKey, ""},
		c.p.RepeatKey, c.p.NextKey, c.p.PreviousKey, c.p.TerminatorKey)
	if err != nil {
		return 0, errors.Join(err, c.file(msg, box.StateSaved))
	}
	first := number[len(number)-2:] == ":1"
	switch {
	case k.is(c.p.RepeatKey):
		return 0, nil
	case k.is(c.p.PreviousKey) && !first:
		return -1, c.file(msg, box.StateSaved)
	case k.is(c.p.ListenFileKey), k.is(c.p.PreviousKey):
		return 0, nil
	case k.is(c.p.DeleteFileKey):
		return 1, c.remove(ctx, msg)
	case k.is(c.p.SaveFileKey):
		if err := c.file(msg, box.StateSaved); err != nil {
			return 0, err
		}
		return 1, c.tell(ctx, "voicemail_ack", "saved")
	case k.is(c.p.TerminatorKey):
		return leaveFolder, c.file(msg, box.StateSaved)
	default: // next, or nothing
		return 1, c.file(msg, box.StateSaved)
	}
}

// remove deletes a message, or keeps it after all if it was deleted in this call.
func (c *caller) remove(ctx context.Context, msg box.Message) error {
	to, ack := box.StateDeleted, "deleted"
	if now, ok := c.m.boxes.Message(msg.ID); ok && now.State == box.StateDeleted {
		to, ack = box.StateSaved, "undeleted"
	}
	if err := c.move(msg, to); err != nil {
		return err
	}
	return c.tell(ctx, "voicemail_ack", ack)
}

// file saves a message that is new.
func (c *caller) file(msg box.Message, to box.State) error {
	if now, ok := c.m.boxes.Message(msg.ID); !ok || now.State != box.StateNew {
		return nil
	}
	return c.move(msg, to)
}

func (c *caller) move(msg box.Message, to box.State) error {
	err := c.m.boxes.SetState(msg.ID, to)
	if errors.Is(err, core.ErrNotFound) { // somebody else deleted it meanwhile
		return nil
	}
	if err == nil && to == box.StateSaved && msg.State == box.StateNew {
		c.m.tell("voicemail.read", msg, c.s)
	}
	return err
}

// envelope tells a message's number, caller and date.
func (c *caller) envelope(ctx context.Context, msg box.Message, number string) (key, error) {
	k, err := c.say(ctx, "voicemail_say_message_number", number)
	if err != nil || k != 0 {
		return k, err
	}
	if k, err = c.say(ctx, "voicemail_say_phone_number", msg.CallerNumber); err != nil || k != 0 {
		return k, err
	}
	if c.p.PlayDate != "first" {
		return 0, nil
	}
	return c.date(ctx, msg)
}

func (c *caller) date(ctx context.Context, msg box.Message) (key, error) {
	return c.say(ctx, "voicemail_say_date", strconv.FormatInt(msg.Created.Unix(), 10))
}

const (
	// windBy is how far the keys for forward and back go.
	windBy = 3 * time.Second
	// longestPause bounds how long a message stays halted.
	longestPause = 5 * time.Minute
)

// listen plays the message itself; a key without a meaning for the playback
// ends it and is returned.
func (c *caller) listen(ctx context.Context, msg box.Message) (key, error) {
	path := c.m.boxes.Path(msg)
	for at := time.Duration(0); ; {
		k, played, err := c.play(ctx, path+"@@"+strconv.FormatInt(samples(at, c.s.SampleRateHz()), 10))
		if err != nil || k == 0 {
			return k, err
		}
		at += played
		switch {
		case k.is(c.p.RestartKey):
			at = 0
		case k.is(c.p.FastForwardKey):
			if at += windBy; at >= msg.Length {
				return 0, nil
			}
		case k.is(c.p.RewindKey):
			at = max(0, at-windBy)
		case k.is(c.p.PauseKey):
			if _, _, err := c.s.Digit(ctx, longestPause); err != nil {
				return 0, err
			}
		default:
			return k, nil
		}
	}
}
