package engine

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/dtmf"
	"github.com/tandemswitch/tandem/media/rtp"
)

// receive is what comes from the far end. Owned by the shard.
type receive struct {
	live  bool // negotiated
	hears bool // the far end may send
	byPT  [128]uint8
	kinds []kind // [byPT[pt]-1]

	source rtp.Source
	seq    rtp.Receiver
	digits *dtmf.Receiver
	digit  bool          // one is being received
	at     time.Duration // newest packet that was heard

	wanted  bool // decoded sound is needed each tick
	playout playout
	in      []int16 // the sound of this tick, if wanted
}

// role of a payload type.
type role uint8

const (
	roleSound role = iota
	roleEvent
	roleNoise // comfort noise: a sign of life, and nothing else (RFC 3389)
)

// carry is what becomes of a packet for the target.
type carry uint8

const (
	carryNothing carry = iota
	carryRelay
	carryTranscode
)

// kind is how packets of one payload type are treated.
type kind struct {
	role    role
	format  media.Format
	ptime   time.Duration
	perUnit int           // payload bytes per unit of the RTP clock; 0: not constant
	dec     media.Decoder // nil: can only be relayed
	carry   carry         // to the target
	outType uint8         // the target's payload type, if relayed
}

// soundKind is a payload type that carries sound.
func soundKind(f media.Format, ptime time.Duration, dec media.Decoder) kind {
	k := kind{role: roleSound, format: f, ptime: ptime, dec: dec}
	switch strings.ToUpper(f.Name) {
	case media.PCMU, media.PCMA, media.G722:
		k.perUnit = 1 // G.722 has two samples in a byte, and a clock of half its rate
	case media.L16:
		k.perUnit = 2 * max(f.Channels, 1)
	}
	return k
}

// clockUnits is how long a payload lasts, in units of the RTP clock.
func (k *kind) clockUnits(payload []byte) int {
	if k.perUnit > 0 {
		return len(payload) / k.perUnit
	}
	return int(k.ptime * time.Duration(k.format.ClockHz) / time.Second)
}

// wayTo is how packets of k reach the far end of t.
func (k *kind) wayTo(t *stream) carry {
	switch {
	case !t.rx.live:
		return carryNothing
	case k.role == roleEvent:
		if !t.tx.events.IsZero() && t.tx.events.ClockHz == k.format.ClockHz {
			return carryRelay
		}
		return carryNothing
	case k.role == roleNoise:
		return carryNothing
	case k.format.Same(t.tx.format) && (k.ptime == t.tx.ptime || k.dec == nil || t.tx.enc == nil):
		return carryRelay
	case k.dec != nil && t.tx.enc != nil:
		return carryTranscode
	}
	return carryNothing
}

// eventKind is the kind of telephone-events; nil without.
func (r *receive) eventKind() *kind {
	for i := range r.kinds {
		if r.kinds[i].role == roleEvent {
			return &r.kinds[i]
		}
	}
	return nil
}

// primary is the kind that was negotiated first; nil before.
func (r *receive) primary() *kind {
	if len(r.kinds) == 0 {
		return nil
	}
	return &r.kinds[0]
}

// aim decides for each payload type what becomes of it for the target.
func (r *receive) aim(t *stream) {
	for i := range r.kinds {
		k := &r.kinds[i]
		if t == nil {
			k.carry = carryNothing
			continue
		}
		k.carry, k.outType = k.wayTo(t), t.tx.format.PayloadType
		if k.role == roleEvent {
			k.outType = t.tx.events.PayloadType
		}
	}
}

// want begins or ends the decoding of sound for the tick.
func (r *receive) want(on bool) {
	if on && !r.wanted {
		k := r.primary()
		if k == nil || k.dec == nil {
			on = false
		} else {
			r.playout.open(k.format, k.ptime)
		}
	}
	r.wanted = on
}

// use takes over the result of a negotiation. Decoders of formats that stay
// keep their state.
func (r *receive) use(p *params) {
	r.live, r.hears = true, p.neg.Direction.Receives()
	old := r.kinds
	r.kinds = p.kinds
	r.byPT = [128]uint8{}
	for i := range r.kinds {
		k := &r.kinds[i]
		if j := slices.IndexFunc(old, func(o kind) bool { return o.role == k.role && o.format == k.format }); j >= 0 && old[j].dec != nil {
			k.dec = old[j].dec
		}
		if pt := k.format.PayloadType & 0x7f; r.byPT[pt] == 0 {
			r.byPT[pt] = uint8(i + 1)
		}
	}
	if r.digits == nil {
		r.digits = dtmf.NewReceiver(dtmf.ReceiverConfig{ClockHz: p.eventClockHz()})
	}
	if r.wanted && len(old) > 0 && old[0].format != r.kinds[0].format {
		r.wanted = false // want begins anew with the other codec
	}
}

