package session

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

var _ core.Mixing = (*Session)(nil)

// JoinRoom implements core.Mixing.
func (s *Session) JoinRoom(ctx context.Context, room media.Room, cfg media.MemberConfig) (media.Member, error) {
	if err := s.ensureMedia(ctx); err != nil {
		return nil, err
	}
	reply := make(chan error, 1)
	m := &joinRoomRequest{room: room, cfg: cfg, reply: reply}
	if err := s.ask(ctx, m, reply); err != nil {
		return nil, err
	}
	return m.member, nil
}

type joinRoomRequest struct {
	room   media.Room
	cfg    media.MemberConfig
	reply  chan<- error
	member media.Member // written before the reply
}

func (m *joinRoomRequest) handle(s *Session) {
	if s.stream == nil || !s.alive() {
		m.reply <- s.endedError()
		return
	}
	s.background.end()
	member, err := m.room.Join(s.stream, m.cfg)
	m.member = member
	m.reply <- err
}

// LeaveRoom implements core.Mixing.
func (s *Session) LeaveRoom() { s.post(leaveRoomRequest{}) }

type leaveRoomRequest struct{}

func (leaveRoomRequest) handle(s *Session) {
	if l, ok := s.stream.(media.RoomLeaver); ok {
		l.LeaveRoom()
	}
}
