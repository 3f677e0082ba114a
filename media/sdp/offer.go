package sdp

import (
	"slices"

	"github.com/tandemswitch/tandem/media"
)

// Offer describes what we would like (RFC 3264 §5): one audio stream with every
// allowed format in our order, preferred ones first, and telephone-event once
// per clock rate.
//
// In a dialog (l.Last set) it keeps the number and order of streams, the
// refused ones refused, and never gives a payload type a new meaning
// (RFC 3264 §8).
func Offer(l Local) *media.Description {
	d, at := l.frame()
	s := &d.Streams[at]
	s.Kind, s.Addr, s.RTCP, s.RTCPMux = "audio", l.Addr, l.rtcp(), l.RTCPMux
	s.Direction, s.PTime = l.Policy.Direction, l.ptime()
	if s.Protocol == "" {
		s.Protocol = "RTP/AVP"
	}

	types := l.typesInUse(at)
	for _, f := range l.wanted() {
		s.Formats = types.add(s.Formats, f)
	}
	if l.Policy.NoTelephoneEvent {
		l.stamp(d)
		return d
	}
	var clocks []int
	for _, f := range s.Formats {
		if !slices.Contains(clocks, f.ClockHz) {
			clocks = append(clocks, f.ClockHz)
		}
	}
	for _, hz := range clocks {
		s.Formats = types.add(s.Formats, media.Format{Name: media.TelephoneEvent, ClockHz: hz, Channels: 1, FMTP: eventFMTP})
	}
	l.stamp(d)
	return d
}

// frame makes the streams of an offer and says which is the audio one, still
// empty but for its protocol.
func (l *Local) frame() (*media.Description, int) {
	d := &media.Description{}
	if l.Last == nil {
		d.Streams = make([]media.StreamDescription, 1)
		return d, 0
	}
	at := audioIndex(l.Last)
	for i, s := range l.Last.Streams {
		if i == at {
			d.Streams = append(d.Streams, media.StreamDescription{Protocol: s.Protocol})
		} else {
			d.Streams = append(d.Streams, refuse(s))
		}
	}
	if at < 0 {
		at = len(d.Streams)
		d.Streams = append(d.Streams, media.StreamDescription{})
	}
	return d, at
}

// audioIndex is the audio stream that a new offer goes on with: the one in use,
// else a refused one, which may be taken up again (RFC 3264 §8.1); -1 if none.
func audioIndex(d *media.Description) int {
	refused := -1
	for i := range d.Streams {
		s := d.Streams[i]
		if usable(&s) {
			return i
		}
		if s.Kind == "audio" && refused < 0 && isRTP(s.Protocol) {
			refused = i
		}
	}
	return refused
}

// payloadTypes gives out numbers. A number keeps its meaning for the whole
// dialog (RFC 3264 §8.3.2).
type payloadTypes struct {
	known []media.Format // from earlier descriptions, and given out already
}

func (l *Local) typesInUse(at int) *payloadTypes {
	if l.Last == nil || at >= len(l.Last.Streams) {
		return &payloadTypes{}
	}
	return &payloadTypes{known: slices.Clone(l.Last.Streams[at].Formats)}
}

// add appends f under the payload type to use for it; without one left over, f
// is not offered.
func (p *payloadTypes) add(list []media.Format, f media.Format) []media.Format {
	pt, ok := p.number(f)
	if !ok {
		return list
	}
	f.PayloadType, f.Channels = pt, max(f.Channels, 1)
	p.known = append(p.known, f)
	return append(list, f)
}

// number finds a payload type: the one f had, its static one, the usual one,
// the one it wishes, or the next that is free.
func (p *payloadTypes) number(f media.Format) (uint8, bool) {
	if pt, ok := p.of(f); ok {
		return pt, true
	}
	if pt, ok := staticPayloadType(f); ok && p.free(pt) {
		return pt, true
	}
	if isEvent(f) && f.ClockHz == 8000 && p.free(eventPayloadType) {
		return eventPayloadType, true
	}
	if wish := f.PayloadType; wish >= dynamicFirst && wish != eventPayloadType && p.free(wish) {
		return wish, true
	}
	for pt := uint8(dynamicFirst); pt <= dynamicLast; pt++ {
		if pt != eventPayloadType && p.free(pt) {
			return pt, true
		}
	}
	return 0, false
}

func (p *payloadTypes) of(f media.Format) (uint8, bool) {
	i := slices.IndexFunc(p.known, f.Same)
	if i < 0 {
		return 0, false
	}
	return p.known[i].PayloadType, true
}

func (p *payloadTypes) free(pt uint8) bool {
	return pt <= dynamicLast && !slices.ContainsFunc(p.known, func(f media.Format) bool { return f.PayloadType == pt })
}
