package presence

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ready(s *Subscription) bool {
	select {
	case <-s.Ready():
		return true
	default:
		return false
	}
}

func want(t *testing.T, s *Subscription, changes ...Change) {
	t.Helper()
	if got := s.Take(); !cmp.Equal(got, changes) {
		t.Errorf("Take = %v, want %v", got, changes)
	}
}

func TestLatest(t *testing.T) {
	b := New()
	if _, ok := b.Latest("a"); ok {
		t.Error("an empty board has a state")
	}
	b.Publish("a", "1")
	b.Publish("a", "2")
	if state, ok := b.Latest("a"); !ok || state != "2" {
		t.Errorf("Latest = %q, %v, want 2", state, ok)
	}
	b.Publish("a", "")
	if _, ok := b.Latest("a"); ok {
		t.Error("the state was not removed")
	}
	b.Publish("x/1", "a")
	b.Publish("x/2", "b")
	b.Publish("y/1", "c")
	if got := b.All("x/"); !cmp.Equal(got, map[string]string{"x/1": "a", "x/2": "b"}) {
		t.Errorf("All(x/) = %v", got)
	}
	if got := b.All(""); len(got) != 3 {
		t.Errorf("All = %v", got)
	}
}

func TestSubscriberReadsTheLatest(t *testing.T) {
	b := New()
	b.Publish("call/2", "old")
	b.Publish("call/1", "old")
	s := b.Subscribe("call/")
	defer s.Close()
	if !ready(s) {
		t.Error("not woken for what is there already")
	}
	want(t, s, Change{"call/1", "old"}, Change{"call/2", "old"})

	b.Publish("call/3", "ringing")
	b.Publish("call/1", "ringing")
	b.Publish("call/3", "up") // coalesced, in the place of the first
	b.Publish("mwi/1", "2")
	b.Publish("call/1", "")
	if !ready(s) || ready(s) {
		t.Error("want one token, however many changes")
	}
	want(t, s, Change{"call/3", "up"}, Change{"call/1", ""})
	want(t, s)

	b.Publish("call/3", "up")
	b.Publish("call/9", "") // there was none
	if ready(s) {
		t.Error("woken though nothing changed")
	}
	// Two changes that lead back are still told: somebody may have seen neither.
	b.Publish("call/3", "held")
	b.Publish("call/3", "up")
	want(t, s, Change{"call/3", "up"})
}

func TestPrefixes(t *testing.T) {
	b := New()
	all, some, one := b.Subscribe(""), b.Subscribe("call/10"), b.Subscribe("call/1000")
	twin := b.Subscribe("call/1000")
	b.Publish("call/1000", "up")
	b.Publish("call/1001", "up")
	b.Publish("c", "x")
	want(t, all, Change{"call/1000", "up"}, Change{"call/1001", "up"}, Change{"c", "x"})
	want(t, some, Change{"call/1000", "up"}, Change{"call/1001", "up"})
	want(t, one, Change{"call/1000", "up"})
	want(t, twin, Change{"call/1000", "up"})

	one.Close()
	one.Close()
	b.Publish("call/1000", "down")
	want(t, one)
	want(t, twin, Change{"call/1000", "down"})
	ready(twin) // what was taken left its token
	twin.Close()
	some.Close()
	all.Close()
	b.Publish("call/1000", "up")
	if ready(twin) || len(b.watch) != 0 || len(b.lengths) != 0 {
		t.Errorf("left after the last Close: %v, %v", b.watch, b.lengths)
	}
}

func TestConcurrentPublishers(t *testing.T) {
	b := New()
	s := b.Subscribe("k/")
	const publishers, keys, each = 4, 5, 200
	seen := map[string]string{}
	done := make(chan struct{})
	var reader sync.WaitGroup
	take := func() {
		for _, c := range s.Take() {
			seen[c.Key] = c.State
		}
	}
	reader.Go(func() {
		for {
			select {
			case <-s.Ready():
				take()
			case <-done:
				take()
				return
			}
		}
	})
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				b.Publish(fmt.Sprintf("k/%d", i%keys), fmt.Sprintf("%d-%d", p, i))
				other := b.Subscribe("k/1")
				other.Take()
				other.Close()
			}
		})
	}
	wg.Wait()
	close(done)
	reader.Wait()
	if want := b.All("k/"); !cmp.Equal(seen, want) {
		t.Errorf("seen last %v\nwant      %v", seen, want)
	}
}

func BenchmarkPublish(b *testing.B) {
	board := New()
	for i := range 1000 {
		board.Subscribe(fmt.Sprintf("call/%d@example.com", 1000+i))
	}
	states := [2]string{"up", "down"}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		board.Publish("call/1500@example.com", states[i%2])
	}
}
