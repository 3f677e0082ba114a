package bridge

import (
	"context"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// defaultMusic is heard by who is put on hold where hold_music says nothing
// (FreeSWITCH's default).
const defaultMusic = "local_stream://moh"

// hold: from is on hold, or no longer: its far end asked for it, or we did. The
// other side hears from's music meanwhile, and silence with hold_music=silence.
// Both may hold at once: the two hear each other when neither does.
func (br *Bridge) hold(from core.ChannelID, on bool) {
	peer := br.other(from)
	if !on {
		delete(br.held, from)
		peer.Background(nil)
		if len(br.held) == 0 {
			br.a.Connect(br.b)
		}
		return
	}
	br.held[from] = true
	br.a.Disconnect()
	peer.Background(br.music(br.side(from), peer))
}

// music is what peer hears while holder holds it; nil for silence.
func (br *Bridge) music(holder, peer *session.Session) session.Opener {
	path := holder.Var("temp_hold_music")
	if path == "" {
		path = holder.Var("hold_music")
	}
	if path == "" {
		path = defaultMusic
	}
	if path == "silence" || br.sounds == nil {
		return nil
	}
	return func(ctx context.Context) (media.Source, error) {
		return br.sounds.Open(ctx, path, peer.SampleRateHz())
	}
}

// sendHeldAway: who hangs up while it holds the other sends it to
// hold_hangup_xfer_exten, if that is set; else the held one is hung up as
// usual.
func (br *Bridge) sendHeldAway() bool {
	holder, held := br.a, br.b
	switch br.result.End {
	case SelfEnded:
	case PeerEnded:
		holder, held = br.b, br.a
	default:
		return false
	}
	place := holder.Var("hold_hangup_xfer_exten")
	if place == "" || !br.held[holder.ID()] || !transferTo(held, place) {
		return false
	}
	if held == br.a {
		br.result.End = SelfMoved
	}
	return true
}
