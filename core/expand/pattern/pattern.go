// Package pattern matches the regular expressions of dialplans: Perl's syntax
// and PCRE's meaning, on bytes, as FreeSWITCH uses them. Look-arounds,
// back-references, atomic groups, possessive quantifiers, conditions and
// recursion work; $ also matches before a final newline; a name that is not
// valid UTF-8 matches like any other.
//
// The matcher backtracks and counts its steps: a pattern that would run away
// gives up with [ErrTooComplex] at the same step on every machine. It uses no
// clock and no goroutine, and a [Pattern] may be used by many at once.
//
// Not supported, and refused by [Compile]: callouts, \X, \p, \C, backtracking
// verbs (*…), and look-behind of more than 255 bytes.
package pattern

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// ErrTooComplex means that a match was given up.
var ErrTooComplex = errors.New("pattern: too many steps")

// SyntaxError is what is wrong with a pattern, and where.
type SyntaxError struct {
	Pattern string
	Pos     int // byte, from 0
	Reason  string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("expression %q: %s at byte %d", e.Pattern, e.Reason, e.Pos)
}

// Pattern is a compiled expression. It is immutable.
type Pattern struct {
	text   string
	groups int // without group 0
	loops  int
	start  *node
	anchor anchor
	first  class // of anchorSet
	prefix byte  // of anchorByte
	runs   sync.Pool
}

// anchor says where a match can begin.
type anchor uint8

const (
	anchorNone  anchor = iota
	anchorStart        // only at the start of the text
	anchorLine         // only at the start of a line: the pattern begins with .*
	anchorByte         // only at a certain byte
	anchorSet          // only at one of some bytes
)

// Match is where the groups of a match are, as pairs of offsets; -1 where a
// group took no part. Group 0 is the whole match.
type Match struct {
	text    string
	offsets []int
}

// Compile reads an expression in any of the three forms of dialplans: plain,
// /pattern/flags with the flags i and s, and Asterisk's _NXXZ. whose only
// special characters are N, X, Z, the period and square brackets. The error is
// a *SyntaxError.
func Compile(text string) (*Pattern, error) {
	body, flags, offset, err := form(text)
	if err != nil {
		return nil, err
	}
	p, err := compile(body, flags)
	if syntax, ok := errors.AsType[*SyntaxError](err); ok {
		return nil, &SyntaxError{Pattern: text, Pos: min(syntax.Pos+offset, len(text)), Reason: syntax.Reason}
	}
	p.text = text
	return p, nil
}

// form tells the three forms apart.
func form(text string) (body string, f flags, offset int, err error) {
	switch {
	case strings.HasPrefix(text, "_"):
		return asterisk(text[1:]), 0, 0, nil
	case !strings.HasPrefix(text, "/"):
		return text, 0, 0, nil
	}
	end := strings.LastIndexByte(text, '/')
	if end == 0 {
		return "", 0, 0, &SyntaxError{Pattern: text, Pos: len(text), Reason: "no closing /"}
	}
	for i := end + 1; i < len(text); i++ {
		switch text[i] {
		case 'i':
			f |= flagFold
		case 's':
			f |= flagDotAll
		default:
			return "", 0, 0, &SyntaxError{Pattern: text, Pos: i, Reason: fmt.Sprintf("flag %q is not i or s", text[i])}
		}
	}
	return text[1:end], f, 1, nil
}

// asterisk translates the pattern of Asterisk's extensions.
func asterisk(text string) string {
	var b strings.Builder
	b.WriteByte('^')
	for i := range len(text) {
		switch c := text[i]; c {
		case 'N':
			b.WriteString("[2-9]")
		case 'X':
			b.WriteString("[0-9]")
		case 'Z':
			b.WriteString("[1-9]")
		case '.':
			b.WriteString(".*")
		case '*', '+', '?', '(', ')', '|', '^', '$', '{', '}', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('$')
	return b.String()
}

// String is the expression as written.
func (p *Pattern) String() string { return p.text }

// Groups is the number of capturing groups.
func (p *Pattern) Groups() int { return p.groups }

// Matches reports whether the pattern is found anywhere in text. The error is
// ErrTooComplex.
func (p *Pattern) Matches(text string) (bool, error) {
	r := p.run(text)
	defer p.done(r)
	return r.search(p)
}

// Find returns the first match in text, and whether there is one. The error is
// ErrTooComplex.
func (p *Pattern) Find(text string) (Match, bool, error) {
	r := p.run(text)
	defer p.done(r)
	ok, err := r.search(p)
	if !ok {
		return Match{}, false, err
	}
	m := Match{text: text, offsets: make([]int, len(r.caps))}
	copy(m.offsets, r.caps)
	return m, true, nil
}

// Len is the number of groups with group 0; 0 for no match.
func (m Match) Len() int { return len(m.offsets) / 2 }

// Group returns what group i matched, "" if it took no part or does not exist.
func (m Match) Group(i int) string {
	if i < 0 || i >= m.Len() || m.offsets[2*i] < 0 {
		return ""
	}
	return m.text[m.offsets[2*i]:m.offsets[2*i+1]]
}

// Groups returns all groups, group 0 first.
func (m Match) Groups() []string {
	all := make([]string, m.Len())
	for i := range all {
		all[i] = m.Group(i)
	}
	return all
}

// Substitute returns template with the groups filled in for one of leads and a
// number, as in $1 or %{2}; groups that do not exist are nothing. A lead without
// a number is copied. What is filled in is not looked at again.
func (m Match) Substitute(template, leads string) string {
	if !strings.ContainsAny(template, leads) {
		return template
	}
	var b strings.Builder
	for i := 0; i < len(template); {
		n, size := reference(template[i:], leads)
		if size == 0 {
			b.WriteByte(template[i])
			i++
			continue
		}
		b.WriteString(m.Group(n))
		i += size
	}
	return b.String()
}

// maxReferenceDigits is enough for FreeSWITCH's $256.
const maxReferenceDigits = 3

// reference reads $n or ${n} and how long that is; 0 if it is none.
func reference(text, leads string) (n, size int) {
	if strings.IndexByte(leads, text[0]) < 0 {
		return 0, 0
	}
	i := 1
	braced := len(text) > 1 && text[1] == '{'
	if braced {
		i++
	}
	first := i
	for i < len(text) && i < first+maxReferenceDigits && text[i] >= '0' && text[i] <= '9' {
		n = n*10 + int(text[i]-'0')
		i++
	}
	if i == first {
		return 0, 0
	}
	if braced {
		if i == len(text) || text[i] != '}' {
			return 0, 0
		}
		i++
	}
	return n, i
}
