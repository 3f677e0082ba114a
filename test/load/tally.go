//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/test/load/flow"
	"github.com/tandemswitch/tandem/test/load/phone"
)

// tally collects outcomes, from any goroutine.
type tally struct {
	mu       sync.Mutex
	up       int // answered
	done     int
	failed   int
	failures map[string]int
	setup    flow.Histogram
	repeats  uint64
}

// answered is Call.Up.
func (t *tally) answered(o phone.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.up++
	t.setup.Add(o.Setup)
}

// ended is Call.Done for something that is to succeed.
func (t *tally) ended(o phone.Outcome) { t.endedWith(o, o.OK()) }

// endedWith counts an outcome that is as it should be or not.
func (t *tally) endedWith(o phone.Outcome, good bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	t.repeats += uint64(o.Retransmits)
	if good {
		return
	}
	t.failed++
	if t.failures == nil {
		t.failures = map[string]int{}
	}
	t.failures[failure(o)]++
}

func failure(o phone.Outcome) string {
	if o.Err != nil {
		return o.Err.Error()
	}
	return fmt.Sprint(o.Status)
}

// counts returns how many were answered and how many are over.
func (t *tally) counts() (up, done int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.up, t.done
}

// into fills in a result; nothing of the tally runs any more.
func (t *tally) into(r *Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Failed, r.Failures, r.Repeats = t.failed, t.failures, t.repeats
	r.Setup = quantiles(&t.setup)
}

// pace calls do so many times per second, n times in all, and returns how late it was.
func (b *bench) pace(ctx context.Context, n, perSecond int, do func(i int)) (*flow.Histogram, error) {
	late := &flow.Histogram{}
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		if wait := time.Until(due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return late, context.Cause(ctx)
			case <-b.tandem.Exited():
				return late, errSwitchEnded
			}
		}
		late.Add(time.Since(due))
		do(i)
	}
	return late, nil
}
