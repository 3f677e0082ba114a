package exchange_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/exchange"
	"github.com/tandemswitch/tandem/media"
)

// noPanics fails a test at the first log line of a recovered panic.
type noPanics struct {
	slog.Handler
	t *testing.T
}

func (noPanics) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

func (h noPanics) Handle(_ context.Context, r slog.Record) error {
	if len(r.Message) >= 5 && r.Message[:5] == "panic" {
		text := r.Message
		r.Attrs(func(a slog.Attr) bool { text += "\n" + a.String(); return true })
		h.t.Error(text)
	}
	return nil
}

func (h noPanics) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h noPanics) WithGroup(string) slog.Handler      { return h }

// fuzzPlans are what the A leg runs.
var fuzzPlans = [][]string{
	{"answer", "sleep 20000"},
	{"ring_ready", "sleep 1000", "pre_answer", "sleep 1000", "park"},
	{"set ringback=tone", "bridge phone/ring@1s", "sleep 5000"},
	{"set hangup_after_bridge=true", "bridge phone/ring@1s,phone/ring@1s|phone/ring@1s"},
	{"bridge phone/x:_:phone/y", "park"},
	{"set continue_on_fail=true", "bridge {bridge_early_media=true}phone/x,[leg_required=true]phone/y", "bridge {park_after_bridge=true}phone/z"},
	{"bridge {group_confirm_key=1,group_confirm_file=f,transfer_after_bridge=next}phone/x,phone/y", "echo"},
	{"set exec_after_bridge_app=answer", "set execute_on_answer=play x", "bridge {ignore_early_media=true,execute_on_answer='play x'}phone/x", "play y"},
	{"execute_extension next", "record x", "play y", "bridge phone/answer@1s"},
	{"transfer next"},
}

// world is what the fuzzer's bytes act on.
type fuzzWorld struct {
	*bench
	t    *testing.T
	a    *coretest.Leg
	wg   sync.WaitGroup
	ctx  context.Context
	rest []byte
}

func (w *fuzzWorld) byte() byte {
	if len(w.rest) == 0 {
		return 0
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return b
}

// leg picks a leg of the call.
func (w *fuzzWorld) leg() *coretest.Leg {
	all := append([]*coretest.Leg{w.a}, w.w.Phones.Legs()...)
	return all[int(w.byte())%len(all)]
}

// session picks a live session.
func (w *fuzzWorld) session() core.Session {
	all := w.Channels()
	if len(all) == 0 {
		return nil
	}
	return w.Session(all[int(w.byte())%len(all)].ID)
}

func (w *fuzzWorld) legEvent() core.Event {
	held := coretest.Describe()
	held.Streams[0].Direction = media.SendOnly
	odd := coretest.Describe()
	odd.Streams[0].Formats[0].Name = "SPEEX"
	events := []core.Event{
		core.Trying{}, core.Ringing{Status: 180}, core.EarlyMedia{Status: 183, Description: coretest.Describe()}, core.EarlyMedia{Status: 183},
		core.Answered{Description: coretest.Describe()}, core.Answered{}, core.Answered{Description: odd}, core.Confirmed{}, core.Confirmed{Description: coretest.Describe()},
		core.Offered{Description: held}, core.Offered{Description: coretest.Describe()}, core.Offered{Description: odd}, core.Offered{},
		core.OfferAnswered{Description: coretest.Describe()}, core.OfferAnswered{Description: held}, core.OfferRejected{Cause: core.CauseIncompatibleDestination, Status: 488},
		core.OfferRejected{Status: 491}, core.Digit{Digit: '1'}, core.Digit{Digit: '*'}, core.Redirected{Contacts: []string{"sip:answer@1s", "sip:b@c"}},
		core.VariablesLearned{Variables: map[string]string{"x": "y"}}, core.FarHangup{Cause: core.CauseNormalClearing}, core.FarHangup{Cause: core.CauseUserBusy, Status: 486},
		core.FarHangup{}, core.LegFailed{Cause: core.CauseRecoveryOnTimerExpire}, core.Released{SIPStatus: 500},
	}
	return events[int(w.byte())%len(events)]
}

func (w *fuzzWorld) streamEvent() {
	streams := w.w.Engine.Streams()
	if len(streams) == 0 {
		return
	}
	events := []media.StreamEvent{
		media.DigitReceived{Digit: '1'}, media.FirstPacket{}, media.StreamTimeout{After: time.Second}, media.SourceChanged{}, media.ForeignPackets{},
		media.WayChanged{}, media.PlaybackEnded{ID: "nobody"},
	}
	streams[int(w.byte())%len(streams)].Notify(events[int(w.byte())%len(events)])
}

// request lets somebody ask something of a session, and wait for it.
func (w *fuzzWorld) request() {
	s, what := w.session(), w.byte()
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, time.Duration(what)*100*time.Millisecond)
	w.wg.Go(func() {
		defer cancel()
		switch what % 14 {
		case 0:
			_ = s.Transfer("next", "", "")
		case 1:
			_ = s.Hold(ctx, what&16 != 0)
		case 2:
			s.Hangup(core.CauseManagerRequest, core.ByAPI)
		case 3:
			_ = s.Park(ctx, time.Second)
		case 4:
			_ = s.Ring(ctx)
		case 5:
			_ = s.Answer(ctx)
		case 6:
			_ = s.PreAnswer(ctx)
		case 7:
			_ = s.SendDigits(ctx, "12", 100*time.Millisecond)
		case 8:
			_ = s.Record(ctx, "r", &nullSink{})
			_ = s.StopRecord(ctx, "r")
		case 9:
			_, _ = s.Play(ctx, &silence{s: &sounds{}, rate: 8000, left: 4000}, "1")
		case 10:
			_ = s.Redirect(ctx, []string{"sip:x@y"})
		case 11:
			s.Refuse(486, "Busy Here", core.CauseUserBusy)
		case 12:
			_ = w.HangupCall(s.CallID(), core.CauseNormalClearing, core.ByAPI)
		case 13:
			_, _ = w.Snapshot(ctx, s.ID())
		}
	})
}

