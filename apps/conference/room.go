package conference

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// room is one live room. Its owner is the goroutine of run; everybody else
// posts to it.
type room struct {
	// Immutable after newRoom.
	m       *Module
	name    string
	id      string
	profile *Profile
	created time.Time
	mix     media.Room
	ctx     context.Context // ends with the room
	cancel  context.CancelFunc
	done    chan struct{}
	wake    chan struct{}

	held int // Guarded by Module.mu: who is in, or on the way in.

	mu    sync.Mutex
	box   []func() // Guarded by mu.
	ended bool     // Guarded by mu: nobody reads the box any more.

	opening sync.WaitGroup // sounds that are being opened

	// Owned by run.
	over    bool
	members []*member // by id
	lastID  int
	pin     string
	modPIN  string
	locked  bool
	max     int
	waiting bool // for a moderator
	floor   int  // id of who has the word; 0: nobody
	sounds  sounds
	records map[string]*recording
	auto    bool // the automatic recording was begun
	joined  int  // members so far
	peak    int
	grace   *time.Timer // until the room ends after endconf
}

// newRoom returns a room that waits for run. ctx lends its values, not its end.
func newRoom(ctx context.Context, m *Module, name string, p *Profile) *room {
	r := &room{
		m: m, name: name, id: core.NewID(), profile: p, created: time.Now(), done: make(chan struct{}), wake: make(chan struct{}, 1),
		pin: p.PIN, modPIN: p.ModeratorPIN, max: p.MaxMembers, records: map[string]*recording{}, waiting: p.has("wait-mod"),
	}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

func (r *room) key() string { return strings.ToLower(r.name) }

// post queues work for the owner; false when the room has ended. It never blocks.
func (r *room) post(work func()) bool {
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return false
	}
	r.box = append(r.box, work)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return true
}

// ask posts work and waits until it was done.
func (r *room) ask(work func() error) error {
	reply := make(chan error, 1)
	if !r.post(func() { reply <- work() }) {
		return core.ErrNotFound
	}
	select {
	case err := <-reply:
		return err
	case <-r.done:
		select {
		case err := <-reply:
			return err
		default:
			return core.ErrNotFound
		}
	}
}

// run is the owner.
func (r *room) run() {
	defer close(r.done)
	r.tell("conference.created", nil, map[string]any{"profile": r.profile.Name, "rate_hz": r.profile.Rate})
	for !r.over {
		<-r.wake
		for _, work := range r.take() {
			r.guard(work)
		}
	}
	r.cancel()
	r.mu.Lock()
	r.ended = true
	late := r.box
	r.box = nil
	r.mu.Unlock()
	for _, work := range late { // they see that the room is over
		r.guard(work)
	}
	r.opening.Wait()
}

func (r *room) take() []func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	box := r.box
	r.box = nil
	return box
}

// guard ends the room, and nothing else, when a step panics (design rule C11).
func (r *room) guard(work func()) {
	defer func() {
		if p := recover(); p != nil {
			r.m.deps.Log.Error("panic in conference", "room", r.name, "err", p)
			r.dismiss(fmt.Errorf("conference: %v", p))
		}
	}()
	work()
}

// end is posted when nobody is left.
func (r *room) end() {
	if r.over {
		return
	}
	r.over = true
	if r.grace != nil {
		r.grace.Stop()
	}
	for path := range r.records {
		r.stopRecording(path)
	}
	r.mix.Close()
	r.m.deps.Presence.Publish(r.presenceKey(), "")
	r.tell("conference.ended", nil, map[string]any{"duration_ms": time.Since(r.created).Milliseconds(), "members_total": r.joined, "members_peak": r.peak})
}

// dismiss sends everybody out; the room ends with the last one.
func (r *room) dismiss(why error) {
	for _, m := range slices.Clone(r.members) {
		m.leave(why)
	}
}

// tell publishes an event of the room, or of one of its members.
func (r *room) tell(kind string, m *member, more map[string]any) {
	n := core.Notice{Type: kind, Time: time.Now(), Data: map[string]any{"conference": r.name, "conference_id": r.id, "members": len(r.members)}}
	if m != nil {
		n.CallID, n.LegID = m.session.CallID(), m.session.ID()
		n.Data["member"] = m.id
		n.Data["caller_id_name"], n.Data["caller_id_number"] = m.name, m.number
		n.Data["moderator"] = m.moderator
	}
	for k, v := range more {
		n.Data[k] = v
	}
	r.m.deps.Events.Publish(n)
}

func (r *room) presenceKey() string {
	if r.profile.Domain != "" && !strings.Contains(r.name, "@") {
		return "conf+" + r.name + "@" + r.profile.Domain
	}
	return "conf+" + r.name
}

// showPresence publishes how many callers are in.
func (r *room) showPresence() {
	state := ""
	if n := len(r.members); n == 1 {
		state = "active (1 caller)"
	} else if n > 1 {
		state = "active (" + strconv.Itoa(n) + " callers)"
	}
	r.m.deps.Presence.Publish(r.presenceKey(), state)
}

// Why a member may not come in.
var (
	errLocked = errors.New("conference: the room is locked")
	errFull   = errors.New("conference: the room is full")
	errEmpty  = errors.New("conference: the room does not exist, and this member may only join one that does")
)

// admit is asked before the PIN: is there a place?
func (r *room) admit(flags flags) error {
	switch {
	case r.over:
		return core.ErrNotFound
	case r.locked:
		return errLocked
	case r.max > 0 && r.count() >= r.max:
		return errFull
	case flags.joinOnly && r.count() == 0:
		return errEmpty
	}
	return nil
}

// count is how many members there are whom others know of.
func (r *room) count() int {
	n := 0
	for _, m := range r.members {
		if !m.ghost {
			n++
		}
	}
	return n
}

