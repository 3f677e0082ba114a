package originate

import (
	"context"
	"sync"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// ringer lets the A leg hear that B rings: the B leg's 180 is passed on, or
// the sound of ringback (before the answer) or transfer_ringback (after it)
// is played. Groups that originate at the same time share one.
type ringer struct {
	a      *session.Session
	sounds core.Sounds

	mu      sync.Mutex
	rung    bool // once
	playing bool
}

func newRinger(a *session.Session, sounds core.Sounds) *ringer { return &ringer{a: a, sounds: sounds} }

// ringing is called at every sign that a B leg is alerted; the first counts.
func (r *ringer) ringing(ctx context.Context) {
	r.mu.Lock()
	first := !r.rung
	r.rung = true
	r.mu.Unlock()
	if !first || r.a.Direction() == core.Outbound && !r.a.Progress().Answered() {
		return
	}
	name := "ringback"
	if r.a.Progress().Answered() {
		name = "transfer_ringback"
	}
	path := r.a.Var(name)
	if path == "" && name == "transfer_ringback" {
		path = r.a.Var("ringback")
	}
	if path == "" || r.sounds == nil {
		_ = r.a.Ring(ctx)
		return
	}
	if name == "ringback" {
		if err := r.a.PreAnswer(ctx); err != nil {
			return
		}
	}
	r.mu.Lock()
	r.playing = true
	r.mu.Unlock()
	r.a.Background(func(ctx context.Context) (media.Source, error) {
		return r.sounds.Open(ctx, ringTone(path), r.a.SampleRateHz())
	})
}

// ringTone reads FreeSWITCH's forms of ringback: a bare TGML script is a tone
// stream that repeats.
func ringTone(path string) string {
	if len(path) > 1 && path[0] == '%' || len(path) > 2 && (path[1] == '=' && (path[0] == 'v' || path[0] == 'L' || path[0] == 'l')) {
		return "tone_stream://" + path + ";loops=-1"
	}
	return path
}

// stop ends the sound; a bridge that follows has ended it already.
func (r *ringer) stop() {
	r.mu.Lock()
	playing := r.playing
	r.mu.Unlock()
	if playing {
		r.a.Background(nil)
	}
}
