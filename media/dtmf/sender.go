package dtmf

import (
	"fmt"
	"time"
)

// Defaults of SenderConfig, and of Queue.
const (
	DefaultPTime    = 20 * time.Millisecond
	DefaultDuration = 100 * time.Millisecond
	// DefaultGap keeps digits apart that a gateway turns into tones again; 40 ms
	// is the least a receiver of tones must tell apart (ITU-T Q.24).
	DefaultGap = 60 * time.Millisecond
	// DefaultVolume in −dBm0 is what most phones send.
	DefaultVolume = 10
)

const (
	// endPackets is how often the last report is sent (RFC 4733 §2.5.1.4).
	endPackets = 3
	// maxQueue is more than anybody dials in one go.
	maxQueue = 256
	// maxUnits is the longest duration of one segment (RFC 4733 §2.5.1.3).
	maxUnits = 0xffff
	// Pauses in a digit string, as in FreeSWITCH's send_dtmf.
	shortPause = 500 * time.Millisecond // w
	longPause  = time.Second            // W
)

// SenderConfig of a Sender; zero values mean the defaults.
type SenderConfig struct {
	ClockHz int           // of telephone-event; 8000 if 0
	PTime   time.Duration // how often Next is called
	Gap     time.Duration // silence after each digit
	Volume  uint8         // −dBm0
}

// Packet is what Next wants to be sent in place of audio. The caller gives it
// the stream's next sequence number.
type Packet struct {
	Payload   [PayloadBytes]byte
	Timestamp uint32
	Marker    bool
}

// queued is a digit or a pause that waits.
type queued struct {
	code  uint8
	pause bool
	units uint32 // how long
}

// Sender makes the packets of a queue of digits. It is not safe for
// concurrent use.
type Sender struct {
	step, gap uint32 // units per packet; after a digit
	volume    uint8
	clockHz   int

	queue      [maxQueue]queued
	head, size int

	phase     phase
	now       queued
	sent      uint32 // units of this digit that are over, all segments
	segment   uint32 // the part of sent that earlier segments hold
	timestamp uint32 // of this segment
	first     bool
	ends      int    // end packets still to be sent
	rest      uint32 // units of the gap or pause still to be waited for
}

type phase uint8

const (
	idle phase = iota
	tone
	ending
	waiting
)

// NewSender returns a sender with an empty queue.
func NewSender(cfg SenderConfig) *Sender {
	if cfg.ClockHz <= 0 {
		cfg.ClockHz = 8000
	}
	if cfg.PTime <= 0 {
		cfg.PTime = DefaultPTime
	}
	if cfg.Gap <= 0 {
		cfg.Gap = DefaultGap
	}
	if cfg.Volume == 0 {
		cfg.Volume = DefaultVolume
	}
	return &Sender{
		step:    max(units(cfg.PTime, cfg.ClockHz), 1),
		gap:     units(cfg.Gap, cfg.ClockHz),
		volume:  cfg.Volume,
		clockHz: cfg.ClockHz,
	}
}

// Queue appends digits (see Code; w pauses half a second, W a second), each
// lasting each or DefaultDuration if that is 0. Either all are queued or, with
// an error, none: ErrFull, or one that names the character.
func (s *Sender) Queue(digits string, each time.Duration) error {
	if each <= 0 {
		each = DefaultDuration
	}
	for i := range len(digits) {
		if _, ok := s.item(digits[i], each); !ok {
			return fmt.Errorf("dtmf: queue %q: %q at byte %d is no digit", digits, digits[i], i)
		}
	}
	if len(digits) > maxQueue-s.size {
		return ErrFull
	}
	for i := range len(digits) {
		q, _ := s.item(digits[i], each)
		s.queue[(s.head+s.size)%maxQueue] = q
		s.size++
	}
	return nil
}

func (s *Sender) item(digit byte, each time.Duration) (queued, bool) {
	switch digit {
	case 'w':
		return queued{pause: true, units: units(shortPause, s.clockHz)}, true
	case 'W':
		return queued{pause: true, units: units(longPause, s.clockHz)}, true
	}
	code, ok := Code(digit)
	return queued{code: code, units: max(units(each, s.clockHz), 1)}, ok
}

// Clear drops the digits that wait. The one that sounds is ended properly.
func (s *Sender) Clear() {
	s.head, s.size = 0, 0
	if s.phase == tone {
		s.now.units = s.sent // the next packet is the end
	}
}

// Busy reports whether digits or pauses are left. Audio may be sent whenever
// Next has no packet.
func (s *Sender) Busy() bool { return s.phase != idle || s.size > 0 }

// Next is called once per ptime with the timestamp the stream's packet would
// have now. It returns the packet to send instead, or false when audio may be
// sent: outside digits and in gaps.
//
// All packets of a digit bear the timestamp of its beginning; the first has
// the marker (RFC 4733 §2.5.1.2), the last is sent three times (§2.5.1.4). A
// digit longer than the duration field goes on in another segment with a
// later timestamp and without marker (§2.5.1.3).
func (s *Sender) Next(timestamp uint32) (Packet, bool) {
	switch s.phase {
	case ending:
		s.ends--
		p := s.packet(true, false)
		if s.ends == 0 {
			s.phase, s.rest = waiting, s.gap
		}
		return p, true
	case waiting:
		if s.rest > s.step {
			s.rest -= s.step
			return Packet{}, false
		}
		s.phase = idle
		return Packet{}, false
	case idle:
		if !s.begin(timestamp) {
			return Packet{}, false
		}
	}
	return s.tone(), true
}

// begin takes the next digit out of the queue; false if there is none to be
// sent now.
func (s *Sender) begin(timestamp uint32) bool {
	if s.size == 0 {
		return false
	}
	s.now = s.queue[s.head]
	s.head = (s.head + 1) % maxQueue
	s.size--
	if s.now.pause {
		s.phase, s.rest = waiting, s.now.units
		if s.rest > s.step {
			s.rest -= s.step // this call is part of the pause
		}
		return false
	}
	s.phase = tone
	s.sent, s.segment, s.timestamp, s.first = 0, 0, timestamp, true
	return true
}

// tone advances the digit by one packet.
func (s *Sender) tone() Packet {
	before := s.sent
	s.sent = max(before, min(before+s.step, s.now.units))
	if s.sent-s.segment > maxUnits {
		// What the last packet reported was the whole segment. It is not sent
		// three times: the next segment tells as much.
		s.timestamp += before - s.segment
		s.segment = before
	}
	end := s.sent >= s.now.units
	p := s.packet(end, s.first)
	s.first = false
	if end {
		s.phase, s.ends = ending, endPackets-1
	}
	return p
}

func (s *Sender) packet(end, marker bool) Packet {
	e := Event{Code: s.now.code, End: end, Volume: s.volume, Duration: uint16(s.sent - s.segment)}
	return Packet{Payload: e.Payload(), Timestamp: s.timestamp, Marker: marker}
}
