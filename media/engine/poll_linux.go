//go:build linux && (amd64 || arm64 || riscv64 || loong64)

package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pollsSockets is true where a shard serves its sockets itself.
const pollsSockets = true

// dscpEF marks media as expedited forwarding (RFC 3246; RFC 4594 §4.1), as the
// traffic class byte.
const dscpEF = 46 << 2

// pollBatch bounds how many packets are handled before ticks and commands get
// their turn: at about 5 µs each, half a millisecond.
const pollBatch = 128

// poller is a shard's epoll instance. It is level-triggered with one receive
// per readiness: a stream's socket has one packet every 20 ms, so that asking
// twice would double the system calls.
type poller struct {
	epfd   int
	wakefd int
	served []served // by descriptor
	events [pollBatch]unix.EpollEvent
	nap    nap
}

// Under load most of a relay's cost beside the two system calls is being woken
// once per packet. A nap of some 100 µs (the kernel adds its timer slack of
// 50 µs) lets several packets gather. Measured at 300 calls: a quarter less CPU
// per packet and 60 µs more latency on average. Below napRate nobody naps.
const (
	napTime   = 50 * time.Microsecond
	napWindow = 10 * time.Millisecond
	napRate   = 120 // packets per window: 12 000 per second
)

// nap decides by the packets of the latest window.
type nap struct {
	on    bool
	since time.Duration
	count int
}

func (p *nap) due(packets int, now time.Duration) bool {
	p.count += packets
	if now-p.since >= napWindow {
		p.on = int64(p.count)*int64(napWindow) >= napRate*int64(now-p.since)
		p.since, p.count = now, 0
	}
	return p.on
}

// served says whose socket a descriptor is.
type served struct {
	stream *stream
	rtcp   bool
}

func newPoller() (*poller, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", os.NewSyscallError("epoll_create1", err))
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(epfd)
		return nil, fmt.Errorf("engine: %w", os.NewSyscallError("eventfd", err))
	}
	p := &poller{epfd: epfd, wakefd: wakefd}
	if err := p.add(wakefd); err != nil {
		p.free()
		return nil, err
	}
	return p, nil
}

func (p *poller) add(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(p.epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("engine: %w", os.NewSyscallError("epoll_ctl", err))
	}
	return nil
}

// wake ends a wait. It may be called from any goroutine until free.
func (p *poller) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(p.wakefd, one[:]) // EAGAIN: a wake is pending already
}

func (p *poller) free() {
	_ = unix.Close(p.wakefd)
	_ = unix.Close(p.epfd)
}

// pollStream makes the shard serve s's sockets.
func (sh *shard) pollStream(s *stream) error {
	for _, entry := range []struct {
		sock socket
		rtcp bool
	}{{s.rtp, false}, {s.rtcp, true}} {
		raw, ok := entry.sock.(*rawSocket)
		if !ok || raw.fd < 0 {
			continue
		}
		for len(sh.poll.served) <= raw.fd {
			sh.poll.served = append(sh.poll.served, served{})
		}
		sh.poll.served[raw.fd] = served{s, entry.rtcp}
		if err := sh.poll.add(raw.fd); err != nil {
			return err
		}
	}
	return nil
}

// unpollStream stops serving s's sockets; what arrives waits in the kernel.
func (sh *shard) unpollStream(s *stream) {
	for _, sock := range []socket{s.rtp, s.rtcp} {
		raw, ok := sock.(*rawSocket)
		if !ok || raw.fd < 0 || raw.fd >= len(sh.poll.served) || sh.poll.served[raw.fd].stream != s {
			continue
		}
		sh.poll.served[raw.fd] = served{}
		_ = unix.EpollCtl(sh.poll.epfd, unix.EPOLL_CTL_DEL, raw.fd, nil)
	}
}

// runPolled is the shard's loop on Linux.
func (sh *shard) runPolled(ctx context.Context) error {
	poll, err := newPoller()
	if err != nil {
		return err
	}
	sh.mu.Lock()
	sh.poll = poll
	sh.mu.Unlock()
	defer context.AfterFunc(ctx, sh.wake)()
	events := poll.events[:]
	for ctx.Err() == nil {
		sh.work(sh.engine.now())
		n, err := unix.EpollWait(poll.epfd, events, sh.timeoutMillis())
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("engine: %w", os.NewSyscallError("epoll_wait", err))
		}
		now := sh.engine.now()
		for i := range max(n, 0) {
			sh.serve(int(events[i].Fd), now)
		}
		if poll.nap.due(max(n, 0), now) {
			_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(napTime)}, nil)
		}
	}
	return nil
}

