package timeofday

import (
	"slices"
	"testing"
	"time"
)

func at(t *testing.T, zone, text string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Skipf("no zone data: %v", err)
	}
	moment, err := time.ParseInLocation("2006-01-02 15:04:05", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func parse(attrs map[string]string) (*Spec, []string) {
	return Parse(func(name string) (string, bool) { v, ok := attrs[name]; return v, ok })
}

func TestMatch(t *testing.T) {
	// 2026-11-21 is a Saturday, day 325.
	for _, row := range []struct {
		attr, value, now string
		want             bool
	}{
		{"year", "2025-2026", "2026-11-21 10:00:00", true},
		{"year", "2025", "2026-11-21 10:00:00", false},
		{"yday", "325", "2026-11-21 10:00:00", true},
		{"mon", "11", "2026-11-21 10:00:00", true},
		{"mon", "12-2", "2026-11-21 10:00:00", false},
		{"mon", "11-2", "2026-01-21 10:00:00", true},
		{"mday", "1,21", "2026-11-21 10:00:00", true},
		{"week", "47", "2026-11-21 10:00:00", true},
		{"week", "1", "2026-01-07 10:00:00", true},
		{"week", "2", "2026-01-08 10:00:00", true},
		{"mweek", "1", "2026-11-07 10:00:00", true}, // November 2026 begins on a Sunday
		{"mweek", "2", "2026-11-08 10:00:00", true},
		{"mweek", "1", "2026-08-01 10:00:00", true}, // August on a Saturday
		{"mweek", "2", "2026-08-02 10:00:00", true},
		{"mweek", "6", "2026-08-31 10:00:00", true},
		{"mweek", "3", "2026-01-12 10:00:00", true},
		{"wday", "7", "2026-11-21 10:00:00", true},
		{"wday", "2-6", "2026-11-21 10:00:00", false},
		{"wday", "mon-fri,sun", "2026-11-22 10:00:00", true},
		{"wday", "Fri-Mon", "2026-11-21 10:00:00", true},
		{"wday", "fri-mon", "2026-11-24 10:00:00", false},
		{"wday", "xyz,7", "2026-11-21 10:00:00", false}, // an error ends the list
		{"wday", "7,xyz", "2026-11-21 10:00:00", true},
		{"hour", "9-17", "2026-11-21 17:59:59", true},
		{"hour", "9-17", "2026-11-21 18:00:00", false},
		{"hour", "22-6", "2026-11-21 23:00:00", true},
		{"hour", "22-6", "2026-11-21 06:59:00", true},
		{"hour", "22-6", "2026-11-21 07:00:00", false},
		{"hour", "x", "2026-11-21 00:30:00", true}, // no number is 0
		{"minute", "0-29", "2026-11-21 10:29:00", true},
		{"minute-of-day", "1", "2026-11-21 00:00:00", true},
		{"minute-of-day", "1440", "2026-11-21 23:59:00", true},
		{"minute-of-day", "540-1080", "2026-11-21 08:58:59", false},
		{"minute-of-day", "540-1080", "2026-11-21 08:59:00", true},
		{"time-of-day", "09:00-17:30", "2026-11-21 09:00:00", true},
		{"time-of-day", "09:00-17:30", "2026-11-21 17:30:00", true},
		{"time-of-day", "09:00-17:30", "2026-11-21 17:30:01", false},
		{"time-of-day", "22:00:00-06:00:00", "2026-11-21 23:00:00", true},
		{"time-of-day", "09:00", "2026-11-21 09:00:00", false},
		{"time-of-day", "00:00-24:00", "2026-11-21 23:59:59", true},
		{"time-of-day", "1:00-2:00,9:00-10:00", "2026-11-21 09:30:00", true},
		{"date-time", "2026-11-21 10:00~2026-11-21 11:00", "2026-11-21 10:00:00", true},
		{"date-time", "2026-11-21 10:00:00~2026-11-21 11:00:00", "2026-11-21 11:00:00", false},
		{"date-time", "2025-01-01 00:00~2025-01-02 00:00,2026-11-21 00:00~2026-11-22 00:00", "2026-11-21 11:00:00", true},
		{"date-time", "nonsense", "2026-11-21 11:00:00", false},
		{"tz-offset", "-5", "2026-11-21 10:00:00", true},
		{"tz-offset", "-4", "2026-11-21 10:00:00", false},
		{"tz-offset", "-4", "2026-07-21 10:00:00", true},
		{"tz-offset", "x", "2026-07-21 10:00:00", false},
		{"dst", "true", "2026-07-21 10:00:00", true},
		{"dst", "true", "2026-11-21 10:00:00", false},
		{"dst", "false", "2026-07-21 10:00:00", false},
		{"dst", "false", "2026-11-21 10:00:00", false}, // FreeSWITCH's quirk
	} {
		s, _ := parse(map[string]string{row.attr: row.value})
		now := at(t, "America/New_York", row.now)
		if got := s.Match(now, now); got != row.want {
			t.Errorf("%s=%q at %s: %v, want %v", row.attr, row.value, row.now, got, row.want)
		}
	}
}

func TestAllAttributesMustPass(t *testing.T) {
	s, problems := parse(map[string]string{"hour": "9-17", "wday": "mon-fri"})
	if len(problems) > 0 || s.String() != "wday=mon-fri hour=9-17" {
		t.Errorf("%v %v", s, problems)
	}
	now := at(t, "UTC", "2026-11-20 10:00:00")
	if !s.Match(now, now) || s.Match(now.AddDate(0, 0, 1), now) || s.Match(now.Add(-2*time.Hour), now) {
		t.Error("not the intersection")
	}
}

func TestDateTimeIsInTheServersZone(t *testing.T) {
	s, _ := parse(map[string]string{"date-time": "2026-11-21 10:00~2026-11-21 11:00", "hour": "16"})
	server := at(t, "America/New_York", "2026-11-21 10:30:00")
	now := server.In(at(t, "Europe/Berlin", "2026-11-21 00:00:00").Location())
	if !s.Match(now, server) {
		t.Error("hour is in the caller's zone, date-time in the server's")
	}
}

func TestParseTellsOfProblems(t *testing.T) {
	s, problems := parse(map[string]string{"hour": "nine", "wday": "someday", "dst": "no", "time-of-day": "9"})
	if s == nil || len(problems) != 4 {
		t.Errorf("problems: %q", problems)
	}
	if s, _ := parse(nil); s != nil {
		t.Error("a Spec without attributes")
	}
	if !slices.Contains(Names(), "minute-of-day") {
		t.Error("Names lacks minute-of-day")
	}
}
