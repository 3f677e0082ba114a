// Package inbox is the queue in front of an owner: the one goroutine that owns
// some state takes messages from it in batches, everybody else posts.
//
// It starts no goroutine. Posting never blocks (design rule C2): an inbox that
// is full refuses, and the receiver, not the poster, is in trouble.
package inbox

import (
	"errors"
	"sync"
)

// DefaultLimit is the number of messages an owner may fall behind: a bug or an
// attack is beyond it, never a busy second.
const DefaultLimit = 256

// Errors of Post.
var (
	// ErrFull means that the owner fell too far behind.
	ErrFull = errors.New("inbox full")
	// ErrClosed means that the owner has ended.
	ErrClosed = errors.New("inbox closed")
)

// Inbox is a bounded queue of messages for one owner. The zero value is not
// usable; see New.
type Inbox[T any] struct {
	ready chan struct{} // holds one token while items wait

	// Guarded by mu.
	mu     sync.Mutex
	items  []T
	limit  int
	closed bool
}

// New returns an empty inbox for limit messages; DefaultLimit if limit is 0.
func New[T any](limit int) *Inbox[T] {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Inbox[T]{ready: make(chan struct{}, 1), limit: limit}
}

// Post appends m. It never blocks. It may be called from any goroutine.
func (b *Inbox[T]) Post(m T) error { return b.put(m, false) }

// Must is Post for the few messages without which an owner would never end
// (a leg's release, a goroutine's return): a full inbox takes them in. Who uses
// it sends one of a kind. The only error is ErrClosed.
func (b *Inbox[T]) Must(m T) error { return b.put(m, true) }

func (b *Inbox[T]) put(m T, always bool) error {
	b.mu.Lock()
	switch {
	case b.closed:
		b.mu.Unlock()
		return ErrClosed
	case len(b.items) >= b.limit && !always:
		b.mu.Unlock()
		return ErrFull
	}
	b.items = append(b.items, m)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
	return nil
}

// Ready delivers a token when there is something to take.
func (b *Inbox[T]) Ready() <-chan struct{} { return b.ready }

// Take moves all messages to the front of into, whose old content is
// discarded, and returns it. The two slices are swapped from call to call, so
// that nothing is allocated in the long run. Only the owner calls it.
func (b *Inbox[T]) Take(into []T) []T {
	clear(into)
	b.mu.Lock()
	taken := b.items
	b.items = into[:0]
	b.mu.Unlock()
	return taken
}

// Close refuses further posts and returns what was not taken, for the owner to
// answer those who wait.
func (b *Inbox[T]) Close() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	rest := b.items
	b.items, b.closed = nil, true
	return rest
}
