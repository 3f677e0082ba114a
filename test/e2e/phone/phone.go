// Package phone is a telephone that does what a script says, right or wrong.
//
// It writes and reads SIP as text and keeps just enough state to be a polite
// user agent by itself: it repeats requests and final responses (RFC 3261
// §17), acknowledges, answers BYE, CANCEL, OPTIONS, UPDATE and re-INVITEs, and
// gives credentials. Each of these habits can be taken from it. It watches
// what the switch sends and reports what no RFC allows as a fault.
//
// A phone is a reader per socket and timers; Close ends them all and waits.
package phone

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/endpoints/sip/digest"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/test/e2e/lan"
)

// Config of a phone.
type Config struct {
	Name     string // in scripts
	Number   string
	Password string
	Domain   string         // of From and To
	Addr     netip.AddrPort // of SIP
	Switch   netip.AddrPort
	TCP      bool
	Sensible bool // leaves out what makes no sense: a second answer, a CANCEL after the end
	NAT      bool // writes a private address into Contact and descriptions
	LAN      *lan.LAN
	// Trace takes each line of the transcript, without time and name. It is
	// called with the phone locked.
	Trace func(line string)
}

// The habits that can be taken from a phone.
const (
	habitACK         = "ack"             // acknowledges final responses
	habitAnswer      = "answers"         // answers requests within calls, and CANCEL
	habitRepeat      = "retransmissions" // repeats what is not answered
	habitCredentials = "credentials"     // answers challenges
	habitTrying      = "trying"          // says 100 to a call
	habitEars        = "ears"            // receives at all
)

var habits = []string{habitACK, habitAnswer, habitRepeat, habitCredentials, habitTrying, habitEars}

// Phone is one phone. Its methods may be called from any goroutine.
type Phone struct {
	// Immutable after Open.
	cfg     Config
	udp     *mediatest.Conn
	readers sync.WaitGroup

	mu      sync.Mutex
	tcp     net.Conn // Guarded by mu, as is all below.
	closed  bool
	without map[string]bool
	digest  *digest.Client
	always  int    // status for re-INVITEs; 0: 200
	last    string // sent last
	nextID  int
	clients map[string]*client // by branch and method
	servers map[string]*server // by branch and method
	calls   []*call
	timers  map[*time.Timer]struct{}
	sockets map[uint16]*mediatest.Conn // of sound, by port
	ear     ear
	mouth   mouth

	registration struct {
		id  string
		seq int
	}
}

// RTPPort is where a phone receives sound.
const RTPPort = 4000

// Open plugs a phone in.
func Open(cfg Config) (*Phone, error) {
	p := &Phone{
		cfg: cfg, without: map[string]bool{}, clients: map[string]*client{}, servers: map[string]*server{}, timers: map[*time.Timer]struct{}{},
		sockets: map[uint16]*mediatest.Conn{},
		digest:  digest.NewClient(digest.Account{Username: cfg.Number, Secret: digest.A1{Password: cfg.Password}}),
	}
	var err error
	if p.udp, err = cfg.LAN.Socket(cfg.Addr); err != nil {
		return nil, err
	}
	if err := p.listenAt(RTPPort); err != nil {
		return nil, err
	}
	cfg.LAN.Name(cfg.Addr.Addr(), cfg.Name)
	p.readers.Go(p.readUDP)
	return p, nil
}

// Close pulls the plug and waits.
func (p *Phone) Close() {
	p.mu.Lock()
	p.closed = true
	for t := range p.timers {
		t.Stop()
	}
	tcp := p.tcp
	for _, c := range p.sockets {
		_ = c.Close()
	}
	p.mu.Unlock()
	_ = p.udp.Close()
	if tcp != nil {
		_ = tcp.Close()
	}
	p.readers.Wait()
}

func (p *Phone) readUDP() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.udp.ReadFromAddrPort(buf)
		if err != nil {
			return
		}
		p.receive(string(buf[:n]), from)
	}
}

// Up lists the numbers of the calls that the phone believes to be up; "" for
// none.
func (p *Phone) Up() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, c := range p.calls {
		if c.answered && !c.over {
			ids = append(ids, fmt.Sprint(c.n))
		}
	}
	return strings.Join(ids, ", ")
}

// readTCP takes messages off a connection by their Content-Length.
func (p *Phone) readTCP(c net.Conn) {
	var in []byte
	buf := make([]byte, 65536)
	for {
		n, err := c.Read(buf)
		if err != nil {
			if err != io.EOF {
				return
			}
			p.mu.Lock()
			p.trace("~ connection closed")
			p.mu.Unlock()
			return
		}
		in = append(in, buf[:n]...)
		for {
			text := strings.TrimLeft(string(in), "\r\n")
			head, rest, ok := strings.Cut(text, "\r\n\r\n")
			if !ok {
				break
			}
			m, err := parse(head + "\r\n\r\n")
			if err != nil {
				return
			}
			size := 0
			_, _ = fmt.Sscan(m.get("Content-Length"), &size)
			if len(rest) < size {
				break
			}
			p.receive(head+"\r\n\r\n"+rest[:size], p.cfg.Switch)
			in = []byte(rest[size:])
		}
	}
}

