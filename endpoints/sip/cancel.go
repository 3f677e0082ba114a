package sip

import (
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
)

// Cancel takes a CANCEL (RFC 3261 §9.2). One that comes after the final response
// is answered with 200 and changes nothing; one that fits nothing gets 481.
func (u *user) Cancel(tx, invite *transaction.Server) {
	if invite == nil {
		tx.Reply(481, phrase(481))
		return
	}
	tx.Tag = invite.Tag // the To tag of all our answers to the INVITE
	reason := value(tx.Request(), "Reason")
	tx.Reply(200, phrase(200))
	if invite.Final() {
		return
	}
	if l, ok := invite.User.(*leg); ok {
		l.canceled(invite, reason)
		return
	}
	invite.Reply(487, phrase(487))
}

// canceled ends an INVITE of the far end that has no final response yet.
func (l *leg) canceled(tx *transaction.Server, reason string) {
	if tx != l.invite {
		// A re-INVITE: the call goes on as it was.
		if l.pending != nil && l.pending.tx == tx {
			l.pending = nil
		}
		tx.Reply(487, phrase(487))
		return
	}
	l.finalize(l.response(tx, 487))
	c := core.CauseOriginatorCancel
	if other, ok := causeFromReason(reason); ok {
		c = other
	}
	l.post(core.FarHangup{Cause: c, Reason: reason})
}
