package conference

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// controlTable is what keys can do; run by the room's owner.
var controlTable = map[string]func(r *room, m *member, c control){
	"mute":            func(_ *room, m *member, _ control) { m.setMute(!m.mute, false) },
	"mute on":         func(_ *room, m *member, _ control) { m.setMute(true, false) },
	"mute off":        func(_ *room, m *member, _ control) { m.setMute(false, false) },
	"deaf":            func(_ *room, m *member, _ control) { m.setDeaf(!m.deaf, false) },
	"deaf on":         func(_ *room, m *member, _ control) { m.setDeaf(true, false) },
	"deaf off":        func(_ *room, m *member, _ control) { m.setDeaf(false, false) },
	"deaf mute":       deafMute,
	"energy up":       func(_ *room, m *member, _ control) { m.setEnergy(m.energy + energyStep) },
	"energy dn":       func(_ *room, m *member, _ control) { m.setEnergy(m.energy - energyStep) },
	"energy equ":      func(r *room, m *member, _ control) { m.setEnergy(r.profile.energy()) },
	"vol talk up":     func(_ *room, m *member, _ control) { m.setVolume(true, m.volIn+1) },
	"vol talk dn":     func(_ *room, m *member, _ control) { m.setVolume(true, m.volIn-1) },
	"vol talk zero":   func(_ *room, m *member, _ control) { m.setVolume(true, 0) },
	"vol listen up":   func(_ *room, m *member, _ control) { m.setVolume(false, m.volOut+1) },
	"vol listen dn":   func(_ *room, m *member, _ control) { m.setVolume(false, m.volOut-1) },
	"vol listen zero": func(_ *room, m *member, _ control) { m.setVolume(false, 0) },
	"hangup":          func(_ *room, m *member, _ control) { m.leave(errByKey) },
	"lock":            func(r *room, _ *member, _ control) { r.setLocked(!r.locked) },
	"floor":           func(r *room, m *member, _ control) { r.giveFloor(m) },
	"moh toggle":      func(r *room, _ *member, _ control) { r.sounds.mohOff = !r.sounds.mohOff; r.soundOfBeingAlone() },
	"event": func(r *room, m *member, c control) {
		r.tell("conference.key", m, map[string]any{"data": c.data})
	},
	// Carried out by the member's application, see mindKeys.
	"transfer":            nil,
	"execute_application": nil,
}

const energyStep = 200

// deafMute switches both: who is neither or half becomes both.
func deafMute(_ *room, m *member, _ control) {
	on := !(m.mute && m.deaf)
	m.setMute(on, false)
	m.setDeaf(on, false)
}

// idle is how long one wait for a key is.
const idle = time.Hour

// mindKeys carries out what the member's keys ask for until its stay ends, and
// returns why it did.
func (r *room) mindKeys(ctx context.Context, s core.Session, m *member) error {
	keys := r.m.config().controls(r.profile, m.moderator)
	var pressed string
	for {
		timeout := idle
		if pressed != "" {
			timeout = r.profile.DTMFTimeout
		}
		d, ok, err := s.Digit(ctx, timeout)
		if err != nil {
			if why := context.Cause(ctx); why != nil {
				return why
			}
			return err
		}
		if ok {
			pressed += string(d)
		}
		c, rest := match(keys, pressed, !ok)
		pressed = rest
		if c.action == "" {
			continue
		}
		if err := r.obey(ctx, s, m, c); err != nil {
			return err
		}
	}
}

// match looks up what was pressed. An action that is also the beginning of a
// longer one waits until the time is over. What matches nothing is forgotten
// but for its last key, which may begin another one.
func match(keys controls, pressed string, over bool) (c control, rest string) {
	if pressed == "" {
		return control{}, ""
	}
	longer := slices.ContainsFunc(slices.Collect(maps.Keys(keys)), func(k string) bool { return len(k) > len(pressed) && strings.HasPrefix(k, pressed) })
	switch found, ok := keys[pressed]; {
	case longer && !over:
		return control{}, pressed
	case ok:
		return found, ""
	case len(pressed) > 1 && !over:
		return match(keys, pressed[len(pressed)-1:], false)
	}
	return control{}, ""
}

// obey carries out one control; an error ends the stay.
func (r *room) obey(ctx context.Context, s core.Session, m *member, c control) error {
	switch c.action {
	case "transfer":
		place := strings.Fields(c.data)
		for len(place) < 3 {
			place = append(place, "")
		}
		if err := s.Transfer(place[0], place[1], place[2]); err != nil {
			s.Journal(core.JournalEntry{Kind: core.JournalApp, Sentence: "conference transfer failed", Data: []any{"err", err.Error()}})
		}
		return nil
	case "execute_application":
		app, args, _ := strings.Cut(c.data, " ")
		if err := s.Execute(ctx, app, args); err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	r.post(func() {
		if m.place() >= 0 {
			controlTable[c.action](r, m, c)
		}
	})
	return nil
}
