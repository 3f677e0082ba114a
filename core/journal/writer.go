package journal

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	// batchCalls are written at once: one write and one transaction.
	batchCalls = 128
	// loadBacklog of ended calls is load: more than a second's worth on a machine
	// that keeps up.
	loadBacklog = 256
	// keepEvery is how often retention looks at ages.
	keepEvery = time.Minute
	// storeTimeout ends a statement of a database that does not answer.
	storeTimeout = 30 * time.Second
	// retryFirst and retryMost are the pauses after an error.
	retryFirst = 100 * time.Millisecond
	retryMost  = 30 * time.Second
)

// writer is the state of Run. Owned by Run.
type writer struct {
	j       *Journal
	out     *os.File // nil: the next batch begins a segment
	number  int64    // of the segment
	size    int64
	opened  time.Time
	good    int // good calls that ended under load, to keep one in N
	pause   time.Duration
	pending []blobRow // written and not yet in the index
	carried []*call   // their calls
}

// Run writes the journals of ended calls until ctx is done, then all that are in
// memory, and returns. The error says how many it could not write.
func (j *Journal) Run(ctx context.Context) error {
	// A write that began is finished; statements have a limit of their own.
	work := context.WithoutCancel(ctx)
	w := &writer{j: j}
	defer w.closeSegment()
	timer := time.NewTimer(0)
	defer timer.Stop()
	keep := time.NewTicker(keepEvery)
	defer keep.Stop()
	for {
		endeds := j.endeds
		if w.pause > 0 {
			endeds = nil // the timer decides
		}
		select {
		case <-endeds:
		case <-timer.C:
		case now := <-keep.C:
			w.keep(work, now)
			continue
		case <-ctx.Done():
			return w.finish(work)
		}
		timer.Reset(w.round(work, time.Now()))
	}
}

// round writes what is due and returns when the next call is.
func (w *writer) round(work context.Context, now time.Time) time.Duration {
	if err := w.drain(work, now.Add(-w.j.cfg.Linger)); err != nil {
		w.j.count(func(s *Stats) { s.Errors++ })
		if w.pause == 0 {
			w.j.cfg.Log.Error("journal not written, will be retried", "err", err)
		}
		w.pause = min(max(2*w.pause, retryFirst), retryMost)
		return w.pause
	}
	if w.pause > 0 {
		w.pause = 0
		w.j.cfg.Log.Info("journals are written again")
	}
	w.j.mu.Lock()
	defer w.j.mu.Unlock()
	if c := w.j.ended.front(); c != nil {
		return max(c.endedAt.Add(w.j.cfg.Linger).Sub(now), time.Millisecond)
	}
	return keepEvery
}

// finish ends all calls and writes them.
func (w *writer) finish(work context.Context) error {
	all := time.Now().Add(time.Hour)
	for {
		err := w.drain(work, all)
		if err != nil {
			err = w.drain(work, all) // in a new segment
		}
		if err != nil {
			s := w.j.Stats()
			return fmt.Errorf("journal: %d calls not written: %w", s.Waiting+s.Live+len(w.carried), err)
		}
		if !w.endSome() {
			return nil
		}
	}
}

// endSome ends a batch of the calls that nobody ended; false if there is none.
func (w *writer) endSome() bool {
	j := w.j
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for c := j.live.front(); c != nil && n < batchCalls; c = j.live.front() {
		j.end(c, time.Now(), false)
		n++
	}
	return n > 0
}

// drain writes the calls that ended until a moment, in batches.
func (w *writer) drain(work context.Context, until time.Time) error {
	for {
		if err := w.commit(work); err != nil { // of a batch that the store refused
			return err
		}
		batch := w.take(until)
		if len(batch) == 0 {
			return nil
		}
		if err := w.write(batch); err != nil {
			w.giveBack(batch)
			return err
		}
		if w.size >= w.j.segmentBytes() {
			w.closeSegment()
			w.keep(work, time.Now())
		}
	}
}

// take chooses the next calls to be written. Under load, good calls are left
// out but for one in N.
func (w *writer) take(until time.Time) []*call {
	j := w.j
	j.mu.Lock()
	defer j.mu.Unlock()
	loaded := j.cfg.KeepOneIn > 1 && j.due(until, loadBacklog)
	var batch []*call
	for c := j.ended.front(); c != nil && !c.endedAt.After(until) && len(batch) < batchCalls; c = j.ended.front() {
		j.ended.remove(c)
		if loaded && !c.failed {
			if w.good++; w.good%j.cfg.KeepOneIn != 0 {
				j.stats.Sampled++
				j.forget(c)
				continue
			}
		}
		batch = append(batch, c)
	}
	return batch
}

