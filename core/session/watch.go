package session

import "github.com/tandemswitch/tandem/core"

// Watcher sees the milestones of a session: originate while a leg is dialed,
// the bridge while it is joined. Saw is called by the session's owner and must
// not block.
type Watcher interface {
	Saw(id core.ChannelID, m Milestone)
}

// Milestone is something a watcher cares for: SawRinging, SawEarlyMedia,
// SawAnswered, SawHold, SawDigit, SawRedirected, SawLeft or SawEnded.
type Milestone interface{ milestone() }

type (
	// SawRinging: the far end is alerted.
	SawRinging struct{}
	// SawEarlyMedia: media flow before the answer.
	SawEarlyMedia struct{}
	// SawAnswered: the far end answered.
	SawAnswered struct{}
	// SawHold: the far end put us on hold, or took us off.
	SawHold struct{ On bool }
	// SawDigit: the far end pressed a key outside of the media, or in it.
	SawDigit struct {
		Digit     core.Digit
		Signaling bool // by SIP INFO: does not cross the media by itself
	}
	// SawRedirected: the far end names other places (3xx).
	SawRedirected struct{ Contacts []string }
	// SawLeft: the channel goes elsewhere and lives on (transfer, park).
	SawLeft struct{}
	// SawEnded: the channel hung up.
	SawEnded struct {
		Cause  core.Cause
		By     core.Hanger
		Status int    // SIP status of a refusal
		Phrase string // and its phrase
	}
)

func (SawRinging) milestone()    {}
func (SawEarlyMedia) milestone() {}
func (SawAnswered) milestone()   {}
func (SawHold) milestone()       {}
func (SawDigit) milestone()      {}
func (SawRedirected) milestone() {}
func (SawLeft) milestone()       {}
func (SawEnded) milestone()      {}

func (s *Session) saw(m Milestone) {
	if s.watcher != nil {
		s.watcher.Saw(s.id, m)
	}
}
