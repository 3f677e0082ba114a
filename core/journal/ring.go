package journal

import (
	"bytes"
	"slices"
	"strings"
	"unsafe"

	"github.com/tandemswitch/tandem/core"
)

// Sizes of a call's ring: 32 kB in all (design section 10). The first entries
// stay: the INVITE and why it went where it went. The last ones are those that
// the next push out, and so stay at the end.
const (
	ringBytes = 32 << 10
	headBytes = 12 << 10
	// maxRaw and maxText cut what one entry alone would push everything else out with.
	maxRaw  = 8 << 10
	maxText = 1 << 10
	// maxPairs is more than any entry has; what is beyond is cut.
	maxPairs = 64
)

// ring holds the first and the last entries of a call. When it is full, the
// conditions that did not match leave first, wherever they stand: with a hundred
// of them the one that did would soon be gone. Then the oldest of the tail
// leave. The zero value is empty. It has no lock: see call.mu.
type ring struct {
	head, tail         []core.JournalEntry
	first              int // of tail: what is before was pushed out
	headSize, tailSize int // bytes
	minor              int // entries that leave first
	dropped            int // entries between head and tail
}

// add appends an entry and pushes out others where it must.
func (r *ring) add(e core.JournalEntry) {
	e = trim(e)
	size := cost(&e)
	if isMinor(&e) {
		r.minor++
	}
	if len(r.tail) == r.first && r.dropped == 0 && r.headSize+size <= headBytes {
		r.head = append(r.head, e)
		r.headSize += size
		return
	}
	r.tail = append(r.tail, e)
	r.tailSize += size
	if r.minor > 0 && r.tailSize > ringBytes-headBytes {
		r.dropMinor()
	}
	for r.tailSize > ringBytes-headBytes && r.first < len(r.tail)-1 {
		r.shift()
		r.dropped++
	}
	if r.first > len(r.tail)/2 {
		n := copy(r.tail, r.tail[r.first:])
		clear(r.tail[n:])
		r.tail, r.first = r.tail[:n], 0
	}
}

// shift takes the oldest entry off the tail.
func (r *ring) shift() core.JournalEntry {
	e := r.tail[r.first]
	r.tailSize -= cost(&e)
	r.tail[r.first] = core.JournalEntry{}
	r.first++
	return e
}

// isMinor reports whether an entry says only that a rule did not apply.
func isMinor(e *core.JournalEntry) bool {
	if e.Kind != core.JournalDialplan || len(e.Data) != 2 {
		return false
	}
	t, ok := e.Data[1].(core.TraceEntry)
	if !ok || t.Passed {
		return false
	}
	switch t.Kind {
	case "extension", "condition", "regex":
		return true
	}
	return false
}

// dropMinor puts one entry in place of each run of minor ones, and fills the
// head again.
func (r *ring) dropMinor() {
	tail := r.tail[r.first:]
	r.head, r.headSize = withoutMinor(r.head)
	r.tail, r.tailSize = withoutMinor(tail)
	r.first, r.minor = 0, 0
	if r.dropped > 0 {
		return // what follows the head is not what came next
	}
	for r.first < len(r.tail) && r.headSize+cost(&r.tail[r.first]) <= headBytes {
		e := r.shift()
		r.head = append(r.head, e)
		r.headSize += cost(&e)
	}
}

func withoutMinor(entries []core.JournalEntry) (rest []core.JournalEntry, size int) {
	rest = make([]core.JournalEntry, 0, len(entries)/2)
	for i := 0; i < len(entries); i++ {
		e := entries[i]
		if isMinor(&e) {
			n := 1
			for i+1 < len(entries) && isMinor(&entries[i+1]) && entries[i+1].Leg == e.Leg {
				i++
				n++
			}
			e = core.JournalEntry{At: e.At, Leg: e.Leg, Kind: e.Kind, Sentence: "conditions that did not match, left out", Data: []any{"count", n}}
		}
		size += cost(&e)
		rest = append(rest, e)
	}
	return rest, size
}

// entries copies the first and the last ones.
func (r *ring) entries() (head, tail []core.JournalEntry) {
	return slices.Clone(r.head), slices.Clone(r.tail[r.first:])
}

// trim bounds one entry, and cuts raw bytes off a larger buffer they pin.
func trim(e core.JournalEntry) core.JournalEntry {
	if n := len(e.Raw); n > maxRaw {
		e.Raw = bytes.Clone(e.Raw[:maxRaw])
		e.Data = append(slices.Clone(e.Data), "raw_bytes", n)
	} else if cap(e.Raw) > 2*n+64 {
		e.Raw = bytes.Clone(e.Raw)
	}
	if len(e.Data) > maxPairs {
		e.Data = slices.Clone(e.Data[:maxPairs])
	}
	for i, v := range e.Data {
		switch v := v.(type) {
		case string:
			if len(v) > maxText {
				e.Data = slices.Clone(e.Data)
				e.Data[i] = shorten(v)
			}
		case core.TraceEntry:
			if len(v.Value)+len(v.Detail)+len(v.Pattern) > 3*maxText {
				v.Value, v.Detail, v.Pattern = shorten(v.Value), shorten(v.Detail), shorten(v.Pattern)
				e.Data = slices.Clone(e.Data)
				e.Data[i] = v
			}
		}
	}
	return e
}

func shorten(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.Clone(text[:maxText]) + "…"
}

// cost estimates the bytes an entry keeps alive.
func cost(e *core.JournalEntry) int {
	const (
		entry = int(unsafe.Sizeof(core.JournalEntry{}))
		value = int(unsafe.Sizeof(any(nil)))
		boxed = 16
		trace = int(unsafe.Sizeof(core.TraceEntry{}))
	)
	size := entry + len(e.Raw) + value*len(e.Data)
	for i, v := range e.Data {
		switch v := v.(type) {
		case string:
			if i%2 == 1 { // keys are constants
				size += boxed + len(v)
			}
		case core.TraceEntry:
			size += trace + len(v.Value) + len(v.Detail)
		case []core.TraceEntry: // their texts are the plan's own
			size += trace * len(v)
		default:
			size += boxed
		}
	}
	return size
}
