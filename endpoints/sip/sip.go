// Package sip is the SIP endpoint: it speaks RFC 3261 to phones and trunks and
// presents their calls as legs. It is a B2BUA's edge, not a proxy: a dialog
// ends here, and nothing above this package sees a SIP message.
//
//	socket ─► transport ─► shard (picked by Call-ID) ─► transaction ─► invite.go, bye.go … ─► core.Switch
//	                         ▲                                                                     │
//	core.Leg methods ────────┘  (posted, never waited for)  ◄──────────────── events to the inbox ─┘
//
// A shard is one goroutine that owns the transactions, dialogs and legs of its
// Call-IDs and their timers; there are a few of them. Name resolution and
// authentication of registrations that need a disk run beside them. Run waits
// for every goroutine of the package.
package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/endpoints/sip/registrar"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
)

// Network is where the module gets its sockets from; tests bring their own.
type Network struct {
	// ListenPacket and Listen bind one exact address.
	ListenPacket func(addr netip.AddrPort) (net.PacketConn, error)
	Listen       func(addr netip.AddrPort) (net.Listener, error)
	// Dial makes a connection from a local address; nil leaves it to the transport.
	Dial func(ctx context.Context, local, remote netip.AddrPort) (net.Conn, error)
	// LocalAddrs lists the machine's addresses, for sip-ip "all".
	LocalAddrs func() ([]netip.Addr, error)
	// Source tells the local address that packets to remote leave from; the
	// zero Addr if unknown. It does not block.
	Source func(remote netip.Addr) netip.Addr
	// Resolver looks host names up, in goroutines of their own.
	Resolver Resolver
}

// Module is the SIP endpoint.
type Module struct {
	// Immutable after New.
	deps      core.Deps
	log       *slog.Logger
	network   Network
	profiles  []*profile
	shards    []*shard
	seed      maphash.Seed
	registrar *registrar.Registrar
	storage   func() (registrar.Storage, error)
	opened    registrar.Storage // Owned by the registrar, which calls its storage one at a time.

	wg       sync.WaitGroup // goroutines beside the shards
	draining atomic.Bool
	ctx      context.Context // of Run; set before the first message
}

var (
	_ module.Module           = (*Module)(nil)
	_ module.Opener           = (*Module)(nil)
	_ module.Drainer          = (*Module)(nil)
	_ module.EndpointProvider = (*Module)(nil)
	_ module.LocatorProvider  = (*Module)(nil)
)

// New reads sofia.conf: <profiles> with one <profile> each. It binds nothing.
// Registrations end with the process; see With for a storage.
func New(cfg *config.Node, deps core.Deps) (module.Module, error) {
	return With(Options{})(cfg, deps)
}

// Options of With.
type Options struct {
	// Network is where sockets come from; the zero value is the machine's.
	Network *Network
	// Storage returns what keeps registrations over restarts. It is called once, by Run.
	Storage func() (registrar.Storage, error)
}

