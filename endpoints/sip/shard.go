package sip

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
)

// shard is one signaling goroutine. It owns the transactions, timers, dialogs
// and legs of the Call-IDs that hash to it, so that none of them needs a lock
// and the messages of a call are handled in the order of their arrival.
type shard struct {
	module *Module
	index  int
	queue  queue
	counts shardCounts

	// Owned by run.
	layers  map[*profile]*transaction.Layer
	dialogs map[dialogKey]*leg // by Call-ID and our tag
	calls   map[string][]*leg  // by Call-ID
	current job
}

// shardCounts are read by others.
type shardCounts struct {
	legs                                      atomic.Int64
	absorbed, retransmitted, dropped, refused atomic.Uint64
}

type dialogKey struct{ callID, tag string }

// job is one thing a shard has to do: a message, or a function.
type job struct {
	profile *profile
	message *transport.Message
	run     func()
}

// maxQueuedMessages is how far a shard may fall behind: at 5,000 messages a
// second this is more than a second, after which far ends repeat themselves anyway.
const maxQueuedMessages = 8192

func newShard(m *Module, index int) *shard {
	return &shard{
		module: m, index: index, queue: queue{ready: make(chan struct{}, 1)},
		layers: map[*profile]*transaction.Layer{}, dialogs: map[dialogKey]*leg{}, calls: map[string][]*leg{},
	}
}

// do queues a function for the shard's goroutine. It never blocks and is never
// refused: what a session asks for must happen.
func (s *shard) do(f func()) { s.queue.put(job{run: f}, 0) }

// receive queues a message; one too many is dropped, and the far end repeats it.
func (s *shard) receive(p *profile, m *transport.Message) {
	if !s.queue.put(job{profile: p, message: m}, maxQueuedMessages) {
		s.counts.dropped.Add(1)
	}
}

// run is the shard's goroutine.
func (s *shard) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var batch []job
	for {
		s.arm(timer)
		select {
		case <-s.queue.ready:
		case <-timer.C:
		case <-ctx.Done():
			for _, j := range s.queue.take(batch) {
				s.work(j)
			}
			s.letGo()
			return
		}
		batch = s.queue.take(batch)
		for _, j := range batch {
			s.work(j)
		}
		for _, l := range s.layers {
			s.guard(func() { l.Schedule.Run(time.Now()) })
		}
		s.publishCounts()
	}
}

// arm sets the timer to the earliest alarm.
func (s *shard) arm(timer *time.Timer) {
	next := time.Hour
	for _, l := range s.layers {
		if at, ok := l.Schedule.Next(); ok {
			next = min(next, time.Until(at))
		}
	}
	timer.Reset(max(next, 0))
}

func (s *shard) publishCounts() {
	var absorbed, again uint64
	for _, l := range s.layers {
		absorbed += l.Counters.Absorbed
		again += l.Counters.Retransmitted
	}
	s.counts.absorbed.Store(absorbed)
	s.counts.retransmitted.Store(again)
}

// work does one job.
func (s *shard) work(j job) {
	s.guard(func() {
		if j.run != nil {
			j.run()
			return
		}
		s.current = j
		s.message(j.profile, j.message)
	})
	s.current = job{}
}

// guard keeps a panic from taking more than the job that caused it.
func (s *shard) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.module.log.Error("signaling panicked", "err", p, "stack", string(debug.Stack()))
			if m := s.current.message; m != nil {
				s.abandon(m.SIP().CallID().Value())
			}
		}
	}()
	f()
}

// letGo is done with every leg at the end of the switch: what had to be sent
// was sent, and nobody waits for answers any more.
func (s *shard) letGo() {
	for _, legs := range s.calls {
		for _, l := range slices.Clone(legs) {
			l.finish()
		}
	}
}

// abandon ends the legs of a call that a bug has hit.
func (s *shard) abandon(callID string) {
	for _, l := range s.calls[callID] {
		l.post(core.LegFailed{Cause: core.CauseNormalTemporaryFailure, Detail: "internal error"})
	}
}

// layer returns the transactions of a profile; profiles differ in their timers.
func (s *shard) layer(p *profile) *transaction.Layer {
	l := s.layers[p]
	if l == nil {
		l = transaction.New(transaction.Config{
			User:   (*user)(s),
			Timers: transaction.Timers{T1: p.settings.TimerT1, T2: p.settings.TimerT2, T4: p.settings.TimerT4},
			Sent:   s.sent,
		})
		s.layers[p] = l
	}
	return l
}

// message takes one message from the wire.
func (s *shard) message(p *profile, m *transport.Message) {
	callID := m.SIP().CallID().Value()
	s.journal(callID, "received", m.Flow, m.Raw)
	if m.Request == nil {
		s.layer(p).ReceiveResponse(m.Response)
		return
	}
	if s.refuse(p, m) {
		return
	}
	s.layer(p).ReceiveRequest(m.Request, m.Flow)
}

// refuse answers a new call with 503 before any state is made, while the switch
// drains or is at its limit.
func (s *shard) refuse(p *profile, m *transport.Message) bool {
	if m.Request.Method != sip.INVITE || tagOf(m.Request.To().Params) != "" || s.layer(p).Knows(m.Request) {
		return false
	}
	if s.module.ready() == nil {
		return false
	}
	s.counts.refused.Add(1)
	res := transaction.NewResponse(m.Request, 503, phrase(503), transport.NewTag())
	res.AppendHeader(sip.NewHeader("Retry-After", retryAfter))
	res.SetBody(nil)
	_ = m.Flow.Send([]byte(res.String()))
	return true
}

// retryAfter is long enough for a burst to pass and short enough for a person to wait.
const retryAfter = "10"

func (s *shard) flowDown(f *transport.Flow, err error) {
	for _, l := range s.layers {
		l.Broken(func(g transaction.Flow) bool {
			other, ok := g.(*transport.Flow)
			return ok && other.Same(f)
		}, err)
	}
}

// add lists a leg; remove takes it off.
func (s *shard) add(l *leg) {
	s.dialogs[dialogKey{l.callID, l.tag}] = l
	s.calls[l.callID] = append(s.calls[l.callID], l)
	s.counts.legs.Add(1)
}

func (s *shard) remove(l *leg) {
	key := dialogKey{l.callID, l.tag}
	if s.dialogs[key] != l {
		return
	}
	delete(s.dialogs, key)
	rest := s.calls[l.callID][:0]
	for _, other := range s.calls[l.callID] {
		if other != l {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(s.calls, l.callID)
	} else {
		s.calls[l.callID] = rest
	}
	s.counts.legs.Add(-1)
}

// queue is the shard's inbox.
type queue struct {
	ready chan struct{} // holds one token while jobs wait

	mu       sync.Mutex
	jobs     []job // Guarded by mu.
	messages int   // Guarded by mu. Messages among jobs.
}

// put appends a job; a message is refused when limit messages wait.
func (q *queue) put(j job, limit int) bool {
	q.mu.Lock()
	if j.message != nil {
		if q.messages >= limit {
			q.mu.Unlock()
			return false
		}
		q.messages++
	}
	q.jobs = append(q.jobs, j)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true
}

// take swaps the waiting jobs with into, whose content is over.
func (q *queue) take(into []job) []job {
	clear(into)
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs, q.messages = into[:0], 0
	return jobs
}
