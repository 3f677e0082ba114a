package coretest

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// Phones is an endpoint whose targets are scripts: comma-free steps joined by
// "+", each WHAT@AFTER, such as "ring@1s+answer@3s+bye@10s" or "486@500ms".
// WHAT is ring, early, answer, bye, hold, resume, 302:URI or a SIP status.
type Phones struct {
	mu   sync.Mutex
	legs []*Leg
}

// Prefix implements core.Endpoint.
func (p *Phones) Prefix() string { return "phone" }

// Prepare implements core.Endpoint.
func (p *Phones) Prepare(out core.Outgoing) (core.Placement, error) {
	if out.Target == "bad" {
		return core.Placement{}, &core.CauseError{Cause: core.CauseInvalidURL, Err: errors.New("bad target")}
	}
	return core.Placement{Name: "phone/" + out.Target}, nil
}

// Place implements core.Endpoint.
func (p *Phones) Place(out core.Outgoing, _ core.Placement, offer *media.Description, in core.Inbox) (core.Leg, error) {
	l := NewLeg(in)
	l.Out, l.GotOffer = out, offer
	p.mu.Lock()
	p.legs = append(p.legs, l)
	p.mu.Unlock()
	l.play(out.Target)
	return l, nil
}

// Legs returns the legs placed so far, in order.
func (p *Phones) Legs() []*Leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Leg(nil), p.legs...)
}

// Leg is a fake leg: it notes what the session asks of it.
type Leg struct {
	Out      core.Outgoing
	GotOffer *media.Description

	mu     sync.Mutex
	in     core.Inbox
	timers []*time.Timer
	calls  []string
	over   bool
	Last   core.Release // the release asked for
}

var (
	_ core.Leg        = (*Leg)(nil)
	_ core.Redirector = (*Leg)(nil)
)

// NewLeg returns a leg that posts to in; nil until Attach.
func NewLeg(in core.Inbox) *Leg { return &Leg{in: in} }

// Attach sets the inbox; it fits core.Incoming.Attach.
func (l *Leg) Attach(in core.Inbox, _ core.ChannelID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in = in
}

func (l *Leg) play(script string) {
	for step := range strings.SplitSeq(script, "+") {
		at := strings.LastIndexByte(step, '@')
		if at < 0 {
			continue
		}
		what := step[strings.IndexByte(step[:at], '/')+1 : at] // PROFILE/ in front is not looked at
		d, err := time.ParseDuration(step[at+1:])
		if err != nil {
			continue
		}
		l.mu.Lock()
		l.timers = append(l.timers, time.AfterFunc(d, func() { l.do(what) }))
		l.mu.Unlock()
	}
}

// statusCauses are the few statuses the tests use.
var statusCauses = map[string]core.FarHangup{
	"486": {Cause: core.CauseUserBusy, Status: 486, Phrase: "Busy Here"},
	"480": {Cause: core.CauseNoUserResponse, Status: 480, Phrase: "Temporarily Unavailable"},
	"603": {Cause: core.CauseCallRejected, Status: 603, Phrase: "Decline"},
	"404": {Cause: core.CauseUnallocatedNumber, Status: 404, Phrase: "Not Found"},
	"503": {Cause: core.CauseNormalTemporaryFailure, Status: 503, Phrase: "Service Unavailable"},
}

func (l *Leg) do(what string) {
	switch {
	case what == "ring":
		l.Post(core.Ringing{Status: 180})
	case what == "early":
		l.Post(core.EarlyMedia{Status: 183, Description: Describe()})
	case what == "answer":
		l.Post(core.Answered{Description: Describe()})
	case what == "bye":
		l.Post(core.FarHangup{Cause: core.CauseNormalClearing})
	case what == "hold":
		d := Describe()
		d.Streams[0].Direction = media.SendOnly
		l.Post(core.Offered{Description: d})
	case what == "resume":
		l.Post(core.Offered{Description: Describe()})
	case strings.HasPrefix(what, "302:"):
		l.Post(core.Redirected{Contacts: []string{strings.TrimPrefix(what, "302:")}})
		l.Post(core.FarHangup{Cause: core.CauseRedirectionToNewDest, Status: 302, Phrase: "Moved Temporarily"})
	default:
		if h, ok := statusCauses[what]; ok {
			l.Post(h)
		}
	}
}

// Post lets the far end of the leg do something.
func (l *Leg) Post(ev core.Event) {
	l.mu.Lock()
	in, over := l.in, l.over
	l.mu.Unlock()
	if in != nil && !over {
		in.Post(ev)
	}
}

// Note adds a line to Calls, for legs that embed this one.
func (l *Leg) Note(call string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, call)
}

// Calls lists what the session asked, in order.
func (l *Leg) Calls() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.calls...)
}

// Ring implements core.Leg.
func (l *Leg) Ring() { l.Note("ring") }

// Progress implements core.Leg.
func (l *Leg) Progress(*media.Description) { l.Note("progress") }

// Answer implements core.Leg.
func (l *Leg) Answer(*media.Description) { l.Note("answer") }

// Offer implements core.Leg; the far end accepts.
func (l *Leg) Offer(*media.Description) {
	l.Note("offer")
	l.Post(core.OfferAnswered{Description: Describe()})
}

// Reply implements core.Leg.
func (l *Leg) Reply(d *media.Description, c core.Cause) {
	if c != core.CauseNone {
		l.Note("reject offer")
		return
	}
	st, _ := d.Audio()
	l.Note("reply " + st.Direction.String())
}

// Redirect implements core.Redirector.
func (l *Leg) Redirect(contacts []string) { l.Note("redirect " + strings.Join(contacts, ",")) }

// Release implements core.Leg.
func (l *Leg) Release(r core.Release) {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		return
	}
	l.over, l.Last = true, r
	for _, t := range l.timers {
		t.Stop()
	}
	in := l.in
	l.calls = append(l.calls, "release "+r.Cause.String())
	l.mu.Unlock()
	in.Post(core.Released{SIPStatus: r.SIPStatus})
}

// Snapshot implements core.Leg.
func (l *Leg) Snapshot() core.LegState {
	return core.LegState{Version: 1, Endpoint: "phone", State: "up", Values: map[string]string{"call_id": "x"}}
}
