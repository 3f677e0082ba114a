package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/media"
)

var here = Local{
	Addr:      addrPort("198.51.100.1:20000"),
	Codecs:    []media.Format{g722, pcma, pcmu},
	SessionID: 42,
}

// with is here with another policy.
func with(change func(*Local)) Local {
	l := here
	change(&l)
	return l
}

func mustAnswer(t *testing.T, offer *media.Description, l Local) (*media.Description, media.Negotiated) {
	t.Helper()
	d, n, err := Answer(offer, l)
	if err != nil {
		t.Fatalf("Answer: %v", err)
	}
	roundTrip(t, d)
	return d, n
}

func TestAnswerToADeskPhone(t *testing.T) {
	offer := load(t, "desk-phone.sdp")
	d, n := mustAnswer(t, offer, here)
	want := &media.Description{
		SessionID: 42, SessionVersion: 1, OriginAddr: netip.MustParseAddr("198.51.100.1"), SessionName: "Tandem",
		Streams: []media.StreamDescription{{
			Kind: "audio", Protocol: "RTP/AVP", Addr: here.Addr, Formats: []media.Format{pcmu, event}, PTime: 20 * time.Millisecond,
		}},
	}
	if diff := cmp.Diff(want, d, sameDescription); diff != "" {
		t.Errorf("answer: -want +got\n%s", diff)
	}
	wantN := media.Negotiated{
		Send: pcmu, Receive: pcmu, EventSend: event, EventReceive: event,
		SendPTime: 20 * time.Millisecond, ReceivePTime: 20 * time.Millisecond, Remote: addrPort("192.0.2.10:11780"),
	}
	if diff := cmp.Diff(wantN, n, sameDescription); diff != "" {
		t.Errorf("negotiated: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(load(t, "desk-phone.sdp"), offer, sameDescription); diff != "" {
		t.Errorf("the offer was changed: %s", diff)
	}
}

func TestAnswerCodecChoice(t *testing.T) {
	g729 := format(18, "G729", 8000)
	first := &media.Description{SessionID: 1, SessionVersion: 1}
	tests := []struct {
		name   string
		offer  []string
		change func(*Local)
		want   string
	}{
		{"the caller's order wins", []string{"m=audio 4000 RTP/AVP 0 8 9"}, nil, "PCMU"},
		{"generous says the same", []string{"m=audio 4000 RTP/AVP 0 8 9"}, func(l *Local) { l.Policy.Order = OrderGenerous }, "PCMU"},
		{"greedy takes our order", []string{"m=audio 4000 RTP/AVP 0 8 9"}, func(l *Local) { l.Policy.Order = OrderGreedy }, "G722"},
		{"greedy follows a new offer", []string{"m=audio 4000 RTP/AVP 0 8 9"}, func(l *Local) { l.Policy.Order = OrderGreedy; l.Last = first }, "PCMU"},
		{"scrooge never does", []string{"m=audio 4000 RTP/AVP 0 8 9"}, func(l *Local) { l.Policy.Order = OrderScrooge; l.Last = first }, "G722"},
		{"what we do not have is passed over", []string{"m=audio 4000 RTP/AVP 18 3 8"}, nil, "PCMA"},
		{"the policy's formats bound the choice", []string{"m=audio 4000 RTP/AVP 0 8"}, func(l *Local) { l.Policy.Formats = []media.Format{pcma} }, "PCMA"},
		{"preferred goes first", []string{"m=audio 4000 RTP/AVP 0 8"}, func(l *Local) { l.Policy.Prefer = []media.Format{g729, pcma} }, "PCMA"},
		{"preferred but not allowed does not count", []string{"m=audio 4000 RTP/AVP 18 0"}, func(l *Local) { l.Policy.Prefer = []media.Format{g729} }, "PCMU"},
		{"pass-through may be relayed", []string{"m=audio 4000 RTP/AVP 18 0"}, func(l *Local) { l.Policy.PassThrough = []media.Format{g729} }, "G729"},
		{"names are compared without case", []string{"m=audio 4000 RTP/AVP 96", "a=rtpmap:96 pcmu/8000"}, nil, "pcmu"},
		{"another clock is another format", []string{"m=audio 4000 RTP/AVP 96 8", "a=rtpmap:96 PCMU/16000"}, nil, "PCMA"},
		{"a dynamic type without a map is nothing", []string{"m=audio 4000 RTP/AVP 96 8"}, nil, "PCMA"},
		{"the second stream where the first cannot be", []string{"m=audio 4000 RTP/AVP 18", "m=audio 4002 RTP/AVP 8"}, nil, "PCMA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := here
			if tt.change != nil {
				tt.change(&l)
			}
			_, n := mustAnswer(t, audio(t, tt.offer...), l)
			if n.Send.Name != tt.want || n.Receive.Name != tt.want {
				t.Errorf("send %v, receive %v, want %s", n.Send, n.Receive, tt.want)
			}
		})
	}
}

