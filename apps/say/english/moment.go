package english

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/apps/say/speech"
)

// moment says a date, a time, or both.
func moment(r speech.Request) ([]string, error) {
	at, err := instant(r.Text, r.Now)
	if err != nil {
		return nil, err
	}
	if r.Type == speech.CurrentDate {
		return date(at), nil
	}
	if r.Type == speech.CurrentTime {
		return clock(at, r.Method), nil
	}
	if r.Type == speech.ShortDateTime {
		return slices.Concat(short(at, r.Now), []string{word("time", "at")}, clock(at, r.Method)), nil
	}
	return append(date(at), clock(at, r.Method)...), nil
}

// layoutTable are the forms of a moment besides seconds since 1970.
var layoutTable = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
}

// Numbers that large are milliseconds and microseconds: seconds would be after
// the year 5138.
const (
	minMilliseconds = 100_000_000_000
	minMicroseconds = 100_000_000_000_000
)

// instant reads seconds since 1970 (FreeSWITCH's variables also have micro-
// seconds) or a date, in now's zone. Nothing, 0 and "now" are now.
func instant(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	switch n, err := strconv.ParseInt(text, 10, 64); {
	case text == "", strings.EqualFold(text, "now"), err == nil && n == 0:
		return now, nil
	case err == nil && n >= minMicroseconds:
		return time.UnixMicro(n).In(now.Location()), nil
	case err == nil && n >= minMilliseconds:
		return time.UnixMilli(n).In(now.Location()), nil
	case err == nil && n > 0:
		return time.Unix(n, 0).In(now.Location()), nil
	}
	for _, layout := range layoutTable {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at.In(now.Location()), nil
		}
	}
	return time.Time{}, speech.ErrText
}

// date says "Friday November twentieth two thousand twenty six".
func date(at time.Time) []string {
	return slices.Concat([]string{weekday(at)}, day(at), year(at.Year()))
}

func weekday(at time.Time) string { return word("time", "day-"+strconv.Itoa(int(at.Weekday()))) }

// day says "November twentieth".
func day(at time.Time) []string {
	return append([]string{word("time", "mon-"+strconv.Itoa(int(at.Month())-1))}, ordinal(at.Day())...)
}

// maxWeekdayDays is how long ago a day may be to be called by its name alone.
const maxWeekdayDays = 5

// short says a day as seen from today: "yesterday", "Monday", "Monday November
// second", and with the year if that is another one.
func short(at, now time.Time) []string {
	switch days := daysBetween(at, now); {
	case days == 0:
		return []string{word("time", "today")}
	case days == 1:
		return []string{word("time", "yesterday")}
	case days > 1 && days <= maxWeekdayDays:
		return []string{weekday(at)}
	case at.Year() == now.Year():
		return append([]string{weekday(at)}, day(at)...)
	}
	return date(at)
}

// daysBetween counts midnights from at to now. A day with a change of clocks
// has 23 or 25 hours: dates are compared in UTC.
func daysBetween(at, now time.Time) int {
	midnight := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(now).Sub(midnight(at)) / (24 * time.Hour))
}

// clock says "three oh five P M", or iterated the 24 hours of the day.
func clock(at time.Time, method speech.Method) []string {
	hour := at.Hour()
	if method != speech.Iterated {
		hour = (hour+11)%12 + 1
	}
	files := cardinal(hour)
	switch minute := at.Minute(); {
	case minute == 0:
		files = append(files, word("time", "oclock"))
	case minute < 10:
		files = append(files, word("time", "oh"), digit(minute))
	default:
		files = append(files, cardinal(minute)...)
	}
	switch {
	case method == speech.Iterated:
		return files
	case at.Hour() < 12:
		return append(files, word("time", "a-m"))
	}
	return append(files, word("time", "p-m"))
}

// duration says how long something takes: seconds, or hours, minutes and
// seconds separated by colons.
func duration(text string) ([]string, error) {
	seconds := 0
	parts := strings.Split(strings.TrimSpace(text), ":")
	if len(parts) > 3 {
		return nil, speech.ErrText
	}
	for _, part := range parts {
		if len(part) > maxDigits || part == "" || !isDigits(part) {
			return nil, speech.ErrText
		}
		n, _ := strconv.Atoi(part) // at most nine digits
		seconds = 60*seconds + n
	}
	if seconds/3600 >= 1_000_000_000 {
		return nil, speech.ErrText
	}
	var files []string
	for _, unit := range []struct {
		name   string
		amount int
	}{{"hour", seconds / 3600}, {"minute", seconds / 60 % 60}, {"second", seconds % 60}} {
		if unit.amount > 0 {
			files = slices.Concat(files, cardinal(unit.amount), []string{counted("time", unit.name, unit.amount)})
		}
	}
	if files == nil {
		return []string{digit(0), word("time", "seconds")}, nil
	}
	return files, nil
}