// With returns a constructor with options.
func With(o Options) module.Constructor {
	return func(cfg *config.Node, deps core.Deps) (module.Module, error) {
		network := systemNetwork()
		if o.Network != nil {
			network = *o.Network
		}
		m, err := newModule(network, o.Storage, cfg, deps)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
}

func newModule(network Network, storage func() (registrar.Storage, error), cfg *config.Node, deps core.Deps) (*Module, error) {
	m := &Module{
		deps: deps, log: cmp.Or(deps.Log, slog.New(slog.DiscardHandler)), network: network, storage: storage,
		seed: maphash.MakeSeed(),
	}
	var errs []error
	for n := range cfg.Child("profiles").All("profile") {
		s, err := readProfile(n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !s.Enabled {
			continue
		}
		if m.profile(s.Name) != nil {
			errs = append(errs, n.Errorf("profile %q is there twice", s.Name))
			continue
		}
		p := newProfile(m, s)
		for a := range n.Child("aliases").All("alias") {
			p.aliases = append(p.aliases, a.Attr("name"))
		}
		m.profiles = append(m.profiles, p)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for i := range min(max(runtime.GOMAXPROCS(0), 1), 8) {
		m.shards = append(m.shards, newShard(m, i))
	}
	m.registrar = newRegistrar(m, (*lazyStorage)(m))
	return m, nil
}

// Open binds every socket, or none.
func (m *Module) Open(context.Context) error {
	var errs []error
	for _, p := range m.profiles {
		if err := p.open(); err != nil {
			errs = append(errs, fmt.Errorf("sip profile %q: %w", p.settings.Name, err))
		}
	}
	if len(errs) > 0 {
		for _, p := range m.profiles {
			p.close()
		}
	}
	return errors.Join(errs...)
}

// Run loads the registrations of the last run and serves until ctx is done.
func (m *Module) Run(ctx context.Context) error {
	if err := m.registrar.Load(ctx); err != nil {
		for _, p := range m.profiles {
			p.close()
		}
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	m.ctx = inner
	var shards, addresses sync.WaitGroup
	stop, stopShards := context.WithCancel(context.WithoutCancel(ctx))
	defer stopShards()
	for _, s := range m.shards {
		shards.Go(func() { s.run(stop) })
	}
	sockets, closeSockets := context.WithCancel(context.WithoutCancel(ctx))
	defer closeSockets()
	for _, p := range m.profiles {
		for _, a := range p.addresses {
			addresses.Go(func() { _ = a.Run(sockets) })
		}
		m.log.Info("sip profile up", "profile", p.settings.Name, "addresses", p.describe())
	}
	m.wg.Go(func() { _ = m.registrar.Run(inner) })
	<-ctx.Done()
	// First the shards, so that what they still have to say leaves.
	stopShards()
	shards.Wait()
	cancel()
	m.wg.Wait()
	closeSockets()
	addresses.Wait()
	return nil
}

// Drain refuses new calls and OPTIONS from now on.
func (m *Module) Drain() { m.draining.Store(true) }

// Endpoints brings "sofia".
func (m *Module) Endpoints() []core.Endpoint { return []core.Endpoint{(*endpoint)(m)} }

// Locator knows where registered users are.
func (m *Module) Locator() core.Locator { return m.registrar }

// Registrar is the location service, for commands that list or remove
// registrations.
func (m *Module) Registrar() *registrar.Registrar { return m.registrar }

// profile finds a profile by name or alias.
func (m *Module) profile(name string) *profile {
	for _, p := range m.profiles {
		if strings.EqualFold(p.settings.Name, name) {
			return p
		}
	}
	for _, p := range m.profiles {
		for _, a := range p.aliases {
			if strings.EqualFold(a, name) {
				return p
			}
		}
	}
	return nil
}

// shardOf picks the shard that owns a Call-ID.
func (m *Module) shardOf(callID string) *shard {
	return m.shards[maphash.String(m.seed, callID)%uint64(len(m.shards))]
}

// beside runs work that may block in a goroutine that Run waits for. It must end with ctx.
func (m *Module) beside(work func(ctx context.Context)) {
	ctx := m.ctx
	m.wg.Go(func() { work(ctx) })
}

// ready is nil when a new call may come.
func (m *Module) ready() error {
	if m.draining.Load() {
		return core.ErrDraining
	}
	if m.deps.Switch == nil {
		return nil
	}
	return m.deps.Switch.Ready()
}

// Stats is a snapshot of the module's counters.
type Stats struct {
	Legs          int64
	Received      uint64
	Sent          uint64
	Garbage       uint64
	Malformed     uint64
	Absorbed      uint64 // retransmitted requests
	Retransmitted uint64
	Dropped       uint64 // messages that came faster than a shard could take them
	Refused       uint64 // new calls refused for overload or drain
}

// Stats adds up profiles and shards.
func (m *Module) Stats() Stats {
	var st Stats
	for _, p := range m.profiles {
		for _, a := range p.addresses {
			st.Received += a.Stats.Received.Load()
			st.Sent += a.Stats.Sent.Load()
			st.Garbage += a.Stats.Garbage.Load()
			st.Malformed += a.Stats.Malformed.Load()
		}
	}
	for _, s := range m.shards {
		st.Legs += s.counts.legs.Load()
		st.Absorbed += s.counts.absorbed.Load()
		st.Retransmitted += s.counts.retransmitted.Load()
		st.Dropped += s.counts.dropped.Load()
		st.Refused += s.counts.refused.Load()
	}
	return st
}

// handler takes what the addresses of one profile receive.
type handler struct{ p *profile }

var _ transport.Handler = handler{}

// Receive implements transport.Handler.
func (h handler) Receive(m *transport.Message) {
	callID := m.SIP().CallID()
	if callID == nil {
		return
	}
	h.p.module.shardOf(callID.Value()).receive(h.p, m)
}

// Down implements transport.Handler.
func (h handler) Down(f *transport.Flow, err error) {
	for _, s := range h.p.module.shards {
		s.do(func() { s.flowDown(f, err) })
	}
}
