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
	"1010": sound.ToneD,
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

// moments of a call between two phones.
type moments struct {
	// early is when the caller's phone began to play what the switch sends before the
	// answer: the ring tone. Without early media it is the answer.
	early    time.Time
	answered time.Time
}

// ringing makes a call between two phones and returns when the callee rings and the
// caller hears that. The numbers of the sample have a ring tone, which the switch makes and sends
// with a 183.
func ringing(a, b *phone.Phone, number string) moments {
	a.Dial(number)
	b.Expect(phone.CallIncoming)
	return moments{early: a.Expect(phone.CallProgress).At}
}

// talking makes a call between two phones and returns when both are in it.
func talking(a, b *phone.Phone, number string) moments {
	m := ringing(a, b, number)
	b.Accept()
	b.Expect(phone.CallEstablished)
	m.answered = a.Expect(phone.CallEstablished).At
	return m
}

const (
	// longestGap in what a phone hears is three packets.
	longestGap = 60 * time.Millisecond
	// startup is what baresip does not play of a call: its jitter buffer fills with
	// five packets first and keeps as many at the end. The rest is play.
	startup = 250 * time.Millisecond
	// packetTime is the audio in one packet.
	packetTime = 20 * time.Millisecond
	// crossing packets are those that are under way when a call begins and ends. Two
	// phones do not see that at the same time, least of all on a busy machine.
	crossing = 12
	// clocks of the phones' audio and of their events may be that far apart, on a busy machine.
	clocks = time.Second
)

// flow counts the packets of two phones' last call.
type flow struct {
	caller, callee phone.Packets
}

func flowOf(t *testing.T, caller, callee *phone.Phone) flow {
	t.Helper()
	last := func(p *phone.Phone) phone.Packets {
		all := p.Packets()
		if len(all) == 0 {
			t.Fatalf("%s had no call with audio", p.User())
		}
		return all[len(all)-1]
	}
	return flow{caller: last(caller), callee: last(callee)}
}

// early is the time before the answer in which the caller heard the switch.
func (f flow) early() time.Duration {
	return time.Duration(f.caller.Received-f.callee.Sent) * packetTime
}

// lost packets in both directions: what the caller received and sent beyond what
// the callee knows of is early media, which flows in both directions for the same time.
func (f flow) lost() int {
	return (f.caller.Sent - f.callee.Received) - (f.caller.Received - f.callee.Sent)
}

// mustHearEachOther fails the test unless each phone's last call, which lasted that long from its
// answer, held what the other said from its start to its end, without a gap and without anybody
// else's tone.
//
// A recording shows what was decoded, in order, and not when: that no time is missing is seen by
// the tone's total and by the number of packets on both sides.
func mustHearEachOther(t *testing.T, caller, callee *phone.Phone, m moments, lasted time.Duration) {
	t.Helper()
	f := flowOf(t, caller, callee)
	if n := f.lost(); n < -crossing || n > crossing {
		t.Errorf("%d packets are missing or too many: %+v", n, f)
	}
	if early := m.answered.Sub(m.early); (f.early() - early).Abs() > clocks {
		t.Errorf("%s received early media for %v of %v: %+v", caller.User(), f.early(), early, f)
	}
	if said := time.Duration(f.callee.Sent) * packetTime; (said - lasted).Abs() > clocks {
		t.Errorf("%s sent for %v of %v: %+v", callee.User(), said, lasted, f)
	}
	mustHear(t, caller, callee, f.early(), time.Duration(f.callee.Sent)*packetTime)
	mustHear(t, callee, caller, 0, time.Duration(f.callee.Received)*packetTime)
}

