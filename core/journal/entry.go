package journal

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// line is an entry as it is stored: secrets masked, data that JSON can say, no
// text made. Its raw bytes stand behind it.
type line struct {
	At    int64            `json:"t"` // Unix time in nanoseconds
	Leg   core.ChannelID   `json:"leg,omitempty"`
	Kind  core.JournalKind `json:"kind"`
	Said  string           `json:"said"`
	Pairs []any            `json:"pairs,omitempty"` // key, value, key, value …
	Trace *core.TraceEntry `json:"trace,omitempty"`
	Raw   int              `json:"raw,omitempty"` // bytes
}

// newLine makes the stored form of an entry.
func newLine(e *core.JournalEntry) line {
	l := line{At: e.At.UnixNano(), Leg: e.Leg, Kind: e.Kind, Said: e.Sentence, Raw: len(e.Raw)}
	secret := false
	for i := 0; i < len(e.Data); i += 2 {
		key, isText := e.Data[i].(string)
		if !isText {
			key = fmt.Sprint(e.Data[i])
		}
		var value any = true // of a key without one
		if i+1 < len(e.Data) {
			if t, ok := e.Data[i+1].(core.TraceEntry); ok && key == traceKey {
				l.Trace = maskTrace(t)
				continue
			}
			key, value = plain(key, e.Data[i+1])
		}
		// Both {"name", "sip_auth_password", "value", "x"} and {"sip_auth_password", "x"}.
		if name, ok := value.(string); ok && key == "name" {
			secret = isSecret(name)
		} else if secret && key == "value" || ok && isSecret(key) {
			value = masked
		}
		l.Pairs = append(l.Pairs, key, value)
	}
	return l
}

func maskTrace(t core.TraceEntry) *core.TraceEntry {
	t.Value, t.Detail = maskText(t.Value), maskText(t.Detail)
	if isSecret(t.Field) {
		t.Value = masked
	}
	return &t
}

// entry makes the readable form.
func (l *line) entry(raw string) Entry {
	e := Entry{At: time.Unix(0, l.At).UTC(), Leg: l.Leg, Kind: l.Kind, Raw: raw, Sentence: l.sentence(raw)}
	e.Data = make(map[string]any, len(l.Pairs)/2)
	for i := 0; i+1 < len(l.Pairs); i += 2 {
		e.Data[fmt.Sprint(l.Pairs[i])] = l.Pairs[i+1]
	}
	if l.Trace != nil {
		addTrace(e.Data, l.Trace)
	}
	return e
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

// addTrace adds what the dialplan looked at.
func addTrace(data map[string]any, t *core.TraceEntry) {
	data[traceKey], data["passed"] = t.Kind, t.Passed
	for key, value := range map[string]string{
		"file": t.File, "name": t.Name, "field": t.Field, "value": t.Value, "pattern": t.Pattern, "detail": t.Detail,
	} {
		if value != "" {
			data[key] = value
		}
	}
	if t.Line > 0 {
		data["line"] = json.Number(strconv.Itoa(t.Line))
	}
	if t.Depth > 0 {
		data["depth"] = json.Number(strconv.Itoa(t.Depth))
	}
}
