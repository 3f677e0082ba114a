// Package tandem runs the real switch beside a test, as its own process, and
// asks it over REST.
//
// Each switch has a loopback address, ports and a data folder of its own and ends with its
// test, by its own process id. The package starts no goroutine besides the one that waits
// for the process.
package tandem

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/child"
	"github.com/tandemswitch/tandem/test/interop/loopback"
)

// Build compiles the switch into a folder and returns the program's path. Beside it lies
// the sample configuration of the same moment, for tests that add to it. It takes as long as
// the compiler does.
func Build(ctx context.Context, dir string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(filepath.Join(dir, sampleDir), os.DirFS(filepath.Join(root, sampleDir))); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "tandem")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/tandem")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/tandem: %w\n%s", err, out)
	}
	return binary, nil
}

// sampleDir is the folder of the sample configuration, in the module and beside a program of Build.
const sampleDir = "conf"

// moduleRoot is the next folder upwards with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the test")
		}
		dir = parent
	}
}

// Config says how to start a switch. Its zero value, with Binary, is the sample
// configuration on a fresh data folder.
type Config struct {
	Binary string
	// Addr is where it listens; a fresh loopback address if invalid.
	Addr netip.Addr
	// Set are preprocessor variables, over those that the package sets itself.
	Set map[string]string
	// Extensions are added to the sample's dialplan, to its context "default": XML
	// of <extension> elements.
	Extensions string
	// Env is added to the switch's environment.
	Env []string
	// LogLevel is "debug" if empty. Tests under load take "info".
	LogLevel string
}

// Switch is a running Tandem. Methods that fail the test are to be called from
// the test's goroutine.
type Switch struct {
	SIP      netip.AddrPort // of the internal profile
	HTTP     netip.AddrPort
	Domain   string // of the sample's users
	Password string // of the sample's users
	Token    string // of the administrator
	Data     string // the data folder

	tb      testing.TB
	cfg     Config
	vars    map[string]string
	conf    string // a configuration tree in place of the sample's, if any
	process *child.Process
}

// RTP ports lie below the range in which the system picks ports for others and above
// that in which baresip does (10000 to 20000, on every address).
const (
	firstRTPPort = 20002
	lastRTPPort  = 31998
)

// Open starts a switch and waits until it is ready. It is stopped when the
// test ends; a switch that does not stop within its grace fails the test.
func Open(tb testing.TB, cfg Config) *Switch {
	tb.Helper()
	addr := cfg.Addr
	if !addr.IsValid() {
		addr = loopback.Addr()
	}
	s := &Switch{
		Domain:   addr.String(),
		Password: rand.Text(),
		Token:    rand.Text(),
		Data:     filepath.Join(tb.TempDir(), "data"),
		tb:       tb,
		cfg:      cfg,
	}
	var err error
	if s.SIP, err = loopback.AddrPort(addr); err != nil {
		tb.Fatal(err)
	}
	if s.HTTP, err = loopback.AddrPort(loopback.Addr()); err != nil {
		tb.Fatal(err)
	}
	local := "local_ip_v4"
	if addr.Is6() {
		// The domain is a name then: in URIs an IPv6 address has brackets, elsewhere not.
		local, s.Domain = "listen_ip", "v6.example.com"
	}
	s.vars = map[string]string{
		local:               addr.String(),
		"domain":            s.Domain,
		"internal_sip_port": strconv.Itoa(int(s.SIP.Port())),
		"rtp_start_port":    strconv.Itoa(firstRTPPort),
		"rtp_end_port":      strconv.Itoa(lastRTPPort),
		"default_password":  s.Password,
	}
	maps.Copy(s.vars, cfg.Set)
	if cfg.Extensions != "" {
		if s.conf, err = sampleWith(tb.TempDir(), cfg); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(s.mustBeHealthy) // after the switch has ended: cleanups run backwards
	s.start()
	return s
}

// mustBeHealthy fails the test if the switch had trouble of its own, whatever the clients saw of
// it.
func (s *Switch) mustBeHealthy() {
	s.tb.Helper()
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "level=ERROR") || strings.HasPrefix(line, "panic:") {
			s.tb.Errorf("the switch says: %s", line)
		}
	}
}

// Restart stops the switch properly and starts it again on the same data, address and ports.
func (s *Switch) Restart() {
	s.tb.Helper()
	s.Stop()
	s.start()
}

// Stop ends the switch and fails the test if it does not end, or with another
// status than 0.
func (s *Switch) Stop() {
	s.tb.Helper()
	if err := s.process.Stop(); err != nil {
		s.tb.Error(err)
	}
	if status, err := s.process.Wait(0); err == nil && status != 0 {
		s.tb.Errorf("the switch ended with status %d, want 0", status)
	}
}

