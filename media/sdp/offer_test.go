package sdp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tandemswitch/tandem/media"
)

// list is the formats of a stream as "0=PCMU/8000 …".
func list(s media.StreamDescription) string {
	var out []string
	for _, f := range s.Formats {
		out = append(out, fmt.Sprintf("%d=%v", f.PayloadType, f))
	}
	return strings.Join(out, " ")
}

func TestOffer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Local)
		want   string
	}{
		{"our codecs", nil, "9=G722/8000 8=PCMA/8000 0=PCMU/8000 101=telephone-event/8000"},
		{"policy", func(l *Local) { l.Policy.Formats = []media.Format{pcmu, pcmu} }, "0=PCMU/8000 101=telephone-event/8000"},
		{"preferred in front", func(l *Local) { l.Policy.Prefer = []media.Format{pcmu, opus} }, "0=PCMU/8000 9=G722/8000 8=PCMA/8000 101=telephone-event/8000"},
		{"pass-through behind", func(l *Local) {
			l.Policy.Formats, l.Policy.PassThrough = []media.Format{pcma}, []media.Format{format(0, "G729", 8000)}
		}, "8=PCMA/8000 18=G729/8000 101=telephone-event/8000"},
		{"an event per clock", func(l *Local) { l.Policy.Formats = []media.Format{opus, pcma, g722} },
			"96=opus/48000/2 8=PCMA/8000 9=G722/8000 97=telephone-event/48000 101=telephone-event/8000"},
		{"no events", func(l *Local) { l.Policy.Formats, l.Policy.NoTelephoneEvent = []media.Format{pcma}, true }, "8=PCMA/8000"},
		{"dynamic types do not collide", func(l *Local) {
			l.Policy.Formats = []media.Format{opus, format(96, "L16", 8000), format(101, "iLBC", 8000), format(110, "AMR", 8000)}
		}, "96=opus/48000/2 97=L16/8000 98=iLBC/8000 110=AMR/8000 99=telephone-event/48000 101=telephone-event/8000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := here
			if tt.change != nil {
				tt.change(&l)
			}
			d := Offer(l)
			roundTrip(t, d)
			if got := list(d.Streams[0]); got != tt.want {
				t.Errorf("formats %s, want %s", got, tt.want)
			}
			if s := d.Streams[0]; s.Addr != here.Addr || s.PTime != 20*time.Millisecond || s.Protocol != "RTP/AVP" || d.SessionVersion != 1 {
				t.Errorf("offer %+v", d)
			}
		})
	}
}

func TestOfferRunsOutOfPayloadTypesGracefully(t *testing.T) {
	l := here
	for i := range 100 {
		l.Policy.Formats = append(l.Policy.Formats, media.Format{Name: fmt.Sprintf("X%d", i), ClockHz: 8000})
	}
	d := Offer(l)
	roundTrip(t, d)
	if n := len(d.Streams[0].Formats); n != 32 {
		t.Errorf("%d formats, want 32", n)
	}
}

// RFC 3264 §8: a later offer keeps streams and payload types.
func TestOfferInADialog(t *testing.T) {
	l := with(func(l *Local) { l.Codecs = []media.Format{opus, pcmu} })
	answer, _ := mustAnswer(t, audio(t,
		"m=video 4000 RTP/AVP 34",
		"m=audio 4002 RTP/AVP 120 101", "a=rtpmap:120 opus/48000/2", "a=rtpmap:101 telephone-event/48000"), l)
	l.Last = answer
	l.Policy.Direction = media.SendOnly
	d := Offer(l)
	roundTrip(t, d)
	if len(d.Streams) != 2 || d.Streams[0].Kind != "video" || d.Streams[0].Addr.Port() != 0 {
		t.Fatalf("streams %+v, want the refused video first", d.Streams)
	}
	if got, want := list(d.Streams[1]), "120=opus/48000/2 0=PCMU/8000 101=telephone-event/48000 96=telephone-event/8000"; got != want {
		t.Errorf("formats %s, want %s", got, want)
	}
	if d.Streams[1].Direction != media.SendOnly || d.SessionVersion != 2 {
		t.Errorf("direction %v, version %d", d.Streams[1].Direction, d.SessionVersion)
	}
	l.Last = d
	if again := Offer(l); again.SessionVersion != 2 {
		t.Errorf("version %d of the same offer, want 2", again.SessionVersion)
	}
}

func TestOfferTakesUpARefusedStream(t *testing.T) {
	l := here
	l.Last = &media.Description{SessionID: 1, SessionVersion: 1, Streams: []media.StreamDescription{
		{Kind: "video", Protocol: "RTP/AVP"}, {Kind: "audio", Protocol: "RTP/AVP", Formats: []media.Format{pcmu}},
	}}
	if d := Offer(l); len(d.Streams) != 2 || d.Streams[1].Addr != here.Addr {
		t.Errorf("streams %+v, want the audio one again", d.Streams)
	}
	l.Last = &media.Description{SessionID: 1, SessionVersion: 1, Streams: []media.StreamDescription{{Kind: "image", Protocol: "udptl", RawFormats: []string{"t38"}}}}
	if d := Offer(l); len(d.Streams) != 2 || d.Streams[1].Kind != "audio" || d.Streams[1].Protocol != "RTP/AVP" || d.Streams[0].Addr.Port() != 0 {
		t.Errorf("streams %+v, want an audio one added", d.Streams)
	}
}