// onRTP takes one packet of the far end.
func (s *stream) onRTP(sh *shard, b []byte, from netip.AddrPort, now time.Duration) {
	f := &s.figures
	var p rtp.Packet
	if p.Parse(b) != nil || !s.rx.live {
		if rtp.IsRTCP(b) {
			s.onRTCP(b, from, now)
			return
		}
		f.dropped.Add(1)
		return
	}
	if rtp.IsRTCP(b) && s.rx.byPT[p.PayloadType] == 0 { // RFC 5761 §4: on one port
		s.onRTCP(b, from, now)
		return
	}
	if s.rtp != nil && !s.believe(&p, from, now) {
		return
	}
	verdict, seq := s.rx.seq.Accept(p.Header)
	if !verdict.Usable() {
		f.dropped.Add(1)
		return
	}
	s.heard(verdict, &p, now)
	index := s.rx.byPT[p.PayloadType]
	if index == 0 {
		f.dropped.Add(1)
		s.omit(seq)
		return
	}
	k := &s.rx.kinds[index-1]
	if !s.rx.hears {
		s.omit(seq)
		return
	}
	switch k.role {
	case roleEvent:
		s.onEvent(sh, k, &p, now)
	case roleSound:
		s.rx.seq.Arrived(p.Timestamp, k.format.ClockHz, now)
		f.jitterIn.Store(int64(s.rx.seq.JitterClock()) * int64(time.Second) / int64(k.format.ClockHz))
		if s.rx.wanted {
			s.rx.playout.buf.Put(seq, index, p.Payload, now)
		}
	case roleNoise: // a sign of life only
	}
	if t := s.target; t != nil {
		t.carry(sh, k, &p, verdict, seq, now)
	}
}

// believe asks whether the packet is of the far end, and follows it when it moves.
func (s *stream) believe(p *rtp.Packet, from netip.AddrPort, now time.Duration) bool {
	before := s.rx.source.Current()
	hear, moved := s.rx.source.Check(from, p.Header, &s.rx.seq, now)
	if !hear {
		s.figures.foreign.Add(1)
		s.watching.stranger = from
		return false
	}
	if !moved {
		return true
	}
	if s.cfg.Symmetric {
		open := s.tx.open
		s.sendTo(from)
		s.reports.follow(from)
		if s.tx.open != open {
			s.replan(s.home.Load(), "far end found")
		}
	}
	if s.watching.told && before.IsValid() && before != from {
		s.tell(media.SourceChanged{Old: before, New: from})
	}
	return true
}

// heard notes a packet of the stream, and what follows from a first one.
func (s *stream) heard(verdict rtp.Verdict, p *rtp.Packet, now time.Duration) {
	f := &s.figures
	s.rx.at = now
	f.packetsIn.Add(1)
	f.bytesIn.Add(uint64(len(p.Payload)))
	f.lastIn.Store(int64(now))
	if verdict == rtp.Late {
		f.outOfOrder.Add(1)
	}
	if verdict == rtp.First {
		f.remoteSSRC.Store(p.SSRC)
		s.rx.digits.Reset()
		s.rx.playout.reset()
		if s.target != nil {
			s.target.tx.breakRun()
		}
	}
	if lost := uint64(s.rx.seq.Lost()); lost != f.lostIn.Load() {
		f.lostIn.Store(lost)
	}
	if !s.watching.told {
		s.watching.told = true
		s.tell(media.FirstPacket{From: s.rx.source.Current()})
	}
	s.watching.silent = false
	if s.dozing {
		s.replan(s.home.Load(), "far end sends")
	}
}

// omit closes the gap a packet would leave that is not passed on.
func (s *stream) omit(seq int64) {
	if t := s.target; t != nil {
		t.tx.sender.Omit(seq)
	}
}

// onEvent reads a telephone-event and reports digits that are complete.
func (s *stream) onEvent(sh *shard, k *kind, p *rtp.Packet, now time.Duration) {
	s.rx.digits.Put(uint16(p.Seq), uint32(p.Timestamp), p.Marker, p.Payload, s.engine.start.Add(now))
	s.takeDigits(sh, k)
}

// takeDigits reports digits that are complete. One that could not be relayed,
// because the target counts its events by another clock, is sent anew.
func (s *stream) takeDigits(sh *shard, k *kind) {
	for d, ok := s.rx.digits.Next(); ok; d, ok = s.rx.digits.Next() {
		s.figures.digitsIn.Add(1)
		s.tell(media.DigitReceived{Digit: d.Digit, Duration: d.Duration})
		if t := s.target; t != nil && t != s && k != nil && k.carry != carryRelay && !t.tx.events.IsZero() {
			_ = t.queueDigits(sh, string(rune(d.Digit)), d.Duration)
		}
	}
	s.rx.digit = s.rx.digits.Waiting()
}
