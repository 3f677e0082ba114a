package sip

import (
	"errors"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/dialog"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/sdp"
)

// invite takes an INVITE that begins a call (RFC 3261 §13.3).
func (c *call) invite() {
	who, ok := c.authenticate(c.profile.settings.AuthCalls)
	if !ok {
		return
	}
	offer, ok := c.offered()
	if !ok {
		return
	}
	tag := transport.NewTag()
	d, err := dialog.NewUAS(c.req, tag)
	if err != nil {
		c.reply(400)
		return
	}
	c.tx.Tag = tag
	flow := c.tx.Flow().(*transport.Flow)
	l := &leg{
		shard: c.shard, profile: c.profile, callID: d.CallID, tag: tag, state: invited,
		log:    c.shard.module.log.With("profile", c.profile.settings.Name, "sip_call_id", d.CallID, "leg", "a"),
		dialog: d, flow: flow, invite: c.tx, natted: behindNAT(c),
	}
	in := c.incoming(l, who, offer)
	inbox, id, err := c.shard.module.deps.Switch.Admit(in)
	if err != nil {
		c.refuseCall(err)
		return
	}
	l.inbox, l.channel, l.call = inbox, id, core.CallID(id)
	if in.CallID != "" {
		l.call = in.CallID
	}
	c.tx.User = l
	c.shard.add(l)
	l.publish()
	l.note("received", flow, mask(c.message.Raw))
	c.tx.Reply(100, phrase(100))
	l.stillAlive()
}

// stillAlive repeats the last provisional response every minute, so that proxies
// on the way, whose Timer C is over three, do not give the call up (RFC 3261
// §13.3.1.1). It is a second more, as many calls ring for a minute and no longer.
func (l *leg) stillAlive() {
	l.minute = l.shard.layer(l.profile).Schedule.After(time.Minute+time.Second, func() {
		if l.state != invited {
			return
		}
		if l.invite.Status() > 100 {
			_ = l.invite.Resend()
		}
		l.stillAlive()
	})
}

// refuseCall answers a call that the switch does not take.
func (c *call) refuseCall(err error) {
	status := 503
	if ce, ok := errors.AsType[*core.CauseError](err); ok {
		status = ce.SIPStatus
		if status == 0 {
			status = statusOf(ce.Cause)
		}
	}
	res := c.tx.NewResponse(status, phrase(status))
	if status == 503 {
		res.AppendHeader(sip.NewHeader("Retry-After", retryAfter))
	}
	c.sign(res)
	c.tx.Respond(res)
}

// offered reads the description of an INVITE or UPDATE; false when it was refused.
func (c *call) offered() (*media.Description, bool) {
	if accept := values(c.req, "Accept"); len(accept) > 0 && !accepts(accept, "application/sdp") {
		c.reply(406)
		return nil, false
	}
	d, err := readSDP(c.req)
	switch {
	case errors.Is(err, errMediaType):
		res := c.tx.NewResponse(415, phrase(415))
		res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
		c.tx.Respond(res)
		return nil, false
	case err != nil:
		res := c.tx.NewResponse(488, phrase(488))
		res.AppendHeader(sip.NewHeader("Warning", `305 tandem "`+quote(err.Error())+`"`))
		c.tx.Respond(res)
		return nil, false
	}
	return d, true
}

// accepts reports whether a list of media ranges takes a type (RFC 3261 §20.1).
func accepts(ranges []string, typ string) bool {
	major, _, _ := strings.Cut(typ, "/")
	for _, r := range ranges {
		r, _, _ = strings.Cut(r, ";")
		switch strings.ToLower(strings.TrimSpace(r)) {
		case typ, major + "/*", "*/*":
			return true
		}
	}
	return false
}

// behindNAT reports whether the caller's Contact cannot be reached as written:
// nobody stands between (one Via, no Record-Route) and yet its address is not
// the one the request came from.
func behindNAT(c *call) bool {
	if len(c.req.GetHeaders("record-route")) > 0 || len(c.req.GetHeaders("via")) > 1 {
		return false
	}
	contact := c.req.Contact()
	if contact == nil {
		return false
	}
	addr, ok := hostAddr(contact.Address.Host)
	return ok && addr != c.message.Source.Addr()
}

// ring sends 180 (RFC 3261 §13.3.1.1).
func (l *leg) ring() {
	if l.state == invited {
		l.invite.Respond(l.response(l.invite, 180))
	}
}

// progress sends early media in a 183.
func (l *leg) progress(d *media.Description) {
	if l.state != invited {
		return
	}
	l.said = sdp.Marshal(d)
	res := l.response(l.invite, 183)
	setSDP(res, l.said)
	l.invite.Respond(res)
}

// accept sends the 200; without a description the one of the 183 is repeated.
func (l *leg) accept(d *media.Description) {
	if l.state != invited {
		return
	}
	body := l.said
	if d != nil {
		body = sdp.Marshal(d)
	}
	tx := l.invite
	offerless := len(tx.Request().Body()) == 0
	seq := tx.Request().CSeq().SeqNo
	res := l.response(tx, 200)
	setSDP(res, body)
	l.invite = nil
	l.minute.Stop()
	l.status = 200
	l.dialog.State = dialog.Confirmed
	l.become(answering)
	tx.Respond(res)
	l.awaitACK(tx, seq, offerless && len(body) > 0)
}

// redirect refuses the call with other places to try (RFC 3261 §8.3).
func (l *leg) redirect(contacts []string) {
	if l.state != invited {
		return
	}
	res := l.response(l.invite, 302)
	for res.RemoveHeader("Contact") {
	}
	for _, text := range contacts {
		text = clean(text)
		if !strings.Contains(text, "<") {
			text = "<" + text + ">"
		}
		res.AppendHeader(sip.NewHeader("Contact", text))
	}
	l.finalize(res)
}

// refuse answers an unanswered call with the cause's status (RFC 3261 §13.3.1.3).
func (l *leg) refuse(r core.Release) {
	status := r.SIPStatus
	if status < 300 || status > 699 {
		status = statusOf(r.Cause)
	}
	res := l.response(l.invite, status)
	if r.Phrase != "" {
		res.Reason = clean(r.Phrase)
	}
	if reason := reasonOf(r); reason != "" {
		res.AppendHeader(sip.NewHeader("Reason", reason))
	}
	if status == 503 {
		res.AppendHeader(sip.NewHeader("Retry-After", retryAfter))
	}
	l.finalize(res)
}

// finalize sends the final failure; the transaction sees to its ACK.
func (l *leg) finalize(res *sip.Response) {
	tx := l.invite
	l.invite = nil
	l.minute.Stop()
	l.status = res.StatusCode
	l.dialog.State = dialog.Terminated
	tx.Respond(res)
	l.settle()
}

// response begins a response to a request of the far end.
func (l *leg) response(tx *transaction.Server, status int) *sip.Response {
	res := tx.NewResponse(status, phrase(status))
	if status < 300 {
		res.AppendHeader(localContact(tx.Flow().(*transport.Flow), contactUser))
		res.AppendHeader(sip.NewHeader("Allow", allowed))
	}
	if name := l.profile.settings.UserAgent; name != "" {
		res.AppendHeader(sip.NewHeader("Server", name))
	}
	return res
}

// contactUser is the user of our Contact. Requests find their leg by Call-ID and
// tags; the name means nothing.
const contactUser = "tandem"
