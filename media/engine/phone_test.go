package engine

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/codec/g711"
	"github.com/tandemswitch/tandem/media/codec/l16"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/rtp"
)

var (
	pcmu    = media.Format{Name: media.PCMU, PayloadType: 0, ClockHz: 8000, Channels: 1}
	pcma    = media.Format{Name: media.PCMA, PayloadType: 8, ClockHz: 8000, Channels: 1}
	event96 = media.Format{Name: media.TelephoneEvent, PayloadType: 96, ClockHz: 8000, Channels: 1}
	event   = media.Format{Name: media.TelephoneEvent, PayloadType: 101, ClockHz: 8000, Channels: 1}
)

func testCodecs() []media.Codec {
	return []media.Codec{g711.PCMU(), g711.PCMA(), l16.New(16000, 1), l16.New(8000, 1)}
}

// world is an engine and its phones; on virtual time if net is set.
type world struct {
	t      testing.TB
	net    *mediatest.Network
	engine *Engine
	host   netip.Addr
	listen media.ListenFunc
	stop   func()
	phones int
	conns  []media.PacketConn // of phones; closed at the end
}

// bubble runs f with an engine of two shards on a virtual network and time.
func bubble(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := mediatest.NewNetwork()
		w := newWorld(t, Config{Shards: 2, Listen: net.ListenFunc(), Codecs: testCodecs()})
		w.net, w.host, w.listen = net, netip.MustParseAddr("192.0.2.250"), net.ListenFunc()
		f(w)
		w.stop()
		for _, c := range w.conns {
			_ = c.Close()
		}
	})
}

func newWorld(t testing.TB, cfg Config) *world {
	e := New(cfg)
	if cfg.Shards > 1 {
		e.shardStreams = 0 // spread streams, so that joins have to move them
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	w := &world{t: t, engine: e}
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run = %v", err)
			}
		})
	}
	return w
}

// log collects the events of a stream.
type log struct {
	mu     sync.Mutex
	events []media.StreamEvent
}

func (l *log) add(ev media.StreamEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, ev)
}

// of returns the events of a type so far.
func of[T media.StreamEvent](l *log) []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []T
	for _, ev := range l.events {
		if ev, ok := ev.(T); ok {
			list = append(list, ev)
		}
	}
	return list
}

// got is a packet that a phone received.
type got struct {
	rtp.Header
	at      time.Time
	from    netip.AddrPort
	payload []byte
}

// phone is a far end: it talks to one stream.
type phone struct {
	t      testing.TB
	conn   media.PacketConn
	stream *stream
	log    *log
	format media.Format
	event  media.Format
	ptime  time.Duration

	ssrc uint32
	seq  rtp.Seq
	ts   rtp.Timestamp
	tone *mediatest.ToneSource

	mu  sync.Mutex
	got []got // Guarded by mu.
}

type phoneOption func(*phone, *media.StreamConfig, *media.StreamDescription)

func withTimeouts(rtp, hold time.Duration) phoneOption {
	return func(_ *phone, c *media.StreamConfig, _ *media.StreamDescription) {
		c.Timeout, c.HoldTimeout = rtp, hold
	}
}

func withPTime(d time.Duration) phoneOption {
	return func(p *phone, _ *media.StreamConfig, s *media.StreamDescription) { p.ptime, s.PTime = d, d }
}

func withoutEvents() phoneOption {
	return func(p *phone, _ *media.StreamConfig, s *media.StreamDescription) {
		p.event, s.Formats = media.Format{}, s.Formats[:1]
	}
}

