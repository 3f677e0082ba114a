package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/rtp"
)

var wide = media.Format{Name: media.L16, PayloadType: 97, ClockHz: 16000, Channels: 1}

func TestTranscodeIsSentOnArrival(t *testing.T) {
	ms := time.Millisecond
	table := []struct {
		name   string
		a, b   media.Format
		pa, pb time.Duration
		snr    float64
	}{
		{"µ-law to A-law", pcmu, pcma, 20 * ms, 20 * ms, 30},
		{"16 kHz and 8 kHz", wide, pcmu, 20 * ms, 20 * ms, 30},
		{"20 and 30 ms", pcmu, pcma, 20 * ms, 30 * ms, 30},
		{"10 and 60 ms of one codec", pcmu, pcmu, 10 * ms, 60 * ms, 30},
	}
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(w *world) {
				a, b := w.phone(tt.a, event, withPTime(tt.pa)), w.phone(tt.b, event, withPTime(tt.pb))
				_ = a.stream.Join(b.stream)
				synctest.Wait()
				start := time.Now()
				for range 600 { // 6 s, each at its own pace
					at := time.Since(start)
					for _, p := range []*phone{a, b} {
						if at%p.ptime == 0 {
							p.talk()
						}
					}
					time.Sleep(10 * ms)
				}
				synctest.Wait()
				for i, p := range []*phone{a, b} {
					heard := since(p.heard(), start)
					if want := int(6 * time.Second / p.ptime); len(heard) < want-1 || len(heard) > want {
						t.Errorf("%d packets, want %d", len(heard), want)
					}
					checkRun(t, tt.name, heard, p.format.ClockHz, 61*ms)
					sound := p.sound(heard)[p.format.SampleRateHz()/5:] // the filter swings in
					if snr := mediatest.ToneSNR(sound, p.format.SampleRateHz(), hz(2-i)); snr < tt.snr {
						t.Errorf("the other's tone has an SNR of %.1f dB", snr)
					}
					if way := p.stream.Stats().Way; way != media.WayTranscode {
						t.Errorf("way %v", way)
					}
				}
				a.hangUp()
				b.hangUp()
			})
		})
	}
}

func TestTranscodeShowsLossToTheFarEnd(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcma, event)
		_ = a.stream.Join(b.stream)
		synctest.Wait()
		start := time.Now()
		talkFor(time.Second, a)
		a.header() // lost
		a.header()
		time.Sleep(40 * time.Millisecond)
		talkFor(time.Second, a)
		heard := since(b.heard(), start)
		if len(heard) != 100 {
			t.Fatalf("%d packets, want 100", len(heard))
		}
		if d := heard[50].Seq.Sub(heard[49].Seq); d != 3 {
			t.Errorf("sequence steps by %d over the loss of 2, want 3", d)
		}
		if d := heard[50].Timestamp.Sub(heard[49].Timestamp); d != 480 {
			t.Errorf("timestamp steps by %d, want 480", d)
		}
		a.hangUp()
		b.hangUp()
	})
}

func TestCodecChangesByRenegotiation(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		talkFor(time.Second, a, b)
		before := b.heard()
		b.format = pcma
		b.offer(b.described(media.SendRecv))
		synctest.Wait()
		if way := b.stream.Stats().Way; way != media.WayTranscode {
			t.Errorf("way %v with two codecs", way)
		}
		start := time.Now()
		talkFor(time.Second, a, b)
		a.format = pcma
		a.offer(a.described(media.SendRecv))
		synctest.Wait()
		talkFor(time.Second, a, b)
		if way := b.stream.Stats().Way; way != media.WayRelay {
			t.Errorf("way %v with one codec", way)
		}
		checkRun(t, "b", since(b.heard(), start.Add(-time.Second)), 8000, 25*time.Millisecond)
		checkRun(t, "a", a.heard(), 8000, 45*time.Millisecond)
		if snr := mediatest.ToneSNR(b.sound(since(b.heard(), start)), 8000, hz(1)); snr < 30 {
			t.Errorf("tone at b with an SNR of %.1f dB", snr)
		}
		if before[0].PayloadType != 0 {
			t.Errorf("payload type %d before", before[0].PayloadType)
		}
		a.hangUp()
		b.hangUp()
	})
}

