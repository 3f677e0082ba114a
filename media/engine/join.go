package engine

import (
	"errors"
	"slices"

	"github.com/tandemswitch/tandem/media"
)

// Join connects both directions of two streams. If they live on different
// shards the younger moves; packets wait in its sockets meanwhile.
//
// A join over two shards takes two steps, and others may be asked for in
// between. Each join and split therefore has a ticket, in the order of the
// calls, and each stream knows the newest that concerned it: an older one that
// comes late is void.
func (s *stream) Join(other media.Stream) error {
	p, ok := other.(*stream)
	if !ok || p.engine != s.engine || p == s {
		return errors.New("engine: join: not another stream of this engine")
	}
	ticket := s.engine.tickets.Add(1)
	return s.post(func(sh *shard) { s.join(sh, p, ticket) })
}

// Split ends the join.
func (s *stream) Split() {
	ticket := s.engine.tickets.Add(1)
	_ = s.post(func(sh *shard) {
		if s.claim(ticket) {
			s.unjoin(sh, "split")
		}
	})
}

// claim makes a ticket the stream's newest; false if a newer one was there.
func (s *stream) claim(ticket uint64) bool {
	if ticket < s.ticket || s.closed || s.broken {
		return false
	}
	s.ticket = ticket
	return true
}

// join runs on the home shard of s.
func (s *stream) join(sh *shard, p *stream, ticket uint64) {
	if !s.claim(ticket) {
		return
	}
	switch home := p.home.Load(); {
	case home == sh:
		if p.claim(ticket) {
			s.link(sh, p)
		}
	case s.id > p.id && !s.anchored(sh):
		s.leaveAll(sh)
		s.again(func(sh *shard) { s.join(sh, p, ticket) })
		s.move(sh, home)
	default:
		_ = p.post(func(psh *shard) { p.comeTo(psh, s, ticket) })
	}
}

// comeTo moves s to an older stream that wants to be joined with it.
func (s *stream) comeTo(sh *shard, older *stream, ticket uint64) {
	if !s.claim(ticket) {
		return
	}
	switch dest := older.home.Load(); {
	case dest == sh:
	case s.anchored(sh):
		_ = older.post(func(osh *shard) { older.goTo(osh, s, ticket) })
		return
	default:
		s.leaveAll(sh)
		s.move(sh, dest)
	}
	// s may be another shard's now.
	_ = older.post(func(sh *shard) {
		if older.ticket == ticket { // nothing newer since: once more, where both are
			older.join(sh, s, ticket)
		}
	})
}

// goTo moves s, although it is the older one, to p, which cannot move.
func (s *stream) goTo(sh *shard, p *stream, ticket uint64) {
	if s.ticket != ticket || s.closed || s.broken {
		return
	}
	if dest := p.home.Load(); dest != sh {
		if s.anchored(sh) {
			s.engine.log.Warn("streams not joined: the other ends of both pipes are in rooms of two shards", "chan", s.cfg.Label)
			return
		}
		s.leaveAll(sh)
		s.again(func(sh *shard) { s.join(sh, p, ticket) })
		s.move(sh, dest)
		return
	}
	s.join(sh, p, ticket)
}

// leaveAll leaves room and peer: the stream is joined elsewhere.
func (s *stream) leaveAll(sh *shard) {
	s.unseat(sh, nil)
	s.unjoin(sh, "joined elsewhere")
}

// link joins two streams of this shard.
func (s *stream) link(sh *shard, p *stream) {
	if s.peer == p || p.closed || p.broken {
		return
	}
	s.leaveAll(sh)
	p.leaveAll(sh)
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

// tied is s and what hangs on it through pipes and joins on this shard.
func (s *stream) tied(sh *shard) []*stream {
	together := []*stream{s}
	for i := 0; i < len(together); i++ {
		for _, n := range []*stream{together[i].twin, together[i].peer} {
			if n != nil && n.home.Load() == sh && !slices.Contains(together, n) {
				together = append(together, n)
			}
		}
	}
	return together
}

// anchored reports whether something that hangs on s is in a room: rooms do
// not move.
func (s *stream) anchored(sh *shard) bool {
	return slices.ContainsFunc(s.tied(sh), func(n *stream) bool { return n != s && n.seat != nil })
}

// move hands s, and what hangs on it through pipes and joins, to another
// shard. The sockets keep what arrives until it is there. Nothing of s may be
// touched afterwards.
func (s *stream) move(sh, dest *shard) {
	together := s.tied(sh)
	// All are let go before the first changes hands: the other shard may begin
	// with it, and follow its connections, at once.
	for _, n := range together {
		sh.release(n)
		n.arriving = true
	}
	sh.load.Add(-int64(len(together)))
	dest.load.Add(int64(len(together)))
	for _, n := range together {
		n.home.Store(dest)
	}
	for _, n := range together {
		dest.notify(n)
	}
}
