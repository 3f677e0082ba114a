package sip

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/dialog"
	"github.com/tandemswitch/tandem/endpoints/sip/digest"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/sdp"
)

// endpoint is the module as core.Endpoint: it makes B legs.
type endpoint Module

var _ core.Endpoint = (*endpoint)(nil)

// Prefix implements core.Endpoint.
func (e *endpoint) Prefix() string { return prefix }

// placement is what Prepare finds out.
type placement struct {
	target  target
	address *transport.Address
}

// Prepare implements core.Endpoint: it reads the dial string and picks the local
// address. It resolves nothing.
func (e *endpoint) Prepare(out core.Outgoing) (core.Placement, error) {
	m := (*Module)(e)
	t, err := m.parseTarget(out.Target)
	if err != nil {
		return core.Placement{}, err
	}
	a := t.profile.addressFor(addrOf(t.next()))
	if a == nil {
		return core.Placement{}, refuse(core.CauseNetworkOutOfOrder, "profile %q has no address that reaches %s", t.profile.settings.Name, t.next().Host)
	}
	return core.Placement{
		Name:   prefix + "/" + t.profile.settings.Name + "/" + t.uri.User + at(t.uri.User) + t.uri.Host + portSuffix(t.uri.Port),
		Local:  t.profile.localMedia(a, true),
		Opaque: placement{t, a},
	}, nil
}

func at(user string) string {
	if user == "" {
		return ""
	}
	return "@"
}

// addrOf is where a URI with an IP address leads, else invalid.
func addrOf(u *sip.Uri) netip.AddrPort {
	if a, ok := hostAddr(u.Host); ok {
		return netip.AddrPortFrom(a, portOr(u.Port))
	}
	return netip.AddrPort{}
}

// Place implements core.Endpoint.
func (e *endpoint) Place(out core.Outgoing, p core.Placement, offer *media.Description, in core.Inbox) (core.Leg, error) {
	m := (*Module)(e)
	pl, ok := p.Opaque.(placement)
	if !ok {
		return nil, errors.New("sip: placement of another endpoint")
	}
	callID := out.Variables["sip_invite_call_id"]
	if callID == "" || !headerName(callID) {
		callID = uuid.NewString()
	}
	s := m.shardOf(callID)
	name := pl.target.profile.settings.Name
	l := &leg{
		shard: s, profile: pl.target.profile, outbound: true, callID: callID, tag: transport.NewTag(),
		log:   m.log.With("profile", name, "sip_call_id", callID, "leg", "b", "chan", string(out.ChannelID)),
		inbox: in, channel: out.ChannelID, call: out.CallID,
	}
	l.out = &outgoing{target: pl.target, address: pl.address, request: out, seq: 1}
	if offer != nil {
		l.out.offer = sdp.Marshal(offer)
	}
	if user := out.Variables["sip_auth_username"]; user != "" {
		l.auth = digest.NewClient(digest.Account{Username: user, Secret: digest.A1{Password: out.Variables["sip_auth_password"]}})
	}
	l.publish()
	s.do(l.place)
	return l, nil
}

// outgoing is the INVITE that begins a B leg.
type outgoing struct {
	target  target
	address *transport.Address
	request core.Outgoing
	offer   []byte // nil: the far end shall offer

	hops    []hopTo // not tried yet
	seq     uint32
	invite  *sip.Request
	client  *transaction.Client
	forks   *dialog.Forks
	trying  bool // 100 was told
	retries int  // with credentials
}

// place starts the call: where to, then the INVITE.
func (l *leg) place() {
	l.shard.add(l)
	if l.releasing {
		return
	}
	l.shard.resolve(l.out.target.next(), func(hops []hopTo, err error) {
		if l.state != calling {
			return
		}
		if err != nil {
			l.fail(core.CauseNoRouteDestination, err.Error())
			l.settle()
			return
		}
		l.out.hops = hops
		l.nextHop("")
	})
}

// nextHop tries the next address of the destination (RFC 3263 §4.3); without
// one the call failed for the reason given.
func (l *leg) nextHop(why string) {
	for len(l.out.hops) > 0 {
		h := l.out.hops[0]
		l.out.hops = l.out.hops[1:]
		near := l.out.address.Datagram(h.addr)
		f, err := l.profile.flowTo(h, near)
		if err != nil {
			why = err.Error()
			continue
		}
		l.flow = f
		l.sendInvite()
		return
	}
	l.fail(core.CauseNormalTemporaryFailure, why)
	l.settle()
}

