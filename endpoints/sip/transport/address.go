package transport

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Config says what an [Address] works on.
type Config struct {
	PacketConn net.PacketConn // nil: no UDP. Closed when Run ends.
	Listener   net.Listener   // nil: no TCP. Closed when Run ends.
	Dial       DialFunc       // nil: from the listener's IP, any port
	Handler    Handler

	// Advertised is the host and port written into Via and Contact, where
	// they differ from the socket's (a NAT in front). Port 0: the socket's.
	AdvertisedHost string
	AdvertisedPort int

	Queue          int // messages in front of each writer; 0: 1024
	MaxConnections int // accepted connections; 0: 8192
	Log            *slog.Logger
}

// Stats counts what an address did. Fields only grow.
type Stats struct {
	Received    atomic.Uint64 // messages handed up
	Sent        atomic.Uint64
	KeepAlives  atomic.Uint64
	Garbage     atomic.Uint64 // not SIP
	Malformed   atomic.Uint64 // SIP, but refused with 400, 416 or 505, or dropped
	QueueFull   atomic.Uint64
	WriteErrors atomic.Uint64
	ReadErrors  atomic.Uint64
	Refused     atomic.Uint64 // connections over the limit
}

// Address is one local IP and port. Its methods may be called from any goroutine.
type Address struct {
	Stats Stats

	// Immutable after New.
	cfg   Config
	layer *sip.TransportLayer
	local netip.AddrPort
	udp   *datagrams
	conns chan net.Conn // connections on their way into sipgo
	done  chan struct{}

	wg     sync.WaitGroup
	ctx    context.Context // ends dials; set by Run before anything is sent
	closed atomic.Bool

	mu      sync.Mutex
	streams map[string]*stream         // Guarded by mu. By name, see stream.name.
	peers   map[netip.AddrPort]*stream // Guarded by mu. By far end.
	lastID  uint64                     // Guarded by mu.
	count   int                        // Guarded by mu. Accepted connections.
}

// New returns an address that is not running yet.
func New(cfg Config) (*Address, error) {
	if cfg.Queue == 0 {
		cfg.Queue = 1024
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = 8192
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Address{
		cfg:     cfg,
		conns:   make(chan net.Conn),
		done:    make(chan struct{}),
		streams: make(map[string]*stream),
		peers:   make(map[netip.AddrPort]*stream),
	}
	switch {
	case cfg.PacketConn != nil:
		a.local = addrPort(cfg.PacketConn.LocalAddr())
	case cfg.Listener != nil:
		a.local = addrPort(cfg.Listener.Addr())
	default:
		return nil, fmt.Errorf("sip: transport: neither UDP nor TCP")
	}
	if !a.local.IsValid() {
		return nil, fmt.Errorf("sip: transport: no usable local address")
	}
	if cfg.PacketConn != nil {
		a.udp = newDatagrams(a, cfg.PacketConn)
	}
	if cfg.Dial == nil {
		a.cfg.Dial = a.dial
	}
	// sipgo logs every message that it cannot parse, whole, as an error: a
	// stranger could fill the disk. What matters is counted here.
	a.layer = sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil,
		sip.WithTransportLayerLogger(slog.New(slog.DiscardHandler)))
	a.layer.OnMessage(a.onMessage)
	return a, nil
}

// Run serves until ctx is done. It closes the sockets and all connections and
// returns when every goroutine has ended.
func (a *Address) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.mu.Lock()
	a.ctx = ctx
	a.mu.Unlock()
	if a.udp != nil {
		a.wg.Go(a.udp.read)
		a.wg.Go(a.udp.write)
	}
	if a.cfg.Listener != nil {
		a.wg.Go(func() { a.accept(ctx) })
	}
	a.wg.Go(func() {
		// ServeTCP returns when the injected listener closes.
		_ = a.layer.ServeTCP((*injector)(a))
	})
	<-ctx.Done()
	a.close()
	a.wg.Wait()
	return nil
}

