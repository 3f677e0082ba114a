// Package presence is a board of keys and their latest states: lamps, message
// counts, registrations. Who publishes and who shows it need not know each
// other; a key is a path such as "call/1000@example.com" that both agree on.
//
// The board coalesces and is never lossy: a slow subscriber misses states that
// were overwritten, never the latest one. Nothing here blocks, and there is no
// goroutine.
package presence

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/core"
)

// Board is key → latest state. All methods are safe for concurrent use.
type Board struct {
	// Guarded by mu.
	mu      sync.Mutex
	states  map[string]string
	watch   map[string][]*Subscription // by prefix
	lengths []int                      // of the prefixes, ascending
}

var _ core.Presence = (*Board)(nil)

// New returns an empty board.
func New() *Board {
	return &Board{states: map[string]string{}, watch: map[string][]*Subscription{}}
}

// Publish sets the state of a key; an empty state removes it. Subscribers whose
// prefix the key has are woken if the state changed.
func (b *Board) Publish(key, state string) {
	b.mu.Lock()
	before, known := b.states[key]
	if before == state && (known || state == "") {
		b.mu.Unlock()
		return
	}
	if state == "" {
		delete(b.states, key)
	} else {
		b.states[key] = state
	}
	var wake []*Subscription
	for _, n := range b.lengths {
		if n > len(key) {
			break
		}
		for _, s := range b.watch[key[:n]] {
			s.mark(key)
			wake = append(wake, s)
		}
	}
	b.mu.Unlock()
	for _, s := range wake {
		s.wake()
	}
}

// Latest returns the state of a key, and whether it has one.
func (b *Board) Latest(key string) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	state, ok := b.states[key]
	return state, ok
}

// All returns a copy of the keys with a prefix and their states.
func (b *Board) All(prefix string) map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if prefix == "" {
		return maps.Clone(b.states)
	}
	found := map[string]string{}
	for key, state := range b.states {
		if strings.HasPrefix(key, prefix) {
			found[key] = state
		}
	}
	return found
}

// Subscribe tells of the keys with a prefix; a whole key is a prefix, too, and ""
// is all. What is there already comes with the first Take. The subscriber calls
// Close in the end.
func (b *Board) Subscribe(prefix string) *Subscription {
	s := &Subscription{board: b, prefix: prefix, ready: make(chan struct{}, 1), dirty: map[string]bool{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.states {
		if strings.HasPrefix(key, prefix) {
			s.mark(key)
		}
	}
	slices.Sort(s.keys) // maps have no order
	if len(s.keys) > 0 {
		s.wake()
	}
	b.watch[prefix] = append(b.watch[prefix], s)
	if at, found := slices.BinarySearch(b.lengths, len(prefix)); !found {
		b.lengths = slices.Insert(b.lengths, at, len(prefix))
	}
	return s
}

// Change is a key and its state now; empty if it was removed.
type Change struct{ Key, State string }

// Subscription is one subscriber's list of keys that changed. Its methods are
// safe for concurrent use.
type Subscription struct {
	// Immutable after Subscribe.
	board  *Board
	prefix string
	ready  chan struct{} // holds a token while there is something to take

	// Guarded by board.mu.
	keys  []string // in the order they changed first
	dirty map[string]bool
}

// mark notes that a key changed. The caller holds board.mu.
func (s *Subscription) mark(key string) {
	if !s.dirty[key] {
		s.dirty[key] = true
		s.keys = append(s.keys, key)
	}
}

func (s *Subscription) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Ready delivers a token when there is something to take.
func (s *Subscription) Ready() <-chan struct{} { return s.ready }

// Take returns the keys that changed since the last Take with their latest
// states, in the order in which they changed first. It does not wait.
func (s *Subscription) Take() []Change {
	s.board.mu.Lock()
	defer s.board.mu.Unlock()
	if len(s.keys) == 0 {
		return nil
	}
	changes := make([]Change, len(s.keys))
	for i, key := range s.keys {
		changes[i] = Change{key, s.board.states[key]}
	}
	s.keys = s.keys[:0]
	clear(s.dirty)
	return changes
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	b := s.board
	b.mu.Lock()
	defer b.mu.Unlock()
	rest := slices.DeleteFunc(b.watch[s.prefix], func(other *Subscription) bool { return other == s })
	if len(rest) > 0 {
		b.watch[s.prefix] = rest
		return
	}
	delete(b.watch, s.prefix)
	n := len(s.prefix)
	for prefix := range b.watch {
		if len(prefix) == n {
			return // another one of this length
		}
	}
	if at, found := slices.BinarySearch(b.lengths, n); found {
		b.lengths = slices.Delete(b.lengths, at, at+1)
	}
}
