package timeofday

import (
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/expand"
)

// passer is the test that a value becomes.
type passer = func(now, server time.Time) bool

// numbers reads a list of numbers and ranges: "9-12,14". What is no number is 0.
func numbers(of func(time.Time) int) func(string) (passer, string) {
	return func(value string) (passer, string) {
		var spans []span
		problem := ""
		number := func(text string) int {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				problem = strconv.Quote(text) + " is no number and taken for 0"
			}
			return n
		}
		for item := range strings.SplitSeq(value, ",") {
			from, to, isRange := strings.Cut(item, "-")
			s := span{from: number(from)}
			s.to = s.from
			if isRange {
				s.to = number(to)
			}
			spans = append(spans, s)
		}
		return func(now, _ time.Time) bool { return within(spans, of(now)) }, problem
	}
}

// weekdays reads "1-7" from Sunday, or "mon-fri,sun". What stands behind an item
// that cannot be read is not looked at.
func weekdays(value string) (passer, string) {
	var spans []span
	problem := ""
	for item := range strings.SplitSeq(value, ",") {
		from, to, isRange := strings.Cut(item, "-")
		if !isRange {
			to = from
		}
		s := span{weekday(from), weekday(to)}
		if s.from == 0 || s.to == 0 {
			problem = strconv.Quote(item) + " is no day"
			break
		}
		spans = append(spans, s)
	}
	return func(now, _ time.Time) bool { return within(spans, int(now.Weekday())+1) }, problem
}

// weekday is 1 for Sunday to 7 for Saturday, 0 for what is no day.
func weekday(text string) int {
	text = strings.ToLower(strings.TrimSpace(text))
	if len(text) == 1 && text[0] >= '1' && text[0] <= '7' {
		return int(text[0] - '0')
	}
	if len(text) < 3 {
		return 0
	}
	i := strings.Index("sunmontuewedthufrisat", text[:3])
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// timeOfDay reads "HH:MM[:SS]-HH:MM[:SS]", both ends included, over midnight
// where the first is later. An item without a minus never matches.
func timeOfDay(value string) (passer, string) {
	var spans []span
	problem := ""
	for item := range strings.SplitSeq(value, ",") {
		from, to, _ := strings.Cut(item, "-")
		a, ok := secondOfDay(from)
		b, ok2 := secondOfDay(to)
		if !ok || !ok2 {
			problem = strconv.Quote(item) + " is no range of times"
			continue
		}
		spans = append(spans, span{a, b})
	}
	return func(now, _ time.Time) bool {
		return within(spans, now.Hour()*3600+now.Minute()*60+now.Second())
	}, problem
}

func secondOfDay(text string) (int, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Hour()*3600 + t.Minute()*60 + t.Second(), true
		}
	}
	if text == "24:00" || text == "24:00:00" {
		return 24 * 3600, true
	}
	return 0, false
}

// dateTime reads "YYYY-MM-DD HH:MM[:SS]~YYYY-MM-DD HH:MM[:SS]" in the server's
// zone, the end not included.
func dateTime(value string) (passer, string) {
	type dates struct{ from, to time.Time } // in UTC, whatever the zone
	var spans []dates
	problem := ""
	for item := range strings.SplitSeq(value, ",") {
		from, to, _ := strings.Cut(item, "~")
		a, ok := date(from)
		b, ok2 := date(to)
		if !ok || !ok2 {
			problem = strconv.Quote(item) + " is no range of dates"
			continue
		}
		spans = append(spans, dates{a, b})
	}
	return func(_, server time.Time) bool {
		wall := time.Date(server.Year(), server.Month(), server.Day(), server.Hour(), server.Minute(), server.Second(), 0, time.UTC)
		for _, s := range spans {
			if !wall.Before(s.from) && wall.Before(s.to) {
				return true
			}
		}
		return false
	}, problem
}

func date(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// tzOffset passes while the zone in force is that many hours from UTC; it does
// not shift anything.
func tzOffset(value string) (passer, string) {
	hours, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(value), "+"))
	if err != nil {
		return nil, strconv.Quote(value) + " is no number of hours"
	}
	return func(now, _ time.Time) bool {
		_, seconds := now.Zone()
		return seconds/3600 == hours
	}, ""
}

// dst passes only for a true value while the server has daylight saving time: a
// false one never passes, as in FreeSWITCH.
func dst(value string) (passer, string) {
	if !expand.IsTrue(value) {
		return nil, "never passes unless it is true"
	}
	return func(_, server time.Time) bool { return server.IsDST() }, ""
}
