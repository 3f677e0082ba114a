package config

import (
	"strconv"
	"strings"
)

// decodeEntities replaces the five entities of XML 1.0 §4.6 and character
// references. Whatever else begins with & stays as it is, as in FreeSWITCH; the
// first such piece is returned as odd.
func decodeEntities(s string) (text, odd string) {
	if !strings.Contains(s, "&") {
		return s, ""
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "&")
		b.WriteString(before)
		if !found {
			return b.String(), odd
		}
		name, after, closed := strings.Cut(rest, ";")
		value, ok := entity(name)
		if closed && ok {
			b.WriteString(value)
			s = after
			continue
		}
		if odd == "" {
			odd = "&" + rest[:min(len(rest), 12)]
		}
		b.WriteByte('&')
		s = rest
	}
}

func entity(name string) (string, bool) {
	switch name {
	case "lt":
		return "<", true
	case "gt":
		return ">", true
	case "amp":
		return "&", true
	case "quot":
		return `"`, true
	case "apos":
		return "'", true
	}
	digits, isNumber := strings.CutPrefix(name, "#")
	if !isNumber {
		return "", false
	}
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > 0x10FFFF || !isXMLChar(rune(n)) {
		return "", false
	}
	return string(rune(n)), true
}
