package session

import (
	"context"
	"strings"
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
	p := newPlayback(core.NewID())
	reply := make(chan error, 1)
	if err := s.ask(ctx, playRequest{p, src, reply}, reply); err != nil {
		return core.PlayResult{}, err
	}
	return s.awaitPlayback(ctx, p, terminators)
}

// awaitPlayback waits for the end, a terminator or ctx.
func (s *Session) awaitPlayback(ctx context.Context, p *playback, terminators string) (core.PlayResult, error) {
	var res core.PlayResult
	for {
		select {
		case e := <-p.ended:
			res.Played = e.played
			return res, e.err
		case d := <-s.digits:
			if terminators != "" && strings.IndexByte(terminators, d.Digit) >= 0 && res.Terminator == 0 {
				res.Terminator = d.Digit
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

type playRequest struct {
	p     *playback
	src   media.Source
	reply chan<- error
}

func (m playRequest) handle(s *Session) {
	if s.stream == nil || s.ch.State() >= core.StateHangup {
		_ = m.src.Close()
		m.reply <- s.endedError()
		return
	}
	h, err := s.stream.Play(m.src, media.PlayOptions{ID: m.p.id})
	if err != nil {
		_ = m.src.Close()
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
	if s.background == p {
		s.background = nil
	}
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
	s.post(echoRequest{delay})
	defer s.post(echoRequest{-1})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.done:
		return s.endedError()
	}
}

type echoRequest struct{ delay time.Duration }

func (m echoRequest) handle(s *Session) {
	if s.stream != nil {
		s.stream.Echo(m.delay)
	}
}
