package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
)

const (
	// playBlock is how much of a playlist is decoded and published at a time.
	playBlock = 100 * time.Millisecond
	// playAhead blocks are published before they are due, to bridge a slow disk.
	playAhead = 10
	// playKeep blocks stay readable, so that a listener may be late.
	playKeep = 32
	// playRetry is the pause after a round in which no file could be played.
	playRetry = 5 * time.Second
)

// errNoFiles is reported when a playlist is empty.
var errNoFiles = errors.New("file: playlist without files")

// PlaylistConfig of a Playlist.
type PlaylistConfig struct {
	Library *Library
	FS      fs.FS
	Paths   []string // in order; played round and round
	RateHz  int
	Shuffle bool // another order in each round
	// OnError hears of files that cannot be played, once per round; they are
	// passed over. It is called by Run's goroutine and may be nil.
	OnError func(error)
}

// Playlist is music that all listeners share: at any moment they hear the
// same place, as on the radio. Run decodes while somebody listens; the ticks
// only copy. When the last listener leaves, the music stops, and the file
// starts anew for the next one.
type Playlist struct {
	cfg       PlaylistConfig
	blockLen  int
	epoch     atomic.Pointer[time.Time] // when block 0 went on the air; nil: nothing is
	blocks    [playKeep]atomic.Pointer[playedBlock]
	wake      chan struct{}
	mu        sync.Mutex
	listeners int
	misses    atomic.Int64

	// Owned by Run.
	order []int
	next  int // index into order of the file that comes next
	f     *opened
	src   media.Source
	began bool // src has yielded something
}

// playedBlock is immutable once it is published.
type playedBlock struct {
	number  int64
	samples []int16
}

// NewPlaylist returns a playlist that plays nothing until Run.
func NewPlaylist(cfg PlaylistConfig) *Playlist {
	return &Playlist{
		cfg:      cfg,
		blockLen: int(playBlock * time.Duration(cfg.RateHz) / time.Second),
		wake:     make(chan struct{}, 1),
	}
}

// Listen returns a source of what is on the air. It never ends; before Run has
// got going it yields silence. The source must be closed for the music to stop
// when nobody listens.
func (p *Playlist) Listen() media.Source {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listeners++
	if p.listeners == 1 {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	return &listener{p: p}
}

// Listeners is how many sources are open.
func (p *Playlist) Listeners() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listeners
}

// Misses counts reads that found nothing while music was on: a slow disk.
func (p *Playlist) Misses() int64 { return p.misses.Load() }

func (p *Playlist) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listeners--
}

// Run decodes until ctx ends, and returns nil then.
func (p *Playlist) Run(ctx context.Context) error {
	defer p.closeFile()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		}
		if p.Listeners() > 0 {
			p.onAir(ctx)
		}
	}
}

// onAir plays until nobody listens or ctx ends.
func (p *Playlist) onAir(ctx context.Context) {
	defer func() {
		p.epoch.Store(nil)
		for i := range p.blocks {
			p.blocks[i].Store(nil)
		}
		p.rewind()
	}()
	number, ok := p.publish(ctx, 0, playAhead)
	if !ok {
		return
	}
	start := time.Now()
	p.epoch.Store(&start)
	timer := time.NewTimer(playBlock)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		onAir := int64(time.Since(start) / playBlock)
		number = max(number, onAir) // after a stall: go on where the air is now
		if number, ok = p.publish(ctx, number, onAir+playAhead); !ok {
			return
		}
		timer.Reset(time.Until(start.Add(time.Duration(number-playAhead+1) * playBlock)))
	}
}

// publish decodes the blocks from number to last and returns the number after
// them; false if nobody listens any more or ctx has ended.
func (p *Playlist) publish(ctx context.Context, number, last int64) (int64, bool) {
	for ; number <= last; number++ {
		samples := make([]int16, p.blockLen)
		p.decode(ctx, samples)
		if ctx.Err() != nil || p.Listeners() == 0 {
			return number, false
		}
		p.blocks[number%playKeep].Store(&playedBlock{number, samples})
	}
	return number, true
}

