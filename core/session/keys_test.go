package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
)

func TestBoundKeysAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world()
		w.Plan["test"] = []string{"answer", "sleep 10s"}
		c := incoming(t, w, coretest.Describe())
		time.Sleep(time.Second)
		var seen string
		c.BindKeys("meta", func(core.Digit, core.ChannelID) bool { t.Error("an old binding was asked"); return true })
		c.BindKeys("meta", func(d core.Digit, from core.ChannelID) bool {
			seen += string(d.Digit)
			return d.Digit == '*' && from == c.ID()
		})
		c.BindKeys("broken", func(core.Digit, core.ChannelID) bool { panic("broken") })
		c.leg.Post(core.Digit{Digit: '*'})
		c.leg.Post(core.Digit{Digit: '1'})
		if d, ok, err := c.Digit(t.Context(), time.Second); d != '1' || !ok || err != nil {
			t.Errorf("Digit = %q, %t, %v", d, ok, err)
		}
		c.BindKeys("meta", nil)
		c.BindKeys("broken", nil)
		c.leg.Post(core.Digit{Digit: '*'})
		if d, _, _ := c.Digit(t.Context(), time.Second); d != '*' || seen != "*1" {
			t.Errorf("Digit = %q after %q", d, seen)
		}
		c.ended(t)
	})
}

// TestTypeAheadOutlivesAPrompt: keys after the one that ended a playback, or
// pressed where nobody listened for one, wait for the next who asks.
func TestTypeAheadOutlivesAPrompt(t *testing.T) {
	for terminators, want := range map[string]string{"0123456789*#": "234", "": "1234"} {
		synctest.Test(t, func(t *testing.T) {
			var got string
			menu := app("menu", func(ctx context.Context, s core.Session, _ string) error {
				_, err := s.Play(ctx, &tone{left: 8000 * 5}, terminators)
				for range len(want) {
					d, _, _ := s.Digit(ctx, time.Second)
					got += string(d)
				}
				return err
			})
			w := world(menu)
			w.Plan["test"] = []string{"answer", "menu"}
			c := incoming(t, w, coretest.Describe())
			time.Sleep(time.Second)
			for _, d := range []byte("1234") {
				c.leg.Post(core.Digit{Digit: d})
			}
			c.ended(t)
			if got != want {
				t.Errorf("terminators %q: %q was left, want %q", terminators, got, want)
			}
		})
	}
}
