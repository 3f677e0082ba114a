package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/child"
)

// TestInteropSipsakOptions asks the switch whether it is there, as monitors do.
func TestInteropSipsakOptions(t *testing.T) {
	t.Parallel()
	child.Require(t, "sipsak", "sipsak")
	s := office(t)
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			p := child.Run(t, child.Command{
				Name: "sipsak", Path: "sipsak", Dir: t.TempDir(),
				Args: []string{"-vv", "-E", transport, "-s", "sip:" + s.SIP.String()},
			})
			status, err := p.Wait(10 * time.Second)
			if err != nil || status != 0 {
				t.Errorf("sipsak ended with %d, %v", status, err)
			}
			if !strings.Contains(p.Log(), "SIP/2.0 200") {
				t.Errorf("no 200 for OPTIONS")
			}
		})
	}
}
