package sdp

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	pion "github.com/pion/sdp/v3"

	"github.com/tandemswitch/tandem/media"
)

// Marshal writes a description. Every RTP format with a name gets its rtpmap,
// also the static ones, as many phones want it. Line ends inside texts are
// turned into spaces, so no text can add a line.
func Marshal(d *media.Description) []byte {
	origin := d.OriginAddr
	sessionConn, hasConn := sharedConnection(d)
	if !origin.IsValid() {
		origin = sessionConn.addr
	}
	if !origin.IsValid() {
		origin = netip.IPv4Unspecified()
	}
	p := pion.SessionDescription{
		Origin: pion.Origin{
			Username:       orDash(strings.Join(strings.Fields(d.Origin), " ")),
			SessionID:      d.SessionID,
			SessionVersion: d.SessionVersion,
			NetworkType:    "IN",
			AddressType:    addressType(origin),
			UnicastAddress: origin.String(),
		},
		SessionName:      pion.SessionName(orDash(oneLine(d.SessionName))), // RFC 8866 §5.3: never empty
		TimeDescriptions: []pion.TimeDescription{{}},
		Attributes:       attributes(d.Attributes),
	}
	if hasConn {
		p.ConnectionInformation = sessionConn.pion()
	}
	for i := range d.Streams {
		p.MediaDescriptions = append(p.MediaDescriptions, marshalStream(&d.Streams[i], sessionConn))
	}
	text, _ := p.Marshal() // pion's writer has no way to fail
	return text
}

// sharedConnection is what the session's c= line says: the address of the
// first stream that has one. Old phones look nowhere else.
func sharedConnection(d *media.Description) (connection, bool) {
	for i := range d.Streams {
		if s := &d.Streams[i]; s.Addr.Port() != 0 {
			return connectionOf(s), true
		}
	}
	return connection{addr: d.OriginAddr}, d.OriginAddr.IsValid()
}

func connectionOf(s *media.StreamDescription) connection {
	if s.Addr.Addr().IsValid() {
		return connection{addr: s.Addr.Addr().Unmap()}
	}
	if s.Host != "" {
		return connection{host: oneLine(s.Host)}
	}
	return connection{addr: netip.IPv4Unspecified()}
}

func (c connection) pion() *pion.ConnectionInformation {
	text := c.host
	if c.addr.IsValid() {
		text = c.addr.String()
	}
	return &pion.ConnectionInformation{NetworkType: "IN", AddressType: addressType(c.addr), Address: &pion.Address{Address: text}}
}

func addressType(a netip.Addr) string {
	if a.Is6() {
		return "IP6"
	}
	return "IP4"
}

// marshalStream writes one m= line and what belongs to it.
func marshalStream(s *media.StreamDescription, session connection) *pion.MediaDescription {
	m := &pion.MediaDescription{MediaName: pion.MediaName{
		Media:   oneWord(s.Kind),
		Port:    pion.RangedPort{Value: int(s.Addr.Port())},
		Protos:  []string{oneWord(s.Protocol)},
		Formats: formatList(s),
	}}
	if s.Addr.Port() != 0 {
		if c := connectionOf(s); c != session {
			m.ConnectionInformation = c.pion()
		}
	}
	add := func(name, value string) { m.Attributes = append(m.Attributes, pion.NewAttribute(name, value)) }
	for _, f := range s.Formats {
		pt := strconv.Itoa(int(f.PayloadType))
		if !f.IsZero() {
			add("rtpmap", pt+" "+oneWord(f.String()))
		}
		if f.FMTP != "" {
			add("fmtp", pt+" "+oneLine(f.FMTP))
		}
	}
	if s.PTime > 0 {
		add("ptime", milliseconds(s.PTime))
	}
	if s.MaxPTime > 0 {
		add("maxptime", milliseconds(s.MaxPTime))
	}
	if s.RTCP.IsValid() {
		value := strconv.Itoa(int(s.RTCP.Port()))
		if a := s.RTCP.Addr().Unmap(); a != s.Addr.Addr() {
			value += " IN " + addressType(a) + " " + a.String()
		}
		add("rtcp", value)
	}
	if s.RTCPMux {
		add("rtcp-mux", "")
	}
	for _, c := range s.Crypto {
		add("crypto", oneLine(c))
	}
	m.Attributes = append(m.Attributes, attributes(s.Attributes)...)
	if isRTP(s.Protocol) && s.Addr.Port() != 0 || s.Direction != media.SendRecv {
		add(s.Direction.String(), "")
	}
	return m
}

// formatList is the list on the m= line, which must not be empty.
func formatList(s *media.StreamDescription) []string {
	var list []string
	for _, f := range s.Formats {
		list = append(list, strconv.Itoa(int(f.PayloadType)))
	}
	for _, f := range s.RawFormats {
		list = append(list, oneWord(f))
	}
	if len(list) == 0 {
		list = []string{"0"}
	}
	return list
}

func attributes(list []media.Attribute) []pion.Attribute {
	var out []pion.Attribute
	for _, a := range list {
		out = append(out, pion.NewAttribute(oneLine(a.Name), oneLine(a.Value)))
	}
	return out
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64)
}

// oneLine replaces what would end a line.
func oneLine(s string) string {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r", " "), "\n", " ")
}

// oneWord also leaves out what would end a field.
func oneWord(s string) string { return orDash(strings.Join(strings.Fields(s), "")) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