// Connect makes the connection of a TCP phone. It takes a round trip.
func (p *Phone) Connect(dial func() (net.Conn, error)) error {
	c, err := dial()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tcp = c
	p.readers.Go(func() { p.readTCP(c) })
	return nil
}

// after runs f with the phone locked when d has passed, unless it is closed.
func (p *Phone) after(d time.Duration, f func()) *time.Timer {
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.timers, t)
		if !p.closed {
			f()
		}
	})
	p.timers[t] = struct{}{}
	return t
}

func (p *Phone) stop(t *time.Timer) {
	if t != nil {
		t.Stop()
		delete(p.timers, t)
	}
}

// send puts text on the wire.
func (p *Phone) send(text string) {
	p.last = text
	if p.closed {
		return
	}
	if p.cfg.TCP {
		if p.tcp != nil {
			_, _ = p.tcp.Write([]byte(text))
		}
		return
	}
	_, _ = p.udp.WriteToAddrPort([]byte(text), p.cfg.Switch)
}

func (p *Phone) trace(format string, args ...any) { p.cfg.Trace(fmt.Sprintf(format, args...)) }

// fault reports what no RFC allows.
func (p *Phone) fault(format string, args ...any) { p.trace("! "+format, args...) }

// has reports whether the phone still has a habit.
func (p *Phone) has(habit string) bool { return !p.without[habit] }

// id makes a new unique word.
func (p *Phone) id(kind string) string {
	p.nextID++
	return fmt.Sprintf("%s-%s-%d", p.cfg.Name, kind, p.nextID)
}

func (p *Phone) branch() string { return "z9hG4bK" + p.id("b") }

func (p *Phone) transport() string {
	if p.cfg.TCP {
		return "TCP"
	}
	return "UDP"
}

// host is the address that the phone believes to have.
func (p *Phone) host() netip.Addr {
	if p.cfg.NAT {
		return netip.MustParseAddr("192.168.0.2")
	}
	return p.cfg.Addr.Addr()
}

// contact is the phone's own.
func (p *Phone) contact() string {
	uri := "sip:" + p.cfg.Number + "@" + netip.AddrPortFrom(p.host(), p.cfg.Addr.Port()).String()
	if p.cfg.TCP {
		uri += ";transport=tcp"
	}
	return uri
}

// receive takes one message off the wire.
func (p *Phone) receive(raw string, from netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || !p.has(habitEars) {
		return
	}
	if strings.Trim(raw, "\r\n\x00") == "" {
		return // keep-alive
	}
	m, err := parse(raw)
	if err != nil {
		p.fault("malformed: %v: %q", err, raw)
		return
	}
	if from != p.cfg.Switch {
		p.fault("from %v, not from %v", from, p.cfg.Switch)
	}
	p.inspect(m)
	if status, ok := m.response(); ok {
		p.response(m, status)
		return
	}
	p.request(m)
}

// inspect looks for what every message must have (RFC 3261 §8.1.1, §20).
func (p *Phone) inspect(m *message) {
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if n := len(m.all(name)); n == 0 || n > 1 && name != "Via" {
			p.fault("%d headers %s in %q", n, name, m.line)
		}
	}
	if param(m.get("From"), "tag") == "" {
		p.fault("no From tag in %q", m.line)
	}
	if n := m.get("Content-Length"); n != fmt.Sprint(len(m.body)) {
		p.fault("Content-Length %q, body %d bytes in %q", n, len(m.body), m.line)
	}
	if m.body != "" && m.get("Content-Type") != "application/sdp" {
		p.fault("body of type %q in %q", m.get("Content-Type"), m.line)
	}
	status, isResponse := m.response()
	if !isResponse {
		if !strings.HasPrefix(m.branch(), "z9hG4bK") {
			p.fault("branch %q", m.branch())
		}
		if m.get("Max-Forwards") == "" {
			p.fault("no Max-Forwards in %q", m.line)
		}
	}
	wantsContact := m.method() == "INVITE" && (!isResponse || status > 100 && status < 300)
	if wantsContact && m.get("Contact") == "" {
		p.fault("no Contact in %q", m.line)
	}
	if isResponse && status > 100 && param(m.get("To"), "tag") == "" {
		p.fault("no To tag in %q", m.line)
	}
}
