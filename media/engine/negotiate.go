package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/sdp"
)

// desk is the session's side of a stream: what was offered and agreed.
type desk struct {
	mu        sync.Mutex
	sessionID uint64
	last      *media.Description // ours
	offered   *media.Description // ours, that an answer belongs to
	neg       media.Negotiated
	agreed    bool
	silent    error // why no sound can be made; nil if it can
}

func (d *desk) init() { d.sessionID = sdp.NewSessionID() }

// canSound says whether playing and tapping is possible.
func (d *desk) canSound() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.silent
}

// describe fills in the session's part of a state.
func (d *desk) describe(st *media.StreamState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st.SDPSession = d.sessionID
	if d.last != nil {
		st.SDPVersion = d.last.SessionVersion
	}
	if d.agreed {
		neg := d.neg
		st.Negotiated = &neg
		if !st.Remote.IsValid() {
			st.Remote = neg.Remote
		}
	}
}

// params are the outcome of a negotiation, for the shard.
type params struct {
	neg   media.Negotiated
	kinds []kind
	enc   media.Encoder
	dec   media.Decoder // of what we send, for taps
	rtcp  netip.AddrPort
	pipe  bool
}

func (p *params) eventClockHz() int {
	if p.neg.EventReceive.ClockHz > 0 {
		return p.neg.EventReceive.ClockHz
	}
	return p.neg.Receive.ClockHz
}

// noiseType is the static payload type of comfort noise (RFC 3551 §6).
const noiseType = 13

// Offer describes what we would like.
func (s *stream) Offer(p media.Policy) *media.Description {
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	d := sdp.Offer(s.side(p))
	s.desk.last, s.desk.offered = d, d
	return d.Clone()
}

// Answer chooses from an offer and applies the result.
func (s *stream) Answer(offer *media.Description, p media.Policy) (*media.Description, error) {
	if offer == nil {
		return nil, fmt.Errorf("engine: answer: %w: no offer", media.ErrNoMedia)
	}
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	answer, neg, err := sdp.Answer(offer, s.side(p))
	if err != nil {
		return nil, err
	}
	if err := s.agree(neg, []media.Format{neg.Receive}, rtcpOf(offer)); err != nil {
		return nil, err
	}
	s.desk.last, s.desk.offered = answer, nil
	return answer.Clone(), nil
}

// Accept applies the far end's answer to our last offer. It may be called
// again with another answer to the same offer, as forks give.
func (s *stream) Accept(answer *media.Description) error {
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	if s.desk.offered == nil || answer == nil {
		return fmt.Errorf("engine: accept: %w: no offer is open", media.ErrNoMedia)
	}
	neg, err := sdp.Match(s.desk.offered, answer)
	if err != nil {
		return err
	}
	return s.agree(neg, common(s.desk.offered, answer, neg.Receive), rtcpOf(answer))
}

// Negotiated reports the formats in use.
func (s *stream) Negotiated() (media.Negotiated, bool) {
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	return s.desk.neg, s.desk.agreed
}

// side is our side of a negotiation. The caller holds desk.mu.
func (s *stream) side(p media.Policy) sdp.Local {
	addr := s.local
	if s.cfg.Advertise.IsValid() {
		addr = netip.AddrPortFrom(s.cfg.Advertise, s.local.Port())
	}
	return sdp.Local{
		Addr: addr, Codecs: s.engine.Codecs(), Policy: p,
		SessionID: s.desk.sessionID, Last: s.desk.last,
	}
}

// agree hands the outcome to the shard. The caller holds desk.mu.
func (s *stream) agree(neg media.Negotiated, formats []media.Format, rtcp netip.AddrPort) error {
	p := &params{neg: neg, rtcp: rtcp, pipe: s.twin != nil}
	p.enc, p.dec = s.engine.codecs.pair(neg.Send)
	for _, f := range formats {
		_, dec := s.engine.codecs.pair(f)
		p.kinds = append(p.kinds, soundKind(f, neg.ReceivePTime, dec))
	}
	if !neg.EventReceive.IsZero() {
		p.kinds = append(p.kinds, kind{role: roleEvent, format: neg.EventReceive})
	}
	p.kinds = append(p.kinds, kind{role: roleNoise, format: media.Format{Name: media.ComfortNoise, PayloadType: noiseType, ClockHz: 8000}})
	var silent error
	if p.enc == nil || p.kinds[0].dec == nil {
		silent = fmt.Errorf("%w: %v can only be relayed", media.ErrNoCodec, neg.Send)
	}
	if err := s.post(func(sh *shard) { s.configure(sh, p) }); err != nil { // p is the shard's now
		return err
	}
	s.desk.neg, s.desk.agreed, s.desk.silent = neg, true, silent
	return nil
}

// configure applies the outcome of a negotiation, on the shard.
func (s *stream) configure(sh *shard, p *params) {
	now := sh.engine.now()
	s.rx.use(p)
	s.tx.use(p)
	s.tx.tee.kind[0] = soundKind(p.neg.Send, p.neg.SendPTime, p.dec)
	s.rx.source.Expect(p.neg.Remote)
	switch current := s.rx.source.Current(); {
	case s.cfg.Symmetric && s.rx.source.Latched() && current.IsValid():
		s.sendTo(current)
	default:
		s.sendTo(p.neg.Remote)
	}
	s.tx.decide()
	s.reports.aim(p.rtcp, s.tx.to)
	s.watching.since, s.watching.silent = now, false
	for s.tx.enc == nil && len(s.plays) > 0 {
		s.endPlay(s.plays[0], true, media.ErrNoCodec) // nothing can be played any more
	}
	if s.echo != nil {
		s.echo.fit(s.tx.rateHz)
	}
	if s.seat != nil {
		s.seat.fit()
	}
	if s.digits != nil && !s.digits.Busy() {
		s.digits = nil // made anew with the clock and ptime of the new format
	}
	s.replan(sh, "negotiated")
}

// common lists what may arrive under an accepted offer, under our payload
// types: the format in use first, then the others of the answer.
func common(offer, answer *media.Description, first media.Format) []media.Format {
	list := []media.Format{first}
	o, _ := offer.Audio()
	a, _ := answer.Audio()
	if o == nil || a == nil {
		return list
	}
	for _, f := range a.Formats {
		i := slices.IndexFunc(o.Formats, f.Same)
		if i >= 0 && f.IsAudio() && !slices.ContainsFunc(list, f.Same) {
			list = append(list, o.Formats[i])
		}
	}
	return list
}

func rtcpOf(d *media.Description) netip.AddrPort {
	if a, _ := d.Audio(); a != nil {
		return a.RTCP
	}
	return netip.AddrPort{}
}

// codecSet finds codecs by format.
type codecSet []media.Codec

// pair returns a new encoder and decoder, both nil if the format is unknown.
func (c codecSet) pair(f media.Format) (media.Encoder, media.Decoder) {
	for _, codec := range c {
		if !sameCodec(codec.Format(), f) {
			continue
		}
		enc, err := codec.NewEncoder(f)
		if err != nil {
			continue
		}
		dec, err := codec.NewDecoder(f)
		if err != nil {
			continue
		}
		return enc, dec
	}
	return nil, nil
}

// sameCodec compares names and clocks; a codec that takes any channels says so
// by its constructor's error.
func sameCodec(a, b media.Format) bool {
	return strings.EqualFold(a.Name, b.Name) && a.ClockHz == b.ClockHz
}
