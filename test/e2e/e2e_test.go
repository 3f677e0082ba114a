// Package e2e runs call scripts: a whole switch in one process, on a virtual
// network and on virtual time, and phones that do what testdata/ladder/*.txt
// says. What comes of it stands in the same files, indented; run
//
//	go test ./test/e2e -update
//
// to write it anew, and read the difference.
package e2e

import (
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/conf"
	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/test/e2e/ladder"
	"github.com/tandemswitch/tandem/test/e2e/lan"
	"github.com/tandemswitch/tandem/test/e2e/phone"
	"github.com/tandemswitch/tandem/test/e2e/rig"
)

var (
	update  = flag.Bool("update", false, "rewrite the transcripts in testdata/ladder")
	verbose = flag.Bool("log", false, "show the switch's log")
)

// travel is how long everything takes from host to host.
const travel = 10 * time.Millisecond

// patience is how long the end of all calls is waited for after the last step,
// and rest how long for what may still come then.
const (
	patience = 200 * time.Second
	rest     = 45 * time.Second
)

func TestLadder(t *testing.T) {
	files, err := filepath.Glob("testdata/ladder/*.txt")
	if err != nil || len(files) < 40 && !*update {
		t.Fatalf("%d scripts found, want at least 40 (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, err := ladder.Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	cryptotest.SetGlobalRandom(t, 1)
	var got string
	var problems []error // not told inside of the bubble: its end would be ours
	synctest.Test(t, func(t *testing.T) { got, problems = play(t, script) })
	for _, err := range problems {
		t.Errorf("%s: %v", file, err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s: not what was expected (-want +got):\n%s", file, d)
	}
}

// stage is where one script is played.
type stage struct {
	t      *testing.T
	lan    *lan.LAN
	conf   fs.FS
	rig    *rig.Rig
	out    *ladder.Transcript
	phones map[string]*party
	order  []string

	rough    bool // no times
	weather  *lan.Weather
	problems []error
	stopping bool
	over     atomic.Bool // what phones see of the end is of no interest
}

// party is a phone with what its directive says.
type party struct {
	*phone.Phone
	cfg        phone.Config
	registered bool
}

// play plays a script and returns it with its transcript, and what went wrong
// with the script itself.
func play(t *testing.T, script *ladder.Script) (string, []error) {
	s := &stage{t: t, rough: script.Rough, conf: os.DirFS("testdata/conf"), lan: lan.New(travel), phones: map[string]*party{}}
	sets := map[string]string{}
	for _, words := range script.Directives {
		if err := s.directive(words, sets); err != nil {
			t.Fatalf("%s: %v", strings.Join(words, " "), err)
		}
	}
	s.out = ladder.NewTranscript(append(s.order, "cdr", "switch"))
	s.lan.Name(rig.Host, "switch")
	s.lan.Name(rig.Host6, "switch")
	s.lan.OnLoss(func(from, to, what string) { s.out.Add(from, "x "+what+" lost on the way to "+to) })
	log := slog.New(slog.DiscardHandler)
	if *verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	var err error
	s.rig, err = rig.Start(t.Context(), rig.Config{Conf: s.conf, Sets: sets, LAN: s.lan, Record: s.record, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s.plugIn()
	if s.weather != nil {
		s.lan.Change(*s.weather)
	}
	began := time.Now()
	s.out.Begin()
	for _, step := range script.Steps {
		time.Sleep(time.Until(began.Add(step.At)))
		synctest.Wait()
		s.out.Step()
		if err := s.do(step.Text); err != nil {
			s.problem("line %d: %s: %w", step.Line, step.Text, err)
		}
		synctest.Wait()
	}
	s.end()
	return script.Merge(s.out), s.problems
}

func (s *stage) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Errorf(format, args...))
}

// weatherOf reads "loss=20", "duplicate=10", "jitter=30ms", "seed=7".
func weatherOf(words []string) (*lan.Weather, error) {
	var w lan.Weather
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(value)
		switch {
		case name == "jitter":
			w.Jitter, err = time.ParseDuration(value)
		case name == "seed":
			w.Seed = uint64(n)
		case name == "loss":
			w.Loss = n
		case name == "duplicate":
			w.Duplicate = n
		default:
			return nil, fmt.Errorf("unknown word %q", word)
		}
		if err != nil {
			return nil, err
		}
	}
	return &w, nil
}

// directive is "phone NAME NUMBER [registered] [tcp] [secure] [password=…]" or
// "switch VARIABLE=VALUE …".
func (s *stage) directive(words []string, sets map[string]string) error {
	switch {
	case words[0] == "conf" && len(words) == 2 && words[1] == "sample":
		s.conf = conf.FS
		sets["domain"] = "pbx.example.org"
		return nil
	case words[0] == "weather":
		w, err := weatherOf(words[1:])
		s.weather = w
		return err
	case words[0] == "switch":
		for _, w := range words[1:] {
			name, value, _ := strings.Cut(w, "=")
			sets[name] = value
		}
		return nil
	case words[0] != "phone" || len(words) < 3:
		return fmt.Errorf("unknown directive")
	}
	name := words[1]
	p := &party{cfg: phone.Config{
		Name: name, Number: words[2], Password: rig.Password, Domain: "pbx.example.org", LAN: s.lan,
		Addr:   netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(11 + len(s.order))}), 5060),
		Switch: netip.AddrPortFrom(rig.Host, 5060),
		Trace: func(line string) {
			if !s.over.Load() {
				s.out.Add(name, line)
			}
		},
	}}
	for _, w := range words[3:] {
		option, value, _ := strings.Cut(w, "=")
		switch option {
		case "registered":
			p.registered = true
		case "v6":
			p.cfg.Addr = netip.MustParseAddrPort(fmt.Sprintf("[fd00::%d]:5060", 11+len(s.order)))
			p.cfg.Switch = netip.AddrPortFrom(rig.Host6, 5060)
		case "sensible":
			p.cfg.Sensible = true
		case "nat":
			p.cfg.NAT = true
		case "tcp":
			p.cfg.TCP = true
		case "secure":
			p.cfg.Switch = netip.AddrPortFrom(rig.Host, 5070)
		case "password":
			p.cfg.Password = value
		default:
			return fmt.Errorf("unknown word %q", w)
		}
	}
	s.phones[name] = p
	s.order = append(s.order, name)
	return nil
}

