package registrar

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

// row is a binding in the table registrations. Times are Unix milliseconds, so
// that every database keeps them alike.
type row struct {
	ID           uint64 `gorm:"primaryKey"`
	AORUser      string `gorm:"column:aor_user;not null;index:idx_registrations_aor,priority:2"`
	AORDomain    string `gorm:"column:aor_domain;not null;index:idx_registrations_aor,priority:1"`
	URI          string `gorm:"column:uri;not null"`
	Instance     string `gorm:"column:instance"`
	RegID        int    `gorm:"column:reg_id"`
	CallID       string `gorm:"column:call_id"`
	CSeq         uint32 `gorm:"column:cseq"`
	Q            float64
	Path         string // JSON list, empty for none
	Profile      string
	Transport    string
	Received     string
	UserAgent    string
	RegisteredMS int64 `gorm:"column:registered_ms"`
	RefreshedMS  int64 `gorm:"column:refreshed_ms"`
	ExpiresMS    int64 `gorm:"column:expires_ms;index"`
}

// TableName is fixed, whatever gorm's naming rules say.
func (row) TableName() string { return "registrations" }

// Migrations brings the registrar's table.
func Migrations() []store.Migration {
	return []store.Migration{{
		ID: "0001-registrations",
		Up: func(db *gorm.DB) error { return db.Migrator().CreateTable(&row{}) },
	}}
}

// Database is the Storage in a gorm database whose migrations have run.
type Database struct {
	db *gorm.DB // immutable
}

var _ Storage = (*Database)(nil)

// NewDatabase uses db, which the caller opens, migrates and closes.
func NewDatabase(db *gorm.DB) *Database { return &Database{db: db} }

// Load implements Storage.
func (d *Database) Load(ctx context.Context) ([]Binding, error) {
	var rows []row
	if err := d.db.WithContext(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("registrar: load: %w", err)
	}
	list := make([]Binding, 0, len(rows))
	for _, r := range rows {
		b, err := r.binding()
		if err != nil {
			return nil, fmt.Errorf("registrar: load: %s@%s: %w", r.AORUser, r.AORDomain, err)
		}
		list = append(list, b)
	}
	return list, nil
}

// insertRows bounds one INSERT: 17 columns each, within SQLite's old limit of
// 999 variables.
const insertRows = 50

// Save implements Storage, in one transaction.
func (d *Database) Save(ctx context.Context, aors map[core.AOR][]Binding) error {
	err := d.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var rows []row
		users := map[string][]string{} // by domain
		for aor, list := range aors {
			users[aor.Domain] = append(users[aor.Domain], aor.User)
			for _, b := range list {
				rows = append(rows, newRow(b))
			}
		}
		for domain, names := range users {
			if err := tx.Where("aor_domain = ? AND aor_user IN ?", domain, names).Delete(&row{}).Error; err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			return nil
		}
		return tx.CreateInBatches(rows, insertRows).Error
	})
	if err != nil {
		return fmt.Errorf("registrar: save: %w", err)
	}
	return nil
}

func newRow(b Binding) row {
	path := ""
	if len(b.Path) > 0 {
		text, _ := json.Marshal(b.Path) // strings always encode
		path = string(text)
	}
	return row{
		AORUser: b.AOR.User, AORDomain: b.AOR.Domain, URI: b.URI, Instance: b.Instance, RegID: b.RegID,
		CallID: b.CallID, CSeq: b.CSeq, Q: b.Q, Path: path, Profile: b.Profile, Transport: b.Transport,
		Received: b.Received, UserAgent: b.UserAgent,
		RegisteredMS: b.Registered.UnixMilli(), RefreshedMS: b.Refreshed.UnixMilli(), ExpiresMS: b.Expires.UnixMilli(),
	}
}

func (r row) binding() (Binding, error) {
	b := Binding{
		AOR: core.AOR{User: r.AORUser, Domain: r.AORDomain}, URI: r.URI, Instance: r.Instance, RegID: r.RegID,
		CallID: r.CallID, CSeq: r.CSeq, Q: r.Q, Profile: r.Profile, Transport: r.Transport,
		Received: r.Received, UserAgent: r.UserAgent,
		Registered: time.UnixMilli(r.RegisteredMS), Refreshed: time.UnixMilli(r.RefreshedMS), Expires: time.UnixMilli(r.ExpiresMS),
	}
	if r.Path == "" {
		return b, nil
	}
	if err := json.Unmarshal([]byte(r.Path), &b.Path); err != nil {
		return Binding{}, fmt.Errorf("path %q: %w", r.Path, err)
	}
	return b, nil
}
