package bridge

import (
	"context"

	"github.com/tandemswitch/tandem/core"
)

// defaultMusic is heard by who is put on hold where hold_music says nothing
// (FreeSWITCH's default).
const defaultMusic = "local_stream://moh"

// hold: the far end of from put us on hold, or took us off. The other side
// hears the holder's music meanwhile, and silence with hold_music=silence.
func (br *Bridge) hold(ctx context.Context, from core.ChannelID, on bool) {
	holder, peer := br.a, br.other(from)
	if from == br.b.ID() {
		holder = br.b
	}
	if !on {
		delete(br.held, from)
		peer.PlayBackground(nil)
		br.a.Connect(br.b)
		return
	}
	br.music++
	gen := br.music
	br.held[from] = gen
	br.a.Disconnect()
	path := holder.Var("temp_hold_music")
	if path == "" {
		path = holder.Var("hold_music")
	}
	if path == "" {
		path = defaultMusic
	}
	if path == "silence" || br.sounds == nil {
		return
	}
	// Opening may touch the disk: beside the owner (design rule C3).
	br.wg.Go(func() {
		src, err := br.sounds.Open(ctx, path, peer.SampleRateHz())
		if err != nil {
			peer.Journal(core.JournalEntry{Kind: core.JournalMedia, Sentence: "no hold music", Data: []any{"path", path, "err", err.Error()}})
			return
		}
		if br.box.Post(message{from: from, source: src, gen: gen}) != nil {
			_ = src.Close()
		}
	})
}

// musicReady starts the music, unless the hold is over meanwhile.
func (br *Bridge) musicReady(m message) {
	if br.held[m.from] != m.gen || br.over {
		_ = m.source.Close()
		return
	}
	br.other(m.from).PlayBackground(m.source)
}
