package rtp

import (
	"math/rand/v2"
	"time"
)

// maxAhead is how much media time a stream may run ahead of the wall clock
// before a relayed packet is dropped. Each change of source can add up to one
// packet; paced sending works it off.
const maxAhead = 200 * time.Millisecond

// Sender numbers the packets of one outgoing stream. Its SSRC stays, sequence
// numbers follow each other and timestamps follow elapsed media time whatever
// is sent and however it changes (RFC 3550 §5.1): a run is a stretch of
// packets from one origin, and Break ends it.
type Sender struct {
	ssrc      uint32
	next      Seq
	timestamp Timestamp // of the next packet if it follows without a gap
	clockHz   int

	started bool
	fresh   bool          // the next packet begins a run
	at      time.Duration // when the newest packet was sent
	ahead   int           // clock units that timestamps are ahead of the wall clock
	samples int           // of the newest packet

	// Of a relayed run: outgoing = incoming + offset.
	relaying  bool
	base      int64 // first incoming sequence number that has a place in the run
	newest    int64
	seqOffset Seq
	tsOffset  Timestamp
	newestTS  Timestamp // incoming

	packets, octets uint32
}

// NewSender returns a sender with random SSRC, sequence and timestamp
// (RFC 3550 §5.1, §8.1).
func NewSender(clockHz int) Sender {
	return Sender{
		ssrc:      rand.Uint32(),
		next:      Seq(rand.Uint32()),
		timestamp: Timestamp(rand.Uint32()),
		clockHz:   clockHz,
		fresh:     true,
	}
}

// Carry returns a sender that goes on where another process stopped.
func Carry(ssrc uint32, next Seq, ts Timestamp, clockHz int) Sender {
	return Sender{ssrc: ssrc, next: next, timestamp: ts, clockHz: clockHz, fresh: true}
}

// SSRC of the stream.
func (s *Sender) SSRC() uint32 { return s.ssrc }

// Position is what the next packet will have if it follows without a gap.
func (s *Sender) Position() (Seq, Timestamp) { return s.next, s.timestamp }

// Break ends the run: the next packet comes from elsewhere.
func (s *Sender) Break() { s.fresh = true }

// SetClock changes the clock of the timestamps after a change of codec. They
// go on from where they are (RFC 7160 §4.1).
func (s *Sender) SetClock(hz int) {
	if hz == s.clockHz {
		return
	}
	s.ahead = s.ahead * hz / s.clockHz
	s.samples = s.samples * hz / s.clockHz
	s.clockHz = hz
	s.fresh = true
}

// Early reports whether a paced packet sent now would come a whole packet
// before its time: then the pacer waits one turn. It never does within a run.
func (s *Sender) Early(now time.Duration) bool {
	return (s.fresh || s.relaying) && s.started && s.samples > 0 && s.lead(now) >= s.samples
}

// lead is how far ahead of the wall clock a packet without gap would be.
func (s *Sender) lead(now time.Duration) int {
	elapsed := max(now-s.at, 0)
	if elapsed > time.Hour { // far beyond any media gap; keeps the product in range
		return -s.clockHz * 3600
	}
	return s.ahead + s.samples - int(int64(elapsed)*int64(s.clockHz)/int64(time.Second))
}

// begin ends the run if packets of the other sort made it, and splices.
func (s *Sender) begin(relaying bool, now time.Duration) (fresh bool) {
	if fresh = s.fresh || s.relaying != relaying; fresh {
		s.relaying = relaying
		s.splice(now)
	}
	return fresh
}

// splice finds the timestamp that begins a run: without a gap if the last
// packet has just been heard, else as much later as time went by.
func (s *Sender) splice(now time.Duration) {
	s.fresh = false
	if !s.started {
		s.started = true
		return
	}
	s.ahead = s.lead(now)
	if s.ahead < 0 && -s.ahead >= max(s.samples, s.clockHz/100) {
		s.timestamp += Timestamp(-s.ahead)
		s.ahead = 0
	}
}

// Next is the header of a paced packet of samples clock units.
func (s *Sender) Next(now time.Duration, samples int) Header {
	fresh := s.begin(false, now)
	h := Header{Marker: fresh, Seq: s.next, Timestamp: s.timestamp, SSRC: s.ssrc}
	s.next++
	s.timestamp += Timestamp(samples)
	s.at, s.samples = now, samples
	return h
}

