package xmlplan

import (
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// captures are the groups that $n in the actions of a condition means.
type captures struct {
	used   bool // the expression has a parenthesis: $n is replaced
	stored bool // and it matched: DP_MATCH is set
	match  pattern.Match
	value  string // what the field was
}

// fill replaces $n in an action's data. The result is cut where FreeSWITCH cuts
// it, so that one call cannot blow up a text.
func (c captures) fill(data string) string {
	filled := c.match.Substitute(data, "$")
	if limit := (len(data) + len(c.value) + 10) * (c.match.Len() + 1); len(filled) > limit {
		return filled[:limit]
	}
	return filled
}

// array is the groups as an array variable.
func (c captures) array() string { return expand.Array(c.match.Groups()...) }
