package engine

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/rtp"
)

// still is an engine nobody runs: tests step its one shard by hand.
type still struct {
	t   testing.TB
	e   *Engine
	sh  *shard
	now time.Duration
}

// hush is a socket that swallows.
type hush struct {
	local  netip.AddrPort
	closed chan struct{}
}

func (h *hush) ReadFromAddrPort([]byte) (int, netip.AddrPort, error) {
	<-h.closed
	return 0, netip.AddrPort{}, net.ErrClosed
}
func (h *hush) WriteToAddrPort(p []byte, _ netip.AddrPort) (int, error) { return len(p), nil }
func (h *hush) LocalAddrPort() netip.AddrPort                           { return h.local }
func (h *hush) SetReadDeadline(time.Time) error                         { return nil }
func (h *hush) Close() error {
	close(h.closed)
	return nil
}

func newStill(t testing.TB) *still {
	e := New(Config{Shards: 1, Codecs: testCodecs(), Listen: func(a netip.AddrPort) (media.PacketConn, error) {
		return &hush{local: a, closed: make(chan struct{})}, nil
	}})
	t.Cleanup(func() {
		e.closeAll()
		e.running.Wait()
	})
	return &still{t: t, e: e, sh: e.shards[0], now: e.now()}
}

// far is a far end in a test by hand.
type far struct {
	*stream
	addr   netip.AddrPort
	header rtp.Header
	packet []byte
	step   rtp.Timestamp
}

func (w *still) open(f media.Format) *far {
	w.t.Helper()
	s, err := w.e.Open(media.StreamConfig{Local: netip.MustParseAddr("192.0.2.250"), Symmetric: true})
	if err != nil {
		w.t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), s.LocalAddr().Port())
	d := media.StreamDescription{Kind: "audio", Protocol: "RTP/AVP", Addr: addr, Formats: []media.Format{f, event}}
	if _, err := s.Answer(&media.Description{Streams: []media.StreamDescription{d}}, media.Policy{Formats: []media.Format{f}}); err != nil {
		w.t.Fatal(err)
	}
	samples := f.SampleRateHz() / 50
	payload := make([]byte, 2*samples)
	enc, _ := w.e.codecs.pair(f)
	n, err := enc.Encode(payload, mediatest.Tone(f.SampleRateHz(), 440, -10, 20*time.Millisecond))
	if err != nil {
		w.t.Fatal(err)
	}
	w.apply()
	return &far{
		stream: s.(*stream), addr: addr, step: rtp.Timestamp(f.ClockHz / 50),
		header: rtp.Header{PayloadType: f.PayloadType, SSRC: 7},
		packet: append(make([]byte, rtp.HeaderBytes), payload[:n]...),
	}
}

func (w *still) apply() {
	for w.sh.pending.Load() {
		w.sh.apply()
	}
}

// hear makes the stream receive the far end's next packet.
func (w *still) hear(f *far) {
	rtp.Put(f.packet, f.header)
	f.header.Seq++
	f.header.Timestamp += f.step
	w.sh.receive(f.stream, false, f.packet, f.addr, w.now)
}

// tick is 20 ms of everything.
func (w *still) tick(talkers ...*far) {
	for _, f := range talkers {
		w.hear(f)
	}
	w.now += tickEvery
	w.sh.tickNo++
	w.sh.tick(w.now)
}

// scene is a constellation whose steady state must not allocate.
type scene struct {
	name string
	make func(w *still) (talkers []*far)
}

