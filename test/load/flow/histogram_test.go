package flow

import (
	"testing"
	"time"
)

func TestHistogramQuantilesAreWithinABucket(t *testing.T) {
	var a, b Histogram
	const n = 10000
	for i := range n {
		h := &a
		if i%2 == 1 {
			h = &b
		}
		h.Add(time.Duration(i+1) * time.Microsecond)
	}
	a.Merge(&b)
	for _, q := range []float64{.01, .5, .95, .99} {
		want := time.Duration(q*n) * time.Microsecond
		if got := a.Quantile(q); got < want || got > want+want/subBuckets+time.Microsecond {
			t.Errorf("Quantile(%v) = %v, want %v and at most 1/%d more", q, got, want, subBuckets)
		}
	}
	if a.Count() != n || a.Max() != n*time.Microsecond || a.Quantile(1) != a.Max() {
		t.Errorf("Count %d, Max %v, Quantile(1) %v", a.Count(), a.Max(), a.Quantile(1))
	}
}

func TestHistogramTakesAnyDuration(t *testing.T) {
	var h Histogram
	if h.Quantile(.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	h.Add(-time.Second)
	h.Add(1<<63 - 1)
	if h.Count() != 2 || h.Quantile(0) != 0 || h.Max() != 1<<63-1 {
		t.Errorf("Count %d, Quantile(0) %v, Max %v", h.Count(), h.Quantile(0), h.Max())
	}
}

func TestBucketsFollowEachOther(t *testing.T) {
	for v := range uint64(100_000) {
		i := bucket(v)
		if v > upper(i) || (i > 0 && v <= upper(i-1)) {
			t.Fatalf("%d is in bucket %d, which is (%d, %d]", v, i, upper(i-1), upper(i))
		}
	}
}
