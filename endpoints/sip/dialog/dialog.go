// Package dialog keeps the dialogs of RFC 3261 §12 as plain values: what a UA
// must know to send requests within a dialog and to judge those that come.
//
// It sends nothing, has no timers and starts no goroutine; the caller does, and
// owns the values. A [Dialog] encodes to JSON completely, so that another
// process can carry the call on.
package dialog

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// State is how far a dialog is.
type State string

// The states of RFC 3261 §12.
const (
	Early      State = "early"
	Confirmed  State = "confirmed"
	Terminated State = "terminated"
)

// ErrOutOfOrder is the judgment over a request whose CSeq is not higher than
// the last one's; the answer is 500 (RFC 3261 §12.2.2).
var ErrOutOfOrder = errors.New("sip: dialog: CSeq out of order")

// Party is one end of a dialog as it stands in From or To, without the tag.
type Party struct {
	Name string `json:"name,omitempty"` // display name, escaped as on the wire
	URI  string `json:"uri"`
}

// Dialog is one dialog. Its fields are for reading and for storing; methods change them.
type Dialog struct {
	CallID    string `json:"call_id"`
	LocalTag  string `json:"local_tag"`
	RemoteTag string `json:"remote_tag"`
	State     State  `json:"state"`
	Initiator bool   `json:"initiator"` // we are the UAC of the INVITE

	Local  Party `json:"local"`
	Remote Party `json:"remote"`

	LocalSeq      uint32 `json:"local_seq"`
	RemoteSeq     uint32 `json:"remote_seq"`
	KnowRemoteSeq bool   `json:"know_remote_seq"` // false until the UAS sends its first request

	Target string   `json:"target"`           // the remote target, from Contact
	Routes []string `json:"routes,omitempty"` // the route set in our order
	Secure bool     `json:"secure,omitempty"` // RFC 3261 §12.1.1
}

// NewUAS returns the dialog that our answer with localTag to an initial INVITE
// makes (RFC 3261 §12.1.1).
func NewUAS(req *sip.Request, localTag string) (*Dialog, error) {
	target, err := targetOf(req)
	if err != nil {
		return nil, err
	}
	tag, _ := req.From().Params.Get("tag")
	d := &Dialog{
		CallID:        req.CallID().Value(),
		LocalTag:      localTag,
		RemoteTag:     tag, // may be missing in RFC 2543
		State:         Early,
		Local:         Party{req.To().DisplayName, req.To().Address.String()},
		Remote:        Party{req.From().DisplayName, req.From().Address.String()},
		RemoteSeq:     req.CSeq().SeqNo,
		KnowRemoteSeq: true,
		Target:        target,
		Routes:        recordRoutes(req, false),
		Secure:        strings.EqualFold(req.Recipient.Scheme, "sips"),
	}
	return d, nil
}

// targetOf is the caller's Contact. It is mandatory (RFC 3261 §8.1.1.8) but for a
// client of RFC 2543, known by its branch: that one is reached at its From.
func targetOf(req *sip.Request) (string, error) {
	contact := req.Contact()
	if contact != nil && !contact.Address.Wildcard {
		return contact.Address.String(), nil
	}
	branch, _ := req.Via().Params.Get("branch")
	if contact == nil && !strings.HasPrefix(branch, "z9hG4bK") {
		return req.From().Address.String(), nil
	}
	return "", errors.New("sip: dialog: INVITE without a usable Contact")
}

// NewUAC returns the dialog that a response to our INVITE makes (RFC 3261
// §12.1.2). An early dialog of a far end that sends no Contact has the
// Request-URI as its target.
func NewUAC(req *sip.Request, res *sip.Response) (*Dialog, error) {
	remote, _ := res.To().Params.Get("tag")
	local, _ := req.From().Params.Get("tag")
	if remote == "" && res.StatusCode < 200 {
		return nil, errors.New("sip: dialog: provisional response without a To tag")
	}
	d := &Dialog{
		CallID:    req.CallID().Value(),
		LocalTag:  local,
		RemoteTag: remote,
		State:     Early,
		Initiator: true,
		Local:     Party{req.From().DisplayName, req.From().Address.String()},
		Remote:    Party{req.To().DisplayName, req.To().Address.String()},
		LocalSeq:  req.CSeq().SeqNo,
		Target:    req.Recipient.String(),
		Routes:    recordRoutes(res, true),
		Secure:    strings.EqualFold(req.Recipient.Scheme, "sips"),
	}
	d.Refresh(res)
	if res.StatusCode >= 200 {
		d.State = Confirmed
	}
	return d, nil
}

// recordRoutes reads the route set, reversed for a UAC.
func recordRoutes(msg sip.Message, reversed bool) []string {
	headers := msg.GetHeaders("record-route")
	if len(headers) == 0 {
		return nil
	}
	routes := make([]string, len(headers))
	for i, h := range headers {
		at := i
		if reversed {
			at = len(headers) - 1 - i
		}
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			routes[at] = rr.Address.String()
		} else {
			routes[at] = strings.Trim(h.Value(), "<> ")
		}
	}
	return routes
}

