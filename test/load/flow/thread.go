//go:build linux

package flow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// eventBatch bounds how much is received before sending gets its turn: at
	// about 2 µs each, half a millisecond.
	eventBatch = 256
	// idleTime is how long a thread rests that has nothing to send.
	idleTime = 5 * time.Millisecond
)

// thread paces and serves some legs. What it owns is used under mu, so that
// legs can be aimed and figures be read while it runs; it never waits under it.
type thread struct {
	g    *Generator
	epfd int

	mu      sync.Mutex
	legs    []*Leg
	byFD    []*Leg
	aimed   int   // of the legs
	sent    int64 // turns since started, over all legs, aimed or not
	started time.Duration
	figures Figures
	buf     [2048]byte
}

func newThread(g *Generator) (*thread, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("flow: %w", os.NewSyscallError("epoll_create1", err))
	}
	return &thread{g: g, epfd: epfd}, nil
}

func (t *thread) close() { _ = unix.Close(t.epfd) }

func (t *thread) add(l *Leg) error {
	t.legs = append(t.legs, l)
	for len(t.byFD) <= l.fd {
		t.byFD = append(t.byFD, nil)
	}
	t.byFD[l.fd] = l
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(l.fd)}
	if err := unix.EpollCtl(t.epfd, unix.EPOLL_CTL_ADD, l.fd, &ev); err != nil {
		return fmt.Errorf("flow: %w", os.NewSyscallError("epoll_ctl", err))
	}
	return nil
}

func (t *thread) run(ctx context.Context) error {
	// The timer slack below belongs to the system's thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	events := make([]unix.EpollEvent, eventBatch)
	t.started = time.Since(t.g.opened)
	for ctx.Err() == nil {
		rest := t.sendDue()
		n, err := epollWait(t.epfd, events, rest)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("flow: %w", os.NewSyscallError("epoll_pwait2", err))
		}
		t.receive(events[:max(n, 0)])
	}
	return nil
}

// sendDue gives every leg whose turn has come its packet, and returns how long
// it is until the next burst.
func (t *thread) sendDue() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int64(len(t.legs))
	if n == 0 {
		return PacketTime
	}
	now := time.Since(t.g.opened)
	epoch := uint8(t.g.epoch.Load())
	silent := t.g.silent.Load()
	next := (now - t.started).Truncate(t.g.burst) + t.g.burst
	due := int64(next-t.g.burst) * n / int64(PacketTime)
	if behind := due - t.sent; behind > n {
		t.skip(behind-n, epoch, silent)
	}
	if silent || t.aimed == 0 {
		t.sent = max(t.sent, due)
		return idleTime
	}
	for ; t.sent < due; t.sent++ {
		l := t.legs[t.sent%n]
		if !l.aimed {
			continue
		}
		now = time.Since(t.g.opened)
		if epoch != 0 {
			t.figures.Late.Add(now - t.started - next + t.g.burst)
		}
		l.send(now, epoch, &t.figures)
	}
	return max(t.started+next-time.Since(t.g.opened), 0)
}

// skip leaves out turns that are more than a packet time late, as a phone
// that was stopped does not send what it missed.
func (t *thread) skip(turns int64, epoch uint8, silent bool) {
	for range turns {
		if t.legs[t.sent%int64(len(t.legs))].aimed && !silent && epoch != 0 {
			t.figures.Skipped++
		}
		t.sent++
	}
}

func (t *thread) receive(events []unix.EpollEvent) {
	if len(events) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		if fd := int(events[i].Fd); fd < len(t.byFD) && t.byFD[fd] != nil {
			t.byFD[fd].receive(&t.figures)
		}
	}
}

// epollWait is epoll_wait with a time-out finer than a millisecond.
func epollWait(epfd int, events []unix.EpollEvent, timeout time.Duration) (int, error) {
	ts := unix.NsecToTimespec(int64(timeout))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
