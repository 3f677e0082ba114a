package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/core/module"
)

var (
	_ module.Module  = (*Module)(nil)
	_ module.Opener  = (*Module)(nil)
	_ module.Drainer = (*Module)(nil)
)

// Limits of the server: what a slow or large client may take.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 2 * time.Minute // a command may take a minute (originate)
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	maxBodyBytes      = 64 << 10 // the largest request is a call with its variables
	shutdownTimeout   = 5 * time.Second
)

// Open implements module.Opener: it binds the listener. A port that is taken is
// an error that names the flag to change it.
func (m *Module) Open(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", m.cfg.Addr)
	if err != nil {
		return fmt.Errorf("REST and pages: --http %s: %w", m.cfg.Addr, err)
	}
	m.listener = l
	if addr, err := netip.ParseAddrPort(l.Addr().String()); err == nil {
		m.loopback = addr.Addr().Unmap().IsLoopback()
	}
	return nil
}

// Addr is the bound address after Open: it tells the port when Addr asked for :0.
func (m *Module) Addr() net.Addr {
	if m.listener == nil {
		return nil
	}
	return m.listener.Addr()
}

// Run implements module.Module: it serves until ctx is done, gives requests
// under way a few seconds to end, and returns after all it started ended.
func (m *Module) Run(ctx context.Context) error {
	if m.listener == nil {
		return errors.New("api: not open")
	}
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	srv := &http.Server{
		Handler: m.handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return requests },
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	follow, endFollow := context.WithCancel(ctx)
	defer endFollow()
	wg.Go(func() { m.follow(follow) })
	served := make(chan error, 1)
	wg.Go(func() { served <- srv.Serve(m.listener) })
	m.up.Store(true)
	defer m.up.Store(false)
	select {
	case err := <-served:
		return fmt.Errorf("REST and pages: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(requests, shutdownTimeout)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		endRequests()
		return srv.Close()
	}
	return nil
}
