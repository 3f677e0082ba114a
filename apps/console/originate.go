package console

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// originate makes a call and waits until it is answered or failed: +OK with the
// channel's uuid, or -ERR with the cause.
func (m *Module) originate(ctx context.Context, args string) (string, error) {
	r, err := originateRequest(args)
	if err != nil {
		return "", err
	}
	if m.deps.Switch == nil {
		return "", replyError("-ERR no calls here")
	}
	var after uint64
	if m.cfg.Events != nil {
		after = m.cfg.Events.Last()
	}
	call, id, err := m.deps.Switch.Originate(ctx, r)
	if err != nil {
		return "", replyError("-ERR " + causeText(err))
	}
	if m.cfg.Events == nil {
		return ok + " " + string(id), nil
	}
	return m.outcome(ctx, call, after)
}

// originateRequest reads the arguments.
func originateRequest(args string) (core.OriginateRequest, error) {
	list := words(args)
	if len(list) < 2 || len(list) > 7 {
		return core.OriginateRequest{}, errUsage
	}
	r := core.OriginateRequest{
		From: list[0], Dialplan: at(list, 2), Context: at(list, 3), CallerIDName: at(list, 4), CallerIDNumber: at(list, 5),
	}
	if app, isApp := strings.CutPrefix(list[1], "&"); isApp {
		name, appArgs, _ := strings.Cut(app, "(")
		r.App, r.AppArgs = name, strings.TrimSuffix(appArgs, ")")
	} else {
		r.To = list[1]
	}
	if r.To == "" && r.App == "" {
		return core.OriginateRequest{}, errUsage
	}
	if t := at(list, 6); t != "" {
		seconds, err := strconv.ParseUint(t, 10, 16)
		if err != nil {
			return core.OriginateRequest{}, errUsage
		}
		r.Timeout = time.Duration(seconds) * time.Second
	}
	return r, nil
}

// outcome waits for the first answer of the call, or its end.
func (m *Module) outcome(ctx context.Context, call core.CallID, after uint64) (reply string, err error) {
	err = m.cfg.Events.Follow(ctx, after, func(n core.Notice) bool {
		switch {
		case n.CallID != call:
		case n.Type == "call.answered":
			reply = ok + " " + string(n.LegID)
		case n.Type == "call.ended":
			cause, _ := n.Data["cause"].(string)
			reply = "-ERR " + cause
		}
		return reply == ""
	})
	switch {
	case strings.HasPrefix(reply, "-ERR"):
		return "", replyError(reply)
	case reply != "":
		return reply, nil
	case err == nil:
		err = context.Cause(ctx)
	}
	return "", err
}

// causeText is FreeSWITCH's word for why a call was not made.
func causeText(err error) string {
	if ce, isCause := errors.AsType[*core.CauseError](err); isCause {
		return ce.Cause.String()
	}
	if errors.Is(err, core.ErrDraining) || errors.Is(err, core.ErrLimit) {
		return core.CauseSwitchCongestion.String()
	}
	return err.Error()
}
