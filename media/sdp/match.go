package sdp

import (
	"fmt"
	"slices"

	"github.com/tandemswitch/tandem/media"
)

// Match says what an answer to our offer agrees on. The far end may number its
// formats differently from us: Send has its payload types, Receive ours
// (RFC 3264 §5.1).
//
// The error wraps ErrNoAudio when the answer refuses the stream, and
// media.ErrNoCodec when it names nothing that we offered.
func Match(offer, answer *media.Description) (media.Negotiated, error) {
	at := slices.IndexFunc(offer.Streams, func(s media.StreamDescription) bool { return s.Kind == "audio" && s.Addr.Port() != 0 })
	if at < 0 {
		return media.Negotiated{}, fmt.Errorf("sdp: %w in our offer", ErrNoAudio)
	}
	if at >= len(answer.Streams) {
		return media.Negotiated{}, fmt.Errorf("sdp: %w: answer has %d streams for our %d", ErrNoAudio, len(answer.Streams), len(offer.Streams))
	}
	ours, theirs := &offer.Streams[at], &answer.Streams[at]
	if !usable(theirs) {
		return media.Negotiated{}, fmt.Errorf("sdp: %w in the answer: stream %d is %s %s port %d",
			ErrNoAudio, at+1, theirs.Kind, theirs.Protocol, theirs.Addr.Port())
	}
	formats := named(theirs.Formats, ours.Formats)
	n := media.Negotiated{
		SendPTime:    sendPTime(theirs, ours.PTime),
		ReceivePTime: ours.PTime,
		Remote:       theirs.Addr,
		Direction:    meet(remoteDirection(theirs), ours.Direction),
	}
	if n.SendPTime == 0 {
		n.SendPTime = media.DefaultPTime
	}
	if n.ReceivePTime == 0 {
		n.ReceivePTime = media.DefaultPTime
	}
	for _, f := range formats {
		i := slices.IndexFunc(ours.Formats, f.Same)
		if isSound(f) && i >= 0 {
			n.Send, n.Receive = f, ours.Formats[i]
			break
		}
	}
	if n.Send.IsZero() {
		return media.Negotiated{}, noCodec(ours.Formats, formats)
	}
	if event := pickEvent(formats, n.Send); !event.IsZero() {
		if i := slices.IndexFunc(ours.Formats, event.Same); i >= 0 {
			n.EventSend, n.EventReceive = event, ours.Formats[i]
		}
	}
	return n, nil
}

// named gives dynamic types without an rtpmap the meaning our offer gave them:
// some answers leave the map away when the number is the same.
func named(answered, offered []media.Format) []media.Format {
	formats := slices.Clone(answered)
	for i, f := range formats {
		if !f.IsZero() {
			continue
		}
		for _, o := range offered {
			if o.PayloadType == f.PayloadType {
				o.FMTP = f.FMTP
				formats[i] = o
			}
		}
	}
	return formats
}