// phone opens a stream and answers the offer of a phone that speaks f.
func (w *world) phone(f media.Format, ev media.Format, options ...phoneOption) *phone {
	w.t.Helper()
	w.phones++
	host := w.host
	if w.net != nil {
		host = netip.AddrFrom4([4]byte{192, 0, 2, byte(w.phones)})
	}
	conn, err := w.listen(netip.AddrPortFrom(host, 0))
	if err != nil {
		w.t.Fatal(err)
	}
	w.conns = append(w.conns, conn)
	p := &phone{
		t: w.t, conn: conn, log: &log{}, format: f, event: ev, ptime: media.DefaultPTime,
		ssrc: uint32(0x1000 * w.phones), seq: rtp.Seq(65500 + w.phones), ts: rtp.Timestamp(0xffffff00),
		tone: mediatest.NewToneSource(f.SampleRateHz(), 300+100*float64(w.phones), -10),
	}
	cfg := media.StreamConfig{Local: w.host, Label: "phone", Symmetric: true, Notify: p.log.add}
	desc := media.StreamDescription{Kind: "audio", Protocol: "RTP/AVP", Addr: localOf(conn), Formats: []media.Format{f, ev}}
	for _, o := range options {
		o(p, &cfg, &desc)
	}
	s, err := w.engine.Open(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	p.stream = s.(*stream)
	p.offer(desc)
	go p.listen()
	return p
}

func localOf(c media.PacketConn) netip.AddrPort {
	if u, ok := c.(*udpConn); ok {
		return netip.MustParseAddrPort(u.conn.LocalAddr().String())
	}
	return c.LocalAddrPort()
}

func (p *phone) offer(desc media.StreamDescription) *media.Description {
	p.t.Helper()
	answer, err := p.stream.Answer(&media.Description{Streams: []media.StreamDescription{desc}}, media.Policy{
		Formats: []media.Format{p.format},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// described is the phone's description.
func (p *phone) described(d media.Direction) media.StreamDescription {
	return media.StreamDescription{
		Kind: "audio", Protocol: "RTP/AVP", Addr: localOf(p.conn), Direction: d, PTime: p.ptime,
		Formats: []media.Format{p.format, p.event},
	}
}

func (p *phone) listen() {
	buf := make([]byte, 4096)
	for {
		n, from, err := p.conn.ReadFromAddrPort(buf)
		if err != nil {
			return
		}
		var pk rtp.Packet
		if rtp.IsRTCP(buf[:n]) || pk.Parse(buf[:n]) != nil {
			continue
		}
		p.mu.Lock()
		p.got = append(p.got, got{pk.Header, time.Now(), from, append([]byte(nil), pk.Payload...)})
		p.mu.Unlock()
	}
}

func (p *phone) hangUp() {
	p.stream.Close()
	_ = p.conn.Close()
}

// heard returns what came so far.
func (p *phone) heard() []got {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]got(nil), p.got...)
}

// send sends one packet to the stream.
func (p *phone) send(h rtp.Header, payload []byte) { p.sendFrom(p.conn, h, payload) }

func (p *phone) sendFrom(conn media.PacketConn, h rtp.Header, payload []byte) {
	b := make([]byte, rtp.HeaderBytes+len(payload))
	rtp.Put(b, h)
	copy(b[rtp.HeaderBytes:], payload)
	if _, err := conn.WriteToAddrPort(b, p.stream.LocalAddr()); err != nil {
		p.t.Error(err)
	}
}

func (p *phone) samples() int { return mediatest.Samples(p.format.SampleRateHz(), p.ptime) }

// header of the next audio packet; counts on.
func (p *phone) header() rtp.Header {
	h := rtp.Header{PayloadType: p.format.PayloadType, Seq: p.seq, Timestamp: p.ts, SSRC: p.ssrc}
	p.seq++
	p.ts += rtp.Timestamp(p.samples() * p.format.ClockHz / p.format.SampleRateHz())
	return h
}

// talk sends one packet of the phone's tone.
func (p *phone) talk() {
	pcm := make([]int16, p.samples())
	_, _ = p.tone.Read(pcm)
	p.send(p.header(), p.encode(pcm))
}

// talkFor sends tone at the phone's pace; on virtual time.
func talkFor(d time.Duration, phones ...*phone) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for _, p := range phones {
			p.talk()
		}
		time.Sleep(phones[0].ptime)
	}
	synctest.Wait()
}

func (p *phone) encode(pcm []int16) []byte {
	enc, _ := codecSet(testCodecs()).pair(p.format)
	b := make([]byte, 4*len(pcm))
	n, err := enc.Encode(b, pcm)
	if err != nil {
		p.t.Fatal(err)
	}
	return b[:n]
}

// sound decodes packets into one stretch of sound laid out by timestamps,
// silence where nothing came.
func (p *phone) sound(packets []got) []int16 {
	_, dec := codecSet(testCodecs()).pair(p.format)
	var out []int16
	buf := make([]int16, 8000)
	for _, g := range packets {
		if g.PayloadType != p.format.PayloadType {
			continue
		}
		n, err := dec.Decode(buf, g.payload)
		if err != nil {
			p.t.Fatal(err)
		}
		at := g.Timestamp.Sub(packets[0].Timestamp) * p.format.SampleRateHz() / p.format.ClockHz
		if at < 0 || at > 100*8000*60 {
			p.t.Fatalf("timestamp %d is %d from the first", g.Timestamp, at)
		}
		for len(out) < at {
			out = append(out, 0)
		}
		out = append(out[:at], buf[:n]...)
	}
	return out
}

// hz is the tone of a phone.
func hz(n int) float64 { return 300 + 100*float64(n) }
