package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// message waits for the only message of a box and returns its file and sound.
func message(t *testing.T, s *tandem.Switch, user string) (string, sound.Recording) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Data, "voicemail", "*", user, "msg_*.wav"))
	if err != nil || len(files) != 1 {
		t.Fatalf("messages of %s: %v, %v", user, files, err)
	}
	r, err := sound.ReadWAV(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return files[0], r
}

// TestInteropBaresipVoicemail leaves a message for somebody who is busy, hangs
// up while speaking, and has the owner hear it by phone and delete it.
func TestInteropBaresipVoicemail(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	caller, owner := phones[0], phones[1]
	ringing(caller, owner, "1001")
	owner.Hangup()
	owner.Expect(phone.CallClosed)
	caller.Expect(phone.CallEstablished)
	const untilHeard, speaking = 26 * time.Second, 5 * time.Second
	caller.Talk(2 * time.Second)        // the dialplan waits a second before it greets
	dialKeys(caller, "#")               // to the tone
	caller.Talk(speaking + time.Second) // the tone comes first
	caller.Hangup()
	caller.Expect(phone.CallClosed)

	in, _ := pair(t, s)
	if in.Cause != "NORMAL_CLEARING" || in.HungUpBy != "caller" {
		t.Errorf("record of the caller: %+v", in)
	}
	file, r := message(t, s, "1001")
	h := r.Heard(caller.ToneHz())
	if h.Total < speaking-2*startup || h.Total > speaking+2*startup || h.Gap > longestGap {
		t.Errorf("the message has the caller's tone for %v of %v, longest gap %v; want %v", h.Total, r.Duration(), h.Gap, speaking)
	}

	pin, err := os.ReadFile(filepath.Join(filepath.Dir(file), "pin"))
	if err != nil {
		t.Fatal(err)
	}
	owner.Dial("4000")
	owner.Expect(phone.CallEstablished)
	owner.Talk(2 * time.Second)
	dialKeys(owner, "1001#")
	owner.Talk(time.Second)
	dialKeys(owner, strings.TrimSpace(string(pin))+"#")
	owner.Talk(untilHeard) // counts, envelope and message
	dialKeys(owner, "7")
	owner.Talk(2 * time.Second)
	owner.Hangup()
	owner.Expect(phone.CallClosed)
	heard := owner.Heard()
	if len(heard) == 0 {
		t.Fatal("the owner has no recording")
	}
	if h := heard[len(heard)-1].Heard(caller.ToneHz()); h.Total < speaking-2*startup {
		t.Errorf("the owner heard the caller's tone for %v, want %v", h.Total, speaking)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err := os.Stat(file); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the deleted message is still there")
		}
		owner.Talk(100 * time.Millisecond)
	}
}
