package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core/event"
)

// Event is one event of the log. Its JSON is the log's own: the same body
// whoever delivers it.
type Event struct{ event.Event }

// EventBody describes the JSON of an event.
type EventBody struct {
	Seq    uint64         `json:"seq" doc:"Its place in the log, strictly increasing."`
	ID     string         `json:"id" doc:"Unique among all logs."`
	Time   Moment         `json:"time"`
	Type   string         `json:"type" example:"call.answered"`
	CallID string         `json:"call_id,omitempty"`
	LegID  string         `json:"leg_id,omitempty"`
	Data   map[string]any `json:"data" doc:"What belongs to the type."`
}

// Schema implements huma.SchemaProvider.
func (Event) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[EventBody](), true, "")
}

type eventsInput struct {
	After  uint64 `query:"after" doc:"Events with larger numbers only; 0 begins with the oldest kept."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The most events to look at."`
	Cursor string `query:"cursor" maxLength:"20" doc:"What next of the page before said; the same as after."`
	CallID string `query:"call_id" maxLength:"128" doc:"Events of this call only."`
	Type   string `query:"type" maxLength:"64" doc:"This type only, or all of a group: call.answered, call.*"`
}

func (m *Module) describeEvents() {
	huma.Register(m.api, m.operation("listEvents", http.MethodGet, "/v1/events", "The event log, oldest first."), m.listEvents)
}

// listEvents reads a page of the log. With a filter a page may have fewer items
// than the limit, or none, while next is not null.
func (m *Module) listEvents(_ context.Context, in *eventsInput) (*list[Event], error) {
	if m.cfg.Events == nil {
		return nil, missing("events")
	}
	after := in.After
	if in.Cursor != "" {
		var err error
		if after, err = strconv.ParseUint(in.Cursor, 10, 64); err != nil {
			return nil, badCursor()
		}
	}
	before, last := m.cfg.Events.Bounds()
	if after == 0 {
		after = before
	}
	batch, seen, err := m.cfg.Events.Read(after, in.Limit)
	switch {
	case errors.Is(err, event.ErrGone):
		return nil, &Problem{Status: http.StatusGone, Detail: "the log does not have what follows: read /v1/calls, then go on after " + strconv.FormatUint(last, 10)}
	case err != nil:
		return nil, m.internal("read events", err)
	}
	items := make([]Event, 0, len(batch))
	for _, e := range batch {
		if in.wants(&e) {
			items = append(items, Event{e})
		}
	}
	next := ""
	if len(batch) > 0 && seen < last {
		next = strconv.FormatUint(seen, 10)
	}
	return paged(items, next), nil
}

func (in *eventsInput) wants(e *event.Event) bool {
	if in.CallID != "" && in.CallID != string(e.CallID) {
		return false
	}
	group, all := strings.CutSuffix(in.Type, "*")
	return in.Type == "" || in.Type == e.Type || all && strings.HasPrefix(e.Type, group)
}
