package box

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

// Table is where messages and settings outlast the process. Calls may block;
// the Store makes one at a time.
type Table interface {
	Load(ctx context.Context) ([]Message, []Settings, error)
	// SaveMessage inserts or replaces by ID.
	SaveMessage(ctx context.Context, m Message) error
	// DeleteMessage is fine with one that is not there.
	DeleteMessage(ctx context.Context, id string) error
	// SaveSettings inserts or replaces by owner.
	SaveSettings(ctx context.Context, s Settings) error
}

// messageRow is a message in the table voicemail_messages. Times are Unix
// milliseconds, 0 for none, so that every database keeps them alike.
type messageRow struct {
	ID           string `gorm:"primaryKey"`
	OwnerUser    string `gorm:"not null;index:idx_voicemail_owner,priority:2"`
	OwnerDomain  string `gorm:"not null;index:idx_voicemail_owner,priority:1"`
	State        string `gorm:"not null"`
	Urgent       bool   `gorm:"not null"`
	CallerName   string
	CallerNumber string
	CallID       string `gorm:"index"`
	CreatedMS    int64  `gorm:"column:created_ms"`
	HeardMS      int64  `gorm:"column:heard_ms"`
	LengthMS     int64  `gorm:"column:length_ms"`
}

// TableName is fixed, whatever gorm's naming rules say.
func (messageRow) TableName() string { return "voicemail_messages" }

// settingsRow is a box's settings in the table voicemail_boxes.
type settingsRow struct {
	OwnerUser     string `gorm:"primaryKey"`
	OwnerDomain   string `gorm:"primaryKey"`
	Greeting      int
	PINHash       string `gorm:"column:pin_hash"`
	Failures      int
	LockedUntilMS int64 `gorm:"column:locked_until_ms"`
}

// TableName is fixed, whatever gorm's naming rules say.
func (settingsRow) TableName() string { return "voicemail_boxes" }

// Migrations brings the tables of voicemail.
func Migrations() []store.Migration {
	return []store.Migration{{
		ID: "0001-voicemail",
		Up: func(db *gorm.DB) error { return db.Migrator().CreateTable(&messageRow{}, &settingsRow{}) },
	}}
}

// Database is the Table in a gorm database whose migrations have run.
type Database struct{ db *gorm.DB }

var _ Table = (*Database)(nil)

// NewDatabase uses db, which the caller opens, migrates and closes.
func NewDatabase(db *gorm.DB) *Database { return &Database{db} }

// Load implements Table.
func (d *Database) Load(ctx context.Context) ([]Message, []Settings, error) {
	var rows []messageRow
	if err := d.db.WithContext(ctx).Order("created_ms, id").Find(&rows).Error; err != nil {
		return nil, nil, fmt.Errorf("voicemail: load: %w", err)
	}
	messages := make([]Message, len(rows))
	for i, r := range rows {
		messages[i] = Message{
			ID: r.ID, Owner: core.AOR{User: r.OwnerUser, Domain: r.OwnerDomain}, State: State(r.State), Urgent: r.Urgent,
			CallerName: r.CallerName, CallerNumber: r.CallerNumber, CallID: core.CallID(r.CallID),
			Created: moment(r.CreatedMS), Heard: moment(r.HeardMS), Length: time.Duration(r.LengthMS) * time.Millisecond,
		}
	}
	var boxes []settingsRow
	if err := d.db.WithContext(ctx).Find(&boxes).Error; err != nil {
		return nil, nil, fmt.Errorf("voicemail: load: %w", err)
	}
	settings := make([]Settings, len(boxes))
	for i, r := range boxes {
		settings[i] = Settings{
			Owner: core.AOR{User: r.OwnerUser, Domain: r.OwnerDomain}, Greeting: r.Greeting, PINHash: r.PINHash,
			Failures: r.Failures, LockedUntil: moment(r.LockedUntilMS),
		}
	}
	return messages, settings, nil
}

// SaveMessage implements Table.
func (d *Database) SaveMessage(ctx context.Context, m Message) error {
	return d.db.WithContext(ctx).Save(&messageRow{
		ID: m.ID, OwnerUser: m.Owner.User, OwnerDomain: m.Owner.Domain, State: string(m.State), Urgent: m.Urgent,
		CallerName: m.CallerName, CallerNumber: m.CallerNumber, CallID: string(m.CallID),
		CreatedMS: millis(m.Created), HeardMS: millis(m.Heard), LengthMS: m.Length.Milliseconds(),
	}).Error
}

// DeleteMessage implements Table.
func (d *Database) DeleteMessage(ctx context.Context, id string) error {
	return d.db.WithContext(ctx).Delete(&messageRow{}, "id = ?", id).Error
}

// SaveSettings implements Table.
func (d *Database) SaveSettings(ctx context.Context, s Settings) error {
	return d.db.WithContext(ctx).Save(&settingsRow{
		OwnerUser: s.Owner.User, OwnerDomain: s.Owner.Domain, Greeting: s.Greeting, PINHash: s.PINHash,
		Failures: s.Failures, LockedUntilMS: millis(s.LockedUntil),
	}).Error
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
