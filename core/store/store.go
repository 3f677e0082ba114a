// Package store opens the one database of the switch and runs the migrations
// that each package brings: SQLite in a file by default, PostgreSQL by DSN.
//
// It knows no table. A package owns its tables, nobody reads another's, and no
// call waits for the database (design section 9). Goroutines: the connection
// pool's own, and one of gorm's per database that ages prepared statements and,
// a known lack of gorm, outlives Close (leak tests ignore
// "gorm.io/gorm/internal/lru.NewLRU[...].func1").
package store

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// Pool sizes. SQLite has one writer at a time, the others wait in its busy
// handler; more readers than this gain nothing on the machines we know.
const (
	sqliteConns   = 8
	postgresConns = 16
	idleTime      = 5 * time.Minute
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	// Immutable after Open.
	gorm     *gorm.DB // with prepared statements
	plain    *gorm.DB // without: for statements that change the schema
	sql      *sql.DB
	postgres bool
}

// Open opens the database that dsn names: a URL (postgres://user@host/db) or a
// key=value DSN (host=… dbname=…) of PostgreSQL, else the path of an SQLite
// file, which is made if it is not there; its folder must exist. Slow
// statements are logged to log, without their values.
//
// It blocks until the database has answered once. The error says which file
// or server it is about, and never a password.
func Open(dsn string, log *slog.Logger) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if isPostgres(dsn) {
		return openPostgres(dsn, log)
	}
	return openSQLite(dsn, log)
}

// isPostgres tells DSNs from paths. A path may have a "=", but not behind one
// of these words at its beginning.
func isPostgres(dsn string) bool {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return true
	}
	key, _, found := strings.Cut(strings.TrimSpace(dsn), "=")
	switch key {
	case "host", "hostaddr", "dbname", "user", "port", "service", "sslmode", "password":
		return found
	}
	return false
}

func openPostgres(dsn string, log *slog.Logger) (*DB, error) {
	db, err := connect(postgres.Open(dsn), log, postgresConns)
	if err != nil {
		// pgx masks the password in what it says about a DSN.
		return nil, fmt.Errorf("store: PostgreSQL: %w", err)
	}
	db.postgres = true
	return db, nil
}

// connect opens the pool and waits for its first answer.
func connect(d gorm.Dialector, log *slog.Logger, conns int) (*DB, error) {
	plain, err := gorm.Open(d, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		Logger:                 statements{log: log},
	})
	if err != nil {
		if plain != nil {
			if pool, poolErr := plain.DB(); poolErr == nil {
				_ = pool.Close() // what it says is less than err
			}
		}
		return nil, err
	}
	pool, err := plain.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(idleTime)
	return &DB{gorm: plain.Session(&gorm.Session{PrepareStmt: true}), plain: plain, sql: pool}, nil
}

// Gorm returns the handle for queries. Statements are prepared once and no
// transaction is put around single statements. It is shared: use WithContext.
func (db *DB) Gorm() *gorm.DB { return db.gorm }

// Postgres reports whether this is PostgreSQL, for the few statements that differ.
func (db *DB) Postgres() bool { return db.postgres }

// Close closes the database after the running statements. Calls after the
// first return nil.
func (db *DB) Close() error {
	if err := db.sql.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}
