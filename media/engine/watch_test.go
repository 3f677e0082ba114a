package engine

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/rtp"
)

func TestTimeoutIsReportedOncePerSilence(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event, withTimeouts(10*time.Second, time.Minute))
		sleep(9 * time.Second)
		if n := len(of[media.StreamTimeout](p.log)); n != 0 {
			t.Fatalf("%d timeouts after 9 s", n)
		}
		sleep(20 * time.Second)
		if ends := of[media.StreamTimeout](p.log); len(ends) != 1 || ends[0].After != 10*time.Second {
			t.Fatalf("timeouts = %+v", ends)
		}
		talkFor(time.Second, p)
		sleep(9 * time.Second)
		if n := len(of[media.StreamTimeout](p.log)); n != 1 {
			t.Errorf("%d timeouts although packets came again", n)
		}
		p.offer(p.described(media.Inactive))
		sleep(59 * time.Second)
		if n := len(of[media.StreamTimeout](p.log)); n != 1 {
			t.Errorf("%d timeouts on hold", n)
		}
		sleep(2 * time.Second)
		if ends := of[media.StreamTimeout](p.log); len(ends) != 2 || ends[1].After != time.Minute {
			t.Errorf("timeouts = %+v", ends)
		}
		p.hangUp()
	})
}

// reports a phone's RTCP port gets.
type reportLog struct {
	conn media.PacketConn
	got  []rtp.Report
}

func (w *world) rtcp(p *phone) *reportLog {
	local := p.conn.LocalAddrPort()
	conn, err := w.listen(netip.AddrPortFrom(local.Addr(), local.Port()+1))
	if err != nil {
		w.t.Fatal(err)
	}
	l := &reportLog{conn: conn}
	go func() {
		buf := make([]byte, 1500)
		for {
			n, _, err := conn.ReadFromAddrPort(buf)
			if err != nil {
				return
			}
			var r rtp.Report
			if err := r.Parse(buf[:n], p.ssrc); err != nil {
				w.t.Errorf("RTCP % x: %v", buf[:n], err)
			}
			l.got = append(l.got, r)
		}
	}()
	return l
}

func TestReportsAreSentAndRead(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		l := w.rtcp(p)
		p.talk()
		for i := range 999 {
			if i%100 == 50 {
				p.header() // 1 % is lost
			} else {
				p.talk()
			}
			time.Sleep(20 * time.Millisecond)
		}
		synctest.Wait()
		if len(l.got) < 3 || len(l.got) > 9 {
			t.Fatalf("%d reports in 20 s", len(l.got))
		}
		r := l.got[len(l.got)-1]
		if !r.IsSender || r.SSRC != p.stream.State().SSRC || r.Packets < 700 || r.Octets != 160*r.Packets || !r.HasBlock || r.Block.Lost < 5 {
			t.Errorf("report = %+v", r)
		}
		if drift := r.Timestamp.Sub(rtp.Timestamp(p.stream.State().Timestamp)); drift > 0 || drift < -8*8000 {
			t.Errorf("report's timestamp is %d from the stream's", drift)
		}
		// The phone answers: it lost 12 packets and had the report for 100 ms; 30 ms on the way.
		time.Sleep(130 * time.Millisecond)
		now := rtp.NTP(time.Now())
		answer := rtp.Report{SSRC: p.ssrc, IsSender: true, NTP: now, HasBlock: true, Block: rtp.Block{
			SSRC: r.SSRC, Lost: 12, Jitter: 80, LastReport: rtp.Middle(rtp.NTP(time.Now().Add(-130 * time.Millisecond))), Delay: 65536 / 10,
		}}
		if _, err := l.conn.WriteToAddrPort(answer.Append(nil, "phone"), netip.AddrPortFrom(w.host, p.stream.LocalAddr().Port()+1)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		st := p.stream.Stats()
		if st.LostOut != 12 || st.JitterOut != 10*time.Millisecond || st.LostIn != 10 ||
			st.RoundTrip < 29*time.Millisecond || st.RoundTrip > 31*time.Millisecond {
			t.Errorf("Stats = %+v", st)
		}
		p.hangUp()
		synctest.Wait()
		if last := l.got[len(l.got)-1]; !last.Bye {
			t.Errorf("last report = %+v, want BYE", last)
		}
		_ = l.conn.Close()
	})
}

