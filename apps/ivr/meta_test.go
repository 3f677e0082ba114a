package ivr_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	callapp "github.com/tandemswitch/tandem/apps/call"
	"github.com/tandemswitch/tandem/apps/ivr"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/core/exchange"
	"github.com/tandemswitch/tandem/core/module"
)

// TestBindMetaApp: what was bound, what the caller (a) and the callee (b) press,
// and which application runs on which leg.
func TestBindMetaApp(t *testing.T) {
	for _, c := range []struct {
		name, bind string
		a, b       string // keys of each, from the third second on
		want       string // "leg argument", in order
	}{
		{"caller, on itself", "bind_meta_app 1 a s note::x ${caller_id_number}", "*1", "", "inbound x 1000"},
		{"caller, on the other", "bind_meta_app 1 a o note::x", "*1", "", "outbound x"},
		{"caller, on b", "bind_meta_app 1 a b note::x", "*1", "", "outbound x"},
		{"callee, on itself", "bind_meta_app 1 b s note::x", "", "*1", "outbound x"},
		{"callee, on the other", "bind_meta_app 1 b o note::x", "", "*1", "inbound x"},
		{"callee, on a", "bind_meta_app 1 b a note::x", "", "*1", "inbound x"},
		{"callee, on b", "bind_meta_app 1 b b note::x", "", "*1", "outbound x"},
		{"either", "bind_meta_app 1 ab s note::x", "*1", "*1", "inbound x; outbound x"},
		{"not for the caller", "bind_meta_app 1 b s note::x", "*1", "", ""},
		{"not for the callee", "bind_meta_app 1 a s note::x", "", "*1", ""},
		{"twice", "bind_meta_app 1 a si note::x", "*1*1", "", "inbound x; inbound x"},
		{"once", "bind_meta_app 1 a s1 note::x", "*1*1", "", "inbound x"},
		{"no star", "bind_meta_app 1 a s note::x", "1", "", ""},
		{"another key between", "bind_meta_app 1 a s note::x", "*21", "", ""},
		{"too late", "bind_meta_app 1 a s note::x", "*......1", "", ""},
		{"just in time", "bind_meta_app 1 a s note::x", "*....1", "", "inbound x"},
		{"two stars", "bind_meta_app 1 a s note::x", "**1", "", "inbound x"},
		{"the star itself", "bind_meta_app * a s note::x", "**", "", "inbound x"},
		{"taken back", "bind_meta_app 1 ab s note::x\nunbind_meta_app 1", "*1", "*1", ""},
		{"all taken back", "bind_meta_app 1 ab s note::x\nunbind_meta_app", "*1", "*1", ""},
		{"bound anew", "bind_meta_app 1 a s note::x\nbind_meta_app 1 a s note::y", "*1", "", "inbound y"},
		{"another meta key", "set bind_meta_key=#\nbind_meta_app 1 a s note::x", "*1#1", "", "inbound x"},
		{"no argument", "bind_meta_app 1 a s note", "*1", "", "inbound"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := bridged(t, strings.Split(c.bind, "\n"), c.a, c.b); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			})
		})
	}
}

// TestBoundKeyAsksForDigits: the keys that asked for an application are no answer
// to it, and it runs while the bridge goes on.
func TestBoundKeyAsksForDigits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := bridged(t, []string{"bind_meta_app 1 b s ask"}, "", "*1..42"); got != "outbound 42" {
			t.Errorf("%q, want 42", got)
		}
	})
}

// TestHangupEndsWhatAKeyBegan: nothing is left behind.
func TestHangupEndsWhatAKeyBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := bridged(t, []string{"bind_meta_app 1 a s wait"}, "*1", ""); got != "inbound the call has ended" {
			t.Errorf("%q", got)
		}
	})
}

func TestBindMetaAppArguments(t *testing.T) {
	for _, bad := range []string{"", "1", "1 a s", "11 a s x", "x a s y", "1 c s x", "1 a z x", "1 a s ::y"} {
		synctest.Test(t, func(t *testing.T) {
			if got := bridged(t, []string{"bind_meta_app " + bad}, "*1", ""); got != "" {
				t.Errorf("%q: %q", bad, got)
			}
		})
	}
}

// bridged runs steps on an inbound channel, bridges it for twenty seconds, lets both
// sides press keys from the third second on (a dot is a second's pause), and
// returns what ran on which leg.
func bridged(t *testing.T, steps []string, a, b string) string {
	t.Helper()
	return bridgedIn(t, coretest.NewWorld(), steps, a, b)
}

// bridgedIn is bridged in a world that the test looks at.
func bridgedIn(t *testing.T, w *coretest.World, steps []string, a, b string) string {
	t.Helper()
	w.Play = &prompts{}
	m, err := ivr.New(nil, w.Deps())
	if err != nil {
		t.Fatal(err)
	}
	calls, err := callapp.New(nil, w.Deps())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []module.AppProvider{m.(module.AppProvider), calls.(module.AppProvider)} {
		for _, app := range p.Apps() {
			w.AppList[app.Name] = app
		}
	}
	var mu sync.Mutex
	var ran []string
	note := func(s core.Session, text string) {
		mu.Lock()
		defer mu.Unlock()
		ran = append(ran, strings.TrimSpace(s.Direction().String()+" "+text))
	}
	add := func(name string, run func(ctx context.Context, s core.Session, args string) error) {
		w.AppList[name] = core.App{Name: name, NoMedia: true, Run: run}
	}
	add("note", func(_ context.Context, s core.Session, args string) error { note(s, args); return nil })
	add("set", func(_ context.Context, s core.Session, args string) error {
		name, value, _ := strings.Cut(args, "=")
		s.SetVar(name, value)
		return nil
	})
	add("ask", func(ctx context.Context, s core.Session, _ string) error {
		err := w.AppList["read"].Run(ctx, s, "2 2 silence got 5000 #")
		note(s, s.Var("got"))
		return err
	})
	add("wait", func(ctx context.Context, s core.Session, _ string) error {
		<-ctx.Done()
		note(s, context.Cause(ctx).Error())
		return context.Cause(ctx)
	})
	ex := exchange.New(t.Context(), exchange.Config{}, w.Deps())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = m.Run(ctx) })

	w.Plan["test"] = append(slices.Clone(steps), "bridge phone/answer@1s+bye@20s")
	leg := coretest.NewLeg(nil)
	_, _, err = ex.Admit(core.Incoming{
		Endpoint: "phone", Name: "phone/1000", Leg: leg, Offer: coretest.Describe(), Attach: leg.Attach,
		Profile: core.CallerProfile{CallerIDNumber: "1000", DestinationNumber: "test", Context: "default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	for _, side := range []struct {
		leg  *coretest.Leg
		keys string
	}{{leg, a}, {w.Phones.Legs()[0], b}} {
		for i := range len(side.keys) {
			if side.keys[i] != '.' {
				side.leg.Post(core.Digit{Digit: side.keys[i]})
			} else {
				time.Sleep(time.Second)
			}
			synctest.Wait()
		}
	}
	for ex.Limits().Sessions > 0 {
		time.Sleep(time.Second)
	}
	cancel()
	wg.Wait()
	ex.Close()
	return strings.Join(ran, "; ")
}
