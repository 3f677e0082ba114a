package sip

import (
	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/dialog"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
)

// bye takes the far end's BYE (RFC 3261 §15.1.2).
func (l *leg) bye(c *call) {
	d := l.dialogWith(tagOf(c.req.From().Params))
	reason := value(c.req, "Reason")
	c.reply(200)
	if d != l.dialog {
		d.State = dialog.Terminated // another branch of a fork
		return
	}
	cause := core.CauseNormalClearing
	if other, ok := causeFromReason(reason); ok {
		cause = other
	}
	l.stopResending()
	l.refusePending(487)
	switch l.state {
	case invited:
		// A caller may give up an early dialog with BYE (RFC 3261 §15).
		l.finalize(l.response(l.invite, 487))
	case answering, up:
		d.State = dialog.Terminated
		l.settle()
	case calling, canceling:
		// The callee ends an early dialog: its final response ends the INVITE.
		return
	default:
		return // both hung up at once: our own BYE has its answer soon
	}
	l.post(core.FarHangup{Cause: cause, Reason: reason})
}

// end is Release: the way depends on how far the leg is.
func (l *leg) end(r core.Release) {
	if l.releasing {
		return
	}
	l.releasing, l.release = true, r
	l.queued = nil
	l.refusePending(487)
	switch l.state {
	case invited:
		l.refuse(r)
	case answering:
		// RFC 3261 §15: no BYE before the ACK or the end of waiting for it.
	case up:
		l.hangUp(r)
	case calling:
		l.cancelCall(r)
	case over:
		l.finish()
	case canceling, ending, released: // under way
	}
}

// hangUp sends BYE.
func (l *leg) hangUp(r core.Release) {
	if l.state != up && l.state != answering {
		return
	}
	l.stopResending()
	l.become(ending)
	l.sendBye(l.dialog, r, l.settle)
}

// sendBye ends a dialog; then runs when it has its answer, or none in time.
func (l *leg) sendBye(d *dialog.Dialog, r core.Release, then func()) {
	d.State = dialog.Terminated
	req, err := d.Request(sip.BYE)
	if err != nil {
		l.log.Warn("no BYE", "err", err)
		then()
		return
	}
	if reason := reasonOf(r); reason != "" {
		req.AppendHeader(sip.NewHeader("Reason", reason))
	}
	l.send(d, req, &outcome{
		response: func(_ *transaction.Client, res *sip.Response) {
			if res.StatusCode < 200 {
				return
			}
			if l.retryWithAuth(d, req, res, then) {
				return
			}
			then()
		},
		failed: func(error) { then() },
	})
}

// retryWithAuth sends a challenged BYE once more with credentials.
func (l *leg) retryWithAuth(d *dialog.Dialog, req *sip.Request, res *sip.Response, then func()) bool {
	if res.StatusCode != 401 && res.StatusCode != 407 || !l.authorize(req, res) {
		return false
	}
	again, err := d.Request(sip.BYE)
	if err != nil {
		return false
	}
	l.addCredentials(again)
	l.send(d, again, &outcome{
		response: func(_ *transaction.Client, res *sip.Response) {
			if res.StatusCode >= 200 {
				then()
			}
		},
		failed: func(error) { then() },
	})
	return true
}

// settle: nothing is left to send. The leg goes when the session released it.
func (l *leg) settle() {
	if l.state == released {
		return
	}
	if l.releasing {
		l.finish()
		return
	}
	l.become(over)
}

// finish is the end: Released is the last event.
func (l *leg) finish() {
	l.become(released)
	l.shard.remove(l)
	if l.inbox != nil {
		l.inbox.Post(core.Released{SIPStatus: l.status})
	}
	// Transactions linger for 32 s and know the leg: the session and its media
	// must not stay with them.
	l.inbox, l.said, l.pending, l.offer, l.queued = nil, nil, nil, nil, nil
	if l.out != nil {
		l.out.request.Variables = nil
	}
}