// due reports whether at least n calls ended until a moment. The caller holds mu.
func (j *Journal) due(until time.Time, n int) bool {
	if j.ended.len() < n {
		return false
	}
	for e := j.ended.order.Front(); e != nil && n > 0; e = e.Next() {
		if e.Value.(*call).endedAt.After(until) {
			return false
		}
		n--
	}
	return n == 0
}

// giveBack queues calls again, before all others. More may be noted meanwhile.
func (w *writer) giveBack(batch []*call) {
	for _, c := range batch {
		c.mu.Lock()
		c.shut = false
		c.mu.Unlock()
	}
	j := w.j
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range slices.Backward(batch) {
		j.ended.pushFront(c)
	}
}

// write appends the blobs of a batch to the segment. What comes for these calls
// from now on begins a new chapter.
func (w *writer) write(batch []*call) error {
	now := time.Now()
	if err := w.openSegment(now); err != nil {
		return err
	}
	var frames []byte
	rows := make([]blobRow, 0, len(batch))
	for _, c := range batch {
		w.j.mu.Lock()
		endedAt, failed := c.endedAt, c.failed
		w.j.mu.Unlock()
		c.mu.Lock()
		c.shut = true
		ch := c.content()
		c.mu.Unlock()
		if ch.len() == 0 {
			continue
		}
		blob, err := w.j.coder.pack(&ch)
		if err != nil {
			return fmt.Errorf("call %s: %w", c.id, err)
		}
		rows = append(rows, blobRow{
			Node: w.j.index.name, CallID: string(c.id), Chapter: c.chapter, Segment: w.number, Offset: w.size + int64(len(frames)), Bytes: int64(len(blob)),
			StartedNS: ch.start().UnixNano(), EndedNS: endedAt.UnixNano(), Failed: failed, Entries: ch.len(),
		})
		frames = appendFrame(frames, blob)
	}
	if _, err := w.out.Write(frames); err != nil {
		w.closeSegment() // it may end in half a blob; the next try begins another
		return err
	}
	w.size += int64(len(frames))
	w.j.index.grow(w.number, int64(len(frames)), now)
	w.pending, w.carried = rows, batch
	return nil
}

// commit makes the written batch known and lets its calls go from memory.
func (w *writer) commit(work context.Context) error {
	if len(w.carried) == 0 {
		return nil
	}
	if len(w.pending) > 0 {
		ctx, cancel := context.WithTimeout(work, storeTimeout)
		defer cancel()
		if err := w.j.index.insert(ctx, w.pending); err != nil {
			return err
		}
	}
	w.j.mu.Lock()
	defer w.j.mu.Unlock()
	for _, c := range w.carried {
		w.j.forget(c)
	}
	w.j.stats.Written += uint64(len(w.pending))
	w.pending, w.carried = nil, nil
	return nil
}

func (w *writer) openSegment(now time.Time) error {
	if w.out != nil {
		return nil
	}
	number := w.j.index.next()
	out, err := os.OpenFile(w.j.index.path(number), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w.out, w.number, w.size, w.opened = out, number, 0, now
	w.j.index.grow(number, 0, now)
	return nil
}

func (w *writer) closeSegment() {
	if w.out == nil {
		return
	}
	err := w.out.Sync()
	if closeErr := w.out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		w.j.cfg.Log.Warn("journal segment not closed well", "err", err)
	}
	w.out, w.number = nil, 0
}

// keep is retention. A segment is closed once it covers so much time that its
// oldest calls would overstay with it.
func (w *writer) keep(work context.Context, now time.Time) {
	if w.out != nil && now.Sub(w.opened) > w.j.cfg.MaxAge/16 {
		w.closeSegment()
	}
	ctx, cancel := context.WithTimeout(work, storeTimeout)
	defer cancel()
	if err := w.j.index.expire(ctx, &w.j.cfg, w.number, now); err != nil {
		w.j.count(func(s *Stats) { s.Errors++ })
		w.j.cfg.Log.Error("journal segment not removed", "err", err)
	}
}

// segmentBytes is the size of a segment: small enough that retention takes
// little at a time.
func (j *Journal) segmentBytes() int64 { return min(max(j.cfg.MaxBytes/32, 4096), 64<<20) }
