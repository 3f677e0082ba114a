//go:build linux

// Package floor is the least that a relay of packets can be: one socket for
// each far end, one epoll instance, one receive and one send for each packet, and
// nothing else. What it costs is the floor under the switch's cost on the same
// machine in the same minute.
//
// It starts no goroutine. Nothing is checked, counted or rewritten; it is no
// relay for anybody but the load generator.
package floor

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// eventBatch bounds what one wait returns.
const eventBatch = 128

// Relay is a set of sockets, two for each call.
type Relay struct {
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

// Open opens a socket for each far end; what comes from far end 2i goes to 2i+1
// and the other way round. IPv4 only.
func Open(addr netip.Addr, remotes []netip.AddrPort) (*Relay, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("floor: %w", os.NewSyscallError("epoll_create1", err))
	}
	r := &Relay{epfd: epfd}
	for i, remote := range remotes {
		if err := r.add(addr, remote, int32(i)); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

func (r *Relay) add(addr netip.Addr, remote netip.AddrPort, i int32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("socket", err))
	}
	e := end{fd: fd, remote: unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: remote.Addr().As4()}}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&e.remote.Port))[:], remote.Port())
	r.ends = append(r.ends, e)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: addr.As4()}); err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("bind", err))
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("getsockname", err))
	}
	r.local = append(r.local, netip.AddrPortFrom(addr, uint16(bound.(*unix.SockaddrInet4).Port)))
	for len(r.byFD) <= fd {
		r.byFD = append(r.byFD, -1)
	}
	r.byFD[fd] = i
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(r.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("floor: %w", os.NewSyscallError("epoll_ctl", err))
	}
	return nil
}

// Local returns where each far end is to send, in their order.
func (r *Relay) Local() []netip.AddrPort { return r.local }

// Close closes the sockets; Run has ended.
func (r *Relay) Close() {
	for _, e := range r.ends {
		_ = unix.Close(e.fd)
	}
	_ = unix.Close(r.epfd)
}

// Run relays until ctx ends; it looks at ctx twice a second.
func (r *Relay) Run(ctx context.Context) error {
	const lookMillis = 500
	events := make([]unix.EpollEvent, eventBatch)
	var buf [2048]byte
	for ctx.Err() == nil {
		n, err := unix.EpollWait(r.epfd, events, lookMillis)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("floor: %w", os.NewSyscallError("epoll_wait", err))
		}
		for i := range max(n, 0) {
			r.relay(r.byFD[events[i].Fd], &buf)
		}
	}
	return nil
}

// relay moves one packet. The calls never block, so they go past the runtime's
// scheduler.
func (r *Relay) relay(i int32, buf *[2048]byte) {
	in, out := &r.ends[i], &r.ends[i^1]
	var from unix.RawSockaddrInet4 // a relay has to look at the source, so the floor pays for it, too
	size := uint32(unsafe.Sizeof(from))
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(in.fd), uintptr(unsafe.Pointer(buf)), uintptr(len(buf)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(out.fd), uintptr(unsafe.Pointer(buf)), n,
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&out.remote)), unsafe.Sizeof(out.remote))
}
