package media

import (
	"net/netip"
	"time"
)

// Engine owns the graph of every stream and drives it on its shards.
type Engine interface {
	// Open binds the sockets of a new stream and returns it, idle. It does not
	// block beyond the bind. ErrNoPort when the range is used up.
	Open(cfg StreamConfig) (Stream, error)
	// Pipe returns two streams joined back to back without sockets, for
	// loopback endpoints: what one plays or relays the other receives.
	Pipe(a, b StreamConfig) (Stream, Stream, error)
	// Codecs lists what the engine can transcode, in order of preference.
	Codecs() []Format
	// Stats is a snapshot of the engine's counters.
	Stats() EngineStats
}

// EngineStats are totals since start; times in the names' units.
type EngineStats struct {
	Streams        int
	PacketsIn      uint64
	PacketsOut     uint64
	BytesIn        uint64
	BytesOut       uint64
	LostPackets    uint64
	TicksSkipped   uint64
	DroppedPackets uint64 // malformed, foreign or without a way to go
	PortsInUse     int
	TickP99        time.Duration
}

// StreamConfig says how a stream is bound and whom it tells what happens.
type StreamConfig struct {
	Local       netip.Addr    // address to bind; IPv4 or IPv6
	Advertise   netip.Addr    // address written into descriptions; Local if invalid
	Label       string        // channel id, for logs and journal
	Symmetric   bool          // send to where packets come from (comedia)
	Timeout     time.Duration // no RTP for so long → StreamTimeout; 0: never
	HoldTimeout time.Duration // the same while on hold
	// Notify is called from the engine's goroutines; it must not block.
	Notify func(StreamEvent)
}

// Policy says which formats a stream may use. The zero Policy allows the
// engine's codecs and telephone-event at 8000 Hz.
type Policy struct {
	// Formats in order of our preference; what else the engine could do is not offered.
	Formats []Format
	// Prefer puts these in front if the far end offers them (the codec the
	// other leg already uses: the cheapest path).
	Prefer []Format
	// Order is generous (caller's order wins), greedy (ours) or scrooge.
	Order string
	// PTime we ask for; DefaultPTime if 0.
	PTime time.Duration
	// Direction of our side: SendOnly to hold the far end.
	Direction Direction
	// NoTelephoneEvent leaves RFC 4733 out of offers and answers.
	NoTelephoneEvent bool
	// PassThrough allows audio formats the engine cannot transcode (relay only).
	PassThrough []Format
}

// Negotiator makes and takes descriptions (RFC 3264). Its methods are called
// one at a time, by the session that owns the stream; they do not block.
type Negotiator interface {
	// Offer describes what we would like; it takes effect when the far end's
	// answer is given to Accept.
	Offer(p Policy) *Description
	// Answer chooses from the far end's offer, applies the result and returns
	// our answer. ErrNoCodec leaves the stream as it was.
	Answer(offer *Description, p Policy) (*Description, error)
	// Accept applies the far end's answer to our last offer.
	Accept(answer *Description) error
	// Negotiated reports the format in use; false before the first answer.
	Negotiated() (Negotiated, bool)
}

// Negotiated is the outcome of the last offer/answer.
type Negotiated struct {
	Send, Receive Format         // codec with the payload type of each direction
	SendPTime     time.Duration  //
	ReceivePTime  time.Duration  //
	EventSend     Format         // telephone-event towards the far end; zero if it has none
	EventReceive  Format         //
	Remote        netip.AddrPort // where the far end wants RTP
	Direction     Direction      // ours
}

// Stream is the RTP of one channel, both directions. The session that opened
// it commands it; commands take effect at the next packet or tick and never
// block. After Close every command is a no-op or ErrClosed.
type Stream interface {
	Negotiator

	// LocalAddr is where we receive RTP.
	LocalAddr() netip.AddrPort
	// Join connects both directions of two streams; the engine picks relay,
	// transcode or mix and changes between them without a gap. A stream is
	// joined with one other at most: the newest join wins.
	Join(peer Stream) error
	// Split ends the join; each side hears silence (paced) from then on.
	Split()
	// Play lets the far end hear src until it ends or is stopped, in place of
	// what else it would hear. The engine closes src.
	Play(src Source, opt PlayOptions) (Playback, error)
	// Echo sends the far end its own audio back, delayed; a negative delay ends it.
	Echo(delay time.Duration)
	// Tap feeds sink with both directions until Close of the returned tap or of the stream.
	Tap(sink Sink) (Tap, error)
	// SendDigits queues digits towards the far end as RFC 4733 events.
	SendDigits(digits string, each time.Duration) error
	// Stats is a snapshot of figures.
	Stats() StreamStats
	// State is all another process needs to carry on with the stream.
	State() StreamState
	// Close ends everything and frees the ports. Playbacks and taps end first,
	// with their notifications.
	Close()
}

