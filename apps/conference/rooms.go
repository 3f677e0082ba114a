package conference

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// Room is what there is to know of a room: a plain value.
type Room struct {
	Name       string    `json:"name"`
	ID         string    `json:"id"`
	Profile    string    `json:"profile"`
	RateHz     int       `json:"rate_hz"`
	Created    time.Time `json:"created_at"`
	Locked     bool      `json:"locked"`
	PIN        bool      `json:"pin"`     // one is asked for
	Waiting    bool      `json:"waiting"` // for a moderator
	MaxMembers int       `json:"max_members,omitempty"`
	Recordings []string  `json:"recordings,omitempty"`
	Members    []Member  `json:"members"`
}

// Member is what there is to know of a member: a plain value.
type Member struct {
	ID        int            `json:"id"`
	Leg       core.ChannelID `json:"leg_id"`
	Call      core.CallID    `json:"call_id"`
	Name      string         `json:"caller_id_name"`
	Number    string         `json:"caller_id_number"`
	Joined    time.Time      `json:"joined_at"`
	Muted     bool           `json:"muted"`
	Deaf      bool           `json:"deaf"`
	Moderator bool           `json:"moderator"`
	Ghost     bool           `json:"ghost,omitempty"`
	EndConf   bool           `json:"endconf,omitempty"`
	Talking   bool           `json:"talking"`
	Floor     bool           `json:"floor"`
	VolumeIn  int            `json:"volume_in"`
	VolumeOut int            `json:"volume_out"`
	Energy    int            `json:"energy_level"`
	Level     int            `json:"level"` // how loud it is now: mean magnitude
	TalkedMS  int64          `json:"talked_ms"`
}

// Rooms lists the live rooms, by name.
func (m *Module) Rooms() []Room {
	list := []Room{}
	for _, r := range m.all() {
		if v, err := r.view(); err == nil {
			list = append(list, v)
		}
	}
	return list
}

// Room returns one live room; core.ErrNotFound if there is none.
func (m *Module) Room(name string) (Room, error) {
	r, err := m.find(name)
	if err != nil {
		return Room{}, err
	}
	return r.view()
}

func (r *room) view() (Room, error) {
	var v Room
	err := r.ask(func() error {
		v = Room{
			Name: r.name, ID: r.id, Profile: r.profile.Name, RateHz: r.profile.Rate, Created: r.created, Locked: r.locked,
			PIN: r.pin != "" || r.modPIN != "", Waiting: r.waiting, MaxMembers: r.max, Members: []Member{},
		}
		for path := range r.records {
			v.Recordings = append(v.Recordings, path)
		}
		slices.Sort(v.Recordings)
		for _, m := range r.members {
			if m.here {
				v.Members = append(v.Members, m.view())
			}
		}
		return nil
	})
	return v, err
}

func (m *member) view() Member {
	stats := m.media.Stats()
	return Member{
		ID: m.id, Leg: m.session.ID(), Call: m.session.CallID(), Name: m.name, Number: m.number, Joined: m.since,
		Muted: m.mute, Deaf: m.deaf, Moderator: m.moderator, Ghost: m.ghost, EndConf: m.endconf, Talking: m.talking,
		Floor: m.room.floor == m.id, VolumeIn: m.volIn, VolumeOut: m.volOut, Energy: m.energy,
		Level: stats.Level, TalkedMS: stats.Talked.Milliseconds(),
	}
}

// Selection says which members a command is for: a number, "all", "last" (who
// joined last), "non_moderator", or a channel's id.
type Selection string

// each runs do for the members of a selection and returns their ids;
// core.ErrNotFound if there is none.
func (m *Module) each(name string, who Selection, do func(r *room, m *member) error) ([]int, error) {
	r, err := m.find(name)
	if err != nil {
		return nil, err
	}
	var ids []int
	err = r.ask(func() error {
		for _, o := range r.selected(who) {
			if err := do(r, o); err != nil {
				return err
			}
			ids = append(ids, o.id)
		}
		if len(ids) == 0 {
			return core.ErrNotFound
		}
		return nil
	})
	return ids, err
}

func (r *room) selected(who Selection) []*member {
	var list []*member
	for _, m := range r.members {
		switch {
		case !m.here:
		case who == "all", who == "non_moderator" && !m.moderator, string(who) == strconv.Itoa(m.id), string(who) == string(m.session.ID()):
			list = append(list, m)
		case who == "last":
			list = append(list[:0], m)
		}
	}
	return list
}

// Mute lets members be heard or not. quiet: they are not told.
func (m *Module) Mute(name string, who Selection, on, quiet bool) ([]int, error) {
	return m.each(name, who, func(_ *room, o *member) error { o.setMute(on, quiet); return nil })
}

// Deafen lets members hear or not.
func (m *Module) Deafen(name string, who Selection, on, quiet bool) ([]int, error) {
	return m.each(name, who, func(_ *room, o *member) error { o.setDeaf(on, quiet); return nil })
}

// Kick sends members out; quiet: without a word. Their dialplan goes on.
func (m *Module) Kick(name string, who Selection, quiet bool) ([]int, error) {
	why := errKicked
	if quiet {
		why = errHungUp
	}
	return m.each(name, who, func(_ *room, o *member) error { o.leave(why); return nil })
}

