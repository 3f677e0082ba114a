package transaction

import (
	"github.com/emiago/sipgo/sip"
)

// Server is one server transaction. It keeps the serialized last response, and
// the request until the final one.
type Server struct {
	// User hears time-outs and broken flows; nil hears nothing.
	User ServerUser
	// Tag is the To tag of our responses (RFC 3261 §8.2.6.2). It is made by the
	// first response that needs one; a TU that answers within a dialog leaves it alone.
	Tag string

	layer   *Layer
	machine machine
	timing  timing
	key     string
	merge   string
	callID  string
	method  sip.RequestMethod
	flow    Flow
	request *sip.Request
	last    []byte
	status  int
	err     error
}

func (l *Layer) newServer(key string, req *sip.Request, flow Flow) *Server {
	kind := NonInviteServer
	if req.Method == sip.INVITE {
		kind = InviteServer
	}
	tx := &Server{
		layer: l, key: key, merge: mergeKey(req), callID: req.CallID().Value(),
		method: req.Method, flow: flow, request: req,
	}
	if req.Method == sip.CANCEL {
		tx.merge = "" // it has the INVITE's CSeq number
	}
	l.servers[key] = tx
	if tx.merge != "" && l.merged[tx.merge] == nil {
		l.merged[tx.merge] = tx
	}
	var p plan
	tx.machine, p = begin(kind, flow.Reliable(), l.cfg.Timers)
	tx.timing.set(l, p, tx.step, tx.machine.endEvent)
	return tx
}

// Request returns the request, nil after the final response.
func (tx *Server) Request() *sip.Request { return tx.request }

// Method returns the request's method.
func (tx *Server) Method() sip.RequestMethod { return tx.method }

// Flow returns where responses go.
func (tx *Server) Flow() Flow { return tx.flow }

// State returns the machine's state.
func (tx *Server) State() State { return tx.machine.state }

// Status returns the last response's status, 0 before any.
func (tx *Server) Status() int { return tx.status }

// Final reports whether a final response was sent.
func (tx *Server) Final() bool { return tx.status >= 200 }

// NewResponse returns a response to the transaction's request. It must be called
// before the final response.
func (tx *Server) NewResponse(status int, reason string) *sip.Response {
	if tx.Tag == "" && status > 100 {
		tx.Tag = newTag()
	}
	return NewResponse(tx.request, status, reason, tx.Tag)
}

// NewResponse returns a response with the headers of RFC 3261 §8.2.6.2; tag is
// the To tag where the request has none.
func NewResponse(req *sip.Request, status int, reason, tag string) *sip.Response {
	res := sip.NewResponse(status, reason)
	sip.CopyHeaders("Via", req, res)
	res.AppendHeader(sip.HeaderClone(req.From()))
	to := sip.HeaderClone(req.To()).(*sip.ToHeader)
	if !to.Params.Has("tag") && status > 100 {
		to.Params.Add("tag", tag)
	}
	res.AppendHeader(to)
	res.AppendHeader(sip.HeaderClone(req.CallID()))
	res.AppendHeader(sip.HeaderClone(req.CSeq()))
	if status > 100 && status < 300 {
		sip.CopyHeaders("Record-Route", req, res) // RFC 3261 §12.1.1
	}
	if status == 100 {
		sip.CopyHeaders("Timestamp", req, res) // RFC 3261 §8.2.6.1
	}
	return res
}

// Respond sends a response. Once a final one was sent, only an INVITE's 2xx is
// sent again; everything else is ignored.
func (tx *Server) Respond(res *sip.Response) {
	ev := responseEvent(res.StatusCode)
	if _, ok := table[tx.machine.kind][tx.machine.state][ev]; !ok {
		return
	}
	if res.Body() == nil {
		res.SetBody(nil) // writes Content-Length: 0
	}
	tx.last = []byte(res.String())
	tx.status = res.StatusCode
	tx.step(ev)
}

// Reply sends a response without anything special in it.
// After the final response it does nothing.
func (tx *Server) Reply(status int, reason string) {
	if tx.request != nil {
		tx.Respond(tx.NewResponse(status, reason))
	}
}

// Dismiss answers without keeping any state: for challenges to strangers (RFC
// 3261 §8.2.7). A lost answer is made anew when the request comes again, and an
// ACK for it reaches the TU as one that fits nothing.
func (tx *Server) Dismiss(res *sip.Response) {
	if res.Body() == nil {
		res.SetBody(nil)
	}
	tx.status = res.StatusCode
	tx.request = nil
	tx.machine.state = Terminated
	tx.remove()
	_ = tx.layer.send(tx.callID, tx.flow, []byte(res.String()), false)
}

// Resend sends the last response again: the 2xx of an INVITE until the ACK comes
// (RFC 3261 §13.3.1.4), a provisional one every minute (§13.3.1.1).
func (tx *Server) Resend() error {
	return tx.layer.send(tx.callID, tx.flow, tx.last, true)
}

// Last returns the serialized last response. It must not be changed.
func (tx *Server) Last() []byte { return tx.last }

func (tx *Server) step(ev Event) {
	p := tx.machine.step(ev, tx.layer.cfg.Timers)
	tx.timing.set(tx.layer, p, tx.step, tx.machine.endEvent)
	if tx.machine.state >= Completed {
		tx.request = nil // nothing needs it any more; it is most of the memory
	}
	var failed error
	if p.do&SendResponse != 0 && tx.last != nil {
		failed = tx.layer.send(tx.callID, tx.flow, tx.last, ev == Retransmit || ev == Request)
	}
	if p.do&TellTimeout != 0 {
		tx.layer.Counters.TimedOut++
		if tx.User != nil {
			tx.User.Unacknowledged(tx)
		}
	}
	if p.do&TellBroken != 0 && tx.User != nil {
		tx.User.ServerBroken(tx, tx.err)
	}
	switch {
	case failed != nil:
		tx.err = failed
		tx.step(Broken)
	case p.endNow:
		tx.step(tx.machine.endEvent())
	case tx.machine.state == Terminated:
		tx.remove()
	}
}

func (tx *Server) remove() {
	tx.timing.stop()
	if tx.layer.servers[tx.key] == tx {
		delete(tx.layer.servers, tx.key)
	}
	if tx.merge != "" && tx.layer.merged[tx.merge] == tx {
		delete(tx.layer.merged, tx.merge)
	}
}
