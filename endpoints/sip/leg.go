package sip

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"sync/atomic"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/dialog"
	"github.com/tandemswitch/tandem/endpoints/sip/digest"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/sdp"
)

// legState is how far a leg is in SIP.
type legState uint8

// The states of a leg.
const (
	calling   legState = iota // B: INVITE sent, or about to be
	canceling                 // B: released before the final response
	invited                   // A: INVITE received, no final response sent
	answering                 // A: 2xx sent, no ACK yet
	up
	ending // BYE sent
	over   // nothing to send any more; Release is waited for
	released
)

// String is the word of snapshots and logs.
func (s legState) String() string {
	return [...]string{"calling", "canceling", "invited", "answering", "up", "ending", "over", "released"}[s]
}

// leg is one SIP call as a core.Leg. Its methods of that interface post to the
// shard, which owns everything else.
type leg struct {
	// Immutable once the leg is listed in its shard.
	shard    *shard
	profile  *profile
	outbound bool
	callID   string // of SIP
	tag      string // ours
	log      *slog.Logger
	inbox    core.Inbox
	channel  core.ChannelID
	call     core.CallID

	frozen atomic.Pointer[frozen] // what Snapshot tells

	// Owned by the shard.
	state     legState
	releasing bool         // Release was called: only Released may still be posted
	release   core.Release // what it asked for
	status    int          // of the final response to the INVITE
	flow      *transport.Flow
	natted    bool // in-dialog requests go back where the INVITE came from
	dialog    *dialog.Dialog
	auth      *digest.Client

	invite  *transaction.Server // A: the initial INVITE until its final response
	minute  *transaction.Alarm  // A: when the last 18x is repeated
	said    []byte              // A: SDP of our last 18x, repeated in the 2xx
	unacked *unacked            // a 2xx of ours that waits for its ACK

	pending *pending             // the far end's offer that the session has to answer
	offer   *offering            // our own offer that the far end has to answer
	queued  []*media.Description // offers that wait for their turn

	out  *outgoing // B: the initial INVITE
	acks map[*dialog.Dialog]sentACK
}

// sentACK is the ACK of a 2xx, kept to be sent again for each copy of it.
type sentACK struct {
	seq  uint32
	flow *transport.Flow
	data []byte
}

var (
	_ core.Leg        = (*leg)(nil)
	_ core.Redirector = (*leg)(nil)
	_ core.DTMFSender = (*leg)(nil)
)

func (l *leg) module() *Module { return l.shard.module }

// The methods of core.Leg. Each is posted: the session never waits.

// Ring implements core.Leg.
func (l *leg) Ring() { l.shard.do(l.ring) }

// Progress implements core.Leg.
func (l *leg) Progress(d *media.Description) { l.shard.do(func() { l.progress(d) }) }

// Answer implements core.Leg.
func (l *leg) Answer(d *media.Description) { l.shard.do(func() { l.accept(d) }) }

// Offer implements core.Leg.
func (l *leg) Offer(d *media.Description) { l.shard.do(func() { l.propose(d) }) }

// Reply implements core.Leg.
func (l *leg) Reply(d *media.Description, c core.Cause) { l.shard.do(func() { l.reply(d, c) }) }

// Release implements core.Leg.
func (l *leg) Release(r core.Release) { l.shard.do(func() { l.end(r) }) }

// Redirect implements core.Redirector.
func (l *leg) Redirect(contacts []string) { l.shard.do(func() { l.redirect(contacts) }) }

// frozen is a copy of what another process needs, made at each change; it is
// written out only when somebody asks.
type frozen struct {
	state  legState
	dialog *dialog.Dialog // a copy
	flow   *transport.Flow
	natted bool
}

// opaque is frozen as JSON, besides the flat facts.
type opaque struct {
	Profile   string         `json:"profile"`
	Outbound  bool           `json:"outbound"`
	Dialog    *dialog.Dialog `json:"dialog,omitempty"`
	Transport string         `json:"transport,omitempty"`
	Local     string         `json:"local,omitempty"`
	Remote    string         `json:"remote,omitempty"`
	Natted    bool           `json:"natted,omitempty"`
}

