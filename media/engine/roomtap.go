package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/resample"
)

// roomTap is one Tap of a room.
type roomTap struct {
	// Immutable after Tap.
	room   *room
	sink   media.Sink
	rateHz int

	// Owned by the room's shard.
	side  tapSide
	ended bool
}

// Tap feeds sink with what the room hears.
func (r *room) Tap(sink media.Sink) (media.Tap, error) {
	if sink == nil || sink.RateHz() < resample.MinRateHz || sink.RateHz() > 48000 {
		return nil, errors.New("engine: room: tap: sink without a usable rate")
	}
	t := &roomTap{room: r, sink: sink, rateHz: sink.RateHz()}
	err := r.engine.filters.prepare(t.rateHz)
	if err == nil {
		err = r.post(func(*shard) { r.taps = append(r.taps, t) })
	}
	if err != nil {
		return nil, fmt.Errorf("engine: room %q: tap: %w", r.cfg.Label, err)
	}
	return t, nil
}

// Close ends the tap; TapEnded comes when the sink is closed.
func (t *roomTap) Close() {
	_ = t.room.post(func(*shard) {
		if !t.ended {
			t.room.endTap(t)
		}
	})
}

func (r *room) endTap(t *roomTap) {
	if i := slices.Index(r.taps, t); i >= 0 {
		r.taps = slices.Delete(r.taps, i, i+1)
	}
	t.ended = true
	r.engine.running.Go(func() { r.tell(media.TapEnded{Err: t.sink.Close()}) })
}

func (r *room) feedTaps(sh *shard) {
	for _, t := range r.taps {
		n := t.rateHz / 50
		in, out := sh.sound.tap[0][:n], sh.sound.tap[1][:n]
		t.side.fill(&r.engine.filters, in, r.whole, r.rateHz, t.rateHz)
		clear(out)
		t.sink.Write(in, out)
	}
}
