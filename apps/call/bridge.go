package call

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// bridge originates a dial string and joins the winner with this leg. What
// happens afterwards follows FreeSWITCH's rules:
//
//	connected: exec_after_bridge_app, hangup_after_bridge, park_after_bridge, transfer_after_bridge
//	failed:    failure_causes, continue_on_fail, transfer_on_fail
func bridge() core.App {
	return core.App{
		Name: "bridge", Syntax: "DIALSTRING", Doc: "call somebody and connect", NoMedia: true, Resume: core.ResumeContinue,
		Run: runBridge,
	}
}

func runBridge(ctx context.Context, s core.Session, args string) error {
	r, err := s.Bridge(ctx, args)
	if err != nil {
		return err
	}
	if r.Transferred || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !r.Connected || !r.Answered {
		return afterFailure(ctx, s, r)
	}
	return afterBridge(ctx, s, r)
}

// afterBridge: the call was up, and B is gone.
func afterBridge(ctx context.Context, s core.Session, r core.BridgeResult) error {
	if app := s.Var("exec_after_bridge_app"); app != "" { // in place of what is left of the list
		if err := s.Execute(ctx, app, s.Expand(ctx, s.Var("exec_after_bridge_arg"))); err != nil {
			return err
		}
		s.Hangup(core.CauseNormalClearing, core.ByApp)
		return nil
	}
	hangupAfter := s.Var("hangup_after_bridge")
	switch {
	case strings.EqualFold(hangupAfter, "explicit"):
		hangupWith(s, r)
	case expand.IsTrue(s.Var("park_after_bridge")):
		return s.Park(ctx, 0)
	case s.Var("transfer_after_bridge") != "":
		return transferTo(s, s.Var("transfer_after_bridge"))
	case expand.IsTrue(hangupAfter):
		hangupWith(s, r)
	}
	return nil
}

// hangupWith ends A as B ended.
func hangupWith(s core.Session, r core.BridgeResult) {
	cause := r.Cause
	if cause == core.CauseNone {
		cause = core.CauseNormalClearing
	}
	s.Hangup(cause, r.By)
}

// transferTo reads EXT[:DIALPLAN[:CONTEXT]].
func transferTo(s core.Session, place string) error {
	parts := strings.SplitN(place, ":", 3)
	return s.Transfer(parts[0], at(parts, 1), at(parts, 2))
}

// alwaysContinue are the causes after which the dialplan goes on where no
// variable says anything.
var alwaysContinue = []core.Cause{core.CauseNoAnswer, core.CauseNoUserResponse, core.CauseOriginatorCancel}

// afterFailure: nobody answered.
func afterFailure(ctx context.Context, s core.Session, r core.BridgeResult) error {
	if goesOn(s, r.Cause) {
		return nil
	}
	if r.Connected { // in early media, and never answered
		if expand.IsTrue(s.Var("park_after_early_bridge")) {
			return s.Park(ctx, 0)
		}
		if place := s.Var("transfer_after_early_bridge"); place != "" {
			return transferTo(s, place)
		}
	}
	if done, err := transferOnFail(s, r.Cause); done {
		return err
	}
	refuse(s, r)
	return nil
}

func goesOn(s core.Session, cause core.Cause) bool {
	if cause == core.CauseAttendedTransfer {
		return false
	}
	if list := s.Var("failure_causes"); list != "" {
		return !causeIn(list, cause)
	}
	if list := s.Var("continue_on_fail"); list != "" {
		return expand.IsTrue(list) || causeIn(list, cause)
	}
	return slices.Contains(alwaysContinue, cause)
}

// causeIn reads a comma list of names and numbers.
func causeIn(list string, cause core.Cause) bool {
	for word := range strings.SplitSeq(list, ",") {
		if c, ok := core.LookupCause(word); ok && c == cause {
			return true
		}
	}
	return false
}

// transferOnFail reads "CAUSE[,CAUSE…] [EXT|auto_cause [DIALPLAN [CONTEXT]]]".
func transferOnFail(s core.Session, cause core.Cause) (bool, error) {
	w := words(s.Var("transfer_on_fail"))
	if len(w) == 0 {
		return false, nil
	}
	if expand.IsTrue(w[0]) {
		return true, nil
	}
	if !causeIn(w[0], cause) {
		return false, nil
	}
	ext := at(w, 1)
	if ext == "" || ext == "auto_cause" {
		ext = cause.String()
	}
	return true, s.Transfer(ext, at(w, 2), at(w, 3))
}

// refuse ends A with B's cause; a caller who is not answered gets B's own
// status, unless sip_ignore_remote_cause asks for ours.
func refuse(s core.Session, r core.BridgeResult) {
	cause := r.Cause
	if cause == core.CauseNone {
		cause = core.CauseNormalTemporaryFailure
	}
	if r.SIPStatus < 400 || s.Progress().Answered() || expand.IsTrue(s.Var("sip_ignore_remote_cause")) || isAuth(r.SIPStatus) {
		by := r.By
		if by == "" {
			by = core.BySwitch
		}
		s.Hangup(cause, by)
		return
	}
	s.SetVar("last_bridge_proto_specific_hangup_cause", "sip:"+strconv.Itoa(r.SIPStatus))
	if f, ok := s.(refuser); ok {
		f.RefuseFor(r.SIPStatus, r.Phrase, cause, r.By)
		return
	}
	s.Refuse(r.SIPStatus, r.Phrase, cause)
}

// refuser is a session that can say in whose name it refuses: the callee's,
// not the application's.
type refuser interface {
	RefuseFor(status int, phrase string, c core.Cause, by core.Hanger)
}

// isAuth: a challenge of the far end is between us and it, never the caller's business.
func isAuth(status int) bool { return status == 401 || status == 407 }
