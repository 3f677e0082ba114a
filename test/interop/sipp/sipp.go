// Package sipp runs scenarios of the SIP message generator sipp against the
// switch, and reports every message that a scenario did not expect.
//
// Scenarios are templates: {{name}} in a file is replaced by a value of the test, {{sdp}} and
// the other blocks of blocks.go by text that many of them share. The package starts no
// goroutine besides the one that waits for each process.
package sipp

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/child"
	"github.com/tandemswitch/tandem/test/interop/loopback"
)

// Config says what to run. Calls of a scenario that begins with a recv are
// incoming, the others outgoing.
type Config struct {
	// Scenario is the path of a template.
	Scenario string
	// Values replace {{name}} in it.
	Values map[string]string
	// Users are who calls or registers, one per call, from the first again
	// after the last.
	Users []User
	// Server is the switch. Scenarios that are called need none.
	Server netip.AddrPort
	// Domain is what the digests' uri parameter has as host; if empty, the server's
	// address and port, which sipp cannot write for IPv6.
	Domain string
	// Local is where sipp listens; a fresh loopback address if invalid.
	Local netip.AddrPort
	// TCP instead of UDP, one connection for all calls.
	TCP bool
	// Calls after which it ends; 1 if zero.
	Calls int
	// PerSecond is the rate of new calls; 10 if zero.
	PerSecond int
	// AtOnce limits the calls at the same time, if not zero.
	AtOnce int
	// Timeout for the whole run; 30 s if zero.
	Timeout time.Duration
	// Quiet leaves out the trace of all messages, for runs of many calls.
	Quiet bool
}

// User is a row of sipp's injection file: [field0] in a scenario is the name,
// [field1] the header with credentials.
type User struct{ Name, Password string }

// Result is what sipp counted.
type Result struct {
	Succeeded       int
	Failed          int
	Unexpected      int // calls that failed because of a message nobody expected
	OutOfCall       int // messages that belong to no call
	Retransmissions int // messages that sipp had to send again
	// Starved is true if sipp itself says that it got too little of the processor: what it
	// then takes for unexpected need not be.
	Starved bool
	// Errors is sipp's error log: each unexpected message with the message.
	Errors string
	// Messages is the trace of all messages, empty if Quiet.
	Messages string
}

// Run is a sipp that was started. Its methods are called from the test's
// goroutine.
type Run struct {
	Local netip.AddrPort

	tb      testing.TB
	cfg     Config
	name    string
	dir     string
	process *child.Process
}

const defaultTimeout = 30 * time.Second

// recvTimeout is how long a scenario waits for one message.
const recvTimeout = 15 * time.Second

