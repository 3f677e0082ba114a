package phone

import (
	"container/heap"
	"time"
)

// timers is what an agent's owner has to do later. An entry counts only while
// its call is in the generation it was made for, so that nothing has to be removed.
type timers struct{ queue timerQueue }

type timer struct {
	at         time.Time
	call       *call
	generation int
	do         func(*call, time.Time)
}

func (t *timers) add(at time.Time, c *call, generation int, do func(*call, time.Time)) {
	heap.Push(&t.queue, timer{at, c, generation, do})
}

// wait is the time until the next entry.
func (t *timers) wait(now time.Time) time.Duration {
	if len(t.queue) == 0 {
		return time.Hour
	}
	return max(t.queue[0].at.Sub(now), 0)
}

// run does what is due.
func (t *timers) run(now time.Time) {
	for len(t.queue) > 0 && !t.queue[0].at.After(now) {
		e := heap.Pop(&t.queue).(timer)
		if e.call.generation == e.generation {
			e.do(e.call, now)
		}
	}
}

type timerQueue []timer

func (q timerQueue) Len() int           { return len(q) }
func (q timerQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q timerQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *timerQueue) Push(x any) { *q = append(*q, x.(timer)) }

// Pop implements heap.Interface.
func (q *timerQueue) Pop() any {
	last := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = timer{}
	*q = (*q)[:len(*q)-1]
	return last
}
