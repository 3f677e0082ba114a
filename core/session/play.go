package session

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// playback is a Play that runs. The owner completes it; an application waits.
type playback struct {
	id     string
	handle media.Playback
	ended  chan playEnd // buffered
	over   bool         // owned by Run
}

type playEnd struct {
	played      time.Duration
	interrupted bool
	err         error
}

func newPlayback(id string) *playback { return &playback{id: id, ended: make(chan playEnd, 1)} }

func (p *playback) finish(e playEnd) {
	if !p.over {
		p.over = true
		p.ended <- e
	}
}

// Play implements core.Session.
func (s *Session) Play(ctx context.Context, src media.Source, terminators string) (core.PlayResult, error) {
	if err := s.ensureMedia(ctx); err != nil {
		_ = src.Close()
		return core.PlayResult{}, err
	}
	src = once(src)
	p := newPlayback(core.NewID())
	reply := make(chan error, 1)
	if err := s.ask(ctx, playRequest{p, src, reply}, reply); err != nil {
		return core.PlayResult{}, err
	}
	return s.awaitPlayback(ctx, p, terminators)
}

// awaitPlayback waits for the end, a terminator or ctx. Keys that end nothing
// are lost while a terminator is listened for; what comes after it waits for
// the next who asks.
func (s *Session) awaitPlayback(ctx context.Context, p *playback, terminators string) (core.PlayResult, error) {
	var res core.PlayResult
	more := s.digits.more
	if terminators == "" {
		more = nil
	}
	for {
		select {
		case e := <-p.ended:
			res.Played = e.played
			if ctx.Err() != nil {
				return res, context.Cause(ctx)
			}
			return res, e.err
		case <-more:
			if d, ok := s.digits.take(); ok && strings.IndexByte(terminators, d.Digit) >= 0 {
				res.Terminator, more = d.Digit, nil
				p.handle.Stop()
			}
		case <-ctx.Done():
			p.handle.Stop()
			return res, context.Cause(ctx)
		case <-s.done:
			return res, s.endedError()
		}
	}
}

// onceSource is a source that may be closed twice: an engine that refuses a
// source may have closed it already.
type onceSource struct {
	media.Source
	closing sync.Once
	err     error
}

func once(src media.Source) media.Source { return &onceSource{Source: src} }

func (o *onceSource) Close() error {
	o.closing.Do(func() { o.err = o.Source.Close() })
	return o.err
}

type playRequest struct {
	p     *playback
	src   media.Source
	reply chan<- error
}

func (m playRequest) drop() { _ = m.src.Close() }

func (m playRequest) handle(s *Session) {
	if s.stream == nil || !s.alive() {
		m.drop()
		m.reply <- s.endedError()
		return
	}
	h, err := s.stream.Play(m.src, media.PlayOptions{ID: m.p.id})
	if err != nil {
		m.drop()
		m.reply <- err
		return
	}
	m.p.handle = h
	s.playbacks[m.p.id] = m.p
	m.reply <- nil
}

// playbackEnded: the engine is done with a source.
func (s *Session) playbackEnded(ev media.PlaybackEnded) {
	p, ok := s.playbacks[ev.ID]
	if !ok {
		return
	}
	delete(s.playbacks, ev.ID)
	s.backgroundEnded(p, ev)
	p.finish(playEnd{played: ev.Played, interrupted: ev.Interrupted, err: ev.Err})
}

// ensureMedia makes sure that the far end can hear us: early media, or the
// answer where early media is not possible (late offer).
func (s *Session) ensureMedia(ctx context.Context) error {
	if err := s.PreAnswer(ctx); err != nil {
		return err
	}
	if s.direction == core.Inbound && s.facts.format().IsZero() {
		return s.Answer(ctx)
	}
	return nil
}

// Echo implements core.Session.
func (s *Session) Echo(ctx context.Context, delay time.Duration) error {
	if err := s.ensureMedia(ctx); err != nil {
		return err
	}
	reply := make(chan error, 1)
	if err := s.ask(ctx, echoRequest{delay, reply}, reply); err != nil {
		return err
	}
	defer s.post(echoRequest{-1, reply})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.done:
		return s.endedError()
	}
}

type echoRequest struct {
	delay time.Duration
	reply chan<- error // buffered; the last word of two is read by nobody
}

func (m echoRequest) handle(s *Session) {
	if s.stream != nil && s.alive() {
		s.stream.Echo(m.delay)
	}
	m.reply <- nil
}
