// Package journal keeps what happened to each call, and why.
//
//	Note ─► a ring per live call ── End ─► writer (Run) ─► segment files + index in the store
//	              └────────────── Entries ◄──────────────────────┘
//
// Noting never blocks: it takes a lock held for a map access and one of the
// call's own ring. No text is made before somebody reads or the call has ended.
// What is kept is bounded in every direction: bytes per call, calls in memory,
// bytes and age on disk. The writer is the one goroutine here.
package journal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

// Config of a Journal; fields that are zero have the default in their comment.
type Config struct {
	Dir      string        // of the segment files, made if it is not there
	MaxBytes int64         // of all segments; 1 GB
	MaxAge   time.Duration // of ended calls; 7 days
	// KeepOneIn keeps, under load, one good call in so many; 1: all of them.
	// Failed calls are always kept.
	KeepOneIn int
	// MaxLive is how many calls that have not ended are in memory at most; 10000,
	// some 20 kB each, 32 kB at most. The oldest makes room: it goes to disk as if
	// it had ended. As many ended calls may wait for a disk that is ill.
	MaxLive int
	// Linger is how long the writer waits after a call's end for what comes late,
	// such as the answer to BYE; 5 s. Negative: not at all.
	Linger time.Duration
	Log    *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxBytes <= 0 {
		c.MaxBytes = 1e9
	}
	if c.MaxAge <= 0 {
		c.MaxAge = 7 * 24 * time.Hour
	}
	c.KeepOneIn = max(c.KeepOneIn, 1)
	if c.MaxLive <= 0 {
		c.MaxLive = 10_000
	}
	if c.Linger == 0 {
		c.Linger = 5 * time.Second
	}
	c.Linger = max(c.Linger, 0)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Journal keeps the journals of all calls. All methods are safe for concurrent use.
type Journal struct {
	// Immutable after New.
	cfg    Config
	index  *index
	coder  coder
	endeds chan struct{} // holds a token after a call ended

	// Guarded by mu.
	mu    sync.Mutex
	calls map[core.CallID]*call // until they are on disk
	given int64                 // chapter number of the latest call
	live  queue                 // those that have not ended, oldest first
	ended queue                 // those that have, oldest first
	past  past                  // those that are on disk, lately
	stats Stats
}

// call is the journal of a call in memory.
type call struct {
	// Immutable.
	id       core.CallID
	chapter  int64 // unique in this journal
	previous *call // of the same call, on its way to disk; or nil

	// Guarded by Journal.mu.
	endedAt time.Time // zero while it lives
	failed  bool
	gone    bool // written or dropped

	// Guarded by mu.
	mu   sync.Mutex
	ring ring
	shut bool // nothing is added any more: the writer has it
}

// Stats are the figures of a Journal.
type Stats struct {
	Live    int    // calls in memory that have not ended
	Waiting int    // ended calls that are not on disk yet
	Written uint64 // since start, like all below
	Sampled uint64 // good calls not kept under load
	Dropped uint64 // calls lost because the disk did not take them
	Evicted uint64 // calls that never ended, put away to make room
	Errors  uint64 // failed attempts of the disk or the store
	Bytes   int64  // of the segments on disk
}

var _ core.Journal = (*Journal)(nil)

// New brings the index up to date and looks at the segments of former runs.
// The error names the folder or the table.
func New(db *store.DB, cfg Config) (*Journal, error) {
	cfg = cfg.withDefaults()
	j := &Journal{cfg: cfg, endeds: make(chan struct{}, 1), calls: map[core.CallID]*call{}, given: time.Now().UnixNano()}
	var err error
	if j.coder, err = newCoder(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if j.index, err = openIndex(db, cfg.Dir, cfg.Log); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return j, nil
}

func newCoder() (coder, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return coder{}, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlob))
	if err != nil {
		return coder{}, err
	}
	return coder{enc, dec}, nil
}

