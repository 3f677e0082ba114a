package session

import (
	"context"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// maxDigits is how many digits wait for an application; then the oldest is lost.
const maxDigits = 128

// digitQueue holds the keys that nobody asked for yet. The owner puts, the
// application takes.
type digitQueue struct {
	more chan struct{} // holds one token while digits wait

	// Guarded by mu.
	mu    sync.Mutex
	items []core.Digit
}

func newDigitQueue() *digitQueue { return &digitQueue{more: make(chan struct{}, 1)} }

func (q *digitQueue) put(d core.Digit) {
	q.mu.Lock()
	if len(q.items) == maxDigits {
		q.items = append(q.items[:0], q.items[1:]...)
	}
	q.items = append(q.items, d)
	q.mu.Unlock()
	q.signal()
}

func (q *digitQueue) signal() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// take returns the oldest digit; false if there is none (a token may be old).
func (q *digitQueue) take() (core.Digit, bool) {
	q.mu.Lock()
	if len(q.items) == 0 {
		q.mu.Unlock()
		return core.Digit{}, false
	}
	d := q.items[0]
	q.items = append(q.items[:0], q.items[1:]...)
	left := len(q.items)
	q.mu.Unlock()
	if left > 0 {
		q.signal()
	}
	return d, true
}

func (q *digitQueue) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = q.items[:0]
}

// String is what waits, for snapshots.
func (q *digitQueue) String() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := make([]byte, len(q.items))
	for i, d := range q.items {
		b[i] = d.Digit
	}
	return string(b)
}

// digit queues a key for the application that asks for one; the oldest is lost
// when nobody does.
func (s *Session) digit(d core.Digit, signaling bool) {
	s.facts.dial(d.Digit)
	s.announce("interaction.dtmf", map[string]any{"digit": string(d.Digit), "duration_ms": d.Duration.Milliseconds()})
	if s.TakesKey(d, s.id) {
		return
	}
	s.saw(SawDigit{Digit: d, Signaling: signaling})
	s.digits.put(d)
}

// Digit implements core.Session.
func (s *Session) Digit(ctx context.Context, timeout time.Duration) (byte, bool, error) {
	t := time.NewTimer(timeout)
	defer t.Stop()
	for {
		select {
		case <-s.digits.more:
			if d, ok := s.digits.take(); ok {
				return d.Digit, true, nil
			}
		case <-t.C:
			return 0, false, nil
		case <-ctx.Done():
			return 0, false, context.Cause(ctx)
		case <-s.done:
			return 0, false, s.endedError()
		}
	}
}

// FlushDigits implements core.Session.
func (s *Session) FlushDigits() { s.digits.flush() }

// ForwardDigit sends one digit of the peer on; it does not wait. One that came
// in the media crosses with the media, unless our far end takes no
// telephone-events: then it is signaled.
func (s *Session) ForwardDigit(d core.Digit, inMedia bool) { s.post(forwardDigitRequest{d, inMedia}) }

type forwardDigitRequest struct {
	d       core.Digit
	inMedia bool
}

func (m forwardDigitRequest) handle(s *Session) {
	if s.stream == nil || !s.alive() {
		return
	}
	if n, ok := s.stream.Negotiated(); m.inMedia && ok && !n.EventSend.IsZero() {
		return
	}
	sendDigitsRequest{string(m.d.Digit), m.d.Duration, make(chan error, 1)}.handle(s)
}

// SendDigits implements core.Session.
func (s *Session) SendDigits(ctx context.Context, digits string, each time.Duration) error {
	reply := make(chan error, 1)
	return s.ask(ctx, sendDigitsRequest{digits, each, reply}, reply)
}

type sendDigitsRequest struct {
	digits string
	each   time.Duration
	reply  chan<- error
}

// handle sends in the media, or by signaling where the far end has no
// telephone-event.
func (m sendDigitsRequest) handle(s *Session) {
	if s.stream == nil || !s.alive() {
		m.reply <- s.endedError()
		return
	}
	if n, ok := s.stream.Negotiated(); ok && !n.EventSend.IsZero() {
		m.reply <- s.stream.SendDigits(m.digits, m.each)
		return
	}
	sender, ok := s.leg.(core.DTMFSender)
	if !ok {
		m.reply <- core.ErrUnsupported
		return
	}
	for _, d := range []byte(m.digits) {
		sender.SendDTMF(d, m.each)
	}
	m.reply <- nil
}
