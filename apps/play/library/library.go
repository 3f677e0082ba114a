// Package library opens the sounds that dialplans name and creates the files
// that recordings go to. It implements core.Sounds.
//
//	file, file_string://  ─► sounds.Index (DATA/sounds over the embedded) ─► media/file
//	tone_stream://, silence_stream:// ─► media/tone
//	local_stream://       ─► a playlist everybody hears the same place of
//
// Open and Create may block on the disk; they run on an application's
// goroutine, never on a call's owner or a media shard.
package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/file"
	"github.com/tandemswitch/tandem/media/tone"
)

// Finder looks sounds up by name in layers of trees; sounds.Index does.
type Finder interface {
	// Find returns the file system and the path in it.
	Find(name string, rateHz int) (fs.FS, string, error)
	// List returns the names in a folder, ready for Find.
	List(dir string, rateHz int) ([]string, error)
}

// Config of a library.
type Config struct {
	Music     *config.Node // local_stream.conf
	SoundsDir string       // absolute names below it are looked up in the layers
	ConfDir   string       // tone files may be there
	Finder    Finder
	Files     *file.Library
	Log       *slog.Logger
}

// Library implements core.Sounds. It is safe for concurrent use.
type Library struct {
	// Immutable after New.
	cfg     Config
	log     *slog.Logger
	music   map[string]stream // by lower-case name
	players players
	missed  missed
}

var _ core.Sounds = (*Library)(nil)

// New reads the streams of local_stream.conf. It opens nothing.
func New(cfg Config) (*Library, error) {
	music, err := readStreams(cfg.Music)
	if err != nil {
		return nil, err
	}
	l := &Library{cfg: cfg, log: cfg.Log, music: music}
	l.missed.seen = map[string]bool{}
	l.players.lists, l.players.start = map[playerKey]*file.Playlist{}, make(chan *file.Playlist)
	return l, nil
}

// Open implements core.Sounds. A name may begin with {loops=N} and end in
// @@OFFSET (samples). A missing file wraps fs.ErrNotExist and is logged once.
func (l *Library) Open(ctx context.Context, name string, rateHz int) (media.Source, error) {
	params, name, err := parameters(name)
	if err != nil {
		return nil, err
	}
	src, err := l.open(ctx, name, rateHz, params)
	if errors.Is(err, fs.ErrNotExist) && l.missed.first(name) {
		l.log.Warn("sound not found", "file", name)
	}
	return src, err
}

func (l *Library) open(ctx context.Context, name string, rateHz int, p params) (media.Source, error) {
	scheme, rest, ok := strings.Cut(name, "://")
	if !ok {
		return l.openFile(ctx, name, rateHz, p)
	}
	switch strings.ToLower(scheme) {
	case "tone_stream":
		return l.openTone(rest, rateHz, p)
	case "silence_stream":
		s, err := tone.ParseSilence(rest)
		if err != nil {
			return nil, fmt.Errorf("silence_stream: %w", err)
		}
		return tone.NewSilence(s, rateHz), nil
	case "local_stream":
		return l.openMusic(ctx, rest, rateHz)
	case "file_string":
		return l.openSeries(ctx, strings.Split(rest, "!"), rateHz)
	case "file":
		return l.openFile(ctx, rest, rateHz, p)
	default:
		return nil, fmt.Errorf("play %q: this build knows no %s://", name, scheme)
	}
}

// openTone opens what follows tone_stream://.
func (l *Library) openTone(arg string, rateHz int, p params) (media.Source, error) {
	s, err := tone.ParseStream(arg)
	if err != nil {
		return nil, fmt.Errorf("tone_stream: %w", err)
	}
	if s.Path != "" {
		dir, base := filepath.Split(s.Path)
		if dir == "" {
			dir = l.cfg.ConfDir
		}
		s.Path = base
		if s, err = s.Load(os.DirFS(dir)); err != nil {
			return nil, fmt.Errorf("tone_stream: %w", err)
		}
	}
	if p.loops != 0 {
		s.Loops = p.loops
	}
	return tone.NewSource(s.Script, rateHz, s.Loops), nil
}

// openFile opens a recording: an absolute path, or a name in the layers. A
// name without an ending is tried as WAV and as MP3.
func (l *Library) openFile(ctx context.Context, name string, rateHz int, p params) (media.Source, error) {
	fsys, inside, err := l.find(name, rateHz)
	if errors.Is(err, fs.ErrNotExist) && path.Ext(name) == "" {
		for _, ext := range []string{".wav", ".mp3"} {
			if fsys, inside, err = l.find(name+ext, rateHz); err == nil {
				break
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("play %q: %w", name, err)
	}
	return l.cfg.Files.Open(ctx, fsys, inside, file.OpenOptions{RateHz: rateHz, OffsetSamples: p.offset, Loops: p.loops})
}

// find resolves a name. What lies below the sounds directory is looked up in
// the layers, so that the embedded prompts stand in for files that are not there.
func (l *Library) find(name string, rateHz int) (fs.FS, string, error) {
	if !filepath.IsAbs(name) {
		return l.cfg.Finder.Find(name, rateHz)
	}
	clean := filepath.Clean(name)
	if _, err := os.Stat(clean); err == nil {
		return os.DirFS(filepath.Dir(clean)), filepath.Base(clean), nil
	}
	if rel, err := filepath.Rel(l.cfg.SoundsDir, clean); err == nil && filepath.IsLocal(rel) {
		return l.cfg.Finder.Find(filepath.ToSlash(rel), rateHz)
	}
	return nil, "", fs.ErrNotExist
}

// missed remembers names that were not found, to tell each once.
type missed struct {
	mu   sync.Mutex
	seen map[string]bool
}

// maxMissed bounds the memory of a dialplan that makes names up.
const maxMissed = 10000

func (m *missed) first(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[name] || len(m.seen) >= maxMissed {
		return false
	}
	m.seen[name] = true
	return true
}
