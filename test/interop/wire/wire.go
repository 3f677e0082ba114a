// Package wire listens on the loopback interface to the RTP that reaches a
// test phone, with the time of each packet.
//
// It sees what a phone's own recording does not: what arrives while the phone is on hold
// and afterwards. It needs the right to open a packet socket (root, or CAP_NET_RAW) and
// Linux. One goroutine reads until the test ends.
package wire

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tandemswitch/tandem/test/interop/sound"
)

// Packet is one RTP packet as it arrived.
type Packet struct {
	At          time.Time
	SSRC        uint32
	Seq         uint16
	PayloadType uint8
	Payload     []byte
}

// Capture collects the RTP for one port.
type Capture struct {
	tb   testing.TB
	port uint16

	mu      sync.Mutex
	packets []Packet
}

// Listen begins to collect what is sent over IPv4 to the UDP port, on whatever address: a
// phone that listens on all addresses is answered at the one from which the system sent
// its packets. The second result is false, with a line in the test's log, where packet
// sockets are not permitted.
func Listen(tb testing.TB, port uint16) (*Capture, bool) {
	tb.Helper()
	c := &Capture{tb: tb, port: port}
	fd, err := open(port)
	if errors.Is(err, os.ErrPermission) {
		tb.Logf("audio on the wire is not checked: packet sockets need root or CAP_NET_RAW: %v", err)
		return nil, false
	}
	if err != nil {
		tb.Fatalf("wire: %v", err)
	}
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.read(fd, stop)
	}()
	tb.Cleanup(func() {
		close(stop)
		<-ended
		_ = unix.Close(fd)
	})
	return c, true
}

// Between returns the packets that arrived in a span of time.
func (c *Capture) Between(from, to time.Time) []Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	var some []Packet
	for _, p := range c.packets {
		if !p.At.Before(from) && p.At.Before(to) {
			some = append(some, p)
		}
	}
	return some
}

// Audio decodes G.711 packets, one after the other, whatever the time between
// them; other payload types are left out.
func Audio(packets []Packet) sound.Recording {
	r := sound.Recording{RateHz: 8000}
	for _, p := range packets {
		switch p.PayloadType {
		case 0:
			for _, b := range p.Payload {
				r.Samples = append(r.Samples, sound.MuLaw(b))
			}
		case 8:
			for _, b := range p.Payload {
				r.Samples = append(r.Samples, sound.ALaw(b))
			}
		}
	}
	return r
}

// Missing counts the packets that are not among those given though others of their stream before
// and after them are: it adds up the gaps in the sequence numbers (RFC 3550 §5.1).
func Missing(packets []Packet) int {
	missing := 0
	last := map[uint32]uint16{}
	for _, p := range packets {
		if before, seen := last[p.SSRC]; seen {
			if ahead := int16(p.Seq - before); ahead > 1 {
				missing += int(ahead) - 1
			} else if ahead < 0 {
				missing-- // late: it was counted as missing
				continue
			}
		}
		last[p.SSRC] = p.Seq
	}
	return missing
}

// Gap returns the longest time between two packets that follow each other.
func Gap(packets []Packet) time.Duration {
	var gap time.Duration
	for i := 1; i < len(packets); i++ {
		gap = max(gap, packets[i].At.Sub(packets[i-1].At))
	}
	return gap
}

// readTimeoutMicroseconds is how long the reader may not notice that it is to
// end.
const readTimeoutMicroseconds = 100_000

// receiveBytes holds what comes while the reader waits for the processor.
const receiveBytes = 1 << 20

// open makes a socket that gets the UDP packets for the port only: it would otherwise be flooded with
// what all tests send.
func open(port uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(networkOrder(unix.ETH_P_IP)))
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: readTimeoutMicroseconds}); err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	if err := filter(fd, port); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// filter lets IPv4 packets through whose protocol is UDP and whose destination is the port.
func filter(fd int, port uint16) error {
	const (
		loadByte   = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
		loadHeader = unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH // the IP header's length
		loadPort   = unix.BPF_LD | unix.BPF_H | unix.BPF_IND
		ifEqual    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		verdict    = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: loadByte, K: 9},
		{Code: ifEqual, Jf: 4, K: udp},
		{Code: loadHeader, K: 0},
		{Code: loadPort, K: 2},
		{Code: ifEqual, Jf: 1, K: uint32(port)},
		{Code: verdict, K: 0xffff},
		{Code: verdict, K: 0},
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBytes))
}

// udp is the protocol's number in IPv4.
const udp = 17

func networkOrder(v uint16) uint16 { return v<<8 | v>>8 }

func (c *Capture) read(fd int, stop <-chan struct{}) {
	buf := make([]byte, 64<<10)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			c.tb.Errorf("wire: %v", err)
			return
		}
		// Each packet on the loopback interface is seen twice: on its way out and on its way in.
		if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if p, ok := parse(buf[:n], c.port); ok {
			p.At = time.Now()
			c.mu.Lock()
			c.packets = append(c.packets, p)
			c.mu.Unlock()
		}
	}
}

// parse returns the RTP in an IPv4 packet for the UDP port (RFC 791 §3.1,
// RFC 768, RFC 3550 §5.1). Fragments, and packets with RTP header extensions, are not
// expected here and left out.
func parse(b []byte, port uint16) (Packet, bool) {
	if len(b) < 20 || b[0]>>4 != 4 || b[9] != udp {
		return Packet{}, false
	}
	headerBytes := int(b[0]&0x0f) * 4
	if len(b) < headerBytes+8+12 || binary.BigEndian.Uint16(b[headerBytes+2:]) != port {
		return Packet{}, false
	}
	rtp := b[headerBytes+8:]
	const version2NoExtension = 0x80
	payloadType := rtp[1] & 0x7f
	// Types 64 to 95 are RTCP's (RFC 5761 §4).
	if rtp[0]&0xf0 != version2NoExtension || payloadType >= 64 && payloadType <= 95 {
		return Packet{}, false
	}
	offset := 12 + 4*int(rtp[0]&0x0f)
	if len(rtp) < offset {
		return Packet{}, false
	}
	return Packet{
		SSRC:        binary.BigEndian.Uint32(rtp[8:]),
		Seq:         binary.BigEndian.Uint16(rtp[2:]),
		PayloadType: payloadType,
		Payload:     append([]byte(nil), rtp[offset:]...),
	}, true
}