// timeoutMillis rounds up: a tick may be late by a millisecond, never early.
func (sh *shard) timeoutMillis() int {
	at, ok := sh.deadline()
	if !ok {
		return -1
	}
	wait := at - sh.engine.now()
	if wait <= 0 {
		return 0
	}
	return int((wait + time.Millisecond - 1) / time.Millisecond)
}

// breathe serves packets that wait, in the middle of a tick.
func (sh *shard) breathe() {
	if sh.poll == nil {
		return
	}
	events := sh.poll.events[:]
	n, _ := unix.EpollWait(sh.poll.epfd, events, 0)
	now := sh.engine.now()
	for i := range max(n, 0) {
		if fd := int(events[i].Fd); fd != sh.poll.wakefd { // commands wait for the tick to end
			sh.serve(fd, now)
		}
	}
}

// serve reads one datagram of a ready descriptor.
func (sh *shard) serve(fd int, now time.Duration) {
	if fd == sh.poll.wakefd {
		var count [8]byte
		_, _ = unix.Read(fd, count[:])
		return
	}
	if fd >= len(sh.poll.served) {
		return
	}
	ready := sh.poll.served[fd]
	if ready.stream == nil {
		return // closed since the kernel made its list
	}
	n, from, ok := recvFrom(fd, sh.buf)
	if !ok {
		return
	}
	if n > len(sh.buf) {
		ready.stream.figures.dropped.Add(1) // MSG_TRUNC: longer than any RTP packet
		return
	}
	sh.receive(ready.stream, ready.rtcp, sh.buf[:n], from, now)
}

// rawSocket is a UDP socket that the shard polls. The system calls go around
// the runtime's poller and scheduler: they never block, and package net would
// read twice per packet (once to learn that there is no more).
type rawSocket struct {
	fd   int
	is6  bool
	to   netip.AddrPort // what sa4 or sa6 hold
	sa4  unix.RawSockaddrInet4
	sa6  unix.RawSockaddrInet6
	zone uint32
}

func listenRaw(local netip.AddrPort) (socket, error) {
	addr := local.Addr().Unmap()
	family := unix.AF_INET6
	if addr.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &rawSocket{fd: fd, is6: !addr.Is4()}
	if err := s.bind(addr, local.Port()); err != nil {
		s.close()
		return nil, portError(os.NewSyscallError("bind", err))
	}
	return s, nil
}

func (s *rawSocket) bind(addr netip.Addr, port uint16) error {
	if !s.is6 {
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_TOS, dscpEF)
		return unix.Bind(s.fd, &unix.SockaddrInet4{Port: int(port), Addr: addr.As4()})
	}
	_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscpEF)
	if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
		return err
	}
	s.zone = zoneID(addr.Zone())
	return unix.Bind(s.fd, &unix.SockaddrInet6{Port: int(port), Addr: addr.As16(), ZoneId: s.zone})
}

func (s *rawSocket) send(p []byte, to netip.AddrPort) error {
	if len(p) == 0 || s.fd < 0 {
		return nil
	}
	if to != s.to {
		s.aim(to)
	}
	sa, salen := unsafe.Pointer(&s.sa4), uintptr(unix.SizeofSockaddrInet4)
	if s.is6 {
		sa, salen = unsafe.Pointer(&s.sa6), uintptr(unix.SizeofSockaddrInet6)
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(sa), salen)
	if errno != 0 {
		return errno
	}
	return nil
}

// aim prepares the kernel's form of an address.
func (s *rawSocket) aim(to netip.AddrPort) {
	s.to = to
	if s.is6 {
		s.sa6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: to.Addr().As16(), Scope_id: s.zone}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.sa6.Port))[:], to.Port())
		return
	}
	s.sa4 = unix.RawSockaddrInet4{Family: unix.AF_INET}
	if a := to.Addr().Unmap(); a.Is4() {
		s.sa4.Addr = a.As4()
	}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.sa4.Port))[:], to.Port())
}

func (s *rawSocket) close() {
	if s.fd >= 0 {
		_ = unix.Close(s.fd)
		s.fd = -1
	}
}

// recvFrom reads one datagram without blocking. n is its true length, which
// may be more than p holds.
func recvFrom(fd int, p []byte) (n int, from netip.AddrPort, ok bool) {
	var sa unix.RawSockaddrInet6 // the larger of the two
	salen := uint32(unsafe.Sizeof(sa))
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)),
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&salen)))
	if errno != 0 {
		return 0, netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
	if sa.Family == unix.AF_INET {
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&sa))
		return int(r), netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), port), true
	}
	return int(r), netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), port), true
}
