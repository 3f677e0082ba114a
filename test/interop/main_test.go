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

// given is a switch to test in place of the one that is compiled from this tree.
var given = flag.String("switch", "", "path of the switch to test; compiled from this tree if empty")

// binary is the switch under test, compiled once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	sideBySide()
	os.Exit(run(m))
}

// sideBySide lets more tests run at the same time than there are cores, unless -parallel says
// otherwise: they wait for most of their time.
func sideBySide() {
	const atOnce = "6"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return
	}
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err) // the testing package has no such flag any more
	}
}

func run(m *testing.M) int {
	if *given != "" {
		binary = *given
		return m.Run()
	}
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
