package sip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// TestRealSockets is the one test outside a bubble: UDP and TCP on loopback, with
// ports the kernel picks.
func TestRealSockets(t *testing.T) {
	m, err := With(Options{})(node(t, "auth-calls=false", "sip-ip=127.0.0.1", "sip-port=0"), core.Deps{Switch: &fakeSwitch{}})
	if err != nil {
		t.Fatal(err)
	}
	module := m.(*Module)
	if err := module.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = module.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	at := module.profiles[0].addresses[0].Local().String()
	for _, network := range []string{"udp", "tcp"} {
		conn, err := net.Dial(network, at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(conn, strings.ReplaceAll("OPTIONS sip:127.0.0.1 SIP/2.0\nVia: SIP/2.0/"+strings.ToUpper(network)+" "+conn.LocalAddr().String()+
			";branch=z9hG4bKreal;rport\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: real-"+network+"\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n", "\n", "\r\n"))
		buf := make([]byte, 65535)
		n, err := conn.Read(buf)
		if err != nil || !bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200 OK\r\n")) {
			t.Errorf("%s: %q, %v", network, firstLine(string(buf[:n])), err)
		}
	}
	// The port is taken now: the error says what to do.
	_, port, _ := net.SplitHostPort(at)
	second, err := With(Options{})(node(t, "sip-ip=127.0.0.1", "sip-port="+port), core.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.(*Module).Open(t.Context()); err == nil || !strings.Contains(err.Error(), "port "+port) || !strings.Contains(err.Error(), "--set") {
		t.Errorf("taken port: %v", err)
	}
}
