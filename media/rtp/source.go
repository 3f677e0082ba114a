package rtp

import (
	"net/netip"
	"time"
)

// How the source of a stream is found and kept (works-when M1, FreeSWITCH's
// latching window of 10 and 20 packets).
const (
	// latchPackets from one address, in a row, make it the source at the start.
	latchPackets = 5
	// handoverPackets from a new address, continuing the stream, take it over.
	handoverPackets = 10
	// handoverSilence is how long the old address must have been silent by then.
	handoverSilence = 150 * time.Millisecond
	// handoverWindow is how far ahead a continuing sequence may be: what is
	// lost in a second or two of moving between networks.
	handoverWindow = 200
)

// Source decides which sender address of a stream is heard and sent to
// (comedia, RFC 4961, with latching). The zero value hears nobody.
type Source struct {
	expecting bool
	described netip.AddrPort // what the far end's description says; invalid: a host name, or nothing
	current   netip.AddrPort // who is heard
	latched   bool           // current is proven; before that the first comer is heard
	last      time.Duration  // newest packet of current
	run       int            // packets of an unproven current

	candidate    netip.AddrPort
	candidateRun int
	candidateSeq Seq

	foreign uint64
}

// Expect opens the window: packets of the described address are believed at
// once, others after a run. A repeated description changes nothing.
func (s *Source) Expect(described netip.AddrPort) {
	described = plain(described)
	if s.expecting && described == s.described {
		return
	}
	s.expecting = true
	s.described, s.latched, s.run, s.candidateRun = described, false, 0, 0
	s.current = netip.AddrPort{}
}

// Check judges a packet from an address. hear: it is of the stream. moved: the
// source has been (re)found with this packet; see Current.
//
// ssrc and highest are of the receiver, started false before its first packet.
func (s *Source) Check(from netip.AddrPort, h Header, rc *Receiver, now time.Duration) (hear, moved bool) {
	if from == s.current && s.latched { // the common case
		s.last, s.candidateRun = now, 0
		return true, false
	}
	if !s.expecting {
		s.foreign++
		return false, false
	}
	if from == s.described && !s.latched {
		s.take(from, now)
		return true, true
	}
	if !s.latched {
		return s.probe(from, now)
	}
	s.foreign++
	return s.handover(from, h, rc, now)
}

// probe is the window at the start: the first comer is heard, and becomes the
// source after a run; whoever interrupts it is a stranger while it talks.
func (s *Source) probe(from netip.AddrPort, now time.Duration) (hear, moved bool) {
	if from != s.current {
		if s.current.IsValid() && now-s.last < handoverSilence {
			s.foreign++
			s.run = 0
			return false, false
		}
		s.current, s.run = from, 0
	}
	s.last = now
	s.run++
	if s.run < latchPackets {
		return true, false
	}
	s.take(from, now)
	return true, true
}

// handover follows a far end that moved: its packets continue the stream, in
// order, while the old address is silent. A stranger knows neither SSRC nor
// sequence, and one packet of the old address starts the run anew.
func (s *Source) handover(from netip.AddrPort, h Header, rc *Receiver, now time.Duration) (hear, moved bool) {
	reference := Seq(rc.Highest())
	if from == s.candidate && s.candidateRun > 0 {
		reference = s.candidateSeq
	}
	ahead := h.Seq.Sub(reference)
	if !rc.Started() || h.SSRC != rc.SSRC() || ahead <= 0 || ahead > handoverWindow {
		if from == s.candidate {
			s.candidateRun = 0
		}
		return false, false
	}
	if from != s.candidate {
		s.candidate, s.candidateRun = from, 0
	}
	s.candidateRun++
	s.candidateSeq = h.Seq
	if s.candidateRun < handoverPackets || now-s.last < handoverSilence {
		return false, false
	}
	s.take(from, now)
	return true, true
}

func (s *Source) take(from netip.AddrPort, now time.Duration) {
	s.current, s.latched, s.last = from, true, now
	s.run, s.candidateRun = 0, 0
}

// Current is the address that is heard; invalid before the first packet.
func (s *Source) Current() netip.AddrPort { return s.current }

// Latched reports whether Current is proven and may be sent to.
func (s *Source) Latched() bool { return s.latched }

// Foreign counts packets that were not heard.
func (s *Source) Foreign() uint64 { return s.foreign }

// plain compares IPv4-mapped addresses as IPv4.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
