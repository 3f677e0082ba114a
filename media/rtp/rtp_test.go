package rtp

import (
	"bytes"
	"testing"

	pion "github.com/pion/rtp"
)

var packetTable = []struct {
	name    string
	wire    []byte
	header  Header
	payload string
}{
	{"plain", []byte("\x80\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04abc"), Header{Seq: 1, Timestamp: 160, SSRC: 0x01020304}, "abc"},
	{"marker and event", []byte("\x80\xe5\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x05\x8a\x03\x20"), Header{PayloadType: 101, Marker: true, Seq: 65535, Timestamp: 0xffffffff, SSRC: 0xffffffff}, "\x05\x8a\x03\x20"},
	{"contributing sources", []byte("\x82\x08\x00\x02\x00\x00\x00\x00\x00\x00\x00\x09AAAABBBBxy"), Header{PayloadType: 8, Seq: 2, SSRC: 9}, "xy"},
	{"extension", []byte("\x90\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x09\xbe\xde\x00\x01\x10\xff\x00\x00xyz"), Header{Seq: 3, SSRC: 9}, "xyz"},
	{"padding", []byte("\xa0\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x09xyz\x00\x02"), Header{Seq: 4, SSRC: 9}, "xyz"},
	{"all of it", []byte("\xb1\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x09CCCC\xbe\xde\x00\x00w\x01"), Header{Seq: 5, SSRC: 9}, "w"},
	{"empty", []byte("\x80\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x09"), Header{Seq: 6, SSRC: 9}, ""},
}

func TestParseAndRewrite(t *testing.T) {
	for _, tt := range packetTable {
		var p Packet
		if err := p.Parse(bytes.Clone(tt.wire)); err != nil {
			t.Errorf("%s: Parse = %v", tt.name, err)
			continue
		}
		if p.Header != tt.header || string(p.Payload) != tt.payload {
			t.Errorf("%s: Parse = %+v %q, want %+v %q", tt.name, p.Header, p.Payload, tt.header, tt.payload)
		}
		h := Header{PayloadType: 96, Marker: !tt.header.Marker, Seq: 777, Timestamp: 888, SSRC: 999}
		b := p.Rewrite(h)
		var other pion.Packet
		if err := other.Unmarshal(b); err != nil {
			t.Errorf("%s: rewritten: %v", tt.name, err)
			continue
		}
		if other.PayloadType != 96 || other.Marker != h.Marker || other.SequenceNumber != 777 || other.Timestamp != 888 ||
			other.SSRC != 999 || other.Extension || other.Padding || len(other.CSRC) != 0 || string(other.Payload) != tt.payload {
			t.Errorf("%s: rewritten: %+v", tt.name, other)
		}
	}
}

func TestParseRefusesWhatIsNoPacket(t *testing.T) {
	for _, wire := range []string{
		"", "\x80", "\x80\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03",
		"\x40\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04",                 // version 1
		"\x81\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04",                 // source missing
		"\x90\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04\xbe\xde",         // extension cut
		"\x90\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04\xbe\xde\x00\x02", // extension longer than the packet
		"\xa0\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04xx\x00",           // padding of none
		"\xa0\x00\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04xx\x04",           // padding longer than the payload
	} {
		var p Packet
		if err := p.Parse([]byte(wire)); err == nil {
			t.Errorf("Parse(% x) = %+v", wire, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range packetTable {
		f.Add(tt.wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var p Packet
		if p.Parse(wire) != nil {
			return
		}
		payload := bytes.Clone(p.Payload)
		h := p.Header
		var again Packet
		if err := again.Parse(p.Rewrite(h)); err != nil || again.Header != h || !bytes.Equal(again.Payload, payload) {
			t.Errorf("rewritten: %v, %+v %q, want %+v %q", err, again.Header, again.Payload, h, payload)
		}
	})
}

func TestNumbersWrap(t *testing.T) {
	if !Seq(65535).Before(2) || Seq(2).Before(65535) || Seq(2).Sub(65535) != 3 {
		t.Error("sequence numbers do not wrap")
	}
	if !Timestamp(0xffffff00).Before(0x10) || Timestamp(0x10).Sub(0xffffff00) != 0x110 {
		t.Error("timestamps do not wrap")
	}
}
