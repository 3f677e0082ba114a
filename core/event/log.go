package event

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// ErrGone means that events after the asked one are not kept any more, or that
// the number is none of this log's. The reader takes a snapshot of the state
// and goes on from [Log.Bounds].
var ErrGone = errors.New("event: not kept any more")

// Config of a log; fields that are zero have the default in their comment.
type Config struct {
	Dir    string        // of the segment files, made if it is not there
	MaxAge time.Duration // of events on disk; 24 h
	// MaxBytes is how much disk the segments take at most, the one being written
	// included up to its own size; 1 GiB.
	MaxBytes     int64
	SegmentBytes int64 // size of one segment; a sixteenth of MaxBytes, at most 32 MiB
	// Recent is how many events memory keeps for readers: 4096, some two MB.
	Recent int
	// Pending is how many events memory holds at most while the disk is slow or
	// broken; beyond it the oldest are lost and counted. 262144.
	Pending int
	Log     *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxAge <= 0 {
		c.MaxAge = 24 * time.Hour
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 1 << 30
	}
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = min(max(c.MaxBytes/16, 4096), 32<<20)
	}
	if c.Recent <= 0 {
		c.Recent = 4096
	}
	if c.Pending <= 0 {
		c.Pending = 1 << 18
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Log is the event log. All methods are safe for concurrent use.
type Log struct {
	// Immutable after New.
	cfg    Config
	name   string // of this log, part of every event's ID
	create func(path string) (file, error)
	ready  chan struct{} // holds a token while the writer has work

	// Guarded by mu.
	mu       sync.Mutex
	ring     ring
	last     uint64 // seq of the latest event
	written  uint64 // seq of the latest event on disk, or lost
	lost     uint64
	closed   bool
	wake     chan struct{} // closed by the next Publish; nil while nobody waits
	segments []segment     // oldest first; replaced, not changed in place, when one goes
}

// file is what the writer needs of a segment.
type file interface {
	io.WriteCloser
	Sync() error
}

// Stats are the counters of a log.
type Stats struct {
	Published uint64 // seq of the latest event
	Pending   uint64 // events that are not on disk yet
	Lost      uint64 // events that will never be, since start
	Segments  int
	Bytes     int64 // of the segments
}

var _ core.Events = (*Log)(nil)

// New reads what a former run left in the folder and returns a log that goes
// on with the next number. Nothing is written before Run. The error names the
// folder or file.
func New(cfg Config) (*Log, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	name, err := readName(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	segments, err := listSegments(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	last, err := readReserved(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if n := len(segments); n > 0 {
		last = max(last, segments[n-1].last)
	}
	return &Log{
		cfg: cfg, name: name, create: createSegment, ready: make(chan struct{}, 1),
		ring: newRing(cfg.Recent, cfg.Pending, last+1), last: last, written: last, segments: segments,
	}, nil
}

// Names of the small files beside the segments.
const (
	nameFile     = "name" // the log's name
	reservedFile = "seq"  // numbers up to this one may have been given
)

// readName returns the log's name; a new one if it has none yet.
func readName(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, nameFile))
	if name := strings.TrimSpace(string(text)); err == nil && name != "" {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return strings.ReplaceAll(core.NewID(), "-", "")[:12], nil
}

func readReserved(dir string) (uint64, error) {
	text, err := os.ReadFile(filepath.Join(dir, reservedFile))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Join(dir, reservedFile), err)
	}
	return n, nil
}

// Publish appends an event and returns its number. It never blocks: it takes a
// lock that is held for copying only. The notice's data belongs to the log from
// now on. Once Run has ended nothing is kept any more, and 0 is returned.
func (l *Log) Publish(n core.Notice) (seq uint64) {
	if n.Time.IsZero() {
		n.Time = time.Now()
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return 0
	}
	l.last++
	seq = l.last
	if l.ring.push(n, l.written) {
		l.lost++
	}
	wake := l.wake
	l.wake = nil
	l.mu.Unlock()
	if wake != nil {
		close(wake)
	}
	select {
	case l.ready <- struct{}{}:
	default:
	}
	return seq
}

// Wait returns when there is an event after the given one, or with the
// context's cause.
func (l *Log) Wait(ctx context.Context, after uint64) error {
	for {
		l.mu.Lock()
		if l.last > after {
			l.mu.Unlock()
			return nil
		}
		if l.wake == nil {
			l.wake = make(chan struct{})
		}
		wake := l.wake
		l.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Bounds returns the number before the oldest event that is kept, and that of
// the latest; equal if there is none. Reading after either of them succeeds.
func (l *Log) Bounds() (before, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.before(), l.last
}

// before is the number up to which events are gone. The caller holds mu.
func (l *Log) before() uint64 {
	if len(l.segments) > 0 {
		return min(l.segments[0].first, l.ring.first) - 1
	}
	return l.ring.first - 1
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Published: l.last, Pending: l.last - l.written, Lost: l.lost, Segments: len(l.segments)}
	for _, seg := range l.segments {
		s.Bytes += seg.bytes
	}
	return s
}
