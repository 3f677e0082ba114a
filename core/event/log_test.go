package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tandemswitch/tandem/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLog(t testing.TB, cfg Config) *Log {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return l
}

// start runs the log; the function it returns ends it.
func start(t testing.TB, l *Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func publish(l *Log, n int) {
	for i := range n {
		l.Publish(core.Notice{Type: "call.created", CallID: "c", Data: map[string]any{"n": i}})
	}
}

// readAll reads to the end, in portions.
func readAll(t testing.TB, l *Log, after uint64, limit int) []Event {
	t.Helper()
	var all []Event
	for {
		events, next, err := l.Read(after, limit)
		if err != nil {
			t.Fatalf("Read(%d): %v", after, err)
		}
		if len(events) == 0 {
			if next != after {
				t.Fatalf("Read(%d): nothing, next = %d", after, next)
			}
			return all
		}
		if len(events) > limit {
			t.Fatalf("Read(%d, %d) returned %d events", after, limit, len(events))
		}
		all = append(all, events...)
		after = next
	}
}

func wantSeqs(t testing.TB, events []Event, first, last uint64) {
	t.Helper()
	if len(events) != int(last-first+1) {
		t.Fatalf("%d events, want %d…%d", len(events), first, last)
	}
	for i, e := range events {
		if e.Seq != first+uint64(i) {
			t.Fatalf("event %d has seq %d, want %d", i, e.Seq, first+uint64(i))
		}
	}
}

func TestEventBody(t *testing.T) {
	e := Event{
		Seq: 7, ID: "ab12-7", Time: time.Date(2026, 11, 20, 10, 0, 0, 5e6, time.FixedZone("CET", 3600)), Type: "call.answered",
		CallID: "c1", LegID: "l1", Data: map[string]any{"big": uint64(math.MaxUint64), "half": 0.5, "who": "Änne <1000>"},
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"seq":7,"id":"ab12-7","time":"2026-11-20T09:00:00.005Z","type":"call.answered","call_id":"c1","leg_id":"l1",` +
		`"data":{"big":18446744073709551615,"half":0.5,"who":"Änne \u003c1000\u003e"}}`
	if string(text) != want {
		t.Errorf("Marshal = %s\nwant      %s", text, want)
	}
	var back Event
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(back); err != nil || string(again) != want {
		t.Errorf("Marshal(Unmarshal) = %s, %v", again, err)
	}
	odd, err := json.Marshal(Event{Seq: 1, Data: map[string]any{"f": func() {}}})
	if err != nil || !strings.Contains(string(odd), "unencodable") {
		t.Errorf("data without JSON: %s, %v", odd, err)
	}
	if plain, err := json.Marshal(Event{Seq: 1}); err != nil || !strings.HasSuffix(string(plain), `"data":{}}`) {
		t.Errorf("no data: %s, %v", plain, err)
	}
}

func TestReadFromMemory(t *testing.T) {
	l := newLog(t, Config{})
	if events, next, err := l.Read(0, 10); err != nil || len(events) != 0 || next != 0 {
		t.Fatalf("empty log: %v, %d, %v", events, next, err)
	}
	publish(l, 25)
	wantSeqs(t, readAll(t, l, 0, 10), 1, 25)
	wantSeqs(t, readAll(t, l, 24, 10), 25, 25)
	if _, _, err := l.Read(26, 1); !errors.Is(err, ErrGone) {
		t.Errorf("Read after a number not given yet: %v, want ErrGone", err)
	}
}

func TestRestartGoesOn(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, Config{Dir: dir})
	stop := start(t, l)
	publish(l, 10)
	stop()
	if seq := l.Publish(core.Notice{}); seq != 0 {
		t.Errorf("Publish after Run ended = %d, want 0", seq)
	}
	first := readAll(t, l, 0, 100)

	l = newLog(t, Config{Dir: dir})
	wantSeqs(t, readAll(t, l, 0, 3), 1, 10)
	stop = start(t, l)
	defer stop()
	if seq := l.Publish(core.Notice{Type: "x"}); seq != 11 {
		t.Errorf("first seq of the second run = %d, want 11", seq)
	}
	second := readAll(t, l, 0, 4)
	wantSeqs(t, second, 1, 11)
	ids := map[string]bool{}
	for _, e := range second {
		ids[e.ID] = true
	}
	if len(ids) != 11 {
		t.Errorf("%d different ids, want 11", len(ids))
	}
	for i := range first { // the same body from memory and from disk
		a, _ := json.Marshal(first[i])
		b, _ := json.Marshal(second[i])
		if string(a) != string(b) {
			t.Errorf("from memory %s\nfrom disk %s", a, b)
		}
	}
}

// TestKilledRunGivesNoNumberTwice: events that were read from memory but never
// written must not lend their numbers to others.
func TestKilledRunGivesNoNumberTwice(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, Config{Dir: dir})
	w := &writer{l: l}
	publish(l, 3)
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	publish(l, 4) // killed before these are written
	w.closeSegment()
	path := l.segments[0].path
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":4,"id":"torn`); err != nil {
		t.Fatal(err)
	}
	f.Close()

	l = newLog(t, Config{Dir: dir})
	stop := start(t, l)
	seq := l.Publish(core.Notice{Type: "x"})
	if seq <= 7 {
		t.Errorf("seq %d was given before", seq)
	}
	stop()
	l = newLog(t, Config{Dir: dir})
	events := readAll(t, l, 0, 2)
	wantSeqs(t, events[:3], 1, 3)
	if len(events) != 4 || events[3].Seq != seq {
		t.Errorf("events = %+v, want 1, 2, 3 and %d", events, seq)
	}
	// A reader that had seen up to 7 misses nothing.
	if events := readAll(t, l, 7, 10); len(events) != 1 || events[0].Seq != seq {
		t.Errorf("after 7: %+v", events)
	}
}

