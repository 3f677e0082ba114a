package cdr

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

// row is a row of the table cdrs. Times are text as in JSON, empty where they
// never came: SQLite has no type for them, and text of this form compares and
// sorts the same everywhere.
type row struct {
	ID         int64 `gorm:"primaryKey;autoIncrement"`
	CallID     string
	LegID      string
	Direction  string
	FromNumber string
	FromName   string
	ToNumber   string
	StartedAt  string
	RingingAt  string
	AnsweredAt string
	EndedAt    string
	Billsec    int
	DurationMS int64 `gorm:"column:duration_ms"`
	Cause      string
	Q850       int `gorm:"column:q850"`
	SIPStatus  int `gorm:"column:sip_status"`
	HungUpBy   string
	Endpoint   string
	Name       string
	Context    string
	PeerLegID  string
	Codec      string
	LastApp    string
	LastArg    string
	Apps       string // JSON
	Media      string // JSON, empty without media
	Variables  string // JSON
}

// TableName is gorm's way to ask.
func (row) TableName() string { return "cdrs" }

// migrations are the history of the table. A released step does not change.
func migrations() []store.Migration {
	return []store.Migration{{ID: "0001_create", Up: createTable}}
}

func createTable(tx *gorm.DB) error {
	type cdr struct {
		ID         int64  `gorm:"primaryKey;autoIncrement"`
		CallID     string `gorm:"type:text;not null;index:cdrs_call_id"`
		LegID      string `gorm:"type:text;not null;uniqueIndex:cdrs_leg_id"`
		Direction  string `gorm:"type:text;not null"`
		FromNumber string `gorm:"type:text;not null;index:cdrs_from_number"`
		FromName   string `gorm:"type:text;not null"`
		ToNumber   string `gorm:"type:text;not null;index:cdrs_to_number"`
		StartedAt  string `gorm:"type:text;not null"`
		RingingAt  string `gorm:"type:text;not null"`
		AnsweredAt string `gorm:"type:text;not null"`
		EndedAt    string `gorm:"type:text;not null;index:cdrs_ended_at"`
		Billsec    int    `gorm:"not null"`
		DurationMS int64  `gorm:"column:duration_ms;not null"`
		Cause      string `gorm:"type:text;not null"`
		Q850       int    `gorm:"column:q850;not null"`
		SIPStatus  int    `gorm:"column:sip_status;not null"`
		HungUpBy   string `gorm:"type:text;not null"`
		Endpoint   string `gorm:"type:text;not null"`
		Name       string `gorm:"type:text;not null"`
		Context    string `gorm:"type:text;not null"`
		PeerLegID  string `gorm:"type:text;not null"`
		Codec      string `gorm:"type:text;not null"`
		LastApp    string `gorm:"type:text;not null"`
		LastArg    string `gorm:"type:text;not null"`
		Apps       string `gorm:"type:text;not null"`
		Media      string `gorm:"type:text;not null"`
		Variables  string `gorm:"type:text;not null"`
	}
	return tx.Table("cdrs").Migrator().CreateTable(&cdr{})
}

// insertBatch bounds one INSERT: 26 columns each, within SQLite's old limit of
// 999 variables.
const insertBatch = 30

// insertRows writes items in one transaction and says how many were new; those
// whose leg is there already are left alone.
func (r *Records) insertRows(ctx context.Context, items []Item) (fresh int, err error) {
	err = r.db.Gorm().WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		fresh = 0
		rows := make([]row, len(items))
		for i := range items {
			var err error
			if rows[i], err = newRow(items[i]); err != nil {
				return err
			}
		}
		for some := range slices.Chunk(rows, insertBatch) {
			done := tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "leg_id"}}, DoNothing: true}).Create(&some)
			if done.Error != nil {
				return done.Error
			}
			fresh += int(done.RowsAffected)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return fresh, nil
}

func newRow(i Item) (row, error) {
	apps, err := json.Marshal(i.Apps)
	if err != nil {
		return row{}, err
	}
	variables, err := json.Marshal(i.Variables)
	if err != nil {
		return row{}, err
	}
	var media []byte
	if i.Media != nil {
		if media, err = json.Marshal(i.Media); err != nil {
			return row{}, err
		}
	}
	return row{
		CallID: string(i.CallID), LegID: string(i.LegID), Direction: i.Direction, FromNumber: i.From, FromName: i.FromName, ToNumber: i.To,
		StartedAt: text(i.StartedAt), RingingAt: text(i.RingingAt), AnsweredAt: text(i.AnsweredAt), EndedAt: text(i.EndedAt),
		Billsec: i.BillSec, DurationMS: i.Duration.Milliseconds(), Cause: i.Cause, Q850: i.Q850, SIPStatus: i.SIPStatus,
		HungUpBy: i.HungUpBy, Endpoint: i.Endpoint, Name: i.Name, Context: i.Context, PeerLegID: string(i.Peer), Codec: i.Codec,
		LastApp: i.LastApp, LastArg: i.LastArg, Apps: string(apps), Media: string(media), Variables: string(variables),
	}, nil
}

func (rw *row) item() Item {
	i := Item{
		CallID: core.CallID(rw.CallID), LegID: core.ChannelID(rw.LegID), Direction: rw.Direction,
		From: rw.FromNumber, FromName: rw.FromName, To: rw.ToNumber,
		StartedAt: moment(&rw.StartedAt), RingingAt: moment(&rw.RingingAt), AnsweredAt: moment(&rw.AnsweredAt), EndedAt: moment(&rw.EndedAt),
		BillSec: rw.Billsec, Duration: time.Duration(rw.DurationMS) * time.Millisecond, Cause: rw.Cause, Q850: rw.Q850, SIPStatus: rw.SIPStatus,
		HungUpBy: rw.HungUpBy, Endpoint: rw.Endpoint, Name: rw.Name, Context: rw.Context, Peer: core.ChannelID(rw.PeerLegID), Codec: rw.Codec,
		LastApp: rw.LastApp, LastArg: rw.LastArg,
	}
	// They are JSON because we wrote them; what somebody else put there reads as none.
	_ = json.Unmarshal([]byte(rw.Apps), &i.Apps)
	_ = json.Unmarshal([]byte(rw.Variables), &i.Variables)
	if rw.Media != "" {
		_ = json.Unmarshal([]byte(rw.Media), &i.Media)
	}
	return i
}

func text(t time.Time) string {
	if s := stamp(t); s != nil {
		return *s
	}
	return ""
}
