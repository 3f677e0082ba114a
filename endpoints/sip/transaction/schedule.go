package transaction

import (
	"container/heap"
	"time"
)

// Schedule is the timers of one signaling shard: a heap, so that a thousand
// transactions cost one runtime timer. It belongs to one goroutine.
type Schedule struct {
	alarms alarmHeap
	order  uint64
}

// Alarm is one timer. A nil Alarm is a stopped one.
type Alarm struct {
	at    time.Time
	order uint64
	index int // in the heap, -1 when it is not
	run   func()
	in    *Schedule
}

// After runs f once, d from now, in [Schedule.Run].
func (s *Schedule) After(d time.Duration, f func()) *Alarm {
	s.order++
	a := &Alarm{at: time.Now().Add(d), order: s.order, run: f, in: s}
	heap.Push(&s.alarms, a)
	return a
}

// Stop takes the alarm off the schedule; it may be called at any time.
func (a *Alarm) Stop() {
	if a != nil && a.index >= 0 {
		heap.Remove(&a.in.alarms, a.index)
		a.run = nil
	}
}

// Next returns when the earliest alarm is due.
func (s *Schedule) Next() (at time.Time, ok bool) {
	if len(s.alarms) == 0 {
		return time.Time{}, false
	}
	return s.alarms[0].at, true
}

// Len returns the number of alarms set.
func (s *Schedule) Len() int { return len(s.alarms) }

// Run runs everything that is due at now, in order of time. Alarms set
// meanwhile run only if they are due, too.
func (s *Schedule) Run(now time.Time) {
	for len(s.alarms) > 0 && !s.alarms[0].at.After(now) {
		a := heap.Pop(&s.alarms).(*Alarm)
		run := a.run
		a.run = nil
		run()
	}
}

type alarmHeap []*Alarm

func (h alarmHeap) Len() int { return len(h) }
func (h alarmHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].order < h[j].order
	}
	return h[i].at.Before(h[j].at)
}

func (h alarmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *alarmHeap) Push(x any) {
	a := x.(*Alarm)
	a.index = len(*h)
	*h = append(*h, a)
}

func (h *alarmHeap) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.index = -1
	return a
}
