package flow

import (
	"math/bits"
	"time"
)

// subBuckets divide every power of two, so that a quantile is off by 1/32 at most.
const subBuckets = 32

// Histogram counts durations. The zero value is empty; it is for one goroutine.
type Histogram struct {
	counts [(64 - 5) * subBuckets]uint64
	total  uint64
	max    time.Duration
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// Merge adds the durations of another histogram.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.total }

// Max returns the longest duration.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that a share q of all does not exceed, e.g.
// 0.95; zero for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}

// bucket is linear below subBuckets and logarithmic above.
func bucket(v uint64) int {
	shift := max(bits.Len64(v)-6, 0)
	return min(shift*subBuckets+int(v>>shift), len(Histogram{}.counts)-1)
}

// upper is the largest value of a bucket.
func upper(i int) uint64 {
	shift := max(i/subBuckets-1, 0)
	return uint64(i-shift*subBuckets+1)<<shift - 1
}