func TestNewSSRCOfTheFarEndGoesOnWithoutAJump(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		talkFor(time.Second, a, b)
		a.ssrc, a.seq, a.ts = 0xabcdef, 7, 99
		talkFor(time.Second, a, b)
		a.seq, a.ts = 30000, 0x70000000 // the same SSRC starts anew: confirmed by the second packet
		talkFor(time.Second, a, b)
		a.ts += 0x10000000 // a jump of the timestamp alone
		talkFor(time.Second, a, b)
		checkRun(t, "restarts", b.heard(), 8000, 45*time.Millisecond)
		if lost := a.stream.Stats().LostIn; lost != 0 {
			t.Errorf("%d lost", lost)
		}
		a.hangUp()
		b.hangUp()
	})
}

func TestHoldIsRespected(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		talkFor(time.Second, a, b)
		answer := a.offer(a.described(media.SendOnly)) // a holds us
		if d := answer.Streams[0].Direction; d != media.RecvOnly {
			t.Errorf("answered %v", d)
		}
		synctest.Wait()
		held := time.Now()
		talkFor(time.Second, a, b)
		if n := len(since(a.heard(), held)); n != 0 {
			t.Errorf("%d packets to a phone that only sends", n)
		}
		if n := len(since(b.heard(), held)); n != 50 {
			t.Errorf("%d packets of music from the holder, want 50", n)
		}
		a.offer(a.described(media.Inactive))
		synctest.Wait()
		held = time.Now()
		talkFor(time.Second, b)
		if n := len(since(a.heard(), held)); n != 0 {
			t.Errorf("%d packets to an inactive phone", n)
		}
		if n := len(since(b.heard(), held)); n < 48 || n > 51 {
			t.Errorf("%d packets of silence to the held phone, want 50", n)
		}
		a.offer(a.described(media.SendRecv))
		synctest.Wait()
		held = time.Now()
		talkFor(time.Second, a, b)
		if n := len(since(a.heard(), held)); n != 50 {
			t.Errorf("%d packets after resume, want 50", n)
		}
		checkRun(t, "b over hold", b.heard(), 8000, 45*time.Millisecond)
		checkRun(t, "a over hold", a.heard(), 8000, 45*time.Millisecond)
		a.hangUp()
		b.hangUp()
	})
}

func TestPassThroughCodecIsRelayedOnly(t *testing.T) {
	bubble(t, func(w *world) {
		g729 := media.Format{Name: "G729", PayloadType: 18, ClockHz: 8000, Channels: 1}
		a, b := w.phone(g729, event), w.phone(g729, event)
		_ = a.stream.Join(b.stream)
		synctest.Wait()
		for range 10 {
			h := rtp.Header{PayloadType: 18, Seq: a.seq, Timestamp: a.ts, SSRC: a.ssrc}
			a.seq++
			a.ts += 160
			a.send(h, make([]byte, 20))
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(b.heard()); n != 10 {
			t.Errorf("%d packets relayed, want 10", n)
		}
		checkRun(t, "g729", b.heard(), 8000, time.Millisecond)
		if err := b.stream.SendDigits("42", 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		sleep(time.Second)
		events := 0
		for _, g := range b.heard() {
			if g.PayloadType == event.PayloadType {
				events++
			}
		}
		if way := b.stream.Stats().Way; events != 14 || way != media.WayRelay {
			t.Errorf("%d event packets, want 14; way %v behind them", events, way)
		}
		src := mediatest.NewToneSource(8000, 440, -10)
		if _, err := a.stream.Play(src, media.PlayOptions{}); err == nil || !src.Closed() {
			t.Errorf("Play = %v", err)
		}
		a.hangUp()
		b.hangUp()
	})
}
