// Package box keeps voicemail: messages, greetings and settings of users, as
// WAV files under DIR/DOMAIN/USER and rows of a table.
//
//	Begin ─► row "recording" ─► (the caller records the file) ─► Finish ─► row "new"
//
// The file is the message. A row is written before the recording begins and
// again when it ends; Open mends what a killed process left behind: a file
// whose row is half-done is finished from the file, a file without a row gets
// one, a row without a file goes. A table that fails costs nothing but the
// caller's name: memory answers, and Run writes again until it works.
//
// Memory holds all rows, so that counts and lists wait for nobody. The package
// starts no goroutine; methods that change something block on the disk and the
// table. All methods are safe for concurrent use.
package box

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// ErrFull refuses a message because the box holds as much as it may.
var ErrFull = errors.New("the mailbox is full")

// Limits of a box; zero is no limit.
type Limits struct {
	Messages int
	Length   time.Duration // of all messages together
}

// Config of a Store.
type Config struct {
	Dir   string
	Table Table
	Log   *slog.Logger
	// MinLength is how long a recording of a killed process must be to be kept.
	MinLength time.Duration
	// LockAfter wrong PINs in a row lock a box for LockFor; 0: never.
	LockAfter int
	LockFor   time.Duration
	// OnChange hears the counts of a box after they changed, one call at a time.
	// It must not call the Store's methods that change something.
	OnChange func(owner core.AOR, c Counts)
}

// Store is the boxes of one switch.
type Store struct {
	cfg Config
	log *slog.Logger
	// base is what writes to the table run under: they outlive the call that
	// caused them. Set by Open.
	base context.Context

	telling sync.Mutex // one OnChange at a time, so that the last word is the newest
	writing sync.Mutex // one write to the table at a time, in order
	pins    sync.Mutex // random PINs are made once
	again   chan struct{}

	// Guarded by mu.
	mu       sync.Mutex
	messages map[string]Message
	settings map[core.AOR]Settings
	dirty    map[key]uint64 // what the table does not have yet → version
	version  uint64
}

// key is a row: of a message, or of an owner's settings.
type key struct {
	message string
	owner   core.AOR
}

// New returns a store that knows nothing yet.
func New(cfg Config) *Store {
	return &Store{
		cfg: cfg, log: cfg.Log, again: make(chan struct{}, 1),
		messages: map[string]Message{}, settings: map[core.AOR]Settings{}, dirty: map[key]uint64{},
	}
}

// writeTimeout bounds one write to the table. Run tries again.
const writeTimeout = 5 * time.Second

// Open loads the table and mends what a process that was killed left behind. It
// tells the counts of every box that has messages.
func (s *Store) Open(ctx context.Context) error {
	s.base = context.WithoutCancel(ctx)
	messages, settings, err := s.cfg.Table.Load(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	for _, m := range messages {
		s.messages[m.ID] = m
	}
	for _, st := range settings {
		s.settings[st.Owner] = st
	}
	s.mu.Unlock()
	if err := s.recover(); err != nil {
		return fmt.Errorf("voicemail: %w", err)
	}
	_ = s.flush() // Run tries again, and tells
	owners := map[core.AOR]bool{}
	for _, m := range s.all() {
		owners[m.Owner] = true
	}
	for o := range owners {
		s.tell(o)
	}
	return nil
}

// recover brings rows and files together.
func (s *Store) recover() error {
	files, err := s.files()
	if err != nil {
		return err
	}
	there := map[string]found{}
	for _, f := range files {
		there[f.id] = f
	}
	for _, m := range s.all() {
		f, ok := there[m.ID]
		delete(there, m.ID)
		switch {
		case !ok:
			s.forget(m.ID)
		case m.State == StateDeleted:
			s.remove(m)
		case m.State == StateRecording:
			s.revive(m, f)
		}
	}
	for _, f := range there {
		created := f.info.ModTime()
		s.revive(Message{ID: f.id, Owner: f.owner, Created: created}, f)
	}
	return nil
}

// revive delivers a message from its file alone.
func (s *Store) revive(m Message, f found) {
	length, err := mend(f.path)
	if err != nil || length < s.cfg.MinLength {
		m.State = StateDeleted
		s.put(m)
		s.remove(m)
		return
	}
	m.State, m.Length = StateNew, length
	s.put(m)
	s.log.Info("message of an ended process delivered", "aor", m.Owner.String(), "file", f.path, "dur", length)
}

// retry delays of Run: a table that was busy, a server that restarts.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Run writes what the table refused, until ctx ends.
func (s *Store) Run(ctx context.Context) {
	delay := firstRetry
	for {
		select {
		case <-ctx.Done():
			_ = s.flush() // the last try; Open mends the rest
			return
		case <-s.again:
		}
		wait := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			wait.Stop()
			_ = s.flush()
			return
		case <-wait.C:
		}
		if s.flush() != nil {
			delay = min(2*delay, lastRetry)
		} else {
			delay = firstRetry
		}
	}
}

