package box_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/store"
)

var alice = core.AOR{User: "1000", Domain: "pbx.example"}

// table is a Table in memory whose n-th write fails, and all after it when it
// is broken.
type table struct {
	mu       sync.Mutex
	messages map[string]box.Message
	settings map[core.AOR]box.Settings
	writes   int
	failAt   int // 0: never
	broken   bool
}

func newTable() *table {
	return &table{messages: map[string]box.Message{}, settings: map[core.AOR]box.Settings{}}
}

var errDisk = errors.New("disk full")

func (t *table) write(do func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes++
	if t.writes == t.failAt || t.broken && t.writes > t.failAt {
		return errDisk
	}
	do()
	return nil
}

func (t *table) Load(context.Context) ([]box.Message, []box.Settings, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var messages []box.Message
	for _, m := range t.messages {
		messages = append(messages, m)
	}
	var settings []box.Settings
	for _, s := range t.settings {
		settings = append(settings, s)
	}
	return messages, settings, nil
}

func (t *table) SaveMessage(_ context.Context, m box.Message) error {
	return t.write(func() { t.messages[m.ID] = m })
}

func (t *table) DeleteMessage(_ context.Context, id string) error {
	return t.write(func() { delete(t.messages, id) })
}

func (t *table) SaveSettings(_ context.Context, s box.Settings) error {
	return t.write(func() { t.settings[s.Owner] = s })
}

// open opens a store on dir, as a switch does at its start.
func open(t *testing.T, dir string, tab box.Table, changes *[]string) *box.Store {
	t.Helper()
	s := box.New(box.Config{
		Dir: dir, Table: tab, Log: slog.New(slog.DiscardHandler), MinLength: time.Second, LockAfter: 3, LockFor: time.Minute,
		OnChange: func(o core.AOR, c box.Counts) {
			if changes != nil {
				*changes = append(*changes, o.User+" "+c.String())
			}
		},
	})
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// wav is a recording at 8000 Hz whose header says less than there is.
func wav(length time.Duration) []byte {
	data := make([]byte, 16000*length/time.Second)
	b := bytes.NewBufferString("RIFF\x00\x00\x00\x00WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16)} {
		_ = binary.Write(b, binary.LittleEndian, v)
	}
	b.WriteString("data\x00\x00\x00\x00")
	b.Write(data)
	return b.Bytes()
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// leave records and delivers a message.
func leave(t *testing.T, s *box.Store, length time.Duration) box.Message {
	t.Helper()
	m, err := s.Begin(box.Message{Owner: alice, CallerName: "Bob", CallerNumber: "1001"}, box.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.Path(m), wav(length))
	if err := s.Finish(m.ID, length); err != nil {
		t.Fatal(err)
	}
	m, _ = s.Message(m.ID)
	return m
}

func TestMessageLivesFromRecordingToDeleted(t *testing.T) {
	var changes []string
	tab := newTable()
	s := open(t, t.TempDir(), tab, &changes)
	m := leave(t, s, 4*time.Second)
	if m.State != box.StateNew || m.Length != 4*time.Second || m.CallerNumber != "1001" {
		t.Errorf("delivered %+v", m)
	}
	_ = s.SetUrgent(m.ID, true)
	_ = s.SetState(m.ID, box.StateSaved)
	if m, _ = s.Message(m.ID); m.Heard.IsZero() {
		t.Error("saved, but not heard")
	}
	_ = s.SetState(m.ID, box.StateDeleted)
	if list := s.Messages(alice, ""); len(list) != 0 {
		t.Errorf("deleted, and listed: %v", list)
	}
	_ = s.SetState(m.ID, box.StateSaved) // kept after all
	_ = s.SetState(m.ID, box.StateDeleted)
	s.Purge(alice)
	if _, err := os.Stat(s.Path(m)); !os.IsNotExist(err) {
		t.Errorf("the file of a purged message: %v", err)
	}
	if len(tab.messages) != 0 {
		t.Errorf("rows left: %v", tab.messages)
	}
	want := []string{"1000 1/0 (0/0)", "1000 1/0 (1/0)", "1000 0/1 (0/1)", "1000 0/0 (0/0)", "1000 0/1 (0/1)", "1000 0/0 (0/0)"}
	if fmt.Sprint(changes) != fmt.Sprint(want) {
		t.Errorf("told %q, want %q", changes, want)
	}
}

func TestUrgentMessagesComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, t.TempDir(), newTable(), nil)
		first := leave(t, s, time.Second)
		time.Sleep(time.Second)
		second := leave(t, s, time.Second)
		_ = s.SetUrgent(second.ID, true)
		list := s.Messages(alice, box.StateNew)
		if len(list) != 2 || list[0].ID != second.ID || list[1].ID != first.ID {
			t.Errorf("order %v", list)
		}
		if list := s.Messages(alice, box.StateSaved); len(list) != 0 {
			t.Errorf("saved: %v", list)
		}
	})
}

