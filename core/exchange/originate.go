package exchange

import (
	"context"
	"fmt"
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
	if err := x.Ready(); err != nil {
		return "", "", err
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
	x.mu.Lock()
	x.running.Add(1)
	x.hold(r.CallID, id, time.Now()) // the call exists before its first leg
	x.mu.Unlock()
	x.publish("call.created", r.CallID, "", map[string]any{"direction": "outbound", "from": r.From, "to": r.To})
	go func() {
		defer x.running.Done()
		x.carryOut(x.base, req, r)
	}()
	return r.CallID, id, nil
}

// carryOut originates and gives the answered leg its work.
func (x *Exchange) carryOut(ctx context.Context, req originate.Request, r core.OriginateRequest) {
	out, err := x.originate.Originate(ctx, req)
	if err != nil {
		out.Cause, out.By = core.CauseDestinationOutOfOrder, core.BySwitch
		x.deps.Log.Warn("originate failed", "call", r.CallID, "err", err)
	}
	if out.Winner != nil {
		send(out.Winner, r)
		out.Cause = core.CauseNone // the winner's end is the call's
	}
	x.letGo(r.CallID, "", out.Cause, out.By, false)
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
