// Package transaction is the transaction layer of RFC 3261 §17 with RFC 6026:
// it matches messages to transactions, absorbs and makes retransmissions, and
// acknowledges failures of INVITE.
//
// The machines are pure ([Kind], [State], [Event] and a table); a [Layer] runs
// them. A Layer belongs to one goroutine, a signaling shard: every method of
// this package is called from there, and calls the transaction user from there.
// It starts no goroutine, and its timers are in one [Schedule].
//
//	Message ─► Layer ─► Server ─► User           Layer ─► Flow
//	                └─► Client ─► ClientUser
//
// What it leaves to its user: dialogs, the retransmission of a 2xx and its ACK
// (RFC 3261 §13.3.1.4), and the answer to a CANCEL.
package transaction

import (
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Flow is a way to the far end. Send never blocks.
type Flow interface {
	Send(data []byte) error
	Reliable() bool
}

// User is the transaction user (TU) of new requests.
type User interface {
	// Request takes a new request other than ACK and CANCEL. It answers with
	// tx.Respond, now or later.
	Request(tx *Server)
	// Cancel takes a CANCEL; invite is the transaction it means, nil if there is none.
	Cancel(tx, invite *Server)
	// ACK takes an ACK that acknowledges a 2xx, or nothing that is known here.
	ACK(req *sip.Request, flow Flow)
}

// ServerUser hears what happens to a server transaction after its request.
type ServerUser interface {
	// Unacknowledged says that no ACK came for a refused INVITE (Timer H).
	Unacknowledged(tx *Server)
	// ServerBroken says that a response could not be sent.
	ServerBroken(tx *Server, err error)
}

// ClientUser hears the outcome of a client transaction.
type ClientUser interface {
	// Response takes each response; of an INVITE each 2xx, also repeated ones
	// and those of other branches of a fork.
	Response(tx *Client, res *sip.Response)
	// Timeout says that nobody answered (Timer B or F, or 64*T1 after CANCEL).
	Timeout(tx *Client)
	// ClientBroken says that the request could not be sent.
	ClientBroken(tx *Client, err error)
}

// Config of a [Layer].
type Config struct {
	User   User
	Timers Timers // zero: the RFC's
	// Sent, if set, sees every message that leaves, with its Call-ID.
	Sent func(callID string, flow Flow, data []byte, again bool)
}

// Counters count what a layer did. They belong to its goroutine.
type Counters struct {
	Absorbed      uint64 // retransmitted requests
	Retransmitted uint64 // messages sent again
	Strays        uint64 // responses that match nothing
	TimedOut      uint64
}

// Layer is the transactions of one signaling shard.
type Layer struct {
	Schedule Schedule
	Counters Counters

	cfg     Config
	servers map[string]*Server
	clients map[string]*Client
	merged  map[string]*Server // initial requests by RFC 3261 §8.2.2.2
}

// New returns a layer without transactions.
func New(cfg Config) *Layer {
	if cfg.Timers == (Timers{}) {
		cfg.Timers = DefaultTimers()
	}
	return &Layer{
		cfg:     cfg,
		servers: make(map[string]*Server),
		clients: make(map[string]*Client),
		merged:  make(map[string]*Server),
	}
}

// Timers returns the base values in use.
func (l *Layer) Timers() Timers { return l.cfg.Timers }

// Len returns the number of transactions that live.
func (l *Layer) Len() int { return len(l.servers) + len(l.clients) }

// ReceiveRequest takes one request from the wire.
func (l *Layer) ReceiveRequest(req *sip.Request, flow Flow) {
	key := serverKey(req, string(req.Method))
	if req.Method == sip.ACK {
		l.receiveACK(serverKey(req, "INVITE"), req, flow)
		return
	}
	if tx := l.servers[key]; tx != nil {
		l.Counters.Absorbed++
		tx.step(Request)
		return
	}
	tx := l.newServer(key, req, flow)
	if req.Method != sip.CANCEL {
		l.cfg.User.Request(tx)
		return
	}
	// RFC 3261 §9.2: the same branch, the method aside.
	l.cfg.User.Cancel(tx, l.servers[serverKey(req, "INVITE")])
}

func (l *Layer) receiveACK(key string, req *sip.Request, flow Flow) {
	tx := l.servers[key]
	if tx == nil || tx.machine.state == Accepted {
		l.cfg.User.ACK(req, flow)
		return
	}
	tx.step(ACK)
}

// ReceiveResponse takes one response from the wire (RFC 3261 §17.1.3).
func (l *Layer) ReceiveResponse(res *sip.Response) {
	via, cseq := res.Via(), res.CSeq()
	// RFC 3261 §8.1.3.3: a second Via means that it was meant for somebody else.
	if via == nil || cseq == nil || len(res.GetHeaders("via")) > 1 {
		l.Counters.Strays++
		return
	}
	branch, _ := via.Params.Get("branch")
	tx := l.clients[clientKey(branch, string(cseq.MethodName))]
	if tx == nil {
		l.Counters.Strays++
		return
	}
	tx.receive(res)
}

// Broken tells every transaction whose flow matches that it broke. It may be
// called for flows that have none.
func (l *Layer) Broken(match func(Flow) bool, err error) {
	var clients []*Client
	for _, tx := range l.clients {
		if match(tx.flow) {
			clients = append(clients, tx)
		}
	}
	for _, tx := range clients {
		tx.broken(err)
	}
	var servers []*Server
	for _, tx := range l.servers {
		if match(tx.flow) {
			servers = append(servers, tx)
		}
	}
	for _, tx := range servers {
		tx.err = err
		tx.step(Broken)
	}
}

// Knows reports whether a request belongs to a transaction that lives: it is a
// retransmission.
func (l *Layer) Knows(req *sip.Request) bool {
	return l.servers[serverKey(req, string(req.Method))] != nil
}

// Merged reports whether tx is a request that already came over another path
// (RFC 3261 §8.2.2.2); it is to be refused with 482.
func (l *Layer) Merged(tx *Server) bool {
	return tx.merge != "" && l.merged[tx.merge] != tx
}

// send gives data to the flow and the trace.
func (l *Layer) send(callID string, flow Flow, data []byte, again bool) error {
	if again {
		l.Counters.Retransmitted++
	}
	err := flow.Send(data)
	if l.cfg.Sent != nil && err == nil {
		l.cfg.Sent(callID, flow, data, again)
	}
	return err
}

// timing is the two timers of a transaction.
type timing struct {
	retransmit *Alarm
	end        *Alarm
}

// set starts and stops timers as the plan says.
func (t *timing) set(l *Layer, p plan, step func(Event), endEvent func() Event) {
	if p.entered {
		t.retransmit.Stop()
		if !p.keepEnd {
			t.end.Stop()
		}
	}
	if p.retransmit > 0 {
		t.retransmit = l.Schedule.After(p.retransmit, func() { step(Retransmit) })
	}
	if p.end > 0 {
		t.end = l.Schedule.After(p.end, func() { step(endEvent()) })
	}
}

func (t *timing) stop() {
	t.retransmit.Stop()
	t.end.Stop()
}

const magicCookie = "z9hG4bK" // RFC 3261 §8.1.1.7

// serverKey is what RFC 3261 §17.2.3 matches requests by. Without the magic
// cookie it is the comparison of RFC 2543, without the To tag, which an ACK has
// and its INVITE has not.
func serverKey(req *sip.Request, method string) string {
	via := req.Via()
	branch, _ := via.Params.Get("branch")
	if len(branch) > len(magicCookie) && strings.EqualFold(branch[:len(magicCookie)], magicCookie) {
		return branch + "|" + via.Host + ":" + strconv.Itoa(via.Port) + "|" + method
	}
	fromTag, _ := req.From().Params.Get("tag")
	var b strings.Builder
	b.WriteString("2543|")
	b.WriteString(req.Recipient.String())
	b.WriteString("|" + fromTag + "|" + req.CallID().Value() + "|")
	b.WriteString(strconv.FormatUint(uint64(req.CSeq().SeqNo), 10))
	b.WriteString("|" + via.SentBy() + "|" + branch + "|" + method)
	return b.String()
}

func clientKey(branch, method string) string { return branch + "|" + method }

// mergeKey is From tag, Call-ID and CSeq of a request without To tag.
func mergeKey(req *sip.Request) string {
	if toTag, _ := req.To().Params.Get("tag"); toTag != "" {
		return ""
	}
	fromTag, _ := req.From().Params.Get("tag")
	return fromTag + "|" + req.CallID().Value() + "|" + req.CSeq().Value()
}

func newTag() string { return rand.Text()[:14] }

func responseEvent(status int) Event {
	switch {
	case status < 200:
		return Provisional
	case status < 300:
		return Success
	}
	return Failure
}

// patience is 64*T1.
func (l *Layer) patience() time.Duration { return 64 * l.cfg.Timers.T1 }
