package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// sleep lets virtual time pass and everything settle.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestIdleStreamHearsPacedSilence(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		sleep(2 * time.Second)
		heard := p.heard()
		if len(heard) < 98 || len(heard) > 101 {
			t.Errorf("%d packets in 2 s, want 100", len(heard))
		}
		checkRun(t, "silence", heard, 8000, time.Millisecond)
		if level := mediatest.LevelDBov(p.sound(heard)); level > -70 {
			t.Errorf("silence at %.1f dBov", level)
		}
		if !heard[0].Marker || heard[1].Marker {
			t.Error("the marker is not on the first packet alone")
		}
		p.hangUp()
	})
}

func TestIdleStreamOfASilentFarEndIsKeptAliveOnly(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		sleep(10 * time.Second)
		before := len(p.heard())
		sleep(10 * time.Second)
		if n := len(p.heard()) - before; n != 2 {
			t.Errorf("%d packets in 10 s of rest, want one in five seconds", n)
		}
		before = len(p.heard())
		talkFor(2*time.Second, p)
		if n := len(p.heard()) - before; n < 98 || n > 102 {
			t.Errorf("%d packets in 2 s after the far end spoke, want 100", n)
		}
		checkRun(t, "rest", p.heard(), 8000, 25*time.Millisecond)
		p.hangUp()
	})
}

func TestPlayIsHeardOnceAndReported(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		sleep(time.Second)
		start := time.Now()
		tone := mediatest.Tone(8000, 700, -10, 990*time.Millisecond) // not a multiple of a tick
		pb, err := p.stream.Play(mediatest.NewSampleSource(8000, tone), media.PlayOptions{ID: "greeting"})
		if err != nil {
			t.Fatal(err)
		}
		sleep(3 * time.Second)
		heard := mediatest.Hear(p.sound(since(p.heard(), start)), 8000, 700)
		t.Log(heard)
		ends := of[media.PlaybackEnded](p.log)
		if len(ends) != 1 || ends[0].ID != "greeting" || ends[0].Interrupted || ends[0].Err != nil ||
			ends[0].Played != 990*time.Millisecond || pb.Position() != 990*time.Millisecond {
			t.Errorf("ends = %+v, position %v", ends, pb.Position())
		}
		checkRun(t, "play", p.heard(), 8000, time.Millisecond)
		ways := of[media.WayChanged](p.log)
		if len(ways) != 2 || ways[0].Way != media.WayMix || ways[1].Way != media.WayIdle {
			t.Errorf("ways = %+v", ways)
		}
		p.hangUp()
	})
}

func TestForegroundHidesBackgroundAndPeer(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event) // 400 and 500 Hz
		_, _ = a.stream.Play(mediatest.NewToneSource(8000, 1000, -10), media.PlayOptions{ID: "music", Background: true})
		sleep(time.Second)
		expect := func(what string, start time.Time, want float64) {
			t.Helper()
			sound := a.sound(since(a.heard(), start))
			if got := mediatest.DominantHz(sound, 8000); got < want-5 || got > want+5 {
				t.Errorf("%s: heard %.0f Hz, want %.0f", what, got, want)
			}
		}
		step := func(what string, want float64) {
			t.Helper()
			synctest.Wait()
			time.Sleep(200 * time.Millisecond)
			start := time.Now()
			talkFor(time.Second, a, b)
			expect(what, start, want)
		}
		step("background", 1000)
		front, _ := a.stream.Play(mediatest.NewToneSource(8000, 1500, -10), media.PlayOptions{ID: "front"})
		step("foreground over background", 1500)
		_ = a.stream.Join(b.stream)
		step("foreground over join", 1500)
		front.Stop()
		front.Stop()
		step("join over background", hz(2))
		a.stream.Split()
		step("background after split", 1000)
		checkRun(t, "way changes", a.heard(), 8000, 45*time.Millisecond)
		ends := of[media.PlaybackEnded](a.log)
		if len(ends) != 1 || !ends[0].Interrupted || ends[0].ID != "front" {
			t.Errorf("ends = %+v", ends)
		}
		a.hangUp()
		b.hangUp()
		synctest.Wait()
		if ends := of[media.PlaybackEnded](a.log); len(ends) != 2 || ends[1].ID != "music" || !ends[1].Interrupted {
			t.Errorf("ends after close = %+v", ends)
		}
	})
}

