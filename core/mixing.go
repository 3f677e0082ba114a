package core

import (
	"context"

	"github.com/tandemswitch/tandem/media"
)

// Mixing is an optional role of a [Session], found by type assertion: it puts
// the session's far end into a room.
type Mixing interface {
	// JoinRoom makes the far end a member; it pre-answers. It waits for the
	// session's owner, not for the room: that the member is in, and that it left,
	// is told to the room's Notify. The end of the channel makes it leave. What
	// else joins the channel's media (a bridge) takes it out of the room.
	JoinRoom(ctx context.Context, room media.Room, cfg media.MemberConfig) (media.Member, error)
	// LeaveRoom takes the far end out of the room it is in, if any, and returns
	// at once. It is a no-op after the end of the call.
	LeaveRoom()
}