// mustHear fails the test unless p's recording has the other's tone from one time on for another.
func mustHear(t *testing.T, p, other *phone.Phone, from, length time.Duration) {
	t.Helper()
	heard := p.Heard()
	if len(heard) == 0 {
		t.Fatalf("%s has no recording", p.User())
	}
	r := heard[len(heard)-1]
	for _, hz := range sound.Tones {
		h := r.Heard(hz)
		if hz != other.ToneHz() {
			if h.Total > 0 {
				t.Errorf("%s heard a foreign tone of %d Hz: %+v", p.User(), hz, h)
			}
			continue
		}
		if (h.Total-length).Abs() > startup || h.Gap > longestGap {
			t.Errorf("%s heard %d Hz for %v, longest gap %v; want %v ± %v without a gap over %v",
				p.User(), hz, h.Total, h.Gap, length, startup, longestGap)
		}
		if earliest, latest := from-startup, max(longestGap, from); h.First < earliest || h.First > latest {
			t.Errorf("%s heard %d Hz from %v on, want it from the answer on, after %v", p.User(), hz, h.First, from)
		}
	}
	t.Logf("%s heard %+v of %v, after %v", p.User(), r.Heard(other.ToneHz()), length, from)
}

// ringToneHz are the frequencies of the North American ring tone, the sample's (ITU-T E.180
// supplement 2).
var ringToneHz = [2]int{440, 480}

// mustRing fails the test unless the phone's last call began with the ring tone, which was gone
// when the other's tone came at the answer, and silence between them was no longer than allowed.
func mustRing(t *testing.T, p, other *phone.Phone, sounded, pause time.Duration) {
	t.Helper()
	heard := p.Heard()
	if len(heard) == 0 {
		t.Errorf("%s: no recording", p.User())
		return
	}
	r := heard[len(heard)-1]
	tone, voice := r.HeardBoth(ringToneHz[0], ringToneHz[1]), r.Heard(other.ToneHz())
	if tone.Total < sounded-startup || tone.Total > sounded+startup || tone.Gap > 0 || tone.First > 100*time.Millisecond {
		t.Errorf("%s heard the ring tone: %+v; want it from the start, for %v", p.User(), tone, sounded)
	}
	if rest := r.Between(tone.Last, voice.First).Duration(); tone.Last > voice.First+100*time.Millisecond || rest > pause+startup || rest < pause-startup {
		t.Errorf("%s heard the ring tone until %v and the other from %v on; want %v between them", p.User(), tone.Last, voice.First, pause)
	}
	// Where the tone was cut off by the answer, nothing is missing between it and the other.
	if silent := voice.First - r.Between(0, voice.First).Loud(); pause == 0 && silent > longestGap {
		t.Errorf("%s heard nothing for %v between the ring tone and the other", p.User(), silent)
	}
	t.Logf("%s heard the ring tone: %+v, and the other: %+v", p.User(), tone, voice)
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

// mustExplain fails the test unless the call's journal tells its story: messages, the rule that decided,
// with its place, what was done, and the end.
func mustExplain(t *testing.T, s *tandem.Switch, callID string) {
	t.Helper()
	journal := s.Explain(callID)
	kinds, places := map[string]int{}, 0
	for _, e := range journal {
		kinds[e.Kind]++
		if e.Data["file"] != nil && e.Data["line"] != nil {
			places++
		}
		if e.Sentence == "" {
			t.Errorf("an entry of the journal without words: %+v", e)
		}
	}
	for _, kind := range []string{"sip", "dialplan", "app", "hangup"} {
		if kinds[kind] == 0 {
			t.Errorf("the journal has no entry of kind %q: %+v", kind, journal)
		}
	}
	if places == 0 {
		t.Errorf("the journal does not say where in the dialplan was decided: %+v", journal)
	}
}

// cleared is the record of both legs of a call from 1000 to 1001 that was answered and hung up by
// one of the two.
func cleared(by string) tandem.CDR {
	return tandem.CDR{From: "1000", To: "1001", Cause: "NORMAL_CLEARING", Q850: 16, SIPStatus: 200, HungUpBy: by}
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
	if got := r.EndedAt.Sub(*r.AnsweredAt); (got - talked).Abs() > clocks {
		t.Errorf("record of the %s: answered for %v, want about %v", leg, got, talked)
	}
	if got := r.EndedAt.Sub(*r.AnsweredAt); r.Billsec != int(got/time.Second) {
		t.Errorf("record of the %s: billsec %d of %v", leg, r.Billsec, got)
	}
}

// String of a phone's last call, for messages.
func outcome(e phone.Event) string { return fmt.Sprintf("%s (%s)", e.Kind, e.Param) }
