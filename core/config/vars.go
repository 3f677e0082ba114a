package config

import "strings"

// variables are the preprocessor's: lower-case name → value. Values are kept as
// XML text, because that is how they are inserted into lines.
type variables struct {
	value map[string]string
	fixed map[string]bool // given by Options.Sets; files cannot change them
}

func newVariables(presets, sets map[string]string) *variables {
	v := &variables{value: map[string]string{}, fixed: map[string]bool{}}
	for name, value := range presets {
		v.value[strings.ToLower(name)] = escape(value)
	}
	for name, value := range sets {
		v.value[strings.ToLower(name)] = escape(value)
		v.fixed[strings.ToLower(name)] = true
	}
	return v
}

func (v *variables) get(name string) (string, bool) {
	value, ok := v.value[strings.ToLower(name)]
	return value, ok
}

// set stores a value written in a file, unless --set has fixed the name.
// neutralized reports that a "${" was made "%{": as in FreeSWITCH a variable of
// the preprocessor must not smuggle in an expansion that runs with every call.
func (v *variables) set(name, value string) (neutralized bool) {
	name = strings.ToLower(name)
	if v.fixed[name] {
		return false
	}
	clean := strings.ReplaceAll(value, "${", "%{")
	v.value[name] = clean
	return clean != value
}

// plain decodes all values.
func (v *variables) plain() map[string]string {
	all := make(map[string]string, len(v.value))
	for name, value := range v.value {
		all[name], _ = decodeEntities(value)
	}
	return all
}

// expand replaces $${name} once; values are not expanded again. unknown lists
// names that have no value; open reports a "$${" without its brace.
func (v *variables) expand(line string) (text string, unknown []string, open bool) {
	if !strings.Contains(line, "$${") {
		return line, nil, false
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(line, "$${")
		b.WriteString(before)
		if !found {
			return b.String(), unknown, false
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("$${")
			b.WriteString(rest)
			return b.String(), unknown, true
		}
		value, ok := v.get(strings.TrimSpace(name))
		if !ok {
			unknown = append(unknown, name)
		}
		b.WriteString(value)
		line = after
	}
}

// escape makes plain text safe inside an element and inside either kind of quotes.
func escape(s string) string { return escaper.Replace(s) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;")
