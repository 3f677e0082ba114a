package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
	"github.com/tandemswitch/tandem/media"
	"github.com/tandemswitch/tandem/media/mediatest"
	"github.com/tandemswitch/tandem/media/sdp"
)

var (
	switchAddr = netip.MustParseAddrPort("192.0.2.1:5060")
	aliceAddr  = netip.MustParseAddrPort("192.0.2.10:5060")
	bobAddr    = netip.MustParseAddrPort("192.0.2.20:5060")
)

// bench is the whole module on a virtual LAN, with a switch that only records.
type bench struct {
	t   *testing.T
	m   *Module
	net *mediatest.Network
	sw  *fakeSwitch

	serial  int // of Call-IDs
	options Options
	deps    core.Deps
	params  []string
	stop    func()
}

// inbox records what a leg tells its session.
type inbox struct {
	mu     sync.Mutex
	events []core.Event
}

func (i *inbox) Post(ev core.Event) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.events = append(i.events, ev)
}

// take returns the names of what was posted since, with what matters of it.
func (i *inbox) take() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []string
	for _, ev := range i.events {
		text := strings.TrimPrefix(reflect.TypeOf(ev).String(), "core.")
		switch ev := ev.(type) {
		case core.VariablesLearned:
			continue
		case core.FarHangup:
			text += fmt.Sprintf("(%v %d)", ev.Cause, ev.Status)
		case core.LegFailed:
			text += fmt.Sprintf("(%v)", ev.Cause)
		case core.OfferRejected:
			text += fmt.Sprintf("(%v %d)", ev.Cause, ev.Status)
		case core.Released:
			text += fmt.Sprintf("(%d)", ev.SIPStatus)
		case core.Ringing:
			text += fmt.Sprintf("(%d)", ev.Status)
		case core.Redirected:
			text += fmt.Sprint(ev.Contacts)
		case core.Digit:
			text += fmt.Sprintf("(%c %v)", ev.Digit, ev.Duration)
		case core.EarlyMedia:
			text += port(ev.Description)
		case core.Answered:
			text += port(ev.Description)
		case core.Confirmed:
			text += port(ev.Description)
		case core.Offered:
			text += port(ev.Description)
		case core.OfferAnswered:
			text += port(ev.Description)
		}
		all = append(all, text)
	}
	i.events = nil
	return strings.Join(all, " ")
}

func port(d *media.Description) string {
	a, _ := d.Audio()
	if a == nil {
		return "(-)"
	}
	return fmt.Sprintf("(%d)", a.Addr.Port())
}

// fakeSwitch is a core.Switch that admits everything and does nothing with it.
type fakeSwitch struct {
	core.Switch
	mu    sync.Mutex
	calls []admitted
	err   error // of Ready and Admit
}

type admitted struct {
	in core.Incoming
	*inbox
}

func (s *fakeSwitch) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *fakeSwitch) Admit(in core.Incoming) (core.Inbox, core.ChannelID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, "", &core.CauseError{Cause: core.CauseSwitchCongestion, SIPStatus: 503, Err: s.err}
	}
	a := admitted{in, &inbox{}}
	s.calls = append(s.calls, a)
	return a.inbox, core.NewChannelID(), nil
}

func (s *fakeSwitch) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// last is the newest call.
func (s *fakeSwitch) last(t *testing.T) admitted {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 0 {
		t.Fatal("no call reached the switch")
	}
	return s.calls[len(s.calls)-1]
}

// directory is a core.Directory with the users of one domain.
type directory struct {
	core.Directory
	users map[string]core.User
}

func (d directory) User(domain, id string) (core.User, bool) {
	u, ok := d.users[id]
	return u, ok && (domain == "" || domain == u.Domain)
}
func (d directory) Domains() []string     { return []string{"example.com"} }
func (d directory) DefaultDomain() string { return "example.com" }

func users(ids ...string) directory {
	d := directory{users: map[string]core.User{}}
	for _, id := range ids {
		d.users[id] = core.User{
			ID: id, Domain: "example.com", Password: "secret-" + id, Params: map[string]string{},
			Variables: map[string]string{"user_context": "default", "toll_allow": "local"},
		}
	}
	return d
}

// node reads a profile's settings as the configuration would.
func node(t *testing.T, params ...string) *config.Node {
	t.Helper()
	return profileNode(t, params...)
}

