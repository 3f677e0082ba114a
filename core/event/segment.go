package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// segment is one file of events as JSON lines, named by its first seq.
type segment struct {
	path     string
	first    uint64
	last     uint64 // at most this
	bytes    int64  // written and safe to read
	modified time.Time
}

const segmentSuffix = ".jsonl"

// segmentPath sorts by seq as text, too.
func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, segmentSuffix))
}

// createSegment opens a new file. One of that name has nothing anybody was
// told of: its first write failed.
func createSegment(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// listSegments finds the files of former runs, oldest first.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []segment
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		first, parseErr := strconv.ParseUint(digits, 10, 64)
		if !ok || parseErr != nil || first == 0 || !e.Type().IsRegular() {
			continue // not ours
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		list = append(list, segment{path: filepath.Join(dir, e.Name()), first: first, bytes: info.Size(), modified: info.ModTime()})
	}
	slices.SortFunc(list, func(a, b segment) int { return strings.Compare(a.path, b.path) })
	for i := range list {
		if i+1 < len(list) {
			list[i].last = list[i+1].first - 1
			continue
		}
		if list[i].last, err = lastSeq(list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// lastSeq reads the number of the last whole line. A torn one at the end, from
// a crash, does not count; nobody was told of it by the disk.
func lastSeq(s segment) (uint64, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	last := s.first - 1
	from, err := search(f, s.bytes, math.MaxUint64)
	if err != nil {
		return 0, err
	}
	err = scan(f, from, s.bytes, func(e Event) bool {
		last = max(last, e.Seq)
		return true
	})
	return last, err
}

// readSegments collects up to limit events that follow after.
func readSegments(segments []segment, after uint64, limit int) ([]Event, error) {
	var events []Event
	for i, s := range segments {
		if s.last <= after {
			continue
		}
		// What the next file begins with may be in this one, too: its write failed
		// in the middle and was done again there.
		end := uint64(math.MaxUint64)
		if i+1 < len(segments) {
			end = segments[i+1].first
		}
		err := readSegment(s, after, func(e Event) bool {
			if e.Seq <= after {
				return true // before what is asked; or damage: numbers only grow
			}
			if e.Seq >= end {
				return false
			}
			events = append(events, e)
			after = e.Seq
			return len(events) < limit
		})
		if err != nil {
			return nil, err
		}
		if len(events) == limit {
			break
		}
	}
	return events, nil
}

// readSegment calls take with the events from about the wanted place on.
func readSegment(s segment, after uint64, take func(Event) bool) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	from, err := search(f, s.bytes, after+1)
	if err != nil {
		return err
	}
	return scan(f, from, s.bytes, take)
}

// scan calls take with the events from an offset that begins a line, until it
// returns false. Lines that are no event are passed over.
func scan(f io.ReaderAt, from, size int64, take func(Event) bool) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f, from, size-from), 64<<10)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return ignoreEOF(err) // a torn line counts as none
		}
		var e Event
		if json.Unmarshal(line, &e) == nil && e.Seq > 0 && !take(e) {
			return nil
		}
	}
}

// searchWindow is what is cheaper to scan than to search in.
const searchWindow = 32 << 10

// search returns the offset of a line at or before the one with the wanted
// seq, by bisection: lines are sorted by seq and begin with it.
func search(f io.ReaderAt, size int64, want uint64) (int64, error) {
	low, high := int64(0), size
	for high-low > searchWindow {
		middle := low + (high-low)/2
		start, seq, err := lineAfter(f, middle, high)
		if err != nil {
			return 0, err
		}
		if seq == 0 || seq >= want {
			high = middle
		} else {
			low = start
		}
	}
	return low, nil
}

// lineAfter finds the first line that begins after offset and carries a seq;
// seq is 0 if there is none before end.
func lineAfter(f io.ReaderAt, offset, end int64) (start int64, seq uint64, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, offset, end-offset), 4096)
	start = offset
	for first := true; ; first = false {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return 0, 0, ignoreEOF(err)
		}
		if seq := seqOf(line); !first && seq > 0 {
			return start, seq, nil
		}
		start += int64(len(line))
	}
}

// seqOf reads the number that a line begins with, 0 if it does not.
func seqOf(line []byte) uint64 {
	rest, ok := bytes.CutPrefix(line, []byte(`{"seq":`))
	digits, _, found := bytes.Cut(rest, []byte{','})
	if !ok || !found {
		return 0
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
