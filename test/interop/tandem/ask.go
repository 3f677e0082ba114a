package tandem

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CDR is the record of one leg as REST shows it.
type CDR struct {
	CallID     string     `json:"call_id"`
	LegID      string     `json:"leg_id"`
	Direction  string     `json:"direction"`
	From       string     `json:"from"`
	To         string     `json:"to"`
	StartedAt  time.Time  `json:"started_at"`
	AnsweredAt *time.Time `json:"answered_at"`
	EndedAt    time.Time  `json:"ended_at"`
	Billsec    int        `json:"billsec"`
	Cause      string     `json:"cause"`
	Q850       int        `json:"q850"`
	SIPStatus  int        `json:"sip_status"`
	HungUpBy   string     `json:"hung_up_by"`
}

// Answered reports whether the leg was answered.
func (c CDR) Answered() bool { return c.AnsweredAt != nil && !c.AnsweredAt.IsZero() }

// list is the shape of all lists.
type list[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// cdrTimeout is how long records may take from the end of a call to the table.
const cdrTimeout = 10 * time.Second

// CDRs waits until there are at least n records and returns all of them, over
// all pages.
func (s *Switch) CDRs(n int) []CDR {
	s.tb.Helper()
	var all []CDR
	err := poll(cdrTimeout, func() error {
		all = getAll[CDR](s, "/v1/cdrs")
		if len(all) < n {
			return fmt.Errorf("%d records, want %d: %+v", len(all), n, all)
		}
		return nil
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return all
}

// Entry is one line of a call's journal: what happened, and why.
type Entry struct {
	Kind     string         `json:"kind"`
	Sentence string         `json:"sentence"`
	Data     map[string]any `json:"data"`
}

// Explain waits until a call's journal has an entry of kind "hangup" and returns the journal.
func (s *Switch) Explain(callID string) []Entry {
	s.tb.Helper()
	var all []Entry
	err := poll(cdrTimeout, func() error {
		all = getAll[Entry](s, "/v1/calls/"+url.PathEscape(callID)+"/explain")
		if !slices.ContainsFunc(all, func(e Entry) bool { return e.Kind == "hangup" }) {
			return fmt.Errorf("no hang-up among the %d entries of call %s: %+v", len(all), callID, all)
		}
		return nil
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return all
}

// Registration is one contact of a user.
type Registration struct {
	AOR     string `json:"aor"`
	Contact string `json:"contact"`
}

// Registrations returns the contacts of all users.
func (s *Switch) Registrations() []Registration {
	s.tb.Helper()
	return getAll[Registration](s, "/v1/registrations")
}

// Call is a live call.
type Call struct {
	CallID string `json:"call_id"`
	ID     string `json:"id"`
}

// Calls returns the calls that are up or being made.
func (s *Switch) Calls() []Call {
	s.tb.Helper()
	return getAll[Call](s, "/v1/calls")
}

// maxPages bounds a list whose cursor does not end.
const maxPages = 1000

func getAll[T any](s *Switch, path string) []T {
	s.tb.Helper()
	var all []T
	cursor := ""
	for range maxPages {
		var page list[T]
		s.Get(path+cursor, &page)
		all = append(all, page.Items...)
		if page.Next == nil || *page.Next == "" {
			return all
		}
		cursor = "?cursor=" + url.QueryEscape(*page.Next)
	}
	s.tb.Fatalf("GET %s: more than %d pages", path, maxPages)
	return nil
}

// Metrics are the figures of /metrics: the sum over all labels for each name.
type Metrics map[string]float64

// Metrics reads the figures.
func (s *Switch) Metrics() Metrics {
	s.tb.Helper()
	body, err := s.do(http.MethodGet, "/metrics", nil)
	if err != nil {
		s.tb.Fatalf("GET /metrics: %v", err)
	}
	m, err := parseMetrics(body)
	if err != nil {
		s.tb.Fatalf("GET /metrics: %v", err)
	}
	return m
}

// settleTimeout covers what the protocol itself keeps for a while after a
// call: transactions that absorb retransmissions last 32 s (Timers B, H, J; RFC 3261 §17).
const settleTimeout = 45 * time.Second

// Settled waits until none of the named figures is above its limit, and fails
// the test with all of them if that does not come.
func (s *Switch) Settled(limits Metrics) {
	s.tb.Helper()
	err := poll(settleTimeout, func() error {
		m := s.Metrics()
		var over []string
		for name, limit := range limits {
			value, there := m[name]
			if !there {
				over = append(over, name+" is missing")
			} else if value > limit {
				over = append(over, fmt.Sprintf("%s is %v, want at most %v", name, value, limit))
			}
		}
		if over != nil {
			return fmt.Errorf("not settled: %s", strings.Join(over, "; "))
		}
		return nil
	})
	if err != nil {
		s.tb.Error(err)
	}
}

// parseMetrics reads Prometheus's text format and sums the samples of a name.
func parseMetrics(text []byte) (Metrics, error) {
	m := Metrics{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest := line, ""
		if i := strings.IndexAny(line, "{ "); i > 0 {
			name, rest = line[:i], line[i:]
		}
		if end := strings.LastIndexByte(rest, '}'); end >= 0 {
			rest = rest[end+1:]
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return nil, fmt.Errorf("metrics: no value in %q", line)
		}
		value, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		m[name] += value
	}
	return m, nil
}

// poll tries until there is no error, and returns the last one after the timeout.
func poll(timeout time.Duration, try func() error) error {
	deadline := time.After(timeout)
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-deadline:
			return fmt.Errorf("after %v: %w", timeout, err)
		case <-retry.C:
		}
	}
}