// sendInvite sends the INVITE over the leg's flow (RFC 3261 §13.2.1).
func (l *leg) sendInvite() {
	o := l.out
	req := l.buildInvite()
	l.addCredentials(req)
	l.flow = dress(req, l.flow, l.profile)
	if o.invite == nil {
		l.post(core.VariablesLearned{Variables: l.outboundFacts(req)})
	}
	o.invite = req
	o.forks = dialog.NewForks(req)
	l.publish()
	// What one attempt hears must not be taken for another's.
	mine := o.forks
	o.client = l.shard.layer(l.profile).Send(req, l.flow, &outcome{
		response: func(tx *transaction.Client, res *sip.Response) { l.inviteAnswered(mine, tx, res) },
		failed:   func(err error) { l.inviteFailed(mine, err) },
	})
}

// buildInvite writes the request without Via and Contact.
func (l *leg) buildInvite() *sip.Request {
	o := l.out
	vars := o.request.Variables
	req := sip.NewRequest(sip.INVITE, *o.target.uri.Clone())
	req.AppendHeader(l.from())
	to := o.target.uri
	if o.target.to != nil {
		to = *o.target.to
	}
	req.AppendHeader(&sip.ToHeader{Address: sip.Uri{Scheme: to.Scheme, User: to.User, Host: to.Host, Port: to.Port}})
	callID := sip.CallIDHeader(l.callID)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: o.seq, MethodName: sip.INVITE})
	hops := sip.MaxForwardsHeader(70)
	if n, err := strconv.Atoi(vars["max_forwards"]); err == nil && n > 0 && n < 256 {
		hops = sip.MaxForwardsHeader(n)
	}
	req.AppendHeader(&hops)
	req.AppendHeader(sip.NewHeader("Allow", allowed))
	l.identify(req)
	addCustomHeaders(req, vars, "sip_h_")
	setSDP(req, o.offer)
	return req
}

// addCustomHeaders adds a header for each variable with that prefix.
func addCustomHeaders(msg sip.Message, vars map[string]string, prefix string) {
	var names []string
	for name := range vars {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		header := name[len(prefix):]
		if headerName(header) && !ownHeaders[strings.ToLower(header)] && vars[name] != "" {
			msg.AppendHeader(sip.NewHeader(header, clean(vars[name])))
		}
	}
}

// ownHeaders are those that variables must not touch: they make the protocol work.
var ownHeaders = map[string]bool{
	"via": true, "from": true, "to": true, "call-id": true, "cseq": true, "contact": true, "max-forwards": true,
	"content-length": true, "content-type": true, "route": true, "record-route": true, "require": true,
	"v": true, "f": true, "t": true, "i": true, "m": true, "l": true, "c": true,
}

// inviteAnswered takes a response to our INVITE.
func (l *leg) inviteAnswered(forks *dialog.Forks, tx *transaction.Client, res *sip.Response) {
	switch status := res.StatusCode; {
	case status < 200:
		l.progressed(forks, res)
	case status < 300:
		l.connected(forks, tx, res)
	case l.out.forks == forks:
		l.refused(res)
	}
}

// progressed takes a provisional response (RFC 3261 §13.2.2.1).
func (l *leg) progressed(forks *dialog.Forks, res *sip.Response) {
	if l.state != calling || l.out.forks != forks {
		return
	}
	forks.Response(res)
	if res.StatusCode == 100 || !l.out.trying {
		if !l.out.trying {
			l.post(core.Trying{})
		}
		l.out.trying = true
		if res.StatusCode == 100 {
			return
		}
	}
	d, err := readSDP(res)
	switch {
	case err == nil && d != nil && l.out.offer != nil:
		l.post(core.EarlyMedia{Status: res.StatusCode, Description: d})
	case res.StatusCode == 180:
		l.post(core.Ringing{Status: 180})
	}
}

// connected takes a 2xx. The first one wins; those of other branches of a fork
// are acknowledged and ended (RFC 3261 §13.2.2.4), and so is one that crossed
// our CANCEL.
func (l *leg) connected(forks *dialog.Forks, tx *transaction.Client, res *sip.Response) {
	d, _ := forks.Response(res)
	if d == nil {
		return
	}
	seq := tx.Request().CSeq().SeqNo
	if l.acknowledgeAgain(d, seq) {
		return
	}
	switch {
	case l.state == calling && l.out.forks == forks:
		l.won(d, seq, res)
	case l.state == canceling && l.out.forks == forks:
		l.status = res.StatusCode
		l.dialog = d
		l.acknowledge(d, seq, nil)
		l.state = up
		l.hangUp(l.release)
	case d == l.dialog:
		// The ACK waits for the session's answer to the offer in the 2xx.
	default:
		l.acknowledge(d, seq, nil)
		l.sendBye(d, core.Release{Cause: core.CauseLoseRace}, func() {})
	}
}

