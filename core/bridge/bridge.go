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
	"strconv"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/internal/inbox"
	"github.com/tandemswitch/tandem/core/session"
	"github.com/tandemswitch/tandem/media"
)

// End is why a bridge ended.
type End uint8

// The ends of a bridge, seen from a.
const (
	PeerEnded  End = iota // b hung up
	SelfEnded             // a hung up
	SelfMoved             // a was transferred or parked
	PeerMoved             // b was
	Terminated            // somebody pressed bridge_terminate_key
	Unanswered            // b had early media for longer than bridge_answer_timeout
	Failed                // it was never joined
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
	held     map[core.ChannelID]bool // who holds the other
	result   Result
	over     bool
}

// New returns a bridge of a and b that is not joined yet. sounds, if not nil,
// plays hold music.
func New(a, b *session.Session, sounds core.Sounds) *Bridge {
	return &Bridge{a: a, b: b, sounds: sounds, box: inbox.New[message](0), held: map[core.ChannelID]bool{}}
}

// message is a milestone of one side.
type message struct {
	from      core.ChannelID
	milestone session.Milestone
}

// Saw implements session.Watcher. Digits may be lost to a far end that floods
// us with them; without the end of a side the bridge would never end.
func (br *Bridge) Saw(id core.ChannelID, m session.Milestone) {
	if _, digit := m.(session.SawDigit); digit {
		_ = br.box.Post(message{id, m})
		return
	}
	_ = br.box.Must(message{id, m})
}

// Run joins the two, waits until the bridge ends or ctx does, and takes them
// apart. When a ends or is moved, b is hung up, unless park_after_bridge or
// transfer_after_bridge of b say otherwise; when b ends, a lives on.
func (br *Bridge) Run(ctx context.Context) Result {
	defer br.close()
	defer func() {
		if p := recover(); p != nil {
			br.b.Hangup(core.CauseNormalTemporaryFailure, core.BySwitch) // nobody else would
			panic(p)
		}
	}()
	br.beforeBridge(ctx)
	if !br.join(ctx) {
		return br.result
	}
	expired, stop := br.answerTimer()
	defer stop()
	var batch []message
	for !br.over {
		gone, late := false, false
		select {
		case <-br.box.Ready():
		case <-expired:
			late = true
		case <-ctx.Done():
			gone = true
		}
		// What a side said goes first: when both are moved at once, b is not to
		// be hung up.
		batch = br.box.Take(batch)
		for _, m := range batch {
			br.handle(ctx, m)
		}
		if gone {
			br.selfGone()
		}
		if late {
			br.unanswered()
		}
	}
	br.split()
	br.afterBridge(ctx)
	return br.result
}

// join puts both into the bridge. Either may have ended, b been answered, or
// one of them be on hold meanwhile: Join tells how they were at that moment.
func (br *Bridge) join(ctx context.Context) bool {
	b, err := br.b.Join(ctx, br.a, session.Originatee, br)
	if err != nil {
		br.notJoined(ctx, br.b)
		return false
	}
	br.answered = b.Progress.Answered()
	a, err := br.a.Join(ctx, br.b, session.Originator, br)
	if err != nil {
		br.notJoined(ctx, br.a)
		return false
	}
	br.a.Connect(br.b)
	br.a.Bridged(br.b)
	if br.answered && !a.Progress.Answered() {
		br.answerSelf(ctx)
	}
	if a.Held {
		br.hold(br.a.ID(), true)
	}
	if b.Held {
		br.hold(br.b.ID(), true)
	}
	return true
}

// notJoined says why the two could not be joined, and ends b.
func (br *Bridge) notJoined(ctx context.Context, s *session.Session) {
	r := &br.result
	r.End, r.Answered = Failed, !br.b.Times().Answered.IsZero()
	r.Cause, r.By = s.Ended()
	if s == br.b && r.Cause != core.CauseNone {
		// b came and went: as good as a bridge that was short.
		r.Status, _ = strconv.Atoi(br.b.Var("sip_term_status"))
		r.Phrase = br.b.Var("sip_hangup_phrase")
		if r.Answered {
			r.End = PeerEnded
		}
		return
	}
	if cause, by := br.a.Ended(); cause != core.CauseNone {
		r.End, r.Cause, r.By = SelfEnded, cause, by
	} else if ctx.Err() != nil {
		r.End, r.Cause, r.By = SelfMoved, core.CauseBlindTransfer, core.BySwitch
	}
	if r.Cause == core.CauseNone {
		r.Cause, r.By = core.CauseNormalTemporaryFailure, core.BySwitch
	}
	by := core.ByBridge
	if r.End == SelfEnded {
		by = r.By
	}
	br.b.Hangup(br.fate(r.Answered), by)
}

