package expand

import (
	"strconv"
	"strings"
)

// IsTrue reports whether a variable or attribute means yes: yes, on, true, t,
// enabled, active, allow (ignoring case) or a number other than zero.
func IsTrue(value string) bool {
	switch strings.ToLower(value) {
	case "yes", "on", "true", "t", "enabled", "active", "allow":
		return true
	}
	n, err := strconv.ParseFloat(value, 64)
	return err == nil && n != 0
}
