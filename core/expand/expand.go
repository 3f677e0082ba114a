// Package expand replaces ${…} in the texts of dialplans, dial strings and
// templates, as FreeSWITCH does, and splits the arguments of applications. It
// is pure: variables and functions come from an [Env], nothing is started.
//
// It does not know captures ($1, filled in by the dialplan at the hunt) and not
// the preprocessor's $${…}, which is gone when a file was read; a $${…} that is
// met here is read like ${…}.
package expand

import "strings"

// maxDepth bounds nesting: names in names and values in values. Text below it
// stays as it is. The number is FreeSWITCH's.
const maxDepth = 100

// maxOutputBytes bounds one result; what is longer is cut. The longest honest
// value is an SDP with candidates or a list of dial strings, some 10 kB.
const maxOutputBytes = 256 << 10

// maxSubstitutions bounds the work of one Expand: variables that hold each
// other twice would else double it on each of the 100 levels.
const maxSubstitutions = 10_000

// maxWorkBytes bounds what one Expand copies in all, for values that are long
// and cut short again and again.
const maxWorkBytes = 16 * maxOutputBytes

// Env gives the values. Lookup must not block; Call may, in functions that are
// slow. Both are called on the goroutine of Expand, one at a time.
type Env interface {
	// Lookup returns the variable. Names are passed as written; an Env that
	// ignores case does so itself. An array is "ARRAY::a|:b|:c".
	Lookup(name string) (string, bool)
	// Call runs an API function. Its output is inserted verbatim, an error as
	// nothing.
	Call(name, args string) (string, error)
}

// Expand returns text with ${…} replaced and escapes undone. It never fails:
// what is unknown becomes nothing. Text without ${ and without an escape is
// returned as it is, without allocation.
//
//	${name}              the variable; the name and the value are expanded, too
//	${name:off:len}      bytes from off (negative: from the end)
//	${name[i]}           element of an array, from 0
//	${func(args)}        an API function; also ${func args}
//	\$  \\  \'           a dollar, a backslash, nothing
func Expand(text string, env Env) string {
	if !Needed(text) {
		return text
	}
	e := expander{env: env}
	return e.expand(text, 0)
}

// Needed reports whether Expand would look at text at all: it holds ${ or one
// of the sequences \\ \n \s \t \'.
func Needed(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		switch text[i] {
		case '$':
			if text[i+1] == '{' {
				return true
			}
		case '\\':
			switch text[i+1] {
			case '\\', 'n', 's', 't', '\'':
				return true
			}
		}
	}
	return false
}

// expander is one run of Expand.
type expander struct {
	env           Env
	substitutions int
	workBytes     int
}

func (e *expander) expand(text string, depth int) string {
	if depth > maxDepth || !Needed(text) {
		return text
	}
	var out strings.Builder
	out.Grow(len(text) + 32)
	for i := 0; i < len(text) && out.Len() < maxOutputBytes; {
		switch c := text[i]; {
		case c == '\\':
			i += unescape(&out, text[i:])
		case c == '$':
			open := openBrace(text[i:])
			if open == 0 {
				out.WriteByte(c)
				i++
				continue
			}
			inside, size := braces(text[i+open:])
			i += open + size
			out.WriteString(e.substitute(inside, depth+1))
		default:
			n := strings.IndexAny(text[i:], `\$`)
			if n < 0 {
				n = len(text) - i
			}
			out.WriteString(text[i : i+n])
			i += n
		}
	}
	e.workBytes += out.Len()
	if out.Len() > maxOutputBytes {
		return out.String()[:maxOutputBytes]
	}
	return out.String()
}

// unescape writes what the backslash at the start of text means and returns how
// many bytes of text that took.
func unescape(out *strings.Builder, text string) int {
	if len(text) < 2 {
		out.WriteByte('\\')
		return 1
	}
	switch text[1] {
	case '$':
		out.WriteByte('$')
		if len(text) > 2 && text[2] == '$' { // \$${x} protects as \${x} does
			return 3
		}
		return 2
	case '\'':
		return 2
	case '\\':
		out.WriteByte('\\')
		return 2
	default:
		out.WriteByte('\\')
		return 1
	}
}

// openBrace returns the length of "${" or "$${" at the start of text, else 0.
func openBrace(text string) int {
	switch {
	case strings.HasPrefix(text, "${"):
		return 2
	case strings.HasPrefix(text, "$${"):
		return 3
	default:
		return 0
	}
}

// braces returns what is before the closing brace and how long that is with it.
// Without a closing brace all of the text is inside.
func braces(text string) (inside string, size int) {
	open := 1
	for i := range len(text) {
		switch text[i] {
		case '{':
			if i > 0 {
				open++
			}
		case '}':
			open--
			if open == 0 {
				return text[:i], i + 1
			}
		}
	}
	return text, len(text)
}

// substitute returns what stands for ${inside}.
func (e *expander) substitute(inside string, depth int) string {
	e.substitutions++
	if e.substitutions > maxSubstitutions || e.workBytes > maxWorkBytes {
		return ""
	}
	if at := strings.IndexAny(inside, " ("); at >= 0 {
		return e.call(inside[:at], arguments(inside[at+1:]), depth)
	}
	return e.variable(e.expand(inside, depth), depth)
}

// arguments cuts at the parenthesis that closes the one before text; without
// one all of text is arguments, as in ${func args}.
func arguments(text string) string {
	open := 1
	for i := range len(text) {
		switch text[i] {
		case '(':
			open++
		case ')':
			open--
			if open == 0 {
				return text[:i]
			}
		}
	}
	return text
}

func (e *expander) call(name, args string, depth int) string {
	out, err := e.env.Call(e.expand(name, depth), e.expand(args, depth))
	if err != nil {
		return ""
	}
	return out
}

// variable reads NAME[i]:off:len.
func (e *expander) variable(ref string, depth int) string {
	name, slice, sliced := strings.Cut(ref, ":")
	name, index, indexed := cutIndex(name)
	value, ok := e.env.Lookup(name)
	if !ok {
		return ""
	}
	if indexed {
		if value, ok = Element(value, index); !ok {
			return ""
		}
	}
	value = e.expand(value, depth)
	if sliced {
		off, length, _ := strings.Cut(slice, ":")
		value = Substring(value, atoi(off), atoi(length))
	}
	return value
}

// cutIndex splits NAME[i]. A negative index means the whole array.
func cutIndex(ref string) (name string, index int, ok bool) {
	name, rest, found := strings.Cut(ref, "[")
	if !found || !strings.Contains(rest, "]") {
		return ref, 0, false
	}
	index = atoi(rest)
	return name, index, index >= 0
}

// Substring returns length bytes of value from off, all that follow if length
// is not positive or too large. A negative off counts from the end, and means
// the whole value where that is shorter; an off beyond the end gives nothing.
func Substring(value string, off, length int) string {
	switch {
	case off > len(value):
		return ""
	case off >= 0:
		value = value[off:]
	case -off <= len(value):
		value = value[len(value)+off:]
	}
	if length > 0 && length < len(value) {
		value = value[:length]
	}
	return value
}

// atoi reads the number at the start of text as C's atoi does: anything else is
// 0. Numbers beyond a million are cut to it; no value is that long.
func atoi(text string) int {
	const limit = 1_000_000
	text = strings.TrimLeft(text, " \t\r\n")
	sign := 1
	if text != "" && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	n := 0
	for i := 0; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		n = min(n*10+int(text[i]-'0'), limit)
	}
	return sign * n
}
