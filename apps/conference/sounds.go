package conference

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// sounds are what a room plays. Owned by the room's owner.
type sounds struct {
	queue   []*sound // heard one after another
	current *sound   // the first of them: opening or heard
	others  []*sound // asynchronous ones
	music   *sound   // nil: none is wanted
	mohOff  bool     // by key
	alone   bool     // the alone-sound was played
}

// sound is one thing to be heard.
type sound struct {
	id       string
	path     string
	src      media.Source // nil: it must be opened
	playback media.Playback
	stopped  bool
}

// path finds a prompt's name as Sounds wants it.
func (r *room) path(path, prefix string) string {
	if r.profile.SoundPrefix != "" {
		prefix = r.profile.SoundPrefix
	} else if prefix == "" {
		prefix, _ = r.m.deps.Globals.Global("sound_prefix")
	}
	params := ""
	if strings.HasPrefix(path, "{") {
		if i := strings.IndexByte(path, '}'); i > 0 {
			params, path = path[:i+1], path[i+1:]
		}
	}
	if prefix != "" && !filepath.IsAbs(path) && !strings.Contains(path, "://") {
		path = strings.TrimSuffix(prefix, "/") + "/" + path
	}
	return params + path
}

// announce queues a sound for all.
func (r *room) announce(path string) {
	if path != "" && !r.over {
		r.enqueue(&sound{id: core.NewID(), path: path})
	}
}

func (r *room) enqueue(s *sound) {
	r.sounds.queue = append(r.sounds.queue, s)
	r.next()
}

// next begins the next sound of the queue.
func (r *room) next() {
	q := &r.sounds
	if q.current != nil || len(q.queue) == 0 {
		return
	}
	q.current, q.queue = q.queue[0], q.queue[1:]
	r.open(q.current, media.PlayOptions{ID: q.current.id})
}

// open opens a sound beside the owner, and lets it be heard.
func (r *room) open(s *sound, opt media.PlayOptions) {
	if s.src != nil {
		r.start(s, s.src, nil, opt)
		return
	}
	path := r.path(s.path, "")
	r.opening.Go(func() {
		src, err := r.m.deps.Sounds.Open(r.ctx, path, r.profile.Rate)
		if !r.post(func() { r.start(s, src, err, opt) }) && src != nil {
			_ = src.Close()
		}
	})
}

// start plays what was opened; what cannot be is over at once.
func (r *room) start(s *sound, src media.Source, err error, opt media.PlayOptions) {
	if err == nil && (s.stopped || r.over) {
		_ = src.Close()
		err = context.Canceled
	}
	if err == nil {
		s.playback, err = r.mix.Play(src, opt)
	}
	if err != nil {
		r.finished(s)
		return
	}
	if s != r.sounds.music {
		r.tell("conference.play_started", nil, map[string]any{"file": s.path})
	}
}

// played takes the end of a playback.
func (r *room) played(ev media.PlaybackEnded) {
	q := &r.sounds
	switch {
	case q.current != nil && q.current.id == ev.ID:
		r.tell("conference.play_finished", nil, map[string]any{"file": q.current.path, "played_ms": ev.Played.Milliseconds()})
		r.finished(q.current)
	case q.music != nil && q.music.id == ev.ID:
		q.music = nil
		if !ev.Interrupted && ev.Err == nil && ev.Played > 0 {
			r.soundOfBeingAlone() // it is endless: begin again
		}
	default:
		for _, s := range q.others {
			if s.id == ev.ID {
				r.tell("conference.play_finished", nil, map[string]any{"file": s.path, "played_ms": ev.Played.Milliseconds()})
				r.finished(s)
				return
			}
		}
	}
}

// finished forgets a sound that is over.
func (r *room) finished(s *sound) {
	q := &r.sounds
	switch {
	case s == q.current:
		q.current = nil
		r.next()
	case s == q.music:
		q.music = nil
	}
	for i, o := range q.others {
		if o == s {
			q.others = append(q.others[:i], q.others[i+1:]...)
			return
		}
	}
}

// stop ends a sound, opened or not.
func (s *sound) stop() {
	s.stopped = true
	if s.playback != nil {
		s.playback.Stop()
	}
}

// soundOfBeingAlone begins or ends the music of who is alone, or waits for the
// moderator.
func (r *room) soundOfBeingAlone() {
	q := &r.sounds
	n := r.count()
	if n != 1 {
		q.alone = false
	} else if !q.alone && !r.waiting {
		q.alone = true
		r.announce(r.profile.AloneSound)
	}
	wanted := r.profile.MOHSound != "" && !q.mohOff && !r.over && (n == 1 || n > 0 && r.waiting)
	for _, m := range r.members {
		wanted = wanted && !m.noMOH
	}
	switch {
	case wanted && q.music == nil:
		q.music = &sound{id: core.NewID(), path: r.profile.MOHSound}
		r.open(q.music, media.PlayOptions{ID: q.music.id, Background: true})
	case !wanted && q.music != nil:
		q.music.stop()
		q.music = nil
	}
}

// hear lets the member alone hear a sound, over the room.
func (m *member) hear(path string) {
	if path == "" || m.media == nil {
		return
	}
	r, to := m.room, m.media
	full := r.path(path, m.session.Var("sound_prefix"))
	r.opening.Go(func() {
		src, err := r.m.deps.Sounds.Open(r.ctx, full, m.session.SampleRateHz())
		if err != nil {
			return // said once by Sounds
		}
		r.playTo(m, to, src)
	})
}

// playTo plays src to one member.
func (r *room) playTo(m *member, to media.Member, src media.Source) {
	p, err := to.Play(src, media.PlayOptions{ID: "conference " + core.NewID(), Mix: true})
	if err == nil {
		r.post(func() { m.playbacks = append(m.playbacks[max(0, len(m.playbacks)-7):], p) })
	}
}
