package rtp

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestReportsAgreeWithAnotherImplementation(t *testing.T) {
	block := Block{SSRC: 42, FractionLost: 9, Lost: -3, Highest: 70000, Jitter: 55, LastReport: 0xabcd, Delay: 65536}
	table := []Report{
		{SSRC: 1},
		{SSRC: 1, HasBlock: true, Block: block},
		{SSRC: 1, IsSender: true, NTP: 0x1122334455667788, Timestamp: 7, Packets: 8, Octets: 9},
		{SSRC: 1, IsSender: true, NTP: 1, HasBlock: true, Block: block, Bye: true},
	}
	for _, want := range table {
		for _, name := range []string{"", "a", "ab", "abc", "tandem@example"} {
			wire := want.Append(nil, name)
			packets, err := rtcp.Unmarshal(wire)
			if err != nil {
				t.Fatalf("% x: %v", wire, err)
			}
			if err := rtcp.CompoundPacket(packets).Validate(); err != nil && name != "" {
				t.Errorf("%+v: %v", want, err)
			}
			if sdes := packets[1].(*rtcp.SourceDescription); sdes.Chunks[0].Source != 1 || sdes.Chunks[0].Items[0].Text != name {
				t.Errorf("SDES = %v, want %q", sdes, name)
			}
			if _, bye := packets[len(packets)-1].(*rtcp.Goodbye); bye != want.Bye {
				t.Errorf("bye %v, want %v", bye, want.Bye)
			}
			switch p := packets[0].(type) {
			case *rtcp.SenderReport:
				if !want.IsSender || p.NTPTime != want.NTP || p.RTPTime != uint32(want.Timestamp) || p.PacketCount != want.Packets || p.OctetCount != want.Octets {
					t.Errorf("SR = %+v, want %+v", p, want)
				}
			case *rtcp.ReceiverReport:
				if want.IsSender || len(p.Reports) == 1 != want.HasBlock {
					t.Errorf("RR = %+v, want %+v", p, want)
				}
			}
			var got Report
			if err := got.Parse(wire, 42); err != nil || got != want {
				t.Errorf("Parse = %+v, %v, want %+v", got, err, want)
			}
		}
	}
}

func TestParseFindsItsBlock(t *testing.T) {
	rr := rtcp.ReceiverReport{SSRC: 5, Reports: []rtcp.ReceptionReport{{SSRC: 1, TotalLost: 1}, {SSRC: 42, TotalLost: 2}}}
	wire, err := rr.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := r.Parse(wire, 42); err != nil || !r.HasBlock || r.Block.Lost != 2 {
		t.Errorf("Parse = %+v, %v", r, err)
	}
	if err := r.Parse(wire, 43); err != nil || r.HasBlock {
		t.Errorf("Parse = %+v, %v", r, err)
	}
}

func TestRoundTrip(t *testing.T) {
	sent := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := Block{LastReport: Middle(NTP(sent)), Delay: 65536 / 2}
	if got := b.RoundTrip(NTP(sent.Add(530 * time.Millisecond))); got < 29*time.Millisecond || got > 31*time.Millisecond {
		t.Errorf("RoundTrip = %v, want 30 ms", got)
	}
	if got := b.RoundTrip(NTP(sent.Add(400 * time.Millisecond))); got != 0 {
		t.Errorf("RoundTrip = %v before the delay is over", got)
	}
	if got := new(Block).RoundTrip(NTP(sent)); got != 0 {
		t.Errorf("RoundTrip = %v without a report", got)
	}
}

func FuzzReport(f *testing.F) {
	r := Report{SSRC: 1, IsSender: true, HasBlock: true, Block: Block{SSRC: 42}, Bye: true}
	f.Add(r.Append(nil, "name"))
	f.Add([]byte{0x80, 201, 0, 1, 0, 0, 0, 1})
	f.Add([]byte{0x9f, 200, 0, 1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, wire []byte) {
		var got Report
		if got.Parse(wire, 42) != nil {
			return
		}
		var again Report
		if err := again.Parse(got.Append(nil, "x"), 42); err != nil {
			t.Fatal(err)
		}
		if !got.IsSender { // only of a sender report are these read
			got.NTP, got.Timestamp, got.Packets, got.Octets = 0, 0, 0, 0
		}
		if again != got {
			t.Errorf("%+v became %+v", got, again)
		}
	})
}
