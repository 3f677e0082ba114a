// Command tandem is the switch: one binary that serves, checks its
// configuration and explains its routing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line of design section 8.
type cli struct {
	Serve   serveCmd   `cmd:"" default:"withargs" help:"Run the switch (without a subcommand this is meant)."`
	Check   checkCmd   `cmd:"" help:"Load and check the configuration; print every problem with file:line."`
	Route   routeCmd   `cmd:"" help:"Run the dialplan without a call; print every condition tried and the actions chosen."`
	Explain explainCmd `cmd:"" help:"Why a call did what it did (asks a running switch)."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// streams are where a subcommand writes.
type streams struct{ out, err io.Writer }

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// run is main with its surroundings passed in; it returns the exit status.
func run(args []string, st streams) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("tandem"), kong.Description("Tandem, a softswitch and PBX."),
		kong.Writers(st.out, st.err), kong.UsageOnError(), kong.Exit(func(int) {}))
	if err != nil {
		fmt.Fprintln(st.err, "tandem:", err)
		return 1
	}
	for _, a := range args {
		if a == "--help" || a == "-h" {
			_, _ = parser.Parse(args) // prints the help
			return 0
		}
	}
	k, err := parser.Parse(args)
	if err != nil {
		parser.Errorf("%s", err)
		return 1
	}
	sigs := make(chan os.Signal, 3)
	signal.Notify(sigs, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(sigs)
	k.BindTo(context.Background(), (*context.Context)(nil))
	if err := k.Run(st, (<-chan os.Signal)(sigs)); err != nil {
		var q quietError
		if !errors.As(err, &q) {
			fmt.Fprintln(st.err, "tandem:", err)
		}
		return 1
	}
	return 0
}

// quietError sets the exit status; what is wrong was printed already.
type quietError struct{ error }