// TestSlowReaderGetsAllFromDisk: the ring is far smaller than what is published.
func TestSlowReaderGetsAllFromDisk(t *testing.T) {
	l := newLog(t, Config{Recent: 16, SegmentBytes: 10_000})
	stop := start(t, l)
	const count = 20_000
	publish(l, count)
	wantSeqs(t, readAll(t, l, 0, 1000), 1, count) // while the writer is at work
	stop()
	wantSeqs(t, readAll(t, l, 0, 777), 1, count)
	if s := l.Stats(); s.Segments < 50 || s.Lost != 0 || s.Pending != 0 {
		t.Errorf("Stats = %+v", s)
	}
	if len(l.ring.buf) != 16 {
		t.Errorf("the ring kept %d slots after the disk caught up", len(l.ring.buf))
	}
}

func TestSearchFindsEveryEvent(t *testing.T) {
	l := newLog(t, Config{Recent: 2, SegmentBytes: 1 << 30})
	stop := start(t, l)
	const count = 3000 // 300 kB in one file
	for i := range count {
		l.Publish(core.Notice{Type: "x", Data: map[string]any{"text": strings.Repeat("x", i%300)}})
	}
	stop()
	for after := uint64(0); after < count; after += 11 {
		events, next, err := l.Read(after, 1)
		if err != nil || len(events) != 1 || events[0].Seq != after+1 || next != after+1 {
			t.Fatalf("Read(%d, 1) = %v, %d, %v", after, events, next, err)
		}
	}
}

func TestRetentionByBytes(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, Config{Dir: dir, Recent: 4, MaxBytes: 20_000, SegmentBytes: 4_000})
	stop := start(t, l)
	publish(l, 1000)
	stop()
	s := l.Stats()
	if s.Bytes > 24_000 || s.Bytes < 12_000 {
		t.Errorf("%d bytes kept, want about 20000", s.Bytes)
	}
	if _, _, err := l.Read(0, 1); !errors.Is(err, ErrGone) {
		t.Errorf("Read(0) = %v, want ErrGone", err)
	}
	before, last := l.Bounds()
	if before == 0 || last != 1000 {
		t.Errorf("Bounds = %d, %d", before, last)
	}
	wantSeqs(t, readAll(t, l, before, 100), before+1, 1000)
	if _, _, err := l.Read(before-1, 1); !errors.Is(err, ErrGone) {
		t.Errorf("Read(before-1) = %v, want ErrGone", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil || len(files) != s.Segments {
		t.Errorf("%d files for %d segments, %v", len(files), s.Segments, err)
	}
}

func TestRetentionByAge(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{Dir: dir, Recent: 2, MaxAge: 16 * time.Hour})
		stop := start(t, l)
		defer stop()
		for range 20 {
			publish(l, 2)
			time.Sleep(time.Hour)
		}
		before, last := l.Bounds()
		if kept := last - before; last != 40 || kept < 2*15 || kept > 2*19 {
			t.Errorf("kept %d of %d events, want those of 16 hours", kept, last)
		}
		time.Sleep(20 * time.Hour) // nothing happens: the rest goes, too
		if s := l.Stats(); s.Segments != 0 {
			t.Errorf("%d segments left after 20 quiet hours", s.Segments)
		}
		wantSeqs(t, readAll(t, l, 38, 10), 39, 40) // memory still has the latest
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := New(Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() { got <- l.Wait(t.Context(), 1) }()
		l.Publish(core.Notice{})
		synctest.Wait()
		select {
		case err := <-got:
			t.Fatalf("Wait(1) returned %v after event 1", err)
		default:
		}
		l.Publish(core.Notice{})
		if err := <-got; err != nil {
			t.Errorf("Wait = %v", err)
		}
		ended := errors.New("ended")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(ended)
		if err := l.Wait(ctx, 2); !errors.Is(err, ended) {
			t.Errorf("Wait of a canceled context = %v", err)
		}
	})
}

// sick is a disk whose files fail, tear or block.
type sick struct {
	mu     sync.Mutex
	writes int
	fail   func(write int) bool
	block  chan struct{}
}

type sickFile struct {
	file
	s *sick
}

func (s *sick) create(path string) (file, error) {
	f, err := createSegment(path)
	return &sickFile{f, s}, err
}

