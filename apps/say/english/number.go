package english

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/apps/say/speech"
)

// maxDigits is how long a number may be to be said as a whole: there is no
// recording of "billion". Longer ones are said digit by digit.
const maxDigits = 9

// number says a decimal number: "-1,234.5".
func number(text string, method speech.Method) ([]string, error) {
	sign, whole, fraction, err := decimal(text)
	if err != nil {
		return nil, err
	}
	files := slices.Clone(sign)
	switch {
	case method == speech.Iterated:
		return tail(append(files, iterate(whole)...), fraction), nil
	case len(strings.TrimLeft(whole, "0")) > maxDigits:
		return tail(append(files, iterate(whole)...), fraction), nil
	}
	n, _ := strconv.Atoi(whole) // at most nine digits
	switch {
	case fraction != "":
		return tail(append(files, cardinal(n)...), fraction), nil
	case method == speech.Counted:
		return append(files, ordinal(n)...), nil
	case method == speech.PronouncedYear:
		return append(files, year(n)...), nil
	}
	return append(files, cardinal(n)...), nil
}

// tail appends "point" and the digits behind it.
func tail(files []string, fraction string) []string {
	if fraction == "" {
		return files
	}
	return append(append(files, word("digits", "dot")), iterate(fraction)...)
}

// decimal takes a number apart. Commas and blanks between digits are left out;
// the sign is the recording of "minus", if there is one.
func decimal(text string) (sign []string, whole, fraction string, err error) {
	text = strings.NewReplacer(",", "", " ", "").Replace(text)
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = []string{word("currency", "negative")}, rest
	} else {
		text = strings.TrimPrefix(text, "+")
	}
	whole, fraction, _ = strings.Cut(text, ".")
	if whole == "" && fraction != "" {
		whole = "0"
	}
	if whole == "" || !isDigits(whole) || !isDigits(fraction) {
		return nil, "", "", speech.ErrText
	}
	return sign, whole, fraction, nil
}

func isDigits(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// iterate says digits one by one.
func iterate(digits string) []string {
	files := make([]string, 0, len(digits))
	for _, d := range digits {
		files = append(files, digit(int(d-'0')))
	}
	return files
}

// cardinal says a number below 10⁹: "one thousand two hundred thirty four".
func cardinal(n int) []string {
	if n == 0 {
		return []string{digit(0)}
	}
	var files []string
	for _, group := range []struct {
		size int
		name string
	}{{1_000_000, "million"}, {1000, "thousand"}} {
		if count := n / group.size; count > 0 {
			files = append(files, hundreds(count)...)
			files = append(files, word("digits", group.name))
		}
		n %= group.size
	}
	return append(files, hundreds(n)...)
}

// hundreds says a number below 1000, and nothing for 0.
func hundreds(n int) []string {
	var files []string
	if n >= 100 {
		files = append(files, digit(n/100), word("digits", "hundred"))
		n %= 100
	}
	if n >= 20 {
		files = append(files, digit(n-n%10))
		n %= 10
	}
	if n > 0 {
		files = append(files, digit(n))
	}
	return files
}

// ordinal says "twenty first": only the last word of a number changes.
func ordinal(n int) []string {
	files := cardinal(n)
	last := len(files) - 1
	files[last] = strings.Replace(files[last], "digits/", "digits/h-", 1)
	return files
}

// year says years of four digits in pairs, as people do: 1984 "nineteen eighty
// four", 1905 "nineteen oh five", 1900 "nineteen hundred"; but 2004 "two
// thousand four".
func year(n int) []string {
	century, rest := n/100, n%100
	if century < 10 || century > 99 || century%10 == 0 {
		return cardinal(n)
	}
	files := cardinal(century)
	switch {
	case rest == 0:
		return append(files, word("digits", "hundred"))
	case rest < 10:
		return append(files, word("time", "oh"), digit(rest))
	}
	return append(files, cardinal(rest)...)
}
