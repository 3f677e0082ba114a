package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/tandemswitch/tandem/apps/play/library"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/cdr"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/directory"
	"github.com/tandemswitch/tandem/core/event"
	"github.com/tandemswitch/tandem/core/exchange"
	"github.com/tandemswitch/tandem/core/journal"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/core/presence"
	"github.com/tandemswitch/tandem/core/store"
	"github.com/tandemswitch/tandem/media/engine"
	"github.com/tandemswitch/tandem/media/file"
	"github.com/tandemswitch/tandem/media/resample"
	"github.com/tandemswitch/tandem/sounds"
)

// parts are what a switch is assembled from.
type parts struct {
	base  context.Context // parent of calls; nil for check and route
	tree  *config.Tree
	data  string
	log   *slog.Logger
	token string // of the REST API
	http  string // address of the REST API; empty: no web module
	store *store.DB
}

// assembly is a switch put together, nothing of it running.
type assembly struct {
	settings  config.Switch
	globals   *exchange.Globals
	directory *directory.Directory
	registry  *module.Registry
	engine    *engine.Engine
	files     *file.Library
	library   *library.Library
	events    *event.Log
	records   *cdr.Records
	journal   *journal.Journal
	exchange  *exchange.Exchange
	modules   *module.Set
}

// assemble reads every part of the configuration and constructs everything; it
// reports all errors at once. Without a store it builds what check and route
// need: nothing that lasts.
func assemble(p parts) (*assembly, error) {
	a := &assembly{}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	a.settings, err = config.SwitchSettings(p.tree)
	note(err)
	a.globals = exchange.NewGlobals(p.tree.Vars())
	domain, _ := a.globals.Global("domain")
	a.directory, err = directory.New(p.tree.Section("directory"), domain)
	note(err)
	soundsDir := a.global("sounds_dir")
	var bank resample.Bank
	a.files = file.NewLibrary(file.Config{Resample: bank.Source, Codecs: codecs()})
	a.library, err = library.New(library.Config{
		Music: p.tree.Configuration("local_stream.conf"), SoundsDir: soundsDir, ConfDir: a.global("conf_dir"),
		Finder: finder{sounds.New(os.DirFS(soundsDir), sounds.FS)}, Files: a.files, Log: p.log,
	})
	note(err)
	a.registry = module.NewRegistry()
	a.engine = engine.New(engine.Config{
		PortStart: uint16(a.settings.RTPStartPort), PortEnd: uint16(a.settings.RTPEndPort), Codecs: codecs(), Log: p.log,
	})
	deps := core.Deps{
		Directory: a.directory, Locator: a.registry, Commands: a.registry, Apps: a.registry, Routers: a.registry, Endpoints: a.registry,
		Globals: a.globals, Media: a.engine, Sounds: a.library, Presence: presence.New(), Log: p.log, DataDir: p.data,
	}
	if p.store != nil {
		note(a.openRecords(p, &deps))
		a.exchange = exchange.New(p.base, exchange.Config{
			MaxSessions: a.settings.MaxSessions, SessionsPerSecond: a.settings.SessionsPerSecond, DrainTimeout: a.settings.DrainTimeout,
		}, deps)
		deps.Switch, deps.Calls = a.exchange, a.exchange
	}
	if len(errs) == 0 || p.store == nil {
		a.modules, err = module.Build(modules(p, a), p.tree, deps, a.registry)
		note(err)
	}
	if len(errs) > 0 {
		return nil, joined(errs)
	}
	return a, nil
}

// openRecords opens what must last: events, CDRs, journals.
func (a *assembly) openRecords(p parts, deps *core.Deps) error {
	var err error
	if a.events, err = event.New(event.Config{Dir: filepath.Join(p.data, "events"), Log: p.log}); err != nil {
		return fmt.Errorf("event log: %w", err)
	}
	if a.records, err = cdr.New(p.store, cdr.Config{Dir: filepath.Join(p.data, "cdr"), Slots: recordSlots(a.settings), Log: p.log}); err != nil {
		return fmt.Errorf("call records: %w", err)
	}
	a.journal, err = journal.New(p.store, journal.Config{
		Dir: filepath.Join(p.data, "journal"), MaxBytes: int64(a.settings.JournalMaxSize), MaxAge: a.settings.JournalMaxAge,
		KeepOneIn: a.settings.JournalKeepOneIn, Log: p.log,
	})
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	deps.Events, deps.Records, deps.Journal = a.events, a.records, a.journal
	return nil
}

// recordSlots has room for every live leg and for as many that wait for a disk
// that is ill.
func recordSlots(s config.Switch) int { return max(20000, 2*s.MaxSessions) }

func (a *assembly) global(name string) string {
	v, _ := a.globals.Global(name)
	return v
}

// finder lets the library look through the layers of sounds.
type finder struct{ index *sounds.Index }

// Find implements library.Finder.
func (f finder) Find(name string, rateHz int) (fs.FS, string, error) {
	p, err := f.index.Find(name, rateHz)
	if err != nil {
		return nil, "", err
	}
	return f.index.Layer(p.Layer), p.Path, nil
}

// List implements library.Finder.
func (f finder) List(dir string, rateHz int) ([]string, error) { return f.index.List(dir, rateHz) }
