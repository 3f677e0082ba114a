//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/test/load/flow"
)

// Result is one row: what was done to the switch or to the floor, and what it cost.
// Figures that a row does not have are left out.
type Result struct {
	Row     string  `json:"row"`
	Subject string  `json:"subject"` // "switch" or "floor"
	Calls   int     `json:"calls,omitempty"`
	Rate    int     `json:"calls_per_second,omitempty"`
	Seconds float64 `json:"seconds"`

	CPUShare         float64  `json:"cpu_share"` // of one processor
	CPUPerCall       *float64 `json:"cpu_ms_per_call,omitempty"`
	CPUPerCallSecond *float64 `json:"cpu_ms_per_call_and_second,omitempty"`
	CPUPerPacket     *float64 `json:"cpu_us_per_packet,omitempty"`

	Setup    *Quantiles     `json:"setup_ms,omitempty"` // INVITE or REGISTER to the final response
	Latency  *Quantiles     `json:"latency_ms,omitempty"`
	Gap      *Quantiles     `json:"gap_ms,omitempty"` // between packets that the switch made itself
	Loss     *float64       `json:"loss,omitempty"`
	Foreign  uint64         `json:"foreign_packets,omitempty"` // of another call
	Failed   int            `json:"failed"`
	Failures map[string]int `json:"failures,omitempty"`
	Repeats  uint64         `json:"retransmits,omitempty"` // of the phones

	RSS       int64    `json:"rss_bytes,omitempty"`
	PerCallKB *float64 `json:"rss_kb_per_call,omitempty"`
	Start     *float64 `json:"start_ms,omitempty"`
	Generator Strain   `json:"generator"`
	cpu       time.Duration
}

// Strain says how the generator fared.
type Strain struct {
	CPUShare         float64 `json:"cpu_share"`
	MachineIdleShare float64 `json:"machine_idle_share"`
	LateP99          float64 `json:"late_p99_ms"`         // behind its own schedule
	Skipped          uint64  `json:"skipped"`             // packets it could not send in time
	Drops            uint64  `json:"socket_drops"`        // packets it could not receive in time
	Saturated        string  `json:"saturated,omitempty"` // why the row does not count
}

// Quantiles of a duration, in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func quantiles(h *flow.Histogram) *Quantiles {
	if h.Count() == 0 {
		return nil
	}
	return &Quantiles{ms(h.Quantile(.5)), ms(h.Quantile(.95)), ms(h.Quantile(.99)), ms(h.Max())}
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// The generator is saturated when it is so late, or lost so much itself, that
// the figures would be about it.
const (
	lateLimit = 5 * time.Millisecond
	// lossLimit is a tenth of what counts as loss in the goals.
	lossLimit = 0.0001
)

// strain fills in how the media generator fared.
func (r *Result) strain(f *flow.Figures) {
	g := &r.Generator
	g.LateP99 = max(g.LateP99, ms(f.Late.Quantile(.99)))
	g.Skipped = f.Skipped
	var why []string
	if f.Late.Quantile(.99) > lateLimit {
		why = append(why, fmt.Sprintf("packets %.1f ms late", g.LateP99))
	}
	if float64(f.Skipped) > lossLimit*float64(f.Sent+f.Skipped) {
		why = append(why, fmt.Sprintf("%d packets not sent", f.Skipped))
	}
	if float64(g.Drops) > lossLimit*float64(f.Sent) && g.Drops > 0 {
		why = append(why, fmt.Sprintf("%d packets dropped at its sockets", g.Drops))
	}
	g.Saturated = strings.Join(why, ", ")
}

// sound fills in what happened to the packets of a window.
func (r *Result) sound(f *flow.Figures) {
	if f.Sent > 0 && f.Received > 0 {
		loss := f.Loss()
		per := r.cpu.Seconds() * 1e6 / float64(f.Received)
		r.Loss, r.CPUPerPacket = &loss, &per
	}
	r.Latency, r.Gap, r.Foreign = quantiles(&f.Latency), quantiles(&f.Gap), f.Foreign
	r.strain(f)
}

// perCallSecond divides the processor time by calls and seconds.
func (r *Result) perCallSecond(calls int) {
	v := r.cpu.Seconds() * 1e3 / float64(calls) / r.Seconds
	r.CPUPerCallSecond = &v
}

func (r *Result) perCall(calls int) {
	v := r.cpu.Seconds() * 1e3 / float64(calls)
	r.CPUPerCall = &v
}
