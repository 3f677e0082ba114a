package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/resample"
)

// tap is one Tap: a sink that hears both directions.
type tap struct {
	// Immutable after Tap.
	stream *stream
	sink   media.Sink
	rateHz int

	// Owned by the shard.
	in, out tapSide
	ended   bool
}

// tapSide brings one direction to the sink's rate.
type tapSide struct {
	rate rate
	fifo []int16
	have int
}

var _ media.Tap = (*tap)(nil)

// Tap feeds sink with both directions. The way packets take does not change
// for it: they are decoded beside it.
func (s *stream) Tap(sink media.Sink) (media.Tap, error) {
	if sink == nil || sink.RateHz() < resample.MinRateHz || sink.RateHz() > 48000 {
		return nil, errors.New("engine: tap: sink without a usable rate")
	}
	t := &tap{stream: s, sink: sink, rateHz: sink.RateHz()}
	err := s.desk.canSound()
	if err == nil {
		err = s.engine.filters.prepare(t.rateHz)
	}
	if err == nil {
		err = s.post(func(sh *shard) {
			s.taps = append(s.taps, t)
			s.replan(sh, "tap begins")
		})
	}
	if err != nil {
		return nil, fmt.Errorf("engine: tap: %w", err)
	}
	return t, nil
}

// Close ends the tap; TapEnded comes when the sink is closed.
func (t *tap) Close() {
	s := t.stream
	_ = s.post(func(sh *shard) {
		if !t.ended {
			s.endTap(t)
			s.replan(sh, "tap ended")
		}
	})
}

// endTap takes t off and closes its sink, off the tick.
func (s *stream) endTap(t *tap) {
	if i := slices.Index(s.taps, t); i >= 0 {
		s.taps = slices.Delete(s.taps, i, i+1)
	}
	t.ended = true
	s.engine.running.Go(func() { s.tell(media.TapEnded{Err: t.sink.Close()}) })
}

// feedTaps gives this tick's sound to the taps: in what the far end said, out
// what it heard; out is nil where packets are sent as they come.
func (s *stream) feedTaps(sh *shard, out []int16, now time.Duration) {
	var in []int16
	inRate, outRate := s.tx.rateHz, s.tx.rateHz
	if s.rx.wanted {
		in, inRate = s.rx.in, s.rx.playout.rateHz
	}
	if out == nil && s.tx.tee.on {
		outRate = s.tx.tee.out.rateHz
		out = sh.sound.out[:outRate/50]
		s.tx.tee.read(out, now)
	}
	for _, t := range s.taps {
		n := t.rateHz / 50
		a, b := sh.sound.tap[0][:n], sh.sound.tap[1][:n]
		t.in.fill(&s.engine.filters, a, in, inRate, t.rateHz)
		t.out.fill(&s.engine.filters, b, out, outRate, t.rateHz)
		t.sink.Write(a, b)
	}
}

// fill fills dst with the sound of one tick at the sink's rate; silence where
// there is none.
func (d *tapSide) fill(known *filters, dst, src []int16, from, to int) {
	if len(src) == 0 {
		clear(dst)
		return
	}
	if from == to {
		fill(dst, src)
		return
	}
	converted := d.rate.convert(known, from, to, src)
	if room := d.have + len(converted); cap(d.fifo) < room {
		d.fifo = append(make([]int16, 0, 2*room), d.fifo[:d.have]...)
	}
	d.fifo = append(d.fifo[:d.have], converted...)
	n := copy(dst, d.fifo)
	clear(dst[n:])
	copy(d.fifo, d.fifo[n:])
	d.have = min(len(d.fifo)-n, len(dst)) // never more than a tick behind
}
