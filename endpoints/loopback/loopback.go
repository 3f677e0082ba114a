// Package loopback calls the dialplan of the switch itself: loopback/EXT[/CONTEXT[/DIALPLAN]]
// or loopback/app=APP[:ARGS]. Each call is a pair of channels joined by a pipe in
// the media engine: -a is the leg that was dialed, -b the caller that runs the
// dialplan. It opens no socket and starts no goroutine.
package loopback

import (
	"context"
	"errors"
	"slices"
	"strings"

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
	p.a.channel = out.ChannelID
	p.a.setInbox(in)
	_, id, err := m.deps.Switch.Admit(core.Incoming{
		Endpoint: "loopback", Name: "loopback/" + shown(out.Target) + "-b", Leg: p.b, Profile: p.profile(out.Profile), Variables: variables(out),
		Offer: offer, Local: core.LocalMedia{Ready: p.streamB}, CallID: out.CallID,
		Attach: func(in core.Inbox, id core.ChannelID) { p.b.channel = id; p.b.setInbox(in) },
	})
	if err != nil {
		p.streamB.Close()
		return nil, err
	}
	in.Post(core.VariablesLearned{Variables: map[string]string{"is_loopback": "true", "loopback_leg": "A", "other_loopback_leg_uuid": string(id)}})
	in.Post(core.Trying{})
	return p.a, nil
}

// profile is who calls on the -b half: the same caller, to another place.
func (p *pair) profile(c core.CallerProfile) core.CallerProfile {
	c.DestinationNumber, c.Context, c.Dialplan, c.Source = p.ext, p.context, p.dialplan, "mod_loopback"
	return c
}

// ofLegA are variables that speak of the leg that was dialed and mean nothing
// on the other half.
var ofLegA = []string{
	"origination_uuid", "originator", "originating_leg_uuid", "leg_timeout", "leg_progress_timeout", "leg_delay_start", "leg_required", "dialed_user", "dialed_domain",
}

// variables of the -b half: those of the dial string.
func variables(out core.Outgoing) map[string]string {
	vars := make(map[string]string, len(out.Variables)+3)
	for name, value := range out.Variables {
		if !slices.ContainsFunc(ofLegA, func(own string) bool { return strings.EqualFold(own, name) }) {
			vars[name] = value
		}
	}
	vars["is_loopback"], vars["loopback_leg"], vars["other_loopback_leg_uuid"] = "true", "B", string(out.ChannelID)
	return vars
}
