package engine

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// tape is a sink that keeps what it is given.
type tape struct {
	rateHz int
	mu     sync.Mutex
	in     []int16 // Guarded by mu.
	out    []int16 // Guarded by mu.
	closed int     // Guarded by mu.
	err    error
}

func (t *tape) RateHz() int { return t.rateHz }

func (t *tape) Write(in, out []int16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.in, t.out = append(t.in, in...), append(t.out, out...)
}

func (t *tape) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed++
	return t.err
}

func TestTapHearsBothSidesOfARelay(t *testing.T) {
	for _, rateHz := range []int{8000, 16000} {
		bubble(t, func(w *world) {
			a, b := w.phone(pcmu, event), w.phone(pcmu, event)
			_ = a.stream.Join(b.stream)
			synctest.Wait()
			start := time.Now()
			talkFor(time.Second, a, b)
			sink := &tape{rateHz: rateHz}
			tap, err := a.stream.Tap(sink)
			if err != nil {
				t.Fatal(err)
			}
			talkFor(2*time.Second, a, b)
			if wayA, wayB := a.stream.Stats().Way, b.stream.Stats().Way; wayA != media.WayTranscode || wayB != media.WayTranscode {
				t.Errorf("ways %v, %v while recorded", wayA, wayB)
			}
			tap.Close()
			tap.Close()
			talkFor(time.Second, a, b)
			if way := a.stream.Stats().Way; way != media.WayRelay {
				t.Errorf("way %v after the recording", way)
			}
			for i, p := range []*phone{a, b} {
				heard := since(p.heard(), start)
				checkRun(t, "recorded", heard, 8000, 21*time.Millisecond)
				if snr := mediatest.ToneSNR(p.sound(heard), 8000, hz(2-i)); len(heard) != 200 || snr < 30 {
					t.Errorf("%d packets over the recording, SNR %.1f dB", len(heard), snr)
				}
			}
			if len(sink.in) != 2*rateHz || len(sink.out) != 2*rateHz || sink.closed != 1 {
				t.Errorf("%d and %d samples of 2 s at %d Hz; closed %d times", len(sink.in), len(sink.out), rateHz, sink.closed)
			}
			for i, side := range [][]int16{sink.in, sink.out} {
				side = side[rateHz/10:] // the jitter buffer fills first
				if snr := mediatest.ToneSNR(side, rateHz, hz(1+i)); snr < 28 {
					t.Errorf("side %d: SNR of %.1f dB, %v", i, snr, mediatest.Hear(side, rateHz, hz(1+i)))
				}
			}
			if ends := of[media.TapEnded](a.log); len(ends) != 1 || ends[0].Err != nil {
				t.Errorf("ends = %+v", ends)
			}
			a.hangUp()
			b.hangUp()
		})
	}
}

func TestTapHearsPlaybackAndSilence(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcma, event)
		sleep(100 * time.Millisecond)
		sink := &tape{rateHz: 8000, err: errors.New("disk is full")}
		_, _ = p.stream.Tap(sink)
		_, _ = p.stream.Play(mediatest.NewToneSource(8000, 900, -10), media.PlayOptions{})
		synctest.Wait()
		talkFor(time.Second, p)
		if snr := mediatest.ToneSNR(sink.out[800:], 8000, 900); snr < 40 {
			t.Errorf("playback on tape with an SNR of %.1f dB", snr)
		}
		if snr := mediatest.ToneSNR(sink.in[800:], 8000, hz(1)); snr < 28 {
			t.Errorf("far end on tape with an SNR of %.1f dB", snr)
		}
		n := len(sink.in)
		p.hangUp()
		sleep(time.Second)
		if ends := of[media.TapEnded](p.log); len(ends) != 1 || ends[0].Err == nil || sink.closed != 1 {
			t.Errorf("ends = %+v, closed %d times", ends, sink.closed)
		}
		if len(sink.in) != n {
			t.Error("written to after the end")
		}
	})
}

func TestTapConcealsLoss(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		sink := &tape{rateHz: 8000}
		_, _ = p.stream.Tap(sink)
		synctest.Wait()
		for i := range 100 {
			if i%10 == 5 {
				p.header() // lost
			} else {
				p.talk()
			}
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		heard := mediatest.Hear(sink.in[800:], 8000, hz(1))
		if heard.LongestGap > 0 {
			t.Errorf("%v with a tenth of the packets lost", heard)
		}
		p.hangUp()
	})
}

// TestTapOverABadLink records a call over a link with jitter, loss and
// reordering: no gap over 60 ms, and the relay passes on what came.
func TestTapOverABadLink(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		synctest.Wait()
		w.net.SetPlan(mediatest.Impairment{Loss: 0.02, Duplicate: 0.02, Reorder: 0.05, ReorderBy: 30 * time.Millisecond, Delay: 30 * time.Millisecond, Jitter: 40 * time.Millisecond, Seed: 4}.Plan())
		sink := &tape{rateHz: 8000}
		_, _ = a.stream.Tap(sink)
		talkFor(20*time.Second, a, b)
		for i, side := range [][]int16{sink.in, sink.out} {
			heard := mediatest.Hear(side[8000:], 8000, hz(1+i))
			if heard.LongestGap > 60*time.Millisecond || heard.Heard < 18*time.Second {
				t.Errorf("side %d: %v", i, heard)
			}
		}
		a.hangUp()
		b.hangUp()
		sleep(time.Second)
	})
}
