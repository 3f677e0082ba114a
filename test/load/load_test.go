//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/loopback"
	"github.com/tandemswitch/tandem/test/load/floor"
	"github.com/tandemswitch/tandem/test/load/flow"
	"github.com/tandemswitch/tandem/test/load/phone"
	"github.com/tandemswitch/tandem/test/load/process"
)

// TestMain lets this test be the floor's child process, as the tool is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		exit(runFloor(context.Background(), os.Args[2:], os.Stdin, os.Stdout))
		return
	}
	os.Exit(m.Run())
}

// testBench has phones that call each other without a switch between them.
func testBench(t *testing.T, calls int) *bench {
	t.Helper()
	b := &bench{
		opt: options{length: 200 * time.Millisecond, relay: []int{calls}}, out: t.Output(),
		at: loopback.Addr(), floorAt: loopback.Addr(), failed: make(chan error, 8), tandem: &tandem{Process: &process.Process{}},
	}
	var err error
	if b.media, err = flow.Open(flow.Config{Addr: b.at, Legs: 2 * calls}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	b.beside(func() error { return b.media.Run(ctx) })
	t.Cleanup(func() {
		stop()
		b.running.Wait()
		b.media.Close()
	})
	return b
}

func TestFloorRelaysInAChildProcess(t *testing.T) {
	b := testBench(t, 10)
	remotes := make([]netip.AddrPort, 20)
	for i, l := range b.media.Legs() {
		remotes[i] = l.Addr()
	}
	child, local, err := startFloor(floor.Relay, b.floorAt, remotes)
	if err != nil {
		t.Fatal(err)
	}
	defer child.Stop()
	b.tandem.Process = child // whose end would be noticed
	for i, l := range b.media.Legs() {
		if err := l.Aim(local[i], pcmu); err != nil {
			t.Fatal(err)
		}
	}
	var r Result
	if err := b.window(t.Context(), child, "", &r, 10, false); err != nil {
		t.Fatal(err)
	}
	f := b.media.Figures()
	if f.Sent < 100 || f.Received == 0 || f.Foreign != 0 {
		t.Errorf("sent %d, received %d, %d of them of another call", f.Sent, f.Received, f.Foreign)
	}
	if r.Loss == nil || r.Latency == nil || r.CPUPerPacket == nil || r.CPUPerCallSecond == nil || *r.CPUPerCallSecond <= 0 || r.Seconds < .2 {
		t.Errorf("window() = %+v", r)
	}
	if err := child.Stop(); err != nil {
		t.Error(err)
	}
	if err := b.wait(t.Context(), time.Minute); err == nil {
		t.Error("nobody noticed that the child ended")
	}
}

func TestPhonesCallEachOtherWithSound(t *testing.T) {
	const n = 4
	b := testBench(t, n)
	sound := func() (phone.Media, error) { return b.media.Take() }
	one, err1 := loopback.AddrPort(b.at)
	two, err2 := loopback.AddrPort(b.at)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	caller, err1 := phone.Open(phone.Config{Local: one, Server: two, Media: sound})
	callee, err2 := phone.Open(phone.Config{Local: two, Server: one, Media: sound})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	b.beside(func() error { return caller.Run(ctx) })
	b.beside(func() error { return callee.Run(ctx) })
	var calls tally
	for range n {
		caller.Place(phone.Call{From: "1000", To: "1010", Up: calls.answered, Done: calls.ended})
	}
	if err := b.await(ctx, 10*time.Second, "all up", func() bool { up, _ := calls.counts(); return up == n }); err != nil {
		t.Fatal(err)
	}
	b.media.Begin()
	if err := b.wait(ctx, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	b.media.End()
	caller.HangupAll(1000)
	if err := b.await(ctx, 10*time.Second, "all over", func() bool { _, done := calls.counts(); return done == n }); err != nil {
		t.Fatal(err)
	}
	f := b.media.Figures()
	if f.Sent == 0 || f.Received == 0 || f.Foreign != 0 {
		t.Errorf("sent %d, received %d, %d of another call", f.Sent, f.Received, f.Foreign)
	}
	var r Result
	calls.into(&r)
	if r.Failed != 0 || r.Setup == nil {
		t.Errorf("the tally says %+v", r)
	}
}

func TestStrainSaysWhenTheGeneratorIsSaturated(t *testing.T) {
	var late flow.Histogram
	late.Add(2 * lateLimit)
	for _, test := range []struct {
		f     flow.Figures
		drops uint64
		want  bool
	}{
		{flow.Figures{Sent: 1000, Received: 900}, 0, false}, // that is the switch's loss
		{flow.Figures{Sent: 1000, Late: late}, 0, true},
		{flow.Figures{Sent: 1000, Skipped: 5}, 0, true},
		{flow.Figures{Sent: 1000}, 5, true},
	} {
		r := Result{Generator: Strain{Drops: test.drops}}
		r.strain(&test.f)
		if got := r.Generator.Saturated != ""; got != test.want {
			t.Errorf("%d of %d received, %d skipped, %d dropped: saturated %q, want %v", test.f.Received, test.f.Sent, test.f.Skipped, test.drops, r.Generator.Saturated, test.want)
		}
	}
}

func TestWriteConfRaisesTheLimits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "conf")
	if err := writeConf(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "autoload_configs", "switch.conf.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range limits {
		if want := fmt.Sprintf(`<param name=%q value=%q/>`, name, value); !bytes.Contains(text, []byte(want)) {
			t.Errorf("switch.conf.xml has no %s", want)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-rows", "setup,relay", "-relay", "5,10", "-set", "a=b"})
	if err != nil || !slices.Equal(orderedRows(o.rows), []string{"relay", "setup"}) || !slices.Equal(o.relay, []int{5, 10}) || !slices.Equal(o.sets, []string{"a=b"}) {
		t.Errorf("parseOptions() = %+v, %v", o, err)
	}
	for _, bad := range []string{"-rows=x", "-relay=0", "-rates=a", "-relay=999999", "more"} {
		if _, err := parseOptions([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestDocumentReplacesItsTable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	b := &bench{}
	for _, row := range []string{"first", "second"} {
		if row == "first" {
			if err := os.WriteFile(file, []byte("# Before\n\n"+openMark+closeMark+"\nAfter\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		loss := 0.5
		b.results = []Result{{Row: row, Subject: "switch", Calls: 3, Loss: &loss, Setup: &Quantiles{P50: 1}}}
		if err := b.document(file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.HasPrefix(got, "# Before\n") || !strings.HasSuffix(got, "\nAfter\n") || strings.Contains(got, "first") || strings.Count(got, "| second | switch | 3 |") != 1 || !strings.Contains(got, "50.000 %") {
		t.Errorf("the document is\n%s", got)
	}
	if err := os.WriteFile(file, []byte("no marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := b.document(file); err == nil {
		t.Error("a document without marks is taken")
	}
}

func TestResultIsJSON(t *testing.T) {
	var out bytes.Buffer
	b := &bench{out: &out}
	if err := b.add(Result{Row: "relay", Subject: "floor"}); err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(out.Bytes(), &m); err != nil || m["row"] != "relay" || m["loss"] != nil {
		t.Errorf("%s: %v, %v", out.Bytes(), m, err)
	}
}

func TestMetricsAboveTheirLimit(t *testing.T) {
	now, err := parseMetrics([]byte("# HELP go_goroutines x\ngo_goroutines 40\ntandem_channels{direction=\"inbound\"} 1\ntandem_channels{direction=\"out } x\"} 2\nprocess_open_fds 1.2e+01\nprocess_resident_memory_bytes 4e7\n"))
	if err != nil || now["tandem_channels"] != 3 || now["process_open_fds"] != 12 {
		t.Fatalf("parseMetrics() = %v, %v", now, err)
	}
	if err := above(now, nil); err == nil || !strings.Contains(err.Error(), "tandem_channels is 3, want 0") || strings.Contains(err.Error(), "goroutines") {
		t.Errorf("above() = %v", err)
	}
	now["tandem_channels"] = 0
	if err := above(now, now); err != nil {
		t.Errorf("above() of equals = %v", err)
	}
	base := maps.Clone(now)
	base["go_goroutines"] = 30
	delete(now, "process_open_fds")
	if err := above(now, base); err == nil || !strings.Contains(err.Error(), "go_goroutines is 40, want at most 35") || !strings.Contains(err.Error(), "process_open_fds is missing") {
		t.Errorf("above() = %v", err)
	}
	for _, bad := range []string{"name", "name x"} {
		if m, err := parseMetrics([]byte(bad)); err == nil {
			t.Errorf("parseMetrics(%q) = %v", bad, m)
		}
	}
}
