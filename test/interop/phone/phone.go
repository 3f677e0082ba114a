// Package phone drives a real SIP phone, baresip, from a test.
//
// A Phone needs no sound card: it sends a tone from a file and records what it
// hears. It is controlled over baresip's TCP connection (netstrings of JSON, see
// control.go). One goroutine per Phone reads that connection.
package phone

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/child"
	"github.com/tandemswitch/tandem/test/interop/loopback"
	"github.com/tandemswitch/tandem/test/interop/sound"
)

// Config says who the phone is.
type Config struct {
	User     string
	Password string
	// Domain is the host part of the phone's address of record. Empty means the
	// phone's own address and port, for calls without a switch.
	Domain string
	// Server is where REGISTER and INVITE are sent. The zero value means no
	// registration.
	Server netip.AddrPort
	// TCP makes the phone speak TCP to the server, else UDP.
	TCP bool
	// ToneHz is what the phone says.
	ToneHz int
	// Codec as baresip names it, PCMU/8000/1 if empty.
	Codec string
	// AutoAnswer makes the phone take every call at once.
	AutoAnswer bool
	// RegisterFor is the expiry it asks for, in whole seconds; a minute if zero.
	RegisterFor time.Duration
}

// toneLength is how long the phone can speak: longer than any test's call.
const toneLength = time.Minute

// startTimeout is how long baresip may take to listen for commands on a busy
// machine.
const startTimeout = 15 * time.Second

// Phone is a running baresip with one account. Its methods are called from the
// test's goroutine and fail the test when they do not succeed.
type Phone struct {
	tb      testing.TB
	cfg     Config
	sip     netip.AddrPort
	dir     string
	process *child.Process
	control *control
}

// Open starts a phone and, if it has a server, waits until it is registered.
// The phone is closed when the test ends. It skips the test where baresip is
// not installed.
func Open(tb testing.TB, cfg Config) *Phone {
	tb.Helper()
	p := Start(tb, cfg)
	if cfg.Server.IsValid() {
		p.Expect(RegisterOK)
	}
	return p
}

// Start is Open without waiting for the registration, for those that are to
// fail.
func Start(tb testing.TB, cfg Config) *Phone {
	tb.Helper()
	child.Require(tb, "baresip", "baresip")
	p := &Phone{tb: tb, cfg: cfg, dir: tb.TempDir()}
	addr := loopback.Addr()
	var err error
	if p.sip, err = loopback.AddrPort(addr); err != nil {
		tb.Fatal(err)
	}
	listen, err := loopback.AddrPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	if err := p.writeFiles(listen); err != nil {
		tb.Fatalf("phone %s: %v", cfg.User, err)
	}
	p.process = child.Run(tb, child.Command{
		Name: "phone " + cfg.User,
		Path: "baresip",
		Args: []string{"-4", "-f", p.dir, "-s", "-v"},
		Dir:  p.dir,
		Env:  []string{"HOME=" + p.dir},
	})
	p.control, err = dial(listen, startTimeout, p.process.Exited())
	if err != nil {
		tb.Fatalf("phone %s: %v", cfg.User, err)
	}
	tb.Cleanup(p.control.close)
	// The account is added by command and not by file, so that the event of its
	// registration cannot come before the connection.
	p.Command("uanew", p.account())
	return p
}

// URI returns the phone's address of record.
func (p *Phone) URI() string {
	domain := p.cfg.Domain
	if domain == "" {
		domain = p.sip.String()
	}
	return fmt.Sprintf("sip:%s@%s", p.cfg.User, domain)
}

// Dial calls a number of the phone's domain, or a whole SIP URI. It returns when the
// phone has sent its INVITE, not when somebody answers.
func (p *Phone) Dial(target string) {
	p.tb.Helper()
	if !strings.HasPrefix(target, "sip:") {
		target = fmt.Sprintf("sip:%s@%s", target, p.cfg.Domain)
	}
	p.Command("dial", target)
}

// Accept answers the call that rings.
func (p *Phone) Accept() { p.tb.Helper(); p.Command("accept", "") }

// Hangup ends the call, rejects one that rings here (with 486), and cancels one that
// rings at the other end.
func (p *Phone) Hangup() { p.tb.Helper(); p.Command("hangup", "") }

