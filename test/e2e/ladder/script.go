// Package ladder reads call scripts and writes what came of them.
//
// A script is text that a telephony engineer reads without knowing Go. Lines
// that begin in the first column are written by a person; indented lines are
// the transcript, made by running the script:
//
//	# A calls B, who is busy.
//	phone a 1000
//	phone b 1001 registered
//
//	0s    a > INVITE 1001
//	         0.020  a < 100 Trying
//	         0.020  b < INVITE 1001 from 1000 sdp pcmu,pcma,dtmf sendrecv
//	1s    b > 486
//	         …
//
// It starts no goroutine.
package ladder

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Script is one call script.
type Script struct {
	Directives [][]string // "phone a 1000", "switch rtp_timeout=5", as words
	Steps      []Step
	Rough      bool // "times rough": of what happens only the order is told

	lines []line
}

// Step is something done at a time.
type Step struct {
	At   time.Duration // since the beginning
	Text string        // what: "a > INVITE 1001"
	Line int           // in the file
}

// line is a line of a person.
type line struct {
	text string
	step int // index into Steps, or -1
}

// Parse reads a script.
func Parse(text string) (*Script, error) {
	s := &Script{}
	for i, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") {
			continue // an old transcript
		}
		l = strings.TrimRight(l, " ")
		words := strings.Fields(l)
		if len(words) == 0 || strings.HasPrefix(l, "#") {
			s.lines = append(s.lines, line{l, -1})
			continue
		}
		if l[0] < '0' || l[0] > '9' {
			if l == "times rough" {
				s.Rough = true
			} else {
				s.Directives = append(s.Directives, words)
			}
			s.lines = append(s.lines, line{l, -1})
			continue
		}
		at, err := time.ParseDuration(words[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if n := len(s.Steps); n > 0 && at < s.Steps[n-1].At {
			return nil, fmt.Errorf("line %d: %v is before the step above", i+1, at)
		}
		s.lines = append(s.lines, line{l, len(s.Steps)})
		s.Steps = append(s.Steps, Step{at, strings.Join(words[1:], " "), i + 1})
	}
	return s, nil
}

// Transcript collects what happens. Its methods may be called from any
// goroutine; what is told before Begin is not kept.
type Transcript struct {
	mu      sync.Mutex
	began   time.Time
	steps   int // carried out so far
	entries []entry
	order   []string
}

type entry struct {
	step int
	at   time.Duration
	who  string
	text string
}

// NewTranscript returns an empty transcript. Of what happens at the same
// moment, the parties' lines stand in this order.
func NewTranscript(order []string) *Transcript { return &Transcript{order: order} }

// Begin starts the clock.
func (t *Transcript) Begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began = time.Now()
}

// Step says that the next step is carried out now.
func (t *Transcript) Step() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps++
}

// Add notes that something happened to a party just now.
func (t *Transcript) Add(who, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() {
		return
	}
	t.entries = append(t.entries, entry{t.steps, time.Since(t.began), who, text})
}

// sorted puts the entries in an order that does not depend on which goroutine
// was faster: by step, time and party; what one party saw keeps its order.
func (t *Transcript) sorted() []entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.entries)
	slices.SortStableFunc(all, func(a, b entry) int {
		switch {
		case a.step != b.step:
			return a.step - b.step
		case a.at != b.at:
			return int(a.at - b.at)
		case a.who != b.who:
			return t.rank(a.who) - t.rank(b.who)
		case a.who == "cdr":
			return strings.Compare(a.text, b.text)
		}
		return 0
	})
	return all
}

func (t *Transcript) rank(who string) int {
	if i := slices.Index(t.order, who); i >= 0 {
		return i
	}
	return len(t.order)
}

// Merge writes the script with its transcript.
func (s *Script) Merge(t *Transcript) string {
	var b strings.Builder
	entries := t.sorted()
	write := func(step int) {
		for len(entries) > 0 && entries[0].step <= step {
			e := entries[0]
			at := fmt.Sprintf("%.3f", e.at.Seconds())
			if s.Rough {
				at = "~"
			}
			fmt.Fprintf(&b, "%14s  %s %s\n", at, e.who, e.text)
			entries = entries[1:]
		}
	}
	for _, l := range s.lines {
		if l.step == 0 {
			write(0)
		}
		b.WriteString(l.text + "\n")
		if l.step >= 0 {
			write(l.step + 1)
		}
	}
	return b.String()
}
