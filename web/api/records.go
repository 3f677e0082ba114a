package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core"
)

// CDR is the record of one leg.
type CDR struct {
	CallID     string            `json:"call_id" doc:"The call; its legs share it."`
	LegID      string            `json:"leg_id" doc:"The leg; there is one record for each."`
	Direction  string            `json:"direction" enum:"inbound,outbound"`
	From       string            `json:"from" doc:"Caller's number."`
	FromName   string            `json:"from_name,omitempty" doc:"Caller's name."`
	To         string            `json:"to" doc:"Destination."`
	Context    string            `json:"context,omitempty" doc:"Dialplan context."`
	Name       string            `json:"name" doc:"The channel's name."`
	Endpoint   string            `json:"endpoint" doc:"The protocol module."`
	StartedAt  Moment            `json:"started_at"`
	RingingAt  *Moment           `json:"ringing_at" nullable:"true"`
	AnsweredAt *Moment           `json:"answered_at" nullable:"true"`
	EndedAt    Moment            `json:"ended_at"`
	DurationMS int64             `json:"duration_ms" doc:"From the start to the end."`
	BillMS     int64             `json:"bill_ms" doc:"From the answer to the end; 0 if it was not answered."`
	Billsec    int               `json:"billsec" doc:"The whole seconds of it."`
	Cause      string            `json:"cause" doc:"Why it ended."`
	Q850       int               `json:"q850" doc:"The cause's code of ITU-T Q.850."`
	SIPStatus  int               `json:"sip_status" doc:"The far end's refusal; 0 for none."`
	HungUpBy   string            `json:"hung_up_by" enum:"caller,callee,bridge,application,api,switch"`
	PeerLegID  string            `json:"peer_leg_id,omitempty" doc:"The leg it was last bridged with."`
	Codec      string            `json:"codec,omitempty"`
	LastApp    string            `json:"last_app,omitempty"`
	LastArg    string            `json:"last_arg,omitempty"`
	Media      *Media            `json:"media,omitempty" doc:"Final figures of its RTP."`
	Apps       []Step            `json:"apps,omitempty" doc:"What it went through, arguments expanded. In lists with full=1 only."`
	Variables  map[string]string `json:"variables,omitempty" doc:"Its variables at the end, secrets masked. In lists with full=1 only."`
}

// Step is one application that a leg went through.
type Step struct {
	App  string `json:"app"`
	Data string `json:"data,omitempty" doc:"Its argument."`
	File string `json:"file,omitempty" doc:"Where the dialplan says so."`
	Line int    `json:"line,omitempty"`
}

type (
	cdrsInput struct {
		Paging
		CallID string    `query:"call_id" maxLength:"128" doc:"Legs of this call only."`
		From   string    `query:"from" maxLength:"256" doc:"Caller's number, exactly."`
		To     string    `query:"to" maxLength:"256" doc:"Destination, exactly."`
		Cause  string    `query:"cause" maxLength:"64" doc:"Hang-up cause, by name or number."`
		Since  time.Time `query:"since" doc:"Ended at this time or later."`
		Until  time.Time `query:"until" doc:"Ended before this time."`
		Full   bool      `query:"full" doc:"Give applications and variables, too."`
	}
	cdrInput struct {
		ID string `path:"leg_id" maxLength:"128" doc:"The leg's id."`
	}
	cdrAnswer struct{ Body CDR }
)

func (m *Module) describeRecords() {
	huma.Register(m.api, m.operation("listCDRs", http.MethodGet, "/v1/cdrs", "Records of ended legs, newest first."), m.listRecords)
	huma.Register(m.api, m.operation("getCDR", http.MethodGet, "/v1/cdrs/{leg_id}", "The record of one leg, with applications and variables."), m.getRecord)
}

func (m *Module) listRecords(ctx context.Context, in *cdrsInput) (*list[CDR], error) {
	if m.cfg.Records == nil {
		return nil, missing("records")
	}
	q := RecordQuery{CallID: core.CallID(in.CallID), From: in.From, To: in.To, Since: in.Since, Until: in.Until, Cursor: in.Cursor, Limit: in.Limit}
	if in.Cause != "" {
		cause, known := core.LookupCause(in.Cause)
		if !known {
			return nil, invalid(Fault{Parameter: "cause", Detail: "no such hang-up cause"})
		}
		q.Cause = cause.String()
	}
	records, next, err := m.cfg.Records.List(ctx, q)
	switch {
	case errors.Is(err, ErrBadCursor):
		return nil, badCursor()
	case err != nil:
		return nil, m.internal("read records", err)
	}
	items := make([]CDR, len(records))
	for i := range records {
		items[i] = cdrOf(&records[i], in.Full)
	}
	return paged(items, next), nil
}

func (m *Module) getRecord(ctx context.Context, in *cdrInput) (*cdrAnswer, error) {
	if m.cfg.Records == nil {
		return nil, missing("records")
	}
	r, err := m.cfg.Records.Get(ctx, core.ChannelID(in.ID))
	switch {
	case errors.Is(err, core.ErrNotFound):
		return nil, absent("record")
	case err != nil:
		return nil, m.internal("read record", err)
	}
	return &cdrAnswer{cdrOf(&r, true)}, nil
}

func cdrOf(r *Record, full bool) CDR {
	c := CDR{
		CallID: string(r.CallID), LegID: string(r.LegID), Direction: r.Direction, From: r.From, FromName: r.FromName, To: r.To,
		Context: r.Context, Name: r.Name, Endpoint: r.Endpoint,
		StartedAt: Moment{r.StartedAt}, RingingAt: moment(r.RingingAt), AnsweredAt: moment(r.AnsweredAt), EndedAt: Moment{r.EndedAt},
		DurationMS: r.Duration.Milliseconds(), Billsec: r.BillSec,
		Cause: r.Cause, Q850: r.Q850, SIPStatus: r.SIPStatus, HungUpBy: r.HungUpBy,
		PeerLegID: string(r.Peer), Codec: r.Codec, LastApp: r.LastApp, LastArg: r.LastArg, Media: r.media(),
	}
	if !r.AnsweredAt.IsZero() {
		c.BillMS = max(r.EndedAt.Sub(r.AnsweredAt).Milliseconds(), 0)
	}
	if full {
		c.Variables = r.Variables
		for s := range slices.Values(r.Apps) {
			c.Apps = append(c.Apps, Step{App: s.App, Data: s.Data, File: s.File, Line: s.Line})
		}
	}
	return c
}

// media are the record's figures, completed with what follows from them.
func (r *Record) media() *Media {
	if r.Media == nil {
		return nil
	}
	v := *r.Media
	v.LegID = string(r.LegID)
	v.LossInPercent, v.LossOutPercent = percent(v.LostIn, v.PacketsIn+v.LostIn), percent(v.LostOut, v.PacketsOut)
	return &v
}
