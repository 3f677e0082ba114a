package ivr

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// Defaults of a menu, FreeSWITCH's.
const (
	defaultTimeout  = 10 * time.Second
	defaultFailures = 3
	defaultAttempts = 3
)

var (
	menuAttrs = []string{
		"name", "greet-long", "greet-short", "invalid-sound", "exit-sound", "transfer-sound", "timeout", "inter-digit-timeout", "max-failures", "max-timeouts",
		"exec-on-max-failures", "exec-on-max-timeouts", "confirm-macro", "confirm-key", "confirm-attempts", "digit-len", "tts-engine", "tts-voice",
		"pin", "pin-file", "bad-pin-file",
	}
	entryAttrs = []string{"action", "digits", "param"}
)

// reader reads ivr.conf and gathers what is wrong with it.
type reader struct{ errs config.Errors }

// readBook reads <menus><menu …><entry …/></menu></menus>; nil is no menus.
func readBook(cfg *config.Node) (*book, error) {
	r := &reader{}
	b := &book{menus: map[string]*menu{}}
	for list := range cfg.All("menus") {
		for n := range list.All("") {
			if n.Name != "menu" {
				r.errorf(n, "<%s> in <menus>: want <menu>", n.Name)
				continue
			}
			mn := r.menu(n)
			if first := b.menus[mn.name]; first != nil {
				r.errorf(n, "menu %q is there twice, first at %s", mn.name, first.at)
				continue
			}
			b.menus[mn.name] = mn
			b.order = append(b.order, mn)
		}
	}
	r.links(b)
	return b, r.errs.Err()
}

func (r *reader) errorf(n *config.Node, format string, args ...any) {
	r.errs = append(r.errs, n.Errorf(format, args...))
}

// menu reads one <menu>.
func (r *reader) menu(n *config.Node) *menu {
	for _, a := range n.UnknownAttrs(menuAttrs...) {
		r.errorf(n, "menu: unknown attribute %q: want %s", a, strings.Join(menuAttrs, ", "))
	}
	for _, a := range []string{"tts-engine", "tts-voice"} {
		if n.Attr(a) != "" {
			n.Warnf("%s has no effect: this build does not turn text into speech", a)
		}
	}
	mn := &menu{
		name: n.Attr("name"), at: n.Pos,
		greetLong: n.Attr("greet-long"), greetShort: n.Attr("greet-short"),
		invalid: n.Attr("invalid-sound"), exit: n.Attr("exit-sound"), transfer: n.Attr("transfer-sound"),
		timeout: r.ms(n, "timeout", defaultTimeout), maxFailures: r.count(n, "max-failures", defaultFailures),
		onFailures: parseStep(n.Attr("exec-on-max-failures"), n.Pos), onTimeouts: parseStep(n.Attr("exec-on-max-timeouts"), n.Pos),
		digits:  r.count(n, "digit-len", 1),
		confirm: confirmation{n.Attr("confirm-macro"), n.Attr("confirm-key"), r.count(n, "confirm-attempts", defaultAttempts)},
		pin:     pin{n.Attr("pin"), n.Attr("pin-file"), n.Attr("bad-pin-file")},
	}
	mn.between = r.ms(n, "inter-digit-timeout", mn.timeout/2)
	mn.maxTimeouts = r.count(n, "max-timeouts", mn.maxFailures)
	if mn.name == "" {
		r.errorf(n, "menu: name is missing")
	}
	r.wantKeys(n, "pin", mn.pin.code)
	r.wantKeys(n, "confirm-key", mn.confirm.key)
	r.entries(n, mn)
	return mn
}

// entries reads the <entry> elements of a menu. The longest literal is how many
// keys an answer has, at least digit-len.
func (r *reader) entries(n *config.Node, mn *menu) {
	for e := range n.All("") {
		if e.Name != "entry" {
			r.errorf(e, "<%s> in <menu>: want <entry>", e.Name)
			continue
		}
		c, ok := r.entry(e)
		if !ok {
			continue
		}
		mn.entries = append(mn.entries, c)
		if c.pattern == nil {
			mn.digits = max(mn.digits, len(c.digits))
		}
	}
	mn.digits = min(mn.digits, maxDigits)
	if len(mn.entries) == 0 {
		n.Warnf("menu %q has no entries: every key is wrong", mn.name)
	}
}

