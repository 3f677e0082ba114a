package rtp

import (
	"net/netip"
	"testing"
	"time"
)

var (
	described = netip.MustParseAddrPort("10.0.0.5:4000")
	natted    = netip.MustParseAddrPort("198.51.100.5:31000")
	moved     = netip.MustParseAddrPort("198.51.100.99:31000")
	stranger  = netip.MustParseAddrPort("203.0.113.66:6666")
)

// link feeds a source and its receiver.
type link struct {
	s   Source
	r   Receiver
	now time.Duration
	seq Seq
}

// packet lets a packet of the stream come from an address.
func (l *link) packet(from netip.AddrPort) (hear, moved bool) {
	l.seq++
	return l.raw(from, Header{SSRC: 5, Seq: l.seq})
}

func (l *link) raw(from netip.AddrPort, h Header) (hear, moved bool) {
	hear, moved = l.s.Check(from, h, &l.r, l.now)
	if hear {
		l.r.Accept(h)
	}
	return hear, moved
}

func (l *link) wait(d time.Duration) { l.now += d }

func TestNobodyIsHeardBeforeTheDescription(t *testing.T) {
	var l link
	if hear, _ := l.packet(stranger); hear || l.s.Foreign() != 1 {
		t.Error("heard before the negotiation")
	}
}

func TestDescribedAddressIsBelievedAtOnce(t *testing.T) {
	var l link
	l.s.Expect(described)
	if hear, moved := l.packet(described); !hear || !moved || !l.s.Latched() || l.s.Current() != described {
		t.Errorf("hear %v, moved %v, current %v", hear, moved, l.s.Current())
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(described.Addr().As16()), described.Port())
	l.s.Expect(mapped) // the same, written as IPv6
	if !l.s.Latched() {
		t.Error("the same address again opens the window")
	}
}

func TestPhoneBehindNATIsLatchedAfterARun(t *testing.T) {
	var l link
	l.s.Expect(described)
	for i := 1; i <= latchPackets; i++ {
		hear, moved := l.packet(natted)
		if !hear || moved != (i == latchPackets) {
			t.Errorf("packet %d: hear %v, moved %v", i, hear, moved)
		}
		l.wait(20 * time.Millisecond)
	}
	if l.s.Current() != natted || !l.s.Latched() {
		t.Errorf("current %v", l.s.Current())
	}
}

func TestUnknownAddressIsFoundByItsPackets(t *testing.T) {
	var l link
	l.s.Expect(netip.AddrPort{}) // the description has a host name
	for range latchPackets {
		if hear, _ := l.packet(natted); !hear {
			t.Fatal("not heard")
		}
	}
	if l.s.Current() != natted || !l.s.Latched() {
		t.Errorf("current %v", l.s.Current())
	}
}

func TestDescribedAddressWinsInTheWindow(t *testing.T) {
	var l link
	l.s.Expect(described)
	for range latchPackets - 1 {
		l.packet(stranger)
		l.wait(20 * time.Millisecond)
	}
	if hear, _ := l.raw(described, Header{SSRC: 9, Seq: 1}); !hear || l.s.Current() != described {
		t.Errorf("current %v", l.s.Current())
	}
	if hear, _ := l.packet(stranger); hear {
		t.Error("the stranger is heard after the window")
	}
}

func TestFirstComerIsNotInterruptedInTheWindow(t *testing.T) {
	var l link
	l.s.Expect(described)
	l.packet(natted)
	for range 20 {
		if hear, _ := l.raw(stranger, Header{SSRC: 66, Seq: 1}); hear {
			t.Fatal("a second comer is heard while the first talks")
		}
		l.wait(20 * time.Millisecond)
		if hear, _ := l.packet(natted); !hear {
			t.Fatal("the first comer is not heard")
		}
	}
}

func latchedLink() *link {
	l := &link{}
	l.s.Expect(described)
	for range 20 {
		l.packet(described)
		l.wait(20 * time.Millisecond)
	}
	return l
}

func TestHandoverFollowsAMoveWithinTheGap(t *testing.T) {
	l := latchedLink()
	at := l.now
	for range 50 {
		hear, switched := l.packet(moved)
		if hear != switched && hear {
			t.Fatal("heard before the handover")
		}
		if switched {
			if gap := l.now - at; gap > 400*time.Millisecond {
				t.Errorf("handover after %v", gap)
			}
			return
		}
		l.wait(20 * time.Millisecond)
	}
	t.Error("the move is not followed")
}

func TestAttackerNeverWins(t *testing.T) {
	table := []struct {
		name   string
		attack func(l *link, i int) Header
		talk   bool
	}{
		{"another SSRC during talk", func(_ *link, i int) Header { return Header{SSRC: 66, Seq: Seq(i)} }, true},
		{"another SSRC during silence", func(_ *link, i int) Header { return Header{SSRC: 66, Seq: Seq(i)} }, false},
		{"our SSRC, foreign sequence, during silence", func(l *link, i int) Header { return Header{SSRC: 5, Seq: l.seq + 20000 + Seq(i)} }, false},
		{"our SSRC, old sequence, during silence", func(l *link, i int) Header { return Header{SSRC: 5, Seq: l.seq} }, false},
		{"everything right, during talk", func(l *link, i int) Header { return Header{SSRC: 5, Seq: l.seq + 1} }, true},
	}
	for _, tt := range table {
		l := latchedLink()
		for i := range 500 {
			if hear, _ := l.raw(stranger, tt.attack(l, i)); hear {
				t.Errorf("%s: heard at packet %d", tt.name, i)
				break
			}
			if tt.talk {
				if hear, _ := l.packet(described); !hear {
					t.Fatalf("%s: the far end is not heard", tt.name)
				}
			}
			l.wait(20 * time.Millisecond)
		}
		if l.s.Current() != described || l.s.Foreign() == 0 {
			t.Errorf("%s: current %v, foreign %d", tt.name, l.s.Current(), l.s.Foreign())
		}
	}
}

func TestNewDescriptionOpensTheWindow(t *testing.T) {
	l := latchedLink()
	l.s.Expect(moved)
	if hear, switched := l.raw(moved, Header{SSRC: 77, Seq: 1}); !hear || !switched || l.s.Current() != moved {
		t.Errorf("hear %v, current %v", hear, l.s.Current())
	}
}
