package event

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzScan reads what a crash or a sick disk may leave of a segment.
func FuzzScan(f *testing.F) {
	line, err := json.Marshal(Event{Seq: 7, ID: "x-7", Type: "call.created", Data: map[string]any{"a": 1}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(bytes.Repeat(append(line, '\n'), 400), line[:20]...), uint64(7))
	f.Add([]byte(`{"seq":`), uint64(1))
	f.Fuzz(func(t *testing.T, text []byte, want uint64) {
		file := bytes.NewReader(text)
		from, err := search(file, int64(len(text)), want)
		if err != nil || from < 0 || from > int64(len(text)) {
			t.Fatalf("search = %d, %v", from, err)
		}
		err = scan(file, from, int64(len(text)), func(e Event) bool {
			again, err := json.Marshal(e)
			if err != nil {
				t.Errorf("Marshal(%+v): %v", e, err)
			}
			var back Event
			if err := json.Unmarshal(again, &back); err != nil || back.Seq != e.Seq {
				t.Errorf("Unmarshal(%s) = %+v, %v", again, back, err)
			}
			return true
		})
		if err != nil {
			t.Errorf("scan: %v", err)
		}
	})
}