// won: the far end answered our call.
func (l *leg) won(d *dialog.Dialog, seq uint32, res *sip.Response) {
	l.status = res.StatusCode
	l.dialog = d
	l.natted = l.out.target.path != nil && len(d.Routes) == 0
	l.become(up)
	l.post(core.VariablesLearned{Variables: answerFacts(d, res)})
	desc, err := readSDP(res)
	if l.out.offer == nil {
		if err != nil || desc == nil {
			l.answerInACK(seq, nil, core.CauseIncompatibleDestination)
			return
		}
		l.pending = &pending{seq: seq}
		l.post(core.Answered{})
		l.post(core.Offered{Description: desc})
		return
	}
	l.acknowledge(d, seq, nil)
	if err != nil {
		l.fail(core.CauseIncompatibleDestination, err.Error())
		l.hangUp(core.Release{Cause: core.CauseIncompatibleDestination})
		return
	}
	l.post(core.Answered{Description: desc})
	l.nextOffer()
}

// refused takes a final failure (RFC 3261 §13.2.2.2, §13.2.2.3).
func (l *leg) refused(res *sip.Response) {
	status := res.StatusCode
	l.status = status
	if l.state == canceling {
		l.settle()
		return
	}
	if l.state != calling {
		return
	}
	if (status == 401 || status == 407) && l.out.retries < maxAuthRetries && l.authorize(l.out.invite, res) {
		l.out.retries++
		l.out.seq++
		l.sendInvite()
		return
	}
	if status == 503 && len(l.out.hops) > 0 {
		l.out.seq++
		l.nextHop("503 " + res.Reason)
		return
	}
	if status < 400 {
		if contacts := contactList(res); len(contacts) > 0 {
			l.post(core.Redirected{Contacts: contacts})
		}
	}
	reason := value(res, "Reason")
	cause := causeOf(status)
	if other, ok := causeFromReason(reason); ok {
		cause = other
	}
	l.post(core.FarHangup{Cause: cause, Status: status, Phrase: res.Reason, Reason: reason})
	l.settle()
}

// maxAuthRetries allows a stale nonce and a second realm.
const maxAuthRetries = 3

// contactList returns the URIs of a redirection, best first.
func contactList(res *sip.Response) []string {
	type choice struct {
		uri string
		q   float64
	}
	var all []choice
	for _, h := range res.GetHeaders("contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok || c.Address.Wildcard {
			continue
		}
		q := 1.0
		if text, ok := param(c.Params, "q"); ok {
			if f, err := strconv.ParseFloat(text, 64); err == nil {
				q = f
			}
		}
		all = append(all, choice{c.Address.String(), q})
	}
	slices.SortStableFunc(all, func(a, b choice) int {
		switch {
		case a.q > b.q:
			return -1
		case a.q < b.q:
			return 1
		}
		return 0
	})
	uris := make([]string, len(all))
	for i, c := range all {
		uris[i] = c.uri
	}
	return uris
}

// inviteFailed: nobody answered, or the INVITE could not be sent.
func (l *leg) inviteFailed(forks *dialog.Forks, err error) {
	if l.out.forks != forks {
		return
	}
	switch {
	case l.state == canceling:
		l.settle()
	case l.state != calling:
	case len(l.out.hops) > 0:
		l.out.seq++
		l.nextHop(err.Error())
	case errors.Is(err, errTimeout):
		l.status = 408
		l.fail(core.CauseRecoveryOnTimerExpire, "no answer to our INVITE")
		l.settle()
	default:
		l.fail(core.CauseNormalTemporaryFailure, err.Error())
		l.settle()
	}
}

// cancelCall ends a call that has no final response (RFC 3261 §9.1).
func (l *leg) cancelCall(r core.Release) {
	if l.out.client == nil {
		l.settle() // nothing was sent yet
		return
	}
	l.become(canceling)
	var extra []sip.Header
	if reason := reasonOf(r); reason != "" {
		extra = append(extra, sip.NewHeader("Reason", reason))
	}
	l.out.client.Cancel(&outcome{}, extra...)
}