// Close gives the sockets back of an address that will not run. After Run it
// does nothing.
func (a *Address) Close() { a.close() }

func (a *Address) close() {
	a.mu.Lock()
	again := a.closed.Swap(true) // under mu: no connection starts after this
	running := a.ctx != nil
	a.mu.Unlock()
	if again {
		return
	}
	close(a.done)
	if a.udp != nil {
		if running {
			<-a.udp.written // what is queued still leaves
		}
		_ = a.udp.conn.Close()
	}
	if a.cfg.Listener != nil {
		_ = a.cfg.Listener.Close()
	}
	a.mu.Lock()
	streams := make([]*stream, 0, len(a.streams))
	for _, s := range a.streams {
		streams = append(streams, s)
	}
	a.mu.Unlock()
	for _, s := range streams {
		s.close(ErrClosed)
	}
}

// Local returns the address of the socket.
func (a *Address) Local() netip.AddrPort { return a.local }

// HasUDP and HasTCP report what the address can send with.
func (a *Address) HasUDP() bool { return a.udp != nil }

// HasTCP reports whether connections can be accepted and made.
func (a *Address) HasTCP() bool { return a.cfg.Listener != nil }

// HostPort returns the host and port to write into Contact and Via.
func (a *Address) HostPort() (host string, port int) {
	host, port = a.cfg.AdvertisedHost, a.cfg.AdvertisedPort
	if host == "" {
		host = a.local.Addr().WithZone("").String()
	}
	if port == 0 {
		port = int(a.local.Port())
	}
	return host, port
}

// Via returns the header for a request sent over f, with rport asked for
// (RFC 3581 §3).
func (f *Flow) Via(branch string) *sip.ViaHeader {
	host, port := f.address.HostPort()
	return &sip.ViaHeader{
		ProtocolName:    "SIP",
		ProtocolVersion: "2.0",
		Transport:       f.Transport,
		Host:            host,
		Port:            port,
		Params:          sip.HeaderParams{{K: "rport"}, {K: "branch", V: branch}},
	}
}

// Datagram returns the flow over the UDP socket to remote.
func (a *Address) Datagram(remote netip.AddrPort) *Flow {
	return &Flow{Transport: UDP, Local: a.local, Remote: unmap(remote), address: a}
}

// Connection returns the flow over TCP to remote: a connection that exists, or
// one that is made now, in its own goroutine. Messages may be sent at once;
// they wait for the connection, and [Handler.Down] tells when there is none.
func (a *Address) Connection(remote netip.AddrPort) *Flow {
	remote = unmap(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.peers[remote]; s != nil && !s.closed() {
		return s.flow
	}
	s := a.newStream(remote)
	if a.ctx == nil || a.closed.Load() {
		s.fail()
		return s.flow
	}
	ctx := a.ctx
	a.wg.Go(func() { s.connect(ctx) })
	return s.flow
}

// Connected reports whether a connection to remote is up: the peer is known to
// speak TCP (RFC 3261 §18.1.1, for requests too large for a datagram).
func (a *Address) Connected(remote netip.AddrPort) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.peers[unmap(remote)]
	return s != nil && !s.closed()
}

// newStream makes a stream and lists it. The caller holds mu.
func (a *Address) newStream(remote netip.AddrPort) *stream {
	a.lastID++
	s := &stream{
		address: a,
		name:    fmt.Sprintf("flow-%d", a.lastID),
		out:     make(chan []byte, a.cfg.Queue),
		gone:    make(chan struct{}),
	}
	s.flow = &Flow{Transport: TCP, Local: a.local, Remote: remote, address: a, stream: s}
	a.streams[s.name] = s
	a.peers[remote] = s
	return s
}

