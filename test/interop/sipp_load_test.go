package interop

import (
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/sipp"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// quietOffice is a fresh switch that logs as it would in production.
func quietOffice(t *testing.T) desks {
	t.Helper()
	return desks{t: t, s: tandem.Open(t, tandem.Config{Binary: binary, LogLevel: "warn"})}
}

// series makes calls between sipp's phones 1000 and 1001 and fails the test at the first
// unexpected message.
func series(d desks, calls, perSecond, atOnce int, timeout time.Duration) {
	d.t.Helper()
	cfg := d.config("callee", "ring_milliseconds", "50")
	cfg.Calls, cfg.Timeout, cfg.Quiet = calls, timeout, true
	callee := d.registered(cfg, "1001")
	cfg = d.caller("caller", "1001", "milliseconds", "200")
	cfg.Calls, cfg.PerSecond, cfg.AtOnce, cfg.Timeout, cfg.Quiet = calls, perSecond, atOnce, timeout, true
	started := time.Now()
	result := sipp.Start(d.t, cfg).Wait()
	answered := callee.Wait()
	d.t.Logf("%d calls in %v, retransmissions: %d by the caller, %d by the callee",
		calls, time.Since(started).Round(time.Millisecond), result.Retransmissions, answered.Retransmissions)
}

// TestInteropSipp50CallsPerSecond keeps the rate for ten seconds, a minute with
// -soak. It does not run beside other tests, which would disturb it on a small machine.
func TestInteropSipp50CallsPerSecond(t *testing.T) {
	const perSecond = 50
	length := 10 * time.Second
	if *soak {
		length = time.Minute
	}
	calls := perSecond * int(length/time.Second)
	d := quietOffice(t)
	series(d, calls, perSecond, 0, 2*length+30*time.Second)
	if records := d.s.CDRs(2 * calls); len(records) != 2*calls {
		t.Errorf("%d records of %d calls, want two of each", len(records), calls)
	}
}

// TestInteropSippCallsLeaveNothingBehind makes 500 calls in a row, 10 000 with -soak,
// and compares what the process holds before and afterwards.
func TestInteropSippCallsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	calls := 500
	if *soak {
		calls = 10_000
	}
	const perSecond, atOnce = 50, 10
	d := quietOffice(t)
	// The first calls open what stays open: files, database connections, pools.
	series(d, 20, perSecond, atOnce, time.Minute)
	before := d.s.Metrics()
	series(d, calls, perSecond, atOnce, time.Duration(calls)*100*time.Millisecond+30*time.Second)
	// Some play for what comes and goes by itself, far below one for each call.
	const play = 5
	limits := tandem.Metrics{
		"tandem_channels":  0,
		"go_goroutines":    before["go_goroutines"] + play,
		"process_open_fds": before["process_open_fds"] + play,
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
