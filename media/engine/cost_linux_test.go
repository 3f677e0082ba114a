//go:build linux && (amd64 || arm64 || riscv64 || loong64)

package engine

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/rtp"
)

// The cost of a bridged call, measured as performance.md wants it: a switch in
// a process of its own, a generator beside it, and the floor (a bare epoll
// relay) in the same run. It takes a minute, so it runs on request:
//
//	go test ./media/engine -run TestRelayCost -v -cost.calls 300
var (
	costCalls   = flag.Int("cost.calls", 0, "measure the relay with so many bridged calls")
	costTime    = flag.Duration("cost.time", 5*time.Second, "length of one measurement")
	costModes   = flag.String("cost.modes", "floor,relay,alaw,idle,play,record,relay,floor", "what to measure, in order")
	costProfile = flag.String("cost.profile", "", "write a CPU profile of the switch to this file")
)

const costEnv = "TANDEM_COST_CHILD"

// TestCostChild is the switch of a measurement; it is started by TestRelayCost.
func TestCostChild(t *testing.T) {
	mode := os.Getenv(costEnv)
	if mode == "" {
		t.Skip("is started by TestRelayCost only")
	}
	in := bufio.NewReader(os.Stdin)
	var remotes []netip.AddrPort
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		remotes = append(remotes, netip.MustParseAddrPort(line))
	}
	var local []netip.AddrPort
	var world *world
	if mode == "floor" {
		local = floor(t, remotes)
	} else {
		world, local = costEngine(t, mode, remotes)
	}
	for _, a := range local {
		fmt.Println("LOCAL", a)
	}
	if file := os.Getenv(costEnv + "_PROFILE"); file != "" {
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		_ = pprof.StartCPUProfile(f)
		defer f.Close()
		defer pprof.StopCPUProfile()
	}
	for {
		if _, err := in.ReadString('\n'); err != nil {
			if world != nil {
				fmt.Fprintf(os.Stderr, "%+v\n", world.engine.Stats())
			}
			return // end of input: done
		}
		var r unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_SELF, &r)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println("CPU", time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano()), m.Mallocs)
	}
}

// costEngine opens and joins streams towards the generator's sockets.
func costEngine(t *testing.T, mode string, remotes []netip.AddrPort) (*world, []netip.AddrPort) {
	sh, _ := strconv.Atoi(os.Getenv("SHARDS"))
	w := newWorld(t, Config{Codecs: testCodecs(), Shards: sh})
	var streams []media.Stream
	hall, err := w.engine.NewRoom(media.RoomConfig{Label: "cost"})
	if err != nil {
		t.Fatal(err)
	}
	var local []netip.AddrPort
	for i, r := range remotes {
		s, err := w.engine.Open(media.StreamConfig{Local: netip.MustParseAddr("127.0.0.1"), Symmetric: true})
		if err != nil {
			t.Fatal(err)
		}
		f := pcmu
		if mode == "alaw" && i%2 == 1 {
			f = pcma
		}
		d := media.StreamDescription{Kind: "audio", Protocol: "RTP/AVP", Addr: r, Formats: []media.Format{f, event}}
		if _, err := s.Answer(&media.Description{Streams: []media.StreamDescription{d}}, media.Policy{}); err != nil {
			t.Fatal(err)
		}
		streams, local = append(streams, s), append(local, s.LocalAddr())
		switch mode {
		case "play":
			_, err = s.Play(mediatest.NewSampleSource(8000, make([]int16, 8000*3600)), media.PlayOptions{})
		case "room": // all talk
			_, err = hall.Join(s, media.MemberConfig{})
		case "hall": // nobody is loud enough
			_, err = hall.Join(s, media.MemberConfig{Energy: 32000})
		case "record":
			_, err = s.Tap(&bin{})
			fallthrough
		default:
			if i%2 == 1 {
				err = s.Join(streams[i-1])
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return w, local
}

type bin struct{ samples int }

func (*bin) RateHz() int           { return 8000 }
func (b *bin) Write(in, _ []int16) { b.samples += len(in) }
func (*bin) Close() error          { return nil }

// floor relays between pairs of sockets with nothing but the system calls.
func floor(t *testing.T, remotes []netip.AddrPort) []netip.AddrPort {
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	var local []netip.AddrPort
	socks := map[int]*rawSocket{}
	var all []*rawSocket
	for range remotes {
		s := openRaw(t)
		socks[s.fd] = s
		all = append(all, s)
		local = append(local, boundTo(t, s))
		if err := p.add(s.fd); err != nil {
			t.Fatal(err)
		}
	}
	type route struct {
		out *rawSocket
		to  netip.AddrPort
	}
	routes := make([]route, all[len(all)-1].fd+1)
	for i, s := range all {
		routes[s.fd] = route{all[i^1], remotes[i^1]}
	}
	go func() {
		events, buf := make([]unix.EpollEvent, pollBatch), make([]byte, 2048)
		for {
			n, _ := unix.EpollWait(p.epfd, events, -1)
			for i := range max(n, 0) {
				r := routes[events[i].Fd]
				if n, _, ok := recvFrom(int(events[i].Fd), buf); ok {
					_ = r.out.send(buf[:n], r.to)
				}
			}
		}
	}()
	return local
}

func openRaw(t *testing.T) *rawSocket {
	s, err := listenRaw(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	return s.(*rawSocket)
}

func boundTo(t *testing.T, s *rawSocket) netip.AddrPort {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		t.Fatal(err)
	}
	in := sa.(*unix.SockaddrInet4)
	return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), uint16(in.Port))
}

// TestRelayCost prints what a call costs in each mode.
func TestRelayCost(t *testing.T) {
	if *costCalls == 0 {
		t.Skip("takes a minute: ask for it with -cost.calls 300")
	}
	fmt.Printf("%-8s %6s %12s %14s %10s %10s %8s %8s %10s\n", "mode", "calls", "µs/packet", "ms/call·second", "user", "sys", "p50", "p95", "loss")
	for i, mode := range strings.Split(*costModes, ",") {
		measureCost(t, mode, i)
	}
}

// measureCost runs one mode in a child process.
func measureCost(t *testing.T, mode string, run int) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCostChild$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), costEnv+"="+mode)
	if *costProfile != "" && mode != "floor" {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s_PROFILE=%s.%d.%s", costEnv, *costProfile, run, mode))
	}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := newGenerator(t, 2**costCalls)
	for _, s := range g.socks {
		fmt.Fprintln(stdin, boundTo(t, s))
	}
	fmt.Fprintln(stdin)
	out := bufio.NewReader(stdout)
	read := func(word string) string {
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), word+" "); ok {
				return rest
			}
		}
	}
	for i := range g.to {
		g.to[i] = netip.MustParseAddrPort(read("LOCAL"))
	}
	cpu := func() (user, sys time.Duration, mallocs uint64) {
		fmt.Fprintln(stdin)
		var u, s string
		_, _ = fmt.Sscan(read("CPU"), &u, &s, &mallocs)
		user, _ = time.ParseDuration(u)
		sys, _ = time.ParseDuration(s)
		return user, sys, mallocs
	}
	g.silent = mode == "idle"
	if mode == "alaw" {
		g.types[1] = 8
	}
	g.run(time.Second)
	u0, s0, m0 := cpu()
	g.clear()
	g.run(*costTime)
	u1, s1, m1 := cpu()
	g.silent = true
	g.run(50 * time.Millisecond) // what is still on its way is not lost
	_ = stdin.Close()
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	_ = cmd.Wait()
	total := u1 - u0 + s1 - s0
	per := 0.0
	if g.received > 0 {
		per = float64(total.Nanoseconds()) / 1e3 / float64(g.received)
	}
	if mode != "floor" && mode != "relay" && mode != "record" {
		g.late = nil // what comes back is not what was stamped
	}
	fmt.Printf("%-8s %6d %12.2f %14.4f %10v %10v %8v %8v %9.3f%%  mallocs %d\n", mode, *costCalls, per,
		total.Seconds()*1e3/costTime.Seconds()/float64(*costCalls), (u1 - u0).Round(time.Millisecond), (s1 - s0).Round(time.Millisecond),
		g.percentile(50), g.percentile(95), 100*(1-float64(g.received)/float64(max(g.sent, 1))), m1-m0)
	g.close()
}

