package engine

import (
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/dtmf"
)

// graph is what is connected to a stream, and what follows from it. Owned by
// the shard.
type graph struct {
	peer   *stream // joined with; on the same shard
	seat   *member // in a room of the same shard; then there is no peer
	ticket uint64  // of the newest join or split that concerned it
	echo   *echo
	plays  []*playback // in order of Play
	taps   []*tap
	digits *dtmf.Sender // towards the far end; nil before the first SendDigits

	feed   feed
	base   base
	way    media.Way
	target *stream // whose far end hears our packets as they come

	idleSince time.Duration
	dozing    bool // idle, and the far end is silent too: kept alive by watch
}

// feed is what makes a stream send.
type feed uint8

const (
	feedNone   feed = iota
	feedPacket      // packets of the peer, or its own (echo), as they arrive
	feedTick        // the shard's tick
)

// base is what the far end hears from the tick, below what is mixed in.
type base uint8

const (
	baseSilence base = iota
	basePlay
	basePeer
	baseRoom
	baseEcho
	baseDigits
)

// replan chooses anew how packets travel, after a change of s or of what it is
// joined with.
func (s *stream) replan(sh *shard, reason string) {
	if s.closed || s.broken {
		return
	}
	s.choose(sh, reason)
	if s.peer != nil {
		s.peer.choose(sh, reason)
		s.peer.connect(sh)
	}
	s.connect(sh)
}

// choose decides what the far end of s hears.
func (s *stream) choose(sh *shard, reason string) {
	f, b := s.wanted()
	way := wayOf(s, f, b)
	s.dozing, s.idleSince = false, sh.engine.now()
	if f != s.feed || b != s.base {
		s.feed, s.base = f, b
		s.tx.breakRun()
	}
	if way != s.way {
		s.way = way
		s.figures.way.Store(uint32(way))
		s.tell(media.WayChanged{Way: way, Reason: reason})
	}
}

// wanted is the order of what is heard: digits, a foreground playback, the
// echo, the room, the peer, a background playback, silence.
func (s *stream) wanted() (feed, base) {
	mixed := s.anyMix()
	switch {
	case !s.rx.live:
		return feedNone, baseSilence
	case s.digits != nil && s.digits.Busy():
		return feedTick, baseDigits
	case s.top(foreground) != nil:
		return feedTick, basePlay
	case s.echo != nil && (s.echo.ring != nil || mixed):
		return feedTick, baseEcho
	case s.echo != nil:
		return feedPacket, baseEcho
	case s.seat != nil && s.tx.enc != nil:
		return feedTick, baseRoom
	case s.peer != nil && s.peer.rx.live && s.peer.rx.hears && mixed:
		return feedTick, basePeer
	case s.peer != nil && s.peer.rx.live && s.peer.rx.hears:
		return feedPacket, basePeer
	case s.top(background) != nil:
		return feedTick, basePlay
	case mixed || s.tx.canSend() && s.tx.enc != nil:
		return feedTick, baseSilence
	}
	return feedNone, baseSilence
}

// wayOf names what is done, in the words of design section 7.
func wayOf(s *stream, f feed, b base) media.Way {
	switch {
	case f == feedTick && (b != baseSilence || s.anyMix()):
		return media.WayMix
	case f != feedPacket:
		return media.WayIdle
	case b == baseEcho:
		if len(s.taps) > 0 {
			return media.WayTranscode
		}
		return media.WayRelay
	}
	k := s.peer.rx.primary()
	if k == nil || k.wayTo(s) == carryRelay && len(s.taps)+len(s.peer.taps) == 0 {
		return media.WayRelay
	}
	return media.WayTranscode
}

// connect derives from the feeds who gets packets of s, and whether s is
// needed at each tick.
func (s *stream) connect(sh *shard) {
	s.target = nil
	switch p := s.peer; {
	case s.feed == feedPacket && s.base == baseEcho:
		s.target = s
	case p != nil && p.feed == feedPacket && p.base == basePeer:
		s.target = p
	}
	s.rx.aim(s.target)
	s.tx.tee.want(len(s.taps) > 0 && s.feed == feedPacket, s.tx.format, s.tx.ptime)
	inWanted := len(s.taps) > 0 || s.seat != nil ||
		s.feed == feedTick && s.base == baseEcho ||
		s.peer != nil && s.peer.feed == feedTick && s.peer.base == basePeer
	s.rx.want(inWanted)
	if s.feed == feedTick || s.rx.wanted || s.tx.tee.on {
		sh.startTicking(s)
	} else {
		sh.stopTicking(s)
	}
}

// endGraph ends playbacks and taps of a stream that closes.
func (s *stream) endGraph() {
	for len(s.plays) > 0 {
		s.endPlay(s.plays[len(s.plays)-1], true, nil)
	}
	for len(s.taps) > 0 {
		s.endTap(s.taps[len(s.taps)-1])
	}
	s.echo, s.feed, s.target = nil, feedNone, nil
}