// fate is the cause that a's leaving is for b.
func (br *Bridge) fate(answered bool) core.Cause {
	if answered {
		return core.CauseNormalClearing
	}
	return core.CauseOriginatorCancel
}

func (br *Bridge) handle(ctx context.Context, m message) {
	switch ms := m.milestone.(type) {
	case session.SawAnswered:
		br.peerAnswered(ctx, m.from)
	case session.SawHold:
		br.hold(m.from, ms.On)
	case session.SawDigit:
		br.digit(m.from, ms)
	case session.SawLeft:
		br.left(m.from)
	case session.SawEnded:
		br.ended(m.from, ms)
	}
}

func (br *Bridge) side(id core.ChannelID) *session.Session {
	if id == br.a.ID() {
		return br.a
	}
	return br.b
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
	br.answerSelf(ctx)
}

// answerSelf answers a. That may wait for the ACK of a late offer, and the
// bridge must not.
func (br *Bridge) answerSelf(ctx context.Context) {
	br.wg.Go(func() { _ = br.a.AnswerWith(ctx, []media.Format{br.b.Using()}) })
}

// answerTimer is bridge_answer_timeout: how many seconds of early media a
// bears. FreeSWITCH has no limit where it is not set.
func (br *Bridge) answerTimer() (<-chan time.Time, func()) {
	n, _ := strconv.Atoi(br.a.Var("bridge_answer_timeout"))
	if n <= 0 || br.answered {
		return nil, func() {}
	}
	t := time.NewTimer(time.Duration(n) * time.Second)
	return t.C, func() { t.Stop() }
}

func (br *Bridge) unanswered() {
	if br.answered || br.over {
		return
	}
	br.finish(Unanswered, core.CauseNoAnswer, core.BySwitch)
}

// finish decides how the bridge ends; only the first word counts.
func (br *Bridge) finish(end End, cause core.Cause, by core.Hanger) bool {
	if br.over {
		return false
	}
	br.over = true
	br.result.End, br.result.Cause, br.result.By = end, cause, by
	return true
}

func (br *Bridge) left(from core.ChannelID) {
	end := PeerMoved
	if from == br.a.ID() {
		end = SelfMoved
	}
	br.finish(end, core.CauseBlindTransfer, core.BySwitch)
}

func (br *Bridge) ended(from core.ChannelID, e session.SawEnded) {
	end := PeerEnded
	if from == br.a.ID() {
		end = SelfEnded
	}
	if br.finish(end, e.Cause, e.By) {
		br.result.Status, br.result.Phrase = e.Status, e.Phrase
	}
}

// selfGone: the application that runs the bridge is canceled: a ended or moved.
func (br *Bridge) selfGone() {
	if cause, by := br.a.Ended(); cause != core.CauseNone {
		br.finish(SelfEnded, cause, by)
		return
	}
	br.finish(SelfMoved, core.CauseBlindTransfer, core.BySwitch)
}

// split ends the bridge: who is still there leaves, and b, which has no
// application, follows a's fate.
func (br *Bridge) split() {
	r := &br.result
	r.Answered = br.answered
	br.a.Unbridged(br.b)
	if br.sendHeldAway() {
		return
	}
	switch r.End {
	case SelfEnded:
		br.dismiss(r.By)
	case SelfMoved:
		br.dismiss(core.ByBridge)
	case Terminated:
		br.a.Leave()
		br.dismiss(r.By)
	case Unanswered:
		br.a.Leave()
		br.b.Hangup(core.CauseNoAnswer, core.BySwitch)
	default:
		br.a.Leave()
	}
}

// close waits for what the bridge started.
func (br *Bridge) close() {
	br.wg.Wait()
	br.box.Close()
}
