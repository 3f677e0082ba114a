package bridge

import (
	"context"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/session"
)

// beforeBridge runs what the channels ask for before they are joined.
func (br *Bridge) beforeBridge(ctx context.Context) {
	for _, leg := range [...]struct {
		s    *session.Session
		name string
	}{{br.a, "bridge_pre_execute_aleg_"}, {br.b, "bridge_pre_execute_bleg_"}} {
		if app := leg.s.Var(leg.name + "app"); app != "" {
			leg.s.ExecuteBeside(ctx, core.Step{App: app, Data: leg.s.Var(leg.name + "data")})
		}
		leg.s.ExecuteOn(ctx, session.OnPreBridge)
	}
}

// afterBridge runs what the channels that live on ask for.
func (br *Bridge) afterBridge(ctx context.Context) {
	br.a.ExecuteOn(ctx, session.OnPostBridge)
	br.b.ExecuteOn(ctx, session.OnPostBridge)
}

// dismiss lets b go: it parks or is routed on where its channel says so
// (park_after_bridge, transfer_after_bridge), else it is hung up.
func (br *Bridge) dismiss(by core.Hanger) {
	if br.answered {
		if expand.IsTrue(br.b.Var("park_after_bridge")) {
			br.b.ParkAway()
			return
		}
		if transferTo(br.b, br.b.Var("transfer_after_bridge")) {
			return
		}
	}
	br.b.Hangup(br.fate(br.answered), by)
}

// transferTo reads EXT[:DIALPLAN[:CONTEXT]]; false if it says nothing or the
// channel has ended.
func transferTo(s *session.Session, place string) bool {
	if place == "" {
		return false
	}
	parts := append(strings.SplitN(place, ":", 3), "", "")
	return s.Transfer(parts[0], parts[1], parts[2]) == nil
}
