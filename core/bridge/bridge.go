// Package bridge joins two sessions: their media and their fates.
//
// A bridge is an owner with an inbox. Run is its loop; it runs on the goroutine
// of whoever made the bridge, usually the bridge application of the A leg, and
// returns when the two are apart again:
//
//	Joining → Joined → Splitting → Ended
//
// The sessions tell it their milestones (session.Watcher) and are told by
// posts; a bridge never waits for one leg while the other wants something.
package bridge

import (
	"context"
	"sync"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/internal/inbox"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// End is why a bridge ended.
type End uint8

// The ends of a bridge, seen from a.
const (
	PeerEnded End = iota // b hung up
	SelfEnded            // a hung up
	SelfMoved            // a was transferred or parked
	PeerMoved            // b was
	Failed               // it was never joined
)

// Result is how a bridge ended.
type Result struct {
	End      End
	Answered bool // b was answered
	Cause    core.Cause
	By       core.Hanger
	Status   int // b's SIP status, if it refused
	Phrase   string
}

// Bridge joins a and b. Create it with New and call Run once.
type Bridge struct {
	// Immutable after New.
	a, b   *session.Session
	sounds core.Sounds
	box    *inbox.Inbox[message]
	wg     sync.WaitGroup

	// Owned by Run.
	answered bool
	held     map[core.ChannelID]int // holder → generation of its music
	music    int
	result   Result
	over     bool
}

// New returns a bridge of a and b that is not joined yet. sounds, if not nil,
// plays hold music.
func New(a, b *session.Session, sounds core.Sounds) *Bridge {
	return &Bridge{a: a, b: b, sounds: sounds, box: inbox.New[message](0), held: map[core.ChannelID]int{}}
}

// message is a milestone of one side, or music that is ready.
type message struct {
	from      core.ChannelID
	milestone session.Milestone
	source    media.Source // hold music for the peer of from
	gen       int
}

// Saw implements session.Watcher.
func (br *Bridge) Saw(id core.ChannelID, m session.Milestone) {
	_ = br.box.Post(message{from: id, milestone: m})
}

// Run joins the two, waits until the bridge ends or ctx does, and takes them
// apart. When a ends or is moved, b is hung up; when b ends, a lives on.
func (br *Bridge) Run(ctx context.Context) Result {
	defer br.close()
	if !br.join(ctx) {
		return br.result
	}
	var batch []message
	for !br.over {
		select {
		case <-br.box.Ready():
		case <-ctx.Done():
			br.selfGone()
			continue
		}
		batch = br.box.Take(batch)
		for _, m := range batch {
			br.handle(ctx, m)
		}
	}
	br.split(ctx)
	return br.result
}

// join puts both into the bridge. b may have ended or been answered meanwhile:
// Join returns its progress of that moment.
func (br *Bridge) join(ctx context.Context) bool {
	br.result.End = Failed
	progress, err := br.b.Join(ctx, br.a, br)
	if err != nil {
		br.fail(br.b, err)
		br.b.Hangup(core.CauseNormalClearing, core.ByBridge)
		return false
	}
	if _, err := br.a.Join(ctx, br.b, br); err != nil {
		br.fail(br.a, err)
		br.b.Hangup(core.CauseNormalClearing, core.ByBridge)
		return false
	}
	br.answered = progress.Answered()
	br.a.Connect(br.b)
	br.a.Bridged(br.b)
	return true
}

// fail notes why the two could not be joined.
func (br *Bridge) fail(s *session.Session, _ error) {
	br.result.Cause, br.result.By = s.Ended()
	if br.result.Cause == core.CauseNone {
		br.result.Cause, br.result.By = core.CauseNormalTemporaryFailure, core.BySwitch
	}
}

func (br *Bridge) handle(ctx context.Context, m message) {
	if m.source != nil {
		br.musicReady(m)
		return
	}
	peer := br.other(m.from)
	switch ms := m.milestone.(type) {
	case session.SawAnswered:
		br.peerAnswered(ctx, m.from)
	case session.SawHold:
		br.hold(ctx, m.from, ms.On)
	case session.SawDigit:
		if ms.Signaling {
			peer.ForwardDigit(ms.Digit)
		}
	case session.SawLeft:
		br.left(m.from)
	case session.SawEnded:
		br.ended(m.from, ms)
	}
}

func (br *Bridge) other(id core.ChannelID) *session.Session {
	if id == br.a.ID() {
		return br.b
	}
	return br.a
}

// peerAnswered: b answers after it was joined in early media; so does a.
func (br *Bridge) peerAnswered(ctx context.Context, from core.ChannelID) {
	if from != br.b.ID() || br.answered {
		return
	}
	br.answered = true
	// Answering a may wait for the ACK of a late offer; the bridge must not.
	br.wg.Go(func() { _ = br.a.AnswerWith(ctx, []media.Format{br.b.Using()}) })
}

func (br *Bridge) left(from core.ChannelID) {
	br.over = true
	if from == br.a.ID() {
		br.result.End, br.result.Cause, br.result.By = SelfMoved, core.CauseBlindTransfer, core.BySwitch
		return
	}
	br.result.End, br.result.Cause, br.result.By = PeerMoved, core.CauseBlindTransfer, core.BySwitch
}

func (br *Bridge) ended(from core.ChannelID, e session.SawEnded) {
	if br.over {
		return
	}
	br.over = true
	br.result.End = PeerEnded
	if from == br.a.ID() {
		br.result.End = SelfEnded
	}
	br.result.Cause, br.result.By, br.result.Status, br.result.Phrase = e.Cause, e.By, e.Status, e.Phrase
}

// selfGone: the application that runs the bridge is canceled: a ended or moved.
func (br *Bridge) selfGone() {
	if br.over {
		return
	}
	br.over = true
	if cause, by := br.a.Ended(); cause != core.CauseNone {
		br.result.End, br.result.Cause, br.result.By = SelfEnded, cause, by
		return
	}
	br.result.End, br.result.Cause, br.result.By = SelfMoved, core.CauseBlindTransfer, core.BySwitch
}

// split ends the bridge: who is still there leaves, and b, which has no
// application, follows a's fate.
func (br *Bridge) split(ctx context.Context) {
	br.result.Answered = br.answered
	br.a.Unbridged(br.b)
	switch br.result.End {
	case SelfEnded:
		cause := core.CauseNormalClearing
		if !br.answered {
			cause = core.CauseOriginatorCancel
		}
		br.b.Hangup(cause, br.result.By)
	case SelfMoved:
		br.b.Hangup(core.CauseNormalClearing, core.ByBridge)
	default:
		_ = br.a.Leave(ctx)
	}
}

// close waits for what the bridge started and gives back music nobody took.
func (br *Bridge) close() {
	br.wg.Wait()
	for _, m := range br.box.Close() {
		if m.source != nil {
			_ = m.source.Close()
		}
	}
}