// TestKilledWhileSomebodySpeaks leaves what a killed process does: a file whose
// header is a second old, and a row that says "recording".
func TestKilledWhileSomebodySpeaks(t *testing.T) {
	dir, tab := t.TempDir(), newTable()
	s := open(t, dir, tab, nil)
	m, err := s.Begin(box.Message{Owner: alice, CallerNumber: "1001"}, box.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.Path(m), append(wav(7*time.Second), 1)) // half a sample at the end
	if n := s.Counts(alice).New; n != 0 {
		t.Errorf("%d new messages while one is being recorded", n)
	}
	var changes []string
	s = open(t, dir, tab, &changes)
	got, ok := s.Message(m.ID)
	if !ok || got.State != box.StateNew || got.Length != 7*time.Second || got.CallerNumber != "1001" {
		t.Errorf("after the restart: %+v, %v", got, ok)
	}
	if fmt.Sprint(changes) != "[1000 1/0 (0/0)]" {
		t.Errorf("told %q", changes)
	}
	data, _ := os.ReadFile(s.Path(m))
	if n := binary.LittleEndian.Uint32(data[40:]); n != 7*16000 {
		t.Errorf("the header says %d bytes of data, want %d", n, 7*16000)
	}
}

func TestRestartRemovesWhatIsNoMessage(t *testing.T) {
	dir, tab := t.TempDir(), newTable()
	s := open(t, dir, tab, nil)
	short, _ := s.Begin(box.Message{Owner: alice}, box.Limits{})
	write(t, s.Path(short), wav(500*time.Millisecond))
	noFile, _ := s.Begin(box.Message{Owner: alice}, box.Limits{})
	noWAV, _ := s.Begin(box.Message{Owner: alice}, box.Limits{})
	write(t, s.Path(noWAV), []byte("RIFF"))
	deleted := leave(t, s, 3*time.Second)
	_ = s.SetState(deleted.ID, box.StateDeleted)
	draft := s.DraftPath(alice)
	write(t, draft, wav(time.Second))
	s = open(t, dir, tab, nil)
	for _, m := range []box.Message{short, noFile, noWAV, deleted} {
		if _, ok := s.Message(m.ID); ok {
			t.Errorf("message %+v is still there", m)
		}
		if _, err := os.Stat(s.Path(m)); !os.IsNotExist(err) {
			t.Errorf("file of %+v: %v", m, err)
		}
	}
	if _, err := os.Stat(draft); !os.IsNotExist(err) {
		t.Errorf("draft: %v", err)
	}
	if len(tab.messages) != 0 {
		t.Errorf("rows left: %v", tab.messages)
	}
}

// TestNoMessageIsLostWhenTheTableFails fails the n-th write, and all writes
// from the n-th on, and restarts: the two messages are there, the deleted one
// does not come back.
func TestNoMessageIsLostWhenTheTableFails(t *testing.T) {
	for _, broken := range []bool{false, true} {
		for n := 1; n <= 12; n++ {
			t.Run(fmt.Sprintf("write %d, for ever %v", n, broken), func(t *testing.T) {
				dir, tab := t.TempDir(), newTable()
				tab.failAt, tab.broken = n, broken
				s := open(t, dir, tab, nil)
				first, second, gone := leave(t, s, 2*time.Second), leave(t, s, 3*time.Second), leave(t, s, 4*time.Second)
				_ = s.Discard(gone.ID)
				if c := s.Counts(alice); c.New != 2 {
					t.Errorf("before the restart: %v", c)
				}
				tab.mu.Lock()
				tab.failAt, tab.broken = 0, false
				tab.mu.Unlock()
				s = open(t, dir, tab, nil)
				if list := s.Messages(alice, box.StateNew); len(list) != 2 {
					t.Fatalf("after the restart: %v", list)
				}
				for _, want := range []box.Message{first, second} {
					if m, ok := s.Message(want.ID); !ok || m.Length != want.Length || m.Owner != alice {
						t.Errorf("after the restart: %+v, want %+v", m, want)
					}
				}
				if len(tab.messages) != 2 {
					t.Errorf("%d rows", len(tab.messages))
				}
			})
		}
	}
}

func TestRunWritesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		tab.failAt, tab.broken = 1, true
		tab.writes = 1 // all fail
		s := open(t, t.TempDir(), tab, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		m := leave(t, s, 2*time.Second)
		time.Sleep(10 * time.Second)
		tab.mu.Lock()
		rows := len(tab.messages)
		tab.failAt, tab.broken = 0, false
		tab.mu.Unlock()
		if rows != 0 {
			t.Fatal("a broken table took a row")
		}
		time.Sleep(2 * time.Minute)
		tab.mu.Lock()
		if row := tab.messages[m.ID]; row.State != box.StateNew || row.CallerNumber != "1001" {
			t.Errorf("row %+v", row)
		}
		tab.mu.Unlock()
		cancel()
		wg.Wait()
	})
}

func TestLimits(t *testing.T) {
	s := open(t, t.TempDir(), newTable(), nil)
	leave(t, s, 10*time.Second)
	for _, c := range []struct {
		limits box.Limits
		full   bool
	}{
		{box.Limits{}, false}, {box.Limits{Messages: 2}, false}, {box.Limits{Messages: 1}, true},
		{box.Limits{Length: 11 * time.Second}, false}, {box.Limits{Length: 10 * time.Second}, true},
	} {
		m, err := s.Begin(box.Message{Owner: alice}, c.limits)
		if errors.Is(err, box.ErrFull) != c.full {
			t.Errorf("limits %+v: %v", c.limits, err)
		}
		if err == nil {
			_ = s.Discard(m.ID)
		}
	}
}

func TestOddOwnersAreRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, newTable(), nil)
	for _, o := range []core.AOR{{}, {User: "..", Domain: "d"}, {User: "a/b", Domain: "d"}, {User: "1", Domain: "../.."}, {User: "a\x00", Domain: "d"}, {User: strings.Repeat("9", 4096), Domain: "d"}, {User: "1!2", Domain: "d"}} {
		if _, err := s.Begin(box.Message{Owner: o}, box.Limits{}); !errors.Is(err, box.ErrOwner) {
			t.Errorf("%q: %v", o, err)
		}
		if _, err := s.InitialPIN(o); !errors.Is(err, box.ErrOwner) {
			t.Errorf("%q: PIN: %v", o, err)
		}
		if v := s.CheckPIN(o, "1", "1"); v == box.Right {
			t.Errorf("%q: PIN accepted", o)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("made %v", entries)
	}
}

func TestPINIsRandomAtFirstAndHashedAfterwards(t *testing.T) {
	dir, tab := t.TempDir(), newTable()
	s := open(t, dir, tab, nil)
	pin, err := s.InitialPIN(alice)
	if err != nil || len(pin) != 6 {
		t.Fatalf("PIN %q, %v", pin, err)
	}
	if other, _ := s.InitialPIN(core.AOR{User: "1001", Domain: "pbx.example"}); other == pin {
		t.Errorf("two boxes have PIN %s", pin)
	}
	if again, _ := open(t, dir, tab, nil).InitialPIN(alice); again != pin {
		t.Errorf("PIN %q after a restart, want %q", again, pin)
	}
	if s.CheckPIN(alice, pin, "") != box.Right || s.CheckPIN(alice, "x", "") == box.Right {
		t.Error("the first PIN")
	}
	if s.CheckPIN(alice, "8642", "8642") != box.Right || s.CheckPIN(alice, pin, "8642") == box.Right {
		t.Error("the directory's PIN")
	}
	if err := s.SetPIN(alice, "97531"); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, tab, nil)
	if s.CheckPIN(alice, "97531", "8642") != box.Right || s.CheckPIN(alice, pin, "") == box.Right || s.CheckPIN(alice, "8642", "8642") == box.Right {
		t.Error("the chosen PIN")
	}
	if now, _ := s.InitialPIN(alice); now != "" {
		t.Errorf("initial PIN %q after it was changed", now)
	}
	if hash := tab.settings[alice].PINHash; strings.Contains(hash, "97531") || !strings.HasPrefix(hash, "pbkdf2-sha256$") {
		t.Errorf("kept as %q", hash)
	}
	if _, err := os.Stat(filepath.Join(dir, "pbx.example", "1000", "pin")); !os.IsNotExist(err) {
		t.Errorf("the first PIN's file: %v", err)
	}
}

