package ivr

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/expand"
)

// metaWait is how soon after the meta key a bound key must follow.
const metaWait = 5 * time.Second

// metaName begins the names under which keys are bound.
const metaName = "bind_meta_app "

// keyBinder is the session's role that bind_meta_app needs.
type keyBinder interface {
	BindKeys(name string, f func(d core.Digit, from core.ChannelID) (taken bool))
}

// beside is the session's role of running an application while another runs.
type beside interface {
	ExecuteBeside(ctx context.Context, st core.Step)
	Done() <-chan struct{}
}

// binding is an application behind two keys: the meta key and key, pressed by one
// side of a bridge.
type binding struct {
	// Immutable.
	m    *Module
	s    core.Session // that the application was bound on
	own  bool         // pressed by its far end; else by the other's
	meta byte
	key  byte
	runs byte // on whom: a, b, s or o
	once bool
	step core.Step

	// Guarded by mu. Keys are told by two owners, the session and the bridge.
	mu   sync.Mutex
	star time.Time // when the meta key was pressed
	used bool
}

// saw looks at a key; it is called by owners and does not block. The meta key
// itself goes its way: only the one after it shows whether it was meant for us.
func (b *binding) saw(d core.Digit, from core.ChannelID) bool {
	if (from == b.s.ID()) != b.own || b.s.Peer() == "" || !b.press(d.Digit, time.Now()) {
		return false
	}
	b.m.post(job{b.s, from, b.runs, b.step})
	return true
}

// press reports whether this key completes the binding's.
func (b *binding) press(key byte, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ready := !b.star.IsZero() && now.Sub(b.star) <= metaWait && !b.used
	b.star = time.Time{}
	if ready && key == b.key {
		b.used = b.once
		return true
	}
	if key == b.meta {
		b.star = now
	}
	return false
}

// job is an application that somebody asked for by keys.
type job struct {
	bound   core.Session
	presser core.ChannelID
	runs    byte
	step    core.Step
}

// maxJobs wait at most for Run; they do for as long as a goroutine takes to start.
const maxJobs = 64

func (m *Module) post(j job) {
	select {
	case m.jobs <- j:
	default:
		m.deps.Log.Warn("too many applications asked for by keys", "app", j.step.App)
	}
}

// carryOut runs the application on the leg that it was meant for until it
// returns, the leg ends, or ctx does.
func (m *Module) carryOut(ctx context.Context, j job) {
	presser, other := j.bound, j.bound.Other(j.bound.Peer())
	if j.presser != j.bound.ID() {
		presser, other = j.bound.Other(j.presser), j.bound
	}
	target := map[byte]core.Session{'a': j.bound, 's': presser, 'o': other}[j.runs]
	if j.runs == 'b' {
		target = other
		if other == j.bound {
			target = presser
		}
	}
	leg, ok := target.(beside)
	if !ok || presser == nil {
		return // gone meanwhile
	}
	presser.FlushDigits() // the keys that asked for it are no answer to it
	ctx, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	wg.Go(func() {
		select {
		case <-leg.Done():
			cancel(core.ErrEnded)
		case <-ctx.Done():
		}
	})
	leg.ExecuteBeside(ctx, j.step)
}

const bindSyntax = "KEY a|b|ab [a|b|o|s][i][1] APP[::ARG]"

// bindMetaApp has keys run an application while the channel is bridged.
func (m *Module) bindMetaApp() core.App {
	return core.App{
		Name: "bind_meta_app", Syntax: bindSyntax, Doc: "run an application when * and a key are pressed in a bridge", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(_ context.Context, s core.Session, args string) error {
			list, err := m.parseBinding(s, expand.SplitN(args, ' ', 4))
			if err != nil {
				return fmt.Errorf("bind_meta_app %q: %w", args, err)
			}
			binder, ok := s.(keyBinder)
			if !ok {
				return fmt.Errorf("bind_meta_app: %w", core.ErrUnsupported)
			}
			for _, b := range list {
				binder.BindKeys(b.name(), b.saw)
			}
			return nil
		},
	}
}

// name is under which a binding stands: one for each key and side.
func (b *binding) name() string { return bindingName(b.key, b.own) }

func bindingName(key byte, own bool) string {
	if own {
		return metaName + string(key) + "a"
	}
	return metaName + string(key) + "b"
}

// parseBinding reads KEY, who may press it, who runs it, and what. Both sides
// may press means two bindings.
func (m *Module) parseBinding(s core.Session, a []string) ([]*binding, error) {
	if len(a) < 4 || len(a[0]) != 1 || !isKey(a[0][0]) {
		return nil, fmt.Errorf("want %s, KEY one of %s", bindSyntax, keys)
	}
	who, how := strings.ToLower(a[1]), strings.ToLower(a[2])
	if who == "" || strings.Trim(who, "ab") != "" || strings.Trim(how, "abosi1") != "" {
		return nil, fmt.Errorf("want %s", bindSyntax)
	}
	app, arg, _ := strings.Cut(a[3], "::")
	if app = strings.TrimSpace(app); app == "" {
		return nil, fmt.Errorf("no application: want %s", bindSyntax)
	}
	runs, meta := byte('a'), byte('*')
	if i := strings.IndexAny(how, "abos"); i >= 0 {
		runs = how[i]
	}
	if v := s.Var("bind_meta_key"); v != "" {
		meta = v[0]
	}
	var list []*binding
	for _, side := range []byte("ab") {
		if strings.IndexByte(who, side) >= 0 {
			list = append(list, &binding{
				m: m, s: s, own: side == 'a', meta: meta, key: a[0][0], runs: runs, once: strings.Contains(how, "1"), step: core.Step{App: app, Data: arg},
			})
		}
	}
	return list, nil
}

// unbindMetaApp takes bindings back.
func (m *Module) unbindMetaApp() core.App {
	return core.App{
		Name: "unbind_meta_app", Syntax: "[KEY]", Doc: "take one key, or all, from bind_meta_app", NoMedia: true, Resume: core.ResumeRestart,
		Run: func(_ context.Context, s core.Session, args string) error {
			which := strings.TrimSpace(args)
			if which == "" {
				which = keys
			} else if len(which) != 1 || !isKey(which[0]) {
				return fmt.Errorf("unbind_meta_app %q: want one of %s", args, keys)
			}
			binder, ok := s.(keyBinder)
			if !ok {
				return fmt.Errorf("unbind_meta_app: %w", core.ErrUnsupported)
			}
			for i := range len(which) {
				binder.BindKeys(bindingName(which[i], true), nil)
				binder.BindKeys(bindingName(which[i], false), nil)
			}
			return nil
		},
	}
}
