package api

import (
	"context"
	"errors"
	"time"

	"github.com/tandemswitch/tandem/core/event"
)

const (
	// followBatch is how many events are read at a time.
	followBatch = 256
	// followPause keeps a log that cannot be read from being asked in a circle.
	followPause = time.Second
)

// follow reads the event log until ctx ends: it keeps the book and counts ended
// calls. It pulls, so that no call ever waits for it.
func (m *Module) follow(ctx context.Context) {
	if m.cfg.Events == nil {
		return
	}
	after := m.first
	for ctx.Err() == nil {
		next, err := m.catchUp(after)
		switch {
		case errors.Is(err, event.ErrGone):
			_, next = m.cfg.Events.Bounds()
			m.log.Warn("events missed: counts of ended calls are too low", "count", next-after)
			m.book.lost()
		case err != nil:
			m.log.Warn("event log not readable", "err", err)
			pause(ctx, followPause)
		case next == after:
			if err := m.cfg.Events.Wait(ctx, after); err != nil {
				pause(ctx, followPause)
			}
		}
		after = next
	}
}

// catchUp takes in what there is and returns the last event's number.
func (m *Module) catchUp(after uint64) (uint64, error) {
	batch, next, err := m.cfg.Events.Read(after, followBatch)
	if err != nil {
		return after, err
	}
	for i := range batch {
		if t, ended := m.book.note(&batch[i]); ended {
			m.figures.callEnded(t)
		}
	}
	return next, nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
