package sip

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// several runs a profile on "all" of three addresses, two IPv4 and one IPv6, and
// one more that cannot be bound.
func several(t *testing.T) *bench {
	t.Helper()
	addrs := []netip.Addr{
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::bad"),
	}
	return openWith(t, core.Deps{Directory: users("1000", "1001")}, func(n *Network) {
		listen := n.ListenPacket
		n.ListenPacket = func(a netip.AddrPort) (net.PacketConn, error) {
			if a.Addr() == addrs[3] {
				return nil, &net.OpError{Op: "listen", Err: syscall.EADDRNOTAVAIL}
			}
			return listen(a)
		}
		n.LocalAddrs = func() ([]netip.Addr, error) { return addrs, nil }
		n.Source = func(netip.Addr) netip.Addr { return addrs[0] } // what the routing table says
	}, "auth-calls=false", "sip-ip=all")
}

// One peer talks to two of our addresses: each answer leaves from the one that
// was asked (finding 4 of libraries.md).
func TestAnswersLeaveFromTheAddressThatWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := several(t)
		alice := b.phone(aliceAddr)
		from := map[string]string{}
		b.net.SetWatch(func(p mediatest.Packet) {
			if p.To == aliceAddr {
				from[header(string(p.Payload), "Call-ID")] = p.From.Addr().String()
			}
		})
		for i, ours := range []string{"192.0.2.1", "198.51.100.1", "192.0.2.1", "198.51.100.1"} {
			alice.peer = netip.AddrPortFrom(netip.MustParseAddr(ours), 5060)
			d := aliceCall(strings.Repeat("m", i+1))
			alice.send(d.say("INVITE", description(4000)))
			alice.expect("100", soon)
			call := b.sw.last(t)
			if got := call.in.Local.Stream.Local.String(); got != ours {
				t.Errorf("media of a call to %s at %s", ours, got)
			}
			call.in.Leg.Release(core.Release{})
			if r := alice.expect("480", soon); from[d.callID] != ours {
				t.Errorf("%q left from %s, want %s", firstLine(r), from[d.callID], ours)
			}
			alice.send(strings.Replace(d.say("ACK"), "-ack", "", 1))
		}
	})
}

// A phone is called from the address it registered at, whatever the routing
// table says: nothing else passes its NAT.
func TestPhonesAreCalledFromWhereTheyRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := several(t)
		alice := b.phone(aliceAddr)
		alice.peer = netip.MustParseAddrPort("198.51.100.1:5060")
		if r := b.registered(alice, "1000", "Contact: <sip:1000@192.0.2.10:5060>;expires=300"); !strings.HasPrefix(r, "SIP/2.0 200") {
			t.Fatalf("not registered: %s", r)
		}
		leg, in := b.place("internal/1000%example.com", parsed(t, 7000), nil)
		inv := alice.expect("INVITE", soon)
		if !strings.HasPrefix(header(inv, "Via"), "SIP/2.0/UDP 198.51.100.1:5060;") || !strings.Contains(header(inv, "Contact"), "@198.51.100.1:5060") {
			t.Errorf("INVITE:\n%s", inv)
		}
		alice.send(answerTo(inv, 486, "x"))
		b.want(in, "FarHangup(USER_BUSY 486)")
		leg.Release(core.Release{})
	})
}

func TestIPv6CallsBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := several(t)
		at := netip.MustParseAddrPort("[2001:db8::10]:5060")
		alice := b.phone(at)
		alice.peer = netip.MustParseAddrPort("[2001:db8::1]:5060")
		d := aliceCall("six")
		d.via, d.contact = at, "sip:1000@[2001:db8::10]:5060"
		alice.send(d.say("INVITE", description(4000)))
		if r := alice.expect("100", soon); !strings.Contains(header(r, "Via"), ";received=2001:db8::10") {
			t.Errorf("Via %s", header(r, "Via"))
		}
		call := b.sw.last(t)
		if call.in.Variables["sip_nat_detected"] != "" || call.in.Profile.NetworkAddr != "2001:db8::10" {
			t.Errorf("variables %v", call.in.Variables)
		}
		call.in.Leg.Answer(parsed(t, 7000))
		ok := alice.expect("200", soon)
		if header(ok, "Contact") != "<sip:tandem@[2001:db8::1]:5060>" {
			t.Errorf("Contact %s", header(ok, "Contact"))
		}
		d.remote = toTag(ok)
		alice.send(d.say("ACK"))
		call.in.Leg.Release(core.Release{})
		alice.send(answerTo(alice.expect("BYE sip:1000@[2001:db8::10]:5060 SIP/2.0", soon), 200, ""))
		b.want(call.inbox, "Confirmed(-) Released(200)")

		leg, in := b.place("internal/sip:1000@[2001:db8::10]:5060", parsed(t, 7000), nil)
		inv := alice.expect("INVITE sip:1000@[2001:db8::10]:5060 SIP/2.0", soon)
		if !strings.HasPrefix(header(inv, "Via"), "SIP/2.0/UDP [2001:db8::1]:5060;") || !strings.Contains(header(inv, "From"), "<sip:1000@[2001:db8::1]>") {
			t.Errorf("INVITE:\n%s", inv)
		}
		alice.send(answerTo(inv, 486, "x"))
		alice.expect("ACK", soon)
		b.want(in, "FarHangup(USER_BUSY 486)")
		leg.Release(core.Release{})
		b.empty()
	})
}

// Behind a NAT with port forwarding the outside address is told, media included.
func TestExternalAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, core.Deps{}, "auth-calls=false", "ext-sip-ip=203.0.113.5", "ext-rtp-ip=203.0.113.6", "rtp-ip=192.0.2.7", "sip-ip=192.0.2.1")
		alice, d, call := answered(t, b)
		if s := call.in.Local.Stream; s.Advertise.String() != "203.0.113.6" || s.Local.String() != "192.0.2.7" {
			t.Errorf("media %+v", s)
		}
		alice.send(d.say("OPTIONS"))
		if r := alice.expect("200", soon); header(r, "Contact") != "<sip:203.0.113.5:5060>" {
			t.Errorf("Contact %s", header(r, "Contact"))
		}
		call.in.Leg.Release(core.Release{})
		if bye := alice.expect("BYE", soon); !strings.HasPrefix(header(bye, "Via"), "SIP/2.0/UDP 203.0.113.5:5060;") {
			t.Errorf("Via %s", header(bye, "Via"))
		}
	})
}
