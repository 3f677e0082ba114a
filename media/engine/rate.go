package engine

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tandemswitch/tandem/media/resample"
)

// filters are the resampling filters between all rates that occur. They are
// computed by sessions, before a shard could need them, and read without a lock.
type filters struct {
	mu    sync.Mutex
	rates []int // Guarded by mu.
	known atomic.Pointer[map[[2]int]*resample.Filter]
}

// prepare makes a rate known: it computes the filters to and from all others,
// which may take some milliseconds the first time.
func (f *filters) prepare(rateHz int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Contains(f.rates, rateHz) {
		return nil
	}
	known := map[[2]int]*resample.Filter{}
	if old := f.known.Load(); old != nil {
		known = maps.Clone(*old)
	}
	for _, other := range f.rates {
		for _, pair := range [][2]int{{rateHz, other}, {other, rateHz}} {
			filter, err := resample.NewFilter(pair[0], pair[1])
			if err != nil {
				return err
			}
			known[pair] = filter
		}
	}
	f.rates = append(f.rates, rateHz)
	f.known.Store(&known)
	return nil
}

// between is the filter of two rates; nil if one was not prepared.
func (f *filters) between(from, to int) *resample.Filter {
	known := f.known.Load()
	if known == nil {
		return nil
	}
	return (*known)[[2]int{from, to}]
}

// rate converts a stretch of sound from one sample rate to another.
type rate struct {
	filter *resample.Filter
	r      *resample.Resampler
	buf    []int16
}

// aim makes the converter ready for a pair of rates; its past is kept if they
// stay. It is false where nothing has to be converted.
func (r *rate) aim(known *filters, from, to int) bool {
	if from == to {
		return false
	}
	if r.filter == nil || r.filter.InHz() != from || r.filter.OutHz() != to {
		r.filter, r.r = known.between(from, to), nil
		if r.filter != nil {
			r.r = resample.New(r.filter)
		}
	}
	return r.filter != nil
}

// convert returns in at the other rate. The result is valid until the next
// call; equal rates return in itself.
func (r *rate) convert(known *filters, from, to int, in []int16) []int16 {
	if !r.aim(known, from, to) {
		return in
	}
	if need := r.r.OutputLen(len(in)); len(r.buf) < need {
		r.buf = make([]int16, need+need/2)
	}
	return r.buf[:r.r.Process(r.buf, in)]
}

// need is how many samples must go in so that n come out.
func (r *rate) need(n int) int { return r.r.InputLen(n) }

// reset forgets the past.
func (r *rate) reset() {
	if r.r != nil {
		r.r.Reset()
	}
}