// Is reports whether the dialog has this id, seen from us.
func (d *Dialog) Is(callID, localTag, remoteTag string) bool {
	return d.CallID == callID && d.LocalTag == localTag && d.RemoteTag == remoteTag
}

// Confirm takes the 2xx of an early dialog; its Record-Route counts, not the
// early one's (RFC 3261 §13.2.2.4).
func (d *Dialog) Confirm(res *sip.Response) {
	if d.State == Early {
		d.Routes = recordRoutes(res, true)
		d.State = Confirmed
	}
	d.Refresh(res)
}

// Refresh takes the remote target from the Contact of a target refresh request
// or its 2xx, where there is one (RFC 3261 §12.2). The route set never changes.
func (d *Dialog) Refresh(msg sip.Message) {
	for _, h := range msg.GetHeaders("contact") {
		if c, ok := h.(*sip.ContactHeader); ok && !c.Address.Wildcard {
			d.Target = c.Address.String()
			return
		}
	}
}

// Receive judges a request within the dialog by its CSeq (RFC 3261 §12.2.2).
// ACK and CANCEL have their INVITE's number and are not to be given here.
func (d *Dialog) Receive(req *sip.Request) error {
	seq := req.CSeq().SeqNo
	if d.KnowRemoteSeq && seq <= d.RemoteSeq {
		return fmt.Errorf("%w: %d after %d", ErrOutOfOrder, seq, d.RemoteSeq)
	}
	d.RemoteSeq, d.KnowRemoteSeq = seq, true
	return nil
}

// Request returns a new request within the dialog, with the next CSeq, without
// Via and Contact (RFC 3261 §12.2.1.1).
func (d *Dialog) Request(method sip.RequestMethod) (*sip.Request, error) {
	d.LocalSeq++
	return d.build(method, d.LocalSeq)
}

// ACK returns the ACK for a 2xx to our INVITE with that CSeq (RFC 3261
// §13.2.2.4). It is a transaction of its own: it needs a new branch.
func (d *Dialog) ACK(seq uint32) (*sip.Request, error) { return d.build(sip.ACK, seq) }

func (d *Dialog) build(method sip.RequestMethod, seq uint32) (*sip.Request, error) {
	var target sip.Uri
	if err := sip.ParseUri(d.Target, &target); err != nil {
		return nil, fmt.Errorf("sip: dialog: remote target %q: %w", d.Target, err)
	}
	routes := d.Routes
	if len(routes) > 0 {
		var first sip.Uri
		if err := sip.ParseUri(routes[0], &first); err != nil {
			return nil, fmt.Errorf("sip: dialog: route %q: %w", routes[0], err)
		}
		if !isLoose(&first) {
			// A strict router wants to be the Request-URI; the target goes last.
			routes = append(append([]string{}, routes[1:]...), target.String())
			first.Headers = nil
			target = first
		}
	}
	req := sip.NewRequest(method, target)
	for _, r := range routes {
		var u sip.Uri
		if err := sip.ParseUri(r, &u); err != nil {
			return nil, fmt.Errorf("sip: dialog: route %q: %w", r, err)
		}
		req.AppendHeader(&sip.RouteHeader{Address: u})
	}
	from := &sip.FromHeader{DisplayName: d.Local.Name}
	to := &sip.ToHeader{DisplayName: d.Remote.Name}
	if err := sip.ParseUri(d.Local.URI, &from.Address); err != nil {
		return nil, fmt.Errorf("sip: dialog: local address %q: %w", d.Local.URI, err)
	}
	if err := sip.ParseUri(d.Remote.URI, &to.Address); err != nil {
		return nil, fmt.Errorf("sip: dialog: remote address %q: %w", d.Remote.URI, err)
	}
	from.Params = sip.HeaderParams{{K: "tag", V: d.LocalTag}}
	if d.RemoteTag != "" {
		to.Params = sip.HeaderParams{{K: "tag", V: d.RemoteTag}}
	}
	callID := sip.CallIDHeader(d.CallID)
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(from)
	req.AppendHeader(to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(&hops)
	return req, nil
}

// NextHop returns the URI whose host requests must be sent to: the first of the
// route set, strict or loose, or the remote target (RFC 3261 §8.1.2, §12.2.1.1).
func (d *Dialog) NextHop() string {
	if len(d.Routes) > 0 {
		return d.Routes[0]
	}
	return d.Target
}

// isLoose reports the lr parameter, in any case and with or without a value.
func isLoose(u *sip.Uri) bool {
	for _, p := range u.UriParams {
		if strings.EqualFold(p.K, "lr") {
			return true
		}
	}
	return false
}
