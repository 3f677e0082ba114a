// Package event is the log of what happens to calls, for the outside: typed,
// immutable events with a number that only grows. It does not deliver; whoever
// delivers (a web page, a webhook) pulls.
//
//	Publish ─► ring in memory ─► writer (Run) ─► segment files
//	              └──────────► Read ◄──────────────┘
//
// Publishing never waits: a slow disk makes the writer lag behind the ring, a
// slow reader makes do with the files, and only retention loses events. The
// writer is the one goroutine here.
package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// TypeLost is the type of the event that stands for events which neither the
// memory nor the disk could hold; its data has their number ("count") and the
// last one's seq ("to_seq").
const TypeLost = "system.events_lost"

// timeForm is RFC 3339 in UTC with milliseconds.
const timeForm = "2006-01-02T15:04:05.000Z"

// Event is one entry of the log. Its JSON is the same whoever delivers it, and
// whether it comes from memory or from disk. It is not changed.
type Event struct {
	Seq    uint64         // grows strictly within this log, also over restarts
	ID     string         // unique among all logs
	Time   time.Time      // when it happened
	Type   string         // "call.created"
	CallID core.CallID    // empty where no call is concerned
	LegID  core.ChannelID // empty where no leg is concerned
	Data   map[string]any // may be nil
}

// body is the form on the wire and on disk. Seq comes first: segments are
// searched by it.
type body struct {
	Seq    uint64          `json:"seq"`
	ID     string          `json:"id"`
	Time   string          `json:"time"`
	Type   string          `json:"type"`
	CallID core.CallID     `json:"call_id,omitempty"`
	LegID  core.ChannelID  `json:"leg_id,omitempty"`
	Data   json.RawMessage `json:"data"`
}

// MarshalJSON writes the body of an event. Data that has no JSON is replaced
// by an object that says so: an event is never lost to it.
func (e Event) MarshalJSON() ([]byte, error) {
	data := []byte("{}")
	if len(e.Data) > 0 {
		var err error
		if data, err = json.Marshal(e.Data); err != nil {
			data, _ = json.Marshal(map[string]string{"unencodable": err.Error()})
		}
	}
	return json.Marshal(body{
		Seq: e.Seq, ID: e.ID, Time: e.Time.UTC().Format(timeForm), Type: e.Type, CallID: e.CallID, LegID: e.LegID, Data: data,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote; numbers of the data become
// json.Number, so that they are written again as they were.
func (e *Event) UnmarshalJSON(text []byte) error {
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	at, err := time.Parse(timeForm, b.Time)
	if err != nil {
		return fmt.Errorf("event: time: %w", err)
	}
	*e = Event{Seq: b.Seq, ID: b.ID, Time: at, Type: b.Type, CallID: b.CallID, LegID: b.LegID}
	dec := json.NewDecoder(bytes.NewReader(b.Data))
	dec.UseNumber()
	if err := dec.Decode(&e.Data); err != nil {
		return fmt.Errorf("event: data: %w", err)
	}
	if len(e.Data) == 0 {
		e.Data = nil
	}
	return nil
}
