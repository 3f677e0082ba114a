package exchange_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/exchange"
	"github.com/tandemswitch/tandem/media"
)

// TestOriginateRules: who wins and what ends whom, by dial string.
func TestOriginateRules(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []string
		aBye  time.Duration
		want  []string
		leg   []string // what the A leg was asked; nil: not looked at
	}{
		{
			name: "fail_on_single_reject", steps: []string{"bridge {fail_on_single_reject=true}phone/486@1s,phone/ring@1s+answer@5s"},
			want: []string{"inbound USER_BUSY callee", "outbound USER_BUSY callee", "outbound USER_BUSY switch"},
		},
		{
			name: "fail_on_single_reject of another cause", steps: []string{"set hangup_after_bridge=true", "bridge {fail_on_single_reject='CALL_REJECTED,404'}phone/486@1s,phone/answer@5s+bye@6s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee", "outbound USER_BUSY callee"},
		},
		{
			name: "fail_on_single_reject of all but one", steps: []string{"set hangup_after_bridge=true", "bridge {fail_on_single_reject=!USER_BUSY}phone/486@1s,phone/answer@5s+bye@6s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee", "outbound USER_BUSY callee"},
		},
		{
			name: "hangup_on_single_reject", steps: []string{"set continue_on_fail=true", "bridge {hangup_on_single_reject=true}phone/486@1s,phone/answer@5s", "hangup CALL_REJECTED"},
			want: []string{"inbound USER_BUSY callee", "outbound USER_BUSY callee", "outbound USER_BUSY switch"},
		},
		{
			name: "a timeout ends the alternatives", steps: []string{"set call_timeout=5", "bridge phone/ring@1s|phone/answer@1s", "hangup CALL_REJECTED"},
			want: []string{"inbound CALL_REJECTED application", "outbound NO_ANSWER switch"},
		},
		{
			name: "originate_continue_on_timeout", steps: []string{"set call_timeout=5", "set hangup_after_bridge=true", "bridge {originate_continue_on_timeout=true}phone/ring@1s|phone/answer@1s+bye@2s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee", "outbound NO_ANSWER switch"},
		},
		{
			name: "progress_timeout", steps: []string{"set hangup_after_bridge=true", "bridge {progress_timeout=3}phone/answer@9s|phone/ring@1s+answer@7s+bye@8s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee", "outbound PROGRESS_TIMEOUT switch"},
		},
		{
			name: "leg_progress_timeout", steps: []string{"set hangup_after_bridge=true", "bridge [leg_progress_timeout=3]phone/answer@9s,[leg_progress_timeout=3]phone/ring@1s+answer@7s+bye@8s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee", "outbound PROGRESS_TIMEOUT switch"},
		},
		{
			name: "originate_retry_timeout", steps: []string{"bridge {originate_retries=10,originate_retry_timeout=3}phone/486@1s"},
			want: []string{"inbound USER_BUSY callee", "outbound USER_BUSY callee", "outbound USER_BUSY callee"},
		},
		{
			name: "leg_required", steps: []string{"bridge [leg_required=true]phone/486@1s,phone/ring@1s+answer@5s"},
			want: []string{"inbound USER_BUSY callee", "outbound USER_BUSY callee", "outbound USER_BUSY switch"},
		},
		{
			name: "a required leg that is redirected lives on", steps: []string{"bridge [leg_required=true]phone/p/302:answer@1s@1s,phone/ring@1s"}, aBye: 5 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING caller", "outbound REDIRECTION_TO_NEW_DESTINATION callee"},
		},
		{
			name: "two groups win at once", steps: []string{"set hangup_after_bridge=true", "bridge phone/answer@2s+bye@9s:_:phone/answer@2s+bye@9s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "two legs answer at once", steps: []string{"set hangup_after_bridge=true", "bridge phone/answer@2s+bye@9s,phone/answer@2s+bye@9s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "early media and the answer come together", steps: []string{"set hangup_after_bridge=true", "bridge phone/early@1s+answer@1s+bye@5s"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "answer and bye come together", steps: []string{"set hangup_after_bridge=true", "bridge phone/answer@1s+bye@1s", "hangup CALL_REJECTED"},
			want: []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "early media and a refusal come together", steps: []string{"bridge phone/early@1s+486@1s"},
			want: []string{"inbound USER_BUSY callee", "outbound USER_BUSY callee"},
		},
		{
			name: "bridge_answer_timeout", steps: []string{"set bridge_answer_timeout=5", "bridge phone/early@1s+answer@30s", "hangup CALL_REJECTED"},
			want: []string{"inbound CALL_REJECTED application", "outbound NO_ANSWER switch"}, leg: []string{"progress", "release CALL_REJECTED"},
		},
		{
			name: "transfer_after_bridge of B", steps: []string{"bridge {transfer_after_bridge=next}phone/answer@1s"}, aBye: 5 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound CALL_REJECTED application"},
		},
		{
			name: "park_after_bridge of B", steps: []string{"bridge {park_after_bridge=true}phone/answer@1s+bye@20s"}, aBye: 5 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "park_after_bridge of A", steps: []string{"set park_after_bridge=true", "bridge phone/answer@1s+bye@2s"}, aBye: 9 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "transfer_after_bridge of A", steps: []string{"set transfer_after_bridge=next", "bridge phone/answer@1s+bye@2s"},
			want: []string{"inbound CALL_REJECTED application", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "exec_after_bridge_app", steps: []string{"set exec_after_bridge_app=set", "set exec_after_bridge_arg=x=1", "bridge phone/answer@1s+bye@2s", "hangup CALL_REJECTED"},
			want: []string{"inbound NORMAL_CLEARING application", "outbound NORMAL_CLEARING callee"},
		},
		{
			name: "a cancel while two groups ring", steps: []string{"bridge phone/ring@1s:_:phone/ring@1s"}, aBye: 3 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound ORIGINATOR_CANCEL caller", "outbound ORIGINATOR_CANCEL caller"},
		},
		{
			name: "a cancel between two tries", steps: []string{"bridge {originate_retries=5,originate_retry_sleep_ms=9000}phone/486@1s"}, aBye: 3 * time.Second,
			want: []string{"inbound NORMAL_CLEARING caller", "outbound USER_BUSY callee"},
		},
		{
			name: "a cancel at the moment of the answer", steps: []string{"bridge phone/answer@3s"}, aBye: 3 * time.Second,
			want: nil, // either way; the checks of settle count
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, exchange.Config{})
				b.w.Plan["next"] = []string{"hangup CALL_REJECTED"}
				leg := b.call(t, c.steps...)
				if c.aBye > 0 {
					time.AfterFunc(c.aBye, func() { leg.Post(core.FarHangup{Cause: core.CauseNormalClearing}) })
				}
				recs := b.settle(t)
				if got := causes(recs); c.want != nil && !slices.Equal(got, c.want) {
					t.Errorf("records\n got %q\nwant %q", got, c.want)
				}
				if got := leg.Calls(); c.leg != nil && !slices.Equal(got, c.leg) {
					t.Errorf("A leg was asked\n got %q\nwant %q", got, c.leg)
				}
				b.paired(t)
			})
		})
	}
}

