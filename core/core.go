// Package core holds the words of calls: identifiers, states, causes, the
// events a leg posts to its session, and the roles through which modules reach
// each other. It is vocabulary: nothing here runs, blocks or opens anything.
//
// Modules (endpoints, dialplans, applications, the web) import core and media
// and never each other; what they need of one another they reach through the
// roles carried by [Deps].
package core

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// ChannelID identifies one channel for its life: a UUID, FreeSWITCH's uuid.
type ChannelID string

// CallID is shared by all channels of one call and never changes. Legs that a
// channel originates inherit it.
type CallID string

// NewChannelID returns a random UUID (RFC 9562 §5.4).
func NewChannelID() ChannelID { return ChannelID(uuid.NewString()) }

// NewCallID returns a random UUID.
func NewCallID() CallID { return CallID(uuid.NewString()) }

// NewID returns a random UUID for anything else: actions, recordings, requests.
func NewID() string { return uuid.NewString() }

// Direction of a channel, seen from the switch.
type Direction uint8

// An inbound leg called us (A leg), an outbound leg is called by us (B leg).
const (
	Inbound Direction = iota
	Outbound
)

// String is the word of CDRs and variables.
func (d Direction) String() string {
	if d == Outbound {
		return "outbound"
	}
	return "inbound"
}

// Errors that callers branch on.
var (
	// ErrUnsupported is returned by a role a leg or module does not fill.
	ErrUnsupported = errors.New("not supported by this endpoint")
	// ErrEnded means that the call or channel is over.
	ErrEnded = errors.New("the call has ended")
	// ErrNotFound means that there is no such thing now.
	ErrNotFound = errors.New("not found")
	// ErrDraining refuses new calls while the switch shuts down.
	ErrDraining = errors.New("draining")
	// ErrLimit refuses a call because a limit is reached.
	ErrLimit = errors.New("limit reached")
)

// HangupError ends a context with the cause of the hangup; read it with
// context.Cause.
type HangupError struct {
	Cause Cause
	By    Hanger
}

// Error implements error.
func (e *HangupError) Error() string { return fmt.Sprintf("hangup: %s by %s", e.Cause, e.By) }

// Unwrap lets errors.Is(err, ErrEnded) hold.
func (e *HangupError) Unwrap() error { return ErrEnded }

// Hanger says who ended a channel.
type Hanger string

// Who hung up.
const (
	ByCaller Hanger = "caller" // the far end of an A leg
	ByCallee Hanger = "callee" // the far end of a B leg
	ByBridge Hanger = "bridge" // the other leg of the bridge ended
	ByApp    Hanger = "application"
	ByAPI    Hanger = "api"
	BySwitch Hanger = "switch" // time-outs, limits, shutdown, trouble
)
