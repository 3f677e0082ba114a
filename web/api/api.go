// Package api is the REST surface of the switch: calls, registrations, records,
// events, the journal, commands and metrics, under /v1 and as OpenAPI 3.1 at
// /openapi.json. It is not a second way to configure the switch, and holds no
// state of calls but a bounded book of what events told.
//
// Run starts two goroutines and waits for both: the HTTP server, and a follower
// of the event log that counts ended calls and keeps the book.
//
//	request ─► guard (host, token, limits) ─► chi ─► huma (types) ─► core roles
//	event log ─► follower ─► counters, book of recent calls
package api

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media"
)

// Config is what the API needs of the switch. Roles that are nil answer with
// 501; Token and Log are needed.
type Config struct {
	Addr    string // host:port to listen on; host may be empty for all addresses
	Token   string // the administrator's bearer token; never logged
	Version string // the product's version
	Log     *slog.Logger

	Switch    core.Switch
	Calls     core.Calls
	Locator   core.Locator
	Directory core.Directory
	Commands  core.Commands
	Apps      core.Apps
	Media     media.Engine
	Records   RecordReader
	Journal   JournalReader
	Events    EventReader

	// Registry takes the collectors of /metrics; others may register theirs
	// there, too. A new one if nil.
	Registry *prometheus.Registry
	// Pages serves the root page and /ui/; nil for none. It needs no token.
	Pages http.Handler
	// Hosts are names under which a reverse proxy reaches a listener on a
	// loopback address, besides localhost and loopback addresses.
	Hosts []string
}

// Module is the API. Open binds, Run serves.
type Module struct {
	// Immutable after New.
	cfg     Config
	log     *slog.Logger
	token   [32]byte // SHA-256 of the token: comparisons take the same time for every length
	api     huma.API
	handler http.Handler
	book    *book
	figures *figures
	started time.Time
	first   uint64 // the last event before this process's own

	listener net.Listener // set by Open
	loopback bool         // the listener is bound to a loopback address
	up       atomic.Bool  // Run serves
	draining atomic.Bool
}

// New checks the configuration and builds the routes. It starts nothing.
func New(cfg Config) (*Module, error) {
	if cfg.Token == "" {
		return nil, errors.New("api: no token")
	}
	if _, _, err := net.SplitHostPort(cfg.Addr); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: errors.New("--http " + cfg.Addr + ": want HOST:PORT")}
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	m := &Module{cfg: cfg, log: cfg.Log, token: digest(cfg.Token), book: newBook(bookCapacity), started: time.Now()}
	if cfg.Events != nil {
		_, m.first = cfg.Events.Bounds()
	}
	var err error
	if m.figures, err = newFigures(m); err != nil {
		return nil, err
	}
	m.handler, err = m.routes()
	return m, err
}

// Handler is the whole surface, for tests and for servers of others. The
// checks of a loopback listener apply after Open only.
func (m *Module) Handler() http.Handler { return m.handler }

// Drain implements module.Drainer: /v1/system/ready answers 503 from now on.
func (m *Module) Drain() { m.draining.Store(true) }
