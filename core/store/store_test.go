package store

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
)

type note struct {
	ID   int64 `gorm:"primaryKey"`
	Text string
}

var createNotes = Migration{ID: "0001_create", Up: func(tx *gorm.DB) error {
	return tx.Exec("CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)").Error
}}

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(path, nil)
	if err != nil {
		t.Fatalf("Open(%q): %v", path, err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func TestOpenKeepsWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?name#100%.db")
	db := open(t, path)
	if err := db.Migrate("test", []Migration{createNotes}); err != nil {
		t.Fatal(err)
	}
	if err := db.Gorm().Create(&note{ID: 7, Text: "seven"}).Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the file is elsewhere: %v", err)
	}

	db = open(t, path)
	if err := db.Migrate("test", []Migration{createNotes}); err != nil {
		t.Fatalf("second Migrate: %v", err)
	}
	var got note
	if err := db.Gorm().First(&got, 7).Error; err != nil || got.Text != "seven" {
		t.Errorf("First = %+v, %v, want seven", got, err)
	}
}

func TestOpenSettings(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "t.db"))
	for _, c := range []struct{ pragma, want string }{
		{"journal_mode", "wal"}, {"synchronous", "2"}, {"busy_timeout", "5000"}, {"foreign_keys", "1"},
	} {
		var got string
		if err := db.Gorm().Raw("PRAGMA " + c.pragma).Scan(&got).Error; err != nil || got != c.want {
			t.Errorf("PRAGMA %s = %q, %v, want %q", c.pragma, got, err, c.want)
		}
	}
}

func TestOpenErrorsSayWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "letter.txt")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "Dear Mr. Watson, come here, I want to see you.")
	damaged := filepath.Join(dir, "damaged.db")
	write(damaged, sqliteMagic+strings.Repeat("\xff", 8192))

	for _, c := range []struct{ name, path, want string }{
		{"no path", "", "path is empty"},
		{"no folder", filepath.Join(dir, "none", "t.db"), "no such file or directory"},
		{"a file as folder", filepath.Join(file, "t.db"), "not a directory"},
		{"a folder", dir, "is a directory"},
		{"something else", file, "is not an SQLite database"},
		{"damaged", damaged, "damaged"},
		{"PostgreSQL, nobody there", "postgres://u:hush@127.0.0.1:1/db?connect_timeout=1", "PostgreSQL"},
	} {
		db, err := Open(c.path, nil)
		if err == nil {
			_ = db.Close()
			t.Errorf("%s: Open(%q) succeeded", c.name, c.path)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: Open = %q, want %q in it", c.name, err, c.want)
		}
	}
	if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), "Dear") {
		t.Errorf("the letter was changed: %q, %v", b, err)
	}
}

func TestIsPostgres(t *testing.T) {
	for dsn, want := range map[string]bool{
		"postgres://tandem@db/tandem": true, "postgresql://x/y": true, "host=db dbname=tandem": true, "dbname=tandem": true,
		"tandem.db": false, "/var/lib/a=b/tandem.db": false, "": false, "host": false,
	} {
		if got := isPostgres(dsn); got != want {
			t.Errorf("isPostgres(%q) = %v, want %v", dsn, got, want)
		}
	}
}

func TestMigrateIsAllOrNothing(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "t.db"))
	broken := errors.New("broken")
	fails := Migration{ID: "0002_fails", Up: func(tx *gorm.DB) error { return broken }}
	err := db.Migrate("test", []Migration{createNotes, fails})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "test: 0002_fails: broken") {
		t.Fatalf("Migrate = %v", err)
	}
	if db.Gorm().Migrator().HasTable("notes") {
		t.Error("the first step was kept though the second failed")
	}
	ran := 0
	works := Migration{ID: "0002_fails", Up: func(tx *gorm.DB) error { ran++; return nil }}
	for range 2 {
		if err := db.Migrate("test", []Migration{createNotes, works}); err != nil {
			t.Fatal(err)
		}
	}
	if ran != 1 {
		t.Errorf("the second step ran %d times, want 1", ran)
	}
	// Another owner may use the same ID.
	other := Migration{ID: "0002_fails", Up: func(tx *gorm.DB) error { ran++; return nil }}
	if err := db.Migrate("other", []Migration{other}); err != nil || ran != 2 {
		t.Errorf("other owner: ran %d times, %v", ran, err)
	}
	if err := db.Migrate("", []Migration{works}); err == nil {
		t.Error("Migrate without an owner succeeded")
	}
}

// TestWritersWait: transactions that read and then write, at once, from many
// goroutines. Without immediate locks some of them fail with "database is locked".
func TestWritersWait(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "t.db"))
	if err := db.Migrate("test", []Migration{createNotes}); err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := db.Gorm().WithContext(t.Context()).Transaction(func(tx *gorm.DB) error {
					var n int64
					if err := tx.Model(&note{}).Count(&n).Error; err != nil {
						return err
					}
					return tx.Create(&note{ID: int64(w*each + i + 1), Text: "x"}).Error
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	var n int64
	if err := db.Gorm().Model(&note{}).Count(&n).Error; err != nil || n != writers*each {
		t.Errorf("%d rows, %v, want %d", n, err, writers*each)
	}
}

func TestSlowStatementsAreLoggedWithoutValues(t *testing.T) {
	var out bytes.Buffer
	s := statements{log: slog.New(slog.NewTextHandler(&out, nil))}
	say := func() (string, int64) { return "SELECT 1 WHERE a = ?", 1 }
	s.Trace(t.Context(), time.Now(), say, nil)
	if out.Len() != 0 {
		t.Errorf("a quick statement was logged: %s", &out)
	}
	s.Trace(t.Context(), time.Now().Add(-2*slowStatement), say, nil)
	if !strings.Contains(out.String(), "slow statement") {
		t.Errorf("a slow statement was not logged: %s", &out)
	}
	if _, values := s.ParamsFilter(t.Context(), "", "15551234"); len(values) != 0 {
		t.Errorf("ParamsFilter kept %v", values)
	}
}

// TestPostgres runs where a server is given: TANDEM_TEST_POSTGRES is a DSN of an
// empty database.
func TestPostgres(t *testing.T) {
	dsn := os.Getenv("TANDEM_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("TANDEM_TEST_POSTGRES is not set (a DSN of an empty PostgreSQL database); issue 2")
	}
	db := open(t, dsn)
	if !db.Postgres() {
		t.Error("Postgres() is false")
	}
	t.Cleanup(func() { db.Gorm().Exec("DROP TABLE IF EXISTS notes, migrations") })
	var wg sync.WaitGroup // several switches start at once
	for range 4 {
		wg.Go(func() {
			if err := db.Migrate("test", []Migration{createNotes}); err != nil {
				t.Errorf("Migrate: %v", err)
			}
		})
	}
	wg.Wait()
	if err := db.Gorm().Create(&note{ID: 1, Text: "one"}).Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Gorm().Create(&note{ID: 1}).Error; !errors.Is(err, gorm.ErrDuplicatedKey) {
		t.Errorf("a second row of the same key: %v, want ErrDuplicatedKey", err)
	}
}