func profileNode(t testing.TB, params ...string) *config.Node {
	t.Helper()
	var b strings.Builder
	b.WriteString(`<document><section name="configuration"><configuration name="sofia.conf"><profiles><profile name="internal"><settings>`)
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		fmt.Fprintf(&b, "<param name=%q value=%q/>\n", name, value)
	}
	b.WriteString(`</settings></profile></profiles></configuration></section></document>`)
	tree, err := config.Load(config.Options{FS: fstest.MapFS{"freeswitch.xml": {Data: []byte(b.String())}}})
	if err != nil {
		t.Fatal(err)
	}
	return tree.Configuration("sofia.conf")
}

// open makes and runs the module in the bubble; it ends with the test.
func open(t *testing.T, deps core.Deps, params ...string) *bench {
	t.Helper()
	return openWith(t, deps, func(*Network) {}, params...)
}

// openWith changes the network first.
func openWith(t *testing.T, deps core.Deps, change func(*Network), params ...string) *bench {
	t.Helper()
	n := mediatest.NewNetwork()
	b := &bench{t: t, net: n, sw: &fakeSwitch{}}
	deps.Switch = b.sw
	lan := Network{
		ListenPacket: func(a netip.AddrPort) (net.PacketConn, error) { return n.Listen(a) },
		LocalAddrs:   func() ([]netip.Addr, error) { return []netip.Addr{switchAddr.Addr()}, nil },
	}
	change(&lan)
	if len(params) == 0 {
		params = []string{"auth-calls=false"}
	}
	b.options.Network = &lan
	b.deps, b.params = deps, params
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

// start runs a module on the bench's network; a second time it is a restart.
func (b *bench) start() {
	b.t.Helper()
	m, err := With(b.options)(node(b.t, b.params...), b.deps)
	if err != nil {
		b.t.Fatal(err)
	}
	b.m = m.(*Module)
	if err := b.m.Open(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.m.Run(ctx) }()
	b.stop = func() { cancel(); <-done }
	synctest.Wait()
}

// phone is a scripted far end: it says what it is told and shows what it hears.
type phone struct {
	t    *testing.T
	conn *mediatest.Conn
	peer netip.AddrPort
	last string // the message heard last
}

func (b *bench) phone(at netip.AddrPort) *phone {
	b.t.Helper()
	c, err := b.net.Listen(at)
	if err != nil {
		b.t.Fatal(err)
	}
	return &phone{t: b.t, conn: c, peer: switchAddr}
}

// send sends a message written with bare newlines; Content-Length is added.
func (p *phone) send(text string) {
	p.t.Helper()
	head, body, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	body = strings.ReplaceAll(body, "\n", "\r\n")
	head = strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n")
	msg := fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	if _, err := p.conn.WriteTo([]byte(msg), net.UDPAddrFromAddrPort(p.peer)); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

// hear returns the next message within d, "" without one.
func (p *phone) hear(d time.Duration) string {
	p.t.Helper()
	buf := make([]byte, 65535)
	_ = p.conn.SetReadDeadline(time.Now().Add(d))
	n, _, err := p.conn.ReadFrom(buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// expect wants the next message within d to begin with that, and returns it.
func (p *phone) expect(prefix string, d time.Duration) string {
	p.t.Helper()
	msg := p.hear(d)
	if !strings.HasPrefix(strings.TrimPrefix(msg, "SIP/2.0 "), prefix) {
		p.t.Fatalf("heard %q, want %q", firstLine(msg), prefix)
	}
	p.last = msg
	return msg
}

// quiet wants nothing more to be heard for d.
func (p *phone) quiet(d time.Duration) {
	p.t.Helper()
	if msg := p.hear(d); msg != "" {
		p.t.Fatalf("heard %q, want nothing", firstLine(msg))
	}
}

func firstLine(msg string) string {
	line, _, _ := strings.Cut(msg, "\r\n")
	return line
}

// header returns a header of a message.
func header(msg, name string) string {
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `: (.*)\r$`).FindStringSubmatch(msg)
	if m == nil {
		return ""
	}
	return m[1]
}

func bodyOf(msg string) string {
	_, body, _ := strings.Cut(msg, "\r\n\r\n")
	return body
}

// toTag returns the tag in To of a message.
func toTag(msg string) string {
	_, tag, _ := strings.Cut(header(msg, "To"), ";tag=")
	return tag
}

// answerTo is a response to a request the phone heard, with a To tag.
func answerTo(req string, status int, tag string, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\n", status, phrase(status))
	fmt.Fprintf(&b, "Via: %s\nFrom: %s\n", header(req, "Via"), header(req, "From"))
	to := header(req, "To")
	if tag != "" && !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "To: %s\nCall-ID: %s\nCSeq: %s\n", to, header(req, "Call-ID"), header(req, "CSeq"))
	for _, line := range more {
		if line == "" || strings.HasPrefix(line, "v=0") {
			b.WriteString("Content-Type: application/sdp\n\n" + line)
			return b.String()
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// dlg is a dialog as the phone sees it, for the requests it sends.
type dlg struct {
	callID, local, remote, branch string
	seq                           int
	from, to, contact             string
	via                           netip.AddrPort
}

// say writes a request within (or beginning) the dialog. more are headers; one
// that begins with v=0 is the body.
func (d *dlg) say(method string, more ...string) string {
	if method != "ACK" && method != "CANCEL" {
		d.seq++
		d.branch = fmt.Sprintf("z9hG4bK-%s-%s-%d", d.callID, d.local, d.seq)
	}
	branch := d.branch
	if method == "ACK" {
		branch += "-ack"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s sip:5000@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP %s;branch=%s;rport\n", method, d.via, branch)
	fmt.Fprintf(&b, "From: %s;tag=%s\nTo: %s", d.from, d.local, d.to)
	if d.remote != "" && method != "CANCEL" {
		b.WriteString(";tag=" + d.remote)
	}
	fmt.Fprintf(&b, "\nCall-ID: %s\nCSeq: %d %s\nMax-Forwards: 70\n", d.callID, d.seq, method)
	body := ""
	if method == "INVITE" || method == "UPDATE" || method == "REGISTER" {
		b.WriteString("Contact: <" + d.contact + ">\n")
	}
	for _, line := range more {
		if strings.HasPrefix(line, "v=0") {
			b.WriteString("Content-Type: application/sdp\n")
			body = line
			continue
		}
		b.WriteString(line + "\n")
	}
	return b.String() + "\n" + body
}

// alice's side of a new call.
func aliceCall(callID string) *dlg {
	return &dlg{
		callID: callID, local: "alice", from: `"Alice" <sip:1000@example.com>`, to: "<sip:5000@192.0.2.1>",
		contact: "sip:1000@192.0.2.10:5060", via: aliceAddr,
	}
}

// description is an SDP with audio at a port.
func description(port int) string {
	return fmt.Sprintf("v=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\nm=audio %d RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n", port)
}

func parsed(t *testing.T, port int) *media.Description {
	t.Helper()
	return mustDescription(port)
}

func mustDescription(port int) *media.Description {
	d, err := sdp.Parse([]byte(description(port)))
	if err != nil {
		panic(err) // a constant of the test
	}
	return d
}

// place starts a B leg towards a target.
func (b *bench) place(target string, offer *media.Description, vars map[string]string) (core.Leg, *inbox) {
	b.t.Helper()
	leg, in, err := b.tryPlace(target, offer, vars)
	if err != nil {
		b.t.Fatal(err)
	}
	return leg, in
}

func (b *bench) tryPlace(target string, offer *media.Description, vars map[string]string) (core.Leg, *inbox, error) {
	ep := b.m.Endpoints()[0]
	out := core.Outgoing{
		ChannelID: core.NewChannelID(), CallID: core.NewCallID(), Target: target, Variables: vars,
		Profile: core.CallerProfile{CallerIDName: "Alice", CallerIDNumber: "1000"},
	}
	p, err := ep.Prepare(out)
	if err != nil {
		return nil, nil, err
	}
	in := &inbox{}
	leg, err := ep.Place(out, p, offer, in)
	synctest.Wait()
	return leg, in, err
}

// want compares what a session heard.
func (b *bench) want(in *inbox, want string) {
	b.t.Helper()
	synctest.Wait()
	if got := in.take(); got != want {
		b.t.Errorf("session heard %q, want %q", got, want)
	}
}

// empty wants no leg, dialog, timer or transaction to be left after the
// lingering of the last transactions.
func (b *bench) empty() {
	b.t.Helper()
	time.Sleep(40 * time.Second)
	synctest.Wait()
	for _, s := range b.m.shards {
		done := make(chan struct{})
		s.do(func() {
			defer close(done)
			if len(s.dialogs) != 0 || len(s.calls) != 0 {
				b.t.Errorf("left over: %d dialogs, %d calls", len(s.dialogs), len(s.calls))
			}
			for _, l := range s.layers {
				if l.Len() != 0 || l.Schedule.Len() != 0 {
					b.t.Errorf("left over: %d transactions, %d alarms", l.Len(), l.Schedule.Len())
				}
			}
		})
		<-done
	}
}

func aliceAddrAt(port uint16) netip.AddrPort { return netip.AddrPortFrom(aliceAddr.Addr(), port) }
