package cdr

import "strings"

// masked stands in place of a secret.
const masked = "***"

// secretWords mark a variable as secret wherever they occur in its name. They take
// some harmless ones with them (sip_authorized); that is the better mistake.
var secretWords = []string{"pass", "secret", "auth"}

func isSecret(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "bypass", "") // bypass_media is none
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// maskVariables copies variables, without the secrets' values.
func maskVariables(variables map[string]string) map[string]string {
	out := make(map[string]string, len(variables))
	for name, value := range variables {
		if isSecret(name) {
			value = masked
		}
		out[clean(name)] = clean(value)
	}
	return out
}

// maskText masks the values of secrets in an application's argument:
// "sip_auth_password=x" and the same within {…}, […] and lists.
func maskText(text string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '=')
		if at < 0 {
			break
		}
		name := text[strings.LastIndexFunc(text[:at], notInName)+1 : at]
		out.WriteString(text[:at+1])
		text = text[at+1:]
		if isSecret(name) {
			out.WriteString(masked)
			text = text[valueLen(text):]
		}
	}
	out.WriteString(text)
	return out.String()
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

// valueLen is the length of the value that text begins with: up to the next
// separator that is not in quotes.
func valueLen(text string) int {
	for n := 0; n < len(text); n++ {
		switch c := text[n]; {
		case c == '\'' || c == '"':
			end := strings.IndexByte(text[n+1:], c)
			if end < 0 {
				return len(text)
			}
			n += end + 1
		case strings.IndexByte(",]}>;|&", c) >= 0:
			return n
		}
	}
	return len(text)
}
