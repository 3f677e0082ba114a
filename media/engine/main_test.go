package engine

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind (style §7.5). The switch
// of a measurement ends with its process.
func TestMain(m *testing.M) {
	if os.Getenv("TANDEM_COST_CHILD") != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}
