package engine

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mix"
	"github.com/tandemswitch/tandem/media/resample"
)

// playback is one Play.
type playback struct {
	// Immutable after Play.
	stage   stage
	filters *filters
	src     media.Source
	opt     media.PlayOptions

	position atomic.Int64 // nanoseconds

	// Owned by the shard.
	paused   bool
	stopping bool // fades out, in a room
	ended    bool
	played   int64 // samples of the source
	rate     rate
	fifo     []int16 // converted, not yet heard
	have     int
	fade     mix.Fader // in a room
}

// stage is where a playback is heard: a stream or a room.
type stage interface {
	post(func(*shard)) error
	stopPlay(sh *shard, p *playback)
}

var _ media.Playback = (*playback)(nil)

// Play lets the far end hear src. A stream that is not negotiated yet begins
// when it is. The error wraps media.ErrNoCodec when the negotiated codec can
// only be relayed; src is then closed.
func (s *stream) Play(src media.Source, opt media.PlayOptions) (media.Playback, error) {
	if err := usableSource(src); err != nil {
		return nil, fmt.Errorf("engine: play %q: %w", opt.ID, err)
	}
	p := &playback{stage: s, filters: &s.engine.filters, src: src, opt: opt}
	err := s.desk.canSound()
	if err == nil {
		err = s.engine.filters.prepare(src.RateHz())
	}
	if err == nil {
		err = s.post(func(sh *shard) { s.beginPlay(sh, p) })
	}
	if err != nil {
		_ = src.Close()
		return nil, fmt.Errorf("engine: play %q: %w", opt.ID, err)
	}
	return p, nil
}

func usableSource(src media.Source) error {
	if src == nil || src.RateHz() < resample.MinRateHz || src.RateHz() > resample.MaxRateHz {
		return errors.New("source without a usable rate")
	}
	return nil
}

// Stop ends the playback at the next tick.
func (p *playback) Stop() {
	_ = p.stage.post(func(sh *shard) {
		if !p.ended {
			p.stage.stopPlay(sh, p)
		}
	})
}

func (s *stream) stopPlay(sh *shard, p *playback) {
	s.endPlay(p, true, nil)
	s.replan(sh, "playback stopped")
}

// Pause keeps the position; the far end hears silence.
func (p *playback) Pause() { p.setPaused(true) }

// Resume goes on from the position.
func (p *playback) Resume() { p.setPaused(false) }

func (p *playback) setPaused(paused bool) {
	_ = p.stage.post(func(*shard) { p.paused = paused })
}

// Position is the time already heard.
func (p *playback) Position() time.Duration { return time.Duration(p.position.Load()) }

func (s *stream) beginPlay(sh *shard, p *playback) {
	s.plays = append(s.plays, p)
	s.replan(sh, "playback begins")
}

// endPlay takes p off, reports it and closes its source, off the tick.
func (s *stream) endPlay(p *playback, interrupted bool, err error) {
	if i := slices.Index(s.plays, p); i >= 0 {
		s.plays = slices.Delete(s.plays, i, i+1)
	}
	s.tell(p.end(s.engine, interrupted, err))
}

// end closes the source, off the tick, and returns what is to be reported.
func (p *playback) end(e *Engine, interrupted bool, err error) media.PlaybackEnded {
	p.ended = true
	e.running.Go(func() { _ = p.src.Close() })
	return media.PlaybackEnded{ID: p.opt.ID, Interrupted: interrupted, Played: p.Position(), Err: err}
}

func foreground(o media.PlayOptions) bool { return !o.Mix && !o.Background }
func background(o media.PlayOptions) bool { return !o.Mix && o.Background }

// top is the newest playback of a sort.
func (s *stream) top(sort func(media.PlayOptions) bool) *playback {
	for _, p := range slices.Backward(s.plays) {
		if sort(p.opt) {
			return p
		}
	}
	return nil
}

func (s *stream) anyMix() bool {
	for _, p := range s.plays {
		if p.opt.Mix {
			return true
		}
	}
	return false
}

// playBase fills out from the playback that is heard in place of all else.
func (s *stream) playBase(sh *shard, out []int16) {
	p := s.top(foreground)
	if p == nil {
		p = s.top(background)
	}
	if p == nil || p.paused {
		clear(out)
		return
	}
	n, err := p.read(sh, out, s.tx.rateHz)
	clear(out[n:])
	if err != nil {
		s.donePlay(sh, p, err)
	}
}

// mixIn adds the playbacks that are heard over the rest.
func (s *stream) mixIn(sh *shard, out []int16) {
	for i := 0; i < len(s.plays); i++ {
		p := s.plays[i]
		if !p.opt.Mix || p.paused {
			continue
		}
		over := sh.sound.source[:len(out)]
		n, err := p.read(sh, over, s.tx.rateHz)
		mixInto(out, over[:n])
		if err != nil {
			s.donePlay(sh, p, err)
			i--
		}
	}
}

// donePlay ends a playback that ended by itself.
func (s *stream) donePlay(sh *shard, p *playback, err error) {
	s.endPlay(p, false, unlessEOF(err))
	s.replan(sh, "playback ended")
}

// unlessEOF is the error of a source that did not come to its end.
func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// read fills dst at rateHz. n < len(dst) comes only with an error.
func (p *playback) read(sh *shard, dst []int16, rateHz int) (n int, err error) {
	from, known := p.src.RateHz(), p.filters
	if !p.rate.aim(known, from, rateHz) {
		n, err = p.src.Read(dst)
		p.count(n)
		return n, err
	}
	for p.have < len(dst) && err == nil {
		var got int
		raw := sh.pcm[:min(p.rate.need(len(dst)-p.have), len(sh.pcm))]
		got, err = p.src.Read(raw)
		p.count(got)
		converted := p.rate.convert(known, from, rateHz, raw[:got])
		if room := p.have + len(converted); cap(p.fifo) < room {
			p.fifo = append(make([]int16, 0, 2*room), p.fifo[:p.have]...)
		}
		p.fifo = append(p.fifo[:p.have], converted...)
		p.have = len(p.fifo)
	}
	n = copy(dst, p.fifo[:p.have])
	copy(p.fifo, p.fifo[n:p.have])
	p.have -= n
	if p.have > 0 && err != nil && errors.Is(err, io.EOF) {
		err = nil // the rest is heard with the next tick, whose read says EOF again
	}
	return n, err
}

func (p *playback) count(samples int) {
	p.played += int64(samples)
	p.position.Store(p.played * int64(time.Second) / int64(p.src.RateHz()))
}