// Start runs a scenario and returns when sipp listens. It skips the test where
// sipp is not installed.
func Start(tb testing.TB, cfg Config) *Run {
	tb.Helper()
	child.Require(tb, "sipp", "sip-tester")
	if !cfg.Local.IsValid() {
		var err error
		if cfg.Local, err = loopback.AddrPort(loopback.Addr()); err != nil {
			tb.Fatal(err)
		}
	}
	cfg.Calls = max(cfg.Calls, 1)
	if cfg.PerSecond == 0 {
		cfg.PerSecond = 10
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	r := &Run{
		Local: cfg.Local, tb: tb, cfg: cfg, dir: tb.TempDir(),
		name: "sipp " + strings.TrimSuffix(filepath.Base(cfg.Scenario), ".xml"),
	}
	if err := r.writeFiles(); err != nil {
		tb.Fatalf("%s: %v", r.name, err)
	}
	r.process = child.Run(tb, child.Command{
		Name: r.name, Path: "sipp", Args: r.args(), Dir: r.dir, Env: []string{"TERM=xterm"}, Quiet: true,
	})
	r.awaitListening()
	return r
}

// Wait blocks until all calls are done and fails the test if one of them did
// not go as the scenario has it.
func (r *Run) Wait() Result {
	r.tb.Helper()
	result := r.Finish()
	r.Check(result)
	return result
}

// Good reports whether all calls went as the scenario has it.
func (r *Run) Good(result Result) bool {
	return result.Failed == 0 && result.OutOfCall == 0 && result.Succeeded == r.cfg.Calls
}

// Check fails the test unless the result is good.
func (r *Run) Check(result Result) {
	r.tb.Helper()
	if !r.Good(result) {
		r.complain(result)
	}
}

// Finish blocks until sipp has ended and returns what it counted, whatever
// that is.
func (r *Run) Finish() Result {
	r.tb.Helper()
	// sipp has the same limit and says more when it ends by itself.
	if _, err := r.process.Wait(r.cfg.Timeout + 5*time.Second); err != nil {
		r.tb.Error(err)
		_ = r.process.Stop()
	}
	return r.result()
}

// Stop ends a sipp that waits for calls which need not come. It fails the
// test if one that did come failed.
func (r *Run) Stop() Result {
	r.tb.Helper()
	r.Quit()
	result := r.Finish()
	if result.Failed > 0 {
		r.complain(result)
	}
	return result
}

// Quit asks sipp to take no new calls and to end after those it has.
func (r *Run) Quit() {
	r.tb.Helper()
	if err := r.process.Signal(syscall.SIGUSR1); err != nil {
		r.tb.Error(err)
	}
}

func (r *Run) complain(result Result) {
	r.tb.Helper()
	const most = 32 << 10
	result.Errors, result.Messages = head(result.Errors, most/2), head(result.Messages, most)
	r.tb.Errorf("%s at %s: %d of %d calls succeeded, %d failed, %d of them by an unexpected message, %d messages belong to no call\nerrors:\n%s\nmessages:\n%s",
		r.name, r.Local, result.Succeeded, r.cfg.Calls, result.Failed, result.Unexpected, result.OutOfCall, result.Errors, result.Messages)
}

// head is the beginning of a text.
func head(text string, most int) string {
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

func (r *Run) path(name string) string { return filepath.Join(r.dir, name) }

func (r *Run) writeFiles() error {
	text, err := os.ReadFile(r.cfg.Scenario)
	if err != nil {
		return err
	}
	// sipp's own keywords put IPv6 addresses in brackets, which SDP does not have.
	values := map[string]string{"ip": "IP4 " + r.Local.Addr().String()}
	if r.Local.Addr().Is6() {
		values["ip"] = "IP6 " + r.Local.Addr().String()
	}
	maps.Copy(values, r.cfg.Values)
	scenario, err := expand(string(text), values)
	if err != nil {
		return fmt.Errorf("%s: %w", r.cfg.Scenario, err)
	}
	if err := os.WriteFile(r.path("scenario.xml"), []byte(scenario), 0o644); err != nil {
		return err
	}
	var users strings.Builder
	users.WriteString("SEQUENTIAL\n")
	for _, u := range r.cfg.Users {
		fmt.Fprintf(&users, "%s;[authentication username=%s password=%s]\n", u.Name, u.Name, u.Password)
	}
	return os.WriteFile(r.path("users.csv"), []byte(users.String()), 0o644)
}

// maxDepth of blocks within blocks.
const maxDepth = 5

// placeholder is {{name}} in a template.
var placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)

// expand replaces the placeholders, those within blocks too. One without a
// value is an error.
func expand(text string, values map[string]string) (string, error) {
	var missing []string
	for range maxDepth {
		text = placeholder.ReplaceAllStringFunc(text, func(match string) string {
			name := match[2 : len(match)-2]
			if v, ok := values[name]; ok {
				return v
			}
			if b, ok := blocks[name]; ok {
				return b
			}
			missing = append(missing, name)
			return ""
		})
	}
	if missing != nil {
		return "", fmt.Errorf("no value for %v", missing)
	}
	return text, nil
}

func (r *Run) args() []string {
	transport := "u1"
	if r.cfg.TCP {
		transport = "t1"
	}
	addr := r.Local.Addr().String()
	args := []string{
		"-sf", r.path("scenario.xml"),
		"-i", addr, "-mi", addr, "-bind_local", "-p", strconv.Itoa(int(r.Local.Port())),
		"-t", transport,
		"-m", strconv.Itoa(r.cfg.Calls),
		"-r", strconv.Itoa(r.cfg.PerSecond),
		"-recv_timeout", strconv.Itoa(int(recvTimeout / time.Millisecond)),
		"-timeout", strconv.Itoa(int(r.cfg.Timeout/time.Second)) + "s", "-timeout_error",
		"-max_socket", "1000",
		"-nostdin", "-aa",
		"-trace_err", "-error_file", r.path("errors.log"),
		"-trace_stat", "-stf", r.path("stat.csv"), "-fd", "1",
	}
	if r.cfg.Server.IsValid() {
		args = append(args, r.cfg.Server.String())
	}
	if r.cfg.Domain != "" {
		args = append(args, "-auth_uri", r.cfg.Domain)
	}
	if len(r.cfg.Users) > 0 {
		args = append(args, "-inf", r.path("users.csv"))
	}
	if r.cfg.AtOnce > 0 {
		args = append(args, "-l", strconv.Itoa(r.cfg.AtOnce))
	}
	if !r.cfg.Quiet {
		args = append(args, "-trace_msg", "-message_file", r.path("messages.log"))
	}
	return args
}

// listenTimeout is how long sipp may take to open its socket.
const listenTimeout = 10 * time.Second

// awaitListening waits until the kernel's table of sockets has sipp's. A try to bind it
// would tell as well, but could be in sipp's way.
func (r *Run) awaitListening() {
	r.tb.Helper()
	deadline := time.After(listenTimeout)
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		if listening(r.Local, r.cfg.TCP) {
			return
		}
		select {
		case <-r.process.Exited():
			return // short scenarios may be over already; the counts will tell
		case <-deadline:
			r.tb.Fatalf("%s does not listen at %s:\n%s", r.name, r.Local, r.process.Log())
		case <-retry.C:
		}
	}
}

