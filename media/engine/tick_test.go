package engine

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/rtp"
)

func TestStallIsCaughtUpByThreeTicksAtMost(t *testing.T) {
	w := newStill(t)
	f := w.open(pcmu)
	pb, err := f.Play(mediatest.NewToneSource(8000, 440, -10), media.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.apply()
	due := w.sh.nextTick
	w.sh.runTicks(due)
	before := f.State()
	w.sh.runTicks(due + 10*tickEvery) // ten are due
	after := f.State()
	if n := after.Sequence - before.Sequence; n != 3 {
		t.Errorf("%d packets after the stall, want 3", n)
	}
	if n := w.sh.skipped.Load(); n != 7 || w.e.Stats().TicksSkipped != 7 {
		t.Errorf("%d ticks skipped, want 7", n)
	}
	if d := after.Timestamp - before.Timestamp; d != 1600 {
		t.Errorf("media time went on by %d, want 1600", d)
	}
	if p := pb.Position(); p != 80*time.Millisecond {
		t.Errorf("position %v: a stall must not skip sound", p)
	}
	if w.sh.nextTick != due+11*tickEvery {
		t.Errorf("next tick at %v, want %v", w.sh.nextTick, due+11*tickEvery)
	}
}

func TestShardWithoutAnythingDueDoesNotTick(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		talkFor(time.Second, a, b)
		for _, sh := range w.engine.shards {
			if len(sh.ticking) != 0 {
				t.Errorf("shard %d ticks for %d streams of a relayed call", sh.index, len(sh.ticking))
			}
		}
		a.hangUp()
		b.hangUp()
		synctest.Wait()
		for _, sh := range w.engine.shards {
			if at, due := sh.deadline(); due {
				t.Errorf("shard %d without streams wakes at %v", sh.index, at)
			}
		}
	})
}

// TestRandomWayChangesAreOneStream joins, splits, plays, taps, echoes, holds,
// renegotiates and sends digits at random while both phones talk: each phone
// hears one RTP stream without a repeated number or a jump of time.
func TestRandomWayChangesAreOneStream(t *testing.T) {
	for seed := range uint64(12) {
		bubble(t, func(w *world) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			a, b, c := w.phone(pcmu, event), w.phone(pcma, event96), w.phone(pcmu, event)
			phones := []*phone{a, b, c}
			var plays []media.Playback
			var taps []media.Tap
			for range 60 {
				p := phones[rnd.IntN(3)]
				switch rnd.IntN(10) {
				case 0, 1, 2:
					if o := phones[rnd.IntN(3)]; o != p {
						_ = p.stream.Join(o.stream)
					}
				case 3:
					p.stream.Split()
				case 4:
					pb, err := p.stream.Play(mediatest.NewToneSource([]int{8000, 16000, 44100}[rnd.IntN(3)], 700, -20),
						media.PlayOptions{Mix: rnd.IntN(2) == 0, Background: rnd.IntN(2) == 0})
					if err != nil {
						t.Fatal(err)
					}
					plays = append(plays, pb)
				case 5:
					for _, pb := range plays {
						pb.Stop()
					}
					plays = nil
				case 6:
					tap, err := p.stream.Tap(&tape{rateHz: 8000})
					if err != nil {
						t.Fatal(err)
					}
					taps = append(taps, tap)
					if len(taps) > 3 {
						for _, tap := range taps {
							tap.Close()
						}
						taps = nil
					}
				case 7:
					p.stream.Echo(time.Duration(rnd.IntN(3)-1) * 100 * time.Millisecond)
				case 8:
					if p.format = pcmu; rnd.IntN(2) == 0 {
						p.format = pcma
					}
					p.offer(p.described(media.SendRecv))
				case 9:
					_ = p.stream.SendDigits("5", 80*time.Millisecond)
				}
				synctest.Wait()
				talkFor(time.Duration(1+rnd.IntN(15))*20*time.Millisecond, phones...)
				pause := rnd.IntN(20) // which the phones' clocks count, too
				time.Sleep(time.Duration(pause) * time.Millisecond)
				for _, p := range phones {
					p.ts += rtp.Timestamp(8 * pause)
				}
			}
			for _, p := range phones {
				checkRun(t, "random ways", p.heard(), 8000, 200*time.Millisecond)
				p.hangUp()
			}
		})
	}
}
