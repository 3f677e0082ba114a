package session

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/channel"
	"github.com/tandemswitch/tandem/media"
)

// Join puts the channel into a bridge with peer: its state becomes Bridged and
// w sees its milestones from then on. It returns the progress at that moment,
// so that nothing that happened before is missed.
func (s *Session) Join(ctx context.Context, peer *Session, w Watcher) (core.Progress, error) {
	reply := make(chan error, 1)
	m := &joinRequest{peer: peer, watcher: w, reply: reply}
	err := s.ask(ctx, m, reply)
	return m.progress, err
}

type joinRequest struct {
	peer     *Session
	watcher  Watcher
	reply    chan<- error
	progress core.Progress // written before the reply
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
	s.stopBackground()
	s.facts.setPeer(m.peer.id)
	s.facts.set("bridge_uuid", string(m.peer.id))
	s.facts.set("bridge_channel", m.peer.Name())
	s.facts.set("last_bridge_to", string(m.peer.id))
	s.facts.set("signal_bond", string(m.peer.id))
	m.progress = s.facts.currentProgress()
	m.reply <- nil
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
func (s *Session) Leave(ctx context.Context) error {
	reply := make(chan error, 1)
	return s.ask(ctx, leaveRequest{reply}, reply)
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
	s.facts.setPeer("")
	s.stopBackground()
	if s.stream != nil {
		s.stream.Split()
	}
}

// PlayBackground lets the far end hear src (ring-back, hold music) until
// something else takes its place; nil ends it.
func (s *Session) PlayBackground(src media.Source) {
	if !s.post(backgroundRequest{src}) && src != nil {
		_ = src.Close()
	}
}

type backgroundRequest struct{ src media.Source }

func (m backgroundRequest) handle(s *Session) {
	s.stopBackground()
	if m.src == nil {
		return
	}
	if s.stream == nil || s.ch.State() >= core.StateHangup {
		_ = m.src.Close()
		return
	}
	p := newPlayback(core.NewID())
	h, err := s.stream.Play(m.src, media.PlayOptions{ID: p.id, Background: true})
	if err != nil {
		_ = m.src.Close()
		return
	}
	p.handle = h
	s.background = p
	s.playbacks[p.id] = p
}

func (s *Session) stopBackground() {
	if s.background != nil {
		s.background.handle.Stop()
		s.background = nil
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
