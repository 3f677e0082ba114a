package session

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// SnapshotVersion is written into every snapshot; a reader refuses others.
const SnapshotVersion = 1

// Snapshot is everything another process needs to carry the channel on: a
// plain value that encodes to JSON (design section 11).
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
	Variables map[string]string  `json:"variables"`
	Exports   map[string]string  `json:"exports,omitempty"`
	Peer      core.ChannelID     `json:"peer,omitempty"`
	App       string             `json:"app,omitempty"`
	AppArg    string             `json:"app_arg,omitempty"`
	Steps     []core.Step        `json:"steps,omitempty"` // what it went through
	HeldByFar bool               `json:"held_by_far,omitempty"`
	Cause     string             `json:"cause,omitempty"`
	Leg       *core.LegState     `json:"leg,omitempty"`
	Stream    *media.StreamState `json:"stream,omitempty"`
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
	info := s.Info(true)
	m.snap = Snapshot{
		Version: SnapshotVersion, ID: s.id, CallID: s.callID, Direction: s.direction, Endpoint: s.endpoint, Name: info.Name,
		State: info.State.String(), Progress: info.Progress.String(), Profile: info.Profile, Times: info.Times, Variables: info.Variables,
		Exports: s.Exports(), Peer: info.Peer, App: info.App, AppArg: info.AppArg, Steps: s.steps, HeldByFar: s.heldByFar,
	}
	if info.Cause != core.CauseNone {
		m.snap.Cause = info.Cause.String()
	}
	if s.leg != nil {
		st := s.leg.Snapshot()
		m.snap.Leg = &st
	}
	if s.stream != nil {
		st := s.stream.State()
		m.snap.Stream = &st
	}
	m.reply <- nil
}
