// Package rig puts a whole switch together in one process — engine, exchange,
// sessions, dialplan and SIP — on a virtual network. Only what would leave the
// process is fake: records, events and journal stay in memory, sounds are
// tones.
//
//	lan ─► endpoints/sip ─► core/exchange ─► dialplan, apps ─► endpoints/sip ─► lan
//	 └───────────────────► media/engine ◄──────────┘
//
// Start runs everything on goroutines that Stop waits for.
package rig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/apps/call"
	"github.com/tandemswitch/tandem/apps/data"
	"github.com/tandemswitch/tandem/apps/play"
	"github.com/tandemswitch/tandem/apps/record"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/directory"
	"github.com/tandemswitch/tandem/core/exchange"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/dialplan/inlineplan"
	"github.com/tandemswitch/tandem/dialplan/xmlplan"
	"github.com/tandemswitch/tandem/endpoints/group"
	"github.com/tandemswitch/tandem/endpoints/loopback"
	"github.com/tandemswitch/tandem/endpoints/sip"
	"github.com/tandemswitch/tandem/endpoints/user"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/g711"
	"github.com/tandemswitch/tandem/media/engine"
	"github.com/tandemswitch/tandem/test/e2e/lan"
)

// Host and Host6 are the addresses of the switch.
var (
	Host  = netip.MustParseAddr("10.0.0.1")
	Host6 = netip.MustParseAddr("fd00::1")
)

// Config of a rig.
type Config struct {
	Conf fs.FS             // the configuration tree
	Sets map[string]string // --set
	LAN  *lan.LAN
	// Record takes each CDR when it is written. It is called from sessions.
	Record func(core.Record)
	Log    *slog.Logger
}

// Rig is one switch.
type Rig struct {
	// Immutable after Start.
	settings config.Switch
	engine   *engine.Engine
	exchange *exchange.Exchange
	modules  *module.Set
	registry *module.Registry
	sip      *sip.Module
	records  *records

	drain context.CancelFunc // begins the shutdown
	hurry context.CancelFunc // ends the wait for calls
	done  chan struct{}      // everything has ended
	err   error              // set before done closes
}

// Start assembles a switch and runs it.
func Start(ctx context.Context, cfg Config) (*Rig, error) {
	tree, err := config.Load(config.Options{FS: cfg.Conf, Sets: cfg.Sets, Presets: map[string]string{
		"local_ip_v4": Host.String(), "listen_ip": Host.String() + "," + Host6.String(), "default_password": Password,
		// Directories that the sample's paths begin with; no file of a rig is opened.
		"conf_dir": "conf", "sounds_dir": "sounds", "recordings_dir": "recordings", "data_dir": "data",
	}})
	if err != nil {
		return nil, err
	}
	r := &Rig{records: &records{tell: cfg.Record}, done: make(chan struct{})}
	if r.settings, err = config.SwitchSettings(tree); err != nil {
		return nil, err
	}
	globals := exchange.NewGlobals(tree.Vars())
	domain, _ := globals.Global("domain")
	users, err := directory.New(tree.Section("directory"), domain)
	if err != nil {
		return nil, err
	}
	r.engine = engine.New(engine.Config{
		Shards: 1, PortStart: uint16(r.settings.RTPStartPort), PortEnd: uint16(r.settings.RTPEndPort),
		Codecs: []media.Codec{g711.PCMU(), g711.PCMA()}, Listen: cfg.LAN.Media(), CNAME: "rig", Log: cfg.Log,
	})
	registry := module.NewRegistry()
	r.registry = registry
	deps := core.Deps{
		Directory: users, Locator: registry, Commands: registry, Apps: registry, Routers: registry, Endpoints: registry,
		Globals: globals, Media: r.engine, Sounds: tones{}, Records: r.records, Events: &events{}, Journal: journal{}, Log: cfg.Log,
	}
	base := context.WithoutCancel(ctx)
	r.exchange = exchange.New(base, exchange.Config{
		MaxSessions: r.settings.MaxSessions, SessionsPerSecond: r.settings.SessionsPerSecond, DrainTimeout: r.settings.DrainTimeout,
	}, deps)
	deps.Switch, deps.Calls = r.exchange, r.exchange
	if r.modules, err = module.Build(r.list(cfg.LAN), tree, deps, registry); err != nil {
		return nil, err
	}
	if err := r.modules.Open(ctx); err != nil {
		return nil, err
	}
	r.run(base)
	return r, nil
}

