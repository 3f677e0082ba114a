package core

import (
	"strings"
	"time"
)

// CallerProfile is who calls and what was dialed: FreeSWITCH's caller profile.
// It is a plain value.
type CallerProfile struct {
	Username          string    `json:"username,omitempty"`
	Dialplan          string    `json:"dialplan"`
	CallerIDName      string    `json:"caller_id_name,omitempty"`
	CallerIDNumber    string    `json:"caller_id_number,omitempty"`
	CalleeIDName      string    `json:"callee_id_name,omitempty"`
	CalleeIDNumber    string    `json:"callee_id_number,omitempty"`
	ANI               string    `json:"ani,omitempty"`
	ANIII             string    `json:"aniii,omitempty"`
	NetworkAddr       string    `json:"network_addr,omitempty"`
	RDNIS             string    `json:"rdnis,omitempty"`
	DestinationNumber string    `json:"destination_number"`
	Source            string    `json:"source,omitempty"` // endpoint module: mod_sofia, mod_loopback
	TransferSource    string    `json:"transfer_source,omitempty"`
	Context           string    `json:"context"`
	ChanName          string    `json:"chan_name,omitempty"`
	UUID              ChannelID `json:"uuid,omitempty"`
	ProfileIndex      int       `json:"profile_index"`
}

// Field returns a field by FreeSWITCH's name, ignoring case, and whether there
// is such a field.
func (p *CallerProfile) Field(name string) (string, bool) {
	if f := p.field(name); f != nil {
		return *f, true
	}
	switch strings.ToLower(name) {
	case "uuid":
		return string(p.UUID), true
	case "profile_index":
		return itoa(p.ProfileIndex), true
	case "orig_caller_id_name":
		return p.CallerIDName, true
	case "orig_caller_id_number":
		return p.CallerIDNumber, true
	}
	return "", false
}

// SetField sets a field by name; false if there is none or it is read-only.
func (p *CallerProfile) SetField(name, value string) bool {
	f := p.field(name)
	if f == nil {
		return false
	}
	*f = value
	return true
}

func (p *CallerProfile) field(name string) *string {
	switch strings.ToLower(name) {
	case "username":
		return &p.Username
	case "dialplan":
		return &p.Dialplan
	case "caller_id_name":
		return &p.CallerIDName
	case "caller_id_number":
		return &p.CallerIDNumber
	case "callee_id_name":
		return &p.CalleeIDName
	case "callee_id_number":
		return &p.CalleeIDNumber
	case "ani":
		return &p.ANI
	case "aniii":
		return &p.ANIII
	case "network_addr":
		return &p.NetworkAddr
	case "rdnis":
		return &p.RDNIS
	case "destination_number":
		return &p.DestinationNumber
	case "source":
		return &p.Source
	case "transfer_source":
		return &p.TransferSource
	case "context":
		return &p.Context
	case "chan_name":
		return &p.ChanName
	}
	return nil
}

// Times are the moments of one channel; zero where it never came so far.
type Times struct {
	Created       time.Time `json:"created"`
	Progress      time.Time `json:"progress,omitzero"`
	ProgressMedia time.Time `json:"progress_media,omitzero"`
	Answered      time.Time `json:"answered,omitzero"`
	Bridged       time.Time `json:"bridged,omitzero"`
	Hold          time.Time `json:"hold,omitzero"`
	Transferred   time.Time `json:"transferred,omitzero"`
	Ended         time.Time `json:"ended,omitzero"`
}
