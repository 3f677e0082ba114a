package engine

import (
	"time"

	"github.com/tandemswitch/tandem/media/dtmf"
	"github.com/tandemswitch/tandem/media/rtp"
)

// carry passes a packet that another stream (or, for an echo, this one) has
// received on to the far end of t, at once.
func (t *stream) carry(sh *shard, k *kind, p *rtp.Packet, v rtp.Verdict, seq int64, now time.Duration) {
	if !t.tx.canSend() {
		return
	}
	how := k.carry
	if k.role == roleEvent && t.base == baseEcho {
		how = carryNothing // a phone does not want to hear its own digits
	}
	switch how {
	case carryRelay:
		t.relay(sh, k, p, seq, now)
	case carryTranscode:
		t.transcode(sh, k, p, v, seq, now)
	default:
		t.tx.sender.Omit(seq)
	}
}

// relay sends the packet with our numbers in its header.
func (t *stream) relay(sh *shard, k *kind, p *rtp.Packet, seq int64, now time.Duration) {
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
	h, ok := t.tx.sender.Relay(p.Header, seq, units, lasts, now)
	if !ok {
		t.figures.dropped.Add(1)
		return
	}
	t.tx.following = false
	h.PayloadType = k.outType
	if t.tx.tee.on && k.role == roleSound {
		t.tx.tee.put(h.Seq, p.Payload, now)
	}
	t.send(sh, p.Rewrite(h), len(p.Payload), now)
}

// transcode decodes, resamples and encodes. The packet paces it: what it
// completes is sent at once.
func (t *stream) transcode(sh *shard, k *kind, p *rtp.Packet, v rtp.Verdict, seq int64, now time.Duration) {
	if v == rtp.Late {
		t.figures.dropped.Add(1) // its place has been sent
		return
	}
	n, err := k.dec.Decode(sh.pcm, p.Payload)
	if err != nil {
		t.figures.dropped.Add(1)
		return
	}
	t.tx.follow(k, p, seq, n)
	pcm := t.tx.rate.convert(&t.engine.filters, k.format.SampleRateHz(), t.tx.rateHz, sh.pcm[:n])
	t.feedSound(sh, pcm, now)
}
