//go:build linux

package process

import (
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/loopback"
)

func shell(t *testing.T, script string, out io.Writer) *Process {
	t.Helper()
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", script}, Out: out, Grace: 100 * time.Millisecond, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	return p
}

func TestCPUGrowsWithWork(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	p := shell(t, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; while :; do sleep 1; done", write)
	_ = write.Close()
	if _, err := io.ReadFull(read, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cpu, err := p.CPU()
	if err != nil || cpu < time.Millisecond || cpu > time.Minute {
		t.Errorf("CPU() = %v, %v", cpu, err)
	}
	if rss, err := p.RSSBytes(); err != nil || rss < 100<<10 {
		t.Errorf("RSSBytes() = %d, %v", rss, err)
	}
}

func TestStopKillsWhoDoesNotEnd(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	p := shell(t, "trap '' TERM; echo ready; while :; do sleep 1; done", write)
	_ = write.Close()
	if _, err := io.ReadFull(read, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err == nil {
		t.Error("Stop() of a program that ignores SIGTERM returned no error")
	}
	<-p.Exited()
	if err := p.Stop(); err != nil {
		t.Errorf("Stop() after the end: %v", err)
	}
}

func TestParseStatSkipsTheName(t *testing.T) {
	got, err := parseStat("42 (a) b (c) S 1 42 42 0 -1 4194304 500 0 0 0 123 45 0 0 20 0 7 0 999 1 2\n")
	if err != nil || got != 1680*time.Millisecond {
		t.Errorf("parseStat() = %v, %v, want 1.68s", got, err)
	}
	for _, bad := range []string{"", "42 (a) S 1", "42 (a) S 1 42 42 0 -1 4194304 500 0 0 0 x 45 0"} {
		if s, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) = %v, want an error", bad, s)
		}
	}
}

func TestParseDropsOfOneAddress(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  10: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 7
  11: 0100007F:1F91 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 5
  12: 0200007F:1F91 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 9
`
	if n, err := parseDrops(strings.NewReader(table), netip.MustParseAddr("127.0.0.1")); err != nil || n != 12 {
		t.Errorf("parseDrops() = %d, %v, want 12", n, err)
	}
}

func TestSocketDropsCountsAFullSocket(t *testing.T) {
	addr := loopback.Addr()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadBuffer(4096)
	for range 200 {
		if _, err := conn.WriteTo(make([]byte, 1000), conn.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := SocketDrops(addr); err != nil || n < 100 {
		t.Errorf("SocketDrops() = %d, %v of 200 datagrams in 4 kB", n, err)
	}
}

func TestMachineFigures(t *testing.T) {
	if d := OwnCPU(); d <= 0 {
		t.Errorf("OwnCPU() = %v", d)
	}
	if d, err := IdleCPU(); err != nil || d <= 0 {
		t.Errorf("IdleCPU() = %v, %v", d, err)
	}
}
