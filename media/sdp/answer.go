package sdp

import (
	"fmt"
	"slices"

	"github.com/tandemswitch/tandem/media"
)

// Answer answers an offer (RFC 3264 §6) and says what was agreed. It has one
// stream for each of the offer's, in order: the first audio stream that we
// share a format with is taken, all others are refused. The answer names one
// codec and, if both sides want it, telephone-event, under the offerer's
// payload types.
//
// The error wraps media.ErrNoCodec when formats are missing, or ErrNoAudio;
// either is a 488 for the offer. offer is not changed and shares nothing with
// the answer.
func Answer(offer *media.Description, l Local) (*media.Description, media.Negotiated, error) {
	var offered []media.Format
	for i := range offer.Streams {
		s := &offer.Streams[i]
		if !usable(s) {
			continue
		}
		codec, ours, ok := l.choose(s.Formats)
		if !ok {
			offered = append(offered, s.Formats...)
			continue
		}
		answer, agreed := l.accept(s, codec, ours)
		d := &media.Description{Streams: make([]media.StreamDescription, 0, len(offer.Streams))}
		for j := range offer.Streams {
			if j == i {
				d.Streams = append(d.Streams, answer)
			} else {
				d.Streams = append(d.Streams, refuse(offer.Streams[j]))
			}
		}
		l.stamp(d)
		return d, agreed, nil
	}
	if offered == nil {
		return nil, media.Negotiated{}, fmt.Errorf("sdp: %w offered", ErrNoAudio)
	}
	return nil, media.Negotiated{}, noCodec(offered, l.allowed())
}

// choose picks the codec: as it was offered, and as we know it.
func (l *Local) choose(offered []media.Format) (theirs, ours media.Format, ok bool) {
	find := func(list []media.Format, f media.Format) (media.Format, bool) {
		i := slices.IndexFunc(list, func(g media.Format) bool { return isSound(g) && g.Same(f) })
		if i < 0 {
			return media.Format{}, false
		}
		return list[i], true
	}
	allowed := l.allowed()
	for _, f := range l.Policy.Prefer {
		if theirs, ok = find(offered, f); ok {
			if ours, ok = find(allowed, f); ok {
				return theirs, ours, true
			}
		}
	}
	if l.Policy.Order == OrderScrooge || l.Policy.Order == OrderGreedy && l.Last == nil {
		for _, ours = range allowed {
			if theirs, ok = find(offered, ours); ok {
				return theirs, ours, true
			}
		}
		return theirs, ours, false
	}
	for _, theirs = range offered {
		if ours, ok = find(allowed, theirs); ok {
			return theirs, ours, true
		}
	}
	return theirs, ours, false
}

// accept builds our side of the stream that was chosen.
func (l *Local) accept(s *media.StreamDescription, theirs, ours media.Format) (media.StreamDescription, media.Negotiated) {
	receive := theirs // the same number for both directions (RFC 3264 §6.1)
	if receive.FMTP = ours.FMTP; l.passesThrough(ours) {
		receive.FMTP = theirs.FMTP // not ours to decide: the other leg speaks it
	}
	a := media.StreamDescription{
		Kind:      s.Kind,
		Protocol:  s.Protocol,
		Addr:      l.Addr,
		RTCP:      l.rtcp(),
		RTCPMux:   s.RTCPMux && l.RTCPMux,
		Formats:   []media.Format{receive},
		Direction: meet(remoteDirection(s), l.Policy.Direction),
		PTime:     sendPTime(s, l.ptime()),
	}
	n := media.Negotiated{
		Send:         theirs,
		Receive:      receive,
		SendPTime:    a.PTime,
		ReceivePTime: a.PTime,
		Remote:       s.Addr,
		Direction:    a.Direction,
	}
	if event := pickEvent(s.Formats, theirs); !event.IsZero() && !l.Policy.NoTelephoneEvent {
		n.EventSend, n.EventReceive = event, event
		n.EventReceive.FMTP = eventFMTP
		a.Formats = append(a.Formats, n.EventReceive)
	}
	return a, n
}

// passesThrough says whether a format is allowed only to be relayed.
func (l *Local) passesThrough(f media.Format) bool {
	own := l.Policy.Formats
	if len(own) == 0 {
		own = l.Codecs
	}
	return !slices.ContainsFunc(own, f.Same)
}
