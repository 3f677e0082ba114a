package journal

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// timeForm is RFC 3339 in UTC with milliseconds.
const timeForm = "2006-01-02T15:04:05.000Z"

// Entry is one thing that happened, as it is read.
type Entry struct {
	OffsetMS int64            // since the call's first entry
	At       time.Time        // UTC
	Leg      core.ChannelID   // empty where it is about the call
	Kind     core.JournalKind // what it belongs to
	Sentence string           // in words, with the values
	Data     map[string]any   // values as JSON has them; "file" and "line" where a rule decided
	Raw      string           // the message itself, any bytes; secrets masked
}

// MarshalJSON writes the entry of GET /v1/calls/{id}/explain.
func (e Entry) MarshalJSON() ([]byte, error) {
	if e.Data == nil {
		e.Data = map[string]any{}
	}
	return json.Marshal(struct {
		OffsetMS int64            `json:"offset_ms"`
		At       string           `json:"at"`
		Leg      core.ChannelID   `json:"leg_id,omitempty"`
		Kind     core.JournalKind `json:"kind"`
		Sentence string           `json:"sentence"`
		Data     map[string]any   `json:"data"`
		Raw      string           `json:"raw,omitempty"`
	}{e.OffsetMS, e.At.UTC().Format(timeForm), e.Leg, e.Kind, e.Sentence, e.Data, e.Raw})
}

// Note returns the entry in the vocabulary's form, its data as pairs in the
// order of their keys.
func (e Entry) Note() core.JournalEntry {
	n := core.JournalEntry{At: e.At, Leg: e.Leg, Kind: e.Kind, Sentence: e.Sentence}
	if e.Raw != "" {
		n.Raw = []byte(e.Raw)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Data)) {
		n.Data = append(n.Data, key, e.Data[key])
	}
	return n
}

// traceKey is the key under which a dialplan entry carries its core.TraceEntry.
const traceKey = "trace"

// flatten makes the readable form of an entry: secrets masked, data that JSON
// can say, and a sentence.
func flatten(e *core.JournalEntry) Entry {
	out := Entry{At: e.At.UTC(), Leg: e.Leg, Kind: e.Kind, Raw: string(e.Raw)}
	pairs := plainPairs(e.Data)
	out.Sentence = sentence(e, pairs)
	out.Data = make(map[string]any, len(pairs))
	for _, p := range pairs {
		if p.trace != nil {
			maps.Copy(out.Data, traceData(p.trace))
			continue
		}
		out.Data[p.key] = p.value
	}
	return out
}

// pair is one value of an entry.
type pair struct {
	key   string
	value any
	trace *core.TraceEntry
}

// plainPairs reads slog-like pairs; a key without a value is true.
func plainPairs(data []any) []pair {
	pairs := make([]pair, 0, (len(data)+1)/2)
	secret := false
	for i := 0; i < len(data); i += 2 {
		p := pair{key: fmt.Sprint(data[i]), value: true}
		if i+1 < len(data) {
			if t, ok := data[i+1].(core.TraceEntry); ok && p.key == traceKey {
				t.Value, t.Detail = maskText(t.Value), maskText(t.Detail)
				if isSecret(t.Field) {
					t.Value = masked
				}
				p.trace = &t
			} else {
				p.key, p.value = plain(p.key, data[i+1])
			}
		}
		// {"name", "sip_auth_password", "value", "x"} and {"sip_auth_password", "x"}
		if text, ok := p.value.(string); ok && p.key == "name" {
			secret = isSecret(text)
		} else if p.key == "value" && secret || ok && isSecret(p.key) {
			p.value = masked
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// plain makes a value that JSON can say, and a key that says its unit.
func plain(key string, v any) (string, any) {
	switch v := v.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint8, uint16, uint32, uint64, uint:
		return key, v
	case string:
		return key, maskText(v)
	case time.Duration:
		return key + "_ms", v.Milliseconds()
	case time.Time:
		return key, v.UTC().Format(timeForm)
	case []byte:
		return key, maskText(string(v))
	case error:
		return key, maskText(v.Error())
	case encoding.TextMarshaler, json.Marshaler:
	case fmt.Stringer:
		return key, maskText(v.String())
	}
	if _, err := json.Marshal(v); err != nil {
		return key, fmt.Sprint(v)
	}
	return key, v
}

// traceData is what the dialplan looked at, as data.
func traceData(t *core.TraceEntry) map[string]any {
	data := map[string]any{traceKey: t.Kind, "passed": t.Passed}
	for key, value := range map[string]string{
		"file": t.File, "name": t.Name, "field": t.Field, "value": t.Value, "pattern": t.Pattern, "detail": t.Detail,
	} {
		if value != "" {
			data[key] = value
		}
	}
	if t.Line > 0 {
		data["line"] = t.Line
	}
	if t.Depth > 0 {
		data["depth"] = t.Depth
	}
	return data
}
