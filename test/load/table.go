//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

var columns = []string{
	"row", "subject", "calls", "calls/s", "CPU ms/call", "CPU ms/call·s", "goal", "µs/packet",
	"set-up p50/p95/p99 ms", "latency p50/p95/p99 ms", "loss", "failed", "memory", "generator",
}

// cells are the columns of a result, as text.
func (r *Result) cells() []string {
	return []string{
		r.Row, r.Subject, whole(r.Calls), whole(r.Rate), number(r.CPUPerCall), number(r.CPUPerCallSecond), r.goal(), number(r.CPUPerPacket),
		r.Setup.String(), r.Latency.String(), r.lossText(), fmt.Sprint(r.Failed), r.memoryText(), r.Generator.text(),
	}
}

// goals are for the processor time of the switch, per call or per call and second.
var goals = map[string]string{
	"register": "≤ 0.15", "setup": "≤ 1.0", "relay": "≤ 0.55", "alaw": "≤ 0.8", "play": "≤ 0.3", "record": "≤ 0.3", "idle": "≤ 0.02",
}

func (r *Result) goal() string {
	if r.Subject != "switch" {
		return ""
	}
	return goals[r.Row]
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.3g", *v)
}

// String returns the quantiles but for the longest.
func (q *Quantiles) String() string {
	if q == nil {
		return ""
	}
	return fmt.Sprintf("%.2f / %.2f / %.2f", q.P50, q.P95, q.P99)
}

func (r *Result) lossText() string {
	if r.Loss == nil {
		return ""
	}
	return fmt.Sprintf("%.3f %%", *r.Loss*100)
}

func (r *Result) memoryText() string {
	text := ""
	if r.RSS != 0 {
		text = fmt.Sprintf("%d MB", r.RSS>>20)
	}
	if r.PerCallKB != nil {
		text += fmt.Sprintf(", %.0f kB/call", *r.PerCallKB)
	}
	if r.Start != nil {
		text += fmt.Sprintf(", ready after %.0f ms", *r.Start)
	}
	return text
}

func (s Strain) text() string {
	if s.Saturated != "" {
		return "SATURATED: " + s.Saturated
	}
	return fmt.Sprintf("late p99 %.2f ms, machine %.0f %% idle", s.LateP99, 100*s.MachineIdleShare)
}

// table prints the results for people.
func (b *bench) table(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells []string) {
		for _, c := range cells {
			_, _ = fmt.Fprintf(w, "%s\t", c)
		}
		_, _ = fmt.Fprintln(w)
	}
	row(columns)
	for i := range b.results {
		row(b.results[i].cells())
	}
	_ = w.Flush()
}

// The marks between which document writes.
const (
	openMark  = "<!-- table: written by go run ./test/load -o, not by hand -->\n"
	closeMark = "<!-- end of table -->\n"
)

// document replaces the table of a Markdown file.
func (b *bench) document(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := bytes.Cut(text, []byte(openMark))
	_, after, ok2 := bytes.Cut(rest, []byte(closeMark))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no %q … %q to write the table between", file, openMark, closeMark)
	}
	var doc bytes.Buffer
	doc.Write(before)
	doc.WriteString(openMark)
	fmt.Fprintf(&doc, "\nMeasured %s.\n\n", time.Now().Format(time.DateOnly))
	markdown(&doc, columns)
	for range columns {
		doc.WriteString("|---")
	}
	doc.WriteString("|\n")
	for i := range b.results {
		markdown(&doc, b.results[i].cells())
	}
	doc.WriteString("\n")
	doc.WriteString(closeMark)
	doc.Write(after)
	return os.WriteFile(file, doc.Bytes(), 0o644)
}

func markdown(doc *bytes.Buffer, cells []string) {
	for _, c := range cells {
		fmt.Fprintf(doc, "| %s ", c)
	}
	fmt.Fprintln(doc, "|")
}
