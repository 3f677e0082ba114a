package engine

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/tandemswitch/tandem/media"
)

// figures are written by the shard and read by anybody.
type figures struct {
	packetsIn, packetsOut atomic.Uint64
	bytesIn, bytesOut     atomic.Uint64
	lostIn, lostOut       atomic.Uint64
	outOfOrder, foreign   atomic.Uint64
	dropped, digitsIn     atomic.Uint64
	jitterIn, jitterOut   atomic.Int64  // nanoseconds
	roundTrip             atomic.Int64  // nanoseconds
	lastIn                atomic.Int64  // engine time; 0: never
	position              atomic.Uint64 // next sequence number << 32 | next timestamp
	remoteSSRC            atomic.Uint32
	way                   atomic.Uint32
	remote                atomic.Pointer[netip.AddrPort]
}

// note publishes what the next packet will be numbered.
func (s *stream) note() {
	seq, ts := s.tx.sender.Position()
	s.figures.position.Store(uint64(seq)<<32 | uint64(ts))
}

func (f *figures) addTo(t *media.EngineStats) {
	t.PacketsIn += f.packetsIn.Load()
	t.PacketsOut += f.packetsOut.Load()
	t.BytesIn += f.bytesIn.Load()
	t.BytesOut += f.bytesOut.Load()
	t.LostPackets += f.lostIn.Load()
	t.DroppedPackets += f.dropped.Load() + f.foreign.Load()
}

// Stats is a snapshot; it does not disturb the shard.
func (s *stream) Stats() media.StreamStats {
	f := &s.figures
	st := media.StreamStats{
		Local:      s.local,
		Way:        media.Way(f.way.Load()),
		PacketsIn:  f.packetsIn.Load(),
		PacketsOut: f.packetsOut.Load(),
		BytesIn:    f.bytesIn.Load(),
		BytesOut:   f.bytesOut.Load(),
		LostIn:     f.lostIn.Load(),
		LostOut:    f.lostOut.Load(),
		JitterIn:   time.Duration(f.jitterIn.Load()),
		JitterOut:  time.Duration(f.jitterOut.Load()),
		RoundTrip:  time.Duration(f.roundTrip.Load()),
		OutOfOrder: f.outOfOrder.Load(),
		Foreign:    f.foreign.Load(),
		DigitsIn:   f.digitsIn.Load(),
	}
	if n, ok := s.Negotiated(); ok {
		st.Send, st.Receive, st.Remote = n.Send, n.Receive, n.Remote
	}
	if r := f.remote.Load(); r != nil {
		st.Remote = *r
	}
	if at := f.lastIn.Load(); at != 0 {
		st.LastPacketIn = s.engine.start.Add(time.Duration(at))
	}
	return st
}

// State is what another process carries on from. SSRC and numbers are those
// the next packet would have.
func (s *stream) State() media.StreamState {
	f := &s.figures
	position := f.position.Load()
	st := media.StreamState{
		Local:      s.local,
		SSRC:       s.tx.sender.SSRC(), // never changes
		Sequence:   uint16(position >> 32),
		Timestamp:  uint32(position),
		RemoteSSRC: f.remoteSSRC.Load(),
	}
	if r := f.remote.Load(); r != nil {
		st.Remote = *r
	}
	s.desk.describe(&st)
	return st
}