func TestAnswerWithoutCommonCodec(t *testing.T) {
	_, _, err := Answer(audio(t, "m=audio 4000 RTP/AVP 18 96 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000"),
		with(func(l *Local) { l.Codecs = []media.Format{pcmu, pcma} }))
	const want = "sdp: no common codec: offered [G729/8000 opus/48000/2], allowed [PCMU/8000 PCMA/8000]"
	if !errors.Is(err, media.ErrNoCodec) || err.Error() != want {
		t.Errorf("Answer: %v, want %s", err, want)
	}
}

func TestAnswerWithoutUsableAudio(t *testing.T) {
	for _, lines := range [][]string{
		nil,
		{"m=audio 0 RTP/AVP 0"},
		{"m=video 4000 RTP/AVP 34"},
		{"m=image 4000 udptl t38"},
		{"m=audio 4000 RTP/SAVP 0"},
		{"m=audio 9 UDP/TLS/RTP/SAVPF 0"},
	} {
		if _, _, err := Answer(audio(t, lines...), here); !errors.Is(err, ErrNoAudio) {
			t.Errorf("Answer(%q): %v, want %v", lines, err, ErrNoAudio)
		}
	}
}

// RFC 3264 §6: an answer has as many streams as the offer, unwanted ones with
// port 0.
func TestAnswerKeepsEveryStream(t *testing.T) {
	offer := audio(t,
		"m=image 17000 udptl t38", "a=T38FaxVersion:0",
		"m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:k",
		"m=audio 4002 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000",
		"m=audio 4004 RTP/AVP 0",
		"m=video 4006 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 x=1",
		"m=application 4008 TCP/MSRP *",
		"m=audio 0 RTP/AVP 0")
	d, n := mustAnswer(t, offer, here)
	var got []string
	for _, s := range d.Streams {
		got = append(got, fmt.Sprintf("%s %s %d", s.Kind, s.Protocol, s.Addr.Port()))
	}
	want := []string{
		"image udptl 0", "audio RTP/SAVP 0", "audio RTP/AVP 20000", "audio RTP/AVP 0",
		"video RTP/AVP 0", "application TCP/MSRP 0", "audio RTP/AVP 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n.Remote != addrPort("192.0.2.1:4002") {
		t.Errorf("remote %v, want that of the stream taken", n.Remote)
	}
	for i, s := range d.Streams {
		if i != 2 && (len(s.Crypto) > 0 || len(s.Attributes) > 0) {
			t.Errorf("refused stream %d still has attributes: %+v", i, s)
		}
	}
}

// RFC 6337 §5.2 and §5.3, RFC 3264 §6.1 and §8.4: who may send, seen from us.
func TestAnswerDirections(t *testing.T) {
	tests := []struct {
		offer string // direction attribute, or c= line
		want  media.Direction
		ours  media.Direction // policy
	}{
		{"a=sendrecv", media.SendRecv, media.SendRecv},
		{"a=sendonly", media.RecvOnly, media.SendRecv}, // the far end holds us
		{"a=recvonly", media.SendOnly, media.SendRecv},
		{"a=inactive", media.Inactive, media.SendRecv},
		{"a=sendrecv", media.SendOnly, media.SendOnly}, // we hold the far end
		{"a=sendonly", media.Inactive, media.SendOnly}, // both hold
		{"a=recvonly", media.SendOnly, media.SendOnly},
		{"a=recvonly", media.Inactive, media.RecvOnly},
		{"a=sendrecv", media.RecvOnly, media.RecvOnly},
		{"a=sendrecv", media.Inactive, media.Inactive},
		{"c=IN IP4 0.0.0.0", media.RecvOnly, media.SendRecv}, // hold of RFC 2543
		{"c=IN IP6 ::", media.RecvOnly, media.SendRecv},
		{"c=IN IP4 0.0.0.0\r\na=recvonly", media.Inactive, media.SendRecv},
	}
	for _, tt := range tests {
		offer := audio(t, "m=audio 4000 RTP/AVP 0", tt.offer)
		d, n := mustAnswer(t, offer, with(func(l *Local) { l.Policy.Direction = tt.ours }))
		if n.Direction != tt.want || d.Streams[0].Direction != tt.want {
			t.Errorf("offer %q, policy %v: %v, answer %v, want %v", tt.offer, tt.ours, n.Direction, d.Streams[0].Direction, tt.want)
		}
	}
}