// VolumeIn sets how loud members are heard, from −4 to 4.
func (m *Module) VolumeIn(name string, who Selection, level int) ([]int, error) {
	return m.each(name, who, func(_ *room, o *member) error { o.setVolume(true, level); return nil })
}

// VolumeOut sets how loud members hear, from −4 to 4.
func (m *Module) VolumeOut(name string, who Selection, level int) ([]int, error) {
	return m.each(name, who, func(_ *room, o *member) error { o.setVolume(false, level); return nil })
}

// Energy sets from which level on members are heard, from 0 to 1800.
func (m *Module) Energy(name string, who Selection, level int) ([]int, error) {
	return m.each(name, who, func(_ *room, o *member) error { o.setEnergy(level); return nil })
}

// on runs do in the owner of a room.
func (m *Module) on(name string, do func(r *room) error) error {
	r, err := m.find(name)
	if err != nil {
		return err
	}
	return r.ask(func() error { return do(r) })
}

// Lock keeps others out, or lets them in again.
func (m *Module) Lock(name string, on bool) error {
	return m.on(name, func(r *room) error { r.setLocked(on); return nil })
}

// SetPIN asks for a PIN from now on; an empty one asks no more, moderators neither.
func (m *Module) SetPIN(name, pin string) error {
	if strings.Trim(pin, "0123456789") != "" {
		return errors.New("a PIN is digits")
	}
	return m.on(name, func(r *room) error {
		if r.pin = pin; pin == "" {
			r.modPIN = ""
		}
		return nil
	})
}

// Record begins to record a room; a relative path is below the recordings folder.
func (m *Module) Record(ctx context.Context, name, path string) error {
	r, err := m.find(name)
	if err != nil {
		return err
	}
	return r.record(ctx, path)
}

// StopRecord ends the recording to path, or "all", and returns how many ended.
func (m *Module) StopRecord(name, path string) (n int, err error) {
	if path != "all" {
		path = m.recordPath(path)
	}
	err = m.on(name, func(r *room) error { n = r.stopRecording(path); return nil })
	return n, err
}

// Play lets all hear a sound: behind those that wait, or at once (async). With
// a selection only these hear it. The error wraps fs.ErrNotExist if there is no
// such file.
func (m *Module) Play(ctx context.Context, name, path string, who Selection, async bool) error {
	r, err := m.find(name)
	if err != nil {
		return err
	}
	if who != "" {
		return m.playTo(ctx, r, path, who)
	}
	src, err := m.deps.Sounds.Open(ctx, r.path(path, ""), r.profile.Rate)
	if err != nil {
		return err
	}
	s := &sound{id: core.NewID(), path: path, src: src}
	err = r.ask(func() error {
		switch {
		case r.over:
			return core.ErrNotFound
		case async:
			r.sounds.others = append(r.sounds.others, s)
			r.open(s, media.PlayOptions{ID: s.id})
		default:
			r.enqueue(s)
		}
		return nil
	})
	if err != nil {
		_ = src.Close()
	}
	return err
}

func (m *Module) playTo(ctx context.Context, r *room, path string, who Selection) error {
	var list []*member
	if err := r.ask(func() error { list = r.selected(who); return nil }); err != nil {
		return err
	}
	if len(list) == 0 {
		return core.ErrNotFound
	}
	for _, o := range list {
		src, err := m.deps.Sounds.Open(ctx, r.path(path, ""), o.session.SampleRateHz())
		if err != nil {
			return err
		}
		r.playTo(o, o.media, src)
	}
	return nil
}

// Stop ends what a room plays: "current", "async", "last" or "all"; with a
// selection, what these members alone hear. It returns how many sounds ended.
func (m *Module) Stop(name, what string, who Selection) (n int, err error) {
	err = m.on(name, func(r *room) error {
		if who != "" {
			for _, o := range r.selected(who) {
				for _, p := range o.playbacks {
					p.Stop()
					n++
				}
				o.playbacks = nil
			}
			return nil
		}
		n = r.stopSounds(what)
		return nil
	})
	return n, err
}

func (r *room) stopSounds(what string) int {
	q := &r.sounds
	var list []*sound
	if q.current != nil && (what == "current" || what == "all") {
		list = append(list, q.current)
	}
	if what == "all" {
		for _, s := range q.queue {
			if s.src != nil {
				_ = s.src.Close()
			}
		}
		q.queue = nil
	}
	if what == "async" || what == "all" {
		list = append(list, q.others...)
	}
	if what == "last" {
		if n := len(q.others); n > 0 {
			list = append(list, q.others[n-1])
		} else if q.current != nil {
			list = append(list, q.current)
		}
	}
	for _, s := range list {
		s.stop()
	}
	return len(list)
}

// Dial calls somebody into a room, which is opened if there is none when the
// call is answered, and returns the new channel's id at once.
func (m *Module) Dial(ctx context.Context, name, profile, dial, number, callerName string) (core.ChannelID, error) {
	if m.deps.Switch == nil {
		return "", core.ErrUnsupported
	}
	p := m.config().profile(cmp.Or(profile, defaultProfile))
	if r, err := m.find(name); err == nil {
		name, p = r.name, r.profile
	}
	_, id, err := m.deps.Switch.Originate(ctx, core.OriginateRequest{
		From: dial, App: "conference", AppArgs: name + "@" + p.Name,
		CallerIDNumber: cmp.Or(number, p.CallerIDNumber), CallerIDName: cmp.Or(callerName, p.CallerIDName),
	})
	return id, err
}
