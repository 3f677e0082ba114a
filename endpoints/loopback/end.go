package loopback

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// progress of an end, and with it of its pair: both are answered together.
const (
	calling int32 = iota
	answered
	closed
)

var stateNames = [...]string{"calling", "answered", "closed"}

// end is one leg of a pair: what one end is told, the other's session hears.
// Its methods are called by its own session, post by both.
type end struct {
	side    string // "a" was dialed, "b" runs the dialplan
	other   *end
	channel core.ChannelID // set before the session runs
	state   atomic.Int32
	inbox   atomic.Pointer[core.Inbox]
}

var (
	_ core.Leg        = (*end)(nil)
	_ core.DTMFSender = (*end)(nil)
	_ core.Redirector = (*end)(nil)
)

func (e *end) setInbox(in core.Inbox) { e.inbox.Store(&in) }

// post tells e's session something; after Released nothing more.
func (e *end) post(ev core.Event) {
	if e.state.Load() == closed {
		return
	}
	e.deliver(ev)
}

func (e *end) deliver(ev core.Event) {
	if in := e.inbox.Load(); in != nil {
		(*in).Post(ev)
	}
}

// stream forwards what the engine reports of this end's stream.
func (e *end) stream(ev media.StreamEvent) { e.post(core.StreamReport{Event: ev}) }

// Ring implements core.Leg.
func (e *end) Ring() {
	if e.state.Load() == calling {
		e.other.post(core.Ringing{Status: 180})
	}
}

// Progress implements core.Leg.
func (e *end) Progress(d *media.Description) {
	if e.state.Load() == calling {
		e.other.post(core.EarlyMedia{Status: 183, Description: d})
	}
}

// Answer implements core.Leg.
func (e *end) Answer(d *media.Description) {
	if e.state.CompareAndSwap(calling, answered) {
		e.other.state.CompareAndSwap(calling, answered)
		e.other.post(core.Answered{Description: d})
		e.post(core.Confirmed{})
	}
}

// Offer implements core.Leg.
func (e *end) Offer(d *media.Description) {
	if e.state.Load() == answered && e.other.state.Load() == answered {
		e.other.post(core.Offered{Description: d})
		return
	}
	e.post(core.OfferRejected{Cause: core.CauseWrongCallState})
}

// Reply implements core.Leg. After an offer-less Offered the reply is an offer,
// but no end of a pair asks for one.
func (e *end) Reply(d *media.Description, c core.Cause) {
	if c != core.CauseNone {
		e.other.post(core.OfferRejected{Cause: c, Status: 488})
		return
	}
	e.other.post(core.OfferAnswered{Description: d})
}

// SendDTMF implements core.DTMFSender.
func (e *end) SendDTMF(digit byte, d time.Duration) {
	if e.state.Load() != closed {
		e.other.post(core.Digit{Digit: digit, Duration: d})
	}
}

// Redirect implements core.Redirector.
func (e *end) Redirect(contacts []string) {
	if e.state.Load() == calling {
		e.other.post(core.Redirected{Contacts: contacts})
	}
}

// Release implements core.Leg: the other end hears of it at once. A refusal
// before the answer carries its status along.
func (e *end) Release(r core.Release) {
	was := e.state.Swap(closed)
	if was == closed {
		return
	}
	hangup, end := core.FarHangup{Cause: r.Cause}, core.Released{}
	if was == calling && e.side == "b" {
		hangup.Status, hangup.Phrase, end.SIPStatus = r.SIPStatus, r.Phrase, r.SIPStatus
	}
	e.other.post(hangup)
	e.deliver(end)
}

// Snapshot implements core.Leg.
func (e *end) Snapshot() core.LegState {
	return core.LegState{
		Version: 1, Endpoint: "loopback", State: stateNames[e.state.Load()],
		Values: map[string]string{"leg": e.side, "channel": string(e.channel), "other": string(e.other.channel), "answered": strconv.FormatBool(e.state.Load() == answered)},
	}
}
