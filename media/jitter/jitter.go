// Package jitter reorders and delays received packets so that they can be
// played on a clock (the playout side of RFC 3550 §6.4.4's jitter).
//
// It is pure: time is an argument, nothing allocates after New, no goroutine.
// It holds payloads and knows nothing of codecs.
//
//	arrival ─► Put ─► [slots by sequence] ─► Get, one packet time after another
package jitter

import (
	"math"
	"time"
)

const (
	slots = 64 // power of two; at 20 ms more than a second, far over any Max
	// refillAfter is how many empty Gets in a row end a talk spurt: what comes
	// then is delayed anew.
	refillAfter = 5
	// spareWindow is how many Gets the buffer must have been too full before
	// one packet may go: two seconds at 20 ms.
	spareWindow = 100
	// patience is how many such windows wait for a silent packet.
	patience = 5
)

// Config of a buffer; zero values mean the defaults.
type Config struct {
	Start time.Duration // delay at the beginning of a talk spurt; 40 ms
	Min   time.Duration // delay it shrinks to; 20 ms
	Max   time.Duration // delay it grows to; 200 ms
	PTime time.Duration // audio in a packet; 20 ms
	Bytes int           // longest payload that is kept; 480
}

// Status says what Get found.
type Status uint8

// What Get can find.
const (
	// Packet is the next one, in order.
	Packet Status = iota
	// Lost is a packet that did not come in time: conceal it.
	Lost
	// Empty means that nothing waits: the sender is late or silent.
	Empty
	// Filling means that the beginning of a talk spurt is being delayed.
	Filling
)

// Item is a packet in the buffer.
type Item struct {
	Seq     int64  // extended sequence number
	Kind    uint8  // the caller's: how to decode it
	Payload []byte // borrowed until the next Put
}

// Stats count since New.
type Stats struct {
	Late     uint64 // came after their turn
	Lost     uint64 // never came, or came too late
	Overflow uint64 // dropped because more than Max waited, or too long
	Shed     uint64 // dropped to shorten the delay
}

// Buffer is the jitter buffer of one stream. Calls must not overlap.
type Buffer struct {
	cfg    Config
	filled [slots]slot
	data   []byte

	playing bool
	filling bool          // packets wait for their delay
	since   time.Duration // when the first of them came
	next    int64         // whose turn it is
	floor   int64         // what was played, or passed over, is below
	newest  int64
	waiting int // packets stored
	hold    int // Gets that yield Lost without moving on: the delay grows
	empty   int // Gets in a row without anything

	least   int // fewest packets left after a Get in this window
	gets    int
	windows int // windows in a row with a packet to spare
	stats   Stats
}

type slot struct {
	seq  int64
	size int
	kind uint8
	used bool
}

// New returns an empty buffer.
func New(cfg Config) *Buffer {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&cfg.Start, 40*time.Millisecond)
	def(&cfg.Min, 20*time.Millisecond)
	def(&cfg.Max, 200*time.Millisecond)
	def(&cfg.PTime, 20*time.Millisecond)
	if cfg.Bytes <= 0 {
		cfg.Bytes = 480 // 60 ms of G.711
	}
	return &Buffer{cfg: cfg, data: make([]byte, slots*cfg.Bytes), floor: math.MinInt64 + slots}
}

// Reset forgets what waits, as after a change of SSRC. Stats stay.
func (b *Buffer) Reset() {
	for i := range b.filled {
		b.filled[i].used = false
	}
	b.playing, b.filling = false, false
	b.floor = math.MinInt64 + slots
	b.waiting, b.hold, b.empty = 0, 0, 0
	b.gets, b.windows = 0, 0
}

