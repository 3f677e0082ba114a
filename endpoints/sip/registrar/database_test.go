//go:build cgo

package registrar

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

func openDatabase(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "test.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate("registrar", Migrations()); err != nil {
		t.Fatal(err)
	}
	return db.Gorm()
}

func TestDatabaseKeepsBindings(t *testing.T) {
	db := openDatabase(t)
	d := NewDatabase(db)
	b := Binding{
		AOR: alice, URI: uriA, Instance: "<urn:uuid:1>", RegID: 2, CallID: "c", CSeq: 1<<32 - 1, Q: 0.25,
		Path: []string{"<sip:edge1;lr>", `<sip:"edge2";lr>`}, Profile: "internal", Transport: "tls",
		Received: "[2001:db8::1]:5061", UserAgent: "Phone ☎", Registered: t0, Refreshed: t0.Add(time.Second), Expires: t0.Add(time.Hour),
	}
	other := Binding{AOR: core.AOR{User: "1001", Domain: "pbx.example"}, URI: "sip:1001@192.0.2.9", Registered: t0, Refreshed: t0, Expires: t0}
	second := b
	second.URI, second.Path = uriB, nil

	check := func(what string, want ...Binding) {
		t.Helper()
		got, err := NewDatabase(db).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		byURI := func(list []Binding) map[string]Binding {
			m := make(map[string]Binding)
			for _, b := range list {
				b.Registered, b.Refreshed, b.Expires = b.Registered.UTC(), b.Refreshed.UTC(), b.Expires.UTC()
				m[b.URI] = b
			}
			return m
		}
		if diff := cmp.Diff(byURI(want), byURI(got)); diff != "" || len(got) != len(want) {
			t.Errorf("%s: -want +got\n%s", what, diff)
		}
	}
	save := func(aors map[core.AOR][]Binding) {
		t.Helper()
		if err := d.Save(t.Context(), aors); err != nil {
			t.Fatal(err)
		}
	}
	check("empty")
	save(map[core.AOR][]Binding{alice: {b, second}, other.AOR: {other}})
	check("saved", b, second, other)
	second.CSeq = 9
	save(map[core.AOR][]Binding{alice: {second}})
	check("one changed, one gone", second, other)
	save(map[core.AOR][]Binding{alice: nil})
	check("all gone", other)
}

func TestDatabaseSavesAllOrNothing(t *testing.T) {
	db := openDatabase(t)
	d := NewDatabase(db)
	if err := d.Save(t.Context(), map[core.AOR][]Binding{alice: {{AOR: alice, URI: uriA}}}); err != nil {
		t.Fatal(err)
	}
	// The database refuses one row of the second save.
	if err := db.Exec("CREATE TRIGGER no BEFORE INSERT ON registrations WHEN NEW.user_agent = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END").Error; err != nil {
		t.Fatal(err)
	}
	if err := d.Save(t.Context(), map[core.AOR][]Binding{alice: {{AOR: alice, URI: uriB}, {AOR: alice, URI: "sip:x", UserAgent: "bad"}}}); err == nil {
		t.Fatal("Save took a row that the database refuses")
	}
	got, err := d.Load(t.Context())
	if err != nil || len(got) != 1 || got[0].URI != uriA {
		t.Errorf("Load = %v, %v, want what was there before", got, err)
	}
}

func TestDatabaseTakesManyAtOnce(t *testing.T) {
	d := NewDatabase(openDatabase(t))
	aors := make(map[core.AOR][]Binding)
	for i := range saveBatch {
		aor := core.AOR{User: fmt.Sprint(i), Domain: "d"}
		aors[aor] = []Binding{{AOR: aor, URI: "sip:a"}, {AOR: aor, URI: "sip:b"}}
	}
	for range 2 {
		if err := d.Save(t.Context(), aors); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.Load(t.Context()); err != nil || len(got) != 2*saveBatch {
		t.Errorf("Load gave %d, %v, want %d", len(got), err, 2*saveBatch)
	}
}