// Hold asks the other end for silence; Resume takes that back.
func (p *Phone) Hold() { p.tb.Helper(); p.Command("hold", "") }

// Resume takes the call off hold.
func (p *Phone) Resume() { p.tb.Helper(); p.Command("resume", "") }

// Command sends one of baresip's commands and waits until it is confirmed.
func (p *Phone) Command(command, params string) string {
	p.tb.Helper()
	reply, err := p.control.command(command, params)
	if err != nil {
		p.tb.Fatalf("phone %s: %s %s: %v", p.cfg.User, command, params, err)
	}
	return reply
}

// expectTimeout is how long an event may take. It is generous: only a failing
// test waits for it.
const expectTimeout = 15 * time.Second

// Expect waits for the next event of the kind and returns it. Events of
// other kinds before it are passed over and cannot be expected later.
func (p *Phone) Expect(kind Kind) Event {
	p.tb.Helper()
	return p.ExpectWithin(kind, expectTimeout)
}

// ExpectWithin is Expect with a time limit of its own.
func (p *Phone) ExpectWithin(kind Kind, timeout time.Duration) Event {
	p.tb.Helper()
	event, err := p.control.expect(kind, timeout)
	if err != nil {
		p.tb.Fatalf("phone %s: %v", p.cfg.User, err)
	}
	return event
}

// Talk lets time pass in a call and fails the test if the call ends meanwhile.
// Other events of that time are passed over.
func (p *Phone) Talk(length time.Duration) {
	p.tb.Helper()
	if event, err := p.control.expect(CallClosed, length); err == nil {
		p.tb.Fatalf("phone %s: the call ended while it should go on: %s", p.cfg.User, event.Param)
	}
}

// Heard returns what the phone heard, a recording for each call, in order. It
// is complete once the call is closed.
//
// baresip 1.0.0 records no more of a call after its first hold; what goes over
// the wire then is seen by package wire.
func (p *Phone) Heard() []sound.Recording {
	p.tb.Helper()
	return p.recordings("-dec.wav")
}

// Said returns what the phone sent, as Heard does for what it heard.
func (p *Phone) Said() []sound.Recording {
	p.tb.Helper()
	return p.recordings("-enc.wav")
}

// Packets counts the RTP of one call.
type Packets struct{ Sent, Received int }

var packetsLine = regexp.MustCompile(`(?m)^packets:\s+(\d+)\s+(\d+)\s*$`)

// countTimeout is how long after the end of a call baresip may take to print its counts.
const countTimeout = 5 * time.Second

// Packets returns the packet counts of the calls that had audio, in order. They
// are complete once the call is closed, shortly after its event.
func (p *Phone) Packets() []Packets {
	p.tb.Helper()
	calls := len(p.Heard())
	deadline := time.After(countTimeout)
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		lines := packetsLine.FindAllStringSubmatch(p.Log(), -1)
		all := make([]Packets, len(lines))
		for i, m := range lines {
			all[i].Sent, _ = strconv.Atoi(m[1]) // the expression lets only digits through
			all[i].Received, _ = strconv.Atoi(m[2])
		}
		if len(all) >= calls {
			return all
		}
		select {
		case <-retry.C:
		case <-deadline:
			return all
		}
	}
}

// MediaPort returns where the phone listens for the audio of its last call, as its last
// description says. It listens there on all addresses.
func (p *Phone) MediaPort() uint16 {
	p.tb.Helper()
	// Only its own descriptions have its address.
	own := regexp.MustCompile(`c=IN IP4 ` + regexp.QuoteMeta(p.sip.Addr().String()) + `\r?\n(?:[^m\r\n].*\n)*m=audio (\d+)`)
	all := own.FindAllStringSubmatch(p.Log(), -1)
	if len(all) == 0 {
		p.tb.Fatalf("phone %s has sent no description", p.cfg.User)
	}
	port, err := strconv.ParseUint(all[len(all)-1][1], 10, 16)
	if err != nil {
		p.tb.Fatalf("phone %s: %v", p.cfg.User, err)
	}
	return uint16(port)
}

// User returns who the phone is.
func (p *Phone) User() string { return p.cfg.User }

// ToneHz returns what the phone says.
func (p *Phone) ToneHz() int { return p.cfg.ToneHz }

