//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/test/load/phone"
)

const (
	soakLegs      = 200 // calls with sound at the same time
	soakPerSecond = 50
	soakWarm      = 100 // calls before the first look: pools, caches and the database are filled then
	// soakSettle covers what the protocol keeps after a call: transactions last 32 s (RFC 3261 §17).
	soakSettle = 60 * time.Second
)

// kinds are the calls of a soak, in turn.
type kind struct {
	name   string
	agent  func(*bench) *phone.Agent
	call   phone.Call
	status int // expected
}

func soakKinds(hold time.Duration) []kind {
	quiet := func(b *bench) *phone.Agent { return b.quietCallers }
	sound := func(b *bench) *phone.Agent { return b.callers }
	return []kind{
		{"bridged", sound, phone.Call{From: caller, To: callee, Hold: hold}, 200},
		{"bridged, no sound", quiet, phone.Call{From: quietCaller, To: quietCallee, Hold: hold}, 200},
		{"A-law to µ-law", sound, phone.Call{From: caller, To: alawCallee, Hold: hold}, 200},
		{"canceled", quiet, phone.Call{From: quietCaller, To: silent, Cancel: true}, 487},
		{"echo", sound, phone.Call{From: caller, To: "9196", Hold: hold}, 200},
		{"music", sound, phone.Call{From: caller, To: "9664", Hold: hold}, 200},
		{"recorded", sound, phone.Call{From: caller, To: recordNumber, Hold: hold}, 200},
		{"unknown number", quiet, phone.Call{From: quietCaller, To: "7777"}, 404},
	}
}

// tolerance is how much a figure may be above the one before the calls.
var tolerance = map[string]float64{
	"tandem_channels": 0,
	"go_goroutines":   5, // of HTTP connections and the like
	// The database opens files as it likes, a few more under load.
	"process_open_fds": 5,
	// The collector gives memory back when it likes.
	"process_resident_memory_bytes": 64 << 20,
}

// soak makes n calls in a row and checks that nothing is left behind.
func (b *bench) soak(ctx context.Context, n int) error {
	if _, err := b.soakCalls(ctx, soakWarm); err != nil {
		return err
	}
	before, err := b.settled(ctx, nil)
	if err != nil {
		return err
	}
	began := time.Now()
	t, err := b.soakCalls(ctx, n)
	took := time.Since(began)
	if err != nil {
		return err
	}
	after, late := b.settled(ctx, before)
	r := Result{Row: "soak", Subject: "switch", Calls: n, Rate: soakPerSecond, Seconds: took.Seconds(), RSS: int64(after["process_resident_memory_bytes"])}
	t.into(&r)
	for _, name := range slices.Sorted(maps.Keys(tolerance)) {
		_, _ = fmt.Fprintf(b.out, "%-32s %14.0f before, %14.0f after %d calls\n", name, before[name], after[name], n)
	}
	if r.Failed > 0 {
		late = errors.Join(late, fmt.Errorf("%d of %d calls failed: %v", r.Failed, n, r.Failures))
	}
	if late != nil {
		late = errors.Join(late, b.tandem.tail())
	}
	return errors.Join(b.add(r), late)
}

// soakCalls makes calls of all kinds in turn and waits for their ends.
func (b *bench) soakCalls(ctx context.Context, n int) (*tally, error) {
	kinds := soakKinds(b.opt.hold)
	t := &tally{}
	_, err := b.pace(ctx, n, soakPerSecond, func(i int) {
		k := kinds[i%len(kinds)]
		k.call.Up = t.answered
		k.call.Done = func(o phone.Outcome) {
			good := o.Status == k.status && o.Err == nil
			if !good && o.Err == nil {
				o.Err = fmt.Errorf("%s: status %d, want %d", k.name, o.Status, k.status)
			}
			t.endedWith(o, good)
		}
		k.agent(b).Place(k.call)
	})
	if err != nil {
		return nil, err
	}
	return t, b.await(ctx, time.Minute, "every call over", func() bool { _, done := t.counts(); return done >= n })
}

// settled reads the metrics until none is above its limit; without a
// baseline until the channels are gone, and the protocol has forgotten the calls.
func (b *bench) settled(ctx context.Context, base map[string]float64) (map[string]float64, error) {
	if base == nil {
		if err := b.wait(ctx, 35*time.Second); err != nil {
			return nil, err
		}
	}
	var now map[string]float64
	var over error
	err := b.await(ctx, soakSettle, "nothing left behind", func() bool {
		body, err := b.tandem.get(ctx, "/metrics")
		if err != nil {
			over = err
			return false
		}
		now, over = parseMetrics(body)
		over = errors.Join(over, above(now, base))
		return over == nil
	})
	if err != nil {
		return now, errors.Join(err, over)
	}
	return now, nil
}

// above names the figures that are too high, or missing.
func above(now, base map[string]float64) error {
	var errs []error
	for name, more := range tolerance {
		value, there := now[name]
		limit, known := base[name]
		switch {
		case !there:
			errs = append(errs, fmt.Errorf("%s is missing in /metrics", name))
		case name == "tandem_channels" && value > 0:
			errs = append(errs, fmt.Errorf("%s is %.0f, want 0", name, value))
		case known && value > limit+more:
			errs = append(errs, fmt.Errorf("%s is %.0f, want at most %.0f", name, value, limit+more))
		}
	}
	return errors.Join(errs...)
}

// parseMetrics reads Prometheus's text format; the samples of a name are summed.
func parseMetrics(text []byte) (map[string]float64, error) {
	m := map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		name, _, _ = strings.Cut(name, "{")
		rest := line[max(strings.LastIndexByte(line, '}')+1, len(name)):]
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return nil, fmt.Errorf("metrics: no value in %q", line)
		}
		v, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		m[name] += v
	}
	return m, nil
}
