package sdp

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pion "github.com/pion/sdp/v3"

	"github.com/tandemswitch/tandem/media"
)

// sameDescription compares deeply; nil and empty lists are the same.
var sameDescription = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
}

func load(t testing.TB, name string) *media.Description {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(b))
}

func parse(t testing.TB, text string) *media.Description {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return d
}

// audio is a description with one audio m= line and what follows it.
func audio(t testing.TB, lines ...string) *media.Description {
	t.Helper()
	return parse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"+strings.Join(lines, "\r\n")+"\r\n")
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func format(pt uint8, name string, hz int) media.Format {
	return media.Format{PayloadType: pt, Name: name, ClockHz: hz, Channels: 1}
}

func withFMTP(f media.Format, fmtp string) media.Format {
	f.FMTP = fmtp
	return f
}

var (
	pcmu  = format(0, "PCMU", 8000)
	pcma  = format(8, "PCMA", 8000)
	g722  = format(9, "G722", 8000)
	opus  = media.Format{Name: "opus", PayloadType: 96, ClockHz: 48000, Channels: 2}
	event = withFMTP(format(101, "telephone-event", 8000), "0-15")
)

func TestParse(t *testing.T) {
	tests := []struct {
		file string
		want media.Description
	}{
		{"desk-phone.sdp", media.Description{
			SessionID: 8000, SessionVersion: 8000, Origin: "1000", OriginAddr: netip.MustParseAddr("192.0.2.10"), SessionName: "SIP Call",
			Streams: []media.StreamDescription{{
				Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("192.0.2.10:11780"), PTime: 20 * time.Millisecond,
				Formats: []media.Format{pcmu, pcma, g722, withFMTP(format(18, "G729", 8000), "annexb=no"), event},
			}},
		}},
		{"bare.sdp", media.Description{ // static types need no rtpmap
			SessionID: 1, SessionVersion: 1, OriginAddr: netip.MustParseAddr("192.0.2.10"),
			Streams: []media.StreamDescription{{
				Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("192.0.2.10:4000"), Formats: []media.Format{pcma, pcmu},
			}},
		}},
		{"encrypted-or-not.sdp", media.Description{ // addresses per stream, crypto kept
			SessionID: 20518, OriginAddr: netip.MustParseAddr("203.0.113.1"),
			Streams: []media.StreamDescription{
				{
					Kind: "audio", Protocol: "RTP/SAVP", Addr: addrPort("203.0.113.1:54400"),
					Formats: []media.Format{pcmu, format(101, "telephone-event", 8000)},
					Crypto:  []string{"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"},
				},
				{
					Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("203.0.113.2:54402"), RTCP: addrPort("203.0.113.3:54555"),
					Formats: []media.Format{pcmu, format(101, "telephone-event", 8000)}, Direction: media.Inactive,
				},
			},
		}},
		{"fax.sdp", media.Description{ // a refused stream has no address; what is not RTP keeps its formats
			SessionID: 5, SessionVersion: 6, Origin: "gw", OriginAddr: netip.MustParseAddr("198.51.100.4"),
			Streams: []media.StreamDescription{
				{Kind: "audio", Protocol: "RTP/AVP", Formats: []media.Format{pcmu}},
				{
					Kind: "image", Protocol: "udptl", Addr: addrPort("198.51.100.4:17032"), RawFormats: []string{"t38"},
					Attributes: []media.Attribute{
						{Name: "T38FaxVersion", Value: "0"},
						{Name: "T38MaxBitRate", Value: "14400"},
						{Name: "T38FaxUdpEC", Value: "t38UDPRedundancy"},
					},
				},
			},
		}},
		{"ipv6.sdp", media.Description{ // the session's direction holds where the stream has none
			SessionID: 1, SessionVersion: 2, OriginAddr: netip.MustParseAddr("2001:db8::7"),
			Streams: []media.StreamDescription{
				{Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("[2001:db8::7]:6000"), Formats: []media.Format{g722}, Direction: media.SendOnly},
				{Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("[2001:db8::7]:6002"), Formats: []media.Format{pcmu}, Direction: media.RecvOnly},
			},
		}},
		{"odd.sdp", media.Description{
			SessionID: number("99999999999999999999999"), SessionVersion: number("abc"), Origin: "My Phone",
			Streams: []media.StreamDescription{{
				Kind: "audio", Protocol: "RTP/AVP", Addr: netip.AddrPortFrom(netip.Addr{}, 5004), Host: "media.example.com",
				Formats: []media.Format{pcmu, {PayloadType: 96}, withFMTP(pcma, "x=1;y=2")},
				PTime:   30 * time.Millisecond, MaxPTime: 60500 * time.Microsecond,
			}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			if diff := cmp.Diff(&tt.want, load(t, tt.file), sameDescription); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestParseKeepsWhatItDoesNotKnow(t *testing.T) {
	d := load(t, "browser.sdp")
	if got := d.Attributes; len(got) != 2 || got[0] != (media.Attribute{Name: "group", Value: "BUNDLE 0"}) {
		t.Errorf("session attributes %v, want group and msid-semantic", got)
	}
	s := d.Streams[0]
	var names []string
	for _, a := range s.Attributes {
		names = append(names, a.Name)
	}
	if got, want := strings.Join(names, " "), "ice-ufrag ice-pwd fingerprint setup mid rtcp-fb"; got != want {
		t.Errorf("attributes %q, want %q", got, want)
	}
	if !s.RTCPMux || s.RTCP != addrPort("0.0.0.0:9") || s.Formats[0].String() != "opus/48000/2" {
		t.Errorf("mux %v, rtcp %v, first format %v", s.RTCPMux, s.RTCP, s.Formats[0])
	}
}

func TestParseTakesAnyLineEnd(t *testing.T) {
	want := load(t, "desk-phone.sdp")
	text := string(Marshal(want))
	for _, end := range []string{"\n", "\r", "\r\n\r\n", "\n\r\n"} {
		got := parse(t, strings.ReplaceAll(text, "\r\n", end))
		if diff := cmp.Diff(want, got, sameDescription); diff != "" {
			t.Errorf("with %q: -want +got\n%s", end, diff)
		}
	}
}

func TestParseErrorsNameLineAndField(t *testing.T) {
	const head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"
	for text, want := range map[string]string{
		"":                                "sdp: v: missing",
		"\x00\x01garbage":                 "sdp: line 1: line: ",
		"o=- 1 1 IN IP4 192.0.2.1":        "sdp: line 1: v: the first line has to be v=0",
		"v=1":                             `sdp: line 1: v: version "1", want 0`,
		"v=0\nv=0":                        "sdp: line 2: v: given twice",
		"v=0\ns=-":                        "sdp: o: missing",
		"v=0\nm=audio 1 RTP/AVP 0":        "sdp: line 2: o: missing before the first m= line",
		"v=0\no=- 1 1 IN IP4":             "sdp: line 2: o: 5 fields, want 6",
		head + "o=- 1 1 IN IP4 1.1.1.1":   "sdp: line 6: o: given twice",
		head + "m=audio":                  "sdp: line 6: m: 1 fields, want media, port, protocol and formats",
		head + "m=audio 70000 RTP/AVP 0":  `sdp: line 6: m: port "70000" is not in 0…65535`,
		head + "m=audio -1 RTP/AVP 0":     `sdp: line 6: m: port "-1" is not in 0…65535`,
		head + "m=audio 4000 RTP/AVP":     "sdp: line 6: m: no formats",
		head + "m=audio 4000 RTP/AVP x":   `sdp: line 6: m: payload type "x" is not in 0…127`,
		head + "m=audio 4000 RTP/AVP 128": `sdp: line 6: m: payload type "128" is not in 0…127`,
		head + "m=audio 4000 RTP/AVP 96\na=rtpmap:96":                `sdp: line 7: a=rtpmap: no encoding name in "96"`,
		head + "m=audio 4000 RTP/AVP 96\na=rtpmap:x PCMU/8000":       `sdp: line 7: a=rtpmap: payload type "x" is not in 0…127`,
		head + "m=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU":           `sdp: line 7: a=rtpmap: clock rate "" is no rate`,
		head + "m=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU/0":         `sdp: line 7: a=rtpmap: clock rate "0" is no rate`,
		head + "m=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU/8000/x":    `sdp: line 7: a=rtpmap: "x" is no number of channels`,
		head + "m=audio 4000 RTP/AVP 0\na=fmtp:999 x":                `sdp: line 7: a=fmtp: payload type "999" is not in 0…127`,
		head + "m=audio 4000 RTP/AVP 0\na=ptime:twenty":              `sdp: line 7: a=ptime: "twenty" is no number of milliseconds`,
		head + "m=audio 4000 RTP/AVP 0\na=maxptime:NaN":              `sdp: line 7: a=maxptime: "NaN" is no number of milliseconds`,
		head + "m=audio 4000 RTP/AVP 0\na=rtcp:":                     "sdp: line 7: a=rtcp: no port",
		head + "m=audio 4000 RTP/AVP 0\na=rtcp:99999":                `sdp: line 7: a=rtcp: port "99999" is not in 0…65535`,
		head + "m=audio 4000 RTP/AVP 0\na=rtcp:5 IN IP4":             "sdp: line 7: a=rtcp: 2 fields, want network type, address type and address",
		head + "m=audio 4000 RTP/AVP 0\na=:x":                        "sdp: line 7: a: no name",
		head + "m=audio 4000 RTP/AVP 0\na=x\x00":                     "sdp: line 7: line: has a NUL byte",
		head + "m=audio 4000 RTP/AVP 0\nnonsense":                    `sdp: line 7: line: "nonsense" is not of the form x=value`,
		head + "m=audio 4000 RTP/AVP 0\nc=IN IP4":                    "sdp: line 7: c: 2 fields, want network type, address type and address",
		head + "m=audio 4000 RTP/AVP 0\nc=ATM NSAP 47.0091":          `sdp: line 7: c: network type "ATM", want IN`,
		head + "m=audio 4000 RTP/AVP 0\nc=IN IP5 1.2.3.4":            `sdp: line 7: c: address type "IP5", want IP4 or IP6`,
		head + "m=audio 4000 RTP/AVP 0\nc=IN IP4 300.2.3.4":          `sdp: line 7: c: "300.2.3.4" is no address and no host name`,
		head + "m=audio 4000 RTP/AVP 0\nc=IN IP6 fe80::1%eth0":       `sdp: line 7: c: address "fe80::1%eth0" has a zone`,
		"v=0\no=- 1 1 IN IP4 1.1.1.1\nm=audio 4000 RTP/AVP 0\nt=0 0": "sdp: line 3: m: no c= line for it (RFC 8866 §5.7)",
		head + strings.Repeat("m=audio 0 RTP/AVP 0\n", maxStreams+1): "sdp: line 70: m: more than 64 streams",
		head + strings.Repeat("a=x\n", maxBytes/4):                   "sdp: description: 65",
	} {
		d, err := Parse([]byte(text))
		if err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", clip(text), d)
			continue
		}
		if _, typed := errors.AsType[*ParseError](err); !typed || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %s", clip(text), err, want)
		}
	}
}

func TestRefusedStreamsMayBeOdd(t *testing.T) {
	d := audio(t, "m=video 0 RTP/AVP *", "m=audio 0 RTP/AVP", "m=text 0 TCP/MSRP *")
	if got := d.Streams[0].RawFormats; len(got) != 1 || got[0] != "*" {
		t.Errorf("formats %v, want them kept as text", got)
	}
	if got := d.Streams[1].Formats; len(got) != 1 || got[0] != pcmu {
		t.Errorf("formats %v, want the 0 that stands for none", got)
	}
}

// roundTrip holds that what was written reads the same, here and by pion.
func roundTrip(t testing.TB, d *media.Description) {
	t.Helper()
	text := Marshal(d)
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse of our own\n%s: %v", text, err)
	}
	want := d.Clone()
	if !want.OriginAddr.IsValid() { // a name in o= is not kept, but something has to be written
		want.OriginAddr = again.OriginAddr
	}
	if diff := cmp.Diff(want, again, sameDescription); diff != "" {
		t.Fatalf("Parse(Marshal): -want +got\n%s\nwritten:\n%s", diff, text)
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { roundTrip(t, load(t, filepath.Base(f))) })
	}
}

func TestPionReadsWhatWeWrite(t *testing.T) {
	for _, f := range []string{"desk-phone.sdp", "softphone.sdp", "browser.sdp", "ipv6.sdp", "encrypted-or-not.sdp"} {
		d := load(t, f)
		var p pion.SessionDescription
		if err := p.Unmarshal(Marshal(d)); err != nil {
			t.Errorf("%s: pion: %v", f, err)
			continue
		}
		if len(p.MediaDescriptions) != len(d.Streams) {
			t.Errorf("%s: pion sees %d streams, want %d", f, len(p.MediaDescriptions), len(d.Streams))
		}
	}
}

func TestMarshal(t *testing.T) {
	d := &media.Description{
		SessionID: 7, SessionVersion: 2, OriginAddr: netip.MustParseAddr("192.0.2.1"),
		Attributes: []media.Attribute{{Name: "x", Value: "1\r\nm=evil 1 RTP/AVP 0"}},
		Streams: []media.StreamDescription{
			{
				Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("192.0.2.1:4000"), RTCP: addrPort("192.0.2.1:4009"), RTCPMux: true,
				Formats: []media.Format{pcma, opus, event}, PTime: 20 * time.Millisecond, MaxPTime: 40 * time.Millisecond,
				Direction: media.SendOnly, Crypto: []string{"1 A inline:k"}, Attributes: []media.Attribute{{Name: "mid", Value: "0"}},
			},
			{Kind: "video", Protocol: "RTP/AVP", Formats: []media.Format{format(34, "H263", 90000)}},
			{Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("[2001:db8::1]:5000"), RTCP: addrPort("[2001:db8::2]:5001"), Formats: []media.Format{pcmu}},
		},
	}
	want := strings.ReplaceAll(`v=0
o=- 7 2 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
a=x:1  m=evil 1 RTP/AVP 0
m=audio 4000 RTP/AVP 8 96 101
a=rtpmap:8 PCMA/8000
a=rtpmap:96 opus/48000/2
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=maxptime:40
a=rtcp:4009
a=rtcp-mux
a=crypto:1 A inline:k
a=mid:0
a=sendonly
m=video 0 RTP/AVP 34
a=rtpmap:34 H263/90000
m=audio 5000 RTP/AVP 0
c=IN IP6 2001:db8::1
a=rtpmap:0 PCMU/8000
a=rtcp:5001 IN IP6 2001:db8::2
a=sendrecv
`, "\n", "\r\n")
	if diff := cmp.Diff(want, string(Marshal(d))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestMarshalOfNearlyNothing(t *testing.T) {
	for _, d := range []*media.Description{
		{},
		{Streams: []media.StreamDescription{{}}},
		{Streams: []media.StreamDescription{{Kind: "audio", Protocol: "RTP/AVP", Addr: addrPort("192.0.2.1:4000")}}},
	} {
		if _, err := Parse(Marshal(d)); err != nil {
			t.Errorf("Parse of\n%s: %v", Marshal(d), err)
		}
	}
}
