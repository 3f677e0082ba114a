package speech

import (
	"strings"
	"testing"
)

func TestNamesRoundTrip(t *testing.T) {
	for i, name := range typeTable {
		if got, err := ParseType(strings.ToLower(name)); err != nil || got != Type(i) || got.String() != name {
			t.Errorf("ParseType(%q) = %v, %v", name, got, err)
		}
	}
	for i, name := range methodTable {
		if got, err := ParseMethod(strings.ToLower(name)); err != nil || got != Method(i) || got.String() != name {
			t.Errorf("ParseMethod(%q) = %v, %v", name, got, err)
		}
	}
	for i, name := range genderTable {
		if got, err := ParseGender(strings.ToLower(name)); err != nil || got != Gender(i) || got.String() != name {
			t.Errorf("ParseGender(%q) = %v, %v", name, got, err)
		}
	}
}

func TestTypesHaveTheirNames(t *testing.T) {
	// One from each end and the middle: the table is in the constants' order.
	for want, got := range map[string]Type{"NUMBER": Number, "TELEPHONE_NUMBER": TelephoneNumber, "SHORT_DATE_TIME": ShortDateTime} {
		if got.String() != want {
			t.Errorf("%d is called %s, want %s", got, got, want)
		}
	}
}

func TestEmptyMethodAndGenderAreNotSaid(t *testing.T) {
	if m, err := ParseMethod(""); m != NotSaid || err != nil {
		t.Errorf("ParseMethod = %v, %v", m, err)
	}
	if g, err := ParseGender(""); g != Masculine || err != nil {
		t.Errorf("ParseGender = %v, %v", g, err)
	}
}

func TestUnknownNamesAreToldWithWhatThereIs(t *testing.T) {
	_, typeErr := ParseType("NUMBERS")
	_, methodErr := ParseMethod("LOUD")
	_, genderErr := ParseGender("x")
	for want, err := range map[string]error{"TIME_MEASUREMENT": typeErr, "PRONOUNCED_YEAR": methodErr, "NEUTER": genderErr} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want the list with %s", err, want)
		}
	}
	if got := Type(200).String(); got != "unknown 200" {
		t.Errorf("String = %q", got)
	}
}