// entry reads one <entry>.
func (r *reader) entry(n *config.Node) (choice, bool) {
	before := len(r.errs)
	for _, a := range n.UnknownAttrs(entryAttrs...) {
		r.errorf(n, "entry: unknown attribute %q: want %s", a, strings.Join(entryAttrs, ", "))
	}
	c := choice{digits: n.Attr("digits"), param: n.Attr("param"), at: n.Pos}
	var known bool
	if c.action, known = actionTable[n.Attr("action")]; !known {
		r.errorf(n, "entry: unknown action %q: want one of %s", n.Attr("action"), actionNames)
	}
	needs := c.action == menuSub || c.action == menuExecApp || c.action == menuPlaySound
	if known && needs && strings.TrimSpace(c.param) == "" {
		r.errorf(n, "entry: %s needs param", c.action)
	}
	r.digits(n, &c)
	return c, len(r.errs) == before
}

// digits reads what chooses an entry: keys, or a pattern between slashes.
func (r *reader) digits(n *config.Node, c *choice) {
	text, ok := strings.CutPrefix(c.digits, "/")
	switch {
	case c.digits == "":
		r.errorf(n, "entry: digits is missing: want keys or /PATTERN/")
	case ok && (text == "/" || !strings.HasSuffix(text, "/")):
		r.errorf(n, "entry: digits %q: want /PATTERN/", c.digits)
	case ok:
		p, err := pattern.Compile(strings.TrimSuffix(text, "/"))
		if err != nil {
			r.errorf(n, "entry: digits %q: %v", c.digits, err)
		}
		c.pattern = p
	default:
		r.wantKeys(n, "digits", c.digits)
	}
}

// wantKeys refuses what cannot be pressed.
func (r *reader) wantKeys(n *config.Node, attr, text string) {
	if i := strings.IndexFunc(text, func(c rune) bool { return !strings.ContainsRune(keys, c) }); i >= 0 {
		r.errorf(n, "%s: %s %q: want keys out of %s", n.Name, attr, text, keys)
	}
}

// links checks that the menus named by entries are there.
func (r *reader) links(b *book) {
	for _, mn := range b.order {
		for _, c := range mn.entries {
			if c.action == menuSub && c.pattern == nil && b.menus[c.param] == nil {
				r.errs = append(r.errs, &config.Error{Pos: c.at, Msg: "entry: there is no menu " + strconv.Quote(c.param) + r.known(b)})
			}
		}
	}
}

// known names the menus for an error's text.
func (r *reader) known(b *book) string {
	var names []string
	for _, mn := range b.order {
		names = append(names, mn.name)
	}
	slices.Sort(names)
	return ": want one of " + strings.Join(names, ", ")
}

// count reads a whole number of at least one.
func (r *reader) count(n *config.Node, attr string, def int) int {
	text := strings.TrimSpace(n.Attr(attr))
	if text == "" {
		return def
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < 1 {
		r.errorf(n, "menu: %s %q: want a number of at least 1", attr, text)
		return def
	}
	return v
}

// ms reads a time: milliseconds, or a number with a unit.
func (r *reader) ms(n *config.Node, attr string, def time.Duration) time.Duration {
	text := strings.TrimSpace(n.Attr(attr))
	if text == "" {
		return def
	}
	d, err := time.ParseDuration(text)
	if v, number := strconv.ParseInt(text, 10, 32); number == nil {
		d, err = time.Duration(v)*time.Millisecond, nil
	}
	if err != nil || d <= 0 {
		r.errorf(n, "menu: %s %q: want milliseconds, or a time like 5s", attr, text)
		return def
	}
	return d
}
