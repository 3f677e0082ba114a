package sip

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/sdp"
)

// pending is an offer of the far end that the session has to answer. Without a
// transaction it is the offer in the 2xx of our own INVITE, answered in the ACK.
type pending struct {
	tx        *transaction.Server
	invite    bool // a re-INVITE, else UPDATE
	offerless bool // the far end wants our offer
	seq       uint32
	req       *sip.Request
}

// offering is an offer of ours that the far end has to answer.
type offering struct {
	description *media.Description
	retries     int
	alarm       *transaction.Alarm // set while we wait to try again after 491
	overtaken   bool               // the far end's own offer was agreed on meanwhile
}

// reinvite takes an INVITE within the dialog (RFC 3261 §14.2).
func (l *leg) reinvite(c *call) {
	if !l.mayOffer(c) {
		return
	}
	offer, ok := c.offered()
	if !ok {
		return
	}
	c.reply(100)
	l.pending = &pending{tx: c.tx, invite: true, offerless: offer == nil, seq: c.req.CSeq().SeqNo, req: c.req}
	l.post(core.Offered{Description: offer})
}

// update takes an UPDATE (RFC 3311 §5.2): with a description it is an offer,
// without one it refreshes the target.
func (l *leg) update(c *call) {
	if len(c.req.Body()) == 0 {
		l.dialogWith(tagOf(c.req.From().Params)).Refresh(c.req)
		l.publish()
		c.tx.Respond(l.response(c.tx, 200))
		return
	}
	if !l.mayOffer(c) {
		return
	}
	offer, ok := c.offered()
	if !ok {
		return
	}
	l.pending = &pending{tx: c.tx, req: c.req}
	l.post(core.Offered{Description: offer})
}

// mayOffer decides whether the far end may offer now; if not it has its answer.
func (l *leg) mayOffer(c *call) bool {
	switch {
	case l.releasing || l.state == ending || l.state == over:
		c.reply(481)
	case l.state == answering && !l.unacked.offerless:
		// The far end is up, so it has our 200: its ACK is late or lost
		// (RFC 5407 §3.1.5).
		l.acknowledged(nil)
		return l.mayOffer(c)
	case l.pending != nil || l.state != up && l.state != answering:
		// RFC 3261 §14.2, RFC 3311 §5.2: another offer of theirs is unanswered.
		res := c.tx.NewResponse(500, phrase(500))
		res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(rand.IntN(11))))
		c.tx.Respond(res)
	case l.state == answering || l.offer != nil && l.offer.alarm == nil || l.unacked != nil && l.unacked.offerless:
		c.reply(491) // ours is
	default:
		if l.unacked != nil {
			l.stopResending() // as above, for the 200 of an earlier re-INVITE
		}
		return true
	}
	return false
}

// reply is the session's answer to the far end's offer.
func (l *leg) reply(d *media.Description, c core.Cause) {
	p := l.pending
	if p == nil {
		return // canceled, or the call is over
	}
	l.pending = nil
	if p.tx == nil {
		l.answerInACK(p.seq, d, c)
		return
	}
	if c != core.CauseNone || d == nil {
		status := statusOf(c)
		if c == core.CauseNone {
			status = 488
		}
		p.tx.Respond(l.response(p.tx, status))
		l.nextOffer()
		return
	}
	l.dialog.Refresh(p.req)
	if l.offer != nil {
		l.offer.overtaken = true
	}
	res := l.response(p.tx, 200)
	setSDP(res, sdp.Marshal(d))
	p.tx.Respond(res)
	l.publish()
	if p.invite {
		l.awaitACK(p.tx, p.seq, p.offerless)
		return
	}
	l.nextOffer()
}

// moved follows a far end behind a NAT that got another port, and one that opened
// another connection. Who knows the dialog's tags could as well end the call.
func (l *leg) moved(f *transport.Flow) {
	if l.flow == nil || l.flow.Same(f) {
		return
	}
	if l.natted && f.Transport == l.flow.Transport || l.flow.Reliable() && !l.flow.Up() {
		l.flow = f
	}
}

// refusePending answers an offer of the far end that will not be answered.
func (l *leg) refusePending(status int) {
	if p := l.pending; p != nil {
		l.pending = nil
		if p.tx != nil {
			p.tx.Reply(status, phrase(status))
		}
	}
}