// PlayOptions of one playback.
type PlayOptions struct {
	ID  string // returned in the event
	Mix bool   // heard over, not in place of, what the far end hears
	// Background playbacks (ring-back, hold music) yield to others and to a join.
	Background bool
}

// Playback is a running Play.
type Playback interface {
	// Stop ends it at the next tick; the event says Interrupted.
	Stop()
	// Pause and Resume keep the position.
	Pause()
	Resume()
	// Position is the time already heard.
	Position() time.Duration
}

// Tap is a running Tap.
type Tap interface {
	Close()
}

// StreamEvent is what a stream reports: DigitReceived, PlaybackEnded, TapEnded,
// FirstPacket, StreamTimeout, SourceChanged or WayChanged.
type StreamEvent interface{ streamEvent() }

type (
	// DigitReceived is one whole RFC 4733 digit, reported once.
	DigitReceived struct {
		Digit    byte
		Duration time.Duration
	}
	// PlaybackEnded closes a playback, whatever ended it.
	PlaybackEnded struct {
		ID          string
		Interrupted bool
		Played      time.Duration
		Err         error
	}
	// TapEnded closes a tap.
	TapEnded struct{ Err error }
	// FirstPacket is the far end's first valid RTP.
	FirstPacket struct{ From netip.AddrPort }
	// StreamTimeout says that no RTP came for the configured time.
	StreamTimeout struct{ After time.Duration }
	// SourceChanged says that we follow the far end to a new address.
	SourceChanged struct{ Old, New netip.AddrPort }
	// ForeignPackets says that packets of a stranger were refused.
	ForeignPackets struct {
		From  netip.AddrPort
		Count uint64
	}
	// WayChanged says how packets travel now, and why.
	WayChanged struct {
		Way    Way
		Reason string
	}
)

func (DigitReceived) streamEvent()  {}
func (PlaybackEnded) streamEvent()  {}
func (TapEnded) streamEvent()       {}
func (FirstPacket) streamEvent()    {}
func (StreamTimeout) streamEvent()  {}
func (SourceChanged) streamEvent()  {}
func (ForeignPackets) streamEvent() {}
func (WayChanged) streamEvent()     {}

// Way is how packets travel through us.
type Way uint8

// The ways of design section 7. Idle sends paced silence.
const (
	WayIdle Way = iota
	WayBypass
	WayRelay
	WayTranscode
	WayMix
)

// String is the word used in events and journal.
func (w Way) String() string {
	return [...]string{"idle", "bypass", "relay", "transcode", "mix"}[min(int(w), 4)]
}

// StreamStats are the figures of one stream since it was opened.
type StreamStats struct {
	Local, Remote netip.AddrPort
	Way           Way
	Send, Receive Format
	PacketsIn     uint64
	PacketsOut    uint64
	BytesIn       uint64 // RTP payload bytes
	BytesOut      uint64
	LostIn        uint64        // by sequence numbers (RFC 3550 §A.3)
	LostOut       uint64        // as the far end reports it
	JitterIn      time.Duration // RFC 3550 §A.8
	JitterOut     time.Duration
	RoundTrip     time.Duration // 0: not known
	OutOfOrder    uint64
	Foreign       uint64
	LastPacketIn  time.Time
	DigitsIn      uint64
}

// StreamState is the plain value a stream is carried on from (design section 11).
type StreamState struct {
	Local      netip.AddrPort `json:"local"`
	Remote     netip.AddrPort `json:"remote"`
	Negotiated *Negotiated    `json:"negotiated,omitempty"`
	SSRC       uint32         `json:"ssrc"`
	Sequence   uint16         `json:"sequence"`  // next to be sent
	Timestamp  uint32         `json:"timestamp"` // next to be sent
	RemoteSSRC uint32         `json:"remote_ssrc"`
	SDPVersion uint64         `json:"sdp_version"`
	SDPSession uint64         `json:"sdp_session"`
}
