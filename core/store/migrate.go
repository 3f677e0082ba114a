package store

import (
	"errors"
	"fmt"

	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
)

// migrationTable remembers what was done, as owner/ID.
const migrationTable = "migrations"

// migrationLock is the key of PostgreSQL's advisory lock while a switch
// migrates ("tandem" in ASCII): several may start on one database.
const migrationLock = 0x74616e64656d

// Migration is one step of a table's history. A step that was released is
// never changed; a new one is added behind it.
type Migration struct {
	ID string // unique within its owner: "0001_create"
	// Up changes the schema with the handle it is given and no other.
	Up func(tx *gorm.DB) error
}

// Migrate brings the tables of one owner, such as "cdr", up to date: the steps
// that were not done before run in their order, all of them or none. Constructors
// call it one after another, before anything runs.
func (db *DB) Migrate(owner string, steps []Migration) error {
	if owner == "" {
		return errors.New("store: migrate: no owner")
	}
	if len(steps) == 0 {
		return nil
	}
	list := make([]*gormigrate.Migration, len(steps))
	for i, s := range steps {
		list[i] = &gormigrate.Migration{ID: owner + "/" + s.ID, Migrate: func(tx *gorm.DB) error {
			if err := s.Up(tx); err != nil {
				return fmt.Errorf("%s: %w", s.ID, err)
			}
			return nil
		}}
	}
	err := db.plain.Transaction(func(tx *gorm.DB) error {
		// SQLite's transaction holds the write lock from its beginning.
		if db.postgres {
			if err := tx.Exec("SELECT pg_advisory_xact_lock(?)", int64(migrationLock)).Error; err != nil {
				return err
			}
		}
		return gormigrate.New(tx, &gormigrate.Options{TableName: migrationTable, IDColumnName: "id", IDColumnSize: 255}, list).Migrate()
	})
	if err != nil {
		return fmt.Errorf("store: migrate %s: %w", owner, err)
	}
	return nil
}
