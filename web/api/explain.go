package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core"
)

// Entry is one thing that happened to a call, and why.
type Entry struct {
	OffsetMS int64          `json:"offset_ms" doc:"Since the call's first entry."`
	At       Moment         `json:"at"`
	LegID    string         `json:"leg_id,omitempty" doc:"The leg it happened to."`
	Kind     string         `json:"kind" doc:"What it belongs to." enum:"sip,dialplan,app,variable,media,state,timer,hangup,originate"`
	Sentence string         `json:"sentence" doc:"What happened, in words."`
	Data     map[string]any `json:"data" doc:"The values; file and line where a rule of the configuration decided."`
	Raw      string         `json:"raw,omitempty" doc:"The message itself, secrets masked; with raw=1."`
}

type explainInput struct {
	OfCall
	Raw  bool   `query:"raw" doc:"Give messages, too."`
	Kind string `query:"kind" enum:"sip,dialplan,app,variable,media,state,timer,hangup,originate" doc:"Entries of this kind only."`
}

func (m *Module) describeExplain() {
	huma.Register(m.api, m.operation("explainCall", http.MethodGet, "/v1/calls/{id}/explain", "What happened to a call, step by step, and why."), m.explain)
}

func (m *Module) explain(ctx context.Context, in *explainInput) (*list[Entry], error) {
	if m.cfg.Journal == nil {
		return nil, missing("journals")
	}
	entries, err := m.cfg.Journal.Entries(ctx, core.CallID(in.ID))
	switch {
	case errors.Is(err, core.ErrNotFound), err == nil && len(entries) == 0:
		return nil, absent("call in the journal")
	case err != nil:
		return nil, m.internal("read journal", err)
	}
	start := entries[0].At
	items := make([]Entry, 0, len(entries))
	for i := range entries {
		if e := &entries[i]; in.Kind == "" || in.Kind == string(e.Kind) {
			items = append(items, entryOf(e, start, in.Raw))
		}
	}
	return whole(items), nil
}

func entryOf(e *core.JournalEntry, start time.Time, raw bool) Entry {
	v := Entry{
		OffsetMS: e.At.Sub(start).Milliseconds(), At: Moment{e.At}, LegID: string(e.Leg), Kind: string(e.Kind), Sentence: e.Sentence, Data: pairs(e.Data),
	}
	if raw {
		v.Raw = strings.ToValidUTF8(string(e.Raw), "\uFFFD")
	}
	return v
}

// pairs makes an object of slog-like pairs; a key without a value is true.
func pairs(list []any) map[string]any {
	object := make(map[string]any, (len(list)+1)/2)
	for i := 0; i < len(list); i += 2 {
		key := fmt.Sprint(list[i])
		if i+1 == len(list) {
			object[key] = true
			break
		}
		object[key] = plain(list[i+1])
	}
	return object
}

// plain makes a value that JSON can say.
func plain(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int, int64, uint64, json.Number:
		return v
	case time.Time:
		return v.UTC().Format(momentLayout)
	case []byte:
		return strings.ToValidUTF8(string(v), "\uFFFD")
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	}
	if _, err := json.Marshal(v); err != nil {
		return fmt.Sprint(v)
	}
	return v
}
