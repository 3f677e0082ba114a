package engine

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/rtp"
)

// listenAt binds another address for a phone, or an attacker.
func (w *world) listenAt(addr string) media.PacketConn {
	w.t.Helper()
	conn, err := w.listen(netip.MustParseAddrPort(addr))
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}

func TestPhoneBehindNATIsSentToWhereItComesFrom(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event, func(_ *phone, _ *media.StreamConfig, d *media.StreamDescription) {
			d.Addr = netip.MustParseAddrPort("10.1.2.3:4000") // nobody is there
		})
		synctest.Wait()
		if n := len(p.heard()); n != 0 {
			t.Fatalf("%d packets before it spoke", n)
		}
		start := time.Now()
		talkFor(time.Second, p)
		heard := p.heard()
		if len(heard) < 44 || heard[0].at.Sub(start) > 120*time.Millisecond {
			t.Errorf("%d packets in the first second, the first after %v", len(heard), heard[0].at.Sub(start))
		}
		if r := p.stream.Stats().Remote; r != p.conn.LocalAddrPort() {
			t.Errorf("remote %v", r)
		}
		if first := of[media.FirstPacket](p.log); len(first) != 1 || first[0].From != p.conn.LocalAddrPort() {
			t.Errorf("first = %+v", first)
		}
		p.hangUp()
	})
}

func TestPhoneWithAHostNameIsFoundByItsPackets(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.phone(pcmu, event, func(_ *phone, _ *media.StreamConfig, d *media.StreamDescription) {
			d.Addr, d.Host = netip.AddrPortFrom(netip.Addr{}, 4000), "phone.example"
		})
		talkFor(time.Second, p)
		if n := len(p.heard()); n < 44 {
			t.Errorf("%d packets in the first second", n)
		}
		p.hangUp()
	})
}

func TestAsymmetricPeerIsSentToItsDescription(t *testing.T) {
	bubble(t, func(w *world) {
		elsewhere := w.listenAt("192.0.2.77:5000")
		p := w.phone(pcmu, event, func(_ *phone, c *media.StreamConfig, d *media.StreamDescription) {
			c.Symmetric = false
			d.Addr = elsewhere.LocalAddrPort()
		})
		start := time.Now()
		talkFor(time.Second, p)
		if n := len(since(p.heard(), start)); n != 0 {
			t.Errorf("%d packets to where it sends from", n)
		}
		if st := p.stream.Stats(); st.Remote != elsewhere.LocalAddrPort() || st.PacketsIn != 50 || st.PacketsOut < 45 {
			t.Errorf("%+v", st)
		}
		_ = elsewhere.Close()
		p.hangUp()
	})
}

func TestMovedPhoneIsFollowed(t *testing.T) {
	bubble(t, func(w *world) {
		a, b := w.phone(pcmu, event), w.phone(pcmu, event)
		_ = a.stream.Join(b.stream)
		talkFor(time.Second, a, b)
		old := a.conn
		a.conn = w.listenAt("198.51.100.7:1234") // another network: new address, same stream
		go a.listen()
		start := time.Now()
		talkFor(2*time.Second, a, b)
		heard := since(b.heard(), start)
		if gap := heard[0].at.Sub(start); gap > 400*time.Millisecond {
			t.Errorf("b hears a again after %v", gap)
		}
		moved := 0
		for _, g := range since(a.heard(), start) {
			if g.at.Sub(start) > 400*time.Millisecond {
				moved++
			}
		}
		if moved < 78 {
			t.Errorf("%d packets to the new address", moved)
		}
		changes := of[media.SourceChanged](a.log)
		if len(changes) != 1 || changes[0].Old != old.LocalAddrPort() || changes[0].New != a.conn.LocalAddrPort() {
			t.Errorf("changes = %+v", changes)
		}
		_ = old.Close()
		a.hangUp()
		b.hangUp()
	})
}

func TestAttackerIsNeverHeardAndReported(t *testing.T) {
	for _, talking := range []bool{true, false} {
		bubble(t, func(w *world) {
			a, b := w.phone(pcmu, event), w.phone(pcmu, event)
			_ = a.stream.Join(b.stream)
			talkFor(time.Second, a, b)
			evil := w.listenAt("203.0.113.66:6666")
			start := time.Now()
			for i := range 500 {
				if talking {
					a.talk()
				}
				a.sendFrom(evil, rtp.Header{SSRC: 0xbad, Seq: rtp.Seq(i), Timestamp: rtp.Timestamp(160 * i)}, bytes.Repeat([]byte{0xee}, 160))
				time.Sleep(20 * time.Millisecond)
			}
			synctest.Wait()
			for _, g := range since(b.heard(), start) {
				if bytes.Count(g.payload, []byte{0xee}) == 160 {
					t.Fatal("the attacker is heard")
				}
			}
			if r := a.stream.Stats(); r.Remote != a.conn.LocalAddrPort() || r.Foreign != 500 {
				t.Errorf("remote %v, %d foreign", r.Remote, r.Foreign)
			}
			reports := of[media.ForeignPackets](a.log)
			total := uint64(0)
			for _, r := range reports {
				total += r.Count
				if r.From != evil.LocalAddrPort() {
					t.Errorf("reported %v", r.From)
				}
			}
			if len(reports) < 5 || len(reports) > 11 || total < 440 {
				t.Errorf("%d reports of %d packets", len(reports), total)
			}
			_ = evil.Close()
			a.hangUp()
			b.hangUp()
		})
	}
}