// plugIn connects the phones and registers those that are to be.
func (s *stage) plugIn() {
	for _, name := range s.order {
		p := s.phones[name]
		var err error
		if p.Phone, err = phone.Open(p.cfg); err != nil {
			s.t.Fatal(err)
		}
		if p.cfg.TCP {
			s.connect(p)
		}
		if p.registered {
			if err := p.Do("> REGISTER expires=3600"); err != nil {
				s.t.Fatal(err)
			}
			time.Sleep(5 * travel) // one after the other: the order of contacts counts
		}
	}
	time.Sleep(time.Second)
}

func (s *stage) connect(p *party) {
	err := p.Connect(func() (net.Conn, error) {
		return s.lan.Dial(s.t.Context(), netip.AddrPortFrom(p.cfg.Addr.Addr(), 0), p.cfg.Switch)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// do carries out one step.
func (s *stage) do(text string) error {
	who, rest, _ := strings.Cut(text, " ")
	switch who {
	case "lose":
		path, what, _ := strings.Cut(rest, " ")
		from, to, ok := strings.Cut(path, "→")
		if !ok {
			return fmt.Errorf("want lose FROM→TO WHAT")
		}
		s.lan.Lose(from, to, what)
		return nil
	case "switch":
		return s.command(rest)
	case "wait":
		return nil
	}
	p := s.phones[who]
	if p == nil {
		return fmt.Errorf("no phone %q", who)
	}
	switch rest {
	case "listens":
		s.out.Add(who, "hears "+p.Listen())
	case "breaks":
		s.lan.Break(p.cfg.Addr.Addr())
	case "connects":
		s.connect(p)
	default:
		return p.Do(rest)
	}
	return nil
}

// command is something done to the switch.
func (s *stage) command(text string) error {
	words := strings.Fields(text)
	switch {
	case text == "drains" || text == "hurries":
		if text == "hurries" {
			s.rig.Hurry()
		} else {
			s.rig.Drain()
		}
		if s.stopping {
			return nil
		}
		s.stopping = true
		go func() {
			_ = s.rig.Wait()
			s.out.Add("switch", "has stopped")
		}()
	case (words[0] == "holds" || words[0] == "resumes") && len(words) == 2:
		go func() {
			outcome := "done"
			if err := s.rig.Hold(s.t.Context(), words[1], words[0] == "holds"); err != nil {
				outcome = err.Error()
			}
			s.out.Add("switch", words[0]+" "+words[1]+": "+outcome)
		}()
	case words[0] == "calls" && len(words) == 3:
		return s.rig.Originate(s.t.Context(), core.OriginateRequest{From: words[1], To: words[2], CallerIDNumber: "7777"})
	case words[0] == "lists" && len(words) == 2:
		s.out.Add("switch", words[1]+" is at "+s.rig.Contacts(core.AOR{User: words[1], Domain: "pbx.example.org"}))
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

// record words a CDR.
func (s *stage) record(r core.Record) {
	from, to := r.Profile.CallerIDNumber, r.Profile.DestinationNumber
	direction, until := "in ", r.Times.Ended
	if r.Direction == core.Outbound {
		direction = "out"
	}
	talk := ""
	if !r.Times.Answered.IsZero() {
		until = r.Times.Answered
		talk = fmt.Sprintf(" talk=%.3f", r.Times.Ended.Sub(r.Times.Answered).Seconds())
	}
	line := fmt.Sprintf("%s %s→%s %s by=%s status=%d", direction, from, to, r.Cause, r.HungUpBy, r.SIPStatus)
	if !s.rough {
		line += fmt.Sprintf(" wait=%.3f%s", until.Sub(r.Times.Created).Seconds(), talk)
	}
	s.out.Add("cdr", line)
}

// end waits until all calls are over and takes everything down.
func (s *stage) end() {
	last := time.Now()
	for s.rig.Left() != "" && time.Since(last) < patience {
		time.Sleep(time.Second)
		synctest.Wait()
	}
	time.Sleep(rest)
	synctest.Wait()
	if left := s.rig.Left(); left != "" {
		s.out.Add("switch", "still has "+left)
	}
	if n := s.lan.Pending(); n > 0 {
		s.problem("%d losses were planned and did not happen", n)
	}
	s.over.Store(s.rig.Left() == "")
	if err := s.rig.Stop(); err != nil {
		s.problem("the switch ended with %w", err)
	}
	time.Sleep(2 * travel) // what it said last arrives
	synctest.Wait()
	for _, name := range s.order {
		if up := s.phones[name].Up(); up != "" {
			s.out.Add(name, "believes to be in call "+up)
		}
		s.phones[name].Close()
	}
}
