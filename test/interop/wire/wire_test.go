package wire

import (
	"net"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/test/interop/loopback"
)

func TestCaptureSeesEachPacketOnce(t *testing.T) {
	addr := loopback.Addr()
	to, err := loopback.AddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := Listen(t, to.Port())
	if !ok {
		t.Skip("packet sockets are not permitted here")
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	packets := [][]byte{
		{0x80, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xfe}, // RTP, µ-law
		{0x80, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9},           // RTCP
		[]byte("OPTIONS sip:a SIP/2.0\r\n"),
		{0x80, 0x88, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0xd5}, // RTP, A-law, with marker
	}
	for _, p := range packets {
		// Nobody listens there: the answer to one packet is an error for the next.
		for _, err := conn.Write(p); err != nil; _, err = conn.Write(p) {
		}
	}
	var got []Packet
	for deadline := time.Now().Add(10 * time.Second); len(got) < 2 && time.Now().Before(deadline); {
		got = c.Between(start, time.Now())
	}
	if len(got) != 2 || got[0].Seq != 7 || got[1].Seq != 8 || got[1].SSRC != 9 {
		t.Fatalf("captured %v", got)
	}
	if a := Audio(got); len(a.Samples) != 3 || a.Samples[1] != 8 || a.Samples[2] != 8 {
		t.Errorf("Audio() = %v", a.Samples)
	}
}

func TestParseTakesOnlyRTPOfThePort(t *testing.T) {
	const port = 2
	good := []byte{
		0x45, 0, 0, 41, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 9, 8, 7, // IP
		0, 1, 0, 2, 0, 21, 0, 0, // UDP
		0x80, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0xff, // RTP
	}
	if p, ok := parse(good, port); !ok || p.Seq != 0x102 || len(p.Payload) != 1 {
		t.Errorf("parse() = %v, %v", p, ok)
	}
	for n := range 40 {
		if _, ok := parse(good[:n], port); ok {
			t.Errorf("parse() takes a packet cut to %d bytes", n)
		}
	}
	if _, ok := parse(good, 3); ok {
		t.Error("parse() takes a packet for another port")
	}
}

func TestMissingCountsGapsOfEachStream(t *testing.T) {
	for _, test := range []struct {
		name string
		seqs []uint16 // of a stream and, in between, one that is whole
		want int
	}{
		{"none", nil, 0},
		{"all there, over the wrap", []uint16{65534, 65535, 0, 1}, 0},
		{"two lost", []uint16{7, 8, 11}, 2},
		{"one lost at the wrap", []uint16{65535, 1}, 1},
		{"late", []uint16{7, 9, 8, 10}, 0},
	} {
		var packets []Packet
		for i, seq := range test.seqs {
			packets = append(packets, Packet{SSRC: 1, Seq: seq}, Packet{SSRC: 2, Seq: uint16(i)})
		}
		if got := Missing(packets); got != test.want {
			t.Errorf("%s: Missing() = %d, want %d", test.name, got, test.want)
		}
	}
}