// flush writes what the table does not have. Errors are logged here; what was
// not written stays for Run.
func (s *Store) flush() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	due := make([]key, 0, len(s.dirty))
	for k := range s.dirty {
		due = append(due, k)
	}
	s.mu.Unlock()
	var errs []error
	for _, k := range due {
		if err := s.write(k); err != nil {
			errs = append(errs, err)
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		s.log.Error("voicemail is not in the database yet", "count", len(errs), "err", errs[0])
		select {
		case s.again <- struct{}{}:
		default:
		}
	}
	return err
}

// write writes one row as it is now. The caller holds writing.
func (s *Store) write(k key) error {
	s.mu.Lock()
	version := s.dirty[k]
	m, there := s.messages[k.message]
	st := s.settings[k.owner]
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.base, writeTimeout)
	defer cancel()
	var err error
	switch {
	case k.message == "":
		err = s.cfg.Table.SaveSettings(ctx, st)
	case there:
		err = s.cfg.Table.SaveMessage(ctx, m)
	default:
		err = s.cfg.Table.DeleteMessage(ctx, k.message)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dirty[k] == version { // not changed meanwhile
		delete(s.dirty, k)
	}
	return nil
}

// mark notes that a row is to be written. The caller holds mu.
func (s *Store) mark(k key) {
	s.version++
	s.dirty[k] = s.version
}

func (s *Store) put(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages[m.ID] = m
	s.mark(key{message: m.ID})
}

func (s *Store) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.messages, id)
	s.mark(key{message: id})
}

func (s *Store) all() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Message, 0, len(s.messages))
	for _, m := range s.messages {
		list = append(list, m)
	}
	return list
}

// tell tells the counts as they are now.
func (s *Store) tell(o core.AOR) {
	if s.cfg.OnChange == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	s.cfg.OnChange(o, s.Counts(o))
}

// Begin makes room for a message that is about to be recorded to its Path and
// notes it. ErrFull if the box holds as much as it may. A table that fails does
// not keep anybody from talking.
func (s *Store) Begin(m Message, limits Limits) (Message, error) {
	if err := checkOwner(m.Owner); err != nil {
		return m, err
	}
	count, length := 0, time.Duration(0)
	for _, old := range s.all() {
		if old.Owner == m.Owner && old.State != StateDeleted {
			count, length = count+1, length+old.Length
		}
	}
	if limits.Messages > 0 && count >= limits.Messages || limits.Length > 0 && length >= limits.Length {
		return m, ErrFull
	}
	m.ID, m.State, m.Created = core.NewID(), StateRecording, time.Now()
	if err := os.MkdirAll(s.folder(m.Owner), 0o750); err != nil {
		return m, fmt.Errorf("voicemail: %w", err)
	}
	s.put(m)
	_ = s.flush() // told there
	return m, nil
}

// Finish delivers a message whose recording has ended.
func (s *Store) Finish(id string, length time.Duration) error {
	return s.update(id, func(m *Message) {
		m.State, m.Length = StateNew, length
	})
}

// SetUrgent marks a message urgent or takes the mark off.
func (s *Store) SetUrgent(id string, on bool) error {
	return s.update(id, func(m *Message) { m.Urgent = on })
}

// SetState moves a message: StateNew, StateSaved or StateDeleted, which Purge makes final.
func (s *Store) SetState(id string, to State) error {
	return s.update(id, func(m *Message) {
		m.State = to
		switch {
		case to == StateNew:
			m.Heard = time.Time{}
		case m.Heard.IsZero():
			m.Heard = time.Now()
		}
	})
}

func (s *Store) update(id string, change func(m *Message)) error {
	s.mu.Lock()
	m, ok := s.messages[id]
	if ok {
		change(&m)
		s.messages[id] = m
		s.mark(key{message: id})
	}
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("voicemail: message %q: %w", id, core.ErrNotFound)
	}
	_ = s.flush() // told there
	s.tell(m.Owner)
	return nil
}

