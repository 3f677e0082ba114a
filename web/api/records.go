package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core"
)

// CDR is the record of one leg.
type CDR struct {
	CallID     string  `json:"call_id" doc:"The call; its legs share it."`
	LegID      string  `json:"leg_id" doc:"The leg; there is one record for each."`
	Direction  string  `json:"direction" enum:"inbound,outbound"`
	From       string  `json:"from" doc:"Caller's number."`
	FromName   string  `json:"from_name,omitempty" doc:"Caller's name."`
	To         string  `json:"to" doc:"Destination."`
	Context    string  `json:"context,omitempty" doc:"Dialplan context."`
	Name       string  `json:"name" doc:"The channel's name."`
	Endpoint   string  `json:"endpoint" doc:"The protocol module."`
	StartedAt  Moment  `json:"started_at"`
	RingingAt  *Moment `json:"ringing_at" nullable:"true"`
	AnsweredAt *Moment `json:"answered_at" nullable:"true"`
	EndedAt    Moment  `json:"ended_at"`
	DurationMS int64   `json:"duration_ms" doc:"From start to end."`
	BillMS     int64   `json:"bill_ms" doc:"From the answer to the end; 0 if it was not answered."`
	Billsec    int64   `json:"billsec" doc:"Whole seconds of bill_ms."`
	Cause      string  `json:"cause" doc:"Why it ended."`
	Q850       int     `json:"q850" doc:"The cause's code of ITU-T Q.850."`
	SIPStatus  int     `json:"sip_status" doc:"The far end's refusal; 0 for none."`
	HungUpBy   string  `json:"hung_up_by" enum:"caller,callee,bridge,application,api,switch"`
	PeerID     string  `json:"peer_id,omitempty" doc:"The leg it was last bridged with."`
	LastApp    string  `json:"last_app,omitempty"`
	LastArgs   string  `json:"last_args,omitempty"`
	Codec      string  `json:"codec,omitempty"`
	Media      *Media  `json:"media,omitempty" doc:"Final figures of its RTP."`
}

type cdrsInput struct {
	Paging
	CallID    string    `query:"call_id" maxLength:"128" doc:"Legs of this call only."`
	LegID     string    `query:"leg_id" maxLength:"128" doc:"This leg only."`
	From      string    `query:"from" maxLength:"256" doc:"Caller's number, exactly."`
	To        string    `query:"to" maxLength:"256" doc:"Destination, exactly."`
	Direction string    `query:"direction" enum:"inbound,outbound"`
	Cause     string    `query:"cause" maxLength:"64" doc:"Hang-up cause, by name or number."`
	Since     time.Time `query:"since" doc:"Started at this time or later."`
	Until     time.Time `query:"until" doc:"Started before this time."`
}

func (m *Module) describeRecords() {
	huma.Register(m.api, m.operation("listCDRs", http.MethodGet, "/v1/cdrs", "Records of ended legs, newest first."), m.listRecords)
}

func (m *Module) listRecords(ctx context.Context, in *cdrsInput) (*list[CDR], error) {
	if m.cfg.Records == nil {
		return nil, missing("records")
	}
	q := RecordQuery{
		CallID: core.CallID(in.CallID), LegID: core.ChannelID(in.LegID), From: in.From, To: in.To, Direction: in.Direction,
		Since: in.Since, Until: in.Until, Cursor: in.Cursor, Limit: in.Limit,
	}
	if in.Cause != "" {
		var known bool
		if q.Cause, known = core.LookupCause(in.Cause); !known {
			return nil, invalid(Fault{Parameter: "cause", Detail: "no such hang-up cause"})
		}
	}
	records, next, err := m.cfg.Records.Records(ctx, q)
	switch {
	case errors.Is(err, ErrBadCursor):
		return nil, badCursor()
	case err != nil:
		return nil, m.internal("read records", err)
	}
	items := make([]CDR, 0, len(records))
	for i := range records {
		items = append(items, cdrOf(&records[i]))
	}
	return paged(items, next), nil
}

func cdrOf(r *core.Record) CDR {
	p, t := &r.Profile, &r.Times
	ringing := t.Progress
	if ringing.IsZero() {
		ringing = t.ProgressMedia
	}
	c := CDR{
		CallID: string(r.CallID), LegID: string(r.LegID), Direction: r.Direction.String(), From: p.CallerIDNumber, FromName: p.CallerIDName,
		To: p.DestinationNumber, Context: p.Context, Name: r.Name, Endpoint: r.Endpoint,
		StartedAt: Moment{t.Created}, RingingAt: moment(ringing), AnsweredAt: moment(t.Answered), EndedAt: Moment{t.Ended},
		DurationMS: t.Ended.Sub(t.Created).Milliseconds(),
		Cause:      r.Cause.String(), Q850: r.Cause.Q850(), SIPStatus: r.SIPStatus, HungUpBy: string(r.HungUpBy),
		PeerID: string(r.Peer), LastApp: r.LastApp, LastArgs: r.LastArg, Codec: r.Codec, Media: mediaOf(r.LegID, r.Media),
	}
	if !t.Answered.IsZero() {
		bill := t.Ended.Sub(t.Answered)
		c.BillMS, c.Billsec = bill.Milliseconds(), int64(bill.Seconds())
	}
	return c
}
