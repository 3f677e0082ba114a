package sip

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media/mediatest"
)

// FuzzMessage gives one message of a stranger to a shard that has a call up and
// another one ringing. Nothing may panic, and the calls may only end by what
// belongs to them.
func FuzzMessage(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("transport", "testdata", "*", "*.dat"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	again := aliceCall("up")
	again.seq, again.remote = 5, "ours"
	for _, method := range []string{"INVITE", "ACK", "BYE", "UPDATE", "INFO", "OPTIONS", "CANCEL", "PRACK"} {
		f.Add([]byte(strings.ReplaceAll(again.say(method, description(4000)), "\n", "\r\n")))
	}
	b := offline(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := b.m.shards[0]
		s.layers, s.dialogs, s.calls = map[*profile]*transaction.Layer{}, map[dialogKey]*leg{}, map[string][]*leg{}
		invite := aliceCall("up")
		b.feed(invite.say("INVITE", description(4000)))
		l := s.calls["up"][0]
		delete(s.dialogs, dialogKey{"up", l.tag})
		l.tag, l.invite.Tag, l.dialog.LocalTag = "ours", "ours", "ours"
		s.dialogs[dialogKey{"up", "ours"}] = l
		l.accept(parsedDescription)
		invite.remote = "ours"
		b.feed(invite.say("ACK"))
		if l.state != up {
			t.Fatalf("state %v", l.state)
		}
		b.feed(strings.ReplaceAll(string(data), "\r\n", "\n"))
		if l.state != up && !bytes.Contains(data, []byte("ours")) {
			t.Errorf("a message without our tag brought the call to %v", l.state)
		}
		l.end(core.Release{})
	})
}

var parsedDescription = mustDescription(7000)

// offline is a module whose goroutines do not run: the test is the shard.
func offline(f testing.TB) *bench {
	f.Helper()
	n := mediatest.NewNetwork()
	sw := &fakeSwitch{}
	lan := Network{ListenPacket: func(a netip.AddrPort) (net.PacketConn, error) { return n.Listen(a) }}
	m, err := With(Options{Network: &lan})(profileNode(f, "auth-calls=false", "sip-ip=192.0.2.1"), core.Deps{Switch: sw, Directory: users("1000")})
	if err != nil {
		f.Fatal(err)
	}
	b := &bench{m: m.(*Module), net: n, sw: sw}
	b.m.shards = b.m.shards[:1]
	if err := b.m.Open(f.Context()); err != nil {
		f.Fatal(err)
	}
	return b
}

// feed gives the shard a message as the transport would.
func (b *bench) feed(text string) {
	b.sw.calls = nil
	msg, err := sip.ParseMessage([]byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n")))
	if err != nil || msg.CallID() == nil || msg.From() == nil || msg.To() == nil || msg.CSeq() == nil || msg.Via() == nil {
		return // the transport refuses it
	}
	m := &transport.Message{Source: aliceAddr, Flow: b.m.profiles[0].addresses[0].Datagram(aliceAddr), Raw: []byte(text), At: time.Now()}
	switch msg := msg.(type) {
	case *sip.Request:
		m.Request = msg
	case *sip.Response:
		m.Response = msg
	}
	s := b.m.shards[0]
	s.current = job{profile: b.m.profiles[0], message: m}
	s.message(b.m.profiles[0], m)
}

// FuzzTarget wants that no dial string panics and that what is accepted can be
// written into a request line.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{
		"internal/1001@192.0.2.20", "internal/sip:1001@[2001:db8::1]:5070;transport=tcp", "internal/1001%example.com", "internal/1001",
		"internal/sip:a@b;fs_path=sip%3A192.0.2.1%3Blr", "internal/1@2^3@4", "gateway/x/1", "internal/sip:%00@x", "internal/sip:a@b?X=y",
	} {
		f.Add(seed)
	}
	b := offline(f)
	f.Fuzz(func(t *testing.T, text string) {
		target, err := b.m.parseTarget(text)
		if err != nil {
			return
		}
		line := target.uri.String()
		if strings.ContainsAny(line, "\r\n \x00") {
			t.Fatalf("%q becomes %q", text, line)
		}
	})
}
