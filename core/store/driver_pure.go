//go:build !cgo

package store

import _ "modernc.org/sqlite" // the driver "sqlite": SQLite translated to Go

// driverName is modernc.org/sqlite's, for builds without a C compiler.
const driverName = "sqlite"

func sqliteDSN(path string) string {
	return sqliteURI(path, "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
}
