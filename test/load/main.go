//go:build linux

// Command load measures what calls cost a running Tandem: processor time for
// each call set up and torn down, and for each bridged call and second, latency,
// loss and memory. It starts the switch itself, with phones and media of its own
// beside it on the same machine, and measures the floor, a bare relay, in the same run.
//
//	go run ./test/load                        all rows
//	go run ./test/load -rows setup,relay -relay 1000,1500
//	go run ./test/load -soak 10000            calls in a row, and what they left behind
//	go run ./test/load -o docs/performance.md write the table there
//
// Results are JSON lines, and a table at the end. A row whose note says that
// the generator was saturated says nothing about the switch.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		exit(runFloor(ctx, os.Args[2:], os.Stdin, os.Stdout))
	}
	opt, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, opt, os.Stdout)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	binary  string
	rows    []string
	rates   []int
	relay   []int
	calls   int
	idle    int
	regs    int
	length  time.Duration
	fill    int
	hold    time.Duration
	threads int
	burst   time.Duration
	soak    int
	doc     string
	perf    string
	keep    string
	sets    []string
	timeout time.Duration
	noFloor bool
}

// rowNames are the rows in the order in which they are measured.
const rowNames = "start,register,idle,relay,alaw,echo,play,record,setup"

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	rows := f.String("rows", rowNames, "what to measure; it is always done in this order")
	rates := f.String("rates", "50,100,200,500,1000", "calls per second of the rows setup")
	relay := f.String("relay", "100,300,600", "bridged calls of the rows relay; 1000 and 1500 need a quiet machine")
	f.StringVar(&o.binary, "binary", "", "the switch; built from this tree if empty")
	f.IntVar(&o.calls, "calls", 300, "calls of the rows alaw, echo, play and record")
	f.IntVar(&o.idle, "idle", 300, "calls of the row idle")
	f.IntVar(&o.regs, "registrations", 2000, "REGISTERs of the row register")
	f.DurationVar(&o.length, "time", 10*time.Second, "length of each measurement")
	f.IntVar(&o.fill, "fill", 50, "calls per second when a row with many calls is set up")
	f.DurationVar(&o.hold, "hold", 200*time.Millisecond, "time from the answer to the BYE in the rows setup, and with -soak")
	f.IntVar(&o.threads, "threads", 1, "threads of the media generator")
	f.DurationVar(&o.burst, "burst", time.Millisecond, "time between two wake-ups of the media generator")
	f.IntVar(&o.soak, "soak", 0, "make so many calls in a row instead, and check that they leave nothing behind")
	f.StringVar(&o.doc, "o", "", "also write the table into this Markdown file, between its marks")
	f.StringVar(&o.perf, "perf", "", "profile the switch in each row with perf(1) into this folder")
	f.StringVar(&o.keep, "keep", "", "keep the switch's data and log in this folder")
	f.Func("set", "NAME=VALUE for the switch, repeatable", func(v string) error { o.sets = append(o.sets, v); return nil })
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "end everything after that")
	f.BoolVar(&o.noFloor, "no-floor", false, "leave out the floor")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	known := strings.Split(rowNames, ",")
	for name := range strings.SplitSeq(*rows, ",") {
		if !slices.Contains(known, name) {
			return o, fmt.Errorf("-rows: no row %q, only %s", name, rowNames)
		}
		o.rows = append(o.rows, name)
	}
	var err1, err2 error
	o.rates, err1 = numbers("-rates", *rates)
	o.relay, err2 = numbers("-relay", *relay)
	return o, errors.Join(err1, err2)
}

// maxCalls is what the ports of a leg's range leave room for, two legs a call.
const maxCalls = 5000

func numbers(name, list string) ([]int, error) {
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxCalls {
			return nil, fmt.Errorf("%s: %q is not a number from 1 to %d", name, text, maxCalls)
		}
		all = append(all, n)
	}
	return all, nil
}

// run measures everything that was asked for.
func run(ctx context.Context, opt options, out io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, opt.timeout, fmt.Errorf("not done after %v", opt.timeout))
	defer cancel()
	b, err := openBench(ctx, opt, out)
	if err != nil {
		return err
	}
	defer b.close()
	if opt.soak > 0 {
		return b.soak(ctx, opt.soak)
	}
	err = b.measure(ctx)
	b.table(out)
	if opt.doc != "" && err == nil {
		err = b.document(opt.doc)
	}
	return err
}
