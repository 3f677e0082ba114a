package child

import (
	"strings"
	"testing"
	"time"
)

func TestWaitReturnsTheStatusAndTheLog(t *testing.T) {
	p := Run(t, Command{Name: "shell", Path: "/bin/sh", Args: []string{"-c", "echo $WORD; echo more >&2; exit 7"}, Dir: t.TempDir(), Env: []string{"WORD=hello"}})
	status, err := p.Wait(10 * time.Second)
	if err != nil || status != 7 {
		t.Errorf("Wait() = %d, %v, want 7", status, err)
	}
	if got := p.Log(); got != "hello\nmore\n" {
		t.Errorf("Log() = %q", got)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("Stop() after the end: %v", err)
	}
}

func TestStopEndsAProgram(t *testing.T) {
	p := Run(t, Command{Name: "sleep", Path: "/bin/sleep", Args: []string{"60"}, Dir: t.TempDir()})
	if _, err := p.Wait(time.Millisecond); err == nil {
		t.Error("Wait() says that sleep ended")
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

func TestStopSaysThatItHadToKill(t *testing.T) {
	p := Run(t, Command{Name: "deaf", Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; echo ready; while :; do sleep 1; done"}, Dir: t.TempDir(), Grace: 100 * time.Millisecond})
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(p.Log(), "ready"); {
		if time.Now().After(deadline) {
			t.Fatal("the shell never started")
		}
	}
	if err := p.Stop(); err == nil {
		t.Error("Stop() of a program that ignores SIGTERM returned no error")
	}
	<-p.Exited()
}