// Note adds an entry to a call's journal. It never blocks. The entry's data
// and raw bytes are read later and must not be changed any more.
func (j *Journal) Note(id core.CallID, e core.JournalEntry) {
	if id == "" {
		return
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	for {
		c := j.call(id, e.At)
		c.mu.Lock()
		if !c.shut {
			c.ring.add(e)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		j.replace(c, e.At) // the writer has it: what comes late is another chapter
	}
}

// call returns the journal of a call; a new one for a new call.
func (j *Journal) call(id core.CallID, now time.Time) *call {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.calls[id]
	if c == nil {
		c = j.begin(id, now, nil)
	}
	return c
}

// begin makes a journal. The caller holds mu.
func (j *Journal) begin(id core.CallID, now time.Time, previous *call) *call {
	if previous != nil && previous.previous != nil && previous.previous.gone {
		previous.previous = nil // its ring may go
	}
	j.given++
	c := &call{id: id, chapter: j.given, previous: previous}
	j.calls[id] = c
	if previous != nil || j.past.has(id) {
		// After the end: no second End will come.
		j.end(c, now, false)
		return c
	}
	if j.live.len() >= j.cfg.MaxLive {
		if oldest := j.live.pop(); oldest != nil {
			j.stats.Evicted++
			j.end(oldest, now, false)
		}
	}
	j.live.push(c)
	return c
}

// replace makes room for a new journal of a call whose last one is shut.
func (j *Journal) replace(c *call, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.calls[c.id] == c {
		j.begin(c.id, now, c)
	}
}

// End says that the call's last channel ended. Later entries are still taken.
func (j *Journal) End(id core.CallID, failed bool) {
	j.mu.Lock()
	c := j.calls[id]
	if c != nil {
		j.end(c, time.Now(), failed)
	}
	j.mu.Unlock()
}

// end queues a call for the writer, once. The caller holds mu.
func (j *Journal) end(c *call, now time.Time, failed bool) {
	c.failed = c.failed || failed
	if !c.endedAt.IsZero() {
		return
	}
	c.endedAt = now
	j.live.remove(c)
	j.ended.push(c)
	if j.ended.len() > j.cfg.MaxLive {
		j.stats.Dropped++
		j.forget(j.ended.popWorst())
	}
	select {
	case j.endeds <- struct{}{}:
	default:
	}
}

// forget takes a call out of memory. The caller holds mu.
func (j *Journal) forget(c *call) {
	c.gone = true
	if j.calls[c.id] == c {
		delete(j.calls, c.id)
	}
	j.past.add(c.id)
}

// Stats returns the figures.
func (j *Journal) Stats() Stats {
	bytes := j.index.bytes()
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Live, s.Waiting, s.Bytes = j.live.len(), j.ended.len(), bytes
	return s
}

func (j *Journal) count(change func(*Stats)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.stats)
}

// Entries returns what is known of a call, live or ended, in the order of
// time; core.ErrNotFound if that is nothing. It may block on the disk and the
// store, never on calls.
func (j *Journal) Entries(ctx context.Context, id core.CallID) ([]Entry, error) {
	// Memory first: what goes to disk meanwhile is found twice, not missed.
	var present []chapter
	for _, c := range j.present(id) {
		present = append(present, c.copy())
	}
	entries, err := j.index.read(ctx, &j.coder, id, present)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("journal: call %q: %w", id, core.ErrNotFound)
	}
	return entries, nil
}

// present returns the chapters of a call that are in memory.
func (j *Journal) present(id core.CallID) []*call {
	j.mu.Lock()
	defer j.mu.Unlock()
	var list []*call
	for c := j.calls[id]; c != nil; c = c.previous {
		if !c.gone {
			list = append(list, c)
		}
	}
	return list
}

// copy returns what is noted so far.
func (c *call) copy() chapter {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.content()
}

// content copies the ring. The caller holds c.mu.
func (c *call) content() chapter {
	head, tail := c.ring.entries()
	return chapter{call: c.id, number: c.chapter, head: head, tail: tail, dropped: c.ring.dropped}
}
