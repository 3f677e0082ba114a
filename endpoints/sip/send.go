package sip

import (
	"errors"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/dialog"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/sdp"
)

// errTimeout says that a request had no final response in time.
var errTimeout = errors.New("no answer")

// outcome is the user of one client transaction: functions of the leg.
type outcome struct {
	response func(tx *transaction.Client, res *sip.Response)
	failed   func(err error)
	final    bool
}

var _ transaction.ClientUser = (*outcome)(nil)

// Response implements transaction.ClientUser.
func (o *outcome) Response(tx *transaction.Client, res *sip.Response) {
	o.final = o.final || res.StatusCode >= 200
	if o.response != nil {
		o.response(tx, res)
	}
}

// Timeout implements transaction.ClientUser.
func (o *outcome) Timeout(*transaction.Client) { o.fail(errTimeout) }

// ClientBroken implements transaction.ClientUser.
func (o *outcome) ClientBroken(_ *transaction.Client, err error) { o.fail(err) }

// fail tells once, and not after a final response whose ACK was lost on us.
func (o *outcome) fail(err error) {
	if o.final {
		return
	}
	o.final = true
	if o.failed != nil {
		o.failed(err)
	}
}

// send sends a request within a dialog.
func (l *leg) send(d *dialog.Dialog, req *sip.Request, o *outcome) {
	l.reach(d, func(f *transport.Flow, err error) {
		if err != nil {
			o.fail(err)
			return
		}
		f = dress(req, f, l.profile)
		l.shard.layer(l.profile).Send(req, f, o)
	})
}

// dress adds what depends on the flow: Via, Contact and our name. A request too
// large for a datagram goes over a connection if the peer has one with us; else
// it goes out in fragments (RFC 3261 §18.1.1).
func dress(req *sip.Request, f *transport.Flow, p *profile) *transport.Flow {
	const headroom = 200 // for Via and Contact
	if !f.Reliable() && f.Address().Connected(f.Remote) && len(req.String())+headroom > maxDatagramBytes {
		f = f.Address().Connection(f.Remote)
	}
	req.PrependHeader(f.Via(transport.NewBranch()))
	if needsContact(req.Method) && req.Contact() == nil {
		req.AppendHeader(localContact(f, contactUser))
	}
	if name := p.settings.UserAgent; name != "" && req.GetHeader("User-Agent") == nil {
		req.AppendHeader(sip.NewHeader("User-Agent", name))
	}
	return f
}

// maxDatagramBytes is where RFC 3261 §18.1.1 asks for a congestion-controlled transport.
const maxDatagramBytes = 1300

func needsContact(m sip.RequestMethod) bool {
	return m == sip.INVITE || m == sip.UPDATE || m == sip.OPTIONS
}

// reach finds the flow for requests of a dialog and calls then with it, at once
// unless a name has to be resolved.
func (l *leg) reach(d *dialog.Dialog, then func(*transport.Flow, error)) {
	if l.flow != nil && l.natted && len(d.Routes) == 0 && l.flow.Up() {
		then(l.flow, nil)
		return
	}
	var hop sip.Uri
	if err := sip.ParseUri(d.NextHop(), &hop); err != nil {
		then(nil, fmt.Errorf("next hop %q: %w", d.NextHop(), err))
		return
	}
	if addr, ok := hostAddr(hop.Host); ok && l.flow != nil && l.flow.Reliable() && l.flow.Up() && l.flow.Remote.Addr() == addr {
		then(l.flow, nil) // RFC 5923 in spirit: the connection leads there already
		return
	}
	l.shard.resolve(&hop, func(hops []hopTo, err error) {
		if err != nil {
			if l.flow != nil && l.flow.Up() {
				then(l.flow, nil) // better than nothing
				return
			}
			then(nil, err)
			return
		}
		f, err := l.profile.flowTo(hops[0], l.flow)
		then(f, err)
	})
}

// flowTo returns the flow to a hop, from the address of near if it has one of
// that family.
func (p *profile) flowTo(h hopTo, near *transport.Flow) (*transport.Flow, error) {
	var a *transport.Address
	if near != nil && near.Local.Addr().Is4() == h.addr.Addr().Is4() {
		a = near.Address()
	} else {
		a = p.addressFor(h.addr)
	}
	switch {
	case a == nil:
		return nil, fmt.Errorf("profile %q has no address that reaches %s", p.settings.Name, h.addr)
	case h.transport == transport.TCP && a.HasTCP():
		return a.Connection(h.addr), nil
	case h.transport == transport.UDP && a.HasUDP():
		return a.Datagram(h.addr), nil
	}
	return nil, fmt.Errorf("profile %q does not serve %s", p.settings.Name, h.transport)
}

// acknowledge sends the ACK of a 2xx to our INVITE and keeps it (RFC 3261 §13.2.2.4).
func (l *leg) acknowledge(d *dialog.Dialog, seq uint32, body []byte) {
	req, err := d.ACK(seq)
	if err != nil {
		l.log.Warn("no ACK", "err", err)
		return
	}
	l.addCredentials(req)
	setSDP(req, body)
	l.reach(d, func(f *transport.Flow, err error) {
		if err != nil {
			l.log.Warn("no ACK", "err", err)
			return
		}
		f = dress(req, f, l.profile)
		ack := sentACK{seq: seq, flow: f, data: []byte(req.String())}
		if l.acks == nil {
			l.acks = map[*dialog.Dialog]sentACK{}
		}
		l.acks[d] = ack
		l.sendACK(ack, false)
	})
}

func (l *leg) sendACK(a sentACK, again bool) {
	if err := a.flow.Send(a.data); err != nil {
		l.log.Debug("ACK not sent", "err", err)
		return
	}
	l.shard.sent(l.callID, a.flow, a.data, again)
}

// acknowledgeAgain repeats the ACK for another copy of a 2xx; false if that 2xx is new.
func (l *leg) acknowledgeAgain(d *dialog.Dialog, seq uint32) bool {
	a, ok := l.acks[d]
	if !ok || a.seq != seq {
		return false
	}
	l.sendACK(a, true)
	return true
}

// answerInACK answers the offer that came in the 2xx of our INVITE without one.
func (l *leg) answerInACK(seq uint32, d *media.Description, c core.Cause) {
	if c == core.CauseNone && d != nil {
		l.acknowledge(l.dialog, seq, sdp.Marshal(d))
		l.nextOffer()
		return
	}
	l.acknowledge(l.dialog, seq, nil)
	l.fail(core.CauseIncompatibleDestination, "the offer in the 200 was refused")
	l.hangUp(core.Release{Cause: core.CauseIncompatibleDestination})
}
