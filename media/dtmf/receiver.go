package dtmf

import "time"

// DefaultTimeout completes a digit whose end packets are all lost. It must
// outlast jitter, and keeps callers waiting only when packets are lost.
const DefaultTimeout = 250 * time.Millisecond

const (
	// history is how many digits are remembered, to tell late copies of their
	// packets from new digits.
	history = 8
	// maxDone is how many digits one Put or Tick can complete.
	maxDone = history + 1
	// segmentSlack is how much less than a full duration field a segment may
	// hold: one packet of any usual length.
	segmentSlack = 60 * time.Millisecond
	// maxSegmentGap is how long a digit may be silent and go on in a new segment.
	maxSegmentGap = time.Second
)

// Received is one whole digit.
type Received struct {
	Digit    byte
	Duration time.Duration // as far as it was reported
	Volume   uint8         // −dBm0
	NoEnd    bool          // all end packets were lost: completed by time-out or by the next digit
}

// ReceiverConfig of a Receiver; zero values mean the defaults.
type ReceiverConfig struct {
	ClockHz int // of telephone-event; 8000 if 0
	Timeout time.Duration
}

// event is what is known of one digit.
type event struct {
	used, done bool
	ended      bool // an end packet was seen
	code       uint8
	volume     uint8
	start      uint32 // timestamp of its beginning
	timestamp  uint32 // of its last segment
	lastSeq    uint16 // newest packet of it
	duration   uint32 // newest report within the last segment, wraps added
	before     uint32 // units in segments before
	heard      time.Time
}

// Receiver finds the digits in received packets and yields each one once,
// when it has ended. It copes with lost, doubled and reordered packets: any
// one packet of a digit is enough. It is not safe for concurrent use.
type Receiver struct {
	clockHz int
	timeout time.Duration
	events  [history]event
	next    int // the entry to be reused
	done    [maxDone]Received
	pending int
	// Ignored counts packets that were malformed or no digit.
	Ignored uint64
}

// NewReceiver returns a receiver that knows no digit.
func NewReceiver(cfg ReceiverConfig) *Receiver {
	if cfg.ClockHz <= 0 {
		cfg.ClockHz = 8000
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	return &Receiver{clockHz: cfg.ClockHz, timeout: cfg.Timeout}
}

// Reset forgets everything, as for a new SSRC. A digit that has not ended is
// completed.
func (r *Receiver) Reset() {
	for i := range r.events {
		r.complete(&r.events[i], true)
		r.events[i] = event{}
	}
}

// Put takes one telephone-event packet that arrived at now. Take the digits
// it completes with Next before the next Put. The payload is not kept.
func (r *Receiver) Put(seq uint16, timestamp uint32, marker bool, payload []byte, now time.Time) {
	e, err := Parse(payload)
	if err != nil {
		r.Ignored++
		return
	}
	if _, ok := Digit(e.Code); !ok {
		r.Ignored++
		return
	}
	ev := r.find(timestamp, e.Code)
	switch {
	case ev == nil:
		ev = r.continued(seq, timestamp, marker, e.Code, now)
		if ev == nil {
			ev = r.begin(seq, timestamp, e.Code)
		}
	case ev.done && marker && timestamp == ev.timestamp && newer(seq, ev.lastSeq):
		// A gateway that stops its clock during digits: the same digit again.
		*ev = newEvent(seq, timestamp, e.Code)
	}
	if ev.done || timestamp != ev.timestamp {
		return // another copy of the end, or a late report of an earlier segment
	}
	ev.heard = now
	ev.report(seq, e)
	if e.End {
		ev.ended = true
		r.complete(ev, false)
	}
}

func newEvent(seq uint16, timestamp uint32, code uint8) event {
	return event{used: true, code: code, start: timestamp, timestamp: timestamp, lastSeq: seq}
}

// report takes the duration of a packet into account.
func (ev *event) report(seq uint16, e Event) {
	ev.volume = e.Volume
	duration := uint32(e.Duration)
	if newer(seq, ev.lastSeq) {
		ev.lastSeq = seq
		// Senders that keep the timestamp of a long digit let its duration wrap.
		for duration+maxUnits/2 < ev.duration {
			duration += maxUnits + 1
		}
	}
	ev.duration = max(ev.duration, duration)
}

func newer(a, b uint16) bool { return int16(a-b) > 0 }

// find returns the digit that holds timestamp in a segment that is known.
func (r *Receiver) find(timestamp uint32, code uint8) *event {
	for i := range r.events {
		ev := &r.events[i]
		if ev.used && ev.code == code && timestamp-ev.start <= ev.timestamp-ev.start {
			return ev
		}
	}
	return nil
}

// continued returns the digit of which a packet with an unknown timestamp is a
// later segment (RFC 4733 §2.5.1.3): the same code, no marker, and a timestamp
// as much later as a full duration field says, less what packets round down.
func (r *Receiver) continued(seq uint16, timestamp uint32, marker bool, code uint8, now time.Time) *event {
	ev := &r.events[(r.next+history-1)%history] // the newest
	after := timestamp - ev.timestamp
	if marker || !ev.used || ev.ended || ev.code != code || !newer(seq, ev.lastSeq) ||
		now.Sub(ev.heard) > maxSegmentGap ||
		after > maxUnits+1 || after < maxUnits-units(segmentSlack, r.clockHz) {
		return nil
	}
	ev.before += after
	ev.timestamp, ev.duration = timestamp, 0
	return ev
}

// begin makes room for a new digit. It ends the digits before it: two keys
// never sound at once.
func (r *Receiver) begin(seq uint16, timestamp uint32, code uint8) *event {
	for i := range r.events {
		if ev := &r.events[i]; newer(seq, ev.lastSeq) {
			r.complete(ev, true)
		}
	}
	ev := &r.events[r.next]
	r.complete(ev, true)
	r.next = (r.next + 1) % history
	*ev = newEvent(seq, timestamp, code)
	return ev
}

// complete reports ev unless that was done before.
func (r *Receiver) complete(ev *event, noEnd bool) {
	if !ev.used || ev.done {
		return
	}
	ev.done = true
	digit, _ := Digit(ev.code)
	if r.pending == len(r.done) {
		copy(r.done[:], r.done[1:]) // the caller takes none: the oldest is lost
		r.pending--
	}
	r.done[r.pending] = Received{
		Digit:    digit,
		Duration: time.Duration(ev.before+ev.duration) * time.Second / time.Duration(r.clockHz),
		Volume:   ev.volume,
		NoEnd:    noEnd,
	}
	r.pending++
}

// Tick completes digits of which nothing was heard for the time-out. Call it
// now and then while Waiting is true.
func (r *Receiver) Tick(now time.Time) {
	for i := range r.events {
		if ev := &r.events[i]; ev.used && !ev.done && now.Sub(ev.heard) >= r.timeout {
			r.complete(ev, true)
		}
	}
}

// Waiting reports whether a digit has begun and not ended.
func (r *Receiver) Waiting() bool {
	for i := range r.events {
		if r.events[i].used && !r.events[i].done {
			return true
		}
	}
	return false
}

// Next takes the oldest digit that is complete; false if there is none.
func (r *Receiver) Next() (Received, bool) {
	if r.pending == 0 {
		return Received{}, false
	}
	d := r.done[0]
	copy(r.done[:], r.done[1:r.pending])
	r.pending--
	return d, true
}