type nullSink struct{}

func (nullSink) RateHz() int        { return 8000 }
func (nullSink) Write(_, _ []int16) {}
func (nullSink) Close() error       { return nil }

// FuzzCall throws legs' events, streams' events and requests at a call, in any
// order and at any moment of virtual time. Whatever comes: nothing panics, every
// leg has one record, what began has ended, and nothing is left open.
func FuzzCall(f *testing.F) {
	for plan := range byte(len(fuzzPlans)) {
		f.Add([]byte{plan, 1, 0, 1, 20, 0, 1, 4, 5, 1, 1, 2, 9, 10, 1, 1, 10, 20, 1, 0, 21})
		f.Add([]byte{plan, 1, 1, 4, 4, 1, 2, 4, 4, 3, 0, 0, 0, 5, 3, 0, 1, 17, 1, 0, 21, 1, 1, 21})
		f.Add([]byte{plan, 0, 15, 1, 1, 2, 1, 1, 4, 3, 1, 0, 3, 0, 0, 1, 2, 4, 0, 9, 2, 0, 2})
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 200 {
			t.Skip("long scripts say nothing new")
		}
		synctest.Test(t, func(t *testing.T) { fuzzCall(t, script) })
	})
}

func fuzzCall(t *testing.T, script []byte) {
	s := &sounds{}
	b := newBenchLogged(t, exchange.Config{}, s, slog.New(noPanics{t: t}))
	w := &fuzzWorld{bench: b, t: t, rest: script}
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	play := func(name string, run func(ctx context.Context, sess core.Session, args string) error) {
		b.w.AppList[name] = core.App{Name: name, Run: run}
	}
	play("play", func(ctx context.Context, sess core.Session, args string) error {
		src, _ := s.Open(ctx, args, 8000)
		_, err := sess.Play(ctx, src, "#")
		return err
	})
	play("record", func(ctx context.Context, sess core.Session, args string) error {
		return sess.Record(ctx, args, &nullSink{})
	})
	b.w.Plan["next"] = []string{"answer", "sleep 3000", "bridge phone/answer@1s"}
	w.a = b.call(t, fuzzPlans[int(w.byte())%len(fuzzPlans)]...)
	for len(w.rest) > 0 {
		switch what := w.byte(); what % 4 {
		case 0:
			time.Sleep(time.Duration(w.byte()) * 50 * time.Millisecond)
		case 1:
			w.leg().Post(w.legEvent())
		case 2:
			w.streamEvent()
		case 3:
			w.request()
		}
		if script[0]&1 == 0 {
			synctest.Wait() // else the next one comes as close as it can
		}
	}
	time.Sleep(time.Minute)
	for _, c := range b.Channels() {
		_ = b.Hangup(c.ID, core.CauseNormalClearing, core.ByAPI)
	}
	time.Sleep(time.Minute)
	if n := b.Limits().Sessions; n != 0 {
		t.Errorf("%d sessions a minute after the hangup", n)
	}
	cancel()
	w.wg.Wait()
	recs := b.settle(t)
	b.paired(t)
	legs := map[core.ChannelID]int{}
	for _, r := range recs {
		if legs[r.LegID]++; legs[r.LegID] > 1 {
			t.Errorf("%d records of leg %s", legs[r.LegID], r.LegID)
		}
		if r.Cause == core.CauseNone || r.HungUpBy == "" || r.Times.Ended.IsZero() {
			t.Errorf("record %+v", r)
		}
	}
	if s.opened != s.closed {
		t.Errorf("%d sounds opened, %d closed", s.opened, s.closed)
	}
}
