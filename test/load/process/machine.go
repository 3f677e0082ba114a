//go:build linux

package process

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// OwnCPU returns the processor time of this process.
func OwnCPU() time.Duration {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r) // fails for bad arguments only
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// IdleCPU returns the time that the machine's processors had nothing to do
// since it started, over all of them.
func IdleCPU() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 6 {
		return 0, fmt.Errorf("process: /proc/stat: %q", line)
	}
	idle, err := strconv.ParseInt(fields[4], 10, 64) // user nice system idle iowait …
	return time.Duration(idle) * tick, err
}

// SocketDrops counts what the kernel threw away because the UDP sockets of an
// IPv4 address were full, since they were opened.
func SocketDrops(addr netip.Addr) (uint64, error) {
	file, err := os.Open("/proc/net/udp")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return parseDrops(file, addr)
}

// parseDrops reads the last column of the lines whose local address it is. The
// address is the machine's own word in hex, so its bytes are in its own order.
func parseDrops(r io.Reader, addr netip.Addr) (uint64, error) {
	b := addr.As4()
	want := fmt.Sprintf("%08X", binary.NativeEndian.Uint32(b[:]))
	var sum uint64
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 13 || !strings.HasPrefix(fields[1], want+":") {
			continue
		}
		n, err := strconv.ParseUint(fields[12], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("process: /proc/net/udp: %w", err)
		}
		sum += n
	}
	return sum, lines.Err()
}
