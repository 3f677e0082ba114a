package engine

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// pipeHosts are the addresses pipes have in descriptions (RFC 5737 §3). No
// packet ever goes there.
var pipeHosts = [2]netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 1}), netip.AddrFrom4([4]byte{192, 0, 2, 2})}

// Pipe returns two streams back to back: what one sends the other receives,
// packet by packet and at once. They speak the engine's first codec until they
// negotiate another.
func (e *Engine) Pipe(a, b media.StreamConfig) (media.Stream, media.Stream, error) {
	if e.ended.Load() {
		return nil, nil, media.ErrClosed
	}
	if len(e.cfg.Codecs) == 0 {
		return nil, nil, fmt.Errorf("engine: pipe: %w: none is configured", media.ErrNoCodec)
	}
	x, y := newStream(e, a), newStream(e, b)
	x.twin, y.twin = y, x
	home := e.roomiest()
	for i, s := range []*stream{x, y} {
		port := uint16(4000 + 2*(s.id%30000))
		s.local = netip.AddrPortFrom(pipeHosts[i], port)
		s.cfg.Advertise = netip.Addr{}
		e.place(s, home)
		f := e.cfg.Codecs[0].Format()
		event := media.Format{Name: media.TelephoneEvent, PayloadType: 101, ClockHz: f.ClockHz, Channels: 1}
		s.desk.mu.Lock()
		err := s.agree(media.Negotiated{
			Send: f, Receive: f, SendPTime: media.DefaultPTime, ReceivePTime: media.DefaultPTime,
			EventSend: event, EventReceive: event, Remote: netip.AddrPortFrom(pipeHosts[1-i], port),
		}, []media.Format{f}, netip.AddrPort{})
		s.desk.mu.Unlock()
		if err != nil {
			x.Close()
			y.Close()
			return nil, nil, err
		}
	}
	return x, y, nil
}

// pass hands a packet to the other end of the pipe. Pipes joined in a ring
// would pass it forever: after maxDepth it is dropped.
func (s *stream) pass(sh *shard, b []byte, now time.Duration) {
	to := s.twin
	if to.closed || to.broken || sh.depth >= maxDepth || to.home.Load() != sh {
		s.figures.dropped.Add(1)
		return
	}
	sh.depth++
	to.onRTP(sh, b, s.local, now)
	sh.depth--
}
