package library

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/file"
)

// stream is one <directory> of local_stream.conf.
type stream struct {
	path    string
	shuffle bool
}

// streamSettings are the params of a <directory>.
type streamSettings struct {
	// Shuffle plays the pieces in another order in each round.
	Shuffle bool `config:"shuffle" default:"true"`
}

func readStreams(n *config.Node) (map[string]stream, error) {
	streams := map[string]stream{}
	var errs config.Errors
	for d := range n.All("directory") {
		name, dir := d.Attr("name"), d.Attr("path")
		if name == "" || dir == "" {
			errs = append(errs, d.Errorf("<directory> needs name and path"))
			continue
		}
		var set streamSettings
		if err := config.Decode(d, &set); err != nil {
			errs = append(errs, config.Problems(err)...)
			continue
		}
		streams[strings.ToLower(name)] = stream{dir, set.Shuffle}
	}
	return streams, errs.Err()
}

// players runs one playlist per stream and rate, made when first asked for.
type players struct {
	mu    sync.Mutex
	lists map[playerKey]*file.Playlist
	start chan *file.Playlist // to Run
}

type playerKey struct {
	name   string
	rateHz int
}

// Run runs the music until ctx is done.
func (l *Library) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case p := <-l.players.start:
			wg.Go(func() { _ = p.Run(ctx) })
		case <-ctx.Done():
			return nil
		}
	}
}

// openMusic returns what is on the air in a stream. As in FreeSWITCH
// NAME/RATE is tried first, then NAME, then the stream named default.
func (l *Library) openMusic(ctx context.Context, name string, rateHz int) (media.Source, error) {
	name, _, _ = strings.Cut(name, "/")
	key := playerKey{strings.ToLower(name), rateHz}
	set, ok := l.music[key.name]
	if !ok {
		if set, ok = l.music["default"]; !ok {
			return nil, fmt.Errorf("local_stream %q: there is no such stream: %w", name, fs.ErrNotExist)
		}
		key.name = "default"
	}
	l.players.mu.Lock()
	p := l.players.lists[key]
	l.players.mu.Unlock()
	if p == nil {
		var err error
		if p, err = l.newPlayer(ctx, key, set); err != nil {
			return nil, err
		}
	}
	return p.Listen(), nil
}

// newPlayer lists the pieces and starts the playlist; of two that race one wins.
func (l *Library) newPlayer(ctx context.Context, key playerKey, set stream) (*file.Playlist, error) {
	fsys, paths, err := l.pieces(set.path, key.rateHz)
	if err != nil {
		return nil, fmt.Errorf("local_stream %q: %w", key.name, err)
	}
	made := file.NewPlaylist(file.PlaylistConfig{
		Library: l.cfg.Files, FS: fsys, Paths: paths, RateHz: key.rateHz, Shuffle: set.shuffle,
		OnError: func(err error) { l.log.Warn("music", "err", err) },
	})
	l.players.mu.Lock()
	if p := l.players.lists[key]; p != nil {
		l.players.mu.Unlock()
		return p, nil
	}
	l.players.lists[key] = made
	l.players.mu.Unlock()
	select {
	case l.players.start <- made:
		return made, nil
	case <-ctx.Done():
		l.players.mu.Lock()
		delete(l.players.lists, key)
		l.players.mu.Unlock()
		return nil, context.Cause(ctx)
	}
}

// pieces are the files of a stream: in the layers for a relative path or one
// below the sounds directory, else in that folder.
func (l *Library) pieces(dir string, rateHz int) (fs.FS, []string, error) {
	if filepath.IsAbs(dir) {
		rel, err := filepath.Rel(l.cfg.SoundsDir, dir)
		if err != nil || !filepath.IsLocal(rel) {
			return folder(dir)
		}
		dir = filepath.ToSlash(rel)
	}
	names, err := l.cfg.Finder.List(dir, rateHz)
	if err != nil {
		return nil, nil, err
	}
	var fsys fs.FS
	var paths []string
	for _, name := range names {
		layer, inside, err := l.cfg.Finder.Find(name, rateHz)
		if err != nil {
			continue
		}
		if fsys == nil {
			fsys = layer
		}
		paths = append(paths, inside)
	}
	if len(paths) == 0 {
		return nil, nil, errors.New("there is no music in " + dir)
	}
	return fsys, paths, nil
}

// soundEndings are the files a folder of music is looked through for.
var soundEndings = []string{".wav", ".mp3"}

func folder(dir string) (fs.FS, []string, error) {
	fsys := dirFS(dir)
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, err
	}
	var paths []string
	for _, e := range entries {
		if slices.Contains(soundEndings, strings.ToLower(filepath.Ext(e.Name()))) {
			paths = append(paths, e.Name())
		}
	}
	if len(paths) == 0 {
		return nil, nil, errors.New("there is no music in " + dir)
	}
	return fsys, paths, nil
}
