package xmlplan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/expand/pattern"
	"github.com/tandemswitch/tandem/dialplan"
	"github.com/tandemswitch/tandem/dialplan/timeofday"
)

// maxNesting is how deep conditions are looked into. The number is FreeSWITCH's.
const maxNesting = 100

// maxLoop bounds loop="n".
const maxLoop = 1000

// breakMode is when the conditions of an extension are left.
type breakMode uint8

const (
	breakOnFalse breakMode = iota
	breakOnTrue
	breakAlways
	breakNever
)

// regexMode is how the <regex> elements of a condition count together.
type regexMode uint8

const (
	regexNone regexMode = iota
	regexAny
	regexAll
	regexXor
)

// condition is one <condition>.
type condition struct {
	pos           config.Pos
	test          test
	mode          regexMode
	regexes       []regex
	leave         breakMode
	actions       []action
	antiActions   []action
	nested        []*condition
	requireNested bool
}

// regex is one <regex>.
type regex struct {
	pos  config.Pos
	test test
}

// test is a field with its expression, a time, both or neither.
type test struct {
	field      string // as written
	hasField   bool
	expression expression
	times      *timeofday.Spec // nil: none
}

// expression is compiled when the plan is, unless it holds variables.
type expression struct {
	text    string // as written, or as it is known when the plan is compiled
	pattern *pattern.Pattern
}

// action is one <action> or <anti-action>.
type action struct {
	pos    config.Pos
	app    string
	data   string
	loop   int
	inline bool
}

// compiler collects what is wrong.
type compiler struct{ errs config.Errors }

// Compile compiles the section dialplan. A nil section is an empty plan. The
// error is of type config.Errors and holds all that is wrong; what is odd but
// harmless becomes a warning of the tree.
func Compile(section *config.Node) (*Plan, error) {
	c := &compiler{}
	p := &Plan{}
	for n := range section.All("context") {
		pc := c.context(n)
		if p.context(pc.name) != nil {
			n.Warnf("context %q is there already: this one is never used", pc.name)
			continue
		}
		p.contexts = append(p.contexts, pc)
	}
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

func (c *compiler) fail(n *config.Node, format string, args ...any) {
	c.errs = append(c.errs, n.Errorf(format, args...))
}

func (c *compiler) context(n *config.Node) *planContext {
	pc := &planContext{name: n.Attr("name"), pos: n.Pos, size: 4}
	if pc.name == "" {
		c.fail(n, "context without a name")
	}
	for x := range n.All("extension") {
		ext := c.extension(x)
		pc.extensions = append(pc.extensions, ext)
		pc.size += 1 + len(ext.conditions)
	}
	return pc
}

func (c *compiler) extension(n *config.Node) *extension {
	x := &extension{name: n.Attr("name"), pos: n.Pos, goesOn: expand.IsTrue(n.Attr("continue"))}
	if !n.HasAttr("name") {
		x.name = "_anon_"
	}
	x.conditions = c.conditions(n, 0)
	if len(x.conditions) == 0 {
		n.Warnf("extension %q has no condition: it never matches", x.name)
	}
	return x
}

func (c *compiler) conditions(n *config.Node, depth int) []*condition {
	if depth > maxNesting {
		c.fail(n, "conditions are nested more than %d deep", maxNesting)
		return nil
	}
	var all []*condition
	for x := range n.All("condition") {
		all = append(all, c.condition(x, depth))
	}
	return all
}

func (c *compiler) condition(n *config.Node, depth int) *condition {
	cond := &condition{
		pos:           n.Pos,
		leave:         c.breakMode(n),
		requireNested: !n.HasAttr("require-nested") || expand.IsTrue(n.Attr("require-nested")),
		actions:       c.actions(n, "action"),
		antiActions:   c.actions(n, "anti-action"),
		nested:        c.conditions(n, depth+1),
	}
	cond.test.times = c.times(n)
	if mode, ok := n.LookupAttr("regex"); ok {
		cond.mode = c.regexMode(n, mode)
		for x := range n.All("regex") {
			cond.regexes = append(cond.regexes, regex{x.Pos, c.test(x)})
		}
		return cond
	}
	cond.test = c.test(n)
	known := append([]string{"field", "expression", "break", "regex", "require-nested"}, timeofday.Names()...)
	if odd := n.UnknownAttrs(known...); len(odd) > 0 {
		n.Warnf("condition: unknown attributes are ignored: %s", strings.Join(odd, ", "))
	}
	return cond
}

func (c *compiler) breakMode(n *config.Node) breakMode {
	switch mode := strings.ToLower(n.Attr("break")); mode {
	case "", "on-false":
		return breakOnFalse
	case "on-true":
		return breakOnTrue
	case "always":
		return breakAlways
	case "never":
		return breakNever
	default:
		n.Warnf("condition: break=%q means on-false", mode)
		return breakOnFalse
	}
}

func (c *compiler) regexMode(n *config.Node, mode string) regexMode {
	switch strings.ToLower(mode) {
	case "all":
		return regexAll
	case "xor":
		return regexXor
	case "any":
	default:
		n.Warnf("condition: regex=%q means any", mode)
	}
	return regexAny
}

func (c *compiler) test(n *config.Node) test {
	t := test{times: c.times(n)}
	if t.field, t.hasField = n.LookupAttr("field"); t.hasField {
		t.expression = c.expression(n)
	}
	return t
}

func (c *compiler) times(n *config.Node) *timeofday.Spec {
	spec, problems := timeofday.Parse(n.LookupAttr)
	for _, p := range problems {
		n.Warnf("condition: %s", p)
	}
	return spec
}

// expression compiles an attribute or child element; the element wins.
func (c *compiler) expression(n *config.Node) expression {
	text := n.Attr("expression")
	if child := n.Child("expression"); child != nil {
		text, n = child.Text, child
	}
	if strings.Contains(text, "${") {
		return expression{text: text}
	}
	e := expression{text: expand.Expand(text, nil)} // undoes escapes, as the hunt would
	var err error
	if e.pattern, err = pattern.Compile(e.text); err != nil {
		c.fail(n, "condition: %v", err)
	}
	return e
}

func (c *compiler) actions(n *config.Node, element string) []action {
	var all []action
	for x := range n.All(element) {
		a := action{pos: x.Pos, app: x.Attr("application"), data: x.Text, loop: 1, inline: expand.IsTrue(x.Attr("inline"))}
		if a.data == "" {
			a.data = x.Attr("data")
		}
		if loop, ok := x.LookupAttr("loop"); ok {
			a.loop = c.loop(x, loop)
		}
		switch {
		case a.app == "":
			c.fail(x, "%s without an application", element)
		case strings.Contains(a.data, `\'`):
			x.Warnf(`%s %s is left out: its data holds \'`, element, a.app)
			continue
		case a.inline && !dialplan.MayRunInline(a.app):
			x.Warnf("%s %s cannot run inline: it is left out", element, a.app)
		}
		all = append(all, a)
	}
	return slices.Clip(all)
}

func (c *compiler) loop(n *config.Node, text string) int {
	count, err := strconv.Atoi(strings.TrimSpace(text))
	switch {
	case err != nil || count < 0:
		n.Warnf("loop=%q means never", text)
		return 0
	case count > maxLoop:
		n.Warnf("loop=%q is cut to %d", text, maxLoop)
		return maxLoop
	}
	return count
}
