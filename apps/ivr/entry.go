package ivr

import "strings"

// maxDigits is how many keys an answer holds at most: FreeSWITCH's buffer.
const maxDigits = 127

// keys are those of a telephone: what ends a prompt and counts as an answer.
// Others, as the flash of RFC 4733 §3.2, are passed over.
const keys = "0123456789*#ABCD"

func isKey(b byte) bool { return strings.IndexByte(keys, b) >= 0 }

// terminators are the keys that end an answer before it is full, in the form of
// read's argument: a leading = makes one compulsory, + before a key keeps the
// key at the end of the answer, and x does so and asks for a restart.
type terminators struct {
	required bool
	list     string
}

func parseTerminators(text string) terminators {
	list, required := strings.CutPrefix(text, "=")
	if list == "" {
		list = "#"
	}
	return terminators{required, list}
}

// find reports whether key ends an answer, and the sign before it: +, x or 0.
func (t terminators) find(key byte) (sign byte, ok bool) {
	i := strings.IndexByte(t.list, key)
	if i < 0 || !isKey(key) {
		return 0, false
	}
	if i > 0 && (t.list[i-1] == '+' || t.list[i-1] == 'x') {
		sign = t.list[i-1]
	}
	return sign, true
}

// entry is one answer while it is being keyed in. It is pure: its owner brings
// the keys and says when the time is over.
type entry struct {
	max  int
	ends terminators

	digits     []byte
	terminator byte // the key that ended it, 0 if none did
	restart    bool // it was one marked with x
	complete   bool // no more keys are wanted
	expired    bool // the caller took too long
}

// press takes a key. It must not be called once the entry is complete.
func (e *entry) press(key byte) {
	if sign, ok := e.ends.find(key); ok {
		e.terminator, e.restart, e.complete = key, sign == 'x', true
		if sign != 0 {
			e.digits = append(e.digits, key)
		}
		return
	}
	if len(e.digits) == e.max { // only a terminator was wanted
		e.complete = true
		return
	}
	e.digits = append(e.digits, key)
	e.complete = len(e.digits) == e.max && !e.ends.required
}

// enough reports whether the answer is one, with at least so many digits.
func (e *entry) enough(minimum int) bool {
	return len(e.digits) >= minimum && !e.restart && (e.terminator != 0 || !e.ends.required)
}

// result is read's word for how it ended.
func (e *entry) result(minimum int) string {
	switch {
	case !e.enough(minimum):
		return "failure"
	case e.expired:
		return "timeout"
	default:
		return "success"
	}
}
