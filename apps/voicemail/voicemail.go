// Package voicemail brings the application voicemail: callers leave messages,
// owners hear them by phone, and lamps and other services are told.
//
//	voicemail PROFILE DOMAIN USER          leave.go ─► record.go ─┐
//	voicemail check PROFILE DOMAIN [USER]  check.go, listen.go, ──┴─► box ─► files, table
//	                                       options.go                  └─► notices, presence
//
// What is said are the phrase macros voicemail_…, put together by the function
// phrase_string; one that is missing is silence and never ends a call. The
// package's goroutines are those of Run.
package voicemail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/apps/voicemail/box"
	"github.com/tandemswitch/tandem/apps/voicemail/mail"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/expand"
	"github.com/tandemswitch/tandem/core/module"
)

// Options are what a module has besides its configuration.
type Options struct {
	// Table returns where messages outlast the process. It is called once, by Open.
	Table func() (box.Table, error)
}

// Module brings the application and the vm_ commands.
type Module struct {
	// Immutable after New.
	deps     core.Deps
	options  Options
	settings Settings
	lazy     *lazyTable
	boxes    *box.Store
	letters  *mail.Queue

	profiles atomic.Pointer[map[string]*Profile]
}

var (
	_ module.AppProvider     = (*Module)(nil)
	_ module.CommandProvider = (*Module)(nil)
	_ module.Opener          = (*Module)(nil)
	_ module.Reloader        = (*Module)(nil)
)

// mendLength is how long what a killed process recorded must be to be kept.
const mendLength = time.Second

// With returns the constructor of a module with these options. It reads
// voicemail.conf; nil is a configuration with one profile, "default".
func With(o Options) module.Constructor {
	return func(cfg *config.Node, deps core.Deps) (module.Module, error) {
		settings, profiles, err := readProfiles(cfg)
		if err != nil {
			return nil, err
		}
		m := &Module{deps: deps, options: o, settings: settings, lazy: &lazyTable{}}
		m.profiles.Store(&profiles)
		m.boxes = box.New(box.Config{
			Dir: filepath.Join(deps.DataDir, "voicemail"), Table: m.lazy, Log: deps.Log, MinLength: mendLength,
			LockAfter: settings.LockAfter, LockFor: settings.LockFor, OnChange: m.changed,
		})
		m.letters = mail.New(mail.Config{
			Dir: filepath.Join(deps.DataDir, "mail"), Log: deps.Log,
			Server: mail.Server{Addr: settings.SMTPServer, User: settings.SMTPUser, Password: settings.SMTPPassword},
		})
		return m, nil
	}
}

// lazyTable is the table once it is open: constructors open nothing.
type lazyTable struct{ box.Table }

// Open implements module.Opener: it loads the boxes, mends what a killed
// process left behind and makes the first PIN of every user who has none.
func (m *Module) Open(ctx context.Context) error {
	table, err := m.options.Table()
	if err != nil {
		return fmt.Errorf("voicemail: %w", err)
	}
	m.lazy.Table = table
	if err := m.boxes.Open(ctx); err != nil {
		return err
	}
	for _, domain := range m.deps.Directory.Domains() {
		for _, u := range m.deps.Directory.Users(domain) {
			if u.Params["vm-password"] != "" || !enabled(u) {
				continue
			}
			if _, err := m.boxes.InitialPIN(core.AOR{User: u.ID, Domain: u.Domain}); err != nil {
				return fmt.Errorf("voicemail: %w", err)
			}
		}
	}
	return nil
}

// Run implements module.Module: it writes again what the database refused, and
// sends letters.
func (m *Module) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { m.boxes.Run(ctx) })
	if m.settings.SMTPServer != "" {
		wg.Go(func() { m.letters.Run(ctx) })
	}
	wg.Wait()
	return nil
}

// Reload implements module.Reloader: calls from now on have the new profiles.
func (m *Module) Reload(cfg *config.Node) error {
	_, profiles, err := readProfiles(cfg)
	if err != nil {
		return err
	}
	m.profiles.Store(&profiles)
	return nil
}

