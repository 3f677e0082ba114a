package console

import "strings"

// words splits arguments at blanks. Blanks within '…', (…), {…}, […] and <…>
// belong to the word; quotes around a whole word are taken off.
func words(args string) []string {
	var list []string
	var word strings.Builder
	depth, quoted, begun := 0, false, false
	flush := func() {
		if begun {
			list = append(list, unquote(word.String()))
		}
		word.Reset()
		depth, begun = 0, false
	}
	for _, c := range args {
		if c == ' ' && !quoted && depth == 0 {
			flush()
			continue
		}
		begun = true
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case strings.ContainsRune("({[<", c):
			depth++
		case strings.ContainsRune(")}]>", c):
			depth = max(depth-1, 0)
		}
		word.WriteRune(c)
	}
	flush()
	return list
}

func unquote(word string) string {
	if n := len(word); n >= 2 && word[0] == '\'' && word[n-1] == '\'' && !strings.Contains(word[1:n-1], "'") {
		return word[1 : n-1]
	}
	return word
}

// at returns the i-th word; "" if there is none or it is FreeSWITCH's undef.
func at(list []string, i int) string {
	if i >= len(list) || list[i] == "undef" {
		return ""
	}
	return list[i]
}