// TestAnswerRightAfterEarlyMedia: the race is won by the early media, and the
// answer comes before the bridge watches the leg.
func TestAnswerRightAfterEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		leg := b.call(t, "set hangup_after_bridge=true", "bridge phone/ring@1s")
		time.Sleep(2 * time.Second)
		phone := b.w.Phones.Legs()[0]
		phone.Post(core.EarlyMedia{Status: 183, Description: coretest.Describe()})
		phone.Post(core.Answered{Description: coretest.Describe()})
		time.AfterFunc(time.Second, func() { phone.Post(core.FarHangup{Cause: core.CauseNormalClearing}) })
		b.settle(t)
		if got := leg.Calls(); !slices.Equal(got, []string{"ring", "progress", "answer", "release NORMAL_CLEARING"}) {
			t.Errorf("A leg was asked %q", got)
		}
	})
}

// paired: what begins ends, once.
func (b *bench) paired(t *testing.T) {
	t.Helper()
	for _, p := range [][2]string{{"call.created", "call.ended"}, {"leg.created", "leg.ended"}, {"call.bridged", "call.unbridged"}} {
		if x, y := b.w.Events.Count(p[0]), b.w.Events.Count(p[1]); x != y {
			t.Errorf("%d %s, %d %s", x, p[0], y, p[1])
		}
	}
	if x, y := b.w.Events.Count("leg.ended"), len(b.w.Records.All()); x != y {
		t.Errorf("%d legs ended, %d records", x, y)
	}
}

