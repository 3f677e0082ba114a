package engine

import "time"

// sound is scratch space of a shard's tick.
type sound struct {
	out    [maxTickSamples]int16 // what the far end is about to hear
	source [maxTickSamples]int16
	room   [maxTickSamples]int16 // what a member hears, at the room's rate
	tap    [2][maxTickSamples]int16
}

// maxTickSamples is one tick at 48 kHz.
const maxTickSamples = 48000 / 50

// tickIn reads the sound of this tick out of the jitter buffer.
func (s *stream) tickIn(_ *shard, now time.Duration) {
	n := s.rx.playout.rateHz / 50
	if cap(s.rx.in) < n {
		s.rx.in = make([]int16, n)
	}
	s.rx.in = s.rx.in[:n]
	s.rx.playout.read(s.rx.in, s.rx.kinds, now)
}

// tickOut makes and sends the sound of this tick, and feeds the taps.
func (s *stream) tickOut(sh *shard, now time.Duration) {
	var out []int16
	if s.feed == feedTick && (s.tx.enc != nil || s.base == baseDigits) {
		out = s.tickSend(sh, now)
	}
	s.lastTick = sh.tickNo
	if len(s.taps) > 0 {
		s.feedTaps(sh, out, now)
	}
	if s.base == baseDigits && s.feed == feedTick && !s.digits.Busy() {
		s.replan(sh, "digits sent")
	}
	s.doze(sh, now)
}

// tickSend composes 20 ms and hands them to the packetizer.
func (s *stream) tickSend(sh *shard, now time.Duration) []int16 {
	n := s.tx.rateHz / 50
	if missed := sh.tickNo - s.lastTick - 1; s.lastTick >= 0 && missed > 0 {
		// The shard skipped ticks: media time went on without us.
		s.tx.sender.Skip(int(missed) * s.tx.clockUnits(n))
	}
	if s.tx.have == 0 && s.tx.sender.Early(now) {
		return nil
	}
	if s.base == baseRoom && s.seat.shares {
		return s.sendShared(sh, now)
	}
	out := sh.sound.out[:n]
	s.compose(sh, out, now)
	s.feedSound(sh, out, now)
	return out
}

// compose fills out with what the far end shall hear.
func (s *stream) compose(sh *shard, out []int16, now time.Duration) {
	switch s.base {
	case basePlay:
		s.playBase(sh, out)
	case basePeer:
		if s.peer != nil && s.peer.rx.wanted {
			fill(out, s.tx.rate.convert(&s.engine.filters, s.peer.rx.playout.rateHz, s.tx.rateHz, s.peer.rx.in))
		} else {
			clear(out)
		}
	case baseEcho:
		s.echoBase(out)
	case baseRoom:
		s.seat.listen(sh, out)
	default:
		clear(out)
	}
	s.mixIn(sh, out)
}

// fill copies what is there and silences the rest.
func fill(dst, src []int16) {
	n := copy(dst, src)
	clear(dst[n:])
}

// mixInto adds src to dst without wrapping.
func mixInto(dst, src []int16) {
	for i, v := range src[:min(len(src), len(dst))] {
		dst[i] = clip(int32(dst[i]) + int32(v))
	}
}

func clip(v int32) int16 { return int16(min(max(v, -32768), 32767)) }
