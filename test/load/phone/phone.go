// Package phone is the signaling side of the load generator: many phones of
// one password behind one UDP socket, which register, call and answer with the
// least SIP that is right, cheap enough to load a switch from the same machine.
//
// It is not a user agent for anybody else: UDP and IPv4 only, no Record-Route, no
// DNS, one codec for each phone. Run starts one goroutine that reads the socket
// and is itself the owner of all calls; Place, Register and the like post to it
// and never wait for the network. Callbacks run on the owner and must not block.
package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/endpoints/sip/digest"
)

// Media is the sound of one call. The agent aims it as soon as it knows where to, and
// gives it back when the call ends.
type Media interface {
	Addr() netip.AddrPort
	Aim(to netip.AddrPort, payloadType uint8) error
	Release()
}

// Config is what an Agent needs.
type Config struct {
	Local    netip.AddrPort // IPv4; port 0 lets the system pick one
	Server   netip.AddrPort // everything is sent there
	Domain   string         // of the users; the server's address if empty
	Password string         // of all users
	// PayloadType is the only codec that is offered and answered: 0 is PCMU, 8 is PCMA.
	PayloadType uint8
	// Media makes the sound of a call; without it calls have an address and no sound.
	Media func() (Media, error)
	// Silent users ring and never answer; all others answer at once.
	Silent map[string]bool
}

// Agent is some phones behind one socket. Its methods may be called from any
// goroutine while Run runs.
type Agent struct {
	cfg    Config
	conn   *net.UDPConn
	local  netip.AddrPort
	prefix string // of Call-IDs, branches and tags
	in     chan datagram
	posted chan func(time.Time)
	ended  chan struct{}

	// Below: the owner's.
	calls    map[string]*call
	accounts map[string]*digest.Client
	timers   timers
	serial   uint64
	figures  Figures

	sizes sync.Pool // of *[maxDatagram]byte
}

// Figures are what an agent counts. They are from the owner; see Agent.Figures.
type Figures struct {
	Retransmits uint64        // of requests and of 2xx
	Answered    uint64        // calls that came in and were answered
	Broken      uint64        // of those, calls that went wrong, e.g. without an ACK
	Unexpected  uint64        // messages that fit no call
	Live        int           // calls that are being made, up, or being ended
	Lag         time.Duration // the longest time that a datagram waited for the owner
}

const (
	maxDatagram = 4096 // our messages have 1000 bytes, and nobody answers with more than twice that
	inQueue     = 8192 // datagrams: more than a socket's buffer holds
	socketBytes = 8 << 20
)

type datagram struct {
	at  time.Time
	buf *[maxDatagram]byte
	n   int
}

// Open opens the socket.
func Open(cfg Config) (*Agent, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(cfg.Local))
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	_ = conn.SetReadBuffer(socketBytes) // as much as the system allows
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if cfg.Domain == "" {
		cfg.Domain = cfg.Server.Addr().String()
	}
	return &Agent{
		cfg: cfg, conn: conn, local: local,
		prefix:   strconv.FormatInt(time.Now().UnixNano(), 36) + "p" + strconv.Itoa(int(local.Port())),
		in:       make(chan datagram, inQueue),
		posted:   make(chan func(time.Time), inQueue),
		ended:    make(chan struct{}),
		calls:    map[string]*call{},
		accounts: map[string]*digest.Client{},
		sizes:    sync.Pool{New: func() any { return new([maxDatagram]byte) }},
	}, nil
}

// Addr returns where the agent receives.
func (a *Agent) Addr() netip.AddrPort { return a.local }

