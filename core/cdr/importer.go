package cdr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/tandemswitch/tandem/core"
)

const (
	// chunkBytes of the spool go into one transaction: some 200 records.
	chunkBytes = 256 << 10
	// idleTime after which a file that is in the table whole is removed, so that
	// rows somebody deletes do not come back at the next start.
	idleTime = time.Second
	// importGather lets records come together in the spool, which is safe already,
	// before the database is asked: its transactions cost far more than its rows.
	importGather = 200 * time.Millisecond
	// hopeless failures in a row end a round: it is the database, not the records.
	hopeless = 20
	// rejectedFile keeps what the table will never take.
	rejectedFile = "rejected.jsonl"
)

// runImporter brings the spool into the table until the spooler has ended, and
// then what is left, once.
func (r *Records) runImporter(work context.Context, spooled <-chan struct{}) {
	im := &importer{r: r, rejected: map[core.ChannelID]bool{}}
	pause := r.retry
	retry, idle := time.NewTimer(0), time.NewTimer(idleTime)
	defer retry.Stop()
	defer idle.Stop()
	for {
		more := r.spool.more
		if pause.now > 0 {
			more = nil // the timer decides
		}
		select {
		case <-more:
			gather(importGather, spooled)
		case <-retry.C:
		case <-idle.C:
			im.clear(true)
			continue
		case <-spooled:
			if err := im.round(work); err != nil {
				r.log.Warn("cdrs stay in the spool until the next start", "err", err)
			}
			im.clear(true)
			return
		}
		if err := im.round(work); err != nil {
			if pause.now == 0 {
				r.log.Error("cdrs not imported, will be retried", "err", err)
			}
			retry.Reset(pause.next())
			continue
		}
		if pause.reset() {
			r.log.Info("cdrs are imported again")
		}
		im.clear(false)
		idle.Reset(idleTime)
	}
}

// gather waits for so long, or until done is closed.
func gather(d time.Duration, done <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-done:
	}
}

// importer is the state of the import. Owned by runImporter.
type importer struct {
	r *Records
	// rejected legs count as imported. They are few: see reject.
	rejected map[core.ChannelID]bool
}

// refused is a record that the table did not take.
type refused struct {
	item Item
	err  error
}

// tally is what one round saw.
type tally struct {
	refused    []refused
	inARow     int
	freshAfter bool // a row went in after one was refused
}

// clear removes the files that are done.
func (im *importer) clear(closeCurrent bool) {
	if err := im.r.spool.retire(closeCurrent); err != nil {
		im.r.count(func(s *Stats) { s.Errors++ })
		im.r.log.Warn("cdr spool file not removed", "err", err)
	}
}

// round imports all files as far as they are synced. A record that is refused
// holds up its own file only. If others went in after it, and it is refused
// again, it is put aside: one odd record must not stop all that follow.
func (im *importer) round(work context.Context) error {
	var t tally
	var unread error
	for _, f := range im.r.spool.list() {
		err := im.file(work, f, &t)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			im.r.log.Error("cdr spool file is gone", "err", err)
			im.r.spool.advance(f.path, f.size)
		case t.inARow >= hopeless:
			return err
		case err != nil:
			unread = err // the others may be well
		}
	}
	if len(t.refused) == 0 {
		return unread
	}
	if t.freshAfter {
		for _, ref := range t.refused {
			if err := im.putAside(work, ref); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%d records refused, the first: %w", len(t.refused), t.refused[0].err)
}

// file imports one file from where it stands.
func (im *importer) file(work context.Context, f spooled, t *tally) error {
	stuck := false
	for at := f.imported; at < f.size; {
		b, err := im.r.spool.disk.read(f.path, at, min(f.size, at+chunkBytes))
		if err != nil {
			im.r.count(func(s *Stats) { s.Errors++ })
			return err
		}
		n := bytes.LastIndexByte(b, '\n') + 1
		if n == 0 && at+int64(len(b)) < f.size {
			// A record longer than a chunk.
			if b, err = im.r.spool.disk.read(f.path, at, f.size); err != nil {
				im.r.count(func(s *Stats) { s.Errors++ })
				return err
			}
			n = bytes.IndexByte(b, '\n') + 1
		}
		if n == 0 {
			n = len(b) // torn by a crash: it was never synced
		}
		if n == 0 {
			return fmt.Errorf("%s: shorter than it was", f.path)
		}
		before := len(t.refused)
		if err := im.chunk(work, im.decode(f.path, b[:n]), t); err != nil {
			return err
		}
		at += int64(n)
		stuck = stuck || len(t.refused) > before
		if !stuck {
			im.r.spool.advance(f.path, at)
		}
	}
	return nil
}

// decode reads lines. One that is no record was torn by a crash or a sick disk.
func (im *importer) decode(path string, b []byte) []Item {
	var items []Item
	for line := range bytes.Lines(b) {
		var form itemJSON
		err := json.Unmarshal(line, &form)
		item := form.item()
		if err != nil || item.LegID == "" {
			im.r.log.Warn("torn line in the cdr spool", "file", path, "count", len(line))
			continue
		}
		if !im.rejected[item.LegID] {
			items = append(items, item)
		}
	}
	return items
}

// chunk inserts items in one transaction, or, if that fails, one by one.
func (im *importer) chunk(work context.Context, items []Item, t *tally) error {
	if len(items) == 0 {
		return nil
	}
	fresh, err := im.insert(work, items)
	if err == nil {
		t.freshAfter = t.freshAfter || (fresh > 0 && len(t.refused) > 0)
		return nil
	}
	for _, item := range items {
		fresh, err := im.insert(work, []Item{item})
		if err != nil {
			t.refused = append(t.refused, refused{item, err})
			if t.inARow++; t.inARow == hopeless {
				return err
			}
			continue
		}
		t.inARow = 0
		t.freshAfter = t.freshAfter || (fresh > 0 && len(t.refused) > 0)
	}
	return nil
}

func (im *importer) insert(work context.Context, items []Item) (fresh int, err error) {
	ctx, cancel := context.WithTimeout(work, importTimeout)
	defer cancel()
	fresh, err = im.r.insert(ctx, items)
	im.r.count(func(s *Stats) {
		if err != nil {
			s.Errors++
		}
		s.Imported += uint64(fresh)
	})
	return fresh, err
}

// putAside tries a refused record once more and then keeps it in a file of its
// own, for a person to look at.
func (im *importer) putAside(work context.Context, ref refused) error {
	_, err := im.insert(work, []Item{ref.item})
	if err == nil {
		return nil
	}
	line, err := json.Marshal(map[string]any{"err": ref.err.Error(), "cdr": ref.item})
	if err != nil {
		return err
	}
	if err := im.r.spool.disk.appendTo(filepath.Join(im.r.spool.dir, rejectedFile), append(line, '\n')); err != nil {
		return err
	}
	im.rejected[ref.item.LegID] = true
	im.r.count(func(s *Stats) { s.Rejected++ })
	im.r.log.Error("the database refuses a cdr; it is kept in "+rejectedFile, "call", ref.item.CallID, "chan", ref.item.LegID, "err", ref.err)
	return nil
}
