package session

import (
	"runtime/debug"
	"slices"
	"sync"

	"github.com/tandemswitch/tandem/core"
)

// KeyFunc looks at a key that the far end of from pressed: the channel it is
// bound to, or the one that is bridged with it. taken keeps the key from being
// queued and, as far as it does not cross with the media, from the other leg.
// It is called by owners and must not block.
type KeyFunc func(d core.Digit, from core.ChannelID) (taken bool)

// keyBinders are asked in the order in which they were bound.
type keyBinders struct {
	// Guarded by mu, which is not held while one is asked.
	mu   sync.Mutex
	list []keyBinder
}

type keyBinder struct {
	name string
	f    KeyFunc
}

// BindKeys lets f see the keys of this channel and, while it is bridged, those
// of the other, before anybody else. Of one name the newest counts; a nil f
// removes it.
func (s *Session) BindKeys(name string, f func(d core.Digit, from core.ChannelID) (taken bool)) {
	b := &s.keys
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = slices.DeleteFunc(slices.Clone(b.list), func(k keyBinder) bool { return k.name == name })
	if f != nil {
		b.list = append(b.list, keyBinder{name, f})
	}
}

// TakesKey asks who is bound.
func (s *Session) TakesKey(d core.Digit, from core.ChannelID) bool {
	s.keys.mu.Lock()
	list := s.keys.list // never changed in place
	s.keys.mu.Unlock()
	for _, k := range list {
		if s.askBinder(k, d, from) {
			return true
		}
	}
	return false
}

func (s *Session) askBinder(k keyBinder, d core.Digit, from core.ChannelID) (taken bool) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in key binding", "err", p, "stack", string(debug.Stack()))
			taken = false
		}
	}()
	return k.f(d, from)
}
