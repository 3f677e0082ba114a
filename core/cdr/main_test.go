package cdr

import (
	"testing"

	"go.uber.org/goleak"
)

// gorm never ends the goroutine of its statement cache; see package store.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}
