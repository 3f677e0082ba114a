package file

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Defaults of Config.
const (
	// DefaultCacheBytes holds about an hour of prompts at 8000 Hz.
	DefaultCacheBytes = 64 << 20
	// DefaultClipBytes is a minute of stereo at 16 kHz and 16 bits: what is
	// longer is hardly a prompt.
	DefaultClipBytes = 4 << 20
)

// mp3Expansion is about how much longer an MP3 file gets when it is decoded:
// 44100 Hz in stereo against 128 kbit/s. Decoding it takes 12 ms a second, so a
// limit of 4 MB means a quarter of a second before the first sound.
const mp3Expansion = 12

// Config of a Library.
type Config struct {
	// Resample returns src at another rate; it owns src. (*resample.Bank).Source
	// is one. Without it files are played at no rate but their own.
	Resample func(src media.Source, rateHz int) (media.Source, error)
	// Codecs for WAV files that hold G.711.
	Codecs []media.Codec
	// CacheBytes bounds the memory of decoded clips; DefaultCacheBytes if 0.
	CacheBytes int64
	// ClipBytes is the size of a file from which on it is read while it plays;
	// DefaultClipBytes if 0.
	ClipBytes int64
}

// OpenOptions of Library.Open.
type OpenOptions struct {
	RateHz        int           // of the source; the file's own if 0
	Channel       Channel       // of files with several
	OffsetSamples int           // at RateHz, where the first round begins
	Loops         int           // Forever, or how often; 0 is 1
	Prefill       time.Duration // of long files, what must be there before Open returns; 200 ms if 0
}

// Stats are counters of a Library.
type Stats struct {
	Hits, Misses int64 // of the cache
	CacheBytes   int64 // in use now
	Clips        int   // in the cache now
	Underflows   int64 // reads of long files that found nothing: a slow disk
	Streams      int   // long files being read
}

// Library opens sound files and keeps what it decoded. It may be used from
// several goroutines, but not on a tick: its methods block on the disk.
type Library struct {
	cfg Config

	mu      sync.Mutex
	entries map[clipKey]*entry
	recent  *list.List // of *entry with a clip, last used first
	stats   Stats
	closed  bool
	streams map[*streamSource]struct{}
	wg      sync.WaitGroup // reader goroutines
}

// clipKey names one decoded file. A file that was changed has another key.
type clipKey struct {
	fsys    fs.FS
	path    string
	size    int64
	modTime time.Time
	rateHz  int
	channel Channel
}

// entry is a clip in the cache, or one that somebody is decoding.
type entry struct {
	key   clipKey
	ready chan struct{} // closed when clip or err is set
	clip  *Clip
	err   error
	node  *list.Element
}

// NewLibrary returns an empty library.
func NewLibrary(cfg Config) *Library {
	if cfg.CacheBytes <= 0 {
		cfg.CacheBytes = DefaultCacheBytes
	}
	if cfg.ClipBytes <= 0 {
		cfg.ClipBytes = DefaultClipBytes
	}
	return &Library{
		cfg:     cfg,
		entries: make(map[clipKey]*entry),
		recent:  list.New(),
		streams: make(map[*streamSource]struct{}),
	}
}

// Open returns a source of the file at path: of a Clip if it is short, else
// one that is read while it plays. It blocks until the first samples are
// there or ctx ends. The error wraps fs.ErrNotExist, ErrFormat, ErrClosed or
// the cause of ctx, and names the file. Path obeys fs.ValidPath; for a path of
// the operating system take os.DirFS of its folder.
//
// The caller, or the engine it is given to, closes the source. Close does not
// block; the library's Close waits for what is left.
func (l *Library) Open(ctx context.Context, fsys fs.FS, path string, o OpenOptions) (media.Source, error) {
	if o.Loops < 0 {
		o.Loops = Forever
	}
	long, err := l.isLong(fsys, path)
	if err != nil {
		return nil, err
	}
	if long {
		return l.openStream(ctx, fsys, path, o)
	}
	clip, err := l.load(ctx, fsys, path, o.RateHz, o.Channel)
	if err != nil {
		return nil, err
	}
	return clip.Source(o.OffsetSamples, o.Loops), nil
}

// Load decodes the whole file at path, at rateHz (0: its own rate), or takes
// it from the cache. It is for files of any length; errors are those of Open.
// Several callers of one file wait for one decoding.
func (l *Library) Load(ctx context.Context, fsys fs.FS, path string, rateHz int) (*Clip, error) {
	return l.load(ctx, fsys, path, rateHz, Mix)
}

func (l *Library) isLong(fsys fs.FS, path string) (bool, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	var head [12]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	size := info.Size()
	if !isWAV(head[:n]) {
		size *= mp3Expansion
	}
	return size > l.cfg.ClipBytes, nil
}

