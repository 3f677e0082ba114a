//go:build linux

package flow

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	headerBytes = 12 // RFC 3550 §5.1, without CSRCs
	packetBytes = headerBytes + payloadBytes
	// samplesPerPacket is how far the timestamp moves: 20 ms at 8 kHz.
	samplesPerPacket = 160
)

// Leg is the socket of one far end. Its fields below thread belong to the
// thread and are used under its lock.
type Leg struct {
	id     uint16
	g      *Generator
	addr   netip.AddrPort
	thread *thread

	fd      int
	aimed   bool
	packet  [packetBytes]byte
	seq     uint32
	peer    int32 // who sends to us: the leg of the first stamp; -1 before
	heard   uint32
	arrived time.Duration // the last unstamped packet; zero before
}

func (l *Leg) open(local netip.AddrPort) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("flow: %w", os.NewSyscallError("socket", err))
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(local.Port()), Addr: local.Addr().As4()}); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("flow: %s: %w", local, os.NewSyscallError("bind", err))
	}
	l.fd, l.addr, l.peer = fd, local, -1
	return nil
}

func (l *Leg) close() {
	if l.fd >= 0 {
		_ = unix.Close(l.fd)
		l.fd = -1
	}
}

// Addr returns where the leg receives.
func (l *Leg) Addr() netip.AddrPort { return l.addr }

// Aim connects the leg to where it sends, with an RTP payload type, and starts
// sending. From then on it hears that address only.
func (l *Leg) Aim(to netip.AddrPort, payloadType uint8) error {
	l.thread.mu.Lock()
	defer l.thread.mu.Unlock()
	if err := unix.Connect(l.fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return fmt.Errorf("flow: %s: %w", to, os.NewSyscallError("connect", err))
	}
	if !l.aimed {
		l.thread.aimed++
		l.aimed, l.peer, l.heard, l.arrived = true, -1, 0, 0
		l.drain()
	}
	l.packet[0] = 2 << 6 // version
	l.packet[1] = payloadType
	binary.BigEndian.PutUint32(l.packet[8:], 0x10AD0000|uint32(l.id))
	for i := headerBytes; i < packetBytes; i++ {
		l.packet[i] = plus & 0xFF
	}
	return nil
}

// Rest stops sending and forgets who was heard.
func (l *Leg) Rest() {
	l.thread.mu.Lock()
	defer l.thread.mu.Unlock()
	if l.aimed {
		l.aimed = false
		l.thread.aimed--
	}
}

// Release gives the leg back to its generator.
func (l *Leg) Release() {
	l.Rest()
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	l.g.free = append(l.g.free, l)
}

// drain forgets what waits from the leg's last use.
func (l *Leg) drain() {
	for {
		if _, err := unix.Read(l.fd, l.thread.buf[:]); err != nil {
			return
		}
	}
}

// send sends the next packet. The thread's lock is held.
func (l *Leg) send(now time.Duration, epoch uint8, f *Figures) {
	l.seq++
	binary.BigEndian.PutUint16(l.packet[2:], uint16(l.seq))
	binary.BigEndian.PutUint32(l.packet[4:], l.seq*samplesPerPacket)
	Stamp{SentNanos: int64(now), Leg: l.id, Epoch: epoch, Seq: l.seq}.Put(l.packet[headerBytes:])
	_, err := unix.Write(l.fd, l.packet[:])
	if epoch == 0 {
		return
	}
	if err != nil {
		f.Refused++
	}
	f.Sent++
}

// receive reads one packet. The thread's lock is held.
func (l *Leg) receive(f *Figures) {
	buf := &l.thread.buf
	n, err := unix.Read(l.fd, buf[:])
	if err != nil || n < headerBytes || !l.aimed {
		return
	}
	now := time.Since(l.g.opened)
	s, ok := ReadStamp(buf[headerBytes:n])
	if !ok {
		if f.Unstamped++; l.arrived != 0 {
			f.Gap.Add(now - l.arrived)
		}
		l.arrived = now
		return
	}
	if l.peer < 0 {
		l.peer = int32(s.Leg)
	}
	if l.peer != int32(s.Leg) {
		f.Foreign++
		return
	}
	if s.Seq <= l.heard {
		f.Reordered++
	}
	l.heard = max(l.heard, s.Seq)
	if s.Epoch == 0 || uint32(s.Epoch) != l.g.window.Load() {
		return
	}
	f.Received++
	f.Latency.Add(now - time.Duration(s.SentNanos))
}