// propose sends our offer in a re-INVITE, after those before it.
func (l *leg) propose(d *media.Description) {
	if l.releasing || l.state == ending || l.state == over {
		l.post(core.OfferRejected{Cause: core.CauseWrongCallState})
		return
	}
	l.queued = append(l.queued, d)
	l.nextOffer()
}

// nextOffer sends the first queued offer when nothing is in the way.
func (l *leg) nextOffer() {
	if len(l.queued) == 0 || l.offer != nil || l.pending != nil || l.unacked != nil || l.state != up {
		return
	}
	d := l.queued[0]
	l.queued = l.queued[1:]
	l.offer = &offering{description: d}
	l.sendOffer()
}

func (l *leg) sendOffer() {
	l.offer.alarm = nil
	req, err := l.dialog.Request(sip.INVITE)
	if err != nil {
		l.offerRejected(core.CauseNormalTemporaryFailure, 0)
		return
	}
	req.AppendHeader(sip.NewHeader("Allow", allowed))
	l.addCredentials(req)
	setSDP(req, sdp.Marshal(l.offer.description))
	l.publish()
	l.send(l.dialog, req, &outcome{
		response: func(_ *transaction.Client, res *sip.Response) { l.offerAnswered(req, res) },
		failed: func(err error) {
			l.offerRejected(core.CauseRecoveryOnTimerExpire, 408)
			l.lost("re-INVITE: " + err.Error())
		},
	})
}

// offerAnswered takes a response to our re-INVITE (RFC 3261 §14.1).
func (l *leg) offerAnswered(req *sip.Request, res *sip.Response) {
	seq := req.CSeq().SeqNo
	switch status := res.StatusCode; {
	case status < 200:
		return
	case status < 300:
		if l.acknowledgeAgain(l.dialog, seq) {
			return
		}
		l.dialog.Refresh(res)
		l.publish()
		l.acknowledge(l.dialog, seq, nil)
		if l.offer == nil || l.state != up {
			return
		}
		d, err := readSDP(res)
		if err != nil || d == nil {
			l.offerRejected(core.CauseIncompatibleDestination, status)
			return
		}
		l.offer = nil
		l.post(core.OfferAnswered{Description: d})
		l.nextOffer()
	case l.offer == nil || l.state != up:
		return
	case status == 491:
		l.offerAgain()
	case (status == 401 || status == 407) && l.offer.retries == 0 && l.authorize(req, res):
		l.offer.retries++
		l.sendOffer()
	default:
		l.offerRejected(causeOf(status), status)
		if status == 408 || status == 481 {
			l.lost("re-INVITE: " + strconv.Itoa(status)) // RFC 3261 §12.2.1.2
		}
	}
}

// maxGlares bounds how often an offer is tried again.
const maxGlares = 6

// offerAgain waits as RFC 3261 §14.1 says: 2.1 to 4 s who made the Call-ID, up
// to 2 s the other one.
func (l *leg) offerAgain() {
	l.offer.retries++
	if l.offer.retries > maxGlares {
		l.offerRejected(core.CauseNormalTemporaryFailure, 491)
		return
	}
	wait := time.Duration(rand.IntN(201)) * 10 * time.Millisecond
	if l.outbound {
		wait = 2100*time.Millisecond + time.Duration(rand.IntN(191))*10*time.Millisecond
	}
	o := l.offer
	o.alarm = l.shard.layer(l.profile).Schedule.After(wait, func() { l.offerDue(o) })
}

// offerDue is the end of that wait. An offer that the far end's own one overtook
// is out of date: the session hears the 491 now and makes a new one.
func (l *leg) offerDue(o *offering) {
	if l.offer != o || l.state != up {
		return
	}
	if l.pending != nil || l.unacked != nil {
		o.alarm = l.shard.layer(l.profile).Schedule.After(100*time.Millisecond, func() { l.offerDue(o) })
		return
	}
	if o.overtaken {
		l.offerRejected(core.CauseNormalTemporaryFailure, 491)
		return
	}
	l.sendOffer()
}

func (l *leg) offerRejected(c core.Cause, status int) {
	l.offer = nil
	l.post(core.OfferRejected{Cause: c, Status: status})
	l.nextOffer()
}

// lost: the far end does not know the dialog any more, or is gone.
func (l *leg) lost(detail string) {
	l.fail(core.CauseRecoveryOnTimerExpire, detail)
	l.hangUp(core.Release{Cause: core.CauseRecoveryOnTimerExpire})
}
