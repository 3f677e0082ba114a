package exchange

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/session"
)

var (
	_ core.Switch = (*Exchange)(nil)
	_ core.Calls  = (*Exchange)(nil)
)

// all returns a copy of the live sessions, oldest first (design rule C6).
func (x *Exchange) all() []*session.Session {
	x.mu.Lock()
	list := make([]*session.Session, 0, len(x.sessions))
	for _, s := range x.sessions {
		list = append(list, s)
	}
	x.mu.Unlock()
	slices.SortFunc(list, func(a, b *session.Session) int {
		return cmp.Or(a.Times().Created.Compare(b.Times().Created), cmp.Compare(a.ID(), b.ID()))
	})
	return list
}

// Channels implements core.Calls.
func (x *Exchange) Channels() []core.ChannelInfo {
	list := x.all()
	infos := make([]core.ChannelInfo, len(list))
	for i, s := range list {
		infos[i] = s.Info(false)
	}
	return infos
}

// Channel implements core.Calls.
func (x *Exchange) Channel(id core.ChannelID) (core.ChannelInfo, bool) {
	s := x.find(id)
	if s == nil {
		return core.ChannelInfo{}, false
	}
	return s.Info(true), true
}

// Session implements core.Calls.
func (x *Exchange) Session(id core.ChannelID) core.Session {
	if s := x.find(id); s != nil {
		return s
	}
	return nil
}

// Snapshot is the whole state of a live channel (design section 11).
func (x *Exchange) Snapshot(ctx context.Context, id core.ChannelID) (session.Snapshot, error) {
	s := x.find(id)
	if s == nil {
		return session.Snapshot{}, core.ErrNotFound
	}
	return s.Snapshot(ctx)
}

// Limits implements core.Calls.
func (x *Exchange) Limits() core.LimitInfo {
	x.mu.Lock()
	defer x.mu.Unlock()
	rate := 0
	if x.second == time.Now().Unix() {
		rate = x.inSecond
	}
	return core.LimitInfo{
		Sessions: len(x.sessions), MaxSessions: x.cfg.MaxSessions, SessionsPerSecond: rate, MaxPerSecond: x.cfg.SessionsPerSecond,
		PeakSessions: x.peak, SessionsSinceStart: x.total, Draining: x.draining, Started: x.started,
	}
}

// Hangup implements core.Switch.
func (x *Exchange) Hangup(id core.ChannelID, c core.Cause, by core.Hanger) error {
	s := x.find(id)
	if s == nil {
		return core.ErrNotFound
	}
	s.Hangup(c, by)
	return nil
}

// HangupCall implements core.Switch. A call that is still being originated has
// no leg, or rings several: the originate is canceled.
func (x *Exchange) HangupCall(id core.CallID, c core.Cause, by core.Hanger) error {
	found := false
	x.mu.Lock()
	var cancel context.CancelCauseFunc
	if live := x.calls[id]; live != nil {
		cancel, found = live.cancel, true
	}
	x.mu.Unlock()
	if cancel != nil {
		cancel(&core.HangupError{Cause: c, By: by})
	}
	for _, s := range x.all() {
		if s.CallID() == id {
			s.Hangup(c, by)
			found = true
		}
	}
	if !found {
		return core.ErrNotFound
	}
	return nil
}