// Discard removes a message and its file for good.
func (s *Store) Discard(id string) error {
	m, ok := s.Message(id)
	if !ok {
		return fmt.Errorf("voicemail: message %q: %w", id, core.ErrNotFound)
	}
	m.State = StateDeleted
	s.put(m)
	s.remove(m)
	_ = s.flush() // told there
	s.tell(m.Owner)
	return nil
}

// Purge removes the deleted messages of a box for good and returns them.
func (s *Store) Purge(o core.AOR) []Message {
	gone := slices.DeleteFunc(s.all(), func(m Message) bool { return m.Owner != o || m.State != StateDeleted })
	for _, m := range gone {
		s.remove(m)
	}
	_ = s.flush() // told there
	return gone
}

// remove takes the file first: a file without a row would come back at the next
// start. One that cannot be removed keeps its row, as deleted.
func (s *Store) remove(m Message) {
	if err := os.Remove(s.Path(m)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Error("message cannot be removed", "file", s.Path(m), "err", err)
		return
	}
	s.forget(m.ID)
}

// Message finds one by its ID.
func (s *Store) Message(id string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.messages[id]
	return m, ok
}

// Messages lists a box's new and saved messages, the oldest first; those of
// one state only, if it is given. Urgent ones come first.
func (s *Store) Messages(o core.AOR, only State) []Message {
	list := slices.DeleteFunc(s.all(), func(m Message) bool {
		return m.Owner != o || !m.listed() || only != "" && m.State != only
	})
	slices.SortFunc(list, func(a, b Message) int {
		if a.Urgent != b.Urgent {
			return map[bool]int{true: -1, false: 1}[a.Urgent]
		}
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Counts are the figures of a box.
func (s *Store) Counts(o core.AOR) Counts {
	var c Counts
	for _, m := range s.all() {
		if m.Owner == o {
			c.add(m)
		}
	}
	return c
}

// Settings of a box; the zero ones if it has none yet.
func (s *Store) Settings(o core.AOR) (Settings, error) {
	if err := checkOwner(o); err != nil {
		return Settings{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.settings[o]
	st.Owner = o
	return st, nil
}

// change changes settings in memory, and then in the table.
func (s *Store) change(o core.AOR, with func(st *Settings)) {
	s.mu.Lock()
	st := s.settings[o]
	st.Owner = o
	with(&st)
	s.settings[o] = st
	s.mark(key{owner: o})
	s.mu.Unlock()
	_ = s.flush() // told there
}

// Greeting returns the file of the chosen greeting; false for the standard one.
func (s *Store) Greeting(o core.AOR) (string, bool) {
	st, err := s.Settings(o)
	if err != nil || st.Greeting == 0 {
		return "", false
	}
	path := s.GreetingPath(o, st.Greeting)
	return path, exists(path)
}

// ErrNoGreeting says that a greeting has not been recorded.
var ErrNoGreeting = errors.New("there is no such greeting")

// ChooseGreeting makes one of the recorded greetings the one that callers hear;
// 0 is the standard one.
func (s *Store) ChooseGreeting(o core.AOR, n int) error {
	if err := checkOwner(o); err != nil {
		return err
	}
	if n < 0 || n > 9 || n > 0 && !exists(s.GreetingPath(o, n)) {
		return ErrNoGreeting
	}
	s.change(o, func(st *Settings) { st.Greeting = n })
	return nil
}

// Name returns the file of the spoken name, and whether it is there.
func (s *Store) Name(o core.AOR) (string, bool) {
	if checkOwner(o) != nil {
		return "", false
	}
	return s.NamePath(o), exists(s.NamePath(o))
}

// Prepare makes the folder of a box, for drafts.
func (s *Store) Prepare(o core.AOR) error {
	if err := checkOwner(o); err != nil {
		return err
	}
	return os.MkdirAll(s.folder(o), 0o750)
}

// Inject delivers a copy of a WAV file.
func (s *Store) Inject(m Message, file string, limits Limits) (Message, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return m, fmt.Errorf("voicemail: inject: %w", err)
	}
	if m, err = s.Begin(m, limits); err != nil {
		return m, err
	}
	path := filepath.Clean(s.Path(m))
	if err = os.WriteFile(path, data, 0o640); err == nil {
		var length time.Duration
		if length, err = mend(path); err == nil {
			m.State, m.Length = StateNew, length
			return m, s.Finish(m.ID, length)
		}
	}
	return m, errors.Join(fmt.Errorf("voicemail: inject: %w", err), s.Discard(m.ID))
}
