package file

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
)

const (
	// readAhead of a long file bridges what a disk may take to wake up.
	readAhead = 2 * time.Second
	// defaultPrefill is there before Open returns.
	defaultPrefill = 200 * time.Millisecond
	// readBlock is how many samples are decoded at a time.
	readBlock = 1024
)

// streamSource plays a long file. Its goroutine decodes into a ring; the tick
// takes out of it.
type streamSource struct {
	rate       int
	ring       *ring
	space      chan struct{} // the tick has taken: room for a reader that waits
	filled     chan struct{} // closed when the first samples are there
	done       chan struct{} // closed by Close
	closing    sync.Once
	underflows atomic.Int64

	ended atomic.Bool // the goroutine will put no more
	err   error       // why; set before ended
}

// openStream starts the goroutine of a long file.
func (l *Library) openStream(ctx context.Context, fsys fs.FS, path string, o OpenOptions) (media.Source, error) {
	f, err := openDecoder(fsys, path, o.Channel, l.cfg.Codecs)
	if err != nil {
		return nil, err
	}
	rate := o.RateHz
	if rate == 0 {
		rate = f.rateHz()
	}
	s := &streamSource{
		rate:   rate,
		ring:   newRing(int(readAhead * time.Duration(rate) / time.Second)),
		space:  make(chan struct{}, 1),
		filled: make(chan struct{}),
		done:   make(chan struct{}),
	}
	r := &streamReader{l: l, s: s, fsys: fsys, path: path, o: o, f: f}
	if r.o.Loops == 0 {
		r.o.Loops = 1
	}
	if r.o.Prefill <= 0 {
		r.o.Prefill = defaultPrefill
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		f.close()
		return nil, fmt.Errorf("%s: %w", path, ErrClosed)
	}
	l.streams[s] = struct{}{}
	l.wg.Go(r.run)
	l.mu.Unlock()

	select {
	case <-s.filled:
	case <-ctx.Done():
		s.Close()
		return nil, fmt.Errorf("%s: %w", path, context.Cause(ctx))
	}
	if s.ended.Load() && s.err != io.EOF && s.ring.len() == 0 {
		s.Close()
		return nil, s.err
	}
	return s, nil
}

// RateHz implements media.Source.
func (s *streamSource) RateHz() int { return s.rate }

// Close implements media.Source: it tells the goroutine to end and does not
// wait for it.
func (s *streamSource) Close() error {
	s.closing.Do(func() { close(s.done) })
	return nil
}

// Read implements media.Source. Where the disk is too slow it yields silence
// and counts it; the sound goes on later.
func (s *streamSource) Read(p []int16) (int, error) {
	ended := s.ended.Load() // before the last look at the ring
	n := s.ring.take(p)
	select {
	case s.space <- struct{}{}:
	default:
	}
	if n == len(p) {
		return n, nil
	}
	if ended {
		return n, s.err
	}
	s.underflows.Add(1)
	clear(p[n:])
	return len(p), nil
}

// streamReader is what the goroutine of a streamSource owns.
type streamReader struct {
	l    *Library
	s    *streamSource
	fsys fs.FS
	path string
	o    OpenOptions
	f    *opened
}

func (r *streamReader) run() {
	err := r.play()
	r.s.err = err
	r.s.ended.Store(true)
	select {
	case <-r.s.filled:
	default:
		close(r.s.filled)
	}
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	delete(r.l.streams, r.s)
	r.l.stats.Underflows += r.s.underflows.Load()
}

// play reads all rounds and returns why it ended: io.EOF, ErrClosed or what
// went wrong.
func (r *streamReader) play() error {
	for round := 0; ; round++ {
		if round > 0 {
			f, err := openDecoder(r.fsys, r.path, r.o.Channel, r.l.cfg.Codecs)
			if err != nil {
				return err
			}
			r.f = f
		}
		n, err := r.round(round == 0)
		r.f.close()
		if err != nil {
			return err
		}
		if n == 0 && round > 0 || r.o.Loops != Forever && round+1 >= r.o.Loops {
			return io.EOF
		}
	}
}

// round plays the file once and returns how many samples there were.
func (r *streamReader) round(first bool) (n int, err error) {
	if first && r.o.OffsetSamples > 0 {
		skip := int64(r.o.OffsetSamples) * int64(r.f.rateHz()) / int64(r.s.rate)
		if err := discard(r.f, skip); err == io.EOF {
			return 0, nil
		} else if err != nil {
			return 0, fmt.Errorf("%s: %w", r.path, err)
		}
	}
	src, err := r.l.atRate(r.f, r.s.rate)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", r.path, err)
	}
	block := make([]int16, readBlock)
	for {
		m, err := src.Read(block)
		n += m
		if !r.put(block[:m]) {
			return n, ErrClosed
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("%s: %w", r.path, err)
		}
	}
}

// put waits for room; false if the source was closed.
func (r *streamReader) put(p []int16) bool {
	prefill := int(r.o.Prefill * time.Duration(r.s.rate) / time.Second)
	for {
		p = p[r.s.ring.put(p):]
		if r.s.ring.len() >= min(prefill, len(r.s.ring.buf)) {
			select {
			case <-r.s.filled:
			default:
				close(r.s.filled)
			}
		}
		if len(p) == 0 {
			break
		}
		select {
		case <-r.s.space:
		case <-r.s.done:
			return false
		}
	}
	select {
	case <-r.s.done:
		return false
	default:
		return true
	}
}
