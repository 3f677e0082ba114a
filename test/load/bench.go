//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/tandemswitch/tandem/test/interop/loopback"
	"github.com/tandemswitch/tandem/test/load/flow"
	"github.com/tandemswitch/tandem/test/load/phone"
	"github.com/tandemswitch/tandem/test/load/process"
)

// bench is a switch with phones and media beside it, and what was measured.
type bench struct {
	opt     options
	out     io.Writer
	dir     string
	tandem  *tandem
	media   *flow.Generator
	at      netip.Addr // of all phones
	floorAt netip.Addr

	// Phones with and without sound, and with the other law.
	quietCallers, quietCallees *phone.Agent
	callers, callees           *phone.Agent
	alawCallees                *phone.Agent

	failed  chan error // from what runs beside
	stop    context.CancelFunc
	running sync.WaitGroup
	results []Result
}

// Users of the sample configuration: who calls, and who is called by which row.
const (
	caller      = "1000"
	quietCaller = "1001"
	quietCallee = "1010"
	callee      = "1012"
	alawCallee  = "1014"
	silent      = "1016" // rings and never answers
)

const (
	pcmu = 0 // RFC 3551 §6
	pcma = 8
)

// openBench builds and starts everything.
func openBench(ctx context.Context, opt options, out io.Writer) (_ *bench, err error) {
	b := &bench{opt: opt, out: out, failed: make(chan error, 8), at: loopback.Addr(), floorAt: loopback.Addr()}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if opt.keep != "" {
		if err = os.MkdirAll(opt.keep, 0o755); err != nil {
			return nil, err
		}
	}
	if b.dir, err = os.MkdirTemp(opt.keep, "tandem-load-"); err != nil {
		return nil, err
	}
	if opt.binary == "" {
		if opt.binary, err = build(ctx, b.dir); err != nil {
			return nil, err
		}
	}
	if b.tandem, err = startTandem(ctx, opt.binary, b.dir, opt.sets); err != nil {
		return nil, err
	}
	if b.media, err = flow.Open(flow.Config{Addr: b.at, Legs: b.legs(), Threads: opt.threads, Burst: opt.burst}); err != nil {
		return nil, err
	}
	if err = b.openPhones(); err != nil {
		return nil, err
	}
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	b.beside(func() error { return b.media.Run(beside) })
	for _, a := range b.agents() {
		b.beside(func() error { return a.Run(beside) })
	}
	return b, b.registerCallees(ctx)
}

// legs is how many sockets the largest row needs.
func (b *bench) legs() int {
	if b.opt.soak > 0 {
		return 2 * soakLegs
	}
	most := max(slices.Max(b.opt.relay), b.opt.calls, b.opt.idle)
	return 2*most + 8
}

func (b *bench) openPhones() error {
	base := phone.Config{Local: netip.AddrPortFrom(b.at, 0), Server: b.tandem.sip, Password: b.tandem.password, PayloadType: pcmu}
	sound := func() (phone.Media, error) {
		l, err := b.media.Take()
		if err != nil {
			return nil, err // not a nil Leg in the interface
		}
		return l, nil
	}
	var errs []error
	open := func(change func(*phone.Config)) *phone.Agent {
		cfg := base
		change(&cfg)
		a, err := phone.Open(cfg)
		errs = append(errs, err)
		return a
	}
	b.quietCallers = open(func(*phone.Config) {})
	b.quietCallees = open(func(c *phone.Config) { c.Silent = map[string]bool{silent: true} })
	b.callers = open(func(c *phone.Config) { c.Media = sound })
	b.callees = open(func(c *phone.Config) { c.Media = sound })
	b.alawCallees = open(func(c *phone.Config) { c.Media, c.PayloadType = sound, pcma })
	return errors.Join(errs...)
}

func (b *bench) agents() []*phone.Agent {
	return []*phone.Agent{b.quietCallers, b.quietCallees, b.callers, b.callees, b.alawCallees}
}

// beside runs something until close.
func (b *bench) beside(run func() error) {
	b.running.Go(func() {
		if err := run(); err != nil {
			b.failed <- err
		}
	})
}

