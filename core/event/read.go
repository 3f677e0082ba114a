package event

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// readRetries is how often Read begins anew when retention removes the file it
// is about to open.
const readRetries = 8

// Read returns up to limit events that follow the given one, oldest first, and
// the number to ask after next time. No events and no error mean that there are
// none yet: see Wait. Numbers may jump where the switch was killed. ErrGone
// means that some were removed by retention, or that after is not yet given.
//
// It may block on the disk, never on the publishers.
func (l *Log) Read(after uint64, limit int) (events []Event, next uint64, err error) {
	limit = max(limit, 1)
	for range readRetries {
		events, err = l.read(after, limit)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrGone
	}
	if err != nil {
		return nil, after, err
	}
	if n := len(events); n > 0 {
		return events, events[n-1].Seq, nil
	}
	return nil, after, nil
}

func (l *Log) read(after uint64, limit int) ([]Event, error) {
	l.mu.Lock()
	if after > l.last || after < l.before() {
		l.mu.Unlock()
		return nil, ErrGone
	}
	if after+1 >= l.ring.first || !l.onDisk(after) {
		events := l.recent(max(after+1, l.ring.first), limit)
		l.mu.Unlock()
		l.identify(events)
		return events, nil
	}
	segments := slices.Clone(l.segments)
	l.mu.Unlock()

	events, err := readSegments(segments, after, limit)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if len(events) > 0 {
		return events, nil
	}
	// The files have less than their names promise (damage); memory goes on.
	l.mu.Lock()
	events = l.recent(l.ring.first, limit)
	l.mu.Unlock()
	l.identify(events)
	return events, nil
}

// onDisk reports whether a file holds something after the given seq. What no
// file holds is in the ring. The caller holds mu.
func (l *Log) onDisk(after uint64) bool {
	return slices.ContainsFunc(l.segments, func(s segment) bool { return s.last > after })
}

// recent copies events out of the ring, beginning with first, without their
// IDs. The caller holds mu.
func (l *Log) recent(first uint64, limit int) []Event {
	end := l.ring.first + uint64(l.ring.count)
	if first >= end {
		return nil
	}
	events := make([]Event, 0, min(uint64(limit), end-first))
	for seq := first; seq < end && len(events) < limit; seq++ {
		n := l.ring.at(seq)
		events = append(events, Event{Seq: seq, Time: n.Time, Type: n.Type, CallID: n.CallID, LegID: n.LegID, Data: n.Data})
	}
	return events
}

// identify adds the IDs, which cost too much to be made under the lock.
func (l *Log) identify(events []Event) {
	for i := range events {
		events[i].ID = l.name + "-" + strconv.FormatUint(events[i].Seq, 10)
	}
}
