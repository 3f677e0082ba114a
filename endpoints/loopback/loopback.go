// Package loopback calls the dialplan of the switch itself: loopback/EXT[/CONTEXT[/DIALPLAN]]
// or loopback/app=APP[:ARGS]. Each call is a pair of channels joined by a pipe in
// the media engine: -a is the leg that was dialed, -b the caller that runs the
// dialplan. It opens no socket and starts no goroutine.
package loopback

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/media"
)

// Module brings the endpoint.
type Module struct{ deps core.Deps }

// New returns the module.
func New(_ *config.Node, deps core.Deps) (module.Module, error) { return &Module{deps}, nil }

var (
	_ module.EndpointProvider = (*Module)(nil)
	_ core.Endpoint           = (*Module)(nil)
)

// Run implements module.Module: there is nothing to run.
func (m *Module) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Endpoints implements module.EndpointProvider.
func (m *Module) Endpoints() []core.Endpoint { return []core.Endpoint{m} }

// Prefix implements core.Endpoint.
func (m *Module) Prefix() string { return "loopback" }

// inlineSeparator keeps commas in an application's arguments out of the way of
// the inline dialplan's own.
const inlineSeparator = "\x1f"

// destination reads a target.
func destination(target string) (extension, dpContext, dialplan string, err error) {
	if app, ok := strings.CutPrefix(target, "app="); ok {
		if app == "" {
			return "", "", "", errors.New("loopback: app= names no application")
		}
		return "m:" + inlineSeparator + ":pre_answer" + inlineSeparator + app, "default", "inline", nil
	}
	parts := strings.SplitN(target, "/", 3)
	if parts[0] == "" {
		return "", "", "", errors.New("loopback: the target has no extension")
	}
	extension, dpContext, dialplan = parts[0], "default", "XML"
	if len(parts) > 1 && parts[1] != "" {
		dpContext = parts[1]
	}
	if len(parts) > 2 && parts[2] != "" {
		dialplan = parts[2]
	}
	return extension, dpContext, dialplan, nil
}

// pair is the two ends of one loopback call.
type pair struct {
	a, b     *end
	streamB  media.Stream
	ext      string
	context  string
	dialplan string
}

// Prepare implements core.Endpoint: it makes the pipe of the pair.
func (m *Module) Prepare(out core.Outgoing) (core.Placement, error) {
	ext, dpContext, dialplan, err := destination(out.Target)
	if err != nil {
		return core.Placement{}, &core.CauseError{Cause: core.CauseInvalidURL, Err: err}
	}
	p := &pair{a: &end{side: "a"}, b: &end{side: "b"}, ext: ext, context: dpContext, dialplan: dialplan}
	p.a.other, p.b.other = p.b, p.a
	streamA, streamB, err := m.deps.Media.Pipe(
		media.StreamConfig{Label: string(out.ChannelID), Notify: p.a.stream},
		media.StreamConfig{Label: "b of " + string(out.ChannelID), Notify: p.b.stream})
	if err != nil {
		return core.Placement{}, &core.CauseError{Cause: core.CauseNormalTemporaryFailure, Err: err}
	}
	p.streamB = streamB
	return core.Placement{Name: "loopback/" + shown(out.Target) + "-a", Local: core.LocalMedia{Ready: streamA}, Opaque: p}, nil
}

func shown(target string) string { return strings.SplitN(target, "/", 2)[0] }

// Place implements core.Endpoint: the -b half is presented to the switch as a
// call of its own, in the same call.
func (m *Module) Place(out core.Outgoing, placed core.Placement, offer *media.Description, in core.Inbox) (core.Leg, error) {
	p := placed.Opaque.(*pair)
	p.a.setInbox(in)
	vars := maps.Clone(out.Variables)
	delete(vars, "origination_uuid")
	vars["is_loopback"], vars["loopback_leg"], vars["other_loopback_leg_uuid"] = "true", "B", string(out.ChannelID)
	profile := out.Profile
	profile.DestinationNumber, profile.Context, profile.Dialplan, profile.Source = p.ext, p.context, p.dialplan, "mod_loopback"
	_, id, err := m.deps.Switch.Admit(core.Incoming{
		Endpoint: "loopback", Name: "loopback/" + shown(out.Target) + "-b", Leg: p.b, Profile: profile, Variables: vars,
		Offer: offer, Local: core.LocalMedia{Ready: p.streamB}, CallID: out.CallID,
		Attach: func(in core.Inbox, _ core.ChannelID) { p.b.setInbox(in) },
	})
	if err != nil {
		p.streamB.Close()
		return nil, err
	}
	in.Post(core.VariablesLearned{Variables: map[string]string{"is_loopback": "true", "loopback_leg": "A", "other_loopback_leg_uuid": string(id)}})
	in.Post(core.Trying{})
	return p.a, nil
}

// state of an end.
const (
	open int32 = iota
	answered
	closed
)

// end is one leg of a pair: what one end is told, the other's session hears.
type end struct {
	side  string
	other *end
	state atomic.Int32
	inbox atomic.Pointer[core.Inbox]
}

var (
	_ core.Leg        = (*end)(nil)
	_ core.DTMFSender = (*end)(nil)
	_ core.Redirector = (*end)(nil)
)

func (e *end) setInbox(in core.Inbox) { e.inbox.Store(&in) }

func (e *end) post(ev core.Event) {
	if in := e.inbox.Load(); in != nil {
		(*in).Post(ev)
	}
}

// stream forwards what the engine reports of this end's stream.
func (e *end) stream(ev media.StreamEvent) { e.post(core.StreamReport{Event: ev}) }

// Ring implements core.Leg.
func (e *end) Ring() { e.other.post(core.Ringing{Status: 180}) }

// Progress implements core.Leg.
func (e *end) Progress(d *media.Description) {
	e.other.post(core.EarlyMedia{Status: 183, Description: d})
}

// Answer implements core.Leg.
func (e *end) Answer(d *media.Description) {
	if e.state.CompareAndSwap(open, answered) {
		e.other.state.CompareAndSwap(open, answered)
		e.other.post(core.Answered{Description: d})
		e.post(core.Confirmed{})
	}
}

// Offer implements core.Leg.
func (e *end) Offer(d *media.Description) { e.other.post(core.Offered{Description: d}) }

// Reply implements core.Leg.
func (e *end) Reply(d *media.Description, c core.Cause) {
	if c != core.CauseNone {
		e.other.post(core.OfferRejected{Cause: c, Status: 488})
		return
	}
	e.other.post(core.OfferAnswered{Description: d})
}

// SendDTMF implements core.DTMFSender.
func (e *end) SendDTMF(digit byte, d time.Duration) {
	e.other.post(core.Digit{Digit: digit, Duration: d})
}

// Redirect implements core.Redirector.
func (e *end) Redirect(contacts []string) { e.other.post(core.Redirected{Contacts: contacts}) }

// Release implements core.Leg.
func (e *end) Release(r core.Release) {
	if e.state.Swap(closed) == closed {
		return
	}
	hangup := core.FarHangup{Cause: r.Cause, Phrase: r.Phrase}
	if r.SIPStatus != 0 {
		hangup.Status = r.SIPStatus
	}
	e.other.post(hangup)
	e.post(core.Released{})
}

// Snapshot implements core.Leg.
func (e *end) Snapshot() core.LegState {
	return core.LegState{Version: 1, Endpoint: "loopback", State: e.side}
}
