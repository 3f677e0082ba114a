//go:build cgo

package store

// driverName is mattn/go-sqlite3's, which gorm's driver imports: SQLite itself, in C.
const driverName = "sqlite3"

func sqliteDSN(path string) string {
	return sqliteURI(path, "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=on&_txlock=immediate")
}