func TestAnswerTelephoneEvent(t *testing.T) {
	events := []string{"a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/48000", "a=rtpmap:98 telephone-event/8000"}
	opusFirst := append([]string{"m=audio 4000 RTP/AVP 96 0 97 98"}, events...)
	pcmuFirst := append([]string{"m=audio 4000 RTP/AVP 0 96 97 98"}, events...)
	l := with(func(l *Local) { l.Codecs = []media.Format{opus, pcmu} })
	for _, tt := range []struct {
		name  string
		offer []string
		l     Local
		want  media.Format
	}{
		{"the codec's clock", opusFirst, l, media.Format{Name: "telephone-event", PayloadType: 97, ClockHz: 48000, Channels: 1}},
		{"the other codec's clock", pcmuFirst, l, format(98, "telephone-event", 8000)},
		{"any where that clock is missing", []string{"m=audio 4000 RTP/AVP 96 101", events[0], "a=rtpmap:101 telephone-event/8000"}, l, format(101, "telephone-event", 8000)},
		{"none offered", []string{"m=audio 4000 RTP/AVP 0"}, l, media.Format{}},
		{"none wanted", pcmuFirst, with(func(l *Local) { l.Policy.NoTelephoneEvent = true }), media.Format{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, n := mustAnswer(t, audio(t, tt.offer...), tt.l)
			if n.EventSend != tt.want {
				t.Errorf("event %v, want %v", n.EventSend, tt.want)
			}
			count := 0
			for _, f := range d.Streams[0].Formats {
				if isEvent(f) {
					count++
				}
			}
			if want := map[bool]int{true: 0, false: 1}[tt.want.IsZero()]; count != want {
				t.Errorf("%d telephone-events in the answer, want %d", count, want)
			}
		})
	}
}

func TestAnswerPTime(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		ours  time.Duration
		want  time.Duration
	}{
		{nil, 0, 20 * time.Millisecond},
		{nil, 30 * time.Millisecond, 30 * time.Millisecond},
		{[]string{"a=ptime:40"}, 0, 40 * time.Millisecond},
		{[]string{"a=ptime:20", "a=maxptime:10"}, 0, 10 * time.Millisecond},
		{[]string{"a=maxptime:15"}, 0, 10 * time.Millisecond},
		{[]string{"a=maxptime:5"}, 0, 10 * time.Millisecond},
		{[]string{"a=ptime:200"}, 0, 20 * time.Millisecond},
		{[]string{"a=ptime:3"}, 0, 20 * time.Millisecond},
		{[]string{"a=ptime:99999"}, 0, 20 * time.Millisecond},
	} {
		d, n := mustAnswer(t, audio(t, append([]string{"m=audio 4000 RTP/AVP 0"}, tt.lines...)...), with(func(l *Local) { l.Policy.PTime = tt.ours }))
		if n.SendPTime != tt.want || n.ReceivePTime != tt.want || d.Streams[0].PTime != tt.want {
			t.Errorf("%q, ours %v: %v, want %v", tt.lines, tt.ours, n.SendPTime, tt.want)
		}
	}
}

