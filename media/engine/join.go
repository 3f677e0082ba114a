package engine

import (
	"errors"
	"slices"

	"github.com/tandemswitch/tandem/media"
)

// Join connects both directions of two streams. If they live on different
// shards the younger moves; packets wait in its sockets meanwhile.
func (s *stream) Join(other media.Stream) error {
	p, ok := other.(*stream)
	if !ok || p.engine != s.engine || p == s {
		return errors.New("engine: join: not another stream of this engine")
	}
	return s.post(func(sh *shard) { s.join(sh, p) })
}

// Split ends the join.
func (s *stream) Split() {
	_ = s.post(func(sh *shard) { s.split(sh) })
}

func (s *stream) split(sh *shard) {
	s.intent++
	s.unjoin(sh, "split")
}

// join runs on the home shard of s.
func (s *stream) join(sh *shard, p *stream) {
	if s.closed || s.broken {
		return
	}
	s.intent++
	if p.home.Load() == sh {
		p.intent++
		s.link(sh, p)
		return
	}
	if s.id > p.id {
		s.unjoin(sh, "joined elsewhere")
		s.again(func(sh *shard) { s.join(sh, p) })
		s.move(sh, p.home.Load())
		return
	}
	// The peer moves to us; either side may change its mind on the way.
	mine := s.intent
	_ = p.post(func(psh *shard) {
		p.intent++
		theirs := p.intent
		dest := s.home.Load()
		if dest != psh {
			p.unjoin(psh, "joined elsewhere")
			p.move(psh, dest)
		}
		_ = s.post(func(sh *shard) { s.complete(sh, p, mine, theirs) })
	})
}

// complete links the peer that came to us, unless one of the two has been
// joined, split or closed since.
func (s *stream) complete(sh *shard, p *stream, mine, theirs uint32) {
	switch {
	case s.intent != mine || s.closed:
		return
	case p.home.Load() != sh: // one of us was taken elsewhere in between
		s.join(sh, p)
	case p.intent == theirs:
		s.link(sh, p)
	}
}

// link joins two streams of this shard.
func (s *stream) link(sh *shard, p *stream) {
	if s.peer == p || p.closed || p.broken {
		return
	}
	s.unjoin(sh, "joined elsewhere")
	p.unjoin(sh, "joined elsewhere")
	s.peer, p.peer = p, s
	s.replan(sh, "joined")
}

// unjoin leaves the peer, if there is one.
func (s *stream) unjoin(sh *shard, reason string) {
	p := s.peer
	if p == nil {
		return
	}
	s.peer, p.peer = nil, nil
	s.replan(sh, reason)
	p.replan(sh, reason)
}

// move hands s, and what hangs on it through pipes and joins, to another
// shard. The sockets keep what arrives until it is there. Nothing of s may be
// touched afterwards.
func (s *stream) move(sh, dest *shard) {
	together := []*stream{s}
	for i := 0; i < len(together); i++ {
		for _, n := range []*stream{together[i].twin, together[i].peer} {
			if n != nil && n.home.Load() == sh && !slices.Contains(together, n) {
				together = append(together, n)
			}
		}
	}
	for _, n := range together {
		n.moveAlone(sh, dest)
	}
}

func (s *stream) moveAlone(sh, dest *shard) {
	sh.release(s)
	sh.load.Add(-1)
	dest.load.Add(1)
	s.arriving = true
	s.home.Store(dest) // from here on the other shard owns it
	dest.notify(s)
}
