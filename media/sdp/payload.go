package sdp

import (
	"strings"

	"github.com/tandemswitch/tandem/media"
)

// staticTable holds the payload types that need no rtpmap (RFC 3551 §6, tables
// 4 and 5), and 19, which was comfort noise before 13 was.
var staticTable = []media.Format{
	{PayloadType: 0, Name: "PCMU", ClockHz: 8000, Channels: 1},
	{PayloadType: 3, Name: "GSM", ClockHz: 8000, Channels: 1},
	{PayloadType: 4, Name: "G723", ClockHz: 8000, Channels: 1},
	{PayloadType: 5, Name: "DVI4", ClockHz: 8000, Channels: 1},
	{PayloadType: 6, Name: "DVI4", ClockHz: 16000, Channels: 1},
	{PayloadType: 7, Name: "LPC", ClockHz: 8000, Channels: 1},
	{PayloadType: 8, Name: "PCMA", ClockHz: 8000, Channels: 1},
	{PayloadType: 9, Name: "G722", ClockHz: 8000, Channels: 1},
	{PayloadType: 10, Name: "L16", ClockHz: 44100, Channels: 2},
	{PayloadType: 11, Name: "L16", ClockHz: 44100, Channels: 1},
	{PayloadType: 12, Name: "QCELP", ClockHz: 8000, Channels: 1},
	{PayloadType: 13, Name: "CN", ClockHz: 8000, Channels: 1},
	{PayloadType: 14, Name: "MPA", ClockHz: 90000, Channels: 1},
	{PayloadType: 15, Name: "G728", ClockHz: 8000, Channels: 1},
	{PayloadType: 16, Name: "DVI4", ClockHz: 11025, Channels: 1},
	{PayloadType: 17, Name: "DVI4", ClockHz: 22050, Channels: 1},
	{PayloadType: 18, Name: "G729", ClockHz: 8000, Channels: 1},
	{PayloadType: 19, Name: "CN", ClockHz: 8000, Channels: 1},
	{PayloadType: 25, Name: "CelB", ClockHz: 90000, Channels: 1},
	{PayloadType: 26, Name: "JPEG", ClockHz: 90000, Channels: 1},
	{PayloadType: 28, Name: "nv", ClockHz: 90000, Channels: 1},
	{PayloadType: 31, Name: "H261", ClockHz: 90000, Channels: 1},
	{PayloadType: 32, Name: "MPV", ClockHz: 90000, Channels: 1},
	{PayloadType: 33, Name: "MP2T", ClockHz: 90000, Channels: 1},
	{PayloadType: 34, Name: "H263", ClockHz: 90000, Channels: 1},
}

// dynamicFirst and dynamicLast bound the payload types that an rtpmap gives a
// meaning to (RFC 3551 §3).
const (
	dynamicFirst = 96
	dynamicLast  = 127
)

// eventPayloadType is what nearly everybody uses for telephone-event at 8000 Hz.
const eventPayloadType = 101

// staticFormat is the meaning of a payload type without rtpmap; for one that
// has none the name is empty.
func staticFormat(pt uint8) media.Format {
	for _, f := range staticTable {
		if f.PayloadType == pt {
			return f
		}
	}
	return media.Format{PayloadType: pt}
}

// staticPayloadType returns the static type of a format.
func staticPayloadType(f media.Format) (pt uint8, ok bool) {
	for _, s := range staticTable {
		if s.Same(f) {
			return s.PayloadType, true
		}
	}
	return 0, false
}

// isEvent says whether f is telephone-event (RFC 4733).
func isEvent(f media.Format) bool { return strings.EqualFold(f.Name, media.TelephoneEvent) }

// isSound says whether f is a codec with a name.
func isSound(f media.Format) bool { return !f.IsZero() && f.IsAudio() }
