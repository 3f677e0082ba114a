package interop

import (
	"net/netip"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/sipp"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// quietOffice is a fresh switch that logs as it would in production.
func quietOffice(t *testing.T, env ...string) desks {
	t.Helper()
	return desks{t: t, s: tandem.Open(t, tandem.Config{Binary: binary, LogLevel: "warn", Env: env})}
}

// line is sipp's phone 1001, registered for the whole test.
func line(d desks) netip.AddrPort {
	d.t.Helper()
	local := d.local()
	d.register("1001", local)
	return local
}

// series makes calls from sipp's phone 1000 to 1001, who is at the address, and fails the test at
// the first unexpected message. It returns false if that says nothing: something went wrong, and
// sipp was short of processor time, as on a machine that does other work.
func series(d desks, at netip.AddrPort, calls, perSecond, atOnce int, timeout time.Duration) bool {
	d.t.Helper()
	cfg := d.config("callee", "ring_milliseconds", "50", "user", "1001")
	cfg.Local, cfg.Server = at, netip.AddrPort{}
	cfg.Calls, cfg.Timeout, cfg.Quiet = calls, timeout, true
	callee := sipp.Start(d.t, cfg)
	cfg = d.caller("caller", "1001", "milliseconds", "200")
	cfg.Calls, cfg.PerSecond, cfg.AtOnce, cfg.Timeout, cfg.Quiet = calls, perSecond, atOnce, timeout, true
	started := time.Now()
	caller := sipp.Start(d.t, cfg)
	called := caller.Finish()
	length := time.Since(started)
	if !caller.Good(called) {
		callee.Quit() // what did not come will not come
	}
	answered := callee.Finish()
	d.t.Logf("%d calls in %v, retransmissions: %d by the caller, %d by the callee",
		calls, length.Round(time.Millisecond), called.Retransmissions, answered.Retransmissions)
	if caller.Good(called) && callee.Good(answered) {
		return true
	}
	if called.Starved || answered.Starved {
		d.t.Logf("sipp was starved: %d and %d calls failed", called.Failed, answered.Failed)
		return false
	}
	caller.Check(called)
	callee.Check(answered)
	return true
}

// attempts at a run that counts only if the generator was not starved.
const attempts = 3

// TestInteropSipp50CallsPerSecond keeps the rate for ten seconds, a minute with
// -soak. It does not run beside other tests, which would disturb it on a small machine.
func TestInteropSipp50CallsPerSecond(t *testing.T) {
	const perSecond = 50
	length := 10 * time.Second
	if *soak {
		length = time.Minute
	}
	calls := perSecond * int(length/time.Second)
	for range attempts {
		d := quietOffice(t)
		if !series(d, line(d), calls, perSecond, 0, 2*length+30*time.Second) {
			continue
		}
		if records := d.s.CDRs(2 * calls); len(records) != 2*calls {
			t.Errorf("%d records of %d calls, want two of each", len(records), calls)
		}
		return
	}
	t.Errorf("this machine is too busy to make %d calls per second: sipp was starved %d times", perSecond, attempts)
}

// TestInteropSippCallsLeaveNothingBehind makes 500 calls in a row, 10 000 with -soak,
// and compares what the process holds before and afterwards. The calls are made alone, the wait
// for what the protocol keeps goes on beside the other tests.
func TestInteropSippCallsLeaveNothingBehind(t *testing.T) {
	calls := 500
	if *soak {
		calls = 10_000
	}
	const perSecond, atOnce = 50, 10
	// The heap is to show what is reachable, not what the collector leaves for later.
	d := quietOffice(t, "GOGC=10")
	// The first calls open what stays open: files, database connections, pools.
	phone := line(d)
	series(d, phone, 20, perSecond, atOnce, time.Minute)
	before := d.s.Metrics()
	series(d, phone, calls, perSecond, atOnce, time.Duration(calls)*100*time.Millisecond+30*time.Second)
	t.Parallel()
	// Some play for what comes and goes by itself, far below one for each call.
	const play = 5
	// Rings, caches and the heap's own waste, and a line for each call in bounded lists.
	heapPlay := float64(20<<20 + calls<<10)
	limits := tandem.Metrics{
		"tandem_channels":              0,
		"go_goroutines":                before["go_goroutines"] + play,
		"process_open_fds":             before["process_open_fds"] + play,
		"go_memstats_heap_inuse_bytes": before["go_memstats_heap_inuse_bytes"] + heapPlay,
	}
	for name := range limits {
		if _, there := before[name]; !there {
			t.Errorf("/metrics has no %s", name)
		}
	}
	d.s.Settled(limits)
	after := d.s.Metrics()
	for _, name := range []string{"go_goroutines", "process_open_fds", "process_resident_memory_bytes", "go_memstats_heap_inuse_bytes"} {
		t.Logf("%s: %.0f before, %.0f after %d calls", name, before[name], after[name], calls)
	}
}
