package cdr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
	"github.com/tandemswitch/tandem/media"
)

var start = time.Date(2026, 11, 20, 10, 0, 0, 123456789, time.UTC)

// record is a call of 61.9 s, answered after 2 s.
func record(leg string) core.Record {
	return core.Record{
		CallID: "call-" + core.CallID(leg), LegID: core.ChannelID(leg), Direction: core.Outbound, Endpoint: "sofia", Name: "sofia/internal/1001",
		Profile: core.CallerProfile{CallerIDNumber: "1000", CallerIDName: "Anne", DestinationNumber: "1001", Context: "default"},
		Times: core.Times{
			Created: start, Progress: start.Add(500 * time.Millisecond), Answered: start.Add(2 * time.Second), Ended: start.Add(63900 * time.Millisecond),
		},
		Cause: core.CauseNormalClearing, SIPStatus: 200, HungUpBy: core.ByCallee, Peer: "peer",
		Apps:    []core.Step{{App: "set", Data: "sip_auth_password=hush"}, {App: "bridge", Data: "user/1001", File: "default.xml", Line: 7}},
		LastApp: "bridge", LastArg: "user/1001", Codec: "PCMA/8000",
		Media: &media.StreamStats{
			Local: netip.MustParseAddrPort("127.0.0.1:16384"), Way: media.WayRelay, Send: media.Format{Name: "PCMA", ClockHz: 8000},
			PacketsIn: 3000, JitterIn: 2600 * time.Microsecond,
		},
		Variables: map[string]string{"sip_auth_password": "hush", "Secret-Word": "hush", "domain_name": "example.com"},
	}
}

