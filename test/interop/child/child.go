// Package child runs a program beside a test: the switch, a phone, a message
// generator.
//
// A Process ends with its test at the latest, by its own id, and its output is
// printed when the test failed. Each Process has one goroutine that waits for
// the program.
package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Command says what to run.
type Command struct {
	Name  string   // shown before its output, e.g. "phone 1000"
	Path  string   // the program
	Args  []string // without the program's name
	Dir   string   // working directory, also of its log
	Env   []string // added to the environment
	Grace time.Duration
	Quiet bool // do not print the output of a failed test: it says nothing
}

// defaultGrace is how long a program may take to end after SIGTERM before it
// is killed, which fails the test: it is longer than any of ours needs.
const defaultGrace = 10 * time.Second

// tailBytes is how much of a program's output a failed test prints.
const tailBytes = 64 << 10

// Process is a program that was started. Its methods may be called from any
// goroutine, those that fail the test from the test's only.
type Process struct {
	tb     testing.TB
	cmd    *exec.Cmd
	name   string
	log    string
	grace  time.Duration
	quiet  bool
	exited chan struct{} // closed after err was set
	err    error
}

// Require skips the test, naming the line that installs it, when a program is
// not there.
func Require(tb testing.TB, program, debianPackage string) {
	tb.Helper()
	if _, err := exec.LookPath(program); err != nil {
		tb.Skipf("%s is not installed: apt-get install -y %s", program, debianPackage)
	}
}

// Run starts the program and arranges that it is stopped when the test ends.
// Output and error output go to one log, see [Process.Log].
func Run(tb testing.TB, c Command) *Process {
	tb.Helper()
	logFile, err := os.CreateTemp(c.Dir, filepath.Base(c.Path)+"-*.log")
	if err != nil {
		tb.Fatalf("%s: %v", c.Name, err)
	}
	defer logFile.Close()

	// Not CommandContext: the test's context ends before its cleanups run, and
	// a killed switch could not show that it stops properly.
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	// A test binary that is killed takes its programs with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := startPreferred(cmd); err != nil {
		tb.Fatalf("%s: %v", c.Name, err)
	}
	p := &Process{
		tb: tb, cmd: cmd, name: c.Name, log: logFile.Name(),
		grace: c.Grace, quiet: c.Quiet, exited: make(chan struct{}),
	}
	if p.grace == 0 {
		p.grace = defaultGrace
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	tb.Cleanup(p.cleanup)
	return p
}

// niceness of the programs, where it may be set: audio has to be on time, also beside a
// compiler.
const niceness = -10

// startPreferred starts the program with that niceness, which a program has from the thread that
// makes it.
func startPreferred(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const thisThread = 0
	before, err := syscall.Getpriority(syscall.PRIO_PROCESS, thisThread)
	if err != nil || syscall.Setpriority(syscall.PRIO_PROCESS, thisThread, niceness) != nil {
		return cmd.Start()
	}
	defer func() {
		// The system call's result is 20 less the niceness, so that it is never negative.
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, thisThread, 20-before)
	}()
	return cmd.Start()
}

// PID returns the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Log returns what the program wrote so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Wait blocks until the program ends by itself and returns its exit status, or
// an error after the timeout. A status of −1 means that a signal ended it.
func (p *Process) Wait(timeout time.Duration) (int, error) {
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(timeout):
		return 0, fmt.Errorf("%s: still running after %v", p.name, timeout)
	}
}

// Signal sends the program a signal; one that has ended is left alone.
func (p *Process) Signal(sig os.Signal) error {
	err := p.cmd.Process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Stop asks the program to end with SIGTERM, after half its grace once more (the switch
// then hurries), and waits for it. One that does not end within its grace is killed,
// and that is an error.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(p.grace / 2):
	}
	_ = p.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return nil
	case <-time.After(p.grace / 2):
	}
	err := fmt.Errorf("%s: still running %v after SIGTERM, killed", p.name, p.grace)
	// SIGQUIT first: a Go program then says where it hangs.
	_ = p.Signal(syscall.SIGQUIT)
	select {
	case <-p.exited:
	case <-time.After(time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	return err
}

// cleanup ends the program and prints its log if the test failed.
func (p *Process) cleanup() {
	select {
	case <-p.exited:
	default:
		if err := p.Stop(); err != nil {
			p.tb.Error(err)
		}
	}
	if p.quiet || !p.tb.Failed() {
		return
	}
	out := []byte(p.Log())
	if len(out) > tailBytes {
		out = append([]byte("…"), out[len(out)-tailBytes:]...)
	}
	p.tb.Logf("output of %s (%v):\n%s", p.name, p.cmd.ProcessState, bytes.ToValidUTF8(out, []byte("?")))
}
