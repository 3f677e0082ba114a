package interop

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// soak turns on the tests that take minutes: make soak.
var soak = flag.Bool("soak", false, "run the long tests too")

// binary is the switch under test, compiled once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tandem-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = tandem.Build(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
