package interop

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
	"github.com/tandemswitch/tandem/test/interop/wire"
)

// meeting is three phones in one room, and what reaches each of them.
type meeting struct {
	t      *testing.T
	office *tandem.Switch
	room   string
	phones []*phone.Phone
	ears   []*wire.Capture
}

// meet brings 1000, 1001 and 1002 into the room of a number, in this order.
func meet(t *testing.T, number string) *meeting {
	t.Helper()
	s := office(t)
	m := &meeting{t: t, office: s, room: number + "-" + s.Domain, phones: open(t, s, "1000", "1001", "1002")}
	for _, p := range m.phones {
		p.Dial(number)
		p.Expect(phone.CallEstablished)
		ear, ok := wire.Listen(t, p.MediaPort())
		if !ok {
			t.Skip("packet sockets are not permitted: run as root, or give the test CAP_NET_RAW")
		}
		m.ears = append(m.ears, ear)
	}
	m.phones[0].Talk(2 * time.Second) // the sounds of entering are over
	return m
}

// says runs a command of the conference.
func (m *meeting) says(command string) string {
	m.t.Helper()
	var answer struct {
		Reply string `json:"reply"`
	}
	m.office.Post("/v1/commands", map[string]string{"command": "conference " + command}, &answer)
	return answer.Reply
}

// mustHearOthers fails the test unless in a span of time a phone heard two others and not itself.
func (m *meeting) mustHearOthers(i int, from, to time.Time) {
	m.t.Helper()
	audio := wire.Audio(m.ears[i].Between(from, to))
	others := []int{m.phones[(i+1)%3].ToneHz(), m.phones[(i+2)%3].ToneHz()}
	// Where its own tone was as loud as theirs, these two would not be most of what is heard.
	if h := audio.HeardBoth(others[0], others[1]); h.Total < to.Sub(from)-startup || h.Gap > 100*time.Millisecond {
		m.t.Errorf("%s heard %d and %d Hz for %v of %v, longest gap %v", m.phones[i].User(), others[0], others[1], h.Total, to.Sub(from), h.Gap)
	}
	if h := audio.Heard(m.phones[i].ToneHz()); h.Total > 0 {
		m.t.Errorf("%s heard itself for %v", m.phones[i].User(), h.Total)
	}
}

// mustHearOnly fails the test unless in a span of time a phone heard one other alone.
func (m *meeting) mustHearOnly(i, other int, from, to time.Time) {
	m.t.Helper()
	audio := wire.Audio(m.ears[i].Between(from, to))
	if h := audio.Heard(m.phones[other].ToneHz()); h.Total < to.Sub(from)-longestGap || h.Gap > 0 || h.First > 0 {
		m.t.Errorf("%s heard %s alone for %v of %v, from %v, longest gap %v",
			m.phones[i].User(), m.phones[other].User(), h.Total, to.Sub(from), h.First, h.Gap)
	}
}

// TestInteropBaresipConference lets three phones meet in rooms of all rates: each hears the two
// others and never itself; a key mutes, a command mutes at once and sends out.
func TestInteropBaresipConference(t *testing.T) {
	for _, number := range []string{"3000", "3100", "3300"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			m := meet(t, number)
			from := time.Now()
			m.phones[0].Talk(2 * time.Second)
			to := time.Now()
			for i := range m.phones {
				m.mustHearOthers(i, from, to)
				if missing := wire.Missing(m.ears[i].Between(from, to)); missing != 0 {
					t.Errorf("%s misses %d packets", m.phones[i].User(), missing)
				}
			}

			// 1000 mutes itself by key.
			dialKeys(m.phones[0], "0")
			m.phones[1].Talk(time.Second)
			from = time.Now()
			m.phones[1].Talk(time.Second)
			to = time.Now()
			m.mustHearOnly(1, 2, from, to)
			m.mustHearOnly(2, 1, from, to)
			if list := m.says(m.room + " list"); !regexp.MustCompile(`(?m)^1;[^;]*;[^;]*;[^;]*;1000;hear;0;0;0;100$`).MatchString(list) {
				t.Errorf("the list of a room where the first is muted:\n%s", list)
			}
			dialKeys(m.phones[0], "0")
			m.phones[1].Talk(time.Second)
			from = time.Now()
			m.phones[1].Talk(time.Second)
			m.mustHearOthers(1, from, time.Now())

			// Muted by a command, 1002 is silent for the others within 40 ms of the reply.
			if reply := m.says(m.room + " mute 3 quiet"); reply != "+OK mute 3" {
				t.Errorf("mute: %s", reply)
			}
			from = time.Now().Add(40 * time.Millisecond)
			m.phones[1].Talk(time.Second)
			m.mustHearOnly(1, 0, from, time.Now())
			m.says(m.room + " unmute 3 quiet")

			if reply := m.says(m.room + " kick 3"); reply != "+OK kicked 3" {
				t.Errorf("kick: %s", reply)
			}
			m.phones[2].Expect(phone.CallClosed)
			m.phones[1].Talk(1500 * time.Millisecond)
			from = time.Now()
			m.phones[1].Talk(time.Second)
			to = time.Now()
			m.mustHearOnly(0, 1, from, to)
			m.mustHearOnly(1, 0, from, to)
			if got := m.says(m.room + " count"); got != "2" {
				t.Errorf("count: %s", got)
			}
			m.phones[0].Hangup()
			m.phones[1].Command("sndcode", "#") // the call may end before the key is up
			m.phones[1].Expect(phone.CallClosed)
			for _, r := range m.office.CDRs(3) {
				if r.To != number || r.Cause != "NORMAL_CLEARING" {
					t.Errorf("record %+v", r)
				}
			}
			if got := m.says("list"); !strings.HasPrefix(got, "+OK No active conferences") {
				t.Errorf("list of an empty switch: %s", got)
			}
		})
	}
}

// TestInteropBaresipConferenceAlone: who is alone is told so, hears music, and is called company.
func TestInteropBaresipConferenceAlone(t *testing.T) {
	t.Parallel()
	s := office(t)
	phones := open(t, s, "1000", "1001")
	a, b := phones[0], phones[1]
	a.Dial("3001")
	a.Expect(phone.CallEstablished)
	a.Talk(6 * time.Second)
	var answer struct {
		Reply string `json:"reply"`
	}
	s.Post("/v1/commands", map[string]string{"command": fmt.Sprintf("conference 3001-%s dial user/1001@%s 3001 Company", s.Domain, s.Domain)}, &answer)
	if answer.Reply != "Call Requested: result: [SUCCESS]" {
		t.Fatalf("dial: %s", answer.Reply)
	}
	b.Expect(phone.CallIncoming)
	b.Accept()
	b.Expect(phone.CallEstablished)
	b.Talk(2500 * time.Millisecond)
	a.Hangup()
	a.Expect(phone.CallClosed)
	b.Hangup()
	b.Expect(phone.CallClosed)
	heard := a.Heard()[0]
	if alone := heard.Between(0, 6*time.Second); alone.Loud() < 3*time.Second || alone.Heard(sound.ToneB).Total > 0 {
		t.Errorf("alone it heard sound for %v", alone.Loud())
	}
	for _, ear := range []struct {
		p, other *phone.Phone
	}{{a, b}, {b, a}} {
		if h := ear.p.Heard()[0].Heard(ear.other.ToneHz()); h.Total < time.Second {
			t.Errorf("%s heard the other for %v", ear.p.User(), h.Total)
		}
	}
}