func (l *Library) load(ctx context.Context, fsys fs.FS, path string, rateHz int, channel Channel) (*Clip, error) {
	key, err := newClipKey(fsys, path, rateHz, channel)
	if err != nil {
		return nil, err
	}
	if !reflect.ValueOf(fsys).Comparable() {
		return l.decode(ctx, key, fsys) // it cannot be the key of a map
	}
	for {
		e, mine, err := l.claim(key)
		if err != nil {
			return nil, err
		}
		if mine {
			l.fill(ctx, e)
			return e.clip, e.err
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", path, context.Cause(ctx))
		}
		if e.err == nil {
			l.touch(e)
			return e.clip, nil
		}
		// The one who decoded failed, maybe only because he gave up: try alone.
		if ctx.Err() == nil && !errors.Is(e.err, ErrFormat) {
			continue
		}
		return nil, e.err
	}
}

func newClipKey(fsys fs.FS, path string, rateHz int, channel Channel) (clipKey, error) {
	info, err := fs.Stat(fsys, path)
	if err != nil {
		return clipKey{}, err
	}
	return clipKey{fsys, path, info.Size(), info.ModTime(), rateHz, channel}, nil
}

// claim returns the entry of key; mine if the caller has to decode it.
func (l *Library) claim(key clipKey) (e *entry, mine bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, false, fmt.Errorf("%s: %w", key.path, ErrClosed)
	}
	if e := l.entries[key]; e != nil {
		l.stats.Hits++
		return e, false, nil
	}
	l.stats.Misses++
	e = &entry{key: key, ready: make(chan struct{})}
	l.entries[key] = e
	return e, true, nil
}

// errPanic stands for a decoder that panicked: those who wait must hear of it.
var errPanic = errors.New("file: decoder panicked")

// fill decodes the clip of e.
func (l *Library) fill(ctx context.Context, e *entry) {
	e.err = errPanic
	defer l.settle(e)
	e.clip, e.err = l.decode(ctx, e.key, e.key.fsys)
}

// settle makes the result of e known; failures are not kept.
func (l *Library) settle(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(e.ready)
	if e.err != nil || e.bytes() > l.cfg.CacheBytes {
		delete(l.entries, e.key)
		return
	}
	e.node = l.recent.PushFront(e)
	l.stats.CacheBytes += e.bytes()
	for l.stats.CacheBytes > l.cfg.CacheBytes {
		l.evict(l.recent.Back().Value.(*entry))
	}
}

// evict forgets e; those who play it keep it. The caller holds mu.
func (l *Library) evict(e *entry) {
	l.recent.Remove(e.node)
	delete(l.entries, e.key)
	l.stats.CacheBytes -= e.bytes()
}

func (l *Library) touch(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries[e.key] == e {
		l.recent.MoveToFront(e.node)
	}
}

func (e *entry) bytes() int64 { return 2 * int64(e.clip.Len()) }

// decode reads a whole file.
func (l *Library) decode(ctx context.Context, key clipKey, fsys fs.FS) (*Clip, error) {
	f, err := openDecoder(fsys, key.path, key.channel, l.cfg.Codecs)
	if err != nil {
		return nil, err
	}
	defer f.close()
	src, err := l.atRate(f, key.rateHz)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key.path, err)
	}
	var samples []int16
	block := make([]int16, 4096)
	for {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", key.path, context.Cause(ctx))
		}
		n, err := src.Read(block)
		samples = append(samples, block[:n]...)
		if err == io.EOF {
			return NewClip(src.RateHz(), append([]int16(nil), samples...)), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key.path, err)
		}
	}
}

// atRate returns d at rateHz.
func (l *Library) atRate(d decoder, rateHz int) (media.Source, error) {
	src := decoderSource{d}
	switch {
	case rateHz == 0 || rateHz == d.rateHz():
		return src, nil
	case l.cfg.Resample == nil:
		return nil, badFormat("it has %d Hz, not %d, and there is no resampler", d.rateHz(), rateHz)
	}
	return l.cfg.Resample(src, rateHz)
}

// Stats returns the counters so far.
func (l *Library) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Clips = l.recent.Len()
	s.Streams = len(l.streams)
	for src := range l.streams {
		s.Underflows += src.underflows.Load()
	}
	return s
}

// Close ends the sources of long files, waits for their goroutines and drops
// the cache. Clips that still play go on.
func (l *Library) Close() error {
	l.mu.Lock()
	l.closed = true
	for src := range l.streams {
		src.Close()
	}
	l.entries = make(map[clipKey]*entry)
	l.recent.Init()
	l.stats.CacheBytes = 0
	l.mu.Unlock()
	l.wg.Wait()
	return nil
}
