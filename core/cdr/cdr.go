// Package cdr writes the record of each leg exactly once, and never loses it.
//
//	Reserve … Write ─► queue ─► spooler ─► synced spool file ─► importer ─► table cdrs
//
// A call only reserves a slot and hands its record over; it waits neither for
// the disk nor for the database. The spooler and the importer are the two
// goroutines of Run. A record may reach the table by several ways (again after
// a crash, again after an error in the middle): the leg's ID, which is unique
// there, makes it one row.
package cdr

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

// defaultSlots is room for a large switch's channels and for as many records
// that wait while the disk is ill, some 40 MB then.
const defaultSlots = 20_000

// Config of Records.
type Config struct {
	Dir string // of the spool, made if it is not there
	// Slots bounds the live legs and the records that wait for the disk,
	// together; 20000. Beyond it Reserve refuses calls.
	Slots int
	Log   *slog.Logger
}

// Records writes CDRs and finds them again. All methods are safe for
// concurrent use.
type Records struct {
	// Immutable after New.
	db     *store.DB
	log    *slog.Logger
	slots  int
	spool  spool
	insert func(ctx context.Context, items []Item) (fresh int, err error)
	queued chan struct{} // holds a token while records wait
	retry  backoff       // pauses after errors

	// Guarded by mu.
	mu       sync.Mutex
	reserved int
	queue    []core.Record
	over     bool // Run has ended
	stats    Stats
}

// Stats are the figures of Records.
type Stats struct {
	Reserved int    // slots of live legs
	Queued   int    // records in memory only: not yet safe
	Spooled  int64  // bytes on disk that are not in the table yet
	Imported uint64 // rows written since start
	Rejected uint64 // records that the table refused while it took others; they are in rejected.jsonl
	Errors   uint64 // failed attempts of disk and table
}

var _ core.Records = (*Records)(nil)

// New brings the table up to date and finds what a former run left in the
// spool; Run imports that first. The error names the folder or the table.
func New(db *store.DB, cfg Config) (*Records, error) {
	if err := db.Migrate("cdr", migrations()); err != nil {
		return nil, fmt.Errorf("cdr: %w", err)
	}
	r, err := newRecords(cfg, disk(osDisk{}))
	if err != nil {
		return nil, err
	}
	r.db = db
	r.insert = r.insertRows
	return r, nil
}

func newRecords(cfg Config, d disk) (*Records, error) {
	if cfg.Slots <= 0 {
		cfg.Slots = defaultSlots
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cdr: %w", err)
	}
	r := &Records{
		log: cfg.Log, slots: cfg.Slots, queued: make(chan struct{}, 1),
		retry: backoff{first: 100 * time.Millisecond, most: 30 * time.Second},
	}
	if err := r.spool.open(cfg.Dir, d); err != nil {
		return nil, fmt.Errorf("cdr: %w", err)
	}
	return r, nil
}

// Reserve takes the slot of a leg; core.ErrLimit while too many records wait
// for the disk. It does not block.
func (r *Records) Reserve() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if used := r.reserved + len(r.queue); used >= r.slots {
		return fmt.Errorf("cdr: all %d slots in use, %d records not written: %w", r.slots, len(r.queue), core.ErrLimit)
	}
	r.reserved++
	return nil
}

// Cancel gives back the slot of a leg that will have no record.
func (r *Records) Cancel() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reserved = max(r.reserved-1, 0)
}

// Write takes over the record of a reserved slot. It does not block. The
// record's maps and slices are read later and must not be changed any more.
func (r *Records) Write(rec core.Record) {
	r.mu.Lock()
	r.reserved = max(r.reserved-1, 0)
	r.queue = append(r.queue, rec)
	over := r.over
	r.mu.Unlock()
	if over {
		r.log.Error("cdr came after the end and is lost", "call", rec.CallID, "chan", rec.LegID)
	}
	select {
	case r.queued <- struct{}{}:
	default:
	}
}

// Stats returns the figures.
func (r *Records) Stats() Stats {
	spooled := r.spool.waiting()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Reserved, s.Queued, s.Spooled = r.reserved, len(r.queue), spooled
	return s
}

func (r *Records) count(change func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.stats)
}

// Run writes records until ctx is done, then what is left, and returns. The
// sessions must have ended before: what is written later is lost, and logged. An
// error says how many records neither the disk nor the database took.
func (r *Records) Run(ctx context.Context) error {
	// Work that began is finished, whatever ctx says; each step has its own limit.
	work := context.WithoutCancel(ctx)
	spooled := make(chan struct{})
	var importer sync.WaitGroup
	importer.Go(func() { r.runImporter(work, spooled) })
	err := r.runSpooler(ctx, work)
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	close(spooled)
	importer.Wait()
	return err
}

// backoff is how long to wait after the n-th error in a row. It is a value.
type backoff struct{ first, most, now time.Duration }

// next returns the pause after one more error.
func (b *backoff) next() time.Duration {
	b.now = min(max(2*b.now, b.first), b.most)
	return b.now
}

// reset is called after a success; it reports whether there was trouble before.
func (b *backoff) reset() bool {
	was := b.now > 0
	b.now = 0
	return was
}