func TestMatch(t *testing.T) {
	l := with(func(l *Local) { l.Codecs = []media.Format{opus, pcma, pcmu} })
	offer := Offer(l) // 96 opus, 8, 0, 97 event/48000, 101 event/8000
	tests := []struct {
		name   string
		answer []string
		want   media.Negotiated
	}{
		{"plain", []string{"m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16"}, media.Negotiated{
			Send: pcma, Receive: pcma, EventSend: withFMTP(event, "0-16"), EventReceive: event,
		}},
		{"their own payload types", []string{"m=audio 4000 RTP/AVP 116 117", "a=rtpmap:116 OPUS/48000/2", "a=rtpmap:117 telephone-event/48000"}, media.Negotiated{
			Send:    media.Format{Name: "OPUS", PayloadType: 116, ClockHz: 48000, Channels: 2},
			Receive: opus, EventSend: format(117, "telephone-event", 48000), EventReceive: withFMTP(format(97, "telephone-event", 48000), "0-15"),
		}},
		{"no rtpmap for our dynamic types", []string{"m=audio 4000 RTP/AVP 96 97", "a=fmtp:96 stereo=0"}, media.Negotiated{
			Send: withFMTP(opus, "stereo=0"), Receive: opus, EventSend: format(97, "telephone-event", 48000), EventReceive: withFMTP(format(97, "telephone-event", 48000), "0-15"),
		}},
		{"several codecs: the first", []string{"m=audio 4000 RTP/AVP 18 0 8"}, media.Negotiated{Send: pcmu, Receive: pcmu}},
		{"their ptime and limit", []string{"m=audio 4000 RTP/AVP 0", "a=ptime:40", "a=maxptime:30"}, media.Negotiated{
			Send: pcmu, Receive: pcmu, SendPTime: 30 * time.Millisecond,
		}},
		{"they hold", []string{"m=audio 4000 RTP/AVP 0", "a=sendonly"}, media.Negotiated{Send: pcmu, Receive: pcmu, Direction: media.RecvOnly}},
		{"they only listen", []string{"m=audio 4000 RTP/AVP 0", "a=recvonly"}, media.Negotiated{Send: pcmu, Receive: pcmu, Direction: media.SendOnly}},
		{"held the old way", []string{"m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"}, media.Negotiated{
			Send: pcmu, Receive: pcmu, Direction: media.RecvOnly, Remote: addrPort("0.0.0.0:4000"),
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Match(offer, audio(t, tt.answer...))
			if err != nil {
				t.Fatal(err)
			}
			if !tt.want.Remote.IsValid() {
				tt.want.Remote = addrPort("192.0.2.1:4000")
			}
			if tt.want.SendPTime == 0 {
				tt.want.SendPTime = 20 * time.Millisecond
			}
			tt.want.ReceivePTime = 20 * time.Millisecond
			if diff := cmp.Diff(tt.want, got, sameDescription); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestMatchRefuses(t *testing.T) {
	offer := Offer(here)
	for _, tt := range []struct {
		answer []string
		want   error
	}{
		{nil, ErrNoAudio},
		{[]string{"m=audio 0 RTP/AVP 0"}, ErrNoAudio},
		{[]string{"m=video 4000 RTP/AVP 34"}, ErrNoAudio},
		{[]string{"m=audio 4000 RTP/SAVP 0"}, ErrNoAudio},
		{[]string{"m=audio 4000 RTP/AVP 18"}, media.ErrNoCodec},
		{[]string{"m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"}, media.ErrNoCodec},
	} {
		if n, err := Match(offer, audio(t, tt.answer...)); !errors.Is(err, tt.want) {
			t.Errorf("Match(%q) = %+v, %v, want %v", tt.answer, n, err, tt.want)
		}
	}
	if _, err := Match(&media.Description{}, offer); !errors.Is(err, ErrNoAudio) {
		t.Errorf("Match of an empty offer: %v, want %v", err, ErrNoAudio)
	}
}

// Both halves agree with each other: what we answer to our own offer is what
// the offering side reads out of it.
func TestOfferAnswerMatchAgree(t *testing.T) {
	for _, d := range []media.Direction{media.SendRecv, media.SendOnly, media.RecvOnly, media.Inactive} {
		a := with(func(l *Local) {
			l.Codecs, l.Policy.Direction = []media.Format{opus, pcma}, d
		})
		b := with(func(l *Local) {
			l.Addr, l.Codecs, l.Policy.Order = addrPort("203.0.113.9:30000"), []media.Format{pcma, opus}, OrderGreedy
		})
		offer := Offer(a)
		answer, nb := mustAnswer(t, offer, b)
		na, err := Match(offer, answer)
		if err != nil {
			t.Fatal(err)
		}
		if na.Send != nb.Receive || na.Receive != nb.Send || na.EventSend != nb.EventReceive || na.Direction != nb.Direction.Reverse() {
			t.Errorf("%v: offerer %+v, answerer %+v", d, na, nb)
		}
		if na.Send.Name != "PCMA" || na.Remote != b.Addr || nb.Remote != a.Addr {
			t.Errorf("%v: offerer %+v, answerer %+v", d, na, nb)
		}
	}
}
