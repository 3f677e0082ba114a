package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/media/mediatest"
)

var (
	ours  = netip.MustParseAddrPort("192.0.2.1:5060")
	peer  = netip.MustParseAddrPort("192.0.2.9:5061")
	peer2 = netip.MustParseAddrPort("192.0.2.10:5062")
)

// ear is a Handler that keeps what it is told.
type ear struct {
	mu       sync.Mutex
	messages []*Message
	downs    []error
}

func (e *ear) Receive(m *Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.messages = append(e.messages, m)
}

func (e *ear) Down(_ *Flow, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.downs = append(e.downs, err)
}

func (e *ear) take() []*Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.messages
	e.messages = nil
	return m
}

// bench is one running address with a far end on a virtual LAN.
type bench struct {
	t       *testing.T
	address *Address
	ear     *ear
	far     *mediatest.Conn
	net     *mediatest.Network
	stop    func()
}

func newBench(t *testing.T, cfg Config) *bench {
	t.Helper()
	n := mediatest.NewNetwork()
	conn, err := n.Listen(ours)
	if err != nil {
		t.Fatal(err)
	}
	far, err := n.Listen(peer)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, ear: &ear{}, far: far, net: n}
	cfg.PacketConn = conn
	cfg.Handler = b.ear
	if b.address, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.address.Run(ctx) }()
	b.stop = func() { cancel(); <-done }
	synctest.Wait()
	return b
}

func (b *bench) send(text string) {
	b.t.Helper()
	if _, err := b.far.WriteTo([]byte(text), net.UDPAddrFromAddrPort(ours)); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// answer returns what the far end received, "" when nothing came.
func (b *bench) answer() string {
	b.t.Helper()
	buf := make([]byte, 65535)
	_ = b.far.SetReadDeadline(time.Now().Add(time.Millisecond))
	n, _, err := b.far.ReadFrom(buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// text puts CRLFs into a message written with bare newlines.
func text(s string) string {
	return strings.ReplaceAll(strings.TrimLeft(s, "\n"), "\n", "\r\n")
}

const options = `
OPTIONS sip:100@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5061;branch=z9hG4bK1;rport
From: <sip:a@192.0.2.9>;tag=1
To: <sip:100@192.0.2.1>
Call-ID: c1
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0

`

func TestReceiveFillsReceivedAndRport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		defer b.stop()
		b.send(text(options))
		got := b.ear.take()
		if len(got) != 1 || got[0].Request == nil {
			t.Fatalf("received %d messages, want one request", len(got))
		}
		m := got[0]
		via := m.Request.Via()
		if r, _ := via.Params.Get("received"); r != "192.0.2.9" {
			t.Errorf("received = %q, want 192.0.2.9", r)
		}
		if r, _ := via.Params.Get("rport"); r != "5061" {
			t.Errorf("rport = %q, want 5061", r)
		}
		if m.Flow.Remote != peer || m.Source != peer {
			t.Errorf("answers go to %v, source %v, want %v", m.Flow.Remote, m.Source, peer)
		}
		if !strings.Contains(string(m.Raw), "OPTIONS sip:100@") {
			t.Errorf("Raw = %q", m.Raw)
		}
	})
}

func TestReceiveWithoutRportAnswersAtSentBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		defer b.stop()
		b.send(strings.Replace(text(options), "192.0.2.9:5061;branch=z9hG4bK1;rport", "10.0.0.1:5080;branch=z9hG4bK1", 1))
		m := b.ear.take()[0]
		if want := netip.MustParseAddrPort("192.0.2.9:5080"); m.Flow.Remote != want {
			t.Errorf("answers go to %v, want %v: source address, sent-by port (RFC 3261 §18.2.2)", m.Flow.Remote, want)
		}
	})
}

func TestReceiveKeepsOrderAndSurvivesGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		defer b.stop()
		for i := range 50 {
			b.send(strings.Replace(text(options), "CSeq: 1", fmt.Sprintf("CSeq: %d", i+1), 1))
			b.send("\r\n\r\n")
			b.send("\x00\x01\x00\x00stun or whatever comes here")
			b.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		got := b.ear.take()
		if len(got) != 50 {
			t.Fatalf("received %d, want 50", len(got))
		}
		for i, m := range got {
			if m.Request.CSeq().SeqNo != uint32(i+1) {
				t.Fatalf("message %d has CSeq %d", i, m.Request.CSeq().SeqNo)
			}
		}
		s := &b.address.Stats
		if s.KeepAlives.Load() != 50 || s.Garbage.Load() != 100 {
			t.Errorf("keep-alives %d, garbage %d; want 50, 100", s.KeepAlives.Load(), s.Garbage.Load())
		}
		if size := b.address.layer.Pool("udp").Size(); size > 2 {
			t.Errorf("sipgo's pool has %d entries; it must not grow with far ends", size)
		}
		if a := b.answer(); a != "" {
			t.Errorf("answered garbage with %q", a)
		}
	})
}

func TestSendUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{Queue: 2})
		defer b.stop()
		f := b.address.Datagram(peer)
		if err := f.Send([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if got := b.answer(); got != "hello" {
			t.Errorf("far end got %q", got)
		}
		if f.Reliable() || !f.Up() || !f.Same(b.address.Datagram(peer)) || f.Same(b.address.Datagram(peer2)) {
			t.Error("flow's properties are wrong")
		}
		_ = f.Send(make([]byte, 70000)) // EMSGSIZE
		synctest.Wait()
		if len(b.ear.downs) != 1 {
			t.Errorf("Down called %d times for a datagram that cannot be sent, want 1", len(b.ear.downs))
		}
	})
}

// pipeListener is a net.Listener whose connections are net.Pipes.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(ours) }

type pipeEnd struct {
	net.Conn
	remote netip.AddrPort
}

func (p pipeEnd) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(p.remote) }

// tcp returns the far side of an accepted connection.
func (l *pipeListener) connect(from netip.AddrPort) net.Conn {
	near, far := net.Pipe()
	l.conns <- pipeEnd{near, from}
	return far
}

func TestStreamFramesTidiesAndAnswersOnTheSameConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		b := newBench(t, Config{Listener: l})
		defer b.stop()
		far := l.connect(peer)
		first := strings.Replace(text(options), "UDP", "TCP", 1)
		second := strings.Replace(text(options), "From: <sip:a@192.0.2.9>;tag=1", "f : <sip:a@192.0.2.9> ; Tag = 77", 1)
		stream := "\r\n\r\n" + first + "\r\n" + second
		go func() {
			for i := range len(stream) { // every byte for itself
				_, _ = far.Write([]byte(stream[i : i+1]))
			}
		}()
		pong := make([]byte, 2)
		if _, err := far.Read(pong); err != nil || string(pong) != "\r\n" {
			t.Fatalf("pong %q, %v", pong, err)
		}
		synctest.Wait()
		got := b.ear.take()
		if len(got) != 2 {
			t.Fatalf("received %d messages, want 2", len(got))
		}
		if tag, _ := got[1].Request.From().Params.Get("tag"); tag != "77" {
			t.Errorf("From tag = %q, want 77", tag)
		}
		if got[0].Flow != got[1].Flow || !got[0].Flow.Reliable() {
			t.Error("both messages must have the connection's flow")
		}
		if !b.address.Connected(peer) {
			t.Error("Connected = false for a connection that is up")
		}
		_ = got[0].Flow.Send([]byte("SIP/2.0 200 OK\r\n\r\n"))
		buf := make([]byte, 100)
		n, _ := far.Read(buf)
		if string(buf[:n]) != "SIP/2.0 200 OK\r\n\r\n" {
			t.Errorf("far end got %q", buf[:n])
		}
		_ = far.Close()
		synctest.Wait()
		if len(b.ear.downs) != 1 || got[0].Flow.Up() {
			t.Errorf("closed connection: %d downs, up %v", len(b.ear.downs), got[0].Flow.Up())
		}
	})
}

func TestStreamRefusesABadMessageAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		b := newBench(t, Config{Listener: l})
		defer b.stop()
		far := l.connect(peer)
		go func() {
			_, _ = far.Write([]byte(strings.Replace(text(options), "Call-ID: c1\r\n", "", 1) + text(options)))
		}()
		buf := make([]byte, 2000)
		n, _ := far.Read(buf)
		if !strings.HasPrefix(string(buf[:n]), "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.9:5061;branch=z9hG4bK1;rport;received=192.0.2.9\r\n") {
			t.Errorf("answer %q", buf[:n])
		}
		synctest.Wait()
		if got := b.ear.take(); len(got) != 1 {
			t.Errorf("received %d messages after the bad one, want 1", len(got))
		}
	})
}

func TestStreamGivesUpOnASlowMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		b := newBench(t, Config{Listener: l})
		defer b.stop()
		far := l.connect(peer)
		_, _ = far.Write([]byte("OPTIONS sip:"))
		time.Sleep(partialTimeout + time.Second)
		if _, err := far.Read(make([]byte, 1)); err == nil {
			t.Error("a message that never ends keeps its connection")
		}
	})
}

func TestConnectionDialsOnceAndQueuesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := make(chan net.Conn, 4)
		dials := 0
		b := newBench(t, Config{Listener: newPipeListener(), Dial: func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
			dials++
			if remote == peer2 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			time.Sleep(time.Second)
			near, other := net.Pipe()
			far <- other
			return pipeEnd{near, remote}, nil
		}})
		defer b.stop()
		one, two := b.address.Connection(peer), b.address.Connection(peer)
		if !one.Same(two) {
			t.Error("two flows to one far end")
		}
		_ = one.Send([]byte("queued"))
		conn := <-far
		buf := make([]byte, 100)
		n, _ := conn.Read(buf)
		synctest.Wait()
		if string(buf[:n]) != "queued" || dials != 1 {
			t.Errorf("got %q after %d dials", buf[:n], dials)
		}
		never := b.address.Connection(peer2)
		time.Sleep(dialTimeout + time.Second)
		synctest.Wait()
		if never.Up() || !errors.Is(never.Send(nil), ErrClosed) || len(b.ear.downs) != 1 {
			t.Errorf("dead far end: up %v, %d downs", never.Up(), len(b.ear.downs))
		}
	})
}
