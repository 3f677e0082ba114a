package sip

import (
	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/dialog"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
)

// unacked is a 2xx of ours to an INVITE that waits for its ACK (RFC 3261 §13.3.1.4).
type unacked struct {
	tx        *transaction.Server
	seq       uint32
	offerless bool // the ACK brings the answer to our offer
	resend    *dialog.Resend
	alarm     *transaction.Alarm
}

// awaitACK sends the 2xx again and again until the ACK comes.
func (l *leg) awaitACK(tx *transaction.Server, seq uint32, offerless bool) {
	t := l.shard.layer(l.profile).Timers()
	l.unacked = &unacked{tx: tx, seq: seq, offerless: offerless, resend: dialog.NewResend(t.T1, t.T2)}
	l.resendLater()
}

func (l *leg) resendLater() {
	u := l.unacked
	wait, again := u.resend.Next()
	u.alarm = l.shard.layer(l.profile).Schedule.After(wait, func() {
		if !again {
			l.unacked = nil
			l.neverAcknowledged()
			return
		}
		_ = u.tx.Resend() // a broken flow does not end the dialog: the far end may come back on another
		l.resendLater()
	})
}

// neverAcknowledged ends a session whose far end did not acknowledge our 2xx.
func (l *leg) neverAcknowledged() {
	l.fail(core.CauseRecoveryOnTimerExpire, "no ACK for our 200 (RFC 3261 §13.3.1.4)")
	l.hangUp(core.Release{Cause: core.CauseRecoveryOnTimerExpire})
}

func (l *leg) stopResending() {
	if l.unacked != nil {
		l.unacked.alarm.Stop()
		l.unacked = nil
	}
}

// ACK takes an ACK of a 2xx. One that fits nothing is dropped (RFC 3261 §17.2.1).
func (u *user) ACK(req *sip.Request, _ transaction.Flow) {
	s := (*shard)(u)
	l := s.dialogs[dialogKey{req.CallID().Value(), tagOf(req.To().Params)}]
	if l == nil || !l.knows(tagOf(req.From().Params)) || l.unacked == nil || l.unacked.seq != req.CSeq().SeqNo {
		return
	}
	l.acknowledged(req)
}

// acknowledged: the far end has our 2xx. ack is nil where that is only concluded.
func (l *leg) acknowledged(ack *sip.Request) {
	offerless := l.unacked.offerless
	first := l.state == answering
	l.stopResending()
	if first {
		l.become(up)
	}
	if l.releasing || l.state != up {
		// RFC 3261 §15: the BYE had to wait for the ACK.
		if l.state == up {
			l.hangUp(l.release)
		}
		return
	}
	if offerless && ack != nil {
		l.lateAnswer(ack, first)
	} else if first {
		l.post(core.Confirmed{})
	}
	l.nextOffer()
}

// lateAnswer takes the answer in an ACK to the offer in our 2xx.
func (l *leg) lateAnswer(ack *sip.Request, first bool) {
	d, err := readSDP(ack)
	switch {
	case err != nil || d == nil && !first:
		l.fail(core.CauseIncompatibleDestination, "the ACK has no usable answer to our offer")
		l.hangUp(core.Release{Cause: core.CauseIncompatibleDestination})
	case first:
		l.post(core.Confirmed{Description: d})
	default:
		l.post(core.OfferAnswered{Description: d})
	}
}
