package core

import (
	"context"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// App is a dialplan application.
type App struct {
	Name   string
	Syntax string
	Doc    string
	// Run does the work on the app's own goroutine; it returns when it is done
	// or soon after ctx ends. context.Cause(ctx) tells why. An error is
	// journaled and the next step runs; a *HangupError or CauseError hangs up.
	Run func(ctx context.Context, s Session, args string) error
	// Inline apps may also run during the hunt and with inline="true".
	Inline bool
	// NoMedia apps do not need media: an unanswered caller is not pre-answered first.
	NoMedia bool
	// Resume says how the app is carried on after a take-over (design section 11).
	Resume ResumeKind
}

// ResumeKind is what happens to an app when another process carries the call on.
type ResumeKind uint8

// Restart runs the app again from its arguments, Skip goes on with the next
// step, Resume continues from the resume data in the snapshot.
const (
	ResumeRestart ResumeKind = iota
	ResumeSkip
	ResumeContinue
)

// Session is a live channel as its application sees it. Methods that take a
// context may wait for the owner or the far end and return context.Cause(ctx)
// when the call ends. All methods are safe for concurrent use.
type Session interface {
	Identity
	Variables
	Signaling
	Playing
	Routing
}

// Identity says which channel this is.
type Identity interface {
	ID() ChannelID
	CallID() CallID
	Direction() Direction
	Profile() CallerProfile // a copy
	State() State
	Progress() Progress
	Times() Times
	// Peer is the channel this one is bridged with, or empty.
	Peer() ChannelID
}

// Variables of a channel: case-insensitive name → value.
type Variables interface {
	// Var returns a channel variable, a caller-profile field or a global; "" if none.
	Var(name string) string
	LookupVar(name string) (string, bool)
	// SetVar sets; an empty value unsets, as in FreeSWITCH.
	SetVar(name, value string)
	// Export also copies the variable to B legs made from now on.
	Export(name, value string, local bool)
	// SetProfile sets a caller-profile field; false if there is none.
	SetProfile(field, value string) bool
	// AllVars is a copy.
	AllVars() map[string]string
	// Expand replaces ${…} with the channel's variables and API functions. It
	// may block in functions that are slow.
	Expand(ctx context.Context, text string) string
}

// Signaling moves the call itself.
type Signaling interface {
	Ring(ctx context.Context) error
	PreAnswer(ctx context.Context) error
	Answer(ctx context.Context) error
	// Hangup asks for the end and returns at once.
	Hangup(c Cause, by Hanger)
	// Refuse ends an unanswered call with a SIP status of the caller's choice.
	Refuse(status int, phrase string, c Cause)
	// Redirect refuses an unanswered call with other places to try.
	Redirect(ctx context.Context, contacts []string) error
	// Hold puts the far end on hold or takes it off.
	Hold(ctx context.Context, on bool) error
}

// Playing is the call's sound.
type Playing interface {
	// Play lets the far end hear src until it ends; it waits for the end. A
	// digit out of terminators ends it and is returned. It pre-answers.
	Play(ctx context.Context, src media.Source, terminators string) (PlayResult, error)
	// Echo sends the far end its own sound back until ctx ends.
	Echo(ctx context.Context, delay time.Duration) error
	// Digit waits for the next digit; ok is false on timeout.
	Digit(ctx context.Context, timeout time.Duration) (d byte, ok bool, err error)
	// FlushDigits forgets digits that nobody asked for.
	FlushDigits()
	// SendDigits sends digits to the far end.
	SendDigits(ctx context.Context, digits string, each time.Duration) error
	// Record starts a tap under a name; one of that name that runs is an error.
	Record(ctx context.Context, name string, sink media.Sink) error
	// StopRecord ends the tap of that name, or all with "all".
	StopRecord(ctx context.Context, name string) error
	// SampleRateHz is the rate the far end hears, 8000 before it is known.
	SampleRateHz() int
}

// PlayResult is how a playback ended.
type PlayResult struct {
	Terminator byte // 0 if it played to its end
	Played     time.Duration
}

// Routing moves the call to another place.
type Routing interface {
	// Bridge originates dial and joins the winner; it waits until the bridge
	// ended and returns what happened. Rules of FreeSWITCH's bridge application
	// (hangup_after_bridge, continue_on_fail …) are the application's business.
	Bridge(ctx context.Context, dial string) (BridgeResult, error)
	// Transfer leaves the running application: routing starts anew. Empty
	// dialplan and context keep the current ones. It returns at once.
	Transfer(extension, dialplan, context string) error
	// ExecuteExtension hunts and runs the steps in place.
	ExecuteExtension(ctx context.Context, extension, dialplan, context string) error
	// Execute runs one application in place.
	Execute(ctx context.Context, app, args string) error
	// Park waits without an application until the call ends, is moved, or timeout (0: none).
	Park(ctx context.Context, timeout time.Duration) error
	// Other returns the session of the peer for applications that act on both; nil if gone.
	Other(id ChannelID) Session
	// Journal notes something in the call's journal.
	Journal(e JournalEntry)
}

// BridgeResult is how a bridge application's work ended.
type BridgeResult struct {
	Connected   bool      // a B leg won
	Answered    bool      // and was answered
	Peer        ChannelID // the winner
	Cause       Cause     // why the bridge ended, or why originate failed
	By          Hanger    // who ended it
	SIPStatus   int       // the far end's refusal, 0 if none
	Phrase      string
	Transferred bool // the A leg was moved elsewhere meanwhile
}
