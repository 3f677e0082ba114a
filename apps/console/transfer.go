package console

import (
	"context"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// transfer sends the channel, its partner, or both elsewhere.
func (m *Module) transfer(ctx context.Context, args string) (string, error) {
	s, rest, err := m.session(args)
	if err != nil {
		return "", err
	}
	list := words(rest)
	which := at(list, 0)
	if which == "-bleg" || which == "-both" {
		list = list[1:]
	}
	if len(list) == 0 || len(list) > 3 {
		return "", errUsage
	}
	extension, dialplan, dpContext := list[0], at(list, 1), at(list, 2)
	if which != "-bleg" && which != "-both" {
		return accepted(s.Transfer(extension, dialplan, dpContext))
	}
	peer := m.deps.Calls.Session(s.Peer())
	if peer == nil {
		return "", replyError("-ERR no other leg")
	}
	if which == "-bleg" {
		return accepted(peer.Transfer(extension, dialplan, dpContext))
	}
	return accepted(m.transferBoth(ctx, s, peer, extension, dialplan, dpContext))
}

// transferBoth takes a bridge apart without a loss. The leg whose application
// made the bridge is moved last: when it goes first, the other one is hung up.
// And it waits, parked, until it is moved.
func (m *Module) transferBoth(ctx context.Context, s, peer core.Session, extension, dialplan, dpContext string) error {
	first, last := peer, s
	if c, found := m.deps.Calls.Channel(peer.ID()); found && c.App != "" {
		first, last = s, peer
	}
	for name, value := range map[string]string{"park_after_bridge": "true", "hangup_after_bridge": ""} {
		before := last.Var(name)
		last.SetVar(name, value)
		defer last.SetVar(name, before)
	}
	parked := m.awaitParked(last.ID())
	if err := first.Transfer(extension, dialplan, dpContext); err != nil {
		return err
	}
	parked(ctx)
	return last.Transfer(extension, dialplan, dpContext)
}

// parkTimeout is how long a leg may take to notice that its bridge is over:
// posts within the process.
const parkTimeout = 2 * time.Second

// awaitParked returns a function that waits until a channel is parked after
// now. It waits not at all without events, and not for long with them: then
// the channel does something else than to bridge, and can be moved as it is.
func (m *Module) awaitParked(id core.ChannelID) func(context.Context) {
	if m.cfg.Events == nil {
		return func(context.Context) {}
	}
	after := m.cfg.Events.Last()
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, parkTimeout)
		defer cancel()
		_ = m.cfg.Events.Follow(ctx, after, func(n core.Notice) bool {
			return n.LegID != id || n.Type != "call.parked" && n.Type != "leg.ended"
		})
	}
}

// accepted is the reply to a transfer.
func accepted(err error) (string, error) {
	if err != nil {
		return "", err
	}
	return ok, nil
}