// Signal asks the switch to stop (SIGTERM) and returns at once: it drains, and a second signal
// makes it hurry.
func (s *Switch) Signal() {
	s.tb.Helper()
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		s.tb.Fatal(err)
	}
}

// Ended waits until the switch has ended by itself and fails the test if that takes longer, or
// if its status is not 0. Restart starts it again.
func (s *Switch) Ended(timeout time.Duration) {
	s.tb.Helper()
	status, err := s.process.Wait(timeout)
	if err != nil {
		s.tb.Fatal(err)
	}
	if status != 0 {
		s.tb.Errorf("the switch ended with status %d, want 0", status)
	}
}

// Ready reports whether the switch takes calls, as load balancers ask it.
func (s *Switch) Ready() bool {
	_, err := s.do(http.MethodGet, "/v1/system/ready", nil)
	return err == nil
}

// PID returns the process id of the switch.
func (s *Switch) PID() int { return s.process.PID() }

// Log returns what the switch wrote since its last start.
func (s *Switch) Log() string { return s.process.Log() }

// sampleWith copies the sample configuration into a folder and adds extensions.
func sampleWith(dir string, cfg Config) (string, error) {
	sample := filepath.Join(filepath.Dir(cfg.Binary), sampleDir)
	if _, err := os.Stat(sample); err != nil { // a program that Build did not make
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		sample = filepath.Join(root, sampleDir)
	}
	conf := filepath.Join(dir, sampleDir)
	if err := os.CopyFS(conf, os.DirFS(sample)); err != nil {
		return "", err
	}
	file := filepath.Join(conf, "dialplan", "default", "test.xml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	return conf, os.WriteFile(file, []byte("<include>\n"+cfg.Extensions+"\n</include>\n"), 0o644)
}

// stopGrace is how long the switch may take to drain and stop. Tests end their calls
// before, so it is for a busy machine only.
const stopGrace = 20 * time.Second

func (s *Switch) start() {
	s.tb.Helper()
	level := s.cfg.LogLevel
	if level == "" {
		level = "debug"
	}
	args := []string{
		"--data", s.Data,
		"--http", s.HTTP.String(),
		"--api-token", s.Token,
		"--log-level", level,
	}
	if s.conf != "" {
		args = append(args, "--conf", s.conf)
	}
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		args = append(args, "--set", name+"="+s.vars[name])
	}
	s.process = child.Run(s.tb, child.Command{
		Name: "tandem", Path: s.cfg.Binary, Args: args, Dir: s.tb.TempDir(), Env: s.cfg.Env, Grace: stopGrace,
	})
	s.awaitReady()
}

// readyTimeout is how long a first start may take: it writes the configuration
// and makes a database.
const readyTimeout = 30 * time.Second

func (s *Switch) awaitReady() {
	s.tb.Helper()
	deadline := time.After(readyTimeout)
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	last := errors.New("not asked yet")
	for {
		select {
		case <-s.process.Exited():
			s.tb.Fatal("the switch ended while it was starting")
		case <-deadline:
			s.tb.Fatalf("the switch is not ready after %v: %v", readyTimeout, last)
		case <-retry.C:
			if _, last = s.do(http.MethodGet, "/v1/system/ready", nil); last == nil {
				return
			}
		}
	}
}

// Get asks for a resource and decodes the JSON of the answer into result.
func (s *Switch) Get(path string, result any) {
	s.tb.Helper()
	body, err := s.do(http.MethodGet, path, nil)
	if err == nil {
		err = json.Unmarshal(body, result)
	}
	if err != nil {
		s.tb.Fatalf("GET %s: %v", path, err)
	}
}

// Post sends a JSON body and decodes the JSON of the answer into result.
func (s *Switch) Post(path string, body, result any) {
	s.tb.Helper()
	b, err := json.Marshal(body)
	if err == nil {
		b, err = s.do(http.MethodPost, path, b)
	}
	if err == nil {
		err = json.Unmarshal(b, result)
	}
	if err != nil {
		s.tb.Fatalf("POST %s: %v", path, err)
	}
}

// Delete deletes a resource.
func (s *Switch) Delete(path string) {
	s.tb.Helper()
	if _, err := s.do(http.MethodDelete, path, nil); err != nil {
		s.tb.Fatalf("DELETE %s: %v", path, err)
	}
}

// requestTimeout is far more than any request of a test takes.
const requestTimeout = 10 * time.Second

// do sends one request on a connection of its own, so that none is left open that
// would count as a descriptor of the switch.
func (s *Switch) do(method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.HTTP.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Close = true
	req.Header.Set("Authorization", "Bearer "+s.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, fmt.Errorf("%s: %s", res.Status, strings.TrimSpace(string(answer)))
	}
	return answer, nil
}
