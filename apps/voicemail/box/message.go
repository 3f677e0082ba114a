package box

import (
	"fmt"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// State is where a message is in its life.
type State string

// A message is recording until the caller is done, then new until its owner
// has heard it, then saved. One that is deleted can be kept again until the
// owner hangs up.
const (
	StateRecording State = "recording"
	StateNew       State = "new"
	StateSaved     State = "saved"
	StateDeleted   State = "deleted"
)

// Message is one message of a box. It is a plain value.
type Message struct {
	ID           string
	Owner        core.AOR
	State        State
	Urgent       bool
	CallerName   string
	CallerNumber string
	CallID       core.CallID
	Created      time.Time
	Heard        time.Time // when it was first heard or marked read; zero while it is new
	Length       time.Duration
}

// listed reports whether the owner sees the message.
func (m Message) listed() bool { return m.State == StateNew || m.State == StateSaved }

// Counts are the figures of a box, as in RFC 3842 §3.5: the urgent messages are
// among the others.
type Counts struct {
	New, Saved             int
	UrgentNew, UrgentSaved int
}

// String is "new/saved (urgent new/urgent saved)", the form of a message
// summary (RFC 3842 §5.2).
func (c Counts) String() string {
	return fmt.Sprintf("%d/%d (%d/%d)", c.New, c.Saved, c.UrgentNew, c.UrgentSaved)
}

func (c *Counts) add(m Message) {
	all, urgent := &c.New, &c.UrgentNew
	switch m.State {
	case StateNew:
	case StateSaved:
		all, urgent = &c.Saved, &c.UrgentSaved
	default:
		return
	}
	*all++
	if m.Urgent {
		*urgent++
	}
}

// Settings are what an owner chose for the box.
type Settings struct {
	Owner       core.AOR
	Greeting    int    // 1 to 9; 0 is the standard one
	PINHash     string // of the PIN that the owner chose; empty before
	Failures    int    // wrong PINs in a row
	LockedUntil time.Time
}