const snapshotVersion = 1

// become enters a state and publishes the snapshot.
func (l *leg) become(s legState) {
	l.state = s
	l.publish()
}

// publish freezes what Snapshot tells.
func (l *leg) publish() {
	f := &frozen{state: l.state, flow: l.flow, natted: l.natted}
	if l.dialog != nil {
		d := *l.dialog // Routes never change in place
		f.dialog = &d
	}
	l.frozen.Store(f)
}

// Snapshot implements core.Leg. It returns the state after the last thing that
// happened. It may be called from any goroutine.
func (l *leg) Snapshot() core.LegState {
	f := l.frozen.Load()
	if f == nil {
		f = &frozen{}
	}
	o := opaque{Profile: l.profile.settings.Name, Outbound: l.outbound, Dialog: f.dialog, Natted: f.natted}
	values := map[string]string{"call_id": l.callID, "local_tag": l.tag, "profile": o.Profile}
	if f.flow != nil {
		o.Transport, o.Local, o.Remote = f.flow.Transport, f.flow.Local.String(), f.flow.Remote.String()
		values["remote"], values["local"], values["transport"] = o.Remote, o.Local, o.Transport
	}
	if f.dialog != nil {
		values["remote_tag"] = f.dialog.RemoteTag
		values["remote_target"] = f.dialog.Target
		values["local_seq"] = strconv.FormatUint(uint64(f.dialog.LocalSeq), 10)
	}
	data, err := json.Marshal(o)
	if err != nil {
		l.log.Error("snapshot not made", "err", err)
	}
	return core.LegState{Version: snapshotVersion, Endpoint: prefix, State: f.state.String(), Values: values, Opaque: data}
}

// post tells the session something, unless it released the leg already.
func (l *leg) post(ev core.Event) {
	if !l.releasing && l.inbox != nil {
		l.inbox.Post(ev)
	}
}

// knows reports whether a far end's tag belongs to a dialog of this leg.
func (l *leg) knows(remoteTag string) bool { return l.dialogWith(remoteTag) != nil }

func (l *leg) dialogWith(remoteTag string) *dialog.Dialog {
	if l.dialog != nil && l.dialog.RemoteTag == remoteTag {
		return l.dialog
	}
	if l.out != nil && l.out.forks != nil {
		for _, d := range l.out.forks.All() {
			if d.RemoteTag == remoteTag {
				return d
			}
		}
	}
	return nil
}

// order checks and notes the CSeq of a request within a dialog.
func (l *leg) order(req *sip.Request) error {
	return l.dialogWith(tagOf(req.From().Params)).Receive(req)
}

// fail ends a leg that cannot go on.
func (l *leg) fail(c core.Cause, detail string) {
	l.post(core.LegFailed{Cause: c, Detail: detail})
}

// Unacknowledged implements transaction.ServerUser: a refusal without ACK
// changes nothing.
func (l *leg) Unacknowledged(*transaction.Server) {}

// ServerBroken implements transaction.ServerUser: a response could not be sent.
// The far end repeats its request, or gives up and ends the dialog.
func (l *leg) ServerBroken(tx *transaction.Server, err error) {
	l.log.Debug("response not sent", "method", string(tx.Method()), "err", err)
}

// readSDP reads the description in a message; nil without one.
func readSDP(msg sip.Message) (*media.Description, error) {
	body, err := sdpBody(msg)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	return sdp.Parse(body)
}

// setSDP puts a description into a message.
func setSDP(msg interface {
	AppendHeader(sip.Header)
	SetBody([]byte)
}, body []byte,
) {
	if len(body) == 0 {
		msg.SetBody(nil)
		return
	}
	t := sip.ContentTypeHeader("application/sdp")
	msg.AppendHeader(&t)
	msg.SetBody(body)
}
