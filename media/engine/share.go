package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/rtp"
)

// share is one encoding of what a room says, sent to all members of a codec
// that do not talk. Owned by the room's shard.
type share struct {
	format   media.Format
	enc      media.Encoder
	stateful bool
	rate     *roomRate
	members  int
	tick     int64 // that payload is of
	payload  []byte
	size     int // 0: could not be encoded
}

// roomRate is what a room says at the rate of one or more codecs.
type roomRate struct {
	hz   int
	conv rate
	tick int64
	pcm  []int16
}

// fit finds the encoding that the member may share, after it joined or its
// codec changed.
func (m *member) fit() {
	m.leaveShare()
	m.shares, m.apart = false, 0
	t := &m.stream.tx
	if t.enc == nil || t.ptime != tickEvery {
		return // who wants longer packets gets them made alone
	}
	if m.share = m.room.shareOf(t.format); m.share != nil {
		m.share.members++
	}
}

func (m *member) leaveShare() {
	if m.share != nil {
		m.share.members--
		m.share = nil
	}
}

// shareOf returns the encoding in a format, made at the first call; nil where
// a far end could not follow from an encoder of its own to a shared one.
func (r *room) shareOf(f media.Format) *share {
	if i := slices.IndexFunc(r.shares, func(s *share) bool { return s.format.Same(f) && s.format.FMTP == f.FMTP }); i >= 0 {
		return r.shares[i]
	}
	enc, _ := r.engine.codecs.pair(f)
	if enc == nil {
		return nil
	}
	s := &share{format: f, enc: enc, tick: -1}
	if !memoryless(f) {
		if _, s.stateful = enc.(media.StateCopier); !s.stateful {
			return nil
		}
	}
	hz := f.SampleRateHz()
	s.payload = make([]byte, 2*max(f.Channels, 1)*hz/50+64)
	s.rate = r.rateOf(hz)
	r.shares = append(r.shares, s)
	return s
}

// memoryless reports whether payloads of a format do not depend on those before.
func memoryless(f media.Format) bool {
	for _, name := range []string{media.PCMU, media.PCMA, media.L16} {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

func (r *room) rateOf(hz int) *roomRate {
	for _, q := range r.rates {
		if q.hz == hz {
			return q
		}
	}
	q := &roomRate{hz: hz, tick: -1}
	r.rates = append(r.rates, q)
	return q
}

// make brings what the room says to the rate, once per tick.
func (q *roomRate) make(r *room) []int16 {
	if q.tick == r.tick {
		return q.pcm
	}
	known := &r.engine.filters
	if q.tick != r.tick-1 { // nobody wanted it for a while
		q.conv.reset()
		q.conv.convert(known, r.rateHz, q.hz, r.past)
	}
	q.pcm, q.tick = q.conv.convert(known, r.rateHz, q.hz, r.whole), r.tick
	return q.pcm
}

// make encodes, once per tick.
func (s *share) make(r *room) []int16 {
	pcm := s.rate.make(r)
	if s.tick == r.tick {
		return pcm
	}
	s.tick = r.tick
	var err error
	if s.size, err = s.enc.Encode(s.payload, pcm); err != nil {
		s.size = 0
	}
	return pcm
}

// sendShared sends the far end what all hear who do not talk.
func (s *stream) sendShared(sh *shard, now time.Duration) []int16 {
	m := s.seat
	pcm := m.share.make(m.room)
	n := m.share.size
	if n == 0 || rtp.HeaderBytes+n > len(s.tx.buf) {
		s.figures.dropped.Add(1)
		return pcm
	}
	copy(s.tx.buf[rtp.HeaderBytes:], m.share.payload[:n])
	s.sendPayload(sh, n, s.tx.clockUnits(len(pcm)), now)
	return pcm
}