func TestAnswerKeepsTheOfferersPayloadTypes(t *testing.T) {
	offer := audio(t, "m=audio 4000 RTP/AVP 120 121", "a=rtpmap:120 opus/48000/2", "a=fmtp:120 maxplaybackrate=16000", "a=rtpmap:121 telephone-event/48000")
	ours := withFMTP(opus, "useinbandfec=1")
	d, n := mustAnswer(t, offer, with(func(l *Local) { l.Codecs = []media.Format{ours} }))
	if n.Send.PayloadType != 120 || n.Receive.PayloadType != 120 || n.EventSend.PayloadType != 121 {
		t.Errorf("negotiated %+v, want 120 and 121", n)
	}
	if n.Send.FMTP != "maxplaybackrate=16000" || n.Receive.FMTP != "useinbandfec=1" || d.Streams[0].Formats[0].FMTP != "useinbandfec=1" {
		t.Errorf("send %+v, receive %+v, want each side's own fmtp", n.Send, n.Receive)
	}
	_, n = mustAnswer(t, offer, with(func(l *Local) { l.Codecs, l.Policy.PassThrough = nil, []media.Format{ours} }))
	if n.Receive.FMTP != "maxplaybackrate=16000" {
		t.Errorf("relayed format has fmtp %q, want the far end's", n.Receive.FMTP)
	}
}

func TestAnswerRTCP(t *testing.T) {
	mux := audio(t, "m=audio 4000 RTP/AVP 0", "a=rtcp-mux")
	if d, _ := mustAnswer(t, mux, here); d.Streams[0].RTCPMux {
		t.Error("rtcp-mux answered without our wish")
	}
	can := with(func(l *Local) { l.RTCPMux = true })
	if d, _ := mustAnswer(t, mux, can); !d.Streams[0].RTCPMux {
		t.Error("rtcp-mux not answered")
	}
	if d, _ := mustAnswer(t, audio(t, "m=audio 4000 RTP/AVP 0"), can); d.Streams[0].RTCPMux {
		t.Error("rtcp-mux answered though not offered (RFC 5761 §5.1.1)")
	}
	for rtcp, want := range map[string]netip.AddrPort{
		"198.51.100.1:20001": {}, // the next port need not be said
		"198.51.100.1:20005": addrPort("198.51.100.1:20005"),
	} {
		d, _ := mustAnswer(t, audio(t, "m=audio 4000 RTP/AVP 0"), with(func(l *Local) { l.RTCP = addrPort(rtcp) }))
		if d.Streams[0].RTCP != want {
			t.Errorf("rtcp %v, want %v", d.Streams[0].RTCP, want)
		}
	}
}

// RFC 3264 §8: the version of o= grows by one with a change, and only then.
func TestVersionGrowsOnlyWithAChange(t *testing.T) {
	l := here
	step := func(what string, offer *media.Description, change func(*Local), wantVersion uint64) {
		t.Helper()
		if change != nil {
			change(&l)
		}
		d, _ := mustAnswer(t, offer, l)
		if d.SessionID != 42 || d.SessionVersion != wantVersion {
			t.Errorf("%s: o= %d %d, want 42 %d", what, d.SessionID, d.SessionVersion, wantVersion)
		}
		l.Last = d
	}
	plain := audio(t, "m=audio 4000 RTP/AVP 0")
	step("first", plain, nil, 1)
	step("the same again", plain, nil, 1)
	step("their address only", audio(t, "m=audio 4444 RTP/AVP 0"), nil, 1)
	step("held", audio(t, "m=audio 4000 RTP/AVP 0", "a=sendonly"), nil, 2)
	step("held still", audio(t, "m=audio 4000 RTP/AVP 0", "a=sendonly"), nil, 2)
	step("resumed", plain, nil, 3)
	step("we moved", plain, func(l *Local) { l.Addr = addrPort("198.51.100.1:20010") }, 4)
	step("they add video", audio(t, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 34"), nil, 5)

	o := Offer(l)
	if o.SessionID != 42 || o.SessionVersion != 6 {
		t.Errorf("our offer: o= %d %d, want 42 6", o.SessionID, o.SessionVersion)
	}
}

func TestNewSessionIDFitsASignedInt(t *testing.T) {
	seen := map[uint64]bool{}
	for range 100 {
		id := NewSessionID()
		if id == 0 || id > 1<<31 {
			t.Errorf("id %d", id)
		}
		seen[id] = true
	}
	if len(seen) < 99 {
		t.Errorf("%d different ids of 100", len(seen))
	}
}
