package cdr

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tandemswitch/tandem/core"
)

const (
	// spoolBatch is how many records one sync covers at most.
	spoolBatch = 256
	// spoolGather lets the records of calls that end together share one sync.
	spoolGather = 10 * time.Millisecond
	// lastTries is how often the rest is tried at the end of Run.
	lastTries = 5
	// importTimeout ends a statement of a database that does not answer.
	importTimeout = 30 * time.Second
)

// runSpooler brings records from memory to disk until ctx is done.
func (r *Records) runSpooler(ctx, work context.Context) error {
	pause := r.retry
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		queued := r.queued
		if pause.now > 0 {
			queued = nil // the timer decides
		}
		select {
		case <-queued:
			gather(spoolGather, ctx.Done())
		case <-timer.C:
		case <-ctx.Done():
			return r.spoolRest(work)
		}
		if err := r.spoolRound(work); err != nil {
			if pause.now == 0 {
				r.log.Error("cdr not written, will be retried", "err", err, "count", r.Stats().Queued)
			}
			timer.Reset(pause.next())
		} else if pause.reset() {
			r.log.Info("cdrs are written again")
		}
	}
}

// spoolRest is the last attempt: what is in memory now has no other place.
func (r *Records) spoolRest(work context.Context) error {
	pause := r.retry
	for try := 1; ; try++ {
		err := r.spoolRound(work)
		if err == nil {
			r.spool.end()
			return nil
		}
		if try == lastTries {
			r.spool.end()
			return fmt.Errorf("cdr: %d records lost: %w", r.Stats().Queued, err)
		}
		<-time.After(pause.next())
	}
}

// spoolRound writes batches until the queue is empty. Where the disk refuses,
// the database may take the records at once.
func (r *Records) spoolRound(work context.Context) error {
	for {
		batch := r.peek()
		if len(batch) == 0 {
			return nil
		}
		items := make([]Item, len(batch))
		var lines []byte
		for i, rec := range batch {
			items[i] = newItem(rec)
			line, err := json.Marshal(items[i].wire())
			if err != nil {
				return fmt.Errorf("leg %s: %w", rec.LegID, err) // strings and numbers only: cannot be
			}
			lines = append(append(lines, line...), '\n')
		}
		if err := r.spool.append(lines); err != nil {
			r.count(func(s *Stats) { s.Errors++ })
			if insertErr := r.importDirectly(work, items); insertErr != nil {
				return fmt.Errorf("spool: %w; database: %w", err, insertErr)
			}
		}
		r.dequeue(len(batch))
	}
}

func (r *Records) importDirectly(work context.Context, items []Item) error {
	ctx, cancel := context.WithTimeout(work, importTimeout)
	defer cancel()
	fresh, err := r.insert(ctx, items)
	r.count(func(s *Stats) {
		if err != nil {
			s.Errors++
		}
		s.Imported += uint64(fresh)
	})
	return err
}

// peek returns the oldest records of the queue and leaves them there.
func (r *Records) peek() []core.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue[:min(len(r.queue), spoolBatch)]
}

// dequeue frees the slots of the oldest n records.
func (r *Records) dequeue(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.queue[:n]) // the maps may go
	r.queue = r.queue[n:]
	if len(r.queue) == 0 {
		r.queue = nil
	}
}
