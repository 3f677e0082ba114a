package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tandemswitch/tandem/core"
)

// figures renders what the roles count for Prometheus. The components know
// nothing of it: their figures are read when somebody asks. Labels come from
// closed sets only, never numbers, users or ids.
type figures struct {
	m     *Module
	calls *prometheus.CounterVec // ended, by the follower

	channels, sessionsMax, sessions, draining, registrations *prometheus.Desc
	packets, bytes, lost, dropped, skipped, tick, streams    *prometheus.Desc
	ports                                                    *prometheus.Desc
}

func newFigures(m *Module) (*figures, error) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("tandem_"+name, help, labels, nil)
	}
	f := &figures{
		m: m,
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tandem_calls_total", Help: "Calls that ended since the start, by the direction of their first leg and their cause.",
		}, []string{"direction", "cause"}),
		channels:      desc("channels", "Channels now.", "direction"),
		sessionsMax:   desc("channels_max", "Limit of channels; 0 for none."),
		sessions:      desc("sessions_total", "Channels made since the start."),
		draining:      desc("draining", "1 while no new calls are taken."),
		registrations: desc("registrations", "Contacts registered now."),
		packets:       desc("rtp_packets_total", "RTP packets.", "direction"),
		bytes:         desc("rtp_bytes_total", "RTP payload bytes.", "direction"),
		lost:          desc("rtp_lost_total", "RTP packets that did not reach us, by sequence numbers."),
		dropped:       desc("rtp_dropped_total", "RTP packets dropped: malformed, foreign, or without a way to go."),
		skipped:       desc("media_ticks_skipped_total", "Ticks of the media engine that were skipped after a stall."),
		tick:          desc("media_tick_seconds", "99th percentile of the time one tick of the media engine takes."),
		streams:       desc("media_streams", "Streams open in the media engine."),
		ports:         desc("media_ports", "RTP ports in use."),
	}
	for _, c := range []prometheus.Collector{
		f, f.calls, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(),
	} {
		if err := m.cfg.Registry.Register(c); err != nil {
			return nil, fmt.Errorf("api: metrics: %w", err)
		}
	}
	return f, nil
}

func (f *figures) handler() http.Handler {
	return promhttp.HandlerFor(f.m.cfg.Registry, promhttp.HandlerOpts{Registry: f.m.cfg.Registry, MaxRequestsInFlight: 4})
}

// callEnded counts a call. Causes we have no name for (a dialplan may use any
// number) count as OTHER: the set of labels stays closed.
func (f *figures) callEnded(t trail) {
	cause := "OTHER"
	if slices.Contains(core.Causes(), t.cause) {
		cause = t.cause.String()
	}
	f.calls.WithLabelValues(t.direction, cause).Inc()
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		f.channels, f.sessionsMax, f.sessions, f.draining, f.registrations, f.packets, f.bytes, f.lost, f.dropped, f.skipped, f.tick, f.streams, f.ports,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(f.draining, truth(f.m.isDraining()))
	if calls := f.m.cfg.Calls; calls != nil {
		byDirection := map[core.Direction]int{}
		for _, c := range calls.Channels() {
			byDirection[c.Direction]++
		}
		for _, d := range []core.Direction{core.Inbound, core.Outbound} {
			gauge(f.channels, float64(byDirection[d]), d.String())
		}
		l := calls.Limits()
		gauge(f.sessionsMax, float64(l.MaxSessions))
		counter(f.sessions, l.SessionsSinceStart)
	}
	if f.m.cfg.Locator != nil {
		gauge(f.registrations, float64(len(f.m.cfg.Locator.AllContacts())))
	}
	if f.m.cfg.Media == nil {
		return
	}
	s := f.m.cfg.Media.Stats()
	counter(f.packets, s.PacketsIn, "in")
	counter(f.packets, s.PacketsOut, "out")
	counter(f.bytes, s.BytesIn, "in")
	counter(f.bytes, s.BytesOut, "out")
	counter(f.lost, s.LostPackets)
	counter(f.dropped, s.DroppedPackets)
	counter(f.skipped, s.TicksSkipped)
	gauge(f.tick, s.TickP99.Seconds())
	gauge(f.streams, float64(s.Streams))
	gauge(f.ports, float64(s.PortsInUse))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
