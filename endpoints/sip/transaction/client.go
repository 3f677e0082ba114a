package transaction

import (
	"github.com/emiago/sipgo/sip"
)

// Client is one client transaction.
type Client struct {
	layer   *Layer
	machine machine
	timing  timing
	key     string
	callID  string
	flow    Flow
	user    ClientUser
	request *sip.Request
	raw     []byte
	ack     []byte
	res     *sip.Response // on its way to the TU
	err     error

	cancel func() // set while a CANCEL waits for the first provisional response
}

// Send starts a client transaction and sends the request, whose top Via has the
// branch already. The request must not be changed afterwards. When it cannot be
// sent the user hears ClientBroken from within Send.
func (l *Layer) Send(req *sip.Request, flow Flow, user ClientUser) *Client {
	kind := NonInviteClient
	if req.Method == sip.INVITE {
		kind = InviteClient
	}
	if req.Body() == nil {
		req.SetBody(nil) // writes Content-Length: 0
	}
	branch, _ := req.Via().Params.Get("branch")
	tx := &Client{
		layer: l, key: clientKey(branch, string(req.Method)), callID: req.CallID().Value(),
		flow: flow, user: user, request: req, raw: []byte(req.String()),
	}
	l.clients[tx.key] = tx
	var p plan
	tx.machine, p = begin(kind, flow.Reliable(), l.cfg.Timers)
	tx.apply(p, false)
	return tx
}

// Request returns the request, nil after a final response to anything but INVITE.
func (tx *Client) Request() *sip.Request { return tx.request }

// Flow returns the flow that the request went over.
func (tx *Client) Flow() Flow { return tx.flow }

// State returns the machine's state.
func (tx *Client) State() State { return tx.machine.state }

// Cancel sends a CANCEL for an INVITE without final response (RFC 3261 §9.1),
// at once or after the first provisional response. If no final response comes
// within 64*T1 after it, the user hears Timeout. extra headers (Reason) are added.
func (tx *Client) Cancel(user ClientUser, extra ...sip.Header) {
	send := func() {
		tx.cancel = nil
		req := tx.request.Clone()
		c := sip.NewRequest(sip.CANCEL, req.Recipient)
		c.AppendHeader(req.Via())
		sip.CopyHeaders("Route", req, c)
		c.AppendHeader(req.From())
		c.AppendHeader(req.To())
		c.AppendHeader(req.CallID())
		c.AppendHeader(&sip.CSeqHeader{SeqNo: req.CSeq().SeqNo, MethodName: sip.CANCEL})
		hops := sip.MaxForwardsHeader(70)
		c.AppendHeader(&hops)
		for _, h := range extra {
			c.AppendHeader(h)
		}
		tx.timing.end.Stop()
		tx.timing.end = tx.layer.Schedule.After(tx.layer.patience(), func() { tx.step(tx.machine.endEvent()) })
		tx.layer.Send(c, tx.flow, user)
	}
	switch tx.machine.state {
	case Calling:
		tx.cancel = send
	case Proceeding:
		send()
	default: // it has its final response
	}
}

// receive takes a response that matched.
func (tx *Client) receive(res *sip.Response) {
	tx.res = res
	tx.step(responseEvent(res.StatusCode))
	tx.res = nil
	if tx.cancel != nil && tx.machine.state == Proceeding {
		tx.cancel()
	}
}

func (tx *Client) broken(err error) {
	tx.err = err
	tx.step(Broken)
}

func (tx *Client) step(ev Event) {
	p := tx.machine.step(ev, tx.layer.cfg.Timers)
	tx.apply(p, ev == Retransmit || ev == Failure && tx.ack != nil)
}

func (tx *Client) apply(p plan, again bool) {
	tx.timing.set(tx.layer, p, tx.step, tx.machine.endEvent)
	var failed error
	if p.do&SendRequest != 0 {
		failed = tx.layer.send(tx.callID, tx.flow, tx.raw, again)
	}
	if p.do&SendACK != 0 {
		if tx.ack == nil {
			tx.ack = acknowledge(tx.request, tx.res)
		}
		failed = tx.layer.send(tx.callID, tx.flow, tx.ack, again)
	}
	if tx.machine.state >= Completed {
		tx.raw = nil
	}
	if p.do&PassUp != 0 {
		tx.user.Response(tx, tx.res)
	}
	if p.do&TellTimeout != 0 {
		tx.layer.Counters.TimedOut++
		tx.user.Timeout(tx)
	}
	if p.do&TellBroken != 0 {
		tx.user.ClientBroken(tx, tx.err)
	}
	switch {
	case failed != nil:
		tx.broken(failed)
	case p.endNow:
		tx.step(tx.machine.endEvent())
	case tx.machine.state == Terminated:
		tx.timing.stop()
		if tx.layer.clients[tx.key] == tx {
			delete(tx.layer.clients, tx.key)
		}
	}
}

// acknowledge writes the ACK for a failure (RFC 3261 §17.1.1.3): the INVITE's
// top Via, Request-URI, Route, From and Call-ID, the response's To.
func acknowledge(invite *sip.Request, res *sip.Response) []byte {
	a := sip.NewRequest(sip.ACK, *invite.Recipient.Clone())
	a.AppendHeader(sip.HeaderClone(invite.Via()))
	sip.CopyHeaders("Route", invite, a)
	a.AppendHeader(sip.HeaderClone(invite.From()))
	to := sip.HeaderClone(invite.To())
	if res.To() != nil {
		to = sip.HeaderClone(res.To())
	}
	a.AppendHeader(to)
	a.AppendHeader(sip.HeaderClone(invite.CallID()))
	a.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.ACK})
	hops := sip.MaxForwardsHeader(70)
	a.AppendHeader(&hops)
	a.SetBody(nil)
	return []byte(a.String())
}
