package session_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// restore is what another process does with a snapshot: it reads the text.
func restore(t *testing.T, snap session.Snapshot) session.Snapshot {
	t.Helper()
	text, err := json.Marshal(snap)
	if err != nil {
		t.Fatal(err)
	}
	var back session.Snapshot
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snap, back, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})); diff != "" {
		t.Errorf("a snapshot changes on its way (-written +read):\n%s", diff)
	}
	return back
}

// TestSnapshotIsComplete: what a snapshot holds survives JSON and names all
// that another process needs: where the dialplan is, what waits, who is held.
func TestSnapshotIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(
			app("sub", func(ctx context.Context, s core.Session, args string) error {
				return s.ExecuteExtension(ctx, args, "", "")
			}),
			app("record", func(ctx context.Context, s core.Session, args string) error { return s.Record(ctx, args, &sink{}) }))
		nap := coretest.Sleep("nap")
		nap.Resume = core.ResumeSkip
		w.AppList["nap"] = nap
		w.Plan["test"] = []string{"answer", "record /tmp/x.wav", "sub inner", "sleep 1m"}
		w.Plan["inner"] = []string{"nap 1m", "sleep 2m"}
		c := incoming(t, w, coretest.Describe())
		c.SetVar("color", "red")
		c.Export("shape", "round", true)
		c.Export("only_b", "yes", false)
		time.Sleep(time.Second)
		c.leg.Post(core.Digit{Digit: '1'})
		c.leg.Post(core.Digit{Digit: '#'})
		c.leg.Post(core.Offered{Description: direction(media.SendOnly)})
		synctest.Wait()
		snap, err := c.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		back := restore(t, snap)
		if back.State != "execute" || back.Progress != "held" || back.App != "nap" || back.AppArg != "1m" || back.Variables["color"] != "red" ||
			!slices.Equal(back.Exports, []string{"shape"}) || back.ExportOnly["only_b"] != "yes" || back.Digits != "1#" || back.Dialed != "1#" ||
			!back.HeldByFar || len(back.Holds) != 1 || back.Holds[0].On.IsZero() || !slices.Equal(back.Taps, []string{"/tmp/x.wav"}) || !back.Described ||
			back.Leg == nil || back.Leg.Values["call_id"] == "" || back.Stream == nil || back.Stream.SSRC != 7 ||
			back.Profile.DestinationNumber != "test" || back.Times.Answered.IsZero() || len(back.Steps) != 4 || len(back.Offered) != 1 {
			t.Errorf("incomplete: %+v", back)
		}
		step := func(app, data, resume string) session.SnapshotStep {
			return session.SnapshotStep{Step: core.Step{App: app, Data: data}, Resume: resume}
		}
		lists := []session.SnapshotList{
			{Index: 2, Steps: []session.SnapshotStep{step("answer", "", "restart"), step("record", "/tmp/x.wav", "restart"), step("sub", "inner", "restart"), step("sleep", "1m", "restart")}},
			{Index: 0, Steps: []session.SnapshotStep{step("nap", "1m", "skip"), step("sleep", "2m", "restart")}},
		}
		if diff := cmp.Diff(lists, back.Lists); diff != "" {
			t.Errorf("position in the dialplan:\n%s", diff)
		}
		c.Hangup(core.CauseNormalClearing, core.ByAPI)
		c.ended(t)
	})
}

// watcher sees nothing.
type watcher struct{}

func (watcher) Saw(core.ChannelID, session.Milestone) {}

func TestSnapshotOfABridgedLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 1m"}
		a := incoming(t, w, coretest.Describe())
		b := session.NewOutbound(&session.Config{Deps: w.Deps()}, session.Outbound{Endpoint: w.Phones, Request: core.Outgoing{ChannelID: "b", CallID: "call", Target: "answer@0s"}})
		go b.Run(t.Context())
		time.Sleep(time.Second)
		if _, err := b.Join(t.Context(), a.Session, session.Originatee, watcher{}); err != nil {
			t.Fatal(err)
		}
		snap, _ := b.Snapshot(t.Context())
		back := restore(t, snap)
		if back.State != "bridged" || back.Bridge == nil || back.Bridge.Peer != "a" || back.Bridge.Role != session.Originatee || back.Bridge.Since.IsZero() {
			t.Errorf("bridge %+v in state %s", back.Bridge, back.State)
		}
		a.Hangup(core.CauseNormalClearing, core.ByAPI)
		b.Hangup(core.CauseUserBusy, core.ByAPI)
		<-b.Done()
		<-a.Done()
		snap, err := b.Snapshot(t.Context())
		if err == nil {
			t.Errorf("a snapshot of a channel that is gone: %+v", snap)
		}
	})
}

// TestSnapshotHoldsEveryField: a field that is added and not filled in is a
// hole in a take-over. All of Snapshot's are seen set in one state or another.
func TestSnapshotHoldsEveryField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		note := func(s session.Snapshot) {
			v := reflect.ValueOf(s)
			for i := range v.NumField() {
				if !v.Field(i).IsZero() {
					seen[v.Type().Field(i).Name] = true
				}
			}
		}
		w := world(app("record", func(ctx context.Context, s core.Session, args string) error { return s.Record(ctx, args, &sink{}) }))
		w.Plan["test"] = []string{"sleep 1s", "answer", "record x", "sleep 1m"}
		leg := coretest.NewLeg(nil)
		in := core.Incoming{Endpoint: "phone", Name: "phone/1", Leg: silent{leg}, Offer: coretest.Describe(), Profile: core.CallerProfile{DestinationNumber: "test"}}
		s := session.NewInbound(&session.Config{Deps: w.Deps()}, in, "a", "call")
		leg.Attach(s.Inbox(), "a")
		go s.Run(t.Context())
		snap := func() {
			synctest.Wait()
			x, err := s.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			note(restore(t, x))
		}
		snap() // not answered: the offer waits
		s.Export("x", "1", true)
		s.Export("y", "1", false)
		time.Sleep(2 * time.Second)
		leg.Post(core.Digit{Digit: '1'})
		leg.Post(core.Offered{Description: direction(media.SendOnly)})
		snap()
		_ = s.Hold(t.Context(), true)
		snap()
		if _, err := s.Join(t.Context(), s, session.Originator, watcher{}); err != nil {
			t.Fatal(err)
		}
		snap()
		leg.Post(core.FarHangup{Cause: core.CauseUserBusy, Status: 486})
		snap()
		leg.Post(core.Released{})
		<-s.Done()
		late := incoming(t, w, nil)
		synctest.Wait()
		x, _ := late.Snapshot(t.Context())
		note(x)
		b := session.NewOutbound(&session.Config{Deps: w.Deps()}, session.Outbound{Endpoint: w.Phones, Request: core.Outgoing{ChannelID: "b", CallID: "call", Target: "answer@0s"}})
		go b.Run(t.Context())
		time.Sleep(time.Second)
		x, _ = b.Snapshot(t.Context())
		note(x)
		late.Hangup(core.CauseNormalClearing, core.ByAPI)
		b.Hangup(core.CauseNormalClearing, core.ByAPI)
		<-late.Done()
		<-b.Done()
		typ := reflect.TypeFor[session.Snapshot]()
		for i := range typ.NumField() {
			if name := typ.Field(i).Name; !seen[name] {
				t.Errorf("%s was never set", name)
			}
		}
	})
}
