package api

import (
	"context"
	"errors"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/event"
)

// ErrBadCursor is what a RecordReader says to a cursor that is not its own.
var ErrBadCursor = errors.New("not a cursor of this list")

// RecordReader reads the CDRs. It may block on the database.
type RecordReader interface {
	// List returns up to q.Limit records, newest first, and the cursor of the
	// next page, empty for the last one. ErrBadCursor for a strange cursor.
	List(ctx context.Context, q RecordQuery) (items []Record, next string, err error)
	// Get returns the record of a leg; core.ErrNotFound if there is none (yet).
	Get(ctx context.Context, leg core.ChannelID) (Record, error)
}

// RecordQuery says which CDRs; zero fields do not narrow.
type RecordQuery struct {
	CallID   core.CallID
	From, To string    // caller's number, destination: whole
	Since    time.Time // ended at or after
	Until    time.Time // ended before
	Cause    string    // the hang-up cause's name
	Cursor   string
	Limit    int
}

// Record is the CDR of one leg as the table has it, secrets masked. Fields
// have the names and meanings of core/cdr's items.
type Record struct {
	CallID     core.CallID
	LegID      core.ChannelID
	Direction  string // inbound, outbound
	From       string
	FromName   string
	To         string
	StartedAt  time.Time
	RingingAt  time.Time // zero if it never came
	AnsweredAt time.Time // the same
	EndedAt    time.Time
	BillSec    int // whole seconds
	Duration   time.Duration
	Cause      string
	Q850       int
	SIPStatus  int
	HungUpBy   string
	Endpoint   string
	Name       string
	Context    string
	Peer       core.ChannelID
	Codec      string
	LastApp    string
	LastArg    string
	Apps       []core.Step
	Media      *Media // without LegID; nil without media
	Variables  map[string]string
}

// JournalReader reads what happened to a call, live or ended. It may block.
type JournalReader interface {
	// Entries returns a call's entries in order; core.ErrNotFound if there are none.
	Entries(ctx context.Context, call core.CallID) ([]core.JournalEntry, error)
}

// EventReader reads the event log; *event.Log is one. It is safe for concurrent use.
type EventReader interface {
	// Read returns up to limit events after the given number, oldest first, and
	// the number to ask after next; it does not wait. event.ErrGone if some of
	// them are not kept any more.
	Read(after uint64, limit int) (events []event.Event, next uint64, err error)
	// Wait returns when there is an event after the given number, or ctx ends.
	Wait(ctx context.Context, after uint64) error
	// Bounds returns the number before the oldest event kept, and the newest's.
	Bounds() (before, last uint64)
}

var _ EventReader = (*event.Log)(nil)