// Ready is the timestamp of a paced packet sent now.
func (s *Sender) Ready(now time.Duration) Timestamp {
	s.begin(false, now)
	return s.timestamp
}

// Event is the header of a telephone-event packet, which keeps the timestamp
// of the event's beginning (RFC 4733 §2.5.1.2), while samples clock units of
// media time go by. Call Ready before.
func (s *Sender) Event(now time.Duration, start Timestamp, marker bool, samples int) Header {
	h := Header{Marker: marker, Seq: s.next, Timestamp: start, SSRC: s.ssrc}
	s.next++
	s.timestamp += Timestamp(samples)
	s.at, s.samples = now, samples
	return h
}

// Skip lets media time of a run pass without a packet. A run that has not
// begun finds its place by itself.
func (s *Sender) Skip(samples int) {
	if !s.fresh && !s.relaying {
		s.timestamp += Timestamp(samples)
	}
}

// Lose leaves out sequence numbers of packets that were lost on their way to us.
func (s *Sender) Lose(packets int) {
	if !s.fresh && !s.relaying {
		s.next += Seq(packets)
	}
}

// Relay is the header for an incoming packet h with the extended sequence
// number seq. It covers units of the clock from its timestamp on, of which
// ahead are still to be heard. Gaps and the order of the incoming run are
// kept, so that the far end sees loss where it happened. ok is false for a
// packet that has no place in the run.
func (s *Sender) Relay(h Header, seq int64, units, ahead int, now time.Duration) (out Header, ok bool) {
	if s.fresh || !s.relaying {
		if s.started && s.lead(now) > int(int64(maxAhead)*int64(s.clockHz)/int64(time.Second)) {
			return Header{}, false
		}
		s.begin(true, now)
		s.base, s.newest, s.newestTS = seq, seq, h.Timestamp
		s.seqOffset, s.tsOffset = s.next-Seq(seq), s.timestamp-h.Timestamp
		h.Marker = true
	} else if seq < s.base {
		return Header{}, false
	} else if seq > s.newest {
		s.retime(h, now)
	}
	out = Header{
		Marker:    h.Marker,
		Seq:       Seq(seq) + s.seqOffset,
		Timestamp: h.Timestamp + s.tsOffset,
		SSRC:      s.ssrc,
	}
	if seq >= s.newest {
		s.newest, s.newestTS = seq, h.Timestamp
		s.next = out.Seq + 1
		s.timestamp = out.Timestamp + Timestamp(units)
		s.at, s.samples = now, ahead
	}
	return out, true
}

// retime moves the offset when the incoming timestamps jump: back, or ahead of
// elapsed time by more than a second. The far end then hears no jump.
func (s *Sender) retime(h Header, now time.Duration) {
	step := h.Timestamp.Sub(s.newestTS)
	if step >= 0 && step <= s.clockHz {
		return
	}
	elapsed := int(int64(min(max(now-s.at, 0), time.Hour)) * int64(s.clockHz) / int64(time.Second))
	if step >= 0 && step <= elapsed+s.clockHz {
		return
	}
	s.tsOffset = s.timestamp - h.Timestamp
	if gap := elapsed - s.samples; gap > 0 {
		s.tsOffset += Timestamp(gap)
	}
}

// Omit closes the gap that an incoming packet which is not relayed would leave.
func (s *Sender) Omit(seq int64) {
	if s.fresh || !s.relaying || seq <= s.newest {
		return
	}
	s.seqOffset--
	s.base, s.newest = seq+1, seq // what is older than the omitted one has no number left
}

// Sent counts a packet that left, for sender reports (RFC 3550 §6.4.1).
func (s *Sender) Sent(payloadBytes int) {
	s.packets++
	s.octets += uint32(payloadBytes)
}

// Report fills the sender's part of a report (RFC 3550 §6.4.1): the timestamp
// is the one that belongs to now.
func (s *Sender) Report(now time.Duration, r *Report) {
	r.SSRC = s.ssrc
	r.IsSender = s.packets > 0
	r.Packets, r.Octets = s.packets, s.octets
	elapsed := int64(min(max(now-s.at, 0), time.Hour)) * int64(s.clockHz) / int64(time.Second)
	r.Timestamp = s.timestamp - Timestamp(s.samples) + Timestamp(elapsed)
}
