package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

// gorm never ends the goroutine of its statement cache; see package store.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

var start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

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
			db.Gorm().Exec("DROP TABLE IF EXISTS journal_blobs, migrations")
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newJournal(t testing.TB, db *store.DB, cfg Config) *Journal {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Linger == 0 {
		cfg.Linger = -1
	}
	j, err := New(db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func run(t testing.TB, j *Journal) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// drain writes what has ended, as the writer would.
func drain(t testing.TB, w *writer) {
	t.Helper()
	if err := w.drain(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// finish writes all and lets go of the segment.
func finish(t testing.TB, w *writer) {
	t.Helper()
	if err := w.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.closeSegment()
}

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func state(ms int, text string) core.JournalEntry {
	return core.JournalEntry{At: at(ms), Leg: "leg", Kind: core.JournalState, Sentence: text}
}

func entries(t testing.TB, j *Journal, id core.CallID) []Entry {
	t.Helper()
	list, err := j.Entries(t.Context(), id)
	if err != nil {
		t.Fatalf("Entries(%s): %v", id, err)
	}
	return list
}

func sentences(list []Entry) string {
	var all []string
	for _, e := range list {
		all = append(all, e.Sentence)
	}
	return strings.Join(all, "|")
}

const invite = "INVITE sip:1001@example.com SIP/2.0\r\nVia: x\r\n\r\n\xff\x00body"

// noteCall notes one entry of each shape.
func noteCall(j *Journal, id core.CallID) {
	j.Note(id, core.JournalEntry{
		At: at(0), Leg: "a", Kind: core.JournalSIP, Sentence: "received", Data: []any{"peer", "udp:192.0.2.1:5060", "local", netip.MustParseAddrPort("192.0.2.2:5060")},
		Raw: []byte(invite),
	})
	j.Note(id, core.JournalEntry{At: at(3), Leg: "a", Kind: core.JournalDialplan, Sentence: "condition", Data: []any{"trace", core.TraceEntry{
		Kind: "condition", File: "default.xml", Line: 42, Field: "destination_number", Value: "1001", Pattern: "^10[01]$", Depth: 2,
	}}})
	j.Note(id, core.JournalEntry{At: at(4), Leg: "a", Kind: core.JournalApp, Sentence: "application", Data: []any{
		"app", "bridge", "args", "{sip_auth_password=hush,x=1}user/1001", "file", "default.xml", "line", 43,
	}})
	j.Note(id, core.JournalEntry{At: at(5), Leg: "a", Kind: core.JournalVariable, Sentence: "variable set", Data: []any{"name", "api_secret", "value", "hush"}})
	j.Note(id, core.JournalEntry{At: at(1500), Leg: "a", Kind: core.JournalHangup, Sentence: "hangup", Data: []any{
		"cause", core.CauseUserBusy, "err", errors.New("busy here"), "after", 1500 * time.Millisecond, "odd",
	}})
}

func TestEntriesSayWhatHappened(t *testing.T) {
	j := newJournal(t, openDB(t), Config{})
	noteCall(j, "c")
	live := entries(t, j, "c")
	want := []Entry{
		{
			0, at(0), "a", core.JournalSIP, "received INVITE sip:1001@example.com from udp:192.0.2.1:5060",
			map[string]any{"peer": "udp:192.0.2.1:5060", "local": "192.0.2.2:5060"},
			invite,
		},
		{
			3, at(3), "a", core.JournalDialplan, `condition: destination_number is "1001", wanted ^10[01]$: no`,
			map[string]any{
				"trace": "condition", "file": "default.xml", "line": json.Number("42"), "field": "destination_number", "value": "1001",
				"pattern": "^10[01]$", "passed": false, "depth": json.Number("2"),
			},
			"",
		},
		{
			4, at(4), "a", core.JournalApp, "application bridge({sip_auth_password=***,x=1}user/1001)",
			map[string]any{"app": "bridge", "args": "{sip_auth_password=***,x=1}user/1001", "file": "default.xml", "line": json.Number("43")},
			"",
		},
		{5, at(5), "a", core.JournalVariable, "variable set: name api_secret, value ***", map[string]any{"name": "api_secret", "value": "***"}, ""},
		{
			1500, at(1500), "a", core.JournalHangup, "hangup: cause USER_BUSY, err busy here, after ms 1500, odd true",
			map[string]any{"cause": "USER_BUSY", "err": "busy here", "after_ms": json.Number("1500"), "odd": true},
			"",
		},
	}
	if diff := cmp.Diff(want, live); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
	j.End("c", true)
	if diff := cmp.Diff(want, entries(t, j, "c")); diff != "" {
		t.Errorf("ended, still in memory (-want +got):\n%s", diff)
	}
	w := &writer{j: j}
	drain(t, w)
	defer w.closeSegment()
	if s := j.Stats(); s.Written != 1 || s.Waiting != 0 || len(j.calls) != 0 {
		t.Fatalf("Stats = %+v, %d in memory", s, len(j.calls))
	}
	if diff := cmp.Diff(want, entries(t, j, "c")); diff != "" {
		t.Errorf("from disk (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(live[1])
	if err != nil || !strings.HasPrefix(string(text), `{"offset_ms":3,"at":"2026-11-20T10:00:00.003Z","leg_id":"a","kind":"dialplan","sentence":"condition: `) {
		t.Errorf("Marshal = %s, %v", text, err)
	}
	note := live[2].Note()
	if fmt.Sprint(note.Data) != "[app bridge args {sip_auth_password=***,x=1}user/1001 file default.xml line 43]" || note.Sentence != live[2].Sentence {
		t.Errorf("Note = %+v", note)
	}
	if _, err := j.Entries(t.Context(), "none"); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("Entries(none) = %v, want ErrNotFound", err)
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		e    core.JournalEntry
		want string
	}{
		{core.JournalEntry{Kind: core.JournalSIP, Sentence: "sent", Data: []any{"peer", "p"}, Raw: []byte("SIP/2.0 200 OK\r\n\r\n")}, "sent SIP/2.0 200 OK to p"},
		{core.JournalEntry{Kind: core.JournalSIP, Sentence: "sent", Raw: []byte("x")}, "sent x"},
		{core.JournalEntry{Kind: core.JournalState, Sentence: "bridged"}, "bridged"},
		{core.JournalEntry{Kind: core.JournalApp, Sentence: "application failed", Data: []any{"app", "playback", "err", "no file"}}, "application failed playback: err no file"},
		{core.JournalEntry{Kind: core.JournalApp, Sentence: "done"}, "done"},
		{core.JournalEntry{Data: []any{"trace", core.TraceEntry{Kind: "context", Name: "default", Detail: "3 extensions"}}}, "context default (3 extensions)"},
		{core.JournalEntry{Data: []any{"trace", core.TraceEntry{Kind: "extension", Name: "x", Passed: true}}}, "extension x: matches"},
		{core.JournalEntry{Data: []any{"trace", core.TraceEntry{Kind: "action", Name: "set", Value: "a_password=hush"}}}, "action set(a_password=***)"},
		{core.JournalEntry{Data: []any{"trace", core.TraceEntry{Kind: "condition", Field: "${my_pass}", Value: "hush", Pattern: "^x$"}}}, `condition: ${my_pass} is "***", wanted ^x$: no`},
		{core.JournalEntry{Data: []any{"trace", core.TraceEntry{Kind: "not-evaluated", Name: "curl"}}}, "not evaluated: curl"},
		{core.JournalEntry{Sentence: "x", Data: []any{"bypass_media", "true"}}, "x: bypass media true"},
		{core.JournalEntry{Sentence: "x", Data: []any{"f", func() {}, "nil", nil}}, ""}, // no JSON: must not fail
	} {
		l := newLine(&c.e)
		got := l.entry(string(c.e.Raw))
		if c.want != "" && got.Sentence != c.want {
			t.Errorf("sentence = %q, want %q", got.Sentence, c.want)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("Marshal(%+v): %v", c.e, err)
		}
	}
}

func TestRingKeepsFirstAndLast(t *testing.T) {
	j := newJournal(t, openDB(t), Config{})
	const count = 3000
	for n := range count {
		j.Note("c", core.JournalEntry{At: at(n), Kind: core.JournalSIP, Sentence: fmt.Sprint("entry ", n), Raw: []byte(strings.Repeat("x", 100))})
	}
	c := j.calls["c"]
	if size := c.ring.headSize + c.ring.tailSize; size > ringBytes || size < ringBytes*3/4 {
		t.Errorf("the ring has %d bytes, want at most %d", size, ringBytes)
	}
	if n := len(c.ring.tail); n > 400 {
		t.Errorf("the tail's slice has %d places", n)
	}
	check := func(list []Entry) {
		t.Helper()
		first, last := list[0].Sentence, list[len(list)-1].Sentence
		if !strings.HasPrefix(first, "entry 0 ") || !strings.HasPrefix(last, fmt.Sprint("entry ", count-1)) {
			t.Errorf("from %q to %q", first, last)
		}
		gaps := 0
		for _, e := range list {
			if strings.HasPrefix(e.Sentence, "entries left out here") {
				gaps++
				if n, _ := e.Data["count"].(json.Number).Int64(); int(n)+len(list)-1 != count {
					t.Errorf("%d left out, %d there, want %d in all", n, len(list)-1, count)
				}
			}
		}
		if gaps != 1 {
			t.Errorf("%d marks of what is left out, want 1", gaps)
		}
	}
	check(entries(t, j, "c"))
	j.End("c", false)
	w := &writer{j: j}
	drain(t, w)
	w.closeSegment()
	check(entries(t, j, "c"))
}

// TestTheRuleThatMatchedStays: a dialplan of two hundred extensions, and after it
// enough messages to fill the ring many times.
func TestTheRuleThatMatchedStays(t *testing.T) {
	j := newJournal(t, openDB(t), Config{})
	trace := func(ms int, e core.TraceEntry) {
		e.File, e.Field, e.Value, e.Pattern = "default.xml", "destination_number", "1001", "^(9[0-9]+)$"
		j.Note("c", core.JournalEntry{At: at(ms), Leg: "a", Kind: core.JournalDialplan, Sentence: e.Kind, Data: []any{"trace", e}})
	}
	j.Note("c", state(0, "first"))
	for n := range 200 {
		trace(1, core.TraceEntry{Kind: "extension", Name: fmt.Sprint("x", n)})
		trace(1, core.TraceEntry{Kind: "condition", Line: n})
		if n == 100 {
			trace(1, core.TraceEntry{Kind: "condition", Line: 1000, Passed: true})
		}
	}
	trace(2, core.TraceEntry{Kind: "extension", Name: "Local_Extension", Passed: true})
	trace(2, core.TraceEntry{Kind: "action", Name: "bridge", Passed: true})
	full := sentences(entries(t, j, "c"))
	for n := range 500 {
		j.Note("c", core.JournalEntry{At: at(10 + n), Kind: core.JournalSIP, Sentence: fmt.Sprint("message ", n), Raw: []byte(strings.Repeat("x", 600))})
	}
	list := entries(t, j, "c")
	got := sentences(list)
	for _, want := range []string{
		"first", "conditions that did not match, left out: count ", "condition: destination_number is", "yes", "extension Local_Extension: matches", "action bridge",
		"entries left out here", "message 499",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s\nbefore the messages: %s", want, got, full)
		}
	}
	if strings.Contains(got, "does not match") {
		t.Errorf("rules that did not apply are still there: %s", got)
	}
	c := j.calls["c"]
	sum := 0
	for i := range c.ring.head {
		sum += cost(&c.ring.head[i])
	}
	if sum != c.ring.headSize || sum > headBytes {
		t.Errorf("the head has %d bytes, counted %d, want at most %d", sum, c.ring.headSize, headBytes)
	}
	for i := range list[1:] {
		if list[i+1].At.Before(list[i].At) {
			t.Errorf("%v after %v", list[i+1], list[i])
		}
	}
}

func TestOneEntryIsBounded(t *testing.T) {
	var r ring
	big := strings.Repeat("x", 1<<20)
	r.add(core.JournalEntry{Sentence: "first"})
	for range 10 {
		r.add(core.JournalEntry{Raw: []byte(big), Data: []any{"value", big, "trace", core.TraceEntry{Value: big, Detail: big, Pattern: big}}})
	}
	r.add(core.JournalEntry{Data: make([]any, 1000)})
	if size := r.headSize + r.tailSize; size > ringBytes {
		t.Errorf("%d bytes, want at most %d", size, ringBytes)
	}
	if r.head[0].Sentence != "first" {
		t.Errorf("the first entry is %+v", r.head[0])
	}
	// A short message at the beginning of a large buffer must not pin it.
	buf := make([]byte, 64<<10)
	if e := trim(core.JournalEntry{Raw: buf[:100]}); cap(e.Raw) > 256 {
		t.Errorf("the ring keeps a buffer of %d bytes for 100", cap(e.Raw))
	}
	e := trim(core.JournalEntry{Raw: []byte(big)})
	if len(e.Raw) != maxRaw || fmt.Sprint(e.Data) != "[raw_bytes 1048576]" {
		t.Errorf("%d raw bytes, data %v", len(e.Raw), e.Data)
	}
}

func TestLateEntriesJoin(t *testing.T) {
	j := newJournal(t, openDB(t), Config{})
	w := &writer{j: j}
	defer w.closeSegment()
	j.Note("c", state(0, "one"))
	j.End("c", false)
	j.Note("c", state(10, "two")) // lingering
	drain(t, w)
	j.Note("c", state(30, "four")) // long after
	j.Note("c", state(20, "three"))
	if got := sentences(entries(t, j, "c")); got != "one|two|three|four" {
		t.Errorf("Entries = %s", got)
	}
	if s := j.Stats(); s.Live != 0 || s.Waiting != 1 {
		t.Errorf("Stats = %+v: late entries wait for an end that never comes", s)
	}
	drain(t, w)
	if got := sentences(entries(t, j, "c")); got != "one|two|three|four" {
		t.Errorf("Entries = %s", got)
	}
	if len(j.calls) != 0 {
		t.Errorf("%d calls in memory", len(j.calls))
	}
}

// TestEntriesWhileWriting: at no step of the way to disk does an entry vanish or
// come twice.
func TestEntriesWhileWriting(t *testing.T) {
	j := newJournal(t, openDB(t), Config{})
	w := &writer{j: j}
	defer w.closeSegment()
	check := func(step, want string) {
		t.Helper()
		if got := sentences(entries(t, j, "c")); got != want {
			t.Errorf("%s: %s, want %s", step, got, want)
		}
	}
	j.Note("c", state(0, "one"))
	j.End("c", false)
	check("ended", "one")
	batch := w.take(time.Now())
	check("taken", "one")
	if err := w.write(batch); err != nil {
		t.Fatal(err)
	}
	check("written", "one")
	j.Note("c", state(1, "two"))
	check("noted while written", "one|two")
	if err := w.j.index.insert(t.Context(), w.pending); err != nil {
		t.Fatal(err)
	}
	check("in the index", "one|two")
	w.pending = nil
	if err := w.commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("committed", "one|two")
	drain(t, w)
	check("all written", "one|two")
}

func TestRestart(t *testing.T) {
	db, dir := openDB(t), t.TempDir()
	j := newJournal(t, db, Config{Dir: dir, Linger: time.Hour})
	stop := run(t, j)
	noteCall(j, "ended")
	j.End("ended", false)
	noteCall(j, "living") // never ends
	want := entries(t, j, "ended")
	stop()
	j = newJournal(t, db, Config{Dir: dir})
	if diff := cmp.Diff(want, entries(t, j, "ended")); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, entries(t, j, "living")); diff != "" {
		t.Errorf("the call that did not end (-want +got):\n%s", diff)
	}
	stop = run(t, j)
	j.Note("ended", state(9000, "again")) // the same id, another run
	stop()
	if got := entries(t, j, "ended"); len(got) != len(want)+1 || got[len(want)].OffsetMS != 9000 {
		t.Errorf("%d entries after another restart, want %d", len(got), len(want)+1)
	}
	if n := len(j.index.segments); n != 2 {
		t.Errorf("%d segments, want one for each run", n)
	}
}

// TestRunWritesWhenDue: the writer wakes by itself after the linger time.
func TestRunWritesWhenDue(t *testing.T) {
	j := newJournal(t, openDB(t), Config{Linger: 20 * time.Millisecond})
	stop := run(t, j)
	defer stop()
	j.Note("c", state(0, "one"))
	j.End("c", false)
	deadline := time.After(10 * time.Second)
	for j.Stats().Written == 0 {
		select {
		case <-deadline:
			t.Fatalf("not written: %+v", j.Stats())
		case <-time.After(time.Millisecond):
		}
	}
}

func TestRetentionByBytes(t *testing.T) {
	db := openDB(t)
	j := newJournal(t, db, Config{MaxBytes: 64 << 10})
	w := &writer{j: j}
	seed := uint32(1)
	for n := range 200 {
		id := core.CallID(fmt.Sprint("c", n))
		raw := make([]byte, 1000) // that does not compress
		for i := range raw {
			seed = seed*1664525 + 1013904223
			raw[i] = byte(seed >> 24)
		}
		j.Note(id, core.JournalEntry{At: at(n), Sentence: "x", Raw: raw})
		j.End(id, false)
		drain(t, w)
	}
	w.closeSegment()
	s := j.Stats()
	if s.Bytes > 70<<10 || s.Bytes < 50<<10 {
		t.Errorf("%d bytes on disk, want about %d", s.Bytes, 64<<10)
	}
	if _, err := j.Entries(t.Context(), "c0"); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("the oldest call: %v, want ErrNotFound", err)
	}
	entries(t, j, "c199")
	var rows int64
	if err := db.Gorm().Model(&blobRow{}).Count(&rows).Error; err != nil || rows > 70 || rows < 40 {
		t.Errorf("%d rows in the index, %v", rows, err)
	}
	files, err := filepath.Glob(filepath.Join(j.cfg.Dir, "*"+segmentSuffix))
	if err != nil || len(files) != len(j.index.segments) {
		t.Errorf("%d files for %d segments, %v", len(files), len(j.index.segments), err)
	}
}

func TestRetentionByAge(t *testing.T) {
	j := newJournal(t, openDB(t), Config{MaxAge: 16 * time.Hour})
	w := &writer{j: j}
	j.Note("c", state(0, "x"))
	j.End("c", false)
	drain(t, w)
	now := time.Now()
	w.keep(t.Context(), now.Add(time.Minute))
	if w.out == nil {
		t.Error("a young segment was closed")
	}
	w.keep(t.Context(), now.Add(2*time.Hour))
	if w.out != nil {
		t.Error("the segment takes calls of more than an hour")
	}
	entries(t, j, "c")
	w.keep(t.Context(), now.Add(17*time.Hour))
	if _, err := j.Entries(t.Context(), "c"); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("Entries after 17 hours: %v, want ErrNotFound", err)
	}
	if s := j.Stats(); s.Bytes != 0 || s.Errors != 0 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestUnderLoadFailedCallsAreKept(t *testing.T) {
	j := newJournal(t, openDB(t), Config{KeepOneIn: 10})
	w := &writer{j: j}
	const count = 1000
	for n := range count {
		id := core.CallID(fmt.Sprint("c", n))
		j.Note(id, state(n, "x"))
		j.End(id, n%20 == 0)
	}
	drain(t, w)
	s := j.Stats()
	if s.Written+s.Sampled != count || s.Sampled < 600 || s.Sampled > 950 {
		t.Errorf("Stats = %+v", s)
	}
	for n := 0; n < count; n += 20 {
		if _, err := j.Entries(t.Context(), core.CallID(fmt.Sprint("c", n))); err != nil {
			t.Errorf("failed call %d: %v", n, err)
		}
	}
	// Without load all are kept.
	for n := range 50 {
		id := core.CallID(fmt.Sprint("d", n))
		j.Note(id, state(n, "x"))
		j.End(id, false)
		drain(t, w)
		entries(t, j, id)
	}
	w.closeSegment()
}

func TestMemoryIsBoundedWithoutEnd(t *testing.T) {
	j := newJournal(t, openDB(t), Config{MaxLive: 10})
	for n := range 15 {
		j.Note(core.CallID(fmt.Sprint("c", n)), state(n, "x"))
	}
	if s := j.Stats(); s.Live != 10 || s.Evicted != 5 || s.Waiting != 5 {
		t.Errorf("Stats = %+v, want 10 live and 5 put away", s)
	}
	w := &writer{j: j}
	drain(t, w)
	entries(t, j, "c0")               // on disk
	j.Note("c0", state(100, "later")) // it lives, after all
	j.End("c0", true)
	if got := sentences(entries(t, j, "c0")); got != "x|later" {
		t.Errorf("Entries = %s", got)
	}
	finish(t, w)
	if len(j.calls) != 0 || j.Stats().Dropped != 0 {
		t.Errorf("%d calls in memory, %+v", len(j.calls), j.Stats())
	}
	for n := range 15 {
		entries(t, j, core.CallID(fmt.Sprint("c", n)))
	}
}

// TestSickDisk: nothing is lost while there is room in memory; beyond it, good
// calls go first.
func TestSickDisk(t *testing.T) {
	dir := t.TempDir()
	j := newJournal(t, openDB(t), Config{Dir: dir, MaxLive: 20})
	w := &writer{j: j}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	for n := range 30 {
		id := core.CallID(fmt.Sprint("c", n))
		j.Note(id, state(n, "x"))
		j.End(id, n < 5)
		if n == 10 {
			if pause := w.round(t.Context(), time.Now()); pause != retryFirst {
				t.Errorf("the first pause is %v", pause)
			}
			j.Note("c3", state(1000, "meanwhile"))
		}
	}
	if s := j.Stats(); s.Waiting != 20 || s.Dropped != 10 || s.Errors != 1 {
		t.Errorf("Stats = %+v", s)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if w.round(t.Context(), time.Now()); w.pause != 0 {
		t.Errorf("still ill: %v", w.pause)
	}
	w.closeSegment()
	for n := range 30 {
		_, err := j.Entries(t.Context(), core.CallID(fmt.Sprint("c", n)))
		if kept := n < 5 || n >= 15; (err == nil) != kept {
			t.Errorf("call %d: %v, want kept = %v", n, err, kept)
		}
	}
	if got := sentences(entries(t, j, "c3")); got != "x|meanwhile" {
		t.Errorf("Entries = %s", got)
	}
}

// TestStoreComesBack: the blob is on disk and its row is not; it is not written twice.
func TestStoreComesBack(t *testing.T) {
	j := newJournal(t, openDB(t), Config{})
	w := &writer{j: j}
	defer w.closeSegment()
	if err := w.j.index.db.Gorm().Exec("ALTER TABLE journal_blobs RENAME TO away").Error; err != nil {
		t.Fatal(err)
	}
	j.Note("c", state(0, "x"))
	j.End("c", false)
	for range 3 {
		if err := w.drain(t.Context(), time.Now()); err == nil {
			t.Fatal("drain succeeded without a table")
		}
	}
	if err := w.j.index.db.Gorm().Exec("ALTER TABLE away RENAME TO journal_blobs").Error; err != nil {
		t.Fatal(err)
	}
	size := j.Stats().Bytes
	drain(t, w)
	if got := entries(t, j, "c"); len(got) != 1 || j.Stats().Bytes != size || len(j.calls) != 0 {
		t.Errorf("%d entries, %d bytes, then %d", len(got), size, j.Stats().Bytes)
	}
}

func TestDamageCostsWhatItHit(t *testing.T) {
	var out bytes.Buffer
	j := newJournal(t, openDB(t), Config{Log: slog.New(slog.NewTextHandler(&out, nil))})
	w := &writer{j: j}
	for _, id := range []core.CallID{"a", "b"} {
		noteCall(j, id)
		j.End(id, false)
	}
	finish(t, w)
	f, err := os.OpenFile(j.index.path(1), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 50); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := j.Entries(t.Context(), "a"); !errors.Is(err, core.ErrNotFound) || !strings.Contains(out.String(), "checksum") {
		t.Errorf("Entries(a) = %v, log %q", err, out.String())
	}
	entries(t, j, "b")
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

func TestConcurrentNotes(t *testing.T) {
	j := newJournal(t, openDB(t), Config{Linger: time.Microsecond})
	stop := run(t, j)
	const calls, notes = 60, 40
	var wg sync.WaitGroup
	for n := range calls {
		id := core.CallID(fmt.Sprint("c", n))
		for leg := range 2 {
			wg.Go(func() {
				for i := range notes {
					j.Note(id, core.JournalEntry{Leg: core.ChannelID(fmt.Sprint(leg)), Kind: core.JournalState, Sentence: "x", Data: []any{"i", i}})
					if i == notes/2 && leg == 0 {
						j.End(id, false)
					}
					if i%10 == 0 {
						if _, err := j.Entries(t.Context(), id); err != nil {
							t.Errorf("Entries: %v", err)
						}
					}
				}
				j.End(id, false)
			})
		}
	}
	wg.Wait()
	stop()
	if s := j.Stats(); s.Dropped+s.Errors > 0 {
		t.Errorf("Stats = %+v", s)
	}
	for n := range calls {
		if got := entries(t, j, core.CallID(fmt.Sprint("c", n))); len(got) != 2*notes {
			t.Errorf("call %d has %d entries, want %d", n, len(got), 2*notes)
		}
	}
	if len(j.calls) != 0 {
		t.Errorf("%d calls in memory", len(j.calls))
	}
}

func FuzzReadEntries(f *testing.F) {
	var b bytes.Buffer
	ch := chapter{call: "c", head: []core.JournalEntry{{At: start, Kind: core.JournalSIP, Sentence: "x", Data: []any{"a", 1}, Raw: []byte(invite)}}}
	if err := ch.write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("{\"v\":1}\n{\"raw\":-1}\n"))
	f.Add([]byte("{\"v\":2}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := readEntries(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, e := range list {
			if _, err := json.Marshal(e); err != nil && e.At.Year() < 9999 && e.At.Year() > 0 {
				t.Errorf("Marshal(%+v): %v", e, err)
			}
		}
	})
}

func BenchmarkNote(b *testing.B) {
	j := newJournal(b, openDB(b), Config{})
	ids := make([]core.CallID, 64)
	for i := range ids {
		ids[i] = core.NewCallID()
	}
	raw := []byte(strings.Repeat("x", 700))
	now := time.Now()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		j.Note(ids[i%64], core.JournalEntry{At: now, Kind: core.JournalSIP, Sentence: "received", Data: []any{"peer", "udp:192.0.2.1:5060", "local", "192.0.2.2:5060"}, Raw: raw})
	}
}

// BenchmarkCall is the journal of one call of thirty entries, written.
func BenchmarkCall(b *testing.B) {
	j := newJournal(b, openDB(b), Config{})
	w := &writer{j: j}
	defer w.closeSegment()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		id := core.CallID(fmt.Sprint(n))
		for range 6 {
			noteCall(j, id)
		}
		j.End(id, false)
		if n++; n%batchCalls == 0 {
			drain(b, w)
		}
	}
}
