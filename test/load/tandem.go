//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/conf"
	"github.com/tandemswitch/tandem/test/interop/loopback"
	"github.com/tandemswitch/tandem/test/load/process"
)

// tandem is the switch under load.
type tandem struct {
	*process.Process
	sip      netip.AddrPort
	http     netip.AddrPort
	password string
	token    string
	log      string
	started  time.Duration // from the start of the program until it was ready
}

const (
	// readyTimeout is how long a first start may take on a busy machine.
	readyTimeout = 30 * time.Second
	// stopGrace is for a switch that ends its calls; ours have ended before.
	stopGrace = 20 * time.Second
	// recordNumber is an extension of the load's own.
	recordNumber = "load-record"
)

// build compiles the switch of this tree.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "tandem")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/tandemswitch/tandem/cmd/tandem").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build ./cmd/tandem: %w\n%s", err, out)
	}
	return binary, nil
}

// startTandem starts the switch on an address and ports of its own and waits
// until it is ready.
func startTandem(ctx context.Context, binary, dir string, sets []string) (*tandem, error) {
	confDir := filepath.Join(dir, "conf")
	if err := writeConf(confDir); err != nil {
		return nil, err
	}
	t := &tandem{password: rand.Text(), token: rand.Text(), log: filepath.Join(dir, "tandem.log")}
	var err1, err2 error
	t.sip, err1 = loopback.AddrPort(loopback.Addr())
	t.http, err2 = loopback.AddrPort(loopback.Addr())
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	args := []string{
		"--data", filepath.Join(dir, "data"), "--conf", confDir, "--http", t.http.String(), "--api-token", t.token, "--log-level", "warn",
		"--set", "local_ip_v4=" + t.sip.Addr().String(),
		"--set", fmt.Sprintf("internal_sip_port=%d", t.sip.Port()),
		"--set", "default_password=" + t.password,
		"--set", "rtp_start_port=10000", "--set", "rtp_end_port=32766",
	}
	for _, set := range sets {
		args = append(args, "--set", set)
	}
	began := time.Now()
	var err error
	t.Process, err = process.Start(process.Command{Path: binary, Args: args, Dir: dir, Log: t.log, Grace: stopGrace})
	if err != nil {
		return nil, err
	}
	if err := t.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, t.Stop(), t.tail())
	}
	t.started = time.Since(began)
	return t, nil
}

// limits replaces what the sample configuration allows: it is made for an office.
var limits = map[string]string{"max-sessions": "20000", "sessions-per-second": "20000"}

// extensions are the numbers that only the load needs.
const extensions = `<include>
  <extension name="load_record">
    <condition field="destination_number" expression="^` + recordNumber + `$">
      <action application="answer"/>
      <action application="record_session" data="$${recordings_dir}/${uuid}.wav"/>
      <action application="park"/>
    </condition>
  </extension>
</include>
`

// writeConf writes the sample configuration with higher limits.
func writeConf(dir string) error {
	if err := os.CopyFS(dir, conf.FS); err != nil {
		return err
	}
	file := filepath.Join(dir, "autoload_configs", "switch.conf.xml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for name, value := range limits {
		param := regexp.MustCompile(`(<param name="` + name + `" value=")[^"]*(")`)
		if !param.Match(text) {
			return fmt.Errorf("%s: no param %q to raise", file, name)
		}
		text = param.ReplaceAll(text, []byte("${1}"+value+"${2}"))
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	own := filepath.Join(dir, "dialplan", "default")
	if err := os.MkdirAll(own, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(own, "load.xml"), []byte(extensions), 0o644)
}

// awaitReady asks over REST, and over SIP for a switch without pages.
func (t *tandem) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("the switch is not ready after %v", readyTimeout))
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		_, err := t.get(ctx, "/v1/system/ready")
		if err == nil || (errors.Is(err, errNoHTTP) && t.options()) {
			return nil
		}
		select {
		case <-t.Exited():
			return errors.New("the switch ended while it was starting")
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-retry.C:
		}
	}
}

var errNoHTTP = errors.New("no answer over HTTP")

// get asks over REST, on a connection of its own, which does not stay with the switch.
func (t *tandem) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.http.String()+path, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	req.Header.Set("Authorization", "Bearer "+t.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, errors.Join(errNoHTTP, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, res.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}

// options asks over SIP and reports whether anybody answered.
func (t *tandem) options() bool {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(t.sip))
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = fmt.Fprintf(conn, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:load@%s>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		t.sip, conn.LocalAddr(), rand.Text(), t.sip.Addr(), t.sip, rand.Text())
	n, err := conn.Read(make([]byte, 2048))
	return err == nil && n > 0
}

// tail is the end of what the switch wrote, as an error.
func (t *tandem) tail() error {
	text, err := os.ReadFile(t.log)
	if err != nil || len(text) == 0 {
		return err
	}
	const tailBytes = 4000
	return fmt.Errorf("the switch wrote:\n%s", text[max(len(text)-tailBytes, 0):])
}
