package engine

import (
	"net/netip"
	"time"

	"github.com/tandemswitch/tandem/media"
)

const (
	// idlePace is how long an idle stream whose far end is silent as well
	// hears silence at full pace; then a packet per keepAlive holds its NAT
	// binding (RFC 6263 §4 asks for 15 s) and its timer (seconds, in phones).
	idlePace  = 5 * time.Second
	keepAlive = 5 * time.Second
	// reportEvery limits ForeignPackets.
	reportEvery = time.Second
)

// watching is what is looked after several times a second. Owned by the shard.
type watching struct {
	told     bool          // FirstPacket was reported
	silent   bool          // StreamTimeout was reported
	since    time.Duration // when waiting for packets began
	stranger netip.AddrPort
	foreign  uint64 // reported
	reported time.Duration
}

// watch looks after timeouts, strangers, keep-alives and reports.
func (s *stream) watch(sh *shard, now time.Duration) {
	if !s.rx.live {
		return
	}
	s.watchTimeout(now)
	s.watchStrangers(now)
	if s.rx.digit {
		s.rx.digits.Tick(s.engine.start.Add(now))
		s.takeDigits(sh, s.rx.eventKind())
	}
	if (s.dozing || s.feed == feedPacket) && now-s.tx.at >= keepAlive {
		s.sendSilence(sh, now)
	}
	s.report(now)
}

// watchTimeout reports once that no RTP came for too long.
func (s *stream) watchTimeout(now time.Duration) {
	limit := s.cfg.Timeout
	if !s.rx.hears || !s.tx.open {
		limit = s.cfg.HoldTimeout
	}
	quiet := now - max(s.rx.at, s.watching.since)
	if limit <= 0 || s.watching.silent || quiet < limit || s.rtp == nil {
		return
	}
	s.watching.silent = true
	s.tell(media.StreamTimeout{After: limit})
}

func (s *stream) watchStrangers(now time.Duration) {
	w := &s.watching
	if count := s.figures.foreign.Load(); count != w.foreign && now-w.reported >= reportEvery {
		s.tell(media.ForeignPackets{From: w.stranger, Count: count - w.foreign})
		w.foreign, w.reported = count, now
	}
}

// sendSilence sends one packet of silence, which stands alone.
func (s *stream) sendSilence(sh *shard, now time.Duration) {
	if !s.tx.open || s.tx.enc == nil {
		return
	}
	s.tx.breakRun()
	clear(s.tx.frame)
	s.emit(sh, now)
	s.tx.breakRun()
}

// doze takes an idle stream off the tick when its far end is silent too.
func (s *stream) doze(sh *shard, now time.Duration) {
	if s.feed == feedTick && s.base == baseSilence && len(s.plays) == 0 && !s.rx.wanted &&
		now-max(s.rx.at, s.idleSince) >= idlePace {
		s.dozing = true
		sh.stopTicking(s)
	}
}
