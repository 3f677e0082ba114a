package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/event"
)

func TestMetricNames(t *testing.T) {
	o := newOffice(t)
	o.api.figures.callEnded(trail{direction: "inbound", cause: core.CauseUserBusy})
	families, err := o.api.cfg.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "tandem_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestMetricValues(t *testing.T) {
	o := newOffice(t)
	o.plant.talk("c1", day)
	o.contacts.all = make([]core.Contact, 3)
	for _, line := range []string{
		`tandem_channels{direction="inbound"} 1`, `tandem_channels{direction="outbound"} 1`, `tandem_registrations 3`, `tandem_draining 0`,
		`tandem_rtp_packets_total{direction="in"} 100`, `tandem_rtp_packets_total{direction="out"} 90`, `tandem_rtp_lost_total 3`,
		`tandem_media_ticks_skipped_total 1`, `tandem_media_tick_seconds 0.00025`, `tandem_sessions_total 7`, `tandem_channels_max 1000`,
	} {
		wantLine(t, o, line)
	}
	body := string(o.get("/metrics").body)
	for _, name := range []string{"go_goroutines", "process_open_fds", "process_resident_memory_bytes", "go_memstats_heap_inuse_bytes"} {
		if !strings.Contains(body, "\n"+name+" ") {
			t.Errorf("no metric %s", name)
		}
	}
	o.api.Drain()
	wantLine(t, o, "tandem_draining 1")
}

func wantLine(t *testing.T, o *office, line string) {
	t.Helper()
	if body := string(o.get("/metrics").want(http.StatusOK).body); !strings.Contains(body, "\n"+line+"\n") {
		t.Errorf("no line %q", line)
	}
}

// TestMetricsNeedNoTokenOnThisMachine, and one from anywhere else.
func TestMetricsNeedNoTokenOnThisMachine(t *testing.T) {
	o := newOffice(t)
	from := func(addr, host, forwarded string) func(*http.Request) {
		return func(r *http.Request) {
			anonymous(r)
			r.RemoteAddr, r.Host = addr, host
			if forwarded != "" {
				r.Header.Set("X-Forwarded-For", forwarded)
			}
		}
	}
	for _, test := range []struct {
		addr, host, forwarded string
		status                int
	}{
		{"127.0.0.1:4711", "localhost:8080", "", http.StatusOK},
		{"[::1]:4711", "[::1]:8080", "", http.StatusOK},
		{"[::ffff:127.0.0.1]:4711", "127.0.0.1", "", http.StatusOK},
		{"192.0.2.9:4711", "localhost:8080", "", http.StatusUnauthorized},
		{"127.0.0.1:4711", "evil.example", "", http.StatusUnauthorized},
		{"127.0.0.1:4711", "localhost", "192.0.2.9", http.StatusUnauthorized}, // a proxy on this machine
	} {
		if a := o.ask("GET", "/metrics", "", from(test.addr, test.host, test.forwarded)); a.StatusCode != test.status {
			t.Errorf("%+v: %d", test, a.StatusCode)
		}
	}
	o.ask("GET", "/metrics", "", func(r *http.Request) { r.RemoteAddr = "192.0.2.9:4711" }).want(http.StatusOK)
}

// TestFollowerCountsEndedCalls follows a real log while calls end.
func TestFollowerCountsEndedCalls(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		log := &memoryLog{grown: make(chan struct{})}
		o.api.cfg.Events = log
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); o.api.follow(ctx) }()
		for range 3 {
			log.add("call.created", "a", object{"direction": "inbound", "from": "1000", "to": "1001"})
			log.add("call.ended", "a", object{"cause": "NORMAL_CLEARING"})
			log.add("call.ended", "a", object{"cause": "NORMAL_CLEARING"}) // never twice
			synctest.Wait()
		}
		log.add("call.created", "b", object{"direction": "outbound"})
		log.add("call.ended", "b", object{"cause": "4711"}) // a number nobody named
		synctest.Wait()
		stop()
		<-ended
	})
	wantLine(t, o, `tandem_calls_total{cause="NORMAL_CLEARING",direction="inbound"} 1`)
	wantLine(t, o, `tandem_calls_total{cause="OTHER",direction="outbound"} 1`)
}

// TestFollowerGoesOnAfterAGap: events that retention removed are skipped, and
// calls whose end may have been among them are forgotten.
func TestFollowerGoesOnAfterAGap(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		log := &memoryLog{grown: make(chan struct{})}
		o.api.cfg.Events = log
		o.api.book.expect("lost", "1000", "1001", day)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		log.before, log.gone = 5, true
		go func() { defer close(ended); o.api.follow(ctx) }()
		synctest.Wait()
		log.add("call.created", "c", object{"direction": "inbound"})
		log.add("call.ended", "c", object{"cause": "USER_BUSY"})
		synctest.Wait()
		stop()
		<-ended
	})
	if _, ok := o.api.book.find("lost"); ok {
		t.Error("a call whose end was missed is still there")
	}
	wantLine(t, o, `tandem_calls_total{cause="USER_BUSY",direction="inbound"} 1`)
}

func TestBookIsBounded(t *testing.T) {
	b := newBook(10)
	for i := range 100 {
		id := core.CallID(rune('a' + i))
		b.note(&event.Event{Type: "call.created", CallID: id, Time: day})
		b.note(&event.Event{Type: "call.ended", CallID: id, Time: day})
		b.claim(id, [32]byte{})
	}
	if len(b.trails) != 10 || len(b.claims) != 10 || len(b.ended) != 10 || len(b.claimed) != 10 {
		t.Errorf("%d trails, %d claims", len(b.trails), len(b.claims))
	}
}

// memoryLog is an event log whose waiting is understood by synctest.
type memoryLog struct {
	mu     sync.Mutex
	before uint64
	gone   bool // once
	all    []event.Event
	grown  chan struct{}
}

func (l *memoryLog) add(kind, call string, data object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, event.Event{Seq: l.before + uint64(len(l.all)) + 1, Type: kind, CallID: core.CallID(call), Time: day, Data: data})
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *memoryLog) Read(after uint64, limit int) ([]event.Event, uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		l.gone = false
		return nil, after, event.ErrGone
	}
	rest := l.all[after-l.before:]
	rest = rest[:min(len(rest), limit)]
	return rest, after + uint64(len(rest)), nil
}

func (l *memoryLog) Wait(ctx context.Context, after uint64) error {
	l.mu.Lock()
	more, grown := l.before+uint64(len(l.all)) > after, l.grown
	l.mu.Unlock()
	if more {
		return nil
	}
	select {
	case <-grown:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *memoryLog) Bounds() (before, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.before, l.before + uint64(len(l.all))
}
