package engine

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// kinds of sockets that the conformance suite runs over.
func onSockets(t *testing.T, f func(t *testing.T, w *world)) {
	hosts := []struct{ name, addr string }{{"ipv4", "127.0.0.1"}, {"ipv6", "::1"}}
	kinds := []struct {
		name   string
		listen media.ListenFunc
	}{{"platform", nil}, {"portable", ListenUDP}}
	for _, k := range kinds {
		for _, h := range hosts {
			t.Run(k.name+"/"+h.name, func(t *testing.T) {
				host := netip.MustParseAddr(h.addr)
				if probe, err := ListenUDP(netip.AddrPortFrom(host, 0)); err != nil {
					t.Skipf("no %s here: %v", h.name, err)
				} else {
					_ = probe.Close()
				}
				w := newWorld(t, Config{Shards: 2, Listen: k.listen, Codecs: testCodecs()})
				w.host, w.listen = host, ListenUDP
				defer w.stop()
				f(t, w)
			})
		}
	}
}

// until waits for something that real time brings.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// chatter lets phones talk at their pace for a number of packets.
func chatter(packets int, phones ...*phone) {
	tick := time.NewTicker(phones[0].ptime)
	defer tick.Stop()
	for range packets {
		for _, p := range phones {
			p.talk()
		}
		<-tick.C
	}
}

// sequenced fails unless packets are one stream without a hole.
func sequenced(t testing.TB, what string, packets []got) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if b.SSRC != a.SSRC || b.Seq != a.Seq+1 || b.Timestamp.Before(a.Timestamp) {
			t.Fatalf("%s: packet %d: %+v after %+v", what, i, b.Header, a.Header)
		}
	}
}

func TestSocketsRelay(t *testing.T) {
	onSockets(t, func(t *testing.T, w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event96)
		_ = a.stream.Join(b.stream)
		until(t, "relay", func() bool {
			chatter(1, a, b)
			return a.stream.Stats().Way == media.WayRelay && b.stream.Stats().Way == media.WayRelay
		})
		before := len(b.heard())
		chatter(25, a, b)
		until(t, "25 packets at b", func() bool { return len(b.heard())-before >= 25 })
		sequenced(t, "b", b.heard())
		sequenced(t, "a", a.heard())
		if port := a.stream.LocalAddr().Port(); port%2 != 0 || b.heard()[before].from != b.stream.LocalAddr() {
			t.Errorf("RTP from %v, port %d", b.heard()[before].from, port)
		}
		a.press('7', 60*time.Millisecond)
		until(t, "digit", func() bool { return len(of[media.DigitReceived](a.log)) == 1 })
		a.hangUp()
		b.hangUp()
		until(t, "ports given back", func() bool { return w.engine.Stats().PortsInUse == 0 })
		if st := w.engine.Stats(); st.Streams != 0 || st.PacketsIn < 50 || st.PacketsOut < 50 {
			t.Errorf("Stats = %+v", st)
		}
	})
}

func TestSocketsPlaySilenceAndEcho(t *testing.T) {
	onSockets(t, func(t *testing.T, w *world) {
		p := w.phone(pcma, event)
		until(t, "silence", func() bool { return len(p.heard()) > 5 })
		_, err := p.stream.Play(mediatest.NewSampleSource(8000, mediatest.Tone(8000, 700, -10, 400*time.Millisecond)), media.PlayOptions{ID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		until(t, "end of playback", func() bool { return len(of[media.PlaybackEnded](p.log)) == 1 })
		sequenced(t, "playback", p.heard())
		loud := func() (n int) {
			for _, g := range p.heard() { // by packets: a busy machine may stall for a while
				if mediatest.LevelDBov(p.sound([]got{g})) > -20 {
					n++
				}
			}
			return n
		}
		until(t, "the last packet of 20", func() bool { return loud() >= 20 })
		if n := loud(); n != 20 {
			t.Errorf("%d packets of the 400 ms were heard", n)
		}
		p.stream.Echo(0)
		until(t, "echo", func() bool {
			chatter(1, p)
			return p.stream.Stats().Way == media.WayRelay
		})
		chatter(10, p)
		sequenced(t, "echo", p.heard())
		p.hangUp()
	})
}

func TestSocketsEngineEndClosesStreams(t *testing.T) {
	onSockets(t, func(t *testing.T, w *world) {
		p := w.phone(pcmu, event)
		src := mediatest.NewToneSource(8000, 700, -10)
		_, _ = p.stream.Play(src, media.PlayOptions{ID: "x"})
		until(t, "tone", func() bool { return p.stream.Stats().Way == media.WayMix })
		w.stop()
		if ends := of[media.PlaybackEnded](p.log); len(ends) != 1 || !ends[0].Interrupted || !src.Closed() {
			t.Errorf("ends %+v, source closed %v", ends, src.Closed())
		}
		if _, err := w.engine.Open(media.StreamConfig{Local: w.host}); err == nil {
			t.Error("Open after the end")
		}
		_ = p.conn.Close()
	})
}

// TestSocketsRandomJoins moves streams between the shards of running sockets.
func TestSocketsRandomJoins(t *testing.T) {
	onSockets(t, func(t *testing.T, w *world) {
		var phones []*phone
		for range 6 {
			phones = append(phones, w.phone(pcmu, event))
		}
		var sessions sync.WaitGroup
		for i, p := range phones {
			rnd := rand.New(rand.NewPCG(uint64(i), 5))
			sessions.Go(func() {
				for range 200 {
					if o := phones[rnd.IntN(len(phones))]; o != p && rnd.IntN(4) > 0 {
						_ = p.stream.Join(o.stream)
					} else {
						p.stream.Split()
					}
					_, _ = p.stream.Stats(), p.stream.State()
					p.talk()
				}
			})
		}
		sessions.Wait()
		for i := 0; i < len(phones); i += 2 {
			_ = phones[i].stream.Join(phones[i+1].stream)
		}
		until(t, "all relayed", func() bool {
			for _, p := range phones {
				if p.stream.Stats().Way != media.WayRelay {
					return false
				}
			}
			return true
		})
		for _, p := range phones {
			sequenced(t, "phone", p.heard())
			p.hangUp()
		}
		until(t, "all closed", func() bool { return w.engine.Stats().Streams == 0 })
	})
}
