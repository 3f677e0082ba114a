package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Moment is a time as RFC 3339 writes it, in UTC with milliseconds.
type Moment struct{ time.Time }

// momentLayout is RFC 3339 with three decimals, always.
const momentLayout = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements json.Marshaler.
func (t Moment) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format(momentLayout) + `"`), nil
}

// Schema implements huma.SchemaProvider.
func (Moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Description: "RFC 3339, UTC, with milliseconds", Examples: []any{"2026-01-31T23:59:59.123Z"}}
}

// moment is nil for what never came.
func moment(t time.Time) *Moment {
	if t.IsZero() {
		return nil
	}
	return &Moment{t}
}
