package phone

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func crlf(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

const inviteText = `INVITE sip:1010@192.0.2.7:5070 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport
v: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb
Max-Forwards: 69
f: "Extension 1000" <sip:1000@192.0.2.1>;tag=x1
To:<sip:1010@192.0.2.1>
i: abc@192.0.2.1
CSeq: 7 INVITE
m: <sip:mod@192.0.2.1:5060;transport=udp>
Content-Type: application/sdp
Content-Length: 1

v=0
c=IN IP4 192.0.2.9
m=audio 16384 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
`

func TestParseInvite(t *testing.T) {
	m, err := parse(crlf(inviteText))
	if err != nil {
		t.Fatal(err)
	}
	if m.method != "INVITE" || m.isResponse() || m.cseq != 7 || m.cseqMethod != "INVITE" || string(m.callID) != "abc@192.0.2.1" {
		t.Errorf("parse() = %+v", m)
	}
	if len(m.vias) != 2 || !strings.HasSuffix(string(m.vias[1]), "bKb") {
		t.Errorf("vias %q", m.vias)
	}
	if tag(m.from) != "x1" || tag(m.to) != "" || user(uri(m.to)) != "1010" || uri(m.contact) != "sip:mod@192.0.2.1:5060;transport=udp" {
		t.Errorf("tags %q %q, to %q, contact %q", tag(m.from), tag(m.to), uri(m.to), uri(m.contact))
	}
	to, types, ok := audio(m.body)
	if !ok || to != netip.MustParseAddrPort("192.0.2.9:16384") || !slices.Equal(types, []uint8{8, 0, 101}) {
		t.Errorf("audio() = %v, %v, %v", to, types, ok)
	}
}

func TestParseChallenge(t *testing.T) {
	m, err := parse(crlf("SIP/2.0 407 Proxy Authentication Required\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: q\nCSeq: 1 INVITE\nProxy-Authenticate: Digest realm=\"b\", nonce=\"n\"\n\n"))
	if err != nil || m.status != 407 || !m.isResponse() || !m.isProxy || len(m.challenges) != 1 {
		t.Errorf("parse() = %+v, %v", m, err)
	}
}

func TestParseRefusesWhatIsNoMessage(t *testing.T) {
	for _, bad := range []string{
		"", "\n\n", "INVITE\n\n", "INVITE sip:a HTTP/1.1\n\n", "SIP/2.0 abc\n\n", "SIP/2.0 99 Low\n\n",
		"BYE sip:a SIP/2.0\nno colon\n\n", "BYE sip:a SIP/2.0\nFrom: a\nTo: b\nCSeq: 1 BYE\n\n",
		"BYE sip:a SIP/2.0\nFrom: a\nTo: b\nCall-ID: c\nCSeq: x BYE\n\n",
	} {
		if m, err := parse(crlf(bad)); err == nil {
			t.Errorf("parse(%q) = %+v, want an error", bad, m)
		}
	}
}

func TestAudioNeedsAnAddressAndAPort(t *testing.T) {
	for _, bad := range []string{
		"", "c=IN IP4 192.0.2.9\n", "m=audio 5004 RTP/AVP 0\n", "c=IN IP4 192.0.2.9\nm=audio 0 RTP/AVP 0\n",
		"c=IN IP4 192.0.2.9\nm=audio 5004 RTP/AVP\n", "c=IN IP4 192.0.2.9\nm=audio x RTP/AVP 0\n", "c=IN IP4 name\nm=audio 5004 RTP/AVP 0\n",
	} {
		if to, types, ok := audio(crlf(bad)); ok {
			t.Errorf("audio(%q) = %v, %v", bad, to, types)
		}
	}
}

// FuzzParse wants no panic, and that what is answered can be parsed.
func FuzzParse(f *testing.F) {
	f.Add(crlf(inviteText))
	f.Add(crlf("SIP/2.0 200 OK\nFrom: a\nTo: b\nCall-ID: c\nCSeq: 1 BYE\n\n"))
	a := &Agent{local: netip.MustParseAddrPort("192.0.2.7:5070")}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil {
			return
		}
		audio(m.body)
		answer := a.reply(m, 200, "OK", "t", nil)
		back, err := parse(answer)
		if err != nil || back.status != 200 || string(back.callID) != string(m.callID) || back.cseq != m.cseq || len(back.vias) != len(m.vias) {
			t.Errorf("the answer to %q is %q: %v", b, answer, err)
		}
	})
}