// decode fills samples with what comes next, over the ends of files.
func (p *Playlist) decode(ctx context.Context, samples []int16) {
	failures := 0
	for len(samples) > 0 && ctx.Err() == nil {
		if p.src == nil {
			if err := p.openNext(); err != nil {
				p.report(err)
				if failures++; failures > len(p.cfg.Paths) {
					p.pause(ctx)
					return
				}
				continue
			}
		}
		n, err := p.src.Read(samples)
		samples = samples[n:]
		if n > 0 {
			p.began, failures = true, 0
		}
		if err == nil {
			continue
		}
		if err == io.EOF && !p.began {
			err = badFormat("no sound in it")
		}
		if err != io.EOF {
			failures++
			p.report(fmt.Errorf("%s: %w", p.current(), err))
		}
		p.closeFile()
		if failures > len(p.cfg.Paths) {
			p.pause(ctx)
			return
		}
	}
}

func (p *Playlist) report(err error) {
	if p.cfg.OnError != nil {
		p.cfg.OnError(err)
	}
}

// pause keeps a list without a playable file from spinning.
func (p *Playlist) pause(ctx context.Context) {
	timer := time.NewTimer(playRetry)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// openNext opens the file after the current one.
func (p *Playlist) openNext() error {
	if len(p.cfg.Paths) == 0 {
		return errNoFiles
	}
	if p.next >= len(p.order) {
		p.order = p.order[:0]
		for i := range p.cfg.Paths {
			p.order = append(p.order, i)
		}
		if p.cfg.Shuffle {
			rand.Shuffle(len(p.order), func(i, j int) { p.order[i], p.order[j] = p.order[j], p.order[i] })
		}
		p.next = 0
	}
	p.next++
	path := p.current()
	f, err := openDecoder(p.cfg.FS, path, Mix, p.cfg.Library.cfg.Codecs)
	if err != nil {
		return err
	}
	src, err := p.cfg.Library.atRate(f, p.cfg.RateHz)
	if err != nil {
		f.close()
		return fmt.Errorf("%s: %w", path, err)
	}
	p.f, p.src, p.began = f, src, false
	return nil
}

// current is the path of the file that plays.
func (p *Playlist) current() string { return p.cfg.Paths[p.order[p.next-1]] }

func (p *Playlist) closeFile() {
	if p.f != nil {
		p.f.close()
	}
	p.f, p.src = nil, nil
}

// rewind makes the current file the next one.
func (p *Playlist) rewind() {
	if p.f != nil {
		p.next--
	}
	p.closeFile()
}

// listener is one reader of a playlist.
type listener struct {
	p      *Playlist
	epoch  *time.Time // that at belongs to; nil: not tuned in
	at     int64      // sample since epoch to be read next
	closed atomic.Bool
}

// RateHz implements media.Source.
func (l *listener) RateHz() int { return l.p.cfg.RateHz }

// Close implements media.Source.
func (l *listener) Close() error {
	if !l.closed.Swap(true) {
		l.p.leave()
	}
	return nil
}

// Read implements media.Source. It reads the clock when it tunes in; from then
// on it counts samples.
func (l *listener) Read(p []int16) (int, error) {
	epoch := l.p.epoch.Load()
	if epoch == nil {
		l.epoch = nil
		clear(p)
		return len(p), nil
	}
	if l.epoch != epoch {
		// Not in one product: it would overflow after some hours.
		since := time.Since(*epoch)
		whole, rest := int64(since/time.Second), int64(since%time.Second)
		l.epoch, l.at = epoch, whole*int64(l.RateHz())+rest*int64(l.RateHz())/int64(time.Second)
	}
	for n := 0; n < len(p); {
		number, offset := l.at/int64(l.p.blockLen), l.at%int64(l.p.blockLen)
		b := l.p.blocks[number%playKeep].Load()
		if b == nil || b.number != number {
			l.p.misses.Add(1)
			l.epoch = nil // tune in again
			clear(p[n:])
			break
		}
		m := copy(p[n:], b.samples[offset:])
		n, l.at = n+m, l.at+int64(m)
	}
	return len(p), nil
}
