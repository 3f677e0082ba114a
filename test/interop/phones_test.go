package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/phone"
	"github.com/tandemswitch/tandem/test/interop/sound"
	"github.com/tandemswitch/tandem/test/interop/tandem"
)

// office is a fresh switch with the sample configuration.
func office(t *testing.T) *tandem.Switch {
	t.Helper()
	return tandem.Open(t, tandem.Config{Binary: binary})
}

// tones are what the sample's users say, so that each is known by its voice.
var tones = map[string]int{
	"1000": sound.ToneA,
	"1001": sound.ToneB,
	"1002": sound.ToneC,
	"1003": sound.ToneD,
}

// desk is the configuration of a user's phone.
func desk(s *tandem.Switch, user string) phone.Config {
	return phone.Config{User: user, Password: s.Password, Domain: s.Domain, Server: s.SIP, ToneHz: tones[user]}
}

// open starts phones side by side and returns them when all are registered.
func open(t *testing.T, s *tandem.Switch, users ...string) []*phone.Phone {
	t.Helper()
	phones := make([]*phone.Phone, len(users))
	for i, user := range users {
		phones[i] = phone.Start(t, desk(s, user))
	}
	for _, p := range phones {
		p.Expect(phone.RegisterOK)
	}
	return phones
}

// talking makes a call between two phones and returns when both are in it.
func talking(a, b *phone.Phone, number string) {
	a.Dial(number)
	b.Expect(phone.CallIncoming)
	a.Expect(phone.CallRinging)
	b.Accept()
	b.Expect(phone.CallEstablished)
	a.Expect(phone.CallEstablished)
}

const (
	// longestGap in what a phone hears is three packets.
	longestGap = 60 * time.Millisecond
	// startup is what baresip does not play of a call: its jitter buffer fills with
	// five packets first and keeps as many at the end; besides, its clock of events is a
	// little off that of its audio.
	startup = 250 * time.Millisecond
	// packetTime is the audio in one packet.
	packetTime = 20 * time.Millisecond
)

// mustHear fails the test unless the phone's last call, which lasted that long, held the
// other's tone from its start to its end, without a gap and without anybody else's tone.
//
// A recording shows what was decoded, in order, and not when: that no time is missing
// is seen by the tone's total and by the number of packets.
func mustHear(t *testing.T, who string, p *phone.Phone, otherHz int, lasted time.Duration) {
	t.Helper()
	heard, packets := p.Heard(), p.Packets()
	if len(heard) == 0 || len(packets) == 0 {
		t.Errorf("%s: %d recordings and %d packet counts, want at least one", who, len(heard), len(packets))
		return
	}
	r, n := heard[len(heard)-1], packets[len(packets)-1]
	for _, hz := range sound.Tones {
		h := r.Heard(hz)
		if hz != otherHz {
			if h.Total > 0 {
				t.Errorf("%s heard a foreign tone of %d Hz: %+v", who, hz, h)
			}
			continue
		}
		if h.Total < lasted-startup || h.First > longestGap || h.Gap > longestGap {
			t.Errorf("%s heard %d Hz for %v, from %v on, longest gap %v; want %v ± %v, from the start, without a gap over %v",
				who, hz, h.Total, h.First, h.Gap, lasted, startup, longestGap)
		}
	}
	want := int(lasted / packetTime)
	const tolerated = 12
	if n.Received < want-tolerated || n.Received > want+tolerated {
		t.Errorf("%s received %d packets in %v, want %d ± %d", who, n.Received, lasted, want, tolerated)
	}
	t.Logf("%s heard %+v of %v in %d packets", who, r.Heard(otherHz), lasted, n.Received)
}

// pair returns the records of a call's two legs: the caller's and the callee's.
func pair(t *testing.T, s *tandem.Switch) (in, out tandem.CDR) {
	t.Helper()
	records := s.CDRs(2)
	if len(records) != 2 {
		t.Fatalf("%d records, want one of each leg: %+v", len(records), records)
	}
	for _, r := range records {
		switch r.Direction {
		case "inbound":
			in = r
		case "outbound":
			out = r
		default:
			t.Errorf("record of direction %q: %+v", r.Direction, r)
		}
	}
	if in.LegID == "" || out.LegID == "" || in.LegID == out.LegID || in.CallID == "" || in.CallID != out.CallID {
		t.Fatalf("the records are not those of two legs of one call: %+v", records)
	}
	return in, out
}

// cleared is the record of a leg of a call from 1000 to 1001 that was answered and hung
// up: by the far end of this leg, or because the other leg ended.
func cleared(byCallee bool, direction string) tandem.CDR {
	r := tandem.CDR{From: "1000", To: "1001", Cause: "NORMAL_CLEARING", Q850: 16, SIPStatus: 200, HungUpBy: "bridge"}
	if byCallee && direction == "outbound" {
		r.HungUpBy = "callee"
	} else if !byCallee && direction == "inbound" {
		r.HungUpBy = "caller"
	}
	return r
}

// mustRecord fails the test unless a record says what it should.
func mustRecord(t *testing.T, leg string, r tandem.CDR, want tandem.CDR, talked time.Duration) {
	t.Helper()
	got := tandem.CDR{From: r.From, To: r.To, Cause: r.Cause, Q850: r.Q850, SIPStatus: r.SIPStatus, HungUpBy: r.HungUpBy}
	if got != want {
		t.Errorf("record of the %s:\n got %+v\nwant %+v", leg, got, want)
	}
	if r.StartedAt.IsZero() || r.EndedAt.Before(r.StartedAt) {
		t.Errorf("record of the %s: started %v, ended %v", leg, r.StartedAt, r.EndedAt)
	}
	if talked == 0 {
		if r.Answered() || r.Billsec != 0 {
			t.Errorf("record of the %s, who did not talk: answered %v, billsec %d", leg, r.AnsweredAt, r.Billsec)
		}
		return
	}
	if !r.Answered() {
		t.Errorf("record of the %s: not answered", leg)
		return
	}
	if got := r.EndedAt.Sub(*r.AnsweredAt); got < talked-startup || got > talked+time.Second {
		t.Errorf("record of the %s: answered for %v, want about %v", leg, got, talked)
	}
	if off := time.Duration(r.Billsec)*time.Second - talked; off < -time.Second || off > time.Second {
		t.Errorf("record of the %s: billsec %d, want about %v", leg, r.Billsec, talked)
	}
}

// String of a phone's last call, for messages.
func outcome(e phone.Event) string { return fmt.Sprintf("%s (%s)", e.Kind, e.Param) }