func TestResultVariables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "set continue_on_fail=true", "bridge [origination_uuid=b1]phone/486@1s,[origination_uuid=b2,origination_callee_id_name=Bob]phone/480@2s", "hangup")
		for _, r := range b.settle(t) {
			if r.Direction != core.Inbound {
				continue
			}
			for name, want := range map[string]string{
				"originate_disposition": "USER_BUSY", "originate_failed_cause": "USER_BUSY", "DIALSTATUS": "BUSY",
				"originated_legs": "ARRAY::b1;;|:b2;Bob;", "originate_causes": "ARRAY::b1;USER_BUSY|:b2;NO_USER_RESPONSE",
				"last_bridge_proto_specific_hangup_cause": "sip:486",
			} {
				if got := r.Variables[name]; got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
		}
	})
}

// sounds are silent sources of ten seconds that count who is open.
type sounds struct {
	mu             sync.Mutex
	opened, closed int
	paths          []string
}

func (s *sounds) Open(_ context.Context, path string, rateHz int) (media.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	s.paths = append(s.paths, path)
	return &silence{s: s, rate: rateHz, left: 10 * rateHz}, nil
}

func (s *sounds) Create(context.Context, string, core.RecordOptions) (media.Sink, error) {
	return nil, core.ErrUnsupported
}

type silence struct {
	s          *sounds
	rate, left int
}

func (s *silence) RateHz() int { return s.rate }

func (s *silence) Read(p []int16) (int, error) {
	n := min(len(p), s.left)
	if s.left -= n; s.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

func (s *silence) Close() error {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.closed++
	return nil
}

// withSounds is newBench with sounds.
func withSounds(t *testing.T) (*bench, *sounds) {
	s := &sounds{}
	return newBenchWith(t, exchange.Config{}, s), s
}

func TestHoldFromBothSidesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := withSounds(t)
		leg := b.call(t, "bridge phone/answer@1s+hold@3s+resume@9s+bye@40s")
		hold := coretest.Describe()
		hold.Streams[0].Direction = media.SendOnly
		time.Sleep(5 * time.Second)
		leg.Post(core.Offered{Description: hold}) // both hold now
		time.Sleep(time.Second)
		leg.Post(core.Offered{Description: coretest.Describe()}) // A resumes, B still holds
		synctest.Wait()
		streams := b.w.Engine.Streams()
		if streams[0].Joined() != nil {
			t.Error("A resumed, and hears B though B holds")
		}
		time.Sleep(5 * time.Second) // B resumes
		if streams[0].Joined() == nil {
			t.Error("nobody holds, and the two do not hear each other")
		}
		b.settle(t)
		if s.opened != 2 || s.closed != 2 {
			t.Errorf("%d sounds opened, %d closed: %q", s.opened, s.closed, s.paths)
		}
		b.paired(t)
	})
}

func TestHoldMusicGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := withSounds(t)
		b.call(t, "bridge phone/answer@1s+hold@3s+bye@38s") // 35 s of a sound of 10 s
		b.settle(t)
		if s.opened != 4 || s.closed != 4 {
			t.Errorf("%d sounds opened, %d closed, want 4 each", s.opened, s.closed)
		}
	})
}

func TestHeldPeerHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := withSounds(t)
		leg := b.call(t, "bridge phone/answer@1s+hold@3s", "hangup")
		time.AfterFunc(7*time.Second, func() { leg.Post(core.FarHangup{Cause: core.CauseNormalClearing}) })
		want := []string{"inbound NORMAL_CLEARING caller", "outbound NORMAL_CLEARING caller"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if s.opened != s.closed {
			t.Errorf("%d sounds opened, %d closed", s.opened, s.closed)
		}
	})
}

func TestHolderHangsUpAndSendsTheOtherAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := withSounds(t)
		b.w.Plan["next"] = []string{"hangup CALL_REJECTED"}
		b.call(t, "bridge {hold_hangup_xfer_exten=next}phone/answer@1s+hold@3s+bye@5s")
		want := []string{"inbound CALL_REJECTED application", "outbound NORMAL_CLEARING callee"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestBridgeTerminateKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		leg := b.call(t, "set bridge_terminate_key=*", "bridge phone/answer@1s", "hangup CALL_REJECTED")
		time.Sleep(3 * time.Second)
		leg.Post(core.Digit{Digit: '5'})
		leg.Post(core.Digit{Digit: '*'})
		want := []string{"inbound CALL_REJECTED application", "outbound NORMAL_CLEARING caller"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if calls := b.w.Engine.Streams()[0].Calls(); !slices.Contains(calls, "digits 5") || slices.Contains(calls, "digits *") {
			t.Errorf("B's stream was asked %q", calls)
		}
	})
}

