package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/coretest"
	"github.com/tandemswitch/tandem/media"
)

// hall is a room that only notes who comes.
type hall struct{ came []string }

func (h *hall) Join(_ media.Stream, cfg media.MemberConfig) (media.Member, error) {
	if cfg.ID == "refused" {
		return nil, media.ErrClosed
	}
	h.came = append(h.came, cfg.ID)
	return nil, nil
}
func (*hall) Play(media.Source, media.PlayOptions) (media.Playback, error) { return nil, nil }
func (*hall) Tap(media.Sink) (media.Tap, error)                            { return nil, nil }
func (*hall) Close()                                                       {}

func TestJoinRoomPutsTheStreamThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hall{}
		var late error
		meet := app("meet", func(ctx context.Context, s core.Session, _ string) error {
			mixing := s.(core.Mixing)
			mixing.LeaveRoom() // is in none
			if _, err := mixing.JoinRoom(ctx, h, media.MemberConfig{ID: "7"}); err != nil {
				t.Errorf("JoinRoom: %v", err)
			}
			if _, err := mixing.JoinRoom(ctx, h, media.MemberConfig{ID: "refused"}); !errors.Is(err, media.ErrClosed) {
				t.Errorf("JoinRoom of a closed room: %v", err)
			}
			mixing.LeaveRoom()
			s.Hangup(core.CauseNormalClearing, core.ByApp)
			<-ctx.Done()
			_, late = mixing.JoinRoom(ctx, h, media.MemberConfig{ID: "late"})
			return nil
		})
		w := world(meet)
		w.Plan["test"] = []string{"meet"}
		c := incoming(t, w, coretest.Describe())
		c.ended(t)
		if !slices.Equal(h.came, []string{"7"}) || !errors.Is(late, core.ErrEnded) {
			t.Errorf("came %q, late %v", h.came, late)
		}
		if calls := c.leg.Calls(); calls[0] != "progress" {
			t.Errorf("leg was asked %q", calls)
		}
	})
}
