// Package speech holds the words of saying something through recordings: what
// kind of text it is, how it is to be said, and what a language has to do.
//
// It is vocabulary: a language (package english) turns a Request into the names
// of recordings, and somebody else plays them.
package speech

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrText is wrapped by the error of a language that cannot make sense of the
// text, as a number of "abc".
var ErrText = errors.New("cannot be said")

// Request is what shall be said. The zero Method and Gender stand for "not
// said".
type Request struct {
	Type   Type
	Method Method
	Gender Gender
	Text   string
	Now    time.Time // the caller's clock: today, and the zone of every time that is said
}

// Language turns a request into the names of recordings below a voice's folder,
// such as "digits/5.wav", in the order they are to be heard. It is pure: the
// same request gives the same names. The error wraps ErrText.
type Language func(r Request) ([]string, error)

// Type is what kind of thing the text is.
type Type uint8

// The types, under FreeSWITCH's names.
const (
	Number Type = iota
	Items
	Persons
	Messages
	Currency
	TimeMeasurement
	CurrentDate
	CurrentTime
	CurrentDateTime
	TelephoneNumber
	TelephoneExtension
	URL
	IPAddress
	EmailAddress
	PostalAddress
	AccountNumber
	NameSpelled
	NamePhonetic
	ShortDateTime
)

var typeTable = []string{
	"NUMBER", "ITEMS", "PERSONS", "MESSAGES", "CURRENCY", "TIME_MEASUREMENT", "CURRENT_DATE", "CURRENT_TIME",
	"CURRENT_DATE_TIME", "TELEPHONE_NUMBER", "TELEPHONE_EXTENSION", "URL", "IP_ADDRESS", "EMAIL_ADDRESS",
	"POSTAL_ADDRESS", "ACCOUNT_NUMBER", "NAME_SPELLED", "NAME_PHONETIC", "SHORT_DATE_TIME",
}

// String is FreeSWITCH's name: "CURRENT_DATE".
func (t Type) String() string { return nameIn(typeTable, int(t)) }

// ParseType reads a name without regard to case. The error lists what there is.
func ParseType(name string) (Type, error) {
	n, err := find(typeTable, "type", name)
	return Type(n), err
}

// Method is how the text is said.
type Method uint8

// The methods: as the type wants it, as a whole, digit by digit, as an ordinal,
// and in pairs of digits.
const (
	NotSaid Method = iota
	Pronounced
	Iterated
	Counted
	PronouncedYear
)

var methodTable = []string{"N/A", "PRONOUNCED", "ITERATED", "COUNTED", "PRONOUNCED_YEAR"}

// String is FreeSWITCH's name.
func (m Method) String() string { return nameIn(methodTable, int(m)) }

// ParseMethod reads a name without regard to case; an empty one is N/A.
func ParseMethod(name string) (Method, error) {
	if name == "" {
		return NotSaid, nil
	}
	n, err := find(methodTable, "method", name)
	return Method(n), err
}

// Gender is the grammatical gender of what is counted, for languages that have
// one.
type Gender uint8

// The genders.
const (
	Masculine Gender = iota
	Feminine
	Neuter
)

var genderTable = []string{"MASCULINE", "FEMININE", "NEUTER"}

// String is FreeSWITCH's name.
func (g Gender) String() string { return nameIn(genderTable, int(g)) }

// ParseGender reads a name without regard to case; an empty one is MASCULINE.
func ParseGender(name string) (Gender, error) {
	if name == "" {
		return Masculine, nil
	}
	n, err := find(genderTable, "gender", name)
	return Gender(n), err
}

func nameIn(table []string, n int) string {
	if n >= len(table) {
		return fmt.Sprintf("unknown %d", n)
	}
	return table[n]
}

func find(table []string, what, name string) (int, error) {
	for i, n := range table {
		if strings.EqualFold(n, name) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("say: unknown %s %q: want one of %s", what, name, strings.Join(table, " "))
}
