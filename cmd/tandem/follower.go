package main

import (
	"context"

	"github.com/tandemswitch/tandem/apps/console"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/event"
)

// follower lets console commands wait for what becomes of a call.
type follower struct{ log *event.Log }

var _ console.Follower = follower{}

// Last implements console.Follower.
func (f follower) Last() uint64 {
	_, last := f.log.Bounds()
	return last
}

// followBatch is how many events are read at a time.
const followBatch = 256

// Follow implements console.Follower.
func (f follower) Follow(ctx context.Context, after uint64, take func(core.Notice) bool) error {
	for {
		events, next, err := f.log.Read(after, followBatch)
		if err != nil {
			return err
		}
		for _, e := range events {
			if !take(core.Notice{Type: e.Type, Time: e.Time, CallID: e.CallID, LegID: e.LegID, Data: e.Data}) {
				return nil
			}
		}
		if after = next; len(events) > 0 {
			continue
		}
		if err := f.log.Wait(ctx, after); err != nil {
			return err
		}
	}
}
