package engine

import (
	"net/netip"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/rtp"
)

// transmit is what goes to the far end. Owned by the shard.
type transmit struct {
	sender         rtp.Sender
	format         media.Format
	events         media.Format  // telephone-event; zero if the far end has none
	enc            media.Encoder // nil: nothing but relay is possible
	rateHz         int           // of the samples
	ptime          time.Duration
	open           bool // the far end may be sent to: it is allowed, and we know where
	to             netip.AddrPort
	allowed, piped bool
	at             time.Duration // when the last packet left

	frame []int16 // samples of the packet that is being filled
	have  int
	buf   []byte // the packet: header and payload
	rate  rate   // from the rate of what is transcoded
	tee   tee    // what was sent, for taps

	// Of a run of transcoded packets: what the next one's timestamp should be.
	following bool
	expect    rtp.Timestamp
	lastSeq   int64
}

// canSend reports whether the far end is known and wants media.
func (t *transmit) canSend() bool { return t.open }

// use takes over the result of a negotiation.
func (t *transmit) use(p *params) {
	if t.format != p.neg.Send || t.ptime != p.neg.SendPTime {
		t.format, t.ptime, t.enc = p.neg.Send, p.neg.SendPTime, p.enc
		t.rateHz = t.format.SampleRateHz()
		samples := int(t.ptime * time.Duration(t.rateHz) / time.Second)
		t.frame = make([]int16, samples)
		// L16 is the longest payload of so many samples.
		t.buf = make([]byte, rtp.HeaderBytes+2*max(t.format.Channels, 1)*samples+64)
		t.sender.SetClock(t.format.ClockHz)
		t.breakRun()
	}
	t.events = p.neg.EventSend
	t.allowed = p.neg.Direction.Sends() && !p.neg.Remote.Addr().IsUnspecified() // 0.0.0.0 holds (RFC 2543)
	t.piped = p.pipe
}

// decide says whether the far end may be sent to.
func (t *transmit) decide() {
	open := t.allowed && (t.piped || t.to.Port() != 0 && !t.to.Addr().IsUnspecified())
	if open != t.open {
		t.open = open
		t.breakRun()
	}
}

// breakRun begins a new run of packets: what comes next is from elsewhere.
func (t *transmit) breakRun() {
	t.sender.Break()
	t.have, t.following = 0, false
	t.rate.reset()
}

// clockUnits turns samples into units of the RTP clock, which differ for G.722.
func (t *transmit) clockUnits(samples int) int {
	if t.rateHz == 0 {
		return samples
	}
	return samples * t.format.ClockHz / t.rateHz
}

// follow keeps the timestamps of a transcoded run in step with the incoming
// ones: what was lost, or not sent in silence, is a hole for the far end too.
func (t *transmit) follow(k *kind, p *rtp.Packet, seq int64, samples int) {
	units := samples * k.format.ClockHz / k.format.SampleRateHz()
	if t.following {
		hole := p.Timestamp.Sub(t.expect)
		if hole > 0 && hole < 10*k.format.ClockHz {
			t.have = 0 // the beginning of a packet that is not completed
			missing := int(seq - t.lastSeq - 1)
			out := hole * t.format.ClockHz / k.format.ClockHz
			t.sender.Skip(out)
			if missing > 0 && missing*units == hole && k.ptime == t.ptime {
				t.sender.Lose(missing)
			}
		}
	}
	t.following, t.expect, t.lastSeq = true, p.Timestamp+rtp.Timestamp(units), seq
}

// feedSound fills packets with samples and sends those that are complete.
func (s *stream) feedSound(sh *shard, pcm []int16, now time.Duration) {
	t := &s.tx
	if len(t.frame) == 0 {
		return
	}
	for len(pcm) > 0 {
		n := copy(t.frame[t.have:], pcm)
		pcm = pcm[n:]
		t.have += n
		if t.have == len(t.frame) {
			t.have = 0
			s.emit(sh, now)
		}
	}
}

// emit encodes and sends the frame that is complete.
func (s *stream) emit(sh *shard, now time.Duration) {
	t := &s.tx
	units := t.clockUnits(len(t.frame))
	if s.base == baseDigits && s.feed == feedTick && s.emitDigit(sh, now, units) {
		return
	}
	if !t.open {
		t.sender.Break()
		return
	}
	if t.enc == nil { // between the digits of a codec that is only relayed
		t.sender.Skip(units)
		return
	}
	n, err := t.enc.Encode(t.buf[rtp.HeaderBytes:], t.frame)
	if err != nil {
		s.figures.dropped.Add(1)
		return
	}
	s.sendPayload(sh, n, units, now)
}

// sendPayload sends the payload of n bytes that the buffer holds.
func (s *stream) sendPayload(sh *shard, n, units int, now time.Duration) {
	t := &s.tx
	h := t.sender.Next(now, units)
	h.PayloadType = t.format.PayloadType
	rtp.Put(t.buf, h)
	b := t.buf[:rtp.HeaderBytes+n]
	if t.tee.on {
		t.tee.put(h.Seq, b[rtp.HeaderBytes:], now)
	}
	s.send(sh, b, n, now)
}

// send lets a packet go. It never blocks; a full socket buffer drops.
func (s *stream) send(sh *shard, b []byte, payload int, now time.Duration) {
	if s.twin != nil {
		s.pass(sh, b, now)
	} else if s.rtp.send(b, s.tx.to) != nil {
		s.figures.dropped.Add(1)
	}
	s.tx.at = now
	s.tx.sender.Sent(payload)
	s.figures.packetsOut.Add(1)
	s.figures.bytesOut.Add(uint64(payload))
	s.note()
}

// sendTo changes the far end's address.
func (s *stream) sendTo(to netip.AddrPort) {
	if s.tx.to == to {
		return
	}
	s.tx.to = to
	s.figures.remote.Store(&to)
	s.tx.decide()
}