// registerCallees makes those who are called known to the switch.
func (b *bench) registerCallees(ctx context.Context) error {
	for user, agent := range map[string]*phone.Agent{
		quietCallee: b.quietCallees, silent: b.quietCallees, callee: b.callees, alawCallee: b.alawCallees,
	} {
		done := make(chan phone.Outcome, 1)
		agent.Register(user, func(o phone.Outcome) { done <- o })
		select {
		case o := <-done:
			if !o.OK() {
				return errors.Join(fmt.Errorf("REGISTER of %s: status %d: %w", user, o.Status, o.Err), b.tandem.tail())
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// close ends everything that was started.
func (b *bench) close() {
	if b.stop != nil {
		b.stop()
		b.running.Wait()
	}
	if b.media != nil {
		b.media.Close()
	}
	if b.tandem != nil {
		if err := b.tandem.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "load:", err)
		}
	}
	if b.opt.keep == "" && b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}

// measure runs the rows.
func (b *bench) measure(ctx context.Context) error {
	rows := map[string]func(context.Context) error{
		"start":    b.start,
		"register": b.register,
		"idle":     b.idle,
		"relay":    b.relays,
		"alaw":     b.alaw,
		"echo":     b.echo,
		"play":     b.play,
		"record":   b.record,
		"setup":    b.ladder,
	}
	for _, name := range orderedRows(b.opt.rows) {
		if err := rows[name](ctx); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), b.tandem.tail())
		}
	}
	return nil
}

// add keeps a result and prints it.
func (b *bench) add(r Result) error {
	b.results = append(b.results, r)
	return json.NewEncoder(b.out).Encode(r)
}

var errSwitchEnded = errors.New("the switch ended")

// wait lets time pass, unless something ended.
func (b *bench) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-b.failed:
		return err
	case <-b.tandem.Exited():
		return errSwitchEnded
	}
}

// await waits until something has come true.
func (b *bench) await(ctx context.Context, limit time.Duration, what string, come func() bool) error {
	for deadline := time.Now().Add(limit); !come(); {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %s", limit, what)
		}
		if err := b.wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// span is what was used between two moments.
type span struct {
	p       *process.Process
	began   time.Time
	cpu     time.Duration
	own     time.Duration
	idle    time.Duration
	drops   uint64
	dropsAt netip.Addr
	perf    *process.Process
}

// begin starts a span of a process.
func (b *bench) begin(p *process.Process, row string) (*span, error) {
	s := &span{p: p, own: process.OwnCPU(), dropsAt: b.at}
	if b.opt.perf != "" && p == b.tandem.Process {
		var err error
		if s.perf, err = b.profile(p.PID(), row); err != nil {
			return nil, err
		}
	}
	var err1, err2, err3 error
	s.drops, err1 = process.SocketDrops(s.dropsAt)
	s.idle, err2 = process.IdleCPU()
	s.began = time.Now()
	s.cpu, err3 = p.CPU()
	return s, errors.Join(err1, err2, err3)
}

// profile lets perf(1) sample a process until the span ends.
func (b *bench) profile(pid int, row string) (*process.Process, error) {
	if err := os.MkdirAll(b.opt.perf, 0o755); err != nil {
		return nil, err
	}
	perf, err := exec.LookPath("perf")
	if err != nil {
		return nil, err
	}
	return process.Start(process.Command{
		Path: perf, Grace: 10 * time.Second, Log: filepath.Join(b.opt.perf, row+".log"), End: syscall.SIGINT,
		Args: []string{"record", "-F", "499", "-g", "-o", filepath.Join(b.opt.perf, row+".data"), "-p", strconv.Itoa(pid)},
	})
}

// end puts what was used into a result.
func (s *span) end(r *Result) error {
	cpu, err1 := s.p.CPU()
	took := time.Since(s.began)
	own := process.OwnCPU()
	idle, err2 := process.IdleCPU()
	drops, err3 := process.SocketDrops(s.dropsAt)
	var err4 error
	if s.perf != nil {
		err4 = s.perf.Stop()
	}
	r.Seconds = took.Seconds()
	r.cpu = cpu - s.cpu
	r.CPUShare = r.cpu.Seconds() / took.Seconds()
	r.Generator.CPUShare = (own - s.own).Seconds() / took.Seconds()
	r.Generator.MachineIdleShare = (idle - s.idle).Seconds() / took.Seconds() / float64(runtime.NumCPU())
	r.Generator.Drops = drops - s.drops
	return errors.Join(err1, err2, err3, err4)
}