func openDB(t testing.TB) *store.DB {
	t.Helper()
	path := os.Getenv("TANDEM_TEST_POSTGRES")
	if path == "" {
		path = filepath.Join(t.TempDir(), "t.db")
	}
	db, err := store.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if db.Postgres() {
			db.Gorm().Exec("DROP TABLE IF EXISTS cdrs, migrations")
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newTest(t testing.TB, db *store.DB, dir string) *Records {
	t.Helper()
	r, err := New(db, Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r.retry = backoff{first: time.Millisecond, most: 4 * time.Millisecond}
	return r
}

// run runs r until the function it returns is called.
func run(t testing.TB, r *Records) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

// legs returns how often each leg is in the table.
func legs(t testing.TB, r *Records) map[core.ChannelID]int {
	t.Helper()
	found := map[core.ChannelID]int{}
	cursor := ""
	for {
		items, next, err := r.List(t.Context(), Filter{}, cursor, 7)
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		for _, i := range items {
			found[i.LegID]++
		}
		if next == "" {
			return found
		}
		cursor = next
	}
}

func wantLegs(t testing.TB, r *Records, n int) {
	t.Helper()
	found := legs(t, r)
	for i := range n {
		if c := found[core.ChannelID(fmt.Sprint("leg", i))]; c != 1 {
			t.Errorf("leg%d is in the table %d times, want once", i, c)
		}
	}
	if len(found) != n {
		t.Errorf("%d legs in the table, want %d", len(found), n)
	}
}

func write(r *Records, from, to int) {
	for i := from; i < to; i++ {
		r.Write(record(fmt.Sprint("leg", i)))
	}
}

func spoolFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, spoolPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRecordBecomesARow(t *testing.T) {
	db, dir := openDB(t), t.TempDir()
	r := newTest(t, db, dir)
	stop := run(t, r)
	if err := r.Reserve(); err != nil {
		t.Fatal(err)
	}
	rec := record("leg0")
	rec.Profile.CallerIDName = "A\x00nne\xff"
	r.Write(rec)
	if err := stop(); err != nil {
		t.Fatalf("Run: %v", err)
	}
	got, err := r.Get(t.Context(), "leg0")
	if err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) time.Time { return start.Add(d).Truncate(time.Millisecond) }
	want := Item{
		CallID: "call-leg0", LegID: "leg0", Direction: "outbound", From: "1000", FromName: "Anne\uFFFD", To: "1001",
		StartedAt: at(0), RingingAt: at(500 * time.Millisecond), AnsweredAt: at(2 * time.Second), EndedAt: at(63900 * time.Millisecond),
		BillSec: 61, Duration: 63900 * time.Millisecond, Cause: "NORMAL_CLEARING", Q850: 16, SIPStatus: 200, HungUpBy: "callee",
		Endpoint: "sofia", Name: "sofia/internal/1001", Context: "default", Peer: "peer", Codec: "PCMA/8000", LastApp: "bridge", LastArg: "user/1001",
		Apps:      []core.Step{{App: "set", Data: "sip_auth_password=***"}, {App: "bridge", Data: "user/1001", File: "default.xml", Line: 7}},
		Media:     &Media{Local: "127.0.0.1:16384", Way: "relay", Send: "PCMA/8000", PacketsIn: 3000, JitterInMS: 2},
		Variables: map[string]string{"sip_auth_password": "***", "Secret-Word": "***", "domain_name": "example.com"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Get (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var shape map[string]any
	if err := json.Unmarshal(text, &shape); err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq("call_id leg_id direction from to started_at answered_at ended_at billsec cause q850 sip_status hung_up_by duration_ms") {
		if _, ok := shape[name]; !ok {
			t.Errorf("the JSON lacks %s: %s", name, text)
		}
	}
	if shape["ended_at"] != "2026-11-20T10:01:04.023Z" {
		t.Errorf("ended_at = %v", shape["ended_at"])
	}
	if strings.Contains(string(text), "hush") {
		t.Errorf("a secret is in %s", text)
	}
	if files := spoolFiles(t, dir); len(files) != 0 {
		t.Errorf("%v are left after a clean end", files)
	}
	if s := r.Stats(); s != (Stats{Imported: 1}) {
		t.Errorf("Stats = %+v", s)
	}
	if _, err := r.Get(t.Context(), "none"); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("Get(none) = %v", err)
	}
}

func TestUnansweredRecord(t *testing.T) {
	rec := record("x")
	rec.Times.Answered, rec.Media, rec.Cause = time.Time{}, nil, core.CauseUserBusy
	i := newItem(rec)
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	if i.BillSec != 0 || !strings.Contains(string(text), `"answered_at":null`) || !strings.Contains(string(text), `"media":null`) {
		t.Errorf("%s", text)
	}
	var back Item
	if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(i, back) {
		t.Errorf("Unmarshal(Marshal): %v\n%s", err, cmp.Diff(i, back))
	}
}

func TestReserveIsBounded(t *testing.T) {
	r, err := newRecords(Config{Dir: t.TempDir(), Slots: 3}, osDisk{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := r.Reserve(); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Reserve(); !errors.Is(err, core.ErrLimit) {
		t.Errorf("the fourth Reserve = %v, want ErrLimit", err)
	}
	r.Cancel()
	if err := r.Reserve(); err != nil {
		t.Errorf("Reserve after Cancel: %v", err)
	}
	write(r, 0, 3) // not yet on disk: the slots are still taken
	if err := r.Reserve(); !errors.Is(err, core.ErrLimit) {
		t.Errorf("Reserve while records wait = %v, want ErrLimit", err)
	}
	if err := r.spoolRound(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Reserve(); err != nil {
		t.Errorf("Reserve after the records are safe: %v", err)
	}
}

// TestKillBetweenSpoolAndImport: the next start finds the records.
func TestKillBetweenSpoolAndImport(t *testing.T) {
	db, dir := openDB(t), t.TempDir()
	r := newTest(t, db, dir)
	write(r, 0, 5)
	if err := r.spoolRound(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Killed here; and in the middle of a write.
	f, err := os.OpenFile(spoolFiles(t, dir)[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"call_id":"torn","leg_id":"leg5`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if n := len(legs(t, r)); n != 0 {
		t.Fatalf("%d legs imported already", n)
	}

	r = newTest(t, db, dir)
	stop := run(t, r)
	write(r, 5, 7)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	wantLegs(t, r, 7)

	// Killed between import and removal: the files come back, to no effect.
	r = newTest(t, db, dir)
	write(r, 3, 9)
	if err := run(t, r)(); err != nil {
		t.Fatal(err)
	}
	wantLegs(t, r, 9)
	if files := spoolFiles(t, dir); len(files) != 0 {
		t.Errorf("%v are left", files)
	}
}

// sick is a disk that counts its operations and fails some of them.
type sick struct {
	osDisk
	ops  int
	fail func(op int) bool
}

var errSick = errors.New("disk is sick")

func (d *sick) op() error {
	if d.ops++; d.fail(d.ops) {
		return errSick
	}
	return nil
}

func (d *sick) create(path string) (spoolFile, error) {
	f, err := d.osDisk.create(path)
	if err != nil {
		return nil, err
	}
	if err := d.op(); err != nil {
		f.Close() // made, and yet an error
		return nil, err
	}
	return &sickFile{f, d}, nil
}

func (d *sick) read(path string, from, to int64) ([]byte, error) {
	if err := d.op(); err != nil {
		return nil, err
	}
	return d.osDisk.read(path, from, to)
}

func (d *sick) remove(path string) error {
	if err := d.op(); err != nil {
		return err
	}
	return d.osDisk.remove(path)
}

func (d *sick) syncDir(path string) error {
	if err := d.op(); err != nil {
		return err
	}
	return d.osDisk.syncDir(path)
}

func (d *sick) appendTo(path string, b []byte) error {
	if err := d.op(); err != nil {
		return err
	}
	return d.osDisk.appendTo(path, b)
}

type sickFile struct {
	spoolFile
	d *sick
}

func (f *sickFile) Write(b []byte) (int, error) {
	if err := f.d.op(); err != nil {
		n, _ := f.spoolFile.Write(b[:2*len(b)/3]) // torn
		return n, err
	}
	return f.spoolFile.Write(b)
}

func (f *sickFile) Sync() error {
	if err := f.d.op(); err != nil {
		return err // written, and yet an error
	}
	return f.spoolFile.Sync()
}

// never is the healthy pattern of failures.
func never(int) bool { return false }

// scenario writes nine records in three bursts, each spooled and imported, and
// goes on until all is settled or tries are used up. It returns the number of
// disk operations and of inserts.
func scenario(t *testing.T, db *store.DB, dir string, diskFails, dbFails func(op int) bool, tries int) (r *Records, diskOps, inserts int) {
	t.Helper()
	r = newTest(t, db, dir)
	d := &sick{fail: diskFails}
	r.spool.disk = d
	insert := r.insert
	r.insert = func(ctx context.Context, items []Item) (int, error) {
		if inserts++; dbFails(inserts) {
			return 0, errors.New("database is sick")
		}
		return insert(ctx, items)
	}
	im := &importer{r: r, rejected: map[core.ChannelID]bool{}}
	step := func() {
		_ = r.spoolRound(t.Context())
		if im.round(t.Context()) == nil {
			im.clear(true)
		}
	}
	for n := range 3 {
		write(r, 3*n, 3*n+3)
		step()
	}
	for range tries {
		if s := r.Stats(); s.Queued == 0 && s.Spooled == 0 {
			break
		}
		step()
	}
	r.spool.end()
	return r, d.ops, inserts
}

// TestExactlyOnceWhateverFails lets each operation of disk and database fail, alone
// and from there on several times.
func TestExactlyOnceWhateverFails(t *testing.T) {
	_, diskOps, inserts := scenario(t, openDB(t), t.TempDir(), never, never, 3)
	if diskOps < 12 || inserts < 3 {
		t.Fatalf("a healthy run has %d disk operations and %d inserts: the scenario is too small", diskOps, inserts)
	}
	at := func(n, length int) func(int) bool { return func(op int) bool { return op >= n && op < n+length } }
	db := openDB(t)
	check := func(name string, diskFails, dbFails func(int) bool) {
		t.Helper()
		if err := db.Gorm().Exec("DELETE FROM cdrs").Error; err != nil && !strings.Contains(err.Error(), "cdrs") {
			t.Fatal(err)
		}
		dir := t.TempDir()
		r, _, _ := scenario(t, db, dir, diskFails, dbFails, 50)
		if s := r.Stats(); s.Queued != 0 || s.Spooled != 0 {
			t.Errorf("%s: not settled: %+v", name, s)
		}
		wantLegs(t, r, 9)
		if err := run(t, newTest(t, db, dir))(); err != nil { // a restart does not repeat anything
			t.Errorf("%s: %v", name, err)
		}
		wantLegs(t, r, 9)
		if t.Failed() {
			t.Fatalf("%s", name)
		}
	}
	for n := 1; n <= diskOps+3; n++ {
		for _, length := range []int{1, 2, 5} {
			check(fmt.Sprintf("disk fails %d times from operation %d", length, n), at(n, length), never)
			check(fmt.Sprintf("disk and database fail %d times from operation %d", length, n), at(n, length), at(1, n))
		}
	}
	for n := 1; n <= inserts+3; n++ {
		for _, length := range []int{1, 2, 5} {
			check(fmt.Sprintf("database fails %d times from insert %d", length, n), never, at(n, length))
		}
	}
	check("every second operation fails", func(op int) bool { return op%2 == 1 }, func(op int) bool { return op%2 == 0 })
}

// TestCrashAtEachOperation: the disk dies at the n-th operation and with it the
// process. What had left memory by then is in the table after the restart, once.
func TestCrashAtEachOperation(t *testing.T) {
	db := openDB(t)
	for n := 1; ; n++ {
		if n > 1 {
			if err := db.Gorm().Exec("DELETE FROM cdrs").Error; err != nil {
				t.Fatal(err)
			}
		}
		dir := t.TempDir()
		dead := func(op int) bool { return op >= n }
		always := func(int) bool { return true }
		r, ops, _ := scenario(t, db, dir, dead, always, 0)
		unsafe := r.Stats().Queued
		r = newTest(t, db, dir)
		if err := run(t, r)(); err != nil {
			t.Fatal(err)
		}
		found := legs(t, r)
		for leg, c := range found {
			if c != 1 {
				t.Errorf("crash at operation %d: leg %s %d times", n, leg, c)
			}
		}
		if len(found) < 9-unsafe {
			t.Errorf("crash at operation %d: %d records, want the %d that were safe", n, len(found), 9-unsafe)
		}
		if ops < n { // it did not come to the crash
			if n < 8 {
				t.Fatalf("only %d operations", ops)
			}
			return
		}
	}
}

// TestRefusedRecordIsPutAside: one record that the table never takes must not
// hold up others, nor be lost.
func TestRefusedRecordIsPutAside(t *testing.T) {
	db, dir := openDB(t), t.TempDir()
	r := newTest(t, db, dir)
	insert := r.insert
	r.insert = func(ctx context.Context, items []Item) (int, error) {
		for _, i := range items {
			if i.LegID == "leg1" {
				return 0, errors.New("value too odd")
			}
		}
		return insert(ctx, items)
	}
	im := &importer{r: r, rejected: map[core.ChannelID]bool{}}
	round := func() error {
		if err := r.spoolRound(t.Context()); err != nil {
			t.Fatal(err)
		}
		return im.round(t.Context())
	}
	write(r, 0, 2) // leg1 is the last: it may as well be the database
	for range 3 {
		if err := round(); err == nil {
			t.Error("a refused record was no error")
		}
	}
	if s := r.Stats(); s.Rejected != 0 {
		t.Errorf("put aside without evidence: %+v", s)
	}
	write(r, 2, 5)
	_ = round()
	if err := round(); err != nil {
		t.Errorf("the next round: %v", err)
	}
	if s := r.Stats(); s.Rejected != 1 || s.Spooled != 0 {
		t.Errorf("Stats = %+v", s)
	}
	if n := len(legs(t, r)); n != 4 {
		t.Errorf("%d legs in the table, want 4", n)
	}
	text, err := os.ReadFile(filepath.Join(dir, rejectedFile))
	if err != nil || !strings.Contains(string(text), `"leg_id":"leg1"`) || !strings.Contains(string(text), "too odd") {
		t.Errorf("%s: %s, %v", rejectedFile, text, err)
	}
}

func TestSpoolFileThatVanishedHoldsNothingUp(t *testing.T) {
	db, dir := openDB(t), t.TempDir()
	r := newTest(t, db, dir)
	write(r, 0, 1)
	if err := r.spoolRound(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.spool.end()
	if err := os.Remove(spoolFiles(t, dir)[0]); err != nil {
		t.Fatal(err)
	}
	write(r, 1, 2)
	if err := run(t, r)(); err != nil {
		t.Fatal(err)
	}
	if found := legs(t, r); found["leg1"] != 1 {
		t.Errorf("legs = %v", found)
	}
}

// TestRunRetries: disk and database are ill for a while; nobody writes meanwhile,
// so that only the timers can bring the records through.
func TestRunRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := newRecords(Config{Dir: t.TempDir()}, osDisk{})
		if err != nil {
			t.Fatal(err)
		}
		d := &sick{fail: func(op int) bool { return op < 8 }}
		r.spool.disk = d
		var mu sync.Mutex
		seen := map[core.ChannelID]int{}
		tries := 0
		r.insert = func(_ context.Context, items []Item) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			if tries++; tries < 40 {
				return 0, errors.New("database is sick")
			}
			for _, i := range items {
				seen[i.LegID]++
			}
			return len(items), nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		write(r, 0, 3)
		time.Sleep(30 * time.Minute)
		if s := r.Stats(); s.Queued != 0 || s.Spooled != 0 || s.Imported != 3 {
			t.Errorf("Stats = %+v after half an hour", s)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(seen) != 3 {
			t.Errorf("imported %v", seen)
		}
	})
}

func TestRunSaysWhatIsLost(t *testing.T) {
	r := newTest(t, openDB(t), t.TempDir())
	r.spool.disk = &sick{fail: func(int) bool { return true }}
	r.insert = func(context.Context, []Item) (int, error) { return 0, errors.New("database is sick") }
	stop := run(t, r)
	write(r, 0, 4)
	if err := stop(); err == nil || !strings.Contains(err.Error(), "4 records lost") {
		t.Errorf("Run = %v", err)
	}
}

func TestConcurrentWriters(t *testing.T) {
	r := newTest(t, openDB(t), t.TempDir())
	stop := run(t, r)
	const writers, each = 8, 100
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := r.Reserve(); err != nil {
					t.Error(err)
					return
				}
				write(r, w*each+i, w*each+i+1)
			}
		})
	}
	wg.Wait()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	wantLegs(t, r, writers*each)
	if s := r.Stats(); s.Reserved != 0 || s.Queued != 0 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestListPagesWhileRecordsComeIn(t *testing.T) {
	r := newTest(t, openDB(t), t.TempDir())
	add := func(from, to int) {
		t.Helper()
		write(r, from, to)
		if err := r.spoolRound(t.Context()); err != nil {
			t.Fatal(err)
		}
		im := &importer{r: r}
		if err := im.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	add(0, 100)
	seen := map[core.ChannelID]int{}
	cursor, total := "", 100
	for page := 0; ; page++ {
		items, next, err := r.List(t.Context(), Filter{}, cursor, 9)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range items {
			seen[i.LegID]++
		}
		if next == "" {
			break
		}
		cursor = next
		add(total, total+5)
		total += 5
	}
	for i := range 100 {
		if c := seen[core.ChannelID(fmt.Sprint("leg", i))]; c != 1 {
			t.Errorf("leg%d came %d times", i, c)
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d legs, want the 100 of the beginning", len(seen))
	}
	for _, bad := range []string{"x", "!", "Y2RyOg", "bm90Y2RyOjU"} {
		if _, _, err := r.List(t.Context(), Filter{}, bad, 1); !errors.Is(err, ErrCursor) {
			t.Errorf("List(cursor %q) = %v, want ErrCursor", bad, err)
		}
	}
}

func TestListFilters(t *testing.T) {
	r := newTest(t, openDB(t), t.TempDir())
	for n := range 6 {
		rec := record(fmt.Sprint("leg", n))
		rec.CallID = core.CallID(fmt.Sprint("call", n/2))
		rec.Profile.CallerIDNumber = fmt.Sprint(1000 + n%2)
		rec.Profile.DestinationNumber = fmt.Sprint(2000 + n%3)
		rec.Times.Ended = start.Add(time.Duration(n) * time.Hour)
		if n == 5 {
			rec.Cause = core.CauseUserBusy
		}
		r.Write(rec)
	}
	if err := run(t, r)(); err != nil {
		t.Fatal(err)
	}
	ended := start.Truncate(time.Millisecond)
	for _, c := range []struct {
		name string
		f    Filter
		want string
	}{
		{"all", Filter{}, "leg5 leg4 leg3 leg2 leg1 leg0"},
		{"call", Filter{CallID: "call1"}, "leg3 leg2"},
		{"from", Filter{From: "1001"}, "leg5 leg3 leg1"},
		{"to", Filter{To: "2002"}, "leg5 leg2"},
		{"cause", Filter{Cause: "user_busy"}, "leg5"},
		{"since", Filter{Since: ended.Add(4 * time.Hour)}, "leg5 leg4"},
		{"until", Filter{Until: ended.Add(2 * time.Hour)}, "leg1 leg0"},
		{"between", Filter{Since: ended.Add(time.Hour), Until: ended.Add(3 * time.Hour).In(time.FixedZone("X", 7200))}, "leg2 leg1"},
		{"from and to", Filter{From: "1000", To: "2002"}, "leg2"},
		{"none", Filter{From: "9"}, ""},
	} {
		items, next, err := r.List(t.Context(), c.f, "", 0)
		var got []string
		for _, i := range items {
			got = append(got, string(i.LegID))
		}
		if err != nil || next != "" || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, next %q, %v, want %s", c.name, got, next, err, c.want)
		}
	}
}

func TestMaskText(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"user/1001":                 "user/1001",
		"a=b":                       "a=b",
		"sip_auth_password=x y":     "sip_auth_password=***",
		"{sip_auth_password=x,a=b}": "{sip_auth_password=***,a=b}",
		"[sip_auth_username=u][x=y]sofia/gateway/g/1": "[sip_auth_username=***][x=y]sofia/gateway/g/1",
		"PASS='a,b',c=d":  "PASS=***,c=d",
		`secret="open`:    "secret=***",
		"pass='a,'b,c=d":  "pass=***,c=d",
		"a==pass=":        "a==pass=***",
		"x=${api_secret}": "x=${api_secret}",
	} {
		if got := maskText(in); got != want {
			t.Errorf("maskText(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNewErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(openDB(t), Config{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("New = %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	r := newTest(b, openDB(b), b.TempDir())
	stop := run(b, r)
	rec := record("x")
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Reserve()
		r.Write(rec)
	}
	b.StopTimer()
	if err := stop(); err != nil {
		b.Fatal(err)
	}
}