func TestPauseKeepsThePosition(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcma, event)
		pb, _ := p.stream.Play(mediatest.NewToneSource(8000, 700, -10), media.PlayOptions{})
		sleep(time.Second)
		pb.Pause()
		sleep(time.Second)
		at := pb.Position()
		if at < 980*time.Millisecond || at > 1020*time.Millisecond {
			t.Errorf("position %v after 1 s", at)
		}
		start := time.Now()
		sleep(time.Second)
		if got := pb.Position(); got != at {
			t.Errorf("position moved from %v to %v while paused", at, got)
		}
		if level := mediatest.LevelDBov(p.sound(since(p.heard(), start))); level > -60 {
			t.Errorf("paused: %.1f dBov", level)
		}
		pb.Resume()
		sleep(time.Second)
		if got := pb.Position() - at; got < 980*time.Millisecond || got > 1020*time.Millisecond {
			t.Errorf("%v played after resume", got)
		}
		checkRun(t, "pause", p.heard(), 8000, time.Millisecond)
		p.hangUp()
	})
}

func TestMixIsHeardOverThePeer(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		talkFor(time.Second, a, b)
		pb, _ := a.stream.Play(mediatest.NewToneSource(8000, 1500, -16), media.PlayOptions{ID: "beep", Mix: true})
		talkFor(time.Second, a, b)
		start := time.Now()
		talkFor(time.Second, a, b)
		sound := a.sound(since(a.heard(), start))
		for _, f := range []float64{hz(2), 1500} {
			if level := mediatest.PowerDBov(sound, 8000, f); level < -25 {
				t.Errorf("%.0f Hz at %.1f dBov while mixed", f, level)
			}
		}
		if a.stream.Stats().Way != media.WayMix || b.stream.Stats().Way != media.WayRelay {
			t.Errorf("ways %v, %v", a.stream.Stats().Way, b.stream.Stats().Way)
		}
		pb.Stop()
		talkFor(time.Second, a, b)
		if a.stream.Stats().Way != media.WayRelay {
			t.Errorf("way %v after the mix", a.stream.Stats().Way)
		}
		checkRun(t, "mix", a.heard(), 8000, 45*time.Millisecond)
		a.hangUp()
		b.hangUp()
	})
}

func TestPlayOnClosedStreamClosesTheSource(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		p.hangUp()
		src := mediatest.NewToneSource(8000, 700, -10)
		if _, err := p.stream.Play(src, media.PlayOptions{}); !errors.Is(err, media.ErrClosed) || !src.Closed() {
			t.Errorf("Play = %v, source closed: %v", err, src.Closed())
		}
		if err := p.stream.Join(p.stream); err == nil {
			t.Error("joined with itself")
		}
	})
}

func TestEchoAtOnceAndDelayed(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		p.stream.Echo(0)
		synctest.Wait()
		start := time.Now()
		talkFor(time.Second, p)
		heard := since(p.heard(), start)
		if len(heard) != 50 {
			t.Fatalf("%d packets echoed, want 50", len(heard))
		}
		if at := heard[0].at.Sub(start); at != 0 {
			t.Errorf("echoed after %v, want at once", at)
		}
		p.stream.Echo(500 * time.Millisecond)
		synctest.Wait()
		start = time.Now()
		talkFor(2*time.Second, p)
		sound := p.sound(since(p.heard(), start))
		if level := mediatest.LevelDBov(sound[:mediatest.Samples(8000, 400*time.Millisecond)]); level > -60 {
			t.Errorf("%.1f dBov before the delay is over", level)
		}
		if level := mediatest.LevelDBov(sound[mediatest.Samples(8000, 700*time.Millisecond):]); level < -11 || level > -9 {
			t.Errorf("%.1f dBov behind the delay, want -10", level)
		}
		p.stream.Echo(-1)
		talkFor(time.Second, p)
		checkRun(t, "echo", p.heard(), 8000, 45*time.Millisecond)
		if p.stream.Stats().Way != media.WayIdle {
			t.Errorf("way %v after the echo", p.stream.Stats().Way)
		}
		p.hangUp()
	})
}