// Addr returns the address and port that only this phone uses, for SIP.
func (p *Phone) Addr() netip.AddrPort { return p.sip }

// Log returns the phone's output with its SIP trace.
func (p *Phone) Log() string { return p.process.Log() }

// Close ends the phone; it unregisters on its way.
func (p *Phone) Close() {
	p.tb.Helper()
	if err := p.process.Stop(); err != nil {
		p.tb.Error(err)
	}
}

func (p *Phone) recordings(suffix string) []sound.Recording {
	p.tb.Helper()
	paths, err := filepath.Glob(filepath.Join(p.recordingDir(), "*"+suffix))
	if err != nil {
		p.tb.Fatal(err)
	}
	slices.Sort(paths) // the names hold the time
	var all []sound.Recording
	for _, path := range paths {
		r, err := sound.ReadWAV(path)
		if err != nil {
			p.tb.Fatalf("phone %s: %v", p.cfg.User, err)
		}
		all = append(all, r)
	}
	return all
}

func (p *Phone) recordingDir() string { return filepath.Join(p.dir, "rec") }

// account is the phone's line in baresip's form.
func (p *Phone) account() string {
	transport := "udp"
	if p.cfg.TCP {
		transport = "tcp"
	}
	codec := p.cfg.Codec
	if codec == "" {
		codec = "PCMU/8000/1"
	}
	answer := "manual"
	if p.cfg.AutoAnswer {
		answer = "auto"
	}
	register, outbound := 0, ""
	if p.cfg.Server.IsValid() {
		register = 60
		if p.cfg.RegisterFor > 0 {
			register = int(p.cfg.RegisterFor / time.Second)
		}
		outbound = fmt.Sprintf(`;outbound="sip:%s;transport=%s"`, p.cfg.Server, transport)
	}
	return fmt.Sprintf("<%s;transport=%s>;auth_user=%s;auth_pass=%s;answermode=%s;regint=%d%s;audio_codecs=%s",
		p.URI(), transport, p.cfg.User, p.cfg.Password, answer, register, outbound, codec)
}

// writeFiles makes the folder that baresip is started with.
func (p *Phone) writeFiles(listen netip.AddrPort) error {
	rateHz := 8000
	if strings.HasPrefix(p.cfg.Codec, "G722") {
		rateHz = 16000
	}
	if err := os.Mkdir(p.recordingDir(), 0o755); err != nil {
		return err
	}
	if err := sound.WriteWAV(filepath.Join(p.dir, "tone.wav"), sound.Tone(p.cfg.ToneHz, rateHz, toneLength)); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"config":   p.settings(listen, rateHz),
		"accounts": "",
		"contacts": "",
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// modulesDir is where Debian's baresip keeps its modules.
const modulesDir = "/usr/lib/baresip/modules"

func (p *Phone) settings(listen netip.AddrPort, rateHz int) string {
	var b strings.Builder
	set := func(name string, value any) { fmt.Fprintf(&b, "%s\t%v\n", name, value) }
	set("poll_method", "epoll")
	set("sip_listen", p.sip)
	set("net_interface", p.sip.Addr())
	set("call_local_timeout", 120)
	set("call_max_calls", 4)
	set("audio_path", p.dir) // no ring tones to be found
	set("audio_source", "aufile,"+filepath.Join(p.dir, "tone.wav"))
	set("audio_player", "aubridge,nowhere"+p.cfg.User)
	set("audio_alert", "aubridge,alert"+p.cfg.User)
	set("ausrc_srate", rateHz)
	set("auplay_srate", rateHz)
	set("ausrc_channels", 1)
	set("auplay_channels", 1)
	set("audio_buffer", "20-160")
	set("rtp_stats", "yes")
	set("module_path", modulesDir)
	for _, m := range []string{"g711", "g722", "sndfile", "aufile", "aubridge"} {
		set("module", m+".so")
	}
	for _, m := range []string{"uuid", "account"} {
		set("module_tmp", m+".so")
	}
	for _, m := range []string{"contact", "menu", "ctrl_tcp"} {
		set("module_app", m+".so")
	}
	set("snd_path", p.recordingDir())
	set("ctrl_tcp_listen", listen)
	return b.String()
}
