package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// keyPause lies between two keys of somebody who dials quickly.
const keyPause = 300 * time.Millisecond

// dialKeys presses keys during a call, one after another.
func dialKeys(p *phone.Phone, keys string) {
	for i := range len(keys) {
		p.Command("sndcode", keys[i:i+1])
		p.Talk(keyPause)
	}
}

// mustTalk accepts a call that came through a menu, and fails the test unless the two hear each
// other until the caller hangs up. What the caller heard before is not looked at.
func mustTalk(t *testing.T, caller, callee *phone.Phone) {
	t.Helper()
	callee.Expect(phone.CallIncoming)
	callee.Accept()
	callee.Expect(phone.CallEstablished)
	caller.Talk(talkTime)
	caller.Hangup()
	caller.Expect(phone.CallClosed)
	callee.Expect(phone.CallClosed)
	for _, side := range []struct{ ear, mouth *phone.Phone }{{caller, callee}, {callee, caller}} {
		heard := side.ear.Heard()
		if len(heard) == 0 {
			t.Errorf("%s: no recording", side.ear.User())
			continue
		}
		h := heard[len(heard)-1].Heard(side.mouth.ToneHz())
		if h.Total < talkTime-startup-clocks || h.Gap > longestGap {
			t.Errorf("%s heard %s for %v with a gap of %v, want %v without one over %v", side.ear.User(), side.mouth.User(), h.Total, h.Gap, talkTime, longestGap)
		}
	}
}

// TestInteropBaresipAutoAttendant calls 5000 and gets to a person in each of its ways.
func TestInteropBaresipAutoAttendant(t *testing.T) {
	for _, test := range []struct {
		name, keys, callee string
	}{
		{"sales by key", "1", "1000"},
		{"support by key", "2", "1010"},
		{"an extension at once", "1001", "1001"},
		{"an extension by 9", "9", "1001"}, // the extension is dialed when it is asked for
		{"repeated, then sales", "*1", "1000"},
		{"a wrong key, then support", "72", "1010"},
		{"nothing: the operator", "", "1000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := office(t)
			outsider := desk(s, "1015") // of no group
			outsider.ToneHz = sound.ToneC
			caller, callee := phone.Open(t, outsider), phone.Open(t, desk(s, test.callee))
			caller.Dial("5000")
			caller.Expect(phone.CallEstablished)
			caller.Talk(time.Second) // the greeting has begun
			for i := range len(test.keys) {
				dialKeys(caller, test.keys[i:i+1])
				if strings.Contains("*7", test.keys[i:i+1]) {
					caller.Talk(2 * time.Second) // until it has waited for an extension's other digits
				}
			}
			switch test.keys {
			case "9":
				caller.Talk(2 * time.Second)
				dialKeys(caller, "1001")
			case "":
				const greeting, waits = 20 * time.Second, 5 * time.Second
				callee.ExpectWithin(phone.CallIncoming, greeting+2*waits)
				callee.Hangup() // it rings: that is all
				callee.Expect(phone.CallClosed)
				caller.Hangup()
				caller.Expect(phone.CallClosed)
				if heard := caller.Heard(); len(heard) != 1 || heard[0].Loud() < greeting/4 {
					t.Errorf("heard no greeting in %d recordings", len(heard))
				}
				return
			}
			mustTalk(t, caller, callee)
		})
	}
}

// TestInteropBaresipReadsDigits interrupts a prompt with the first digit of an extension, which is
// then called.
func TestInteropBaresipReadsDigits(t *testing.T) {
	t.Parallel()
	s := tandem.Open(t, tandem.Config{Binary: binary, Extensions: `
<extension name="ask">
  <condition field="destination_number" expression="^7001$">
    <action application="answer"/>
    <action application="play_and_get_digits" data="4 4 3 5000 # tone_stream://%(20000,0,700) silence number ^10\d\d$ 3000"/>
    <action application="bridge" data="user/${number}@${domain_name}"/>
  </condition>
</extension>`})
	phones := open(t, s, "1000", "1001")
	caller, callee := phones[0], phones[1]
	caller.Dial("7001")
	caller.Expect(phone.CallEstablished)
	caller.Talk(time.Second)
	dialKeys(caller, "2000") // no phone: asked again
	dialKeys(caller, "1001")
	mustTalk(t, caller, callee)
	in, out := pair(t, s)
	if out.To != "1001" || in.Cause != "NORMAL_CLEARING" {
		t.Errorf("records %+v, %+v", in, out)
	}
	if heard := caller.Heard(); len(heard) == 1 && heard[0].Heard(700).Total > 4*time.Second {
		t.Errorf("the prompt went on for %v", heard[0].Heard(700).Total)
	}
}

// TestInteropBaresipKeysInABridge has the callee send the caller to the echo by *1, and hears that
// the caller's own tone comes back.
func TestInteropBaresipKeysInABridge(t *testing.T) {
	t.Parallel()
	s := tandem.Open(t, tandem.Config{Binary: binary, Extensions: `
<extension name="assistant">
  <condition field="destination_number" expression="^7002$">
    <action application="bind_meta_app" data="1 b o transfer::9196 XML default"/>
    <action application="bridge" data="user/1001@${domain_name}"/>
  </condition>
</extension>`})
	phones := open(t, s, "1000", "1001")
	caller, callee := phones[0], phones[1]
	caller.Dial("7002")
	callee.Expect(phone.CallIncoming)
	callee.Accept()
	callee.Expect(phone.CallEstablished)
	caller.Expect(phone.CallEstablished)
	dialKeys(callee, "1") // no star before it: nothing happens
	callee.Talk(time.Second)
	callee.Command("sndcode", "*")
	callee.Talk(keyPause)
	callee.Command("sndcode", "1")
	callee.Expect(phone.CallClosed)
	caller.Talk(talkTime)
	caller.Hangup()
	caller.Expect(phone.CallClosed)
	heard := caller.Heard()
	if len(heard) != 1 {
		t.Fatalf("%d recordings, want 1", len(heard))
	}
	if h := heard[0].Heard(sound.ToneA); h.Total < talkTime-startup-clocks {
		t.Errorf("heard the own tone for %v after the transfer, want %v", h.Total, talkTime)
	}
	if h := heard[0].Heard(sound.ToneB); h.Total < time.Second {
		t.Errorf("heard the callee for %v, want at least a second before the transfer", h.Total)
	}
}
