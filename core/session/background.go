package session

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// Opener opens a sound. It may block on a disk or a network until ctx ends, and
// is never called by an owner.
type Opener func(ctx context.Context) (media.Source, error)

// background is the sound that the far end hears until something else takes
// its place: ring-back, hold music.
type background struct {
	turn int       // of the newest request: what an older one opens is not wanted
	open Opener    // to begin again when the sound ends
	play *playback // nil while it opens
}

// end stops the sound; what is still being opened will not be played.
func (b *background) end() {
	b.turn++
	b.open = nil
	if b.play != nil {
		b.play.handle.Stop()
		b.play = nil
	}
}

// Background lets the far end hear what open returns, over and over, until
// something else takes its place; nil ends it. It does not wait.
func (s *Session) Background(open Opener) { s.post(backgroundRequest{open}) }

type backgroundRequest struct{ open Opener }

func (m backgroundRequest) handle(s *Session) {
	s.background.end()
	if m.open == nil || !s.alive() || s.stream == nil {
		return
	}
	s.background.open = m.open
	s.openBackground()
}

// openBackground opens beside the owner (design rule C3).
func (s *Session) openBackground() {
	ctx, turn, open := s.ctx, s.background.turn, s.background.open
	s.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("panic in sound", "err", p, "stack", string(debug.Stack()))
			}
		}()
		src, err := open(ctx)
		if err != nil {
			s.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "no background sound", Data: []any{"err", err.Error()}})
			return
		}
		if src != nil {
			s.post(backgroundOpened{turn, once(src)})
		}
	})
}

type backgroundOpened struct {
	turn int
	src  media.Source
}

func (m backgroundOpened) drop() { _ = m.src.Close() }

func (m backgroundOpened) handle(s *Session) {
	if m.turn != s.background.turn || !s.alive() || s.stream == nil {
		m.drop()
		return
	}
	p := newPlayback(core.NewID())
	h, err := s.stream.Play(m.src, media.PlayOptions{ID: p.id, Background: true})
	if err != nil {
		m.drop()
		return
	}
	p.handle = h
	s.background.play = p
	s.playbacks[p.id] = p
}

// minRepeat keeps a sound that ends at once from being opened all the time.
const minRepeat = 100 * time.Millisecond

// backgroundEnded begins again what came to its end.
func (s *Session) backgroundEnded(p *playback, ev media.PlaybackEnded) {
	if s.background.play != p {
		return
	}
	s.background.play = nil
	if s.background.open != nil && !ev.Interrupted && ev.Err == nil && ev.Played >= minRepeat && s.alive() {
		s.openBackground()
	}
}
