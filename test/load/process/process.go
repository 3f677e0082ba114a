//go:build linux

// Package process runs the programs that are measured and reads what the
// kernel says about them.
//
// A Process ends with Stop at the latest, by its own id, and with the program that started
// it. Each has one goroutine that waits for it.
package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Command says what to run.
type Command struct {
	Path  string
	Args  []string
	Env   []string // added to ours
	Dir   string
	Log   string    // file for its output; nothing is kept if empty
	Stdin io.Reader // nothing if nil
	Out   io.Writer // standard output goes here instead of Log, if not nil
	Grace time.Duration
	End   syscall.Signal // what Stop sends; SIGTERM if zero
}

// Process is a running program.
type Process struct {
	cmd    *exec.Cmd
	log    *os.File
	exited chan struct{}
	err    error // how it ended; read after exited
	grace  time.Duration
	end    syscall.Signal
}

// Start starts a program. It does not wait for anything.
func Start(c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout = c.Dir, c.Stdin, c.Out
	cmd.Env = append(os.Environ(), c.Env...)
	// Our own interrupt is for us to act on; a program that we leave behind is not.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &Process{cmd: cmd, exited: make(chan struct{}), grace: c.Grace, end: c.End}
	if p.end == 0 {
		p.end = syscall.SIGTERM
	}
	if c.Log != "" {
		var err error
		if p.log, err = os.Create(c.Log); err != nil {
			return nil, err
		}
		cmd.Stderr = p.log
		if c.Out == nil {
			cmd.Stdout = p.log
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, p.closeLog())
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Exited is closed when the program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop ends the program with its signal and waits for it; one that does not
// end within its grace is killed, and that is an error.
func (p *Process) Stop() error {
	defer func() { _ = p.closeLog() }()
	if err := p.cmd.Process.Signal(p.end); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(p.grace):
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
	return fmt.Errorf("%s: still running %v after %v, killed", filepath.Base(p.cmd.Path), p.grace, p.end)
}

func (p *Process) closeLog() error {
	if p.log == nil {
		return nil
	}
	return p.log.Close()
}

// CPU returns the processor time of all the program's threads, in user and
// kernel mode, since it started.
func (p *Process) CPU() (time.Duration, error) {
	// The clock of another process's CPU time, as clock_getcpuclockid(3) makes
	// it; /proc/PID/stat has the same figure in steps of 10 ms.
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^p.PID()<<3|2), &ts); err == nil {
		return time.Duration(ts.Nano()), nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, err
	}
	return parseStat(string(text))
}

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 on all of Linux's
// architectures that we build for.
const tick = 10 * time.Millisecond

// parseStat adds the times of user and kernel mode, fields 14 and 15 of proc(5); the
// second field, the program's name, may hold spaces and parentheses.
func parseStat(text string) (time.Duration, error) {
	_, rest, ok := cutLast(text, ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("process: stat: %q", text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	kernel, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+kernel) * tick, errors.Join(err1, err2)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// RSSBytes returns the memory of the program that is in the machine now.
func (p *Process) RSSBytes() (int64, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kB, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kB << 10, err
		}
	}
	return 0, fmt.Errorf("process: no VmRSS for %d", p.PID())
}