// list is the modules of a switch, without those that need disk or HTTP.
func (r *Rig) list(l *lan.LAN) []module.Entry {
	network := &sip.Network{
		ListenPacket: l.ListenPacket,
		Listen:       l.Listen,
		Dial: func(ctx context.Context, local, remote netip.AddrPort) (net.Conn, error) {
			return l.Dial(ctx, local, remote)
		},
		LocalAddrs: func() ([]netip.Addr, error) { return []netip.Addr{Host}, nil },
		Source:     func(netip.Addr) netip.Addr { return Host },
		Resolver:   resolver{},
	}
	newSIP := sip.With(sip.Options{Network: network})
	return []module.Entry{
		{Name: "app/call", New: call.New},
		{Name: "app/data", New: as(data.New)},
		{Name: "app/play", New: play.New},
		{Name: "app/record", New: record.New},
		{Name: "app/voicemail", New: newAnswerer},
		{Name: "dialplan/inline", New: as(inlineplan.New)},
		{Name: "dialplan/xml", Config: "dialplan", New: as(xmlplan.New)},
		{Name: "endpoint/user", New: user.New},
		{Name: "endpoint/group", New: group.New},
		{Name: "endpoint/loopback", New: loopback.New},
		{Name: "endpoint/sip", Config: "sofia.conf", New: func(n *config.Node, d core.Deps) (module.Module, error) {
			m, err := newSIP(n, d)
			r.sip, _ = m.(*sip.Module)
			return m, err
		}},
	}
}

// source is the address of the switch that far ends of a family see.
func source(remote netip.Addr) netip.Addr {
	if remote.Is4() {
		return Host
	}
	return Host6
}

// as fits a constructor that returns its own type into the list.
func as[M module.Module](f func(*config.Node, core.Deps) (M, error)) module.Constructor {
	return func(cfg *config.Node, deps core.Deps) (module.Module, error) {
		m, err := f(cfg, deps)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
}

// run starts what stands under the modules, then these, as serve does.
func (r *Rig) run(base context.Context) {
	under, stopUnder := context.WithCancel(base)
	serving, drain := context.WithCancel(base)
	hurry, hurried := context.WithCancel(base)
	r.drain, r.hurry = drain, hurried
	go func() {
		defer close(r.done)
		var engineErr error
		var wg sync.WaitGroup
		wg.Go(func() { engineErr = r.engine.Run(under) })
		err := r.modules.Run(serving, func() {
			r.modules.Drain()
			limit, cancel := context.WithTimeout(hurry, r.settings.DrainTimeout)
			defer cancel()
			r.exchange.Drain(limit)
			r.exchange.Close()
		})
		drain()
		hurried()
		stopUnder()
		wg.Wait()
		r.err = errors.Join(err, engineErr)
	}()
}

// Drain begins the shutdown, as SIGTERM does.
func (r *Rig) Drain() { r.drain() }

// Hurry ends the wait for calls, as the second signal does.
func (r *Rig) Hurry() {
	r.drain()
	r.hurry()
}

// Originate makes a call from the switch.
func (r *Rig) Originate(ctx context.Context, req core.OriginateRequest) error {
	_, _, err := r.exchange.Originate(ctx, req)
	return err
}

// Hold puts the far end of a channel on hold or takes it off; which one says
// its number. It waits for the outcome.
func (r *Rig) Hold(ctx context.Context, number string, on bool) error {
	for _, c := range r.exchange.Channels() {
		far := c.Profile.Username
		if c.Direction == core.Outbound {
			far = c.Profile.DestinationNumber
		}
		if far == number {
			return r.exchange.Session(c.ID).Hold(ctx, on)
		}
	}
	return core.ErrNotFound
}

// Stop shuts down at once and waits.
func (r *Rig) Stop() error {
	r.Hurry()
	return r.Wait()
}

// Wait waits until the switch has stopped.
func (r *Rig) Wait() error {
	<-r.done
	return r.err
}

// Contacts words where an address of record is.
func (r *Rig) Contacts(aor core.AOR) string {
	var all []string
	for _, c := range r.registry.Contacts(aor) {
		all = append(all, fmt.Sprintf("%s for %ds", c.URI, int(time.Until(c.Expires).Seconds())))
	}
	slices.Sort(all)
	return cmp.Or(strings.Join(all, ", "), "no place")
}

// Ended reports whether the switch has stopped.
func (r *Rig) Ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Left words what is still there; "" when nothing is.
func (r *Rig) Left() string {
	sessions, legs, streams, records := r.exchange.Limits().Sessions, r.sip.Stats().Legs, r.engine.Stats().Streams, r.records.open()
	if sessions == 0 && legs == 0 && streams == 0 && records == 0 {
		return ""
	}
	return fmt.Sprintf("%d sessions, %d legs, %d streams, %d records not written", sessions, legs, streams, records)
}
