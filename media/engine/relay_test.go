package engine

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/rtp"
)

// checkRun fails unless packets are one RTP stream: one SSRC, sequence numbers
// that follow each other, timestamps that rise and keep to elapsed time within
// slack.
func checkRun(t testing.TB, what string, packets []got, clockHz int, slack time.Duration) {
	t.Helper()
	if len(packets) == 0 {
		t.Errorf("%s: no packets", what)
		return
	}
	first := packets[0]
	for i, g := range packets[1:] {
		before := packets[i]
		if g.SSRC != first.SSRC {
			t.Fatalf("%s: packet %d: SSRC %#x, was %#x", what, i+1, g.SSRC, first.SSRC)
		}
		if g.Seq != before.Seq+1 {
			t.Fatalf("%s: packet %d at %v: sequence %d after %d", what, i+1, g.at.Sub(first.at), g.Seq, before.Seq)
		}
		if g.Timestamp.Before(before.Timestamp) {
			t.Fatalf("%s: packet %d: timestamp goes back by %d", what, i+1, before.Timestamp.Sub(g.Timestamp))
		}
		media := time.Duration(g.Timestamp.Sub(first.Timestamp)) * time.Second / time.Duration(clockHz)
		if off := media - g.at.Sub(first.at); off > slack || off < -slack {
			t.Fatalf("%s: packet %d at %v: media time %v, %v off", what, i+1, g.at.Sub(first.at), media, off)
		}
	}
}

func TestRelayCarriesPayloadsUntouched(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		if err := a.stream.Join(b.stream); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		talkFor(2*time.Second, a, b)
		for _, p := range []*phone{a, b} {
			relayed := since(p.heard(), start)
			if len(relayed) != 100 {
				t.Fatalf("%d packets relayed, want 100", len(relayed))
			}
			checkRun(t, "relay", p.heard(), 8000, 21*time.Millisecond)
			for _, g := range relayed {
				if g.SSRC == a.ssrc || g.SSRC == b.ssrc {
					t.Fatal("SSRC of the other side went through")
				}
			}
			if st := p.stream.Stats(); st.Way != media.WayRelay || st.PacketsIn != 100 || st.BytesIn != 16000 || st.LostIn != 0 {
				t.Errorf("Stats = %+v", st)
			}
		}
		sound := b.sound(since(b.heard(), start))
		if snr := mediatest.ToneSNR(sound, 8000, hz(1)); snr < 30 {
			t.Errorf("the tone of a has an SNR of %.1f dB at b", snr)
		}
		a.hangUp()
		b.hangUp()
	})
}

// since leaves out what came before at.
func since(packets []got, at time.Time) []got {
	for i, g := range packets {
		if !g.at.Before(at) {
			return packets[i:]
		}
	}
	return nil
}

func TestRelayKeepsLossAndOrder(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		synctest.Wait()
		start := time.Now()
		var sent [][]byte
		for range 10 {
			sent = append(sent, bytes.Repeat([]byte{byte(len(sent) + 1)}, 160))
		}
		first := a.header()
		for _, i := range []int{0, 1, 4, 3, 5, 5, 7} { // 2 and 6 are lost, 5 comes twice
			h := first
			h.Seq += rtp.Seq(i)
			h.Timestamp += rtp.Timestamp(160 * i)
			a.send(h, sent[i])
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		heard := since(b.heard(), start)
		var order []int
		for _, g := range heard {
			order = append(order, g.Seq.Sub(heard[0].Seq))
			if int(g.payload[0]) != order[len(order)-1]+1 || g.Timestamp.Sub(heard[0].Timestamp) != 160*order[len(order)-1] {
				t.Errorf("packet %d holds payload %d at %d", order[len(order)-1], g.payload[0], g.Timestamp.Sub(heard[0].Timestamp))
			}
		}
		if want := []int{0, 1, 4, 3, 5, 7}; !slices.Equal(order, want) {
			t.Errorf("relayed %v, want %v", order, want)
		}
		st := a.stream.Stats()
		if st.LostIn != 2 || st.OutOfOrder != 1 {
			t.Errorf("lost %d, out of order %d, want 2, 1", st.LostIn, st.OutOfOrder)
		}
		a.hangUp()
		b.hangUp()
	})
}