// listening looks for a socket in /proc/net, where addresses are 32-bit words
// in the machine's byte order, which is little-endian on all that we test on.
func listening(local netip.AddrPort, tcp bool) bool {
	table, addr := "udp", local.Addr().AsSlice()
	if tcp {
		table = "tcp"
	}
	if local.Addr().Is6() {
		table += "6"
	}
	var words strings.Builder
	for i := 0; i < len(addr); i += 4 {
		fmt.Fprintf(&words, "%02X%02X%02X%02X", addr[i+3], addr[i+2], addr[i+1], addr[i])
	}
	b, err := os.ReadFile("/proc/net/" + table)
	return err == nil && strings.Contains(string(b), fmt.Sprintf(": %s:%04X ", words.String(), local.Port()))
}

// result reads the last line of the statistics.
func (r *Run) result() Result {
	r.tb.Helper()
	res := Result{Errors: r.read("errors.log"), Messages: r.read("messages.log")}
	res.Starved = strings.Contains(res.Errors, "watchdog timer")
	f, err := os.Open(r.path("stat.csv"))
	if err != nil {
		r.tb.Fatalf("%s left no statistics: %v\n%s\n%s", r.name, err, res.Errors, r.process.Log())
	}
	defer f.Close()
	rows := csv.NewReader(f)
	rows.Comma = ';'
	rows.FieldsPerRecord = -1
	all, err := rows.ReadAll()
	if err != nil || len(all) < 2 {
		r.tb.Fatalf("%s: statistics of %d lines: %v\n%s", r.name, len(all), err, res.Errors)
	}
	names, last := all[0], all[len(all)-1]
	for i, name := range names {
		if i >= len(last) {
			break
		}
		n, _ := strconv.Atoi(last[i]) // other columns hold times
		switch name {
		case "SuccessfulCall(C)":
			res.Succeeded = n
		case "FailedCall(C)":
			res.Failed = n
		case "FailedUnexpectedMessage(C)":
			res.Unexpected = n
		case "OutOfCallMsgs(C)":
			res.OutOfCall = n
		case "Retransmissions(C)":
			res.Retransmissions = n
		}
	}
	return res
}

func (r *Run) read(name string) string {
	b, err := os.ReadFile(r.path(name))
	if err != nil {
		return "" // sipp makes no error log when there is no error
	}
	return string(b)
}
