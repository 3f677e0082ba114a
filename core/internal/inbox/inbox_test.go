package inbox

import (
	"errors"
	"sync"
	"testing"
)

func TestPostKeepsOrder(t *testing.T) {
	b := New[int](0)
	for i := range 10 {
		if err := b.Post(i); err != nil {
			t.Fatalf("Post(%d) = %v", i, err)
		}
	}
	<-b.Ready()
	got := b.Take(nil)
	for i, v := range got {
		if v != i {
			t.Fatalf("message %d = %d, want %d", i, v, i)
		}
	}
	if len(got) != 10 {
		t.Fatalf("took %d messages, want 10", len(got))
	}
}

func TestFullInboxRefuses(t *testing.T) {
	b := New[int](2)
	_ = b.Post(1)
	_ = b.Post(2)
	if err := b.Post(3); !errors.Is(err, ErrFull) {
		t.Fatalf("third Post = %v, want ErrFull", err)
	}
	if err := b.Must(3); err != nil {
		t.Fatalf("Must on a full inbox = %v", err)
	}
	if got := b.Take(nil); len(got) != 3 || got[2] != 3 {
		t.Fatalf("took %v", got)
	}
	if err := b.Post(4); err != nil {
		t.Fatalf("Post after Take = %v", err)
	}
}

func TestCloseReturnsTheRestAndRefuses(t *testing.T) {
	b := New[string](0)
	_ = b.Post("a")
	if rest := b.Close(); len(rest) != 1 || rest[0] != "a" {
		t.Fatalf("Close = %q, want [a]", rest)
	}
	if err := b.Post("b"); !errors.Is(err, ErrClosed) {
		t.Fatalf("Post after Close = %v, want ErrClosed", err)
	}
}

func TestNothingIsLostBetweenPostersAndOwner(t *testing.T) {
	const posters, each = 8, 1000
	b := New[int](posters * each)
	var wg sync.WaitGroup
	for range posters {
		wg.Go(func() {
			for range each {
				if err := b.Post(1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sum := 0
	var batch []int
	for sum < posters*each {
		<-b.Ready()
		batch = b.Take(batch)
		sum += len(batch)
	}
	wg.Wait()
}

func BenchmarkPostTake(b *testing.B) {
	box := New[int](0)
	var batch []int
	b.ReportAllocs()
	for b.Loop() {
		_ = box.Post(1)
		<-box.Ready()
		batch = box.Take(batch)
	}
}
