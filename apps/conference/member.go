package conference

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// flags are what a member may and shall do.
type flags struct {
	mute, deaf, moderator, noMOH, endconf, mintwo, ghost, joinOnly, detect bool
}

func (f *flags) set(names []string) {
	for _, name := range names {
		switch name {
		case "mute":
			f.mute = true
		case "deaf":
			f.deaf = true
		case "moderator":
			f.moderator = true
		case "nomoh":
			f.noMOH = true
		case "endconf", "mandatory_member_endconf":
			f.endconf = true
		case "mintwo":
			f.mintwo = true
		case "ghost":
			f.ghost = true
		case "join-only":
			f.joinOnly = true
		case "mute-detect":
			f.detect = true
		}
	}
}

// member is one who is in a room, or on the way in.
type member struct {
	// Immutable after join.
	room         *room
	session      core.Session
	name, number string
	out          context.CancelCauseFunc // ends its application's stay

	// Owned by the room's owner.
	flags
	id        int
	media     media.Member // nil until its sound is in the room
	here      bool         // the others know of it
	since     time.Time
	energy    int
	volIn     int // −4 to 4
	volOut    int
	talking   bool
	leaving   bool
	playbacks []media.Playback // heard by it alone
}

// Why a stay ends.
var (
	errKicked         = errors.New("conference: kicked")
	errHungUp         = errors.New("conference: hung up by command")
	errByKey          = errors.New("conference: left by key")
	errElsewhere      = errors.New("conference: the call was connected elsewhere")
	errConferenceOver = errors.New("conference: it is over")
)

// place is where it stands in the list of members; −1: not there.
func (m *member) place() int { return slices.Index(m.room.members, m) }

// leave ends the stay; its application does the rest.
func (m *member) leave(why error) {
	if !m.leaving {
		m.leaving = true
		m.out(why)
	}
}

// applyMute tells the engine whether the member may be heard.
func (m *member) applyMute() {
	if m.media != nil {
		m.media.SetMute(m.mute || m.room.waiting && !m.moderator)
	}
}

func (m *member) setMute(on, quiet bool) {
	if m.mute == on {
		return
	}
	m.mute = on
	m.applyMute()
	if on {
		m.talking = false
		m.room.passFloor(m)
	}
	kind, sound := "conference.member_unmuted", m.room.profile.UnmutedSound
	if on {
		kind, sound = "conference.member_muted", m.room.profile.MutedSound
	}
	m.room.tell(kind, m, nil)
	if !quiet {
		m.hear(sound)
	}
}

func (m *member) setDeaf(on, quiet bool) {
	if m.deaf == on {
		return
	}
	m.deaf = on
	if m.media != nil {
		m.media.SetDeaf(on)
	}
	kind, sound := "conference.member_undeaf", m.room.profile.UndeafSound
	if on {
		kind, sound = "conference.member_deaf", m.room.profile.DeafSound
	}
	m.room.tell(kind, m, nil)
	if !quiet {
		m.hear(sound)
	}
}

// gainTable is FreeSWITCH's: factors 0.2, 0.4, 0.6, 0.8, 1, 1.3, 2.3, 3.3 and
// 4.3 for the volumes −4 to 4, in decibels.
var gainTable = [...]float64{-13.98, -7.96, -4.44, -1.94, 0, 2.28, 7.23, 10.37, 12.67}

const maxVolume = 4

// setVolume sets what it says (in) or hears, from −4 to 4.
func (m *member) setVolume(in bool, level int) {
	level = min(max(level, -maxVolume), maxVolume)
	gain := gainTable[level+maxVolume]
	kind := "conference.volume_out"
	if in {
		m.volIn, kind = level, "conference.volume_in"
		if m.media != nil {
			m.media.SetGainIn(gain)
		}
	} else {
		m.volOut = level
		if m.media != nil {
			m.media.SetGainOut(gain)
		}
	}
	m.room.tell(kind, m, map[string]any{"volume": level})
}

// maxEnergy is FreeSWITCH's highest level.
const maxEnergy = 1800

func (m *member) setEnergy(level int) {
	m.energy = min(max(level, 0), maxEnergy)
	if m.media != nil {
		m.media.SetEnergy(m.energy)
	}
	m.room.tell("conference.energy_level", m, map[string]any{"energy_level": m.energy})
}

// config is how the member begins in the engine.
func (m *member) config() media.MemberConfig {
	return media.MemberConfig{
		ID: strconv.Itoa(m.id), Mute: m.mute || m.room.waiting && !m.moderator, Deaf: m.deaf, Energy: m.energy,
		GainIn: gainTable[m.volIn+maxVolume], GainOut: gainTable[m.volOut+maxVolume],
	}
}