// forget takes a stream off the lists.
func (a *Address) forget(s *stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.streams, s.name)
	if a.peers[s.flow.Remote] == s {
		delete(a.peers, s.flow.Remote)
	}
	if s.accepted {
		a.count--
		s.accepted = false
	}
}

// accept takes connections until the listener closes.
func (a *Address) accept(ctx context.Context) {
	for {
		conn, err := a.cfg.Listener.Accept()
		if err != nil {
			if a.closed.Load() || ctx.Err() != nil {
				return
			}
			a.Stats.ReadErrors.Add(1)
			if !a.pause(100 * time.Millisecond) { // out of descriptors, most likely
				return
			}
			continue
		}
		a.mu.Lock()
		if a.closed.Load() || a.count >= a.cfg.MaxConnections {
			a.mu.Unlock()
			a.Stats.Refused.Add(1)
			_ = conn.Close()
			continue
		}
		a.count++
		s := a.newStream(addrPort(conn.RemoteAddr()))
		s.accepted = true
		a.wg.Go(func() { s.serve(conn) })
		a.mu.Unlock()
	}
}

// dial is the default [DialFunc].
func (a *Address) dial(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: a.local.Addr().AsSlice(), Zone: a.local.Addr().Zone()}}
	return d.DialContext(ctx, "tcp", remote.String())
}

// pause waits between two attempts at something that fails; false when the address closes.
func (a *Address) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.done:
		return false
	}
}

// onMessage is called by sipgo in the goroutine that read the message, before
// it reads the next one; therefore the wrappers still know where it came from.
func (a *Address) onMessage(msg sip.Message) {
	if msg.Transport() == UDP {
		a.udp.parsed(msg)
		return
	}
	a.mu.Lock()
	s := a.streams[msg.Source()]
	a.mu.Unlock()
	if s != nil {
		s.parsed(msg)
	}
}

// deliver hands a parsed message up. flow leads back to its source.
func (a *Address) deliver(msg sip.Message, flow *Flow, raw []byte) {
	m := &Message{Flow: flow, Source: flow.Remote, Raw: raw, At: time.Now()}
	switch msg := msg.(type) {
	case *sip.Request:
		m.Request = msg
		if !stampVia(m) {
			a.Stats.Malformed.Add(1)
			return
		}
	case *sip.Response:
		m.Response = msg
	}
	msg.SetSource(m.Source.String())
	a.Stats.Received.Add(1)
	a.cfg.Handler.Receive(m)
}

// stampVia adds received and rport to the top Via (RFC 3261 §18.2.1, RFC 3581 §4)
// and corrects the flow for a peer that did not ask for rport: it wants the
// answer at its sent-by port. A maddr is not obeyed: it would let a stranger
// point our answers at a third party.
func stampVia(m *Message) bool {
	via := m.Request.Via()
	if via == nil || via.Host == "" {
		return false
	}
	via.Params.Remove("received")
	_, wantsRport := via.Params.Get("rport")
	via.Params.Add("received", m.Source.Addr().WithZone("").String())
	switch {
	case wantsRport:
		via.Params.Add("rport", fmt.Sprint(m.Source.Port()))
	case m.Flow.Transport == UDP:
		port := uint16(5060)
		if via.Port > 0 && via.Port < 65536 {
			port = uint16(via.Port)
		}
		m.Flow = m.Flow.address.Datagram(netip.AddrPortFrom(m.Source.Addr(), port))
	}
	return true
}

// addrPort reads an address that a socket reported; invalid when it is none.
func addrPort(addr net.Addr) netip.AddrPort {
	switch addr := addr.(type) {
	case *net.UDPAddr:
		return unmap(addr.AddrPort())
	case *net.TCPAddr:
		return unmap(addr.AddrPort())
	case nil:
		return netip.AddrPort{}
	}
	ap, _ := netip.ParseAddrPort(addr.String())
	return unmap(ap)
}

// unmap turns ::ffff:a.b.c.d into a.b.c.d, so that addresses compare.
func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
