package session

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// SnapshotVersion is written into every snapshot; a reader refuses others.
const SnapshotVersion = 2

// Snapshot is everything another process needs to carry the channel on: a
// plain value that encodes to JSON and back without loss (design section 11).
type Snapshot struct {
	Version   int                `json:"version"`
	ID        core.ChannelID     `json:"id"`
	CallID    core.CallID        `json:"call_id"`
	Direction core.Direction     `json:"direction"`
	Endpoint  string             `json:"endpoint"`
	Name      string             `json:"name"`
	State     string             `json:"state"`
	Progress  string             `json:"progress"`
	Profile   core.CallerProfile `json:"profile"`
	Times     core.Times         `json:"times"`
	Begun     time.Time          `json:"begun"` // of the caller profile

	Variables  map[string]string `json:"variables"`
	Exports    []string          `json:"exports,omitempty"`     // names of variables that go to B legs
	ExportOnly map[string]string `json:"export_only,omitempty"` // variables that only B legs get
	Digits     string            `json:"digits,omitempty"`      // pressed, and not asked for yet
	Dialed     string            `json:"dialed,omitempty"`      // all that were pressed

	Lists  []SnapshotList  `json:"lists,omitempty"` // where the dialplan is, the innermost list last
	App    string          `json:"app,omitempty"`   // what runs
	AppArg string          `json:"app_arg,omitempty"`
	Steps  []core.Step     `json:"steps,omitempty"` // what it went through
	Bridge *SnapshotBridge `json:"bridge,omitempty"`

	HeldByFar bool           `json:"held_by_far,omitempty"`
	HeldByUs  bool           `json:"held_by_us,omitempty"`
	Holds     []SnapshotHold `json:"holds,omitempty"` // the last one may have no end yet
	Executed  uint32         `json:"executed,omitempty"`

	Cause     string             `json:"cause,omitempty"`
	HungUpBy  core.Hanger        `json:"hung_up_by,omitempty"`
	SIPStatus int                `json:"sip_status,omitempty"`
	LastPeer  core.ChannelID     `json:"last_peer,omitempty"`
	Offered   []media.Format     `json:"offered,omitempty"`
	Offer     *media.Description `json:"offer,omitempty"` // the far end's, not answered yet
	LateOffer bool               `json:"late_offer,omitempty"`
	Described bool               `json:"described,omitempty"` // our answer, or late offer, was sent
	Taps      []string           `json:"taps,omitempty"`      // recordings by name
	Leg       *core.LegState     `json:"leg,omitempty"`
	Stream    *media.StreamState `json:"stream,omitempty"`
}

// SnapshotList is one list of steps that runs: the dialplan's, or one of
// execute_extension inside of it.
type SnapshotList struct {
	Steps []SnapshotStep `json:"steps"`
	Index int            `json:"index"` // of the step that runs
}

// SnapshotStep is one step and what becomes of it after a take-over.
type SnapshotStep struct {
	core.Step
	Resume string `json:"resume"` // restart, skip or continue
}

// SnapshotBridge is the bridge a channel is in.
type SnapshotBridge struct {
	Peer  core.ChannelID `json:"peer"`
	Role  Role           `json:"role"`
	Since time.Time      `json:"since"`
}

// SnapshotHold is one time on hold.
type SnapshotHold struct {
	On  time.Time `json:"on"`
	Off time.Time `json:"off,omitzero"`
}

// Snapshot asks the owner for the channel's whole state.
func (s *Session) Snapshot(ctx context.Context) (Snapshot, error) {
	reply := make(chan error, 1)
	m := &snapshotRequest{reply: reply}
	err := s.ask(ctx, m, reply)
	return m.snap, err
}

type snapshotRequest struct {
	snap  Snapshot // written before the reply
	reply chan<- error
}

func (m *snapshotRequest) handle(s *Session) {
	m.snap = s.facts.snapshot()
	p := &m.snap
	p.Version, p.ID, p.CallID, p.Direction, p.Endpoint = SnapshotVersion, s.id, s.callID, s.direction, s.endpoint
	p.Profile.UUID = s.id
	p.Digits, p.Executed = s.digits.String(), s.executed.Load()
	p.HeldByFar, p.HeldByUs = s.hold.far, s.hold.us
	p.SIPStatus, p.LateOffer, p.Described, p.Offer = s.sipStatus, s.lateOffer, s.described, s.offer.Clone()
	p.Taps = sortedKeys(s.taps)
	for i := range p.Lists {
		for j := range p.Lists[i].Steps {
			st := &p.Lists[i].Steps[j]
			app, _ := s.cfg.Deps.Apps.App(st.App)
			st.Resume = resumeWord(app.Resume)
		}
	}
	if s.leg != nil {
		st := s.leg.Snapshot()
		p.Leg = &st
	}
	if s.stream != nil {
		st := s.stream.State()
		p.Stream = &st
	}
	m.reply <- nil
}

func resumeWord(k core.ResumeKind) string {
	switch k {
	case core.ResumeSkip:
		return "skip"
	case core.ResumeContinue:
		return "continue"
	}
	return "restart"
}

// snapshot is the part of a snapshot that facts hold.
func (f *facts) snapshot() Snapshot {
	vars := f.all()
	f.mu.Lock()
	defer f.mu.Unlock()
	p := Snapshot{
		Name: f.name, State: f.state.String(), Progress: f.progress.String(), Profile: f.profile, Times: f.times, Begun: f.begun,
		Variables: vars, Exports: slices.Clone(f.exports), ExportOnly: maps.Clone(f.bLegOnly), Dialed: string(f.dialed),
		Steps: slices.Clone(f.steps), App: f.app, AppArg: f.arg, LastPeer: f.lastPeer, Offered: slices.Clone(f.offered), HungUpBy: f.by,
	}
	if f.cause != core.CauseNone {
		p.Cause = f.cause.String()
	}
	if f.peer != "" {
		p.Bridge = &SnapshotBridge{Peer: f.peer, Role: f.role, Since: f.times.Bridged}
	}
	for _, fr := range f.at {
		l := SnapshotList{Index: fr.index, Steps: make([]SnapshotStep, len(fr.steps))}
		for i, st := range fr.steps {
			l.Steps[i].Step = st
		}
		p.Lists = append(p.Lists, l)
	}
	for _, h := range f.holds.spans {
		p.Holds = append(p.Holds, SnapshotHold{h.on, h.off})
	}
	if !f.holds.since.IsZero() {
		p.Holds = append(p.Holds, SnapshotHold{On: f.holds.since})
	}
	return p
}
