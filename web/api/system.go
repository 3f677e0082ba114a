package api

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Health is the answer of the health checks.
type Health struct {
	Status string `json:"status" doc:"What the check found." enum:"ok,ready"`
}

// System is what runs here.
type System struct {
	Version   string `json:"version" doc:"The product's version."`
	Go        string `json:"go" doc:"The Go release it was built with."`
	StartedAt Moment `json:"started_at"`
	UptimeMS  int64  `json:"uptime_ms"`

	Draining           bool   `json:"draining" doc:"No new calls are taken."`
	Sessions           int    `json:"sessions" doc:"Channels now."`
	MaxSessions        int    `json:"max_sessions" doc:"Limit of channels; 0 for none."`
	PeakSessions       int    `json:"peak_sessions" doc:"Most channels at a time since the start."`
	SessionsSinceStart uint64 `json:"sessions_since_start" doc:"Channels made since the start."`
	MaxPerSecond       int    `json:"max_per_second" doc:"Limit of new calls per second; 0 for none."`
}

type (
	healthAnswer struct{ Body Health }
	systemAnswer struct{ Body System }
)

func (m *Module) describeSystem() {
	anybody := []map[string][]string{{}}
	health := m.operation("getHealth", http.MethodGet, "/v1/system/health", "Is the process alive?")
	health.Security = anybody
	huma.Register(m.api, health, func(context.Context, *struct{}) (*healthAnswer, error) {
		return &healthAnswer{Health{"ok"}}, nil
	})
	ready := m.operation("getReady", http.MethodGet, "/v1/system/ready", "Does the switch take calls? 503 while it starts or drains.")
	ready.Security = anybody
	huma.Register(m.api, ready, m.ready)
	huma.Register(m.api, m.operation("getVersion", http.MethodGet, "/v1/system/version", "What runs here, and how busy it is."), m.system)
}

// ready answers load balancers and whoever waits for the start.
func (m *Module) ready(context.Context, *struct{}) (*healthAnswer, error) {
	switch {
	case m.isDraining():
		return nil, &Problem{Status: http.StatusServiceUnavailable, kind: "draining", Detail: "draining: no new calls"}
	case !m.up.Load():
		return nil, &Problem{Status: http.StatusServiceUnavailable, kind: "starting", Detail: "not up yet"}
	}
	return &healthAnswer{Health{"ready"}}, nil
}

func (m *Module) isDraining() bool {
	return m.draining.Load() || m.cfg.Calls != nil && m.cfg.Calls.Limits().Draining
}

func (m *Module) system(context.Context, *struct{}) (*systemAnswer, error) {
	s := System{
		Version: m.cfg.Version, Go: runtime.Version(), StartedAt: Moment{m.started}, UptimeMS: time.Since(m.started).Milliseconds(), Draining: m.isDraining(),
	}
	if m.cfg.Calls != nil {
		l := m.cfg.Calls.Limits()
		s.Sessions, s.MaxSessions, s.PeakSessions = l.Sessions, l.MaxSessions, l.PeakSessions
		s.SessionsSinceStart, s.MaxPerSecond = l.SessionsSinceStart, l.MaxPerSecond
	}
	return &systemAnswer{s}, nil
}
