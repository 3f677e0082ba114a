package sip

import (
	"testing"

	"github.com/tandemswitch/tandem/core"
)

func TestEveryCauseHasAStatusAndAPhrase(t *testing.T) {
	for _, c := range core.Causes() {
		status := statusOf(c)
		if status < 400 || status > 699 {
			t.Errorf("%v refuses with %d", c, status)
		}
		if phrases[status] == "" {
			t.Errorf("%v: status %d has no phrase", c, status)
		}
	}
	for status := range causeTable {
		if phrases[status] == "" {
			t.Errorf("status %d has no phrase", status)
		}
	}
}

func TestRefusalsSurviveBothWays(t *testing.T) {
	// What a phone says to its user must reach the caller unchanged.
	for _, status := range []int{404, 486, 603, 488, 487, 410, 484, 501, 503, 504, 428, 429, 437, 438, 607} {
		if got := statusOf(causeOf(status)); got != status {
			t.Errorf("%d became %v became %d", status, causeOf(status), got)
		}
	}
}

func TestReasonHeader(t *testing.T) {
	for _, c := range []struct {
		r    core.Release
		want string
	}{
		{core.Release{Cause: core.CauseNormalClearing}, `Q.850;cause=16;text="NORMAL_CLEARING"`},
		{core.Release{Cause: core.CauseLoseRace}, `SIP;cause=200;text="Call completed elsewhere"`},
		{core.Release{Cause: core.CauseNormalClearing, Elsewhere: true}, `SIP;cause=200;text="Call completed elsewhere"`},
		{core.Release{Cause: core.CauseBlindTransfer}, `SIP;cause=800;text="BLIND_TRANSFER"`},
		{core.Release{}, ""},
	} {
		if got := reasonOf(c.r); got != c.want {
			t.Errorf("reasonOf(%+v) = %q, want %q", c.r, got, c.want)
		}
	}
	for text, want := range map[string]core.Cause{
		`Q.850;cause=17;text="USER_BUSY"`:                 core.CauseUserBusy,
		`SIP;cause=200;text="Call completed elsewhere"`:   core.CauseLoseRace,
		` q.850 ; Cause = 21`:                             core.CauseCallRejected,
		`SIP;cause=486, Q.850;cause=34;text="no circuit"`: core.CauseNormalCircuitCongestion,
		`SIP;cause=600;text="Busy Everywhere"`:            core.CauseNone,
		`Q.850;cause=99999`:                               core.CauseNone,
		``:                                                core.CauseNone,
		`Preemption;cause=1`:                              core.CauseNone,
	} {
		if got, ok := causeFromReason(text); got != want || ok != (want != core.CauseNone) {
			t.Errorf("causeFromReason(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
}
