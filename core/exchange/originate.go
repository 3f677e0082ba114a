package exchange

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/originate"
	"github.com/tandemswitch/tandem/core/session"
)

// Originate implements core.Switch: From is rung, and when it answers it is
// routed to To or runs App. The work goes on after the call returned and is
// waited for at shutdown; ctx does not end it.
func (x *Exchange) Originate(ctx context.Context, r core.OriginateRequest) (core.CallID, core.ChannelID, error) {
	if r.From == "" || (r.To == "") == (r.App == "") {
		return "", "", fmt.Errorf("originate: from and one of to and app are needed")
	}
	id := core.NewChannelID()
	if r.CallID == "" {
		r.CallID = core.CallID(id)
	}
	dial := r.From
	if !strings.Contains(dial, "/") {
		dial = "user/" + dial
	}
	req := originate.Request{
		CallID: r.CallID, ChannelID: id, Dial: dial, Timeout: r.Timeout, Variables: r.Variables,
		Profile: core.CallerProfile{CallerIDName: r.CallerIDName, CallerIDNumber: r.CallerIDNumber, Context: r.Context, Dialplan: r.Dialplan, Source: "originate"},
	}
	if req.Profile.CallerIDNumber == "" {
		req.Profile.CallerIDNumber = "0000000000"
	}
	work, cancel := context.WithCancelCause(x.base)
	if err := x.begin(r.CallID, id, cancel); err != nil {
		cancel(nil)
		return "", "", err
	}
	x.publish("call.created", r.CallID, "", map[string]any{"direction": "outbound", "from": r.From, "to": r.To})
	go func() {
		defer x.running.Done()
		defer cancel(nil)
		x.carryOut(work, req, r)
	}()
	return r.CallID, id, nil
}

// begin makes the call before its first leg. A client's id must be its own.
func (x *Exchange) begin(id core.CallID, first core.ChannelID, cancel context.CancelCauseFunc) error {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.admissible(now, true); err != nil {
		return err
	}
	if _, taken := x.calls[id]; taken {
		return fmt.Errorf("originate: call id %q is in use", id)
	}
	x.running.Add(1)
	x.hold(id, first, now)
	x.calls[id].cancel = cancel
	return nil
}

// carryOut originates and gives the answered leg its work.
func (x *Exchange) carryOut(ctx context.Context, req originate.Request, r core.OriginateRequest) {
	out := originate.Outcome{Cause: core.CauseNormalTemporaryFailure, By: core.BySwitch}
	defer func() {
		if p := recover(); p != nil { // design rule C11
			x.deps.Log.Error("panic in originate", "call", r.CallID, "err", p, "stack", string(debug.Stack()))
		}
		x.letGo(r.CallID, "", out.Cause, out.By, false)
	}()
	o, err := x.originate.Originate(ctx, req)
	if err != nil {
		out.Cause = core.CauseDestinationOutOfOrder
		x.deps.Log.Warn("originate failed", "call", r.CallID, "err", err)
		return
	}
	out = o
	if out.Winner != nil {
		out.Cause = core.CauseNone // the winner's end is the call's
		send(out.Winner, r)
	}
}

func send(s *session.Session, r core.OriginateRequest) {
	if r.App != "" {
		s.RunSteps([]core.Step{{App: r.App, Data: r.AppArgs}})
		return
	}
	dpContext, dialplan := r.Context, r.Dialplan
	if dpContext == "" {
		dpContext = "default"
	}
	if dialplan == "" {
		dialplan = "XML"
	}
	_ = s.Transfer(r.To, dialplan, dpContext)
}