func TestForeignReportsAreIgnored(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		talkFor(time.Second, p)
		conn, _ := w.listen(netip.MustParseAddrPort("198.51.100.66:9999"))
		lie := rtp.Report{SSRC: 1, HasBlock: true, Block: rtp.Block{SSRC: p.stream.State().SSRC, Lost: 5000}}
		rtcp := netip.AddrPortFrom(w.host, p.stream.LocalAddr().Port()+1)
		_, _ = conn.WriteToAddrPort(lie.Append(nil, "x"), rtcp)
		_, _ = conn.WriteToAddrPort([]byte{0x81, 200, 0, 99, 1, 2, 3, 4}, rtcp)
		synctest.Wait()
		if st := p.stream.Stats(); st.LostOut != 0 || st.Foreign != 1 {
			t.Errorf("Stats = %+v", st)
		}
		_ = conn.Close()
		p.hangUp()
	})
}

func TestPipeCarriesACall(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcma, event)
		la, lb := &log{}, &log{}
		x, y, err := w.engine.Pipe(media.StreamConfig{Label: "x", Notify: la.add}, media.StreamConfig{Label: "y", Notify: lb.add})
		if err != nil {
			t.Fatal(err)
		}
		_ = a.stream.Join(x)
		_ = y.Join(b.stream)
		synctest.Wait()
		start := time.Now()
		talkFor(time.Second, a, b)
		if n := len(since(b.heard(), start)); n != 50 {
			t.Errorf("%d packets through the pipe, want 50", n)
		}
		a.press('9', 100*time.Millisecond)
		synctest.Wait()
		for i, l := range []*log{a.log, lb} {
			if d := of[media.DigitReceived](l); len(d) != 1 || d[0].Digit != '9' {
				t.Errorf("log %d: digits %+v", i, d)
			}
		}
		checkRun(t, "pipe", since(a.heard(), start), 8000, 25*time.Millisecond)
		// What one end plays the other end's partner hears.
		x.Split()
		_, _ = x.Play(&toneOf700{}, media.PlayOptions{})
		sleep(300 * time.Millisecond)
		if st := y.Stats(); st.PacketsIn < 60 {
			t.Errorf("y received %d packets", st.PacketsIn)
		}
		x.Close()
		y.Close()
		a.hangUp()
		b.hangUp()
		synctest.Wait()
		if st := w.engine.Stats(); st.Streams != 0 || st.PortsInUse != 0 {
			t.Errorf("left behind: %+v", st)
		}
	})
}

type toneOf700 struct{ n int }

func (*toneOf700) RateHz() int  { return 8000 }
func (*toneOf700) Close() error { return nil }
func (s *toneOf700) Read(p []int16) (int, error) {
	for i := range p {
		p[i] = int16(s.n%11) * 1000
		s.n++
	}
	return len(p), nil
}

func TestPipesInARingEnd(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event)
		x1, y1, _ := w.engine.Pipe(media.StreamConfig{}, media.StreamConfig{})
		x2, y2, _ := w.engine.Pipe(media.StreamConfig{}, media.StreamConfig{})
		_ = y1.Join(x2)
		_ = y2.Join(x1) // a ring; what is sent into it goes round until the bound
		_, _ = x1.Play(&toneOf700{}, media.PlayOptions{Mix: true})
		talkFor(time.Second, p)
		for _, s := range []media.Stream{x1, y1, x2, y2} {
			s.Close()
		}
		p.hangUp()
	})
}
