package cdr

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// spoolFileBytes is when a spool file is closed and the next begun; one is
// removed as a whole.
const spoolFileBytes = 4 << 20

const (
	spoolPrefix = "spool-"
	spoolSuffix = ".jsonl"
)

// spool is a list of files with JSON lines, one per record. The spooler appends
// to the last one, the importer reads them from the first and removes them.
type spool struct {
	// Immutable after open.
	dir  string
	disk disk
	more chan struct{} // holds a token while the importer has work

	// Owned by the spooler.
	out     spoolFile // nil: the next append begins a file
	outPath string
	next    uint64 // number of the next file

	// Guarded by mu.
	mu    sync.Mutex
	files []spooled // oldest first
}

// spooled is one file of the spool.
type spooled struct {
	path     string
	size     int64 // synced, and therefore safe
	imported int64 // up to here it is in the table
	writing  bool  // the spooler is about to append
	closed   bool  // nothing will be appended any more
}

// open finds the files of former runs.
func (s *spool) open(dir string, d disk) error {
	s.dir, s.disk, s.more = dir, d, make(chan struct{}, 1)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		digits, isSpool := strings.CutPrefix(strings.TrimSuffix(e.Name(), spoolSuffix), spoolPrefix)
		n, err := strconv.ParseUint(digits, 10, 64)
		if !isSpool || err != nil || !e.Type().IsRegular() {
			continue // not ours
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s.files = append(s.files, spooled{path: filepath.Join(dir, e.Name()), size: info.Size(), closed: true})
		s.next = max(s.next, n+1)
	}
	slices.SortFunc(s.files, func(a, b spooled) int { return strings.Compare(a.path, b.path) })
	if len(s.files) > 0 {
		s.more <- struct{}{}
	}
	return nil
}

// append writes lines and syncs them. After an error nothing is known of them: the
// next append begins a new file, and what the old one has of them is imported
// as well. Only the spooler calls it.
func (s *spool) append(lines []byte) error {
	if s.out != nil && !s.claim() {
		_ = s.out.Close() // the importer is done with it
		s.out = nil
	}
	if s.out == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	_, err := s.out.Write(lines)
	if err == nil {
		err = s.out.Sync()
	}
	size := s.settle(err == nil, int64(len(lines)))
	if err != nil || size >= spoolFileBytes {
		s.end()
	}
	if err == nil {
		s.wakeImporter()
	}
	return err
}

// begin makes the next file and claims it.
func (s *spool) begin() error {
	path := filepath.Join(s.dir, fmt.Sprintf("%s%012d%s", spoolPrefix, s.next, spoolSuffix))
	s.next++ // also if it fails: the name may be taken
	out, err := s.disk.create(path)
	if err != nil {
		return err
	}
	if err := s.disk.syncDir(s.dir); err != nil {
		_ = out.Close()         // err says more
		_ = s.disk.remove(path) // empty; a later start finds it harmless
		return err
	}
	s.out, s.outPath = out, path
	s.mu.Lock()
	s.files = append(s.files, spooled{path: path, writing: true})
	s.mu.Unlock()
	return nil
}

// claim tells the importer to leave the current file alone; false if it has
// already closed it.
func (s *spool) claim() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.find(s.outPath)
	if f == nil || f.closed {
		return false
	}
	f.writing = true
	return true
}

// settle ends a claim; good says that the bytes are on disk.
func (s *spool) settle(good bool, n int64) (size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.find(s.outPath)
	f.writing = false
	if good {
		f.size += n
	}
	return f.size
}

// end closes the current file for good.
func (s *spool) end() {
	if s.out == nil {
		return
	}
	_ = s.out.Close() // it was synced
	s.out = nil
	s.mu.Lock()
	if f := s.find(s.outPath); f != nil {
		f.closed = true
	}
	s.mu.Unlock()
	s.wakeImporter()
}

// find returns the file of a path. The caller holds mu.
func (s *spool) find(path string) *spooled {
	for i := range s.files {
		if s.files[i].path == path {
			return &s.files[i]
		}
	}
	return nil
}

func (s *spool) wakeImporter() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// list returns the files as they are now.
func (s *spool) list() []spooled {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.files)
}

// advance says that the table has a file up to an offset.
func (s *spool) advance(path string, imported int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.find(path); f != nil {
		f.imported = imported
	}
}

// retire takes files off the list that the table has whole, and removes them.
// One the spooler still writes to is closed if close is set and nothing is on
// its way into it.
func (s *spool) retire(closeCurrent bool) error {
	s.mu.Lock()
	var done []string
	for i := range s.files {
		f := &s.files[i]
		if f.imported < f.size || f.writing {
			continue
		}
		if f.closed = f.closed || (closeCurrent && f.size > 0); f.closed {
			done = append(done, f.path)
		}
	}
	s.files = slices.DeleteFunc(s.files, func(f spooled) bool { return slices.Contains(done, f.path) })
	s.mu.Unlock()
	for _, path := range done {
		// A file that stays is imported again at the next start, to no effect.
		if err := s.disk.remove(path); err != nil {
			return err
		}
	}
	return nil
}

// waiting is how many bytes are not in the table.
func (s *spool) waiting() (bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		bytes += f.size - f.imported
	}
	return bytes
}