// Run serves until ctx ends, closes the socket and returns when the reader has
// ended. What was posted later is not done.
func (a *Agent) Run(ctx context.Context) error {
	var reader sync.WaitGroup
	reader.Go(a.read)
	defer reader.Wait()
	defer func() { _ = a.conn.Close() }()
	defer close(a.ended)
	wake := time.NewTimer(time.Hour)
	defer wake.Stop()
	for {
		wake.Reset(a.timers.wait(time.Now()))
		select {
		case <-ctx.Done():
			a.abandon()
			return nil
		case d := <-a.in:
			now := time.Now()
			a.figures.Lag = max(a.figures.Lag, now.Sub(d.at))
			a.receive(d.buf[:d.n], now)
			a.sizes.Put(d.buf)
		case fn := <-a.posted:
			fn(time.Now())
		case <-wake.C:
		}
		a.timers.run(time.Now())
	}
}

// read hands datagrams to the owner in their order, until the socket is closed.
func (a *Agent) read() {
	for {
		buf := a.sizes.Get().(*[maxDatagram]byte)
		n, _, err := a.conn.ReadFromUDPAddrPort(buf[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil || n == 0:
			continue
		}
		select {
		case a.in <- datagram{time.Now(), buf, n}:
		case <-a.ended:
			return
		}
	}
}

// post makes the owner do something; false if it has ended.
func (a *Agent) post(fn func(now time.Time)) bool {
	select {
	case a.posted <- fn:
		return true
	case <-a.ended:
		return false
	}
}

// Figures returns the counts since the last call and starts anew; nothing
// after the end of Run. It waits for the owner.
func (a *Agent) Figures() Figures {
	got := make(chan Figures, 1)
	if !a.post(func(time.Time) {
		f := a.figures
		f.Live = len(a.calls)
		a.figures = Figures{}
		got <- f
	}) {
		return Figures{}
	}
	select {
	case f := <-got:
		return f
	case <-a.ended:
		return Figures{}
	}
}

// HangupAll ends all calls, so many per second.
func (a *Agent) HangupAll(perSecond int) {
	a.post(func(now time.Time) {
		at := now
		for _, c := range a.calls {
			if c.state != up {
				continue
			}
			a.timers.add(at, c, c.generation, (*call).hangup)
			at = at.Add(time.Second / time.Duration(max(perSecond, 1)))
		}
	})
}

// abandon gives back what calls hold when the owner ends before them.
func (a *Agent) abandon() {
	for _, c := range a.calls {
		c.end(time.Now(), errAbandoned)
	}
}

// account returns the credentials of a user, shared by all its calls, so that
// only the first one is challenged.
func (a *Agent) account(user string) *digest.Client {
	c := a.accounts[user]
	if c == nil {
		c = digest.NewClient(digest.Account{Username: user, Secret: digest.A1{Password: a.cfg.Password}})
		a.accounts[user] = c
	}
	return c
}

func (a *Agent) next() string {
	a.serial++
	return a.prefix + strconv.FormatUint(a.serial, 36)
}

// send writes one datagram. A full socket buffer is a lost packet, which the
// protocol repairs.
func (a *Agent) send(b []byte) { _, _ = a.conn.WriteToUDPAddrPort(b, a.cfg.Server) }

// receive takes one datagram to its call.
func (a *Agent) receive(b []byte, now time.Time) {
	m, err := parse(b)
	if err != nil {
		if len(b) > 4 { // less is a keep-alive
			a.figures.Unexpected++
		}
		return
	}
	c := a.calls[string(m.callID)]
	switch {
	case m.isResponse() && c != nil:
		c.response(m, now)
	case m.isResponse():
		// Of a call that is over: a retransmission that crossed our last message.
	case c != nil:
		c.request(m, now)
	default:
		a.stranger(m, now)
	}
}

// stranger answers a request outside of a call.
func (a *Agent) stranger(m *message, now time.Time) {
	switch m.method {
	case "INVITE":
		a.ring(m, now)
	case "OPTIONS", "NOTIFY":
		a.send(a.reply(m, 200, "OK", "", nil))
	case "ACK":
		// Of an answer that we have forgotten.
	case "BYE", "CANCEL":
		a.send(a.reply(m, 481, "Call/Transaction Does Not Exist", "", nil))
	default:
		a.figures.Unexpected++
		a.send(a.reply(m, 405, "Method Not Allowed", "", nil))
	}
}