func TestBridgeFilterDTMF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		leg := b.call(t, "set bridge_filter_dtmf=true", "bridge phone/answer@1s+bye@9s")
		time.Sleep(3 * time.Second)
		leg.Post(core.Digit{Digit: '5'})
		b.settle(t)
		if calls := b.w.Engine.Streams()[0].Calls(); slices.Contains(calls, "digits 5") {
			t.Errorf("B's stream was asked %q", calls)
		}
	})
}

func TestBridgeEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		leg := b.call(t, "set hangup_after_bridge=true", "bridge {bridge_early_media=true}phone/early@1s+486@4s,phone/early@2s+answer@9s+bye@12s")
		time.Sleep(1500 * time.Millisecond)
		streams := b.w.Engine.Streams()
		a := streams[len(streams)-1]
		first := a.Joined()
		if first == nil {
			t.Error("A does not hear the first leg's early media")
		}
		time.Sleep(3 * time.Second)
		if second := a.Joined(); second == nil || second == first {
			t.Error("A does not hear the second leg after the first refused")
		}
		b.settle(t)
		if got := leg.Calls(); !slices.Equal(got, []string{"progress", "answer", "release NORMAL_CLEARING"}) {
			t.Errorf("A leg was asked %q", got)
		}
	})
}

func TestRingbackIsPlayedUntilTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := withSounds(t)
		leg := b.call(t, "set ringback=%(2000,4000,440,480)", "set hangup_after_bridge=true", "bridge phone/ring@1s+answer@25s+bye@30s")
		b.settle(t)
		if s.opened != 3 || s.closed != 3 || !strings.HasPrefix(s.paths[0], "tone_stream://%(2000") {
			t.Errorf("%d opened, %d closed: %q", s.opened, s.closed, s.paths)
		}
		if got := leg.Calls(); !slices.Equal(got, []string{"progress", "answer", "release NORMAL_CLEARING"}) {
			t.Errorf("A leg was asked %q", got)
		}
	})
}

func TestGroupConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := withSounds(t)
		b.call(t, "set hangup_after_bridge=true",
			"bridge {group_confirm_key=1,group_confirm_file=press1,group_confirm_error_file=wrong}phone/answer@1s+bye@60s,phone/answer@2s+bye@60s")
		time.Sleep(4 * time.Second)
		legs := b.w.Phones.Legs()
		if b.w.Events.Count("call.bridged") != 0 {
			t.Error("an answer alone won")
		}
		legs[1].Post(core.Digit{Digit: '9'}) // the wrong key, while the prompt plays
		time.Sleep(time.Second)
		legs[1].Post(core.Digit{Digit: '1'})
		want := []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if s.opened != s.closed {
			t.Errorf("%d sounds opened, %d closed", s.opened, s.closed)
		}
	})
}

func TestExecuteOnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "set execute_on_answer=set who=a", "set execute_on_answer_2=set::more=yes", "bridge {execute_on_answer='set who=b',execute_on_pre_bridge='set pre=1'}phone/answer@1s+bye@3s", "hangup")
		for _, r := range b.settle(t) {
			v := r.Variables
			if r.Direction == core.Inbound && (v["who"] != "a" || v["more"] != "yes") || r.Direction == core.Outbound && (v["who"] != "b" || v["pre"] != "1") {
				t.Errorf("%s: who %q, more %q, pre %q", r.Direction, v["who"], v["more"], v["pre"])
			}
		}
	})
}

