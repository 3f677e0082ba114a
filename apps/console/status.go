package console

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// status tells what FreeSWITCH's does, as far as we count it: it leaves out the
// peaks of the last five minutes, the idle CPU and the stack.
func (m *Module) status(context.Context, string) (string, error) {
	if m.deps.Calls == nil {
		return "", replyError("-ERR no calls here")
	}
	l := m.deps.Calls.Limits()
	ready := "is ready"
	if l.Draining {
		ready = "is not ready: draining"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "UP %s\n", spell(time.Since(m.started)))
	fmt.Fprintf(&b, "Tandem (Version %s) %s\n", m.cfg.Version, ready)
	fmt.Fprintf(&b, "%d session(s) since startup\n", l.SessionsSinceStart)
	fmt.Fprintf(&b, "%d session(s) - peak %d\n", l.Sessions, l.PeakSessions)
	fmt.Fprintf(&b, "%d session(s) per Sec out of max %d\n", l.SessionsPerSecond, l.MaxPerSecond)
	fmt.Fprintf(&b, "%d session(s) max\n", l.MaxSessions)
	return b.String(), nil
}

// spell writes a time span as FreeSWITCH does; a year has 365 days.
func spell(d time.Duration) string {
	units := []struct {
		name string
		of   time.Duration
	}{
		{"year", 365 * 24 * time.Hour},
		{"day", 24 * time.Hour},
		{"hour", time.Hour},
		{"minute", time.Minute},
		{"second", time.Second},
		{"millisecond", time.Millisecond},
		{"microsecond", time.Microsecond},
	}
	parts := make([]string, len(units))
	for i, u := range units {
		n := int64(d / u.of)
		d %= u.of
		parts[i] = strconv.FormatInt(n, 10) + " " + u.name
		if n != 1 {
			parts[i] += "s"
		}
	}
	return strings.Join(parts, ", ")
}

func (m *Module) uptime(_ context.Context, args string) (string, error) {
	unit, known := map[string]time.Duration{
		"": time.Second, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}[args]
	if !known {
		return "", errUsage
	}
	return strconv.FormatInt(int64(time.Since(m.started)/unit), 10), nil
}