// generator sends a stamped packet per socket and 20 ms, spread evenly, and
// receives what the switch sends.
type generator struct {
	t        *testing.T
	poll     *poller
	socks    []*rawSocket
	to       []netip.AddrPort
	seq      []rtp.Seq
	types    [2]uint8 // payload types of both sides of a call
	silent   bool
	sent     int
	received int
	late     []time.Duration
	start    time.Time
}

func newGenerator(t *testing.T, n int) *generator {
	g := &generator{t: t, to: make([]netip.AddrPort, n), seq: make([]rtp.Seq, n), start: time.Now()}
	var err error
	if g.poll, err = newPoller(); err != nil {
		t.Fatal(err)
	}
	for range n {
		s := openRaw(t)
		g.socks = append(g.socks, s)
		if err := g.poll.add(s.fd); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g *generator) clear() { g.sent, g.received, g.late = 0, 0, g.late[:0] }

func (g *generator) close() {
	for _, s := range g.socks {
		s.close()
	}
	g.poll.free()
}

func (g *generator) run(d time.Duration) {
	n := len(g.socks)
	packet := make([]byte, rtp.HeaderBytes+160)
	events, buf := make([]unix.EpollEvent, 256), make([]byte, 2048)
	step := 20 * time.Millisecond / time.Duration(n)
	next, end, i := time.Now(), time.Now().Add(d), 0
	for now := time.Now(); now.Before(end); now = time.Now() {
		for !g.silent && !now.Before(next) {
			rtp.Put(packet, rtp.Header{PayloadType: g.types[i%2], Seq: g.seq[i], Timestamp: rtp.Timestamp(g.seq[i]) * 160, SSRC: uint32(i + 1)})
			g.seq[i]++
			binary.BigEndian.PutUint64(packet[rtp.HeaderBytes:], uint64(time.Since(g.start)))
			_ = g.socks[i].send(packet, g.to[i])
			g.sent++
			i = (i + 1) % n
			next = next.Add(step)
		}
		if g.silent {
			next = end
		}
		ready, _ := unix.EpollWait(g.poll.epfd, events, int(min(max(time.Until(next)/time.Millisecond, 0), 100)))
		for j := range max(ready, 0) {
			if size, _, ok := recvFrom(int(events[j].Fd), buf); ok && size > rtp.HeaderBytes+8 {
				g.received++
				if g.received%16 == 0 {
					g.late = append(g.late, time.Since(g.start)-time.Duration(binary.BigEndian.Uint64(buf[rtp.HeaderBytes:])))
				}
			}
		}
	}
}

func (g *generator) percentile(p int) time.Duration {
	if len(g.late) == 0 {
		return 0
	}
	slices.Sort(g.late)
	return g.late[len(g.late)*p/100].Round(time.Microsecond)
}
