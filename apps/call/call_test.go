package call_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/apptest"
	"github.com/tandemswitch/tandem/apps/call"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/module"
)

func apps(t *testing.T) map[string]core.App {
	t.Helper()
	m, err := call.New(nil, core.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]core.App{}
	for _, a := range m.(module.AppProvider).Apps() {
		all[a.Name] = a
	}
	return all
}

func TestConformance(t *testing.T) {
	for _, a := range apps(t) {
		apptest.Run(t, a)
	}
}

// TestWhatIsDone: application, arguments, what the call is asked.
func TestWhatIsDone(t *testing.T) {
	for _, c := range []struct {
		app, args string
		vars      map[string]string
		bridged   core.BridgeResult
		want      string // what the session was asked, joined
		fails     bool
	}{
		{app: "answer", want: "Answer"},
		{app: "pre_answer", want: "PreAnswer"},
		{app: "ring_ready", want: "Ring"},
		{app: "acknowledge_call", want: ""},
		{app: "hangup", want: "Hangup NORMAL_CLEARING application"},
		{app: "hangup", args: "user_busy", want: "Hangup USER_BUSY application"},
		{app: "hangup", args: "17", want: "Hangup USER_BUSY application"},
		{app: "respond", args: "486 Not now", want: "Refuse 486 Not now"},
		{app: "respond", args: "200", fails: true},
		{app: "redirect", args: "sip:a@b, <sip:c@d>", want: "Redirect sip:a@b,sip:c@d"},
		{app: "redirect", args: " , ", fails: true},
		{app: "transfer", args: "1002", want: "Transfer 1002"},
		{app: "transfer", args: "1002 XML features", want: "Transfer 1002 XML features"},
		{app: "transfer", args: "-bleg 1002", fails: true},
		{app: "execute_extension", args: "x XML features", want: "ExecuteExtension x XML features"},
		{app: "execute_extension", fails: true},
		{app: "sleep", args: "never", fails: true},
		{app: "delay_echo", args: "0", fails: true},
		// After a bridge.
		{app: "bridge", args: "user/1", bridged: up(core.CauseNormalClearing), want: "Bridge user/1"},
		{app: "bridge", args: "user/1", vars: vars("hangup_after_bridge", "true"), bridged: up(core.CauseUserBusy), want: "Bridge user/1; Hangup USER_BUSY callee"},
		{app: "bridge", args: "user/1", vars: vars("hangup_after_bridge", "explicit"), bridged: up(core.CauseNormalClearing), want: "Bridge user/1; Hangup NORMAL_CLEARING callee"},
		{app: "bridge", args: "user/1", vars: vars("transfer_after_bridge", "9:XML:default"), bridged: up(core.CauseNormalClearing), want: "Bridge user/1; Transfer 9 XML default"},
		// Nobody answered.
		{app: "bridge", args: "x/1", bridged: failed(core.CauseNoAnswer, 0), want: "Bridge x/1"},
		{app: "bridge", args: "x/1", bridged: failed(core.CauseNoUserResponse, 480), want: "Bridge x/1"},
		{app: "bridge", args: "x/1", bridged: failed(core.CauseUserBusy, 486), want: "Bridge x/1; Refuse 486 phrase"},
		{app: "bridge", args: "x/1", bridged: failed(core.CauseUserNotRegistered, 0), want: "Bridge x/1; Hangup USER_NOT_REGISTERED switch"},
		{app: "bridge", args: "x/1", vars: vars("sip_ignore_remote_cause", "true"), bridged: failed(core.CauseUserBusy, 486), want: "Bridge x/1; Hangup USER_BUSY switch"},
		{app: "bridge", args: "x/1", bridged: failed(core.CauseCallRejected, 407), want: "Bridge x/1; Hangup CALL_REJECTED switch"},
		{app: "bridge", args: "x/1", vars: vars("continue_on_fail", "true"), bridged: failed(core.CauseUserBusy, 486), want: "Bridge x/1"},
		{app: "bridge", args: "x/1", vars: vars("continue_on_fail", "17,NO_ANSWER"), bridged: failed(core.CauseUserBusy, 486), want: "Bridge x/1"},
		{app: "bridge", args: "x/1", vars: vars("continue_on_fail", "NO_ANSWER"), bridged: failed(core.CauseUserBusy, 486), want: "Bridge x/1; Refuse 486 phrase"},
		{app: "bridge", args: "x/1", vars: vars("failure_causes", "USER_BUSY"), bridged: failed(core.CauseNoAnswer, 0), want: "Bridge x/1"},
		{app: "bridge", args: "x/1", vars: vars("failure_causes", "NO_ANSWER"), bridged: failed(core.CauseNoAnswer, 0), want: "Bridge x/1; Hangup NO_ANSWER switch"},
		{app: "bridge", args: "x/1", vars: vars("transfer_on_fail", "USER_BUSY auto_cause"), bridged: failed(core.CauseUserBusy, 486), want: "Bridge x/1; Transfer USER_BUSY"},
		{app: "bridge", args: "x/1", vars: vars("transfer_on_fail", "USER_BUSY 77 XML ctx"), bridged: failed(core.CauseUserBusy, 486), want: "Bridge x/1; Transfer 77 XML ctx"},
		{app: "bridge", args: "x/1", vars: vars("continue_on_fail", "true"), bridged: failed(core.CauseAttendedTransfer, 0), want: "Bridge x/1; Hangup ATTENDED_TRANSFER switch"},
	} {
		t.Run(c.app+" "+c.args, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := apptest.New(c.vars)
				s.Bridged = c.bridged
				err := apps(t)[c.app].Run(t.Context(), s, c.args)
				if (err != nil) != c.fails {
					t.Fatalf("err = %v, fails = %v", err, c.fails)
				}
				if got := strings.Join(s.Done(), "; "); !c.fails && got != c.want {
					t.Errorf("asked %q, want %q", got, c.want)
				}
			})
		})
	}
}

func vars(kv ...string) map[string]string { return map[string]string{kv[0]: kv[1]} }

func up(c core.Cause) core.BridgeResult {
	return core.BridgeResult{Connected: true, Answered: true, Cause: c, By: core.ByCallee}
}

func failed(c core.Cause, status int) core.BridgeResult {
	return core.BridgeResult{Cause: c, SIPStatus: status, Phrase: "phrase"}
}

func TestSleepLastsAsLongAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := apps(t)["sleep"].Run(t.Context(), apptest.New(nil), "1500"); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begin); d != 1500*time.Millisecond {
			t.Errorf("slept %s", d)
		}
	})
}

func TestParkTimeoutHangsUpWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := apptest.New(vars("park_timeout", "20:NO_ANSWER"))
		begin := time.Now()
		_ = apps(t)["park"].Run(t.Context(), s, "")
		if c, ok := s.HungUp(); !ok || c != core.CauseNoAnswer {
			t.Errorf("hung up: %v %s", ok, c)
		}
		if d := time.Since(begin); d != 20*time.Second {
			t.Errorf("parked for %s", d)
		}
		if s.Var("park_timeout") != "" {
			t.Error("park_timeout is kept for the next time")
		}
	})
}

func TestDeflectAfterTheAnswerSaysThatItCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := apptest.New(nil)
		_ = s.Answer(t.Context())
		if err := apps(t)["deflect"].Run(t.Context(), s, "sip:a@b"); !errors.Is(err, core.ErrUnsupported) {
			t.Errorf("err = %v", err)
		}
	})
}
