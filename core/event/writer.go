package event

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	// batchEvents is what one write takes: some 200 kB.
	batchEvents = 512
	// reserveAhead is how far numbers are reserved on disk ahead of their use, so
	// that none is given twice when the switch is killed before the writer wrote.
	reserveAhead = 1 << 16
	// syncEvery bounds what a power cut may take.
	syncEvery = time.Second
	// keepEvery is how often retention looks at ages.
	keepEvery = time.Minute
	// retryFirst and retryMost are the pauses after a disk error.
	retryFirst = 100 * time.Millisecond
	retryMost  = 10 * time.Second
)

// writer is the state of Run. Owned by Run.
type writer struct {
	l        *Log
	out      file // nil: the next batch opens a segment
	opened   time.Time
	reserved uint64
	dirty    bool // written and not synced
	buf      []byte
	pause    time.Duration // after the last error; 0: the disk is well
}

// Run writes events to disk until ctx is done, then what is left, and returns.
// The error says how many events it could not write. Run is called once.
func (l *Log) Run(ctx context.Context) error {
	w := &writer{l: l}
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	retry := time.NewTimer(0) // the first round reserves numbers
	defer retry.Stop()
	lastKeep := time.Now()
	for {
		ready := l.ready
		if w.pause > 0 {
			ready = nil // the disk is ill: the timer decides
		}
		select {
		case <-ready:
			w.round(retry)
		case <-retry.C:
			w.round(retry)
		case now := <-tick.C:
			w.sync()
			if now.Sub(lastKeep) >= keepEvery {
				lastKeep = now
				w.keep(now)
			}
		case <-ctx.Done():
			return w.finish()
		}
	}
}

// round writes what waits and plans the next try if that fails.
func (w *writer) round(retry *time.Timer) {
	err := w.drain()
	if err == nil {
		if w.pause > 0 {
			w.l.cfg.Log.Info("event log writes again")
		}
		w.pause = 0
		return
	}
	if w.pause == 0 {
		w.l.cfg.Log.Error("event log cannot write", "err", err)
	}
	w.pause = min(max(2*w.pause, retryFirst), retryMost)
	retry.Reset(w.pause)
}

// finish takes no more events, writes the rest and closes.
func (w *writer) finish() error {
	l := w.l
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	err := w.drain()
	if err != nil {
		err = w.drain() // in a new segment
	}
	if err != nil {
		return fmt.Errorf("event: %d events not written: %w", l.Stats().Pending, err)
	}
	w.sync()
	w.closeSegment()
	if err := replaceFile(filepath.Join(l.cfg.Dir, reservedFile), strconv.FormatUint(l.last, 10)); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	return nil
}

// drain writes batches until nothing waits.
func (w *writer) drain() error {
	for {
		events, last := w.take()
		w.l.identify(events)
		if err := w.reserve(); err != nil {
			return err
		}
		if len(events) == 0 {
			return nil
		}
		if err := w.append(events, last); err != nil {
			// The segment may end in half a line; the next try begins another.
			w.closeSegment()
			return err
		}
	}
}

// reserve makes sure that numbers some way beyond the latest are reserved.
func (w *writer) reserve() error {
	l := w.l
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	if w.reserved > last+reserveAhead/2 {
		return nil
	}
	if w.reserved == 0 { // first of this run
		if err := replaceFile(filepath.Join(l.cfg.Dir, nameFile), l.name); err != nil {
			return err
		}
	}
	if err := replaceFile(filepath.Join(l.cfg.Dir, reservedFile), strconv.FormatUint(last+reserveAhead, 10)); err != nil {
		return err
	}
	w.reserved = last + reserveAhead
	return nil
}

// take copies the next batch out of the ring and says which number it reaches
// to. If some were pushed out unwritten, it is an event that says so, under the
// first lost number.
func (w *writer) take() (events []Event, last uint64) {
	l := w.l
	l.mu.Lock()
	defer l.mu.Unlock()
	seq, last := l.written+1, l.ring.first-1
	if last >= seq {
		return []Event{{
			Seq: seq, Time: time.Now(), Type: TypeLost,
			Data: map[string]any{"count": last - l.written, "to_seq": last},
		}}, last
	}
	events = l.recent(seq, batchEvents)
	return events, l.written + uint64(len(events))
}

// append writes a batch that reaches to last, or as much of it as a segment
// takes, and makes it known to readers.
func (w *writer) append(events []Event, last uint64) error {
	w.buf = w.buf[:0]
	for i, e := range events {
		if int64(len(w.buf)) >= w.l.cfg.SegmentBytes {
			last = events[i-1].Seq
			break
		}
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("seq %d: %w", e.Seq, err)
		}
		w.buf = append(append(w.buf, line...), '\n')
	}
	if err := w.openSegment(events[0].Seq); err != nil {
		return err
	}
	if _, err := w.out.Write(w.buf); err != nil {
		return err
	}
	w.dirty = true

	l := w.l
	l.mu.Lock()
	l.written = last
	s := &l.segments[len(l.segments)-1]
	s.last, s.modified, s.bytes = l.written, time.Now(), s.bytes+int64(len(w.buf))
	full := s.bytes >= l.cfg.SegmentBytes
	if l.written == l.last {
		l.ring.shrink(l.written)
	}
	l.mu.Unlock()
	if full {
		w.sync()
		w.closeSegment()
		w.keep(time.Now())
	}
	return nil
}

func (w *writer) openSegment(first uint64) error {
	if w.out != nil {
		return nil
	}
	l := w.l
	path := segmentPath(l.cfg.Dir, first)
	out, err := l.create(path)
	if err != nil {
		return err
	}
	w.out, w.opened = out, time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.segments); n > 0 && l.segments[n-1].path == path {
		l.segments = slices.Clone(l.segments[:n-1]) // its first write failed
	}
	l.segments = append(l.segments, segment{path: path, first: first, last: first - 1, modified: w.opened})
	return nil
}

func (w *writer) closeSegment() {
	if w.out == nil {
		return
	}
	if err := w.out.Close(); err != nil {
		w.l.cfg.Log.Warn("event log segment not closed", "err", err)
	}
	w.out = nil
}

// sync brings what was written from the system's memory to the disk.
func (w *writer) sync() {
	if !w.dirty || w.out == nil {
		return
	}
	w.dirty = false
	if err := w.out.Sync(); err != nil {
		w.l.cfg.Log.Error("event log not synced", "err", err)
		w.closeSegment()
	}
}

// keep removes segments that are too old or too many, never the one being
// written. That one is closed once it covers so much time that its oldest
// events would overstay with it.
func (w *writer) keep(now time.Time) {
	l := w.l
	if w.out != nil && now.Sub(w.opened) > l.cfg.MaxAge/16 {
		w.sync()
		w.closeSegment()
	}
	l.mu.Lock()
	var total int64
	for _, s := range l.segments {
		total += s.bytes
	}
	n := 0
	for ; n < len(l.segments); n++ {
		s := l.segments[n]
		current := w.out != nil && n == len(l.segments)-1
		if current || (total <= l.cfg.MaxBytes && now.Sub(s.modified) <= l.cfg.MaxAge) {
			break
		}
		total -= s.bytes
	}
	gone := l.segments[:n]
	l.segments = slices.Clone(l.segments[n:])
	l.mu.Unlock()
	for _, s := range gone {
		if err := os.Remove(s.path); err != nil {
			l.cfg.Log.Error("event log segment not removed", "err", err)
		}
	}
}

// replaceFile writes a small file so that a crash leaves the old or the new one.
func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // err is what counts
	}
	return err
}
