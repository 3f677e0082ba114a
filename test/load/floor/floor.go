//go:build linux

// Package floor is the least that media can cost: one socket for each far end,
// one epoll instance, one receive and one send for each packet, and nothing else.
// What it costs is the floor under the switch's cost on the same machine in the
// same minute.
//
// It starts no goroutine. Nothing is checked, counted or rewritten; it is no
// relay and no player for anybody but the load generator.
package floor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// eventBatch bounds what one wait returns.
const eventBatch = 128

// Mode is what is done with packets.
type Mode string

const (
	// Relay sends what comes from far end 2i to 2i+1 and the other way round.
	Relay Mode = "relay"
	// Play sends a packet to each far end every 20 ms, all of them at once as on a switch's tick.
	Play Mode = "play"
	// Record does the same and takes what comes: a switch sends silence while it records.
	Record Mode = "record"
)

// Floor is a set of sockets, one for each far end.
type Floor struct {
	mode  Mode
	epfd  int
	ends  []end
	byFD  []int32 // index into ends
	local []netip.AddrPort
}

// end is one socket and the far end it belongs to.
type end struct {
	fd     int
	remote unix.RawSockaddrInet4
}

// Open opens a socket for each far end, IPv4 only.
func Open(mode Mode, addr netip.Addr, remotes []netip.AddrPort) (*Floor, error) {
	if mode != Relay && mode != Play && mode != Record {
		return nil, fmt.Errorf("floor: no mode %q", mode)
	}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("floor: %w", os.NewSyscallError("epoll_create1", err))
	}
	f := &Floor{mode: mode, epfd: epfd}
	for i, remote := range remotes {
		if err := f.add(addr, remote, int32(i)); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

func (f *Floor) add(addr netip.Addr, remote netip.AddrPort, i int32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("socket", err))
	}
	e := end{fd: fd, remote: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: remote.Addr().As4()}}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&e.remote.Port))[:], remote.Port())
	f.ends = append(f.ends, e)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: addr.As4()}); err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("bind", err))
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("getsockname", err))
	}
	f.local = append(f.local, netip.AddrPortFrom(addr, uint16(bound.(*unix.SockaddrInet4).Port)))
	for len(f.byFD) <= fd {
		f.byFD = append(f.byFD, -1)
	}
	f.byFD[fd] = i
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(f.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("epoll_ctl", err))
	}
	return nil
}

// Local returns where each far end is to send, in their order.
func (f *Floor) Local() []netip.AddrPort { return f.local }

// Close closes the sockets; Run has ended.
func (f *Floor) Close() {
	for _, e := range f.ends {
		_ = unix.Close(e.fd)
	}
	_ = unix.Close(f.epfd)
}

// Run works until ctx ends; it looks at ctx twice a second at least.
func (f *Floor) Run(ctx context.Context) error {
	const look = 500 * time.Millisecond
	events := make([]unix.EpollEvent, eventBatch)
	var buf, sound [2048]byte
	for next := time.Now(); ctx.Err() == nil; {
		wait := look
		if f.mode != Relay {
			if wait = time.Until(next); wait <= 0 {
				f.play(&sound)
				next = next.Add(packetTime)
				continue
			}
		}
		n, err := unix.EpollWait(f.epfd, events, int((wait+time.Millisecond-1)/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("floor: %w", os.NewSyscallError("epoll_wait", err))
		}
		for i := range max(n, 0) {
			f.serve(f.byFD[events[i].Fd], &buf)
		}
	}
	return nil
}

// A packet of G.711: 12 bytes of RTP header and 20 ms.
const (
	packetTime  = 20 * time.Millisecond
	packetBytes = 172
)

// serve takes one packet, and relays it.
func (f *Floor) serve(i int32, buf *[2048]byte) {
	if n := f.receive(i, buf); n > 0 && f.mode == Relay {
		f.send(i^1, buf, n)
	}
}

// play sends to everybody.
func (f *Floor) play(sound *[2048]byte) {
	for i := range f.ends {
		f.send(int32(i), sound, packetBytes)
	}
}

// receive and send never block, so they go past the runtime's scheduler.
func (f *Floor) receive(i int32, buf *[2048]byte) uintptr {
	var from unix.RawSockaddrInet4 // a switch has to look at the source, so the floor pays for it, too
	size := uint32(unsafe.Sizeof(from))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(f.ends[i].fd), uintptr(unsafe.Pointer(buf)), uintptr(len(buf)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0
	}
	return n
}

func (f *Floor) send(i int32, buf *[2048]byte, n uintptr) {
	out := &f.ends[i]
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(out.fd), uintptr(unsafe.Pointer(buf)), n,
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&out.remote)), unsafe.Sizeof(out.remote))
}
