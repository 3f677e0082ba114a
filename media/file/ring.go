package file

import "sync/atomic"

// ring carries samples from one goroutine to one other without locks. Neither
// side ever waits.
type ring struct {
	buf  []int16 // its length is a power of two
	head atomic.Uint64
	tail atomic.Uint64
}

// newRing returns a ring for at least samples.
func newRing(samples int) *ring {
	size := 1
	for size < samples {
		size *= 2
	}
	return &ring{buf: make([]int16, size)}
}

// len is how many samples wait: at least, as the reader sees it; at most, as
// the writer does.
func (r *ring) len() int { return int(r.tail.Load() - r.head.Load()) }

// free is how many samples the writer can put.
func (r *ring) free() int { return len(r.buf) - r.len() }

// put writes as many samples of p as fit and returns their number. For the
// writer only.
func (r *ring) put(p []int16) int {
	tail := r.tail.Load()
	p = p[:min(len(p), len(r.buf)-int(tail-r.head.Load()))]
	at := int(tail) & (len(r.buf) - 1)
	n := copy(r.buf[at:], p)
	copy(r.buf, p[n:])
	r.tail.Store(tail + uint64(len(p)))
	return len(p)
}

// take reads as many samples as wait and fit into p, and returns their number.
// For the reader only.
func (r *ring) take(p []int16) int {
	head := r.head.Load()
	p = p[:min(len(p), int(r.tail.Load()-head))]
	at := int(head) & (len(r.buf) - 1)
	n := copy(p, r.buf[at:])
	copy(p[n:], r.buf)
	r.head.Store(head + uint64(len(p)))
	return len(p)
}
