package rtp

import "time"

// Bounds of RFC 3550 §A.1: a jump forward by less than maxDropout is loss, a
// jump back by less than maxMisorder is an old packet; anything else is a
// restart, believed when its next packet follows.
const (
	maxDropout  = 3000
	maxMisorder = 100
	windowBits  = 64 // how far back duplicates are told from late packets
)

// Verdict is what a receiver thinks of a packet.
type Verdict uint8

// Verdicts of [Receiver.Accept].
const (
	// Next is newer than all before it; packets in between may be missing.
	Next Verdict = iota
	// First is the first of the stream, of a new SSRC or after a restart of the numbers.
	First
	// Late is older than the newest, and new.
	Late
	// Duplicate was received before, or is too old to tell.
	Duplicate
	// Doubtful is far from the sequence; not to be used unless its successor confirms it.
	Doubtful
)

// Usable reports whether the packet belongs to the stream.
func (v Verdict) Usable() bool { return v <= Late }

// Receiver follows the sequence of one incoming stream and measures loss and
// jitter (RFC 3550 §A.1, §A.3, §A.8). The zero value is ready.
type Receiver struct {
	started    bool
	ssrc       uint32
	highest    int64 // extended sequence number: cycles<<16 | seq
	base       int64
	window     uint64 // bit i: highest−i was received
	received   int64  // since base
	doubtful   Seq    // what confirms a restart
	doubt      bool
	lostBefore int64 // of runs that ended

	jitter   int64 // 16 × jitter in clock units, as in RFC 3550 §A.8
	transit  int64
	measured bool

	expectedPrior, receivedPrior int64
}

// Accept judges a packet. seq is its extended sequence number, which counts on
// over wraps; it is meaningful for usable packets only.
func (r *Receiver) Accept(h Header) (v Verdict, seq int64) {
	if !r.started || h.SSRC != r.ssrc {
		r.restart(h)
		return First, r.highest
	}
	delta := h.Seq.Sub(Seq(r.highest))
	switch {
	case delta > 0 && delta < maxDropout:
		r.highest += int64(delta)
		r.window = r.window<<uint(delta) | 1 // a shift by 64 or more leaves 0
		r.received++
		r.doubt = false
		return Next, r.highest
	case delta <= 0 && delta > -windowBits:
		bit := uint64(1) << uint(-delta)
		if r.window&bit != 0 {
			return Duplicate, 0
		}
		seq := r.highest + int64(delta)
		if seq < r.base {
			return Duplicate, 0 // from before the stream began for us
		}
		r.window |= bit
		r.received++
		return Late, seq
	case delta < 0 && delta > -maxMisorder:
		return Duplicate, 0
	}
	if r.doubt && h.Seq == r.doubtful {
		r.restart(h)
		return First, r.highest
	}
	r.doubt, r.doubtful = true, h.Seq+1
	return Doubtful, 0
}

func (r *Receiver) restart(h Header) {
	if r.started {
		r.lostBefore += r.lostInRun()
	}
	r.started, r.ssrc, r.doubt = true, h.SSRC, false
	r.highest, r.base = int64(h.Seq)|1<<16, int64(h.Seq)|1<<16
	r.window, r.received = 1, 1
	r.measured = false
	r.expectedPrior, r.receivedPrior = 0, 0
}

// Arrived measures jitter by an audio packet's timestamp (RFC 3550 §A.8).
func (r *Receiver) Arrived(ts Timestamp, clockHz int, now time.Duration) {
	transit := now.Microseconds()*int64(clockHz)/1e6 - int64(ts)
	if r.measured {
		d := int64(int32(transit - r.transit)) // timestamps wrap
		if d < 0 {
			d = -d
		}
		if d < int64(clockHz) { // more than a second is a jump of the clock, not jitter
			r.jitter += d - (r.jitter+8)>>4
		}
	}
	r.transit, r.measured = transit, true
}

// Started reports whether a packet was accepted.
func (r *Receiver) Started() bool { return r.started }

// SSRC of the stream; 0 before the first packet.
func (r *Receiver) SSRC() uint32 { return r.ssrc }

// Highest is the extended sequence number of the newest packet.
func (r *Receiver) Highest() int64 { return r.highest }

// JitterClock is the jitter in clock units.
func (r *Receiver) JitterClock() uint32 { return uint32(r.jitter >> 4) }

// Lost counts packets that never came, over all runs (RFC 3550 §A.3).
func (r *Receiver) Lost() int64 { return r.lostBefore + r.lostInRun() }

func (r *Receiver) lostInRun() int64 {
	if !r.started {
		return 0
	}
	return max(r.highest-r.base+1-r.received, 0)
}

// Block is the report block of the stream since the last call of Block
// (RFC 3550 §6.4.1); last report and delay are the caller's.
func (r *Receiver) Block() Block {
	expected := r.highest - r.base + 1
	interval := expected - r.expectedPrior
	lost := interval - (r.received - r.receivedPrior)
	r.expectedPrior, r.receivedPrior = expected, r.received
	b := Block{
		SSRC:    r.ssrc,
		Lost:    int32(min(r.Lost(), 0x7fffff)),
		Highest: uint32(r.highest - 1<<16),
		Jitter:  r.JitterClock(),
	}
	if interval > 0 && lost > 0 {
		b.FractionLost = uint8(min(lost<<8/interval, 255))
	}
	return b
}
