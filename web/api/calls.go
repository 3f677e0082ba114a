package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core"
)

// callAge is how long an ended call is answered for, at least.
const callAge = 30 * 24 * time.Hour

// maxLegs bounds the records read for one call.
const maxLegs = 1000

// OfCall names a call in the path.
type OfCall struct {
	ID string `path:"id" maxLength:"128" doc:"The call's id."`
}

type (
	callsInput struct {
		Paging
	}
	hangupInput struct {
		OfCall
		Cause string `query:"cause" maxLength:"64" doc:"Hang-up cause by name or number; NORMAL_CLEARING without one." example:"USER_BUSY"`
	}
	callAnswer struct{ Body Call }
)

func (m *Module) describeCalls() {
	huma.Register(m.api, m.operation("listCalls", http.MethodGet, "/v1/calls", "Live calls, oldest first."), m.listCalls)
	huma.Register(m.api, m.operation("getCall", http.MethodGet, "/v1/calls/{id}", "One call with its legs and figures, live or ended in the last 30 days."), m.getCall)
	huma.Register(m.api, m.operation("getCallMedia", http.MethodGet, "/v1/calls/{id}/media", "Figures of each leg's RTP."), m.getMedia)
	hangup := m.operation("hangupCall", http.MethodDelete, "/v1/calls/{id}", "Hang up every leg of a call.")
	hangup.DefaultStatus = http.StatusAccepted
	huma.Register(m.api, hangup, m.hangupCall)
}

func (m *Module) listCalls(_ context.Context, in *callsInput) (*list[Call], error) {
	if m.cfg.Calls == nil {
		return nil, missing("calls")
	}
	l, err := cut(group(m.cfg.Calls.Channels()), in.Paging, callKey)
	if err != nil {
		return nil, err
	}
	for i := range l.Body.Items {
		m.name(&l.Body.Items[i])
	}
	return l, nil
}

// name says who called whom at first: legs tell where they are now, after
// transfers, or what a dial string made of it.
func (m *Module) name(c *Call) {
	if t, ok := m.book.find(core.CallID(c.ID)); ok && t.from != "" {
		c.From, c.To = t.from, t.to
	}
}

func (m *Module) getCall(ctx context.Context, in *OfCall) (*callAnswer, error) {
	c, err := m.call(ctx, core.CallID(in.ID))
	if err != nil {
		return nil, err
	}
	return &callAnswer{c}, nil
}

func (m *Module) getMedia(ctx context.Context, in *OfCall) (*list[Media], error) {
	c, err := m.call(ctx, core.CallID(in.ID))
	if err != nil {
		return nil, err
	}
	var figures []Media
	for _, l := range c.Legs {
		if l.Media != nil {
			figures = append(figures, *l.Media)
		}
	}
	return whole(figures), nil
}

// call finds a call: its live channels, the records of those that ended, and
// where there was no channel (yet), what events told.
func (m *Module) call(ctx context.Context, id core.CallID) (Call, error) {
	legs := m.liveLegs(id)
	ended, err := m.endedLegs(ctx, id)
	if err != nil && len(legs) == 0 {
		return Call{}, m.internal("read records", err)
	}
	for _, l := range ended {
		if !slices.ContainsFunc(legs, func(live Leg) bool { return live.ID == l.ID }) {
			legs = append(legs, l)
		}
	}
	if len(legs) > 0 {
		c := callOf(string(id), legs)
		m.name(&c)
		return c, nil
	}
	if t, ok := m.book.find(id); ok {
		return t.call(), nil
	}
	return Call{}, absent("call")
}

func (m *Module) liveLegs(id core.CallID) []Leg {
	if m.cfg.Calls == nil {
		return nil
	}
	var legs []Leg
	for _, c := range m.cfg.Calls.Channels() {
		if c.CallID == id {
			legs = append(legs, liveLeg(&c))
		}
	}
	return legs
}

func (m *Module) endedLegs(ctx context.Context, id core.CallID) ([]Leg, error) {
	if m.cfg.Records == nil {
		return nil, nil
	}
	records, _, err := m.cfg.Records.List(ctx, RecordQuery{CallID: id, Since: time.Now().Add(-callAge), Limit: maxLegs})
	if err != nil {
		return nil, err
	}
	legs := make([]Leg, len(records))
	for i := range records {
		legs[i] = endedLeg(&records[i])
	}
	return legs, nil
}

// hangupCall ends every leg. A call that is over is 409, never 404: the client
// knew it.
func (m *Module) hangupCall(ctx context.Context, in *hangupInput) (*acceptedAnswer, error) {
	if m.cfg.Switch == nil {
		return nil, missing("calls")
	}
	cause := core.CauseNormalClearing
	if in.Cause != "" {
		var known bool
		if cause, known = core.LookupCause(in.Cause); !known || !slices.Contains(core.Causes(), cause) || cause == core.CauseNone {
			return nil, invalid(Fault{Parameter: "cause", Detail: "no such hang-up cause"})
		}
	}
	seq := m.lastSeq()
	if err := m.cfg.Switch.HangupCall(core.CallID(in.ID), cause, core.ByAPI); err != nil {
		c, absence := m.call(ctx, core.CallID(in.ID))
		if absence != nil {
			return nil, absence
		}
		if c.EndedAt == nil {
			return nil, &Problem{Status: http.StatusConflict, kind: "no-leg", Detail: "the call has no leg now"}
		}
		return nil, &Problem{
			Status: http.StatusConflict, kind: "call-ended", Detail: "the call has ended", Cause: c.Cause, Q850: c.Q850,
		}
	}
	return &acceptedAnswer{Accepted{CallID: in.ID, ActionID: core.NewID(), Seq: seq}}, nil
}

// lastSeq is where the event log is now: what comes of an action has later numbers.
func (m *Module) lastSeq() uint64 {
	if m.cfg.Events == nil {
		return 0
	}
	_, last := m.cfg.Events.Bounds()
	return last
}