// add makes m a member: it gets its number. The media follow.
func (r *room) add(m *member) error {
	if err := r.admit(m.flags); err != nil {
		return err
	}
	r.lastID++
	m.id = r.lastID
	r.members = append(r.members, m)
	return nil
}

// came completes the joining of a member whose media is in the room.
func (r *room) came(m *member) {
	if r.over || m.place() < 0 {
		return
	}
	m.here = true
	r.joined++
	r.peak = max(r.peak, r.count())
	if r.grace != nil && m.endconf {
		r.grace.Stop()
		r.grace = nil
	}
	if r.waiting && m.moderator {
		r.waiting = false
		for _, o := range r.members {
			o.applyMute()
		}
	}
	m.applyMute()
	r.tell("conference.member_joined", m, map[string]any{"muted": m.mute, "deaf": m.deaf})
	r.showPresence()
	if r.count() > 1 && !m.ghost {
		r.announce(r.profile.EnterSound)
	}
	if r.profile.MemberEnterSound != "" {
		m.hear(r.profile.MemberEnterSound)
	}
	r.soundOfBeingAlone()
	r.autoRecord(m)
}

// gone takes a member out, for whatever reason.
func (r *room) gone(m *member, why error) {
	i := m.place()
	if i < 0 {
		return
	}
	r.members = slices.Delete(r.members, i, i+1)
	r.passFloor(m)
	if r.floor == m.id {
		r.floor = 0
	}
	if !m.here {
		return
	}
	r.tell("conference.member_left", m, map[string]any{"reason": reasonOf(why), "duration_ms": time.Since(m.since).Milliseconds()})
	r.showPresence()
	if !m.ghost && r.count() > 0 {
		r.announce(r.profile.ExitSound)
	}
	r.mayEnd(m)
	if r.profile.has("wait-mod") && !r.waiting && !slices.ContainsFunc(r.members, func(o *member) bool { return o.moderator }) {
		r.waiting = true
		for _, o := range r.members {
			o.applyMute()
		}
	}
	r.soundOfBeingAlone()
}

// reasonOf is a word for events.
func reasonOf(why error) string {
	switch {
	case errors.Is(why, errKicked):
		return "kicked"
	case errors.Is(why, errHungUp):
		return "hung_up"
	case errors.Is(why, errConferenceOver):
		return "conference_over"
	case errors.Is(why, errShutdown):
		return "shutdown"
	case errors.Is(why, errElsewhere):
		return "moved"
	case errors.Is(why, errByKey), why == nil:
		return "left"
	case errors.Is(why, core.ErrEnded):
		return "call_ended"
	default:
		return "failed"
	}
}

// mayEnd ends the room when the last member that keeps it up has left.
func (r *room) mayEnd(left *member) {
	keeps := func(o *member) bool { return o.endconf }
	switch {
	case left.endconf && !slices.ContainsFunc(r.members, keeps):
		if r.profile.EndconfGrace <= 0 {
			r.dismiss(errConferenceOver)
			return
		}
		r.grace = time.AfterFunc(r.profile.EndconfGrace, func() {
			r.post(func() {
				if !slices.ContainsFunc(r.members, keeps) {
					r.dismiss(errConferenceOver)
				}
			})
		})
	case r.count() < 2 && slices.ContainsFunc(append(slices.Clone(r.members), left), func(o *member) bool { return o.mintwo }):
		r.dismiss(errConferenceOver)
	}
}

// heard takes the engine's events.
func (r *room) heard(ev media.RoomEvent) {
	switch ev := ev.(type) {
	case media.MemberTalks:
		r.talks(ev)
	case media.MemberLeft:
		if m := r.member(ev.ID); m != nil {
			m.leave(errElsewhere)
		}
	case media.PlaybackEnded:
		r.played(ev)
	}
}

// member finds one by the engine's word for it.
func (r *room) member(id string) *member {
	n, err := strconv.Atoi(id)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(r.members, func(m *member) bool { return m.id == n })
	if i < 0 {
		return nil
	}
	return r.members[i]
}

// talks notes who talks, and who has the floor: the first who talks keeps it
// until it is silent and another talks.
func (r *room) talks(ev media.MemberTalks) {
	m := r.member(ev.ID)
	if m == nil {
		return
	}
	silenced := m.mute || r.waiting && !m.moderator
	m.talking = ev.Talking && !silenced
	switch {
	case silenced && ev.Talking:
		if m.detect {
			m.hear(r.profile.MuteDetectSound)
		}
		r.tell("conference.mute_detected", m, nil)
		return
	case ev.Talking:
		r.tell("conference.talking_started", m, nil)
	default:
		r.tell("conference.talking_stopped", m, nil)
	}
	holder := r.member(strconv.Itoa(r.floor))
	switch {
	case m.talking && (holder == nil || !holder.talking):
		r.giveFloor(m)
	case !m.talking:
		r.passFloor(m)
	}
}

// passFloor gives the floor to another who talks, if m had it.
func (r *room) passFloor(m *member) {
	if r.floor != m.id {
		return
	}
	if i := slices.IndexFunc(r.members, func(o *member) bool { return o != m && o.talking }); i >= 0 {
		r.giveFloor(r.members[i])
	}
}

func (r *room) giveFloor(m *member) {
	if r.floor != m.id {
		r.floor = m.id
		r.tell("conference.floor_changed", m, nil)
	}
}

// setLocked locks or unlocks the room.
func (r *room) setLocked(on bool) {
	if r.locked == on {
		return
	}
	r.locked = on
	if on {
		r.tell("conference.locked", nil, nil)
		r.announce(r.profile.IsLockedSound)
		return
	}
	r.tell("conference.unlocked", nil, nil)
	r.announce(r.profile.IsUnlockedSound)
}
