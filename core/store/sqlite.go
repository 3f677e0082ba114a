package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"gorm.io/driver/sqlite"
)

// sqliteMagic is how every SQLite database begins (its file format, section 1.3).
const sqliteMagic = "SQLite format 3\x00"

// openSQLite opens the file at path with the driver of this build.
//
// Settings: WAL, so that readers never wait for the writer. synchronous=FULL,
// so that what was committed survives a power cut: the CDR spool is removed
// on the strength of a commit. busy_timeout, since every connection may write.
// Transactions take the write lock when they begin: one that reads first and
// writes later would fail at once, without waiting.
func openSQLite(path string, log *slog.Logger) (*DB, error) {
	if err := checkFile(path); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	db, err := connect(sqlite.New(sqlite.Config{DriverName: driverName, DSN: sqliteDSN(path)}), log, sqliteConns)
	if err != nil {
		return nil, fmt.Errorf("store: %q: %w", path, err)
	}
	// Reading the schema finds a damaged first page now, not in the middle of a call.
	var tables int64
	if err := db.gorm.Raw("SELECT count(*) FROM sqlite_schema").Scan(&tables).Error; err != nil {
		_ = db.Close() // err says more
		return nil, fmt.Errorf("store: %q is damaged: %w; move it away to begin with an empty database", path, err)
	}
	return db, nil
}

// checkFile makes sure that path can be written and is a database or empty.
// SQLite's own words for both are "unable to open database file" and worse.
func checkFile(path string) error {
	if strings.TrimSpace(path) == "" {
		return errors.New("the database's path is empty")
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err // names the path
	}
	defer f.Close()
	head := make([]byte, len(sqliteMagic))
	n, err := io.ReadFull(f, head)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return nil // new
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case string(head[:n]) != sqliteMagic:
		return fmt.Errorf("%q is not an SQLite database; move it away to begin with an empty one", path)
	}
	return nil
}

// sqliteURI makes a file: URI of a path with all its odd characters
// (https://sqlite.org/uri.html).
func sqliteURI(path, query string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query}
	return u.String()
}
