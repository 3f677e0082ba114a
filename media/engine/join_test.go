package engine

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// TestJoinsFromManySessionsAtOnce joins, splits and plays at random from a
// goroutine per stream, over three shards: whatever wins, streams stay whole,
// partners agree, and everything can be closed.
func TestJoinsFromManySessionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := mediatest.NewNetwork()
		w := newWorld(t, Config{Shards: 3, Listen: net.ListenFunc(), Codecs: testCodecs()})
		w.net, w.host, w.listen = net, netip.MustParseAddr("192.0.2.250"), net.ListenFunc()
		defer w.stop()
		var phones []*phone
		var streams []media.Stream
		for i := range 12 {
			f := pcmu
			if i%3 == 0 {
				f = pcma
			}
			p := w.phone(f, event)
			phones = append(phones, p)
			streams = append(streams, p.stream)
		}
		for range 4 {
			x, y, err := w.engine.Pipe(media.StreamConfig{}, media.StreamConfig{})
			if err != nil {
				t.Fatal(err)
			}
			streams = append(streams, x, y)
		}
		stop := make(chan struct{})
		var sessions sync.WaitGroup
		for i, s := range streams {
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			sessions.Go(func() {
				var playing media.Playback
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(rnd.IntN(3000)) * 10 * time.Microsecond):
					}
					switch rnd.IntN(8) {
					case 0:
						s.Split()
					case 1:
						if playing != nil {
							playing.Stop()
						}
						playing, _ = s.Play(mediatest.NewToneSource(16000, 500, -20), media.PlayOptions{Mix: rnd.IntN(2) == 0})
					default:
						if o := streams[rnd.IntN(len(streams))]; o != s {
							_ = s.Join(o)
						}
					}
				}
			})
		}
		talkFor(2*time.Second, phones...)
		close(stop)
		sessions.Wait()
		for i := 0; i < len(streams); i += 2 {
			_ = streams[i].Join(streams[i+1])
		}
		synctest.Wait()
		for i := 0; i < len(streams); i += 2 {
			a, b := streams[i].(*stream), streams[i+1].(*stream)
			if a.peer != b || b.peer != a || a.home.Load() != b.home.Load() {
				t.Fatalf("streams %d and %d are not joined on one shard", i, i+1)
			}
		}
		listed := 0
		for _, sh := range w.engine.shards {
			listed += len(sh.streams)
			if int(sh.load.Load()) != len(sh.streams) {
				t.Errorf("shard %d counts %d of %d streams", sh.index, sh.load.Load(), len(sh.streams))
			}
		}
		if listed != len(streams) {
			t.Errorf("%d streams on shards, want %d", listed, len(streams))
		}
		for _, p := range phones {
			sequenced(t, "phone", p.heard())
		}
		for _, s := range streams {
			s.Close()
		}
		for _, p := range phones {
			p.hangUp()
		}
		synctest.Wait()
		if st := w.engine.Stats(); st.Streams != 0 || st.PortsInUse != 0 {
			t.Errorf("left behind: %+v", st)
		}
	})
}

// TestSplitWinsOverAJoinOnItsWay covers the move of a stream in between.
func TestSplitWinsOverAJoinOnItsWay(t *testing.T) {
	bubble(t, func(w *world) {
		for range 20 {
			a, b := w.phone(pcmu, event), w.phone(pcmu, event)
			_ = a.stream.Join(b.stream)
			a.stream.Split()
			synctest.Wait()
			if a.stream.peer != nil || b.stream.peer != nil {
				t.Fatal("joined after the split")
			}
			_ = b.stream.Join(a.stream)
			a.stream.Close()
			synctest.Wait()
			if b.stream.peer != nil {
				t.Fatal("joined with a closed stream")
			}
			a.hangUp()
			b.hangUp()
		}
	})
}

func TestPanicEndsOneStreamOnly(t *testing.T) {
	bubble(t, func(w *world) {
		a, b, c, d := w.phone(pcmu, event), w.phone(pcmu, event), w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		_ = c.stream.Join(d.stream)
		talkFor(time.Second, a, b, c, d)
		_, _ = a.stream.Play(brokenSource{}, media.PlayOptions{})
		start := time.Now()
		talkFor(time.Second, a, b, c, d)
		if n := len(since(d.heard(), start)); n != 50 {
			t.Errorf("%d packets on the other call, want 50", n)
		}
		if ends := of[media.StreamTimeout](a.log); len(ends) != 1 {
			t.Errorf("failure reported %d times", len(ends))
		}
		for _, p := range []*phone{a, b, c, d} {
			p.hangUp()
		}
		synctest.Wait()
		if st := w.engine.Stats(); st.Streams != 0 || st.PortsInUse != 0 {
			t.Errorf("left behind: %+v", st)
		}
	})
}

type brokenSource struct{}

func (brokenSource) RateHz() int               { return 8000 }
func (brokenSource) Read([]int16) (int, error) { panic("a bug of a source") }
func (brokenSource) Close() error              { return nil }
