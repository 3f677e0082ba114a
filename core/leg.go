package core

import (
	"context"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// Leg is one side of a call as an endpoint module presents it to the switch.
//
// The session calls its methods one at a time, from one goroutine. None of
// them may block: an endpoint queues the work and reports the outcome later by
// posting an [Event] to the [Inbox] it was given. After Release the leg posts
// exactly one [Released] and nothing else.
type Leg interface {
	// Ring says that the destination is being alerted, without media (180).
	Ring()
	// Progress sends early media (183). d is our answer to the far end's offer,
	// or our offer if it made none.
	Progress(d *media.Description)
	// Answer accepts the call (200). d as in Progress; nil if the same
	// description was already sent in a reliable or repeated 183.
	Answer(d *media.Description)
	// Offer proposes new media in a call that is up (re-INVITE). The outcome is
	// OfferAnswered or OfferRejected.
	Offer(d *media.Description)
	// Reply answers the far end's Offered. A cause other than CauseNone rejects it and d is nil.
	Reply(d *media.Description, c Cause)
	// Release ends the leg in the way its state asks for: refusal, CANCEL or BYE.
	// It may be called in every state and more than once.
	Release(r Release)
	// Snapshot is a plain value that another process can carry the leg on from.
	Snapshot() LegState
}

// Release says how a leg is to be ended.
type Release struct {
	Cause Cause
	// SIPStatus and Phrase, if set, are used to refuse an unanswered call in
	// place of the cause's status (the B leg's own answer passed back, respond).
	SIPStatus int
	Phrase    string
	// Elsewhere marks losers of a fork: "Call completed elsewhere" (RFC 3326).
	Elsewhere bool
}

// LegState is the plain value of Leg.Snapshot; it encodes to JSON.
type LegState struct {
	Version  int               `json:"version"`
	Endpoint string            `json:"endpoint"`
	State    string            `json:"state"`
	Values   map[string]string `json:"values,omitempty"` // flat facts: call_id, tags, addresses
	Opaque   []byte            `json:"opaque,omitempty"` // the endpoint's own JSON
}

// Optional roles of a leg, found by type assertion; what is missing is
// ErrUnsupported to the application that asks.
type (
	// Redirector refuses an unanswered call with other places to try (302).
	Redirector interface{ Redirect(contacts []string) }
	// DTMFSender sends digits in signaling (SIP INFO).
	DTMFSender interface {
		SendDTMF(digit byte, d time.Duration)
	}
	// DisplayUpdater tells the far end whom it talks to.
	DisplayUpdater interface{ UpdateDisplay(name, number string) }
	// Referrer asks the far end to call somebody else (REFER).
	Referrer interface{ Refer(target string) }
)

// Inbox is where an endpoint posts what happens to a leg. Post never blocks and
// may be called from any goroutine; events of a session that has ended are
// dropped.
type Inbox interface{ Post(Event) }

// Event is what a leg tells its session.
type Event interface{ legEvent() }

type (
	// Trying says that the far end has our request (100).
	Trying struct{}
	// Ringing says that the far end is alerted, without media (180).
	Ringing struct{ Status int }
	// EarlyMedia brings the far end's description before the answer (18x with SDP).
	EarlyMedia struct {
		Status      int
		Description *media.Description
	}
	// Answered says that the far end accepted our call. Description is its
	// answer, nil if it was already given in EarlyMedia and not repeated.
	Answered struct{ Description *media.Description }
	// Confirmed says that the far end has our answer (ACK); Description is its
	// answer to our late offer, else nil.
	Confirmed struct{ Description *media.Description }
	// Offered is the far end's new offer in a call (re-INVITE, UPDATE). A nil
	// Description asks for our offer; its answer comes as OfferAnswered.
	Offered struct{ Description *media.Description }
	// OfferAnswered is the far end's answer to our Offer, or to the offer we
	// made in Reply.
	OfferAnswered struct{ Description *media.Description }
	// OfferRejected says that our Offer was refused; the session's media stay as they were.
	OfferRejected struct {
		Cause  Cause
		Status int
	}
	// Digit was signaled outside of the media (SIP INFO).
	Digit struct {
		Digit    byte
		Duration time.Duration
	}
	// Redirected says that the far end wants us to try other places (3xx);
	// FarHangup follows if the session does not.
	Redirected struct{ Contacts []string }
	// VariablesLearned brings facts the endpoint exposes to the dialplan.
	VariablesLearned struct{ Variables map[string]string }
	// FarHangup says that the far end ended or refused the call.
	FarHangup struct {
		Cause  Cause
		Status int    // SIP status of a refusal, 0 for BYE or CANCEL
		Phrase string // reason phrase of the refusal
		Reason string // Reason header, verbatim
	}
	// LegFailed says that the leg cannot go on: no route, no ACK, a lost flow.
	LegFailed struct {
		Cause  Cause
		Detail string
	}
	// StreamReport brings an event of a stream that the endpoint itself opened
	// (a loopback pipe).
	StreamReport struct{ Event media.StreamEvent }
	// Released is the last event of every leg: the endpoint is done with it.
	Released struct{ SIPStatus int }
)

func (Trying) legEvent()           {}
func (Ringing) legEvent()          {}
func (EarlyMedia) legEvent()       {}
func (Answered) legEvent()         {}
func (Confirmed) legEvent()        {}
func (Offered) legEvent()          {}
func (OfferAnswered) legEvent()    {}
func (OfferRejected) legEvent()    {}
func (Digit) legEvent()            {}
func (Redirected) legEvent()       {}
func (VariablesLearned) legEvent() {}
func (FarHangup) legEvent()        {}
func (LegFailed) legEvent()        {}
func (StreamReport) legEvent()     {}
func (Released) legEvent()         {}

// Incoming is a new call that an endpoint presents to the switch.
type Incoming struct {
	Endpoint  string // "sofia", "loopback"
	Name      string // channel name, e.g. "sofia/internal/1000@example.com"
	Leg       Leg
	Profile   CallerProfile      // caller and destination, context and dialplan
	Variables map[string]string  // facts and directory variables of the caller
	Offer     *media.Description // nil: late offer
	Local     LocalMedia         // where the endpoint wants its media bound
	CallID    CallID             // set by loopback pairs, else empty
	// Attach, if not nil, is called with the session's inbox and id before the
	// session runs, so that no event of the leg comes too early.
	Attach func(Inbox, ChannelID)
}

// LocalMedia is the endpoint's word on where and how RTP of its legs is bound.
type LocalMedia struct {
	Stream media.StreamConfig // Notify and Label are set by the session
	Policy media.Policy       // codec preferences of the profile
	// Ready is a stream that exists already (loopback pairs); Stream is then unused.
	Ready media.Stream
}

// Outgoing asks an endpoint for a B leg.
type Outgoing struct {
	ChannelID ChannelID
	CallID    CallID
	Target    string            // what follows the endpoint's prefix in the dial string
	Profile   CallerProfile     // caller ID to show, destination
	Variables map[string]string // the new channel's variables: sip_h_*, origination_*
	Timeout   time.Duration     // the originate's remaining time; a hint for the protocol
}

// Endpoint makes legs of one protocol.
type Endpoint interface {
	// Prefix is the word before the first slash of a dial string: "sofia".
	Prefix() string
	// Prepare checks the target without side effects and says how its media is
	// bound and what the channel is called. A *CauseError refuses the target.
	Prepare(out Outgoing) (Placement, error)
	// Place starts the call: non-blocking, the outcome comes as events to in.
	// offer is nil where the far end shall offer (3pcc). A *CauseError refuses.
	Place(out Outgoing, p Placement, offer *media.Description, in Inbox) (Leg, error)
}

// Placement is what Endpoint.Prepare found out.
type Placement struct {
	Name   string     // channel name
	Local  LocalMedia // media binding
	Opaque any        // the endpoint's own, given back to Place
}

// CauseError is an error with the cause it ends a leg with.
type CauseError struct {
	Cause     Cause
	SIPStatus int // 0: by the cause's table
	Err       error
}

// Error implements error.
func (e *CauseError) Error() string {
	if e.Err == nil {
		return e.Cause.String()
	}
	return e.Cause.String() + ": " + e.Err.Error()
}

// Unwrap returns the detail.
func (e *CauseError) Unwrap() error { return e.Err }

// Expander turns a target into a dial string: user/1000, group/sales@domain,
// error/USER_BUSY has none and is handled by originate.
type Expander interface {
	// Prefix is the word before the slash.
	Prefix() string
	// Expand returns the dial string and variables for its legs; a *CauseError
	// when there is nobody. It does not block.
	Expand(ctx context.Context, target string, vars map[string]string) (dial string, legVars map[string]string, err error)
}
