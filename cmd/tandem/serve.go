package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/core/store"
)

type serveCmd struct {
	place
	HTTP      string `name:"http" help:"Address of REST and pages." default:"127.0.0.1:8080" placeholder:"ADDR"`
	APIToken  string `name:"api-token" env:"TANDEM_API_TOKEN" help:"The administrator's token, instead of the one made at first start." placeholder:"TOKEN"`
	LogLevel  string `help:"debug, info, warn or error; switch.conf's loglevel without it." enum:"debug,info,warn,error," default:""`
	LogFormat string `help:"text or json." enum:"text,json" default:"text"`
}

// Run starts the switch and serves until a signal; see design section 6.5.
func (c *serveCmd) Run(ctx context.Context, st streams, sigs <-chan os.Signal) error {
	secret, err := c.prepare()
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	lock, err := lockData(c.Data)
	if err != nil {
		return err
	}
	defer lock.Close()
	tree, err := c.load(map[string]string{"default_password": secret.password})
	if err != nil {
		return problems(st, err)
	}
	level := new(slog.LevelVar)
	log := newLogger(st, c.LogFormat, level)
	db, err := openStore(c.Data, tree, log)
	if err != nil {
		return problems(st, err)
	}
	defer db.Close()
	token := secret.token
	if c.APIToken != "" {
		token = c.APIToken
	}
	a, err := assemble(parts{base: context.WithoutCancel(ctx), tree: tree, data: c.Data, log: log, token: token, http: c.HTTP, store: db})
	if err != nil {
		return checkProblems(st, err)
	}
	level.Set(a.settings.LogLevel.Level())
	if c.LogLevel != "" {
		_ = level.UnmarshalText([]byte(c.LogLevel))
	}
	for _, w := range tree.Warnings() {
		log.Warn("configuration", "err", w.Error())
	}
	if err := a.modules.Open(ctx); err != nil {
		return taken(err)
	}
	c.greet(st, a, secret)
	return a.run(ctx, sigs, log)
}

// gcPercent trades memory for processor time: the heap of a switch is small.
// GOGC=300 took about a quarter off the set-up of a call in two runs of make
// load that were saturated; 200 was not measured alone. GOGC overrules it.
const gcPercent = 200

// run runs everything until the first signal, drains, and stops in reverse.
func (a *assembly) run(ctx context.Context, sigs <-chan os.Signal, log *slog.Logger) error {
	base := context.WithoutCancel(ctx)
	under, stopUnder := context.WithCancel(base)
	ended := make(chan error, 1)
	go func() { ended <- a.runUnder(under) }()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	hurry, hurried := context.WithCancel(base)
	defer hurried()
	go func() {
		select {
		case s := <-sigs:
			log.Info("draining", "signal", s.String(), "calls", a.exchange.Limits().Sessions)
			stop()
		case <-serving.Done():
			return
		}
		select {
		case <-sigs:
			log.Info("hurrying")
			hurried()
		case <-hurry.Done():
			return
		}
		<-sigs
		os.Exit(1)
	}()
	closed := make(chan struct{})
	err := a.modules.Run(serving, func() {
		a.modules.Drain()
		limit, cancel := context.WithTimeout(hurry, a.settings.DrainTimeout)
		defer cancel()
		a.exchange.Drain(limit)
		go func() {
			defer close(closed)
			a.exchange.Close()
		}()
		a.farewell(closed, hurry)
	})
	// The endpoints are gone and have let every leg go.
	wait(closed, time.Now().Add(lastWords))
	hurried()
	stopUnder()
	return errors.Join(err, <-ended)
}

// farewells are how long far ends may take to answer our BYEs and CANCELs at
// the end; lastWords how long sessions may take to write their records after
// their endpoints have gone.
const (
	farewells     = 5 * time.Second
	shortFarewell = 500 * time.Millisecond
	lastWords     = 5 * time.Second
)

// farewell waits until every session has ended, or for as long as is polite.
func (a *assembly) farewell(closed <-chan struct{}, hurry context.Context) {
	polite := time.NewTimer(farewells)
	defer polite.Stop()
	select {
	case <-closed:
	case <-polite.C:
	case <-hurry.Done():
		wait(closed, time.Now().Add(shortFarewell))
	}
}

func wait(done <-chan struct{}, until time.Time) {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// runUnder runs what stands under the modules: it stops last, so that nothing
// a module says at its end is lost.
func (a *assembly) runUnder(ctx context.Context) error {
	runs := []func(context.Context) error{a.engine.Run, a.events.Run, a.records.Run, a.journal.Run, a.library.Run}
	errs := make(chan error, len(runs))
	for _, r := range runs {
		go func() { errs <- r(ctx) }()
	}
	var all error
	for range runs {
		if err := <-errs; err != nil && !errors.Is(err, context.Canceled) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// greet prints what a person needs next: all of it at the first start, where
// it is kept later.
func (c *serveCmd) greet(st streams, a *assembly, s *secrets) {
	domain := a.global("domain")
	addr := a.global("local_ip_v4")
	if only := a.global("listen_ip"); only != "all" && only != "" {
		addr, _, _ = strings.Cut(only, ",")
	}
	sip := net.JoinHostPort(addr, a.global("internal_sip_port"))
	fmt.Fprintf(st.out, "Tandem %s is running.\n", versionText())
	fmt.Fprintf(st.out, "  phones register at   %s (UDP or TCP), domain %s\n", sip, domain)
	fmt.Fprintf(st.out, "  pages and REST       http://%s/\n", c.HTTP)
	if s.made {
		fmt.Fprintf(st.out, "  extensions           1000 to 1019, password %s\n", s.password)
		if c.APIToken == "" {
			fmt.Fprintf(st.out, "  REST token           %s\n", s.token)
		}
		fmt.Fprintf(st.out, "These are kept in %s and are not shown again.\n", filepath.Join(c.Data, "secrets"))
		fmt.Fprintf(st.out, "Call 9196 for an echo, 9664 for music.\n")
		return
	}
	fmt.Fprintf(st.out, "  password and token   in %s\n", filepath.Join(c.Data, "secrets"))
}

func newLogger(st streams, format string, level slog.Leveler) *slog.Logger {
	opt := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(st.err, opt))
	}
	return slog.New(slog.NewTextHandler(st.err, opt))
}

// taken turns "address already in use" into what to do about it.
func taken(err error) error {
	if strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("%w (another program, perhaps another tandem, has the port: change SIP's with --set internal_sip_port=PORT, the pages' with --http ADDR)", err)
	}
	return err
}

// openStore opens the database: switch.conf's, or SQLite's file in the data directory.
func openStore(data string, tree *config.Tree, log *slog.Logger) (*store.DB, error) {
	settings, err := config.SwitchSettings(tree)
	if err != nil {
		return nil, err
	}
	dsn := settings.Database
	if dsn == "" {
		dsn = filepath.Join(data, "tandem.db")
	}
	return store.Open(dsn, log)
}
