package ivr

import (
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand/pattern"
)

// book is the menus of one configuration. It is immutable.
type book struct {
	menus map[string]*menu
	order []*menu
}

// menu is one menu of ivr.conf.
type menu struct {
	name string
	at   config.Pos

	greetLong, greetShort string
	invalid, exit         string
	transfer              string // heard before the application transfer

	timeout, between         time.Duration
	maxFailures, maxTimeouts int
	onFailures, onTimeouts   step
	digits                   int // how many keys an answer has at most

	confirm confirmation
	pin     pin
	entries []choice
}

// confirmation asks whether the digits are what the caller meant.
type confirmation struct {
	macro    string // phrase macro that is told the digits; empty: not asked
	key      string // that says yes; empty: the caller is told and not asked
	attempts int
}

// pin guards a menu.
type pin struct{ code, prompt, wrong string }

// step is an application with its argument; no application does nothing.
type step struct {
	app, args string
	at        config.Pos
}

// choice is one entry of a menu.
type choice struct {
	action  action
	digits  string           // as written
	pattern *pattern.Pattern // of digits="/…/", else nil
	param   string
	at      config.Pos
}

// action is what a choice does.
type action uint8

// The actions, with their names in ivr.conf.
const (
	menuExit action = iota
	menuSub
	menuExecApp
	menuPlaySound
	menuBack
	menuTop
)

var actionTable = map[string]action{
	"menu-exit": menuExit, "menu-sub": menuSub, "menu-exec-app": menuExecApp, "menu-play-sound": menuPlaySound, "menu-back": menuBack, "menu-top": menuTop,
}

const actionNames = "menu-exit, menu-sub, menu-exec-app, menu-play-sound, menu-back, menu-top"

func (a action) String() string {
	for name, known := range actionTable {
		if known == a {
			return name
		}
	}
	return ""
}

// pick is a choice that the digits chose, with what they filled in.
type pick struct {
	*choice
	param string
}

// match returns all choices of the digits, in the order of the file.
func (mn *menu) match(digits string) []pick {
	var all []pick
	for i := range mn.entries {
		c := &mn.entries[i]
		if c.pattern == nil {
			if c.digits == digits {
				all = append(all, pick{c, c.param})
			}
			continue
		}
		if m, ok, err := c.pattern.Find(digits); ok && err == nil {
			all = append(all, pick{c, m.Substitute(c.param, "$")})
		}
	}
	return all
}

// find returns a menu by its name; nil if there is none.
func (b *book) find(name string) *menu { return b.menus[name] }

// steps lists the applications that the menus run.
func (b *book) steps() []step {
	var all []step
	for _, mn := range b.order {
		for _, s := range []step{mn.onFailures, mn.onTimeouts} {
			if s.app != "" {
				all = append(all, s)
			}
		}
		for _, c := range mn.entries {
			if c.action != menuExecApp {
				continue
			}
			if s := parseStep(c.param, c.at); !strings.Contains(s.app, "$") { // else known when the caller has chosen
				all = append(all, s)
			}
		}
	}
	return all
}

// parseStep reads "APP ARGUMENTS".
func parseStep(text string, at config.Pos) step {
	app, args, _ := strings.Cut(strings.TrimSpace(text), " ")
	return step{app, strings.TrimSpace(args), at}
}