// Boxes are the boxes of this switch, for those who show them elsewhere.
func (m *Module) Boxes() *box.Store { return m.boxes }

// enabled reports whether a user has a box (vm-enabled).
func enabled(u core.User) bool {
	v, ok := u.Params["vm-enabled"]
	return !ok || v == "" || expand.IsTrue(v)
}

// changed tells the world the counts of a box.
func (m *Module) changed(o core.AOR, c box.Counts) {
	if m.deps.Presence != nil {
		m.deps.Presence.Publish("mwi/"+o.String(), c.String())
	}
	m.publish(core.Notice{Type: "mwi.changed", Data: map[string]any{
		"mailbox": o.String(), "new": c.New, "saved": c.Saved, "urgent_new": c.UrgentNew, "urgent_saved": c.UrgentSaved,
	}})
}

func (m *Module) publish(n core.Notice) {
	if m.deps.Events == nil {
		return
	}
	n.Time = time.Now()
	m.deps.Events.Publish(n)
}

// tell publishes what happened to a message.
func (m *Module) tell(kind string, msg box.Message, s core.Session) {
	n := core.Notice{Type: kind, CallID: msg.CallID, Data: map[string]any{
		"message_id": msg.ID, "mailbox": msg.Owner.String(), "urgent": msg.Urgent, "length_ms": msg.Length.Milliseconds(),
		"caller_number": msg.CallerNumber, "caller_name": msg.CallerName,
	}}
	if s != nil {
		n.CallID, n.LegID = s.CallID(), s.ID()
	}
	m.publish(n)
}

const syntax = "[check] [auth|auth_only] PROFILE DOMAIN [USER]"

// Apps implements module.AppProvider.
func (m *Module) Apps() []core.App {
	return []core.App{{
		Name: "voicemail", Syntax: syntax, Doc: "leave a message, or check a mailbox", Resume: core.ResumeRestart,
		Run: m.run,
	}}
}

var errNoBox = errors.New("no such mailbox")

// run is the application. What it cannot do is an error and does not end the call.
func (m *Module) run(ctx context.Context, s core.Session, args string) error {
	words := strings.Fields(args)
	check, authorized, loginOnly := false, expand.IsTrue(s.Var("voicemail_authorized")), false
	for len(words) > 0 {
		switch strings.ToLower(words[0]) {
		case "check":
			check = true
		case "auth":
			authorized = true
		case "auth_only":
			loginOnly = true
		default:
			goto named
		}
		words = words[1:]
	}
named:
	if len(words) < 2 || len(words) > 3 || !check && len(words) < 3 {
		return fmt.Errorf("voicemail %.80q: want %s", args, syntax)
	}
	p := (*m.profiles.Load())[strings.ToLower(words[0])]
	if p == nil {
		return fmt.Errorf("voicemail: there is no profile %.80q", words[0])
	}
	c := &caller{m: m, s: s, p: p, domain: words[1]}
	if check {
		id := ""
		if len(words) == 3 {
			id = words[2]
		}
		return c.check(ctx, id, authorized, loginOnly)
	}
	u, ok := m.user(words[1], words[2])
	if !ok {
		return fmt.Errorf("voicemail: %.80q@%.80q: %w", words[2], words[1], errNoBox)
	}
	return c.leave(ctx, u)
}

// user finds the owner of a box.
func (m *Module) user(domain, id string) (core.User, bool) {
	if m.deps.Directory == nil {
		return core.User{}, false
	}
	u, ok := m.deps.Directory.User(domain, id)
	return u, ok && enabled(u)
}

func owner(u core.User) core.AOR { return core.AOR{User: u.ID, Domain: u.Domain} }

// limits are what a user's box holds.
func (p *Profile) limits(u core.User) box.Limits {
	l := box.Limits{Messages: p.MaxMessages}
	if d, err := time.ParseDuration(u.Params["vm-disk-quota"] + "s"); err == nil && d > 0 {
		l.Length = d
	}
	return l
}
