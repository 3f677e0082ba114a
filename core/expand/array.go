package expand

import "strings"

// An array variable is one text: arrayPrefix, then the elements with arrayComma
// between them.
const (
	arrayPrefix = "ARRAY::"
	arrayComma  = "|:"
)

// IsArray reports whether value is an array.
func IsArray(value string) bool { return strings.HasPrefix(value, arrayPrefix) }

// Elements returns the elements of an array, or value itself as the only one.
func Elements(value string) []string {
	rest, ok := strings.CutPrefix(value, arrayPrefix)
	if !ok {
		return []string{value}
	}
	return strings.Split(rest, arrayComma)
}

// Element returns element i of an array, counted from 0; false if value is no
// array or has no such element.
func Element(value string, i int) (string, bool) {
	rest, ok := strings.CutPrefix(value, arrayPrefix)
	for ; ok; i-- {
		var element string
		element, rest, ok = strings.Cut(rest, arrayComma)
		if i == 0 {
			return element, true
		}
	}
	return "", false
}

// Array makes an array of the elements. An element cannot hold "|:".
func Array(elements ...string) string {
	return arrayPrefix + strings.Join(elements, arrayComma)
}

// Push returns the array with value appended; an empty array becomes the value
// alone, a plain value becomes the first of two elements.
func Push(array, value string) string {
	if array == "" {
		return value
	}
	return Array(append(Elements(array), value)...)
}

// Unshift returns the array with value put in front, else as [Push].
func Unshift(array, value string) string {
	if array == "" {
		return value
	}
	return Array(append([]string{value}, Elements(array)...)...)
}
