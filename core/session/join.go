package session

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
)

// Role is a channel's part in a bridge.
type Role string

// Who made the bridge, and who was called for it: FreeSWITCH's words.
const (
	Originator Role = "originator"
	Originatee Role = "originatee"
)

// Joined is how far a channel was when it joined a bridge, so that nothing that
// happened before is missed: its milestones went to another watcher.
type Joined struct {
	Progress core.Progress
	Held     bool
}

// Join puts the channel into a bridge with peer: its state becomes Bridged and
// w sees its milestones from then on. Once ctx has ended it is refused.
func (s *Session) Join(ctx context.Context, peer *Session, role Role, w Watcher) (Joined, error) {
	reply := make(chan error, 1)
	m := &joinRequest{peer: peer, role: role, watcher: w, reply: reply}
	err := s.ask(ctx, m, reply)
	return m.joined, err
}

type joinRequest struct {
	peer    *Session
	role    Role
	watcher Watcher
	reply   chan<- error
	joined  Joined // written before the reply
}

func (m *joinRequest) handle(s *Session) {
	if err := s.step(channel.Joined, 0, ""); err != nil {
		m.reply <- err
		return
	}
	if s.ch.State() != core.StateBridged {
		m.reply <- s.endedError()
		return
	}
	s.watcher = m.watcher
	s.background.end()
	s.facts.setPeer(m.peer.id, m.role)
	s.facts.setAll(map[string]string{
		"bridge_uuid": string(m.peer.id), "bridge_channel": m.peer.Name(), "bridge_to": string(m.peer.id), "last_bridge_to": string(m.peer.id),
		"signal_bond": string(m.peer.id), "last_bridge_role": string(m.role),
	})
	m.joined = Joined{Progress: s.facts.currentProgress(), Held: s.hold.on()}
	m.reply <- nil
}

// Forget lets w see nothing more of s: it lost interest before another
// watcher took its place.
func (s *Session) Forget(w Watcher) { s.post(forgetRequest{w}) }

type forgetRequest struct{ w Watcher }

func (m forgetRequest) handle(s *Session) {
	if s.watcher == m.w {
		s.watcher = nil
	}
}

// Hear lets the far end hear the early media of peer, which it is not joined
// with; nil ends it.
func (s *Session) Hear(peer *Session) { s.post(hearRequest{peer}) }

type hearRequest struct{ peer *Session }

func (m hearRequest) handle(s *Session) {
	if !s.alive() || s.ch.State() == core.StateBridged || s.stream == nil {
		return
	}
	if m.peer == nil {
		s.stream.Split()
		return
	}
	other := m.peer.facts.currentStream()
	if other == nil {
		return
	}
	s.background.end()
	if err := s.stream.Join(other); err != nil {
		s.log.Warn("early media not joined", "err", err)
	}
}

// Connect joins the media of s with those of peer; both must be in the bridge.
func (s *Session) Connect(peer *Session) { s.post(connectRequest{peer}) }

type connectRequest struct{ peer *Session }

func (m connectRequest) handle(s *Session) {
	other := m.peer.facts.currentStream()
	if s.ch.State() != core.StateBridged || s.stream == nil || other == nil {
		return
	}
	if err := s.stream.Join(other); err != nil {
		s.log.Warn("media not joined", "err", err)
	}
}

// Disconnect splits the media of a bridge that goes on (the peer is on hold).
func (s *Session) Disconnect() { s.post(disconnectRequest{}) }

type disconnectRequest struct{}

func (disconnectRequest) handle(s *Session) {
	if s.stream != nil {
		s.stream.Split()
	}
}

// Leave takes the channel out of its bridge; its application runs on, or it
// waits.
func (s *Session) Leave() {
	reply := make(chan error, 1)
	_ = s.await(leaveRequest{reply}, reply)
}

type leaveRequest struct{ reply chan<- error }

func (m leaveRequest) handle(s *Session) {
	if s.ch.State() == core.StateBridged {
		_ = s.step(channel.Split, 0, "")
		s.unjoin()
	}
	m.reply <- nil
}

// leaveBridge carries out channel.LeaveBridge: the channel goes elsewhere.
func (s *Session) leaveBridge() {
	if s.ch.State() < core.StateHangup {
		s.saw(SawLeft{}) // a hangup is told by SawEnded
		s.unjoin()
	}
}

func (s *Session) unjoin() {
	s.watcher = nil
	s.facts.setPeer("", "")
	s.background.end()
	if s.stream != nil {
		s.stream.Split()
	}
}

// Bridged tells the world that a bridge with peer begins; its A side does.
func (s *Session) Bridged(peer *Session) {
	s.announce("call.bridged", map[string]any{"peer": string(peer.id)})
	s.Journal(core.JournalEntry{Kind: core.JournalState, Sentence: "bridged", Data: []any{"peer", string(peer.id)}})
}

// Unbridged is the end of Bridged.
func (s *Session) Unbridged(peer *Session) {
	s.announce("call.unbridged", map[string]any{"peer": string(peer.id)})
}

// Ended returns why the channel ended and by whom; CauseNone while it lives.
func (s *Session) Ended() (core.Cause, core.Hanger) { return s.facts.ended() }