// TestExpandedGroupsRingTogether: group/x+E is an enterprise originate, alone
// in a dial string or not; alternatives of a user stay alternatives.
func TestExpandedGroupsRingTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.w.Expanders["group"] = coretest.Expand{Name: "group", Dial: "user/1:_:phone/ring@1s+answer@9s"}
		b.w.Expanders["user"] = coretest.Expand{Name: "user", Dial: "phone/503@1s|phone/ring@1s+answer@3s+bye@9s"}
		b.call(t, "set hangup_after_bridge=true", "bridge group/sales")
		want := []string{"inbound NORMAL_CLEARING callee", "outbound LOSE_RACE switch", "outbound NORMAL_CLEARING callee", "outbound NORMAL_TEMPORARY_FAILURE callee"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestRetriesAreNotMultipliedByExpansion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.w.Expanders["user"] = coretest.Expand{Name: "user", Dial: "phone/486@1s"}
		b.call(t, "bridge {originate_retries=2}user/1")
		if n := len(b.settle(t)); n != 4 {
			t.Errorf("%d legs, want A and three tries", n)
		}
	})
}

func TestATargetThatNamesItselfEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.w.Expanders["user"] = coretest.Expand{Name: "user", Dial: "user/1,user/2"}
		b.call(t, "bridge user/1")
		want := []string{"inbound EXCHANGE_ROUTING_ERROR switch"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestDrainLetsCallsThatAreUpCallOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "sleep 3000", "set hangup_after_bridge=true", "bridge phone/answer@1s+bye@3s")
		synctest.Wait()
		go b.Drain(t.Context())
		want := []string{"inbound NORMAL_CLEARING callee", "outbound NORMAL_CLEARING callee"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestHangupCallCancelsAnOriginate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		id, _, err := b.Originate(t.Context(), core.OriginateRequest{From: "phone/ring@1s", To: "1", CallID: "mine"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Originate(t.Context(), core.OriginateRequest{From: "phone/ring@1s", To: "1", CallID: "mine"}); err == nil {
			t.Error("a call id was given twice")
		}
		if err := b.HangupCall(id, core.CauseManagerRequest, core.ByAPI); err != nil { // before there is a leg
			t.Fatal(err)
		}
		for _, r := range b.settle(t) {
			if r.Cause != core.CauseManagerRequest && r.Cause != core.CauseOriginatorCancel || r.HungUpBy != core.ByAPI {
				t.Errorf("record %s by %s", r.Cause, r.HungUpBy)
			}
		}
		if d := b.w.Events.Count("call.ended"); d != 1 {
			t.Errorf("%d call.ended", d)
		}
	})
}

func TestTransferBothDuringABridge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.w.Plan["one"] = []string{"hangup CALL_REJECTED"}
		b.w.Plan["two"] = []string{"hangup USER_BUSY"}
		b.call(t, "bridge phone/answer@1s")
		time.Sleep(3 * time.Second)
		for _, c := range b.Channels() {
			place := "one"
			if c.Direction == core.Outbound {
				place = "two"
			}
			_ = b.Session(c.ID).Transfer(place, "", "")
		}
		want := []string{"inbound CALL_REJECTED application", "outbound USER_BUSY application"}
		if got := causes(b.settle(t)); !slices.Equal(got, want) {
			// A was moved first, so B may have been hung up for it.
			if other := []string{"inbound CALL_REJECTED application", "outbound NORMAL_CLEARING bridge"}; !slices.Equal(got, other) {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		b.paired(t)
	})
}

// TestAKeyOfThePeerMayBeTaken: a binding sees the keys of both sides of a bridge.
func TestAKeyOfThePeerMayBeTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, exchange.Config{})
		b.call(t, "bridge phone/answer@1s+bye@9s")
		time.Sleep(3 * time.Second)
		var froms []core.ChannelID
		for _, c := range b.Channels() {
			if c.Direction == core.Inbound {
				b.Session(c.ID).(interface {
					BindKeys(name string, f func(d core.Digit, from core.ChannelID) bool)
				}).BindKeys("meta", func(d core.Digit, from core.ChannelID) bool {
					froms = append(froms, from)
					return d.Digit == '*'
				})
			}
		}
		phone := b.w.Phones.Legs()[0]
		phone.Post(core.Digit{Digit: '*'})
		phone.Post(core.Digit{Digit: '5'})
		synctest.Wait()
		if calls := b.w.Engine.Streams()[1].Calls(); !slices.Contains(calls, "digits 5") || slices.Contains(calls, "digits *") {
			t.Errorf("A's stream was asked %q", calls)
		}
		if len(froms) != 2 || froms[0] != phone.Out.ChannelID {
			t.Errorf("keys of %q were seen", froms)
		}
		b.settle(t)
	})
}
