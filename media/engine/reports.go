package engine

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/tandemswitch/tandem/media/rtp"
)

// reportInterval is the mean distance of our RTCP reports: the minimum of
// RFC 3550 §6.2, which two members never exceed. It is spread over half to one
// and a half, and divided by e−1.5 (RFC 3550 §6.3.1).
const (
	reportInterval     = 5 * time.Second
	reportCompensation = 1.21828
)

// reports is the RTCP of a stream. Owned by the shard.
type reports struct {
	to       netip.AddrPort
	due      time.Duration
	lastSR   uint32        // middle of the NTP time of the far end's last SR
	lastSRAt time.Duration // when it came
	sentAt   uint32        // packets we had sent at the last report
	buf      [512]byte
}

// aim says where reports go: where the description says, else one port above
// RTP (RFC 3605 §2.1).
func (r *reports) aim(described, rtp netip.AddrPort) {
	if r.to = described; !described.IsValid() || described.Port() == 0 {
		r.to = netip.AddrPort{}
		r.guess(rtp)
	}
}

func (r *reports) guess(rtp netip.AddrPort) {
	if rtp.IsValid() && rtp.Port() < 65535 {
		r.to = netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
	}
}

// follow guesses anew when RTP comes from another host than reports go to;
// the far end's own reports tell for certain.
func (r *reports) follow(rtp netip.AddrPort) {
	if r.to.Addr().Unmap() != rtp.Addr().Unmap() {
		r.guess(rtp)
	}
}

// report sends what is due.
func (s *stream) report(now time.Duration) {
	r := &s.reports
	if s.rtcp == nil || !r.to.IsValid() || r.to.Addr().IsUnspecified() {
		return
	}
	if r.due == 0 {
		r.due = now + interval()/2 // the first comes sooner (RFC 3550 §6.2)
		return
	}
	if now < r.due {
		return
	}
	r.due = now + interval()
	s.sendReport(now, false)
}

func interval() time.Duration {
	return time.Duration(float64(reportInterval) * (0.5 + rand.Float64()) / reportCompensation)
}

func (s *stream) sendBye(now time.Duration) {
	if s.rtcp != nil && s.rx.live && s.reports.to.IsValid() && !s.reports.to.Addr().IsUnspecified() {
		s.sendReport(now, true)
	}
}

// sendReport sends a compound packet. Errors of RTCP never hurt a stream.
func (s *stream) sendReport(now time.Duration, bye bool) {
	r := &s.reports
	out := rtp.Report{Bye: bye}
	s.tx.sender.Report(now, &out)
	out.NTP = rtp.NTP(s.engine.start.Add(now))
	sent := out.Packets
	out.IsSender = sent != r.sentAt // nothing sent since: a receiver report (RFC 3550 §6.4)
	r.sentAt = sent
	if s.rx.seq.Started() {
		out.HasBlock = true
		out.Block = s.rx.seq.Block()
		if r.lastSR != 0 {
			out.Block.LastReport = r.lastSR
			out.Block.Delay = uint32((now - r.lastSRAt).Microseconds() * 65536 / 1e6)
		}
	}
	_ = s.rtcp.send(out.Append(r.buf[:0], s.engine.cfg.CNAME), r.to)
}

// onRTCP reads a report. Only the host that sends RTP is believed.
func (s *stream) onRTCP(b []byte, from netip.AddrPort, now time.Duration) {
	var in rtp.Report
	if !s.rx.live || in.Parse(b, s.tx.sender.SSRC()) != nil {
		s.figures.dropped.Add(1)
		return
	}
	if s.twin == nil && !s.knowsHost(from.Addr().Unmap()) {
		s.figures.foreign.Add(1)
		s.watching.stranger = from
		return
	}
	r := &s.reports
	if s.cfg.Symmetric && s.twin == nil {
		r.to = from
	}
	if in.IsSender && in.SSRC == s.rx.seq.SSRC() {
		r.lastSR, r.lastSRAt = rtp.Middle(in.NTP), now
	}
	if !in.HasBlock {
		return
	}
	f := &s.figures
	f.lostOut.Store(uint64(max(in.Block.Lost, 0)))
	if hz := int64(s.tx.format.ClockHz); hz > 0 {
		f.jitterOut.Store(int64(in.Block.Jitter) * int64(time.Second) / hz)
	}
	if rtt := in.Block.RoundTrip(rtp.NTP(s.engine.start.Add(now))); rtt > 0 {
		f.roundTrip.Store(int64(rtt))
	}
}

// knowsHost reports whether RTP comes from a host, or is said to.
func (s *stream) knowsHost(host netip.Addr) bool {
	return host == s.rx.source.Current().Addr() || host == s.reports.to.Addr().Unmap() || host == s.tx.to.Addr().Unmap()
}