func TestWrongPINsLockTheBox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, tab := t.TempDir(), newTable()
		s := open(t, dir, tab, nil)
		check := func(pin string, want box.Verdict) {
			t.Helper()
			if got := s.CheckPIN(alice, pin, "8642"); got != want {
				t.Errorf("PIN %s: %v, want %v", pin, got, want)
			}
		}
		check("1", box.Wrong)
		check("2", box.Wrong)
		check("8642", box.Right) // counts anew
		check("1", box.Wrong)
		check("2", box.Wrong)
		check("3", box.Locked)
		check("8642", box.Locked)
		s = open(t, dir, tab, nil) // a restart opens nothing
		check("8642", box.Locked)
		time.Sleep(61 * time.Second)
		check("8642", box.Right)
		for range 3 {
			s.CheckPIN(alice, "x", "8642")
		}
		if err := s.Unlock(alice); err != nil {
			t.Fatal(err)
		}
		check("8642", box.Right)
	})
}

func TestGuessable(t *testing.T) {
	for pin, want := range map[string]bool{"1111": true, "1234": true, "9876": true, "1000": true, "": true, "2580": false, "1123": false, "97531": false} {
		if got := box.Guessable(pin, "1000"); got != want {
			t.Errorf("Guessable(%q) = %v", pin, got)
		}
	}
}

func TestGreetings(t *testing.T) {
	s := open(t, t.TempDir(), newTable(), nil)
	if err := s.Prepare(alice); err != nil {
		t.Fatal(err)
	}
	if err := s.ChooseGreeting(alice, 3); !errors.Is(err, box.ErrNoGreeting) {
		t.Errorf("a greeting that was not recorded: %v", err)
	}
	draft := s.DraftPath(alice)
	write(t, draft, wav(time.Second))
	if err := s.Keep(draft, s.GreetingPath(alice, 3)); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Greeting(alice); ok {
		t.Error("a greeting nobody chose")
	}
	if err := s.ChooseGreeting(alice, 3); err != nil {
		t.Error(err)
	}
	if path, ok := s.Greeting(alice); !ok || path != s.GreetingPath(alice, 3) {
		t.Errorf("greeting %q, %v", path, ok)
	}
	if err := s.ChooseGreeting(alice, 0); err != nil {
		t.Error(err)
	}
	if _, ok := s.Greeting(alice); ok {
		t.Error("the standard greeting was chosen")
	}
	if _, ok := s.Name(alice); ok {
		t.Error("a name nobody said")
	}
}

func TestInject(t *testing.T) {
	s := open(t, t.TempDir(), newTable(), nil)
	file := filepath.Join(t.TempDir(), "x.wav")
	write(t, file, wav(5*time.Second))
	m, err := s.Inject(box.Message{Owner: alice}, file, box.Limits{})
	if err != nil || m.Length != 5*time.Second || s.Counts(alice).New != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	write(t, file, []byte("no sound"))
	if _, err := s.Inject(box.Message{Owner: alice}, file, box.Limits{}); err == nil || s.Counts(alice).New != 1 {
		t.Errorf("a text file: %v, %v", err, s.Counts(alice))
	}
}

func TestDatabaseKeepsEverything(t *testing.T) {
	db, err := store.Open(filepath.Join(t.TempDir(), "t.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate("voicemail", box.Migrations()); err != nil {
		t.Fatal(err)
	}
	dir, tab := t.TempDir(), box.NewDatabase(db.Gorm())
	s := open(t, dir, tab, nil)
	m := leave(t, s, 1500*time.Millisecond)
	_ = s.SetUrgent(m.ID, true)
	gone := leave(t, s, time.Second)
	_ = s.Discard(gone.ID)
	_ = s.SetPIN(alice, "97531")
	s.CheckPIN(alice, "1", "")
	before, _ := s.Message(m.ID)
	settings, _ := s.Settings(alice)
	s = open(t, dir, tab, nil)
	if list := s.Messages(alice, ""); len(list) != 1 || !list[0].Created.Equal(before.Created.Truncate(time.Millisecond)) || list[0].Length != before.Length || !list[0].Urgent || list[0].CallerName != "Bob" {
		t.Errorf("after a restart %+v, want %+v", list, before)
	}
	if again, _ := s.Settings(alice); again != settings || again.Failures != 1 {
		t.Errorf("settings %+v, want %+v", again, settings)
	}
}
