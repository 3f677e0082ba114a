package data

import (
	"strings"

	"github.com/tandemswitch/tandem/core"
)

const regexSyntax = "<data>|<pattern>[|<substitute>[|n|b]]"

// regex matches data with a pattern: true or false, or with a substitute its
// text with %1 or $1 filled in. Data that does not match is returned as it is,
// as nothing with flag n, as false with flag b. m:X in front makes X the
// separator in place of |; a backslash protects a separator.
func (m *Module) regex() core.Command {
	return function("regex", regexSyntax, "match a text with a regular expression", func(args string) (string, error) {
		parts := regexParts(args)
		if len(parts) < 2 {
			return "", usageError{regexSyntax}
		}
		p, err := m.patterns.Compile(parts[1])
		if err != nil {
			return "", err
		}
		match, found, err := p.Find(parts[0])
		switch {
		case err != nil:
			return "", err
		case len(parts) == 2:
			return boolean(found), nil
		case found:
			return match.Substitute(parts[2], "%$"), nil
		case len(parts) > 3 && strings.Contains(parts[3], "n"):
			return "", nil
		case len(parts) > 3 && strings.Contains(parts[3], "b"):
			return "false", nil
		}
		return parts[0], nil
	})
}

// regexParts splits into at most four parts.
func regexParts(args string) []string {
	sep := byte('|')
	if len(args) > 2 && strings.HasPrefix(args, "m:") && strings.IndexByte("|~/", args[2]) >= 0 {
		sep, args = args[2], args[3:]
	}
	var parts []string
	var part strings.Builder
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == '\\' && i+1 < len(args) && args[i+1] == sep:
			i++
			part.WriteByte(sep)
		case args[i] == sep && len(parts) < 3:
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(args[i])
		}
	}
	if args == "" {
		return nil
	}
	return append(parts, part.String())
}