// Put stores a copy of a packet that arrived at now. A packet whose turn has
// passed is dropped and makes the delay grow by as much as it was late.
func (b *Buffer) Put(seq int64, kind uint8, payload []byte, now time.Duration) {
	if len(payload) > b.cfg.Bytes {
		b.stats.Overflow++
		return
	}
	switch {
	case !b.playing && !b.filling:
		if b.past(seq) {
			b.stats.Late++ // of the talk spurt that is over
			return
		}
		b.filling, b.since = true, now
		b.next, b.newest = seq, seq
	case seq >= b.next+slots || seq < b.next-slots:
		b.Reset()
		b.filling, b.since = true, now
		b.next, b.newest = seq, seq
	case seq < b.next && b.playing:
		b.late(int(b.next - seq))
		return
	case b.past(seq):
		b.stats.Late++
		return
	case seq < b.next:
		b.next = seq // reordered before its turn came
	}
	s := &b.filled[seq&(slots-1)]
	if s.used && s.seq == seq {
		return
	}
	if !s.used {
		b.waiting++
	}
	*s = slot{seq: seq, size: len(payload), kind: kind, used: true}
	copy(b.data[int(seq&(slots-1))*b.cfg.Bytes:], payload)
	b.newest = max(b.newest, seq)
	b.limit()
}

// past reports whether seq's turn is over, although nothing plays now.
func (b *Buffer) past(seq int64) bool { return seq < b.floor && seq >= b.floor-slots }

func (b *Buffer) late(packets int) {
	b.stats.Late++
	room := b.packets(b.cfg.Max) - b.waiting
	b.hold = max(b.hold, min(packets, room))
	b.gets, b.windows = 0, 0
}

// limit drops the oldest while more than Max waits.
func (b *Buffer) limit() {
	for b.newest-b.next >= int64(b.packets(b.cfg.Max)) {
		if b.drop() {
			b.stats.Overflow++
		}
	}
}

// drop takes away what is next; false if it was not there.
func (b *Buffer) drop() bool {
	s := &b.filled[b.next&(slots-1)]
	present := s.used && s.seq == b.next
	if present {
		s.used = false
		b.waiting--
	}
	b.next++
	b.floor = b.next
	return present
}

func (b *Buffer) packets(d time.Duration) int { return max(int(d/b.cfg.PTime), 1) }

// Get yields what is to be played now. It is called once per packet time.
func (b *Buffer) Get(now time.Duration) (Item, Status) {
	if !b.playing {
		if !b.filling {
			return Item{}, Empty
		}
		if now-b.since < b.cfg.Start {
			return Item{}, Filling
		}
		b.playing, b.filling = true, false
		b.gets, b.windows, b.least = 0, 0, slots
	}
	if b.hold > 0 {
		b.hold--
		return Item{}, Lost
	}
	s := &b.filled[b.next&(slots-1)]
	if s.used && s.seq == b.next {
		at := int(b.next&(slots-1)) * b.cfg.Bytes
		item := Item{Seq: b.next, Kind: s.kind, Payload: b.data[at : at+s.size]}
		b.drop()
		b.empty = 0
		b.measure()
		return item, Packet
	}
	if b.newest >= b.next && b.waiting > 0 {
		b.next++
		b.floor = b.next
		b.stats.Lost++
		return Item{}, Lost
	}
	b.empty++
	b.gets, b.windows, b.least = 0, 0, slots
	if b.empty >= refillAfter {
		b.playing, b.empty = false, 0
	}
	return Item{}, Empty
}

// measure notes whether packets are always left over.
func (b *Buffer) measure() {
	b.least = min(b.least, b.waiting)
	if b.gets++; b.gets < spareWindow {
		return
	}
	if b.least > b.packets(b.cfg.Min) {
		b.windows++
	} else {
		b.windows = 0
	}
	b.gets, b.least = 0, slots
}

// Shed drops the next packet if the delay has been longer than needed for two
// seconds and the sound is quiet, or for ten seconds and it is not. Call it
// after a Get, with what was heard then.
func (b *Buffer) Shed(quiet bool) bool {
	if b.windows == 0 || (!quiet && b.windows < patience) || b.waiting < 2 {
		return false
	}
	b.windows = 0
	if b.drop() {
		b.stats.Shed++
	}
	return true
}

// Waiting is how many packets are stored.
func (b *Buffer) Waiting() int { return b.waiting }

// Stats returns the counters.
func (b *Buffer) Stats() Stats { return b.stats }
