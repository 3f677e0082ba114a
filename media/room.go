package media

import "time"

// RoomMaker is an optional role of an [Engine], found by type assertion: it
// mixes more than two streams.
type RoomMaker interface {
	// NewRoom returns an empty room. It lives until Close; it does not block.
	NewRoom(cfg RoomConfig) (Room, error)
}

// RoomConfig of one room.
type RoomConfig struct {
	Label  string // for logs
	RateHz int    // of the mix: 8000, 16000, 32000 or 48000; 8000 if 0
	// NoisePeak is the amplitude of the comfort noise that is heard while
	// nobody talks and nothing plays; 0 is silence.
	NoisePeak int
	// Notify is called from the engine's goroutines; it must not block.
	Notify func(RoomEvent)
}

// Room mixes streams: each member hears all others and never itself. Commands
// take effect at the next tick and never block; they are safe for concurrent use.
type Room interface {
	// Join puts a stream into the room; the newest of Join, [Stream.Join] and
	// Leave wins. The stream's playbacks, taps and digits go on as before, and
	// a foreground playback is heard in place of the room. That the member left,
	// for whatever reason, is told once by MemberLeft. The error wraps
	// ErrNoCodec when the stream's codec can only be relayed.
	Join(s Stream, cfg MemberConfig) (Member, error)
	// Play lets all members hear src, over what they say. The engine closes src.
	Play(src Source, opt PlayOptions) (Playback, error)
	// Tap feeds sink with what the room hears, as its in; out is silence.
	Tap(sink Sink) (Tap, error)
	// Close ends playbacks and taps and lets every member leave.
	Close()
}

// MemberConfig is how a member begins.
type MemberConfig struct {
	ID      string  // returned in events
	Mute    bool    // nobody hears it
	Deaf    bool    // it hears nobody
	GainIn  float64 // dB, of what it says; at most MaxGainDB either way
	GainOut float64 // dB, of what it hears
	// Energy is the mean magnitude of samples from which on it is heard; 0:
	// always. 100 is a quiet voice.
	Energy int
}

// MaxGainDB bounds the gains of a member.
const MaxGainDB = 30

// Member is a stream in a room. After it left every command is a no-op.
type Member interface {
	SetMute(on bool)
	SetDeaf(on bool)
	SetGainIn(dB float64)
	SetGainOut(dB float64)
	SetEnergy(level int)
	// Play lets this member alone hear src, over the room or, without
	// PlayOptions.Mix, in its place. PlaybackEnded is told to the stream.
	Play(src Source, opt PlayOptions) (Playback, error)
	// Stats is a snapshot.
	Stats() MemberStats
	// Leave takes it out; the stream hears silence from then on.
	Leave()
}

// MemberStats are figures of a member.
type MemberStats struct {
	Talking bool
	Level   int           // mean magnitude of its latest tick, before gain
	Talked  time.Duration // in all
	Shared  bool          // it hears the mix that all silent members share
}

// RoomLeaver is an optional role of a [Stream], found by type assertion.
type RoomLeaver interface {
	// LeaveRoom takes the stream out of the room it is in, if any.
	LeaveRoom()
}

// RoomEvent is what a room reports: PlaybackEnded, TapEnded, MemberJoined,
// MemberTalks or MemberLeft.
type RoomEvent interface{ roomEvent() }

type (
	// MemberJoined says that a member hears and is heard.
	MemberJoined struct{ ID string }
	// MemberTalks says that a member began or stopped to talk. A muted one is
	// reported, too, although nobody hears it.
	MemberTalks struct {
		ID      string
		Talking bool
		Muted   bool
	}
	// MemberLeft is the last event of a member. Err is nil if it was asked to,
	// or its stream was closed or joined elsewhere.
	MemberLeft struct {
		ID  string
		Err error
	}
)

func (MemberJoined) roomEvent()  {}
func (MemberTalks) roomEvent()   {}
func (MemberLeft) roomEvent()    {}
func (PlaybackEnded) roomEvent() {}
func (TapEnded) roomEvent()      {}

// StateCopier is an optional role of an [Encoder] whose payloads depend on
// what it encoded before: it lets one encoding be sent to several far ends. An
// encoder of G.711 or L16 does not need it.
type StateCopier interface {
	// CopyState makes the encoder go on as from would; false if it cannot. It
	// does not allocate.
	CopyState(from Encoder) bool
}
