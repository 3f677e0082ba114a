package event

import "github.com/tandemswitch/tandem/core"

// ring holds the latest notices under consecutive numbers. It grows, up to a
// limit, while its oldest are not on disk yet. It has no lock: see Log.mu.
type ring struct {
	buf   []core.Notice
	head  int    // index of the oldest
	count int    // how many there are
	first uint64 // seq of the oldest; of the next one while empty
	size  int    // usual capacity
	limit int    // greatest capacity
}

func newRing(size, limit int, first uint64) ring {
	return ring{buf: make([]core.Notice, size), first: first, size: size, limit: max(size, limit)}
}

// push appends the notice with the next seq. The oldest makes room if it is
// written; if not, the ring grows. It reports whether an unwritten one was lost.
func (r *ring) push(n core.Notice, written uint64) (lost bool) {
	if r.count == len(r.buf) {
		if r.first > written && len(r.buf) < r.limit {
			r.resize(min(2*len(r.buf), r.limit))
		} else {
			lost = r.first > written
			r.drop()
		}
	}
	r.buf[(r.head+r.count)%len(r.buf)] = n
	r.count++
	return lost
}

func (r *ring) drop() {
	r.buf[r.head] = core.Notice{}
	r.head = (r.head + 1) % len(r.buf)
	r.count--
	r.first++
}

// at returns the notice of a seq that is in the ring.
func (r *ring) at(seq uint64) core.Notice {
	return r.buf[(r.head+int(seq-r.first))%len(r.buf)]
}

// shrink gives memory back once the disk has caught up.
func (r *ring) shrink(written uint64) {
	if len(r.buf) == r.size {
		return
	}
	for r.count > r.size {
		if r.first > written {
			return
		}
		r.drop()
	}
	r.resize(r.size)
}

func (r *ring) resize(capacity int) {
	buf := make([]core.Notice, capacity)
	for i := range r.count {
		buf[i] = r.buf[(r.head+i)%len(r.buf)]
	}
	r.buf, r.head = buf, 0
}