func (f *sickFile) Write(b []byte) (int, error) {
	if f.s.block != nil {
		<-f.s.block
	}
	f.s.mu.Lock()
	f.s.writes++
	fails := f.s.fail != nil && f.s.fail(f.s.writes)
	f.s.mu.Unlock()
	if fails {
		n, _ := f.file.Write(b[:len(b)/2]) // torn
		return n, errors.New("disk full")
	}
	return f.file.Write(b)
}

// TestSlowDiskDelaysNobody: the disk hangs, publishers and readers go on; when it
// comes back everything is written.
func TestSlowDiskDelaysNobody(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, Config{Dir: dir, Recent: 8, Pending: 4096})
	disk := &sick{block: make(chan struct{})}
	l.create = disk.create
	stop := start(t, l)
	publish(l, 2000)
	wantSeqs(t, readAll(t, l, 0, 100), 1, 2000)
	close(disk.block)
	stop()
	wantSeqs(t, readAll(t, newLog(t, Config{Dir: dir}), 0, 100), 1, 2000)
}

func TestOverflowIsMarked(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, Config{Dir: dir, Recent: 8, Pending: 64})
	publish(l, 100) // nobody writes
	if s := l.Stats(); s.Lost != 36 || s.Pending != 100 {
		t.Errorf("Stats = %+v, want 36 lost", s)
	}
	start(t, l)()
	events := readAll(t, newLog(t, Config{Dir: dir}), 0, 10)
	if len(events) != 65 || events[0].Seq != 1 || events[0].Type != TypeLost || events[1].Seq != 37 {
		t.Fatalf("%d events, the first two %+v", len(events), events[:2])
	}
	if n := fmt.Sprint(events[0].Data["count"]); n != "36" {
		t.Errorf("count = %s, want 36", n)
	}
}

// TestDiskErrorsLoseNothing tears every write in turn, and then every one of a run.
func TestDiskErrorsLoseNothing(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for name, fail := range map[string]func(int) bool{
			"once": func(write int) bool { return write == n },
			"each": func(write int) bool { return write%2 == n%2 },
		} {
			t.Run(fmt.Sprint(name, n), func(t *testing.T) {
				dir := t.TempDir()
				l := newLog(t, Config{Dir: dir, Recent: 4, SegmentBytes: 3000})
				disk := &sick{fail: fail}
				l.create = disk.create
				w := &writer{l: l}
				for range 8 {
					publish(l, 7)
					_ = w.drain()
				}
				for w.drain() != nil {
				}
				w.closeSegment()
				wantSeqs(t, readAll(t, l, 0, 5), 1, 56)
				wantSeqs(t, readAll(t, newLog(t, Config{Dir: dir}), 0, 5)[:56], 1, 56)
			})
		}
	}
}

func TestDiskComesBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := newLog(t, Config{Dir: dir})
		disk := &sick{fail: func(write int) bool { return write < 6 }}
		l.create = disk.create
		stop := start(t, l)
		publish(l, 3)
		time.Sleep(time.Minute)
		if s := l.Stats(); s.Pending != 0 {
			t.Errorf("Stats = %+v after a minute, want nothing pending", s)
		}
		stop()
	})
}

func TestNewErrorsNameTheFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("New = %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, reservedFile), []byte("many"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), reservedFile) {
		t.Errorf("New = %v", err)
	}
}

func TestConcurrentPublishersAndReaders(t *testing.T) {
	l := newLog(t, Config{Recent: 32, SegmentBytes: 20_000})
	stop := start(t, l)
	defer stop()
	const publishers, each = 8, 500
	var wg sync.WaitGroup
	seqs := make([][]uint64, publishers)
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				seqs[p] = append(seqs[p], l.Publish(core.Notice{Type: "x", Data: map[string]any{"p": p, "i": i}}))
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			var after uint64
			for after < publishers*each {
				if err := l.Wait(t.Context(), after); err != nil {
					t.Error(err)
					return
				}
				events, next, err := l.Read(after, 64)
				if err != nil {
					t.Error(err)
					return
				}
				for i, e := range events {
					if e.Seq != after+uint64(i)+1 {
						t.Errorf("seq %d after %d", e.Seq, after)
						return
					}
				}
				after = next
			}
		})
	}
	wg.Wait()
	all := slices.Concat(seqs...)
	slices.Sort(all)
	for i, seq := range all {
		if seq != uint64(i+1) {
			t.Fatalf("number %d is %d: given twice or not at all", i+1, seq)
		}
	}
	for _, own := range seqs {
		if !slices.IsSorted(own) {
			t.Error("numbers of one publisher are out of order")
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	l := newLog(b, Config{})
	stop := start(b, l)
	n := core.Notice{Type: "call.created", Time: time.Now(), CallID: "c", LegID: "l", Data: map[string]any{"from": "1000", "to": "1001"}}
	b.ReportAllocs()
	for b.Loop() {
		l.Publish(n)
	}
	b.StopTimer()
	stop()
	b.ReportMetric(float64(l.Stats().Lost), "lost")
}