func scenes() []scene {
	pair := func(w *still, f, g media.Format) []*far {
		a, b := w.open(f), w.open(g)
		_ = a.Join(b.stream)
		w.apply()
		return []*far{a, b}
	}
	play := func(w *still, f *far, rateHz int, opt media.PlayOptions) {
		if _, err := f.Play(mediatest.NewToneSource(rateHz, 700, -20), opt); err != nil {
			w.t.Fatal(err)
		}
		w.apply()
	}
	return []scene{
		{"relay", func(w *still) []*far { return pair(w, pcmu, pcmu) }},
		{"transcode", func(w *still) []*far { return pair(w, pcmu, pcma) }},
		{"transcode and resample", func(w *still) []*far { return pair(w, pcmu, wide) }},
		{"echo", func(w *still) []*far {
			f := w.open(pcmu)
			f.Echo(0)
			w.apply()
			return []*far{f}
		}},
		{"echo with delay", func(w *still) []*far {
			f := w.open(pcmu)
			f.Echo(time.Second)
			w.apply()
			return []*far{f}
		}},
		{"play", func(w *still) []*far {
			f := w.open(pcmu)
			play(w, f, 8000, media.PlayOptions{})
			return []*far{f}
		}},
		{"play and resample", func(w *still) []*far {
			f := w.open(pcmu)
			play(w, f, 44100, media.PlayOptions{})
			return []*far{f}
		}},
		{"mix over a call", func(w *still) []*far {
			fars := pair(w, pcmu, pcma)
			play(w, fars[0], 16000, media.PlayOptions{Mix: true})
			return fars
		}},
		{"record a call", func(w *still) []*far {
			fars := pair(w, pcmu, pcmu)
			if _, err := fars[0].Tap(&bin16{}); err != nil {
				w.t.Fatal(err)
			}
			w.apply()
			return fars
		}},
		{"room of talkers", func(w *still) []*far { return meet(w, 8000, 20, 20) }},
		{"room of listeners", func(w *still) []*far { return meet(w, 8000, 1, 20) }},
		{"room at another rate", func(w *still) []*far { return meet(w, 48000, 3, 6) }},
		{"room with music and recording", func(w *still) []*far {
			fars := meet(w, 16000, 2, 10)
			r := fars[0].seat.room
			if _, err := r.Play(mediatest.NewToneSource(44100, 700, -20), media.PlayOptions{}); err != nil {
				w.t.Fatal(err)
			}
			if _, err := r.Tap(&bin{}); err != nil {
				w.t.Fatal(err)
			}
			w.apply()
			return fars
		}},
		{"silence", func(w *still) []*far { return []*far{w.open(pcmu)} }},
		{"digits", func(w *still) []*far {
			f := w.open(pcmu)
			for range 4 {
				_ = f.SendDigits("123456789*0#123456789*0#", time.Second)
			}
			w.apply()
			return []*far{f}
		}},
	}
}

// meet makes a room of PCMU members of whom the first few talk, and returns
// those.
func meet(w *still, rateHz, talkers, members int) []*far {
	r, err := w.e.NewRoom(media.RoomConfig{RateHz: rateHz})
	if err != nil {
		w.t.Fatal(err)
	}
	var fars []*far
	for range members {
		f := w.open(pcmu)
		if _, err := r.Join(f.stream, media.MemberConfig{Energy: 100}); err != nil {
			w.t.Fatal(err)
		}
		fars = append(fars, f)
	}
	w.apply()
	return fars[:talkers]
}

type bin16 struct{ samples int }

func (*bin16) RateHz() int           { return 16000 }
func (b *bin16) Write(in, _ []int16) { b.samples += len(in) }
func (*bin16) Close() error          { return nil }

func TestPacketsAndTicksDoNotAllocate(t *testing.T) {
	for _, sc := range scenes() {
		t.Run(sc.name, func(t *testing.T) {
			w := newStill(t)
			fars := sc.make(w)
			for range 50 { // jitter buffers fill, converters are made
				w.tick(fars...)
			}
			sent := fars[0].Stats().PacketsOut
			if n := testing.AllocsPerRun(200, func() { w.tick(fars...) }); n != 0 {
				t.Errorf("%v allocations per tick", n)
			}
			if n := fars[0].Stats().PacketsOut - sent; n < 190 {
				t.Errorf("only %d packets were sent", n)
			}
			if n := testing.AllocsPerRun(50, func() {
				w.now += watchEvery
				w.sh.look(w.now)
			}); n != 0 {
				t.Errorf("%v allocations per look, reports included", n)
			}
		})
	}
}

// BenchmarkRoom is the cost of one tick of a room, packets and codecs included
// and sockets not. Where hundreds talk at once the limiter works, too.
func BenchmarkRoom(b *testing.B) {
	for _, c := range []struct{ members, talkers int }{{50, 50}, {200, 200}, {400, 400}, {200, 3}, {400, 3}} {
		b.Run(fmt.Sprintf("%d members, %d talk", c.members, c.talkers), func(b *testing.B) {
			w := newStill(b)
			talkers := meet(w, 8000, c.talkers, c.members)
			b.ReportAllocs()
			for b.Loop() {
				w.tick(talkers...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.members), "ns/member")
		})
	}
}

// BenchmarkTick is the cost of 20 ms of each constellation, without sockets.
func BenchmarkTick(b *testing.B) {
	for _, sc := range scenes() {
		b.Run(sc.name, func(b *testing.B) {
			w := newStill(b)
			fars := sc.make(w)
			b.ReportAllocs()
			for b.Loop() {
				w.tick(fars...)
			}
		})
	}
}
