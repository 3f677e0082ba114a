package media

import (
	"fmt"
	"strings"
	"time"
)

// Names of the formats the switch itself speaks. Comparisons ignore case, as in
// SDP encoding names (RFC 8866 §6.6).
const (
	PCMU           = "PCMU"
	PCMA           = "PCMA"
	G722           = "G722"
	L16            = "L16"
	Opus           = "opus"
	TelephoneEvent = "telephone-event" // RFC 4733
	ComfortNoise   = "CN"              // RFC 3389
)

// Format is a codec with its clock, channels and parameters, under the payload
// type one side uses for it.
type Format struct {
	Name        string `json:"name"`           // encoding name, e.g. "PCMU"
	PayloadType uint8  `json:"pt"`             // 0…127
	ClockHz     int    `json:"clock_hz"`       // RTP timestamp clock; G.722 says 8000 and samples at 16000 (RFC 3551 §4.5.2)
	Channels    int    `json:"channels"`       // 1 or 2; 0 is read as 1
	FMTP        string `json:"fmtp,omitempty"` // a=fmtp text, without the payload type
}

// Same reports whether f and g name the same codec, clock and channel count;
// payload types and fmtp are not compared.
func (f Format) Same(g Format) bool {
	return strings.EqualFold(f.Name, g.Name) && f.ClockHz == g.ClockHz && max(f.Channels, 1) == max(g.Channels, 1)
}

// IsAudio reports whether f carries sound: neither telephone-event nor comfort noise.
func (f Format) IsAudio() bool {
	return !strings.EqualFold(f.Name, TelephoneEvent) && !strings.EqualFold(f.Name, ComfortNoise)
}

// IsZero reports whether f is unset.
func (f Format) IsZero() bool { return f.Name == "" }

// SampleRateHz is the rate of the decoded audio.
func (f Format) SampleRateHz() int {
	if strings.EqualFold(f.Name, G722) {
		return 16000 // RFC 3551 §4.5.2: the clock rate is historical
	}
	return f.ClockHz
}

// String is the form of FreeSWITCH's codec strings: PCMU/8000 or opus/48000/2.
func (f Format) String() string {
	if f.Channels > 1 {
		return fmt.Sprintf("%s/%d/%d", f.Name, f.ClockHz, f.Channels)
	}
	return fmt.Sprintf("%s/%d", f.Name, f.ClockHz)
}

// DefaultPTime is the packet time where nobody says otherwise (RFC 3551 §4.2).
const DefaultPTime = 20 * time.Millisecond
