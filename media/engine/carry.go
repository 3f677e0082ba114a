package engine

import (
	"time"

	"github.com/tandemswitch/tandem/media/dtmf"
	"github.com/tandemswitch/tandem/media/rtp"
)

// carry passes a packet that another stream (or, for an echo, this one) has
// received on to the far end of s, at once.
func (s *stream) carry(sh *shard, k *kind, p *rtp.Packet, v rtp.Verdict, seq int64, now time.Duration) {
	if !s.tx.canSend() {
		return
	}
	how := k.carry
	if k.role == roleEvent && s.base == baseEcho {
		how = carryNothing // a phone does not want to hear its own digits
	}
	switch how {
	case carryRelay:
		s.relay(sh, k, p, seq, now)
	case carryTranscode:
		s.transcode(sh, k, p, v, seq, now)
	default:
		s.tx.sender.Omit(seq)
	}
}

// relay sends the packet with our numbers in its header.
func (s *stream) relay(sh *shard, k *kind, p *rtp.Packet, seq int64, now time.Duration) {
	units, lasts := 0, 0
	if k.role == roleEvent {
		// A report covers what is over; nothing of it lies ahead (RFC 4733 §2.3.5).
		if e, err := dtmf.Parse(p.Payload); err == nil {
			units = int(e.Duration)
		}
	} else {
		units = k.clockUnits(p.Payload)
		lasts = units
	}
	h, ok := s.tx.sender.Relay(p.Header, seq, units, lasts, now)
	if !ok {
		s.figures.dropped.Add(1)
		return
	}
	s.tx.following = false
	h.PayloadType = k.outType
	if s.tx.tee.on && k.role == roleSound {
		s.tx.tee.put(h.Seq, p.Payload, now)
	}
	s.send(sh, p.Rewrite(h), len(p.Payload), now)
}

// transcode decodes, resamples and encodes. The packet paces it: what it
// completes is sent at once.
func (s *stream) transcode(sh *shard, k *kind, p *rtp.Packet, v rtp.Verdict, seq int64, now time.Duration) {
	if v == rtp.Late {
		s.figures.dropped.Add(1) // its place has been sent
		return
	}
	n, err := k.dec.Decode(sh.pcm, p.Payload)
	if err != nil {
		s.figures.dropped.Add(1)
		return
	}
	s.tx.follow(k, p, seq, n)
	pcm := s.tx.rate.convert(&s.engine.filters, k.format.SampleRateHz(), s.tx.rateHz, sh.pcm[:n])
	s.feedSound(sh, pcm, now)
}
