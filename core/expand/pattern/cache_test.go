package pattern

import (
	"fmt"
	"sync"
	"testing"
)

func TestCacheRemembersAndIsBounded(t *testing.T) {
	var c Cache
	first, err := c.Compile("^1000$")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Compile("^1000$"); again != first {
		t.Error("compiled twice")
	}
	if _, err := c.Compile("("); err == nil {
		t.Error("no error")
	}
	for i := range 10 * cacheSize {
		if _, err := c.Compile(fmt.Sprintf("^%d$", i)); err != nil {
			t.Fatal(err)
		}
		if again, _ := c.Compile("^1000$"); i < cacheSize/2 && again != first {
			t.Fatal("forgotten while in use")
		}
	}
	if n := c.Len(); n > 2*cacheSize {
		t.Errorf("%d patterns kept", n)
	}
}

func TestCacheAndPatternsAreSafeTogether(t *testing.T) {
	var c Cache
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				p, err := c.Compile(fmt.Sprintf("^(%d)(x?)$", i%7))
				if err != nil {
					t.Error(err)
					return
				}
				if ok, err := p.Matches(fmt.Sprint(i % 7)); !ok || err != nil {
					t.Errorf("%v %v", ok, err)
				}
			}
		})
	}
	wg.Wait()
}
