package expand

import "strings"

// Split separates the arguments of an application. sep is a blank for most of
// them; a text that starts with ^^X is separated by X instead.
//
// A single quote that has a partner protects what is between them; a backslash
// protects a quote, a separator or itself, and makes \n \r \t \s a line feed,
// carriage return, tab and blank. Blanks around an argument are removed unless
// quoted. Several blanks separate like one; other separators keep empty
// arguments between them. Empty text has no arguments.
func Split(args string, sep byte) []string { return SplitN(args, sep, -1) }

// SplitN is Split into at most n arguments, the last of which is all the rest.
// With n < 0 there is no limit, with n == 0 no argument.
func SplitN(args string, sep byte, n int) []string {
	args, sep = separator(args, sep)
	if sep == ' ' {
		args = strings.TrimLeft(args, blanks)
	}
	var out []string
	for args != "" && len(out) != n {
		end := len(args)
		if len(out) != n-1 {
			end = argumentEnd(args, sep)
		}
		out = append(out, clean(args[:end], sep))
		if end == len(args) {
			return out
		}
		args = args[end+1:]
		if sep == ' ' {
			args = strings.TrimLeft(args, blanks)
		} else if args == "" && len(out) != n {
			out = append(out, "") // "a,b," has a third, empty argument
		}
	}
	return out
}

const blanks = " \t\r\n"

// separator reads ^^X.
func separator(args string, sep byte) (string, byte) {
	if len(args) >= 3 && args[0] == '^' && args[1] == '^' {
		return args[3:], args[2]
	}
	return args, sep
}

// argumentEnd is where the first separator outside of quotes stands.
func argumentEnd(args string, sep byte) int {
	quoted := false
	for i := 0; i < len(args); i++ {
		switch c := args[i]; {
		case c == '\\':
			i++
		case c == '\'' && (quoted || strings.IndexByte(args[i+1:], '\'') >= 0):
			quoted = !quoted
		case c == sep && !quoted:
			return i
		}
	}
	return len(args)
}

// clean removes quotes, escapes and the blanks around an argument.
func clean(arg string, sep byte) string {
	arg = strings.TrimLeft(arg, blanks)
	if strings.IndexByte(arg, '\\') < 0 && strings.IndexByte(arg, '\'') < 0 {
		return strings.TrimRight(arg, blanks)
	}
	var out strings.Builder
	keep := 0 // blanks before this place are protected
	quoted := false
	for i := 0; i < len(arg); i++ {
		c := arg[i]
		switch {
		case c == '\\' && i+1 < len(arg) && escapes(arg[i+1], sep):
			i++
			out.WriteByte(escaped(arg[i]))
			keep = out.Len()
		case c == '\'' && (quoted || strings.IndexByte(arg[i+1:], '\'') >= 0):
			quoted = !quoted
			keep = out.Len()
		default:
			out.WriteByte(c)
		}
	}
	text := out.String()
	return text[:keep] + strings.TrimRight(text[keep:], blanks)
}

func escapes(c, sep byte) bool {
	return c == sep || strings.IndexByte(`'\nrts`, c) >= 0
}

func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 's':
		return ' '
	default:
		return c
	}
}
