package session

import (
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// stampLayout is FreeSWITCH's form of *_stamp variables, local time.
const stampLayout = "2006-01-02 15:04:05"

// holdLog is when the far end held us.
type holdLog struct {
	since time.Time // zero: it does not
	spans []holdSpan
	total time.Duration
}

type holdSpan struct{ on, off time.Time }

// maxHolds bounds hold_events; hold_accum counts on.
const maxHolds = 100

func (h *holdLog) begin(now time.Time) {
	if h.since.IsZero() {
		h.since = now
	}
}

func (h *holdLog) end(now time.Time) {
	if h.since.IsZero() {
		return
	}
	if len(h.spans) < maxHolds {
		h.spans = append(h.spans, holdSpan{h.since, now})
	}
	h.total += now.Sub(h.since)
	h.since = time.Time{}
}

// events is FreeSWITCH's hold_events: {{on,off},…} in microseconds.
func (h *holdLog) events() string {
	if len(h.spans) == 0 {
		return ""
	}
	parts := make([]string, len(h.spans))
	for i, s := range h.spans {
		parts[i] = "{" + strconv.FormatInt(s.on.UnixMicro(), 10) + "," + strconv.FormatInt(s.off.UnixMicro(), 10) + "}"
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// noteTimes leaves the variables that every leg has when it ended: stamps,
// epochs and durations (reference core.md section 9). Whole seconds are counted
// from truncated epochs, as FreeSWITCH does.
func (f *facts) noteTimes() {
	f.mu.Lock()
	defer f.mu.Unlock()
	set := func(name, value string) { f.vars[strings.ToLower(name)] = variable{name, value} }
	t := f.times
	moment := func(name string, at time.Time) {
		stamp, epoch := name, name
		if name == "hold" {
			epoch = "last_hold"
		}
		var sec, usec int64
		if !at.IsZero() {
			set(stamp+"_stamp", at.Format(stampLayout))
			sec, usec = at.Unix(), at.UnixMicro()
		}
		set(epoch+"_epoch", strconv.FormatInt(sec, 10))
		set(epoch+"_uepoch", strconv.FormatInt(usec, 10))
	}
	moment("start", t.Created)
	moment("profile_start", f.begun)
	moment("answer", t.Answered)
	moment("bridge", t.Bridged)
	moment("hold", t.Hold)
	moment("progress", t.Progress)
	moment("progress_media", t.ProgressMedia)
	moment("end", t.Ended)
	for _, d := range [...]struct {
		sec, msec, usec string
		from, to        time.Time
	}{
		{"duration", "mduration", "uduration", t.Created, t.Ended},
		{"billsec", "billmsec", "billusec", t.Answered, t.Ended},
		{"progresssec", "progressmsec", "progressusec", t.Created, t.Progress},
		{"progress_mediasec", "progress_mediamsec", "progress_mediausec", t.Created, t.ProgressMedia},
		{"answersec", "answermsec", "answerusec", t.Created, t.Answered},
		{"waitsec", "waitmsec", "waitusec", t.Created, t.Bridged},
	} {
		putSpan(set, d.sec, d.msec, d.usec, d.from, d.to)
	}
	flowEnd := t.Ended
	if t.Answered.IsZero() {
		flowEnd = time.Time{}
	}
	putSpan(set, "flow_billsec", "flow_billmsec", "flow_billusec", t.Created, flowEnd)
	set("hold_accum_seconds", strconv.FormatInt(int64(f.holds.total/time.Second), 10))
	set("hold_accum_ms", strconv.FormatInt(f.holds.total.Milliseconds(), 10))
	set("hold_accum_usec", strconv.FormatInt(f.holds.total.Microseconds(), 10))
	if ev := f.holds.events(); ev != "" {
		set("hold_events", ev)
	}
	if f.last.App != "" {
		set("last_app", f.last.App)
		set("last_arg", f.last.Data)
	}
	set("caller_id", callerID(f.profile))
	dialed := "none"
	if len(f.dialed) > 0 {
		dialed = string(f.dialed)
	}
	set("digits_dialed", dialed)
}

func putSpan(set func(name, value string), sec, msec, usec string, from, to time.Time) {
	var s, m, u int64
	if !from.IsZero() && !to.IsZero() {
		s, m, u = to.Unix()-from.Unix(), to.UnixMilli()-from.UnixMilli(), to.UnixMicro()-from.UnixMicro()
	}
	set(sec, strconv.FormatInt(s, 10))
	set(msec, strconv.FormatInt(m, 10))
	set(usec, strconv.FormatInt(u, 10))
}

func callerID(p core.CallerProfile) string {
	return `"` + p.CallerIDName + `" <` + p.CallerIDNumber + ">"
}
