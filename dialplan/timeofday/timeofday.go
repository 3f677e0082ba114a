// Package timeofday holds the time conditions of dialplans: office hours,
// holidays, night service. It is pure: the moment is passed in.
package timeofday

import (
	"slices"
	"strings"
	"time"
)

// Spec is a set of tests that must all pass. It is immutable.
type Spec struct {
	tests []test
	text  string
}

// test is one attribute. now is in the zone in force, server in the server's.
type test struct {
	name, value string
	pass        func(now, server time.Time) bool
}

// attributes are the names of attributes and how each is read. A reader returns
// nil for a value that can never match.
var attributes = []struct {
	name string
	read func(value string) (pass func(now, server time.Time) bool, problem string)
}{
	{"date-time", dateTime},
	{"tz-offset", tzOffset},
	{"dst", dst},
	{"year", numbers(func(t time.Time) int { return t.Year() })},
	{"yday", numbers(time.Time.YearDay)},
	{"mon", numbers(func(t time.Time) int { return int(t.Month()) })},
	{"mday", numbers(time.Time.Day)},
	{"week", numbers(func(t time.Time) int { return (t.YearDay()-1)/7 + 1 })},
	{"mweek", numbers(weekOfMonth)},
	{"wday", weekdays},
	{"hour", numbers(time.Time.Hour)},
	{"minute", numbers(time.Time.Minute)},
	{"minute-of-day", numbers(func(t time.Time) int { return t.Hour()*60 + t.Minute() + 1 })},
	{"time-of-day", timeOfDay},
}

// Names lists the attributes.
func Names() []string {
	names := make([]string, len(attributes))
	for i, a := range attributes {
		names[i] = a.name
	}
	return names
}

// Parse reads the attributes that lookup knows; nil if there is none. A value
// that is odd is no error, as in FreeSWITCH: numbers that are none are 0, what
// cannot be read never matches; problems tells of it.
func Parse(lookup func(name string) (string, bool)) (s *Spec, problems []string) {
	for _, a := range attributes {
		value, ok := lookup(a.name)
		if !ok {
			continue
		}
		pass, problem := a.read(value)
		if problem != "" {
			problems = append(problems, a.name+": "+problem)
		}
		if s == nil {
			s = &Spec{}
		}
		s.tests = append(s.tests, test{a.name, value, pass})
	}
	if s != nil {
		s.text = s.describe()
	}
	return s, problems
}

func (s *Spec) describe() string {
	parts := make([]string, len(s.tests))
	for i, t := range s.tests {
		parts[i] = t.name + "=" + t.value
	}
	return strings.Join(parts, " ")
}

// String is the attributes as written.
func (s *Spec) String() string { return s.text }

// Match reports whether all tests pass. now is the moment in the zone that is
// in force for the caller, server the same moment in the server's zone.
func (s *Spec) Match(now, server time.Time) bool {
	return !slices.ContainsFunc(s.tests, func(t test) bool { return t.pass == nil || !t.pass(now, server) })
}

// weekOfMonth counts weeks that begin on Sunday, from 1.
func weekOfMonth(t time.Time) int {
	first := (int(t.Weekday()) - (t.Day()-1)%7 + 7) % 7 // weekday of the first
	return (t.Day() + first + 6) / 7
}

// span is a range that wraps around where from is greater than to.
type span struct{ from, to int }

func (s span) has(n int) bool {
	if s.from <= s.to {
		return s.from <= n && n <= s.to
	}
	return n >= s.from || n <= s.to
}

func within(spans []span, n int) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.has(n) })
}
