package phone

import (
	"fmt"
	"strconv"
)

// request writes a request of a call, with its present target, tags, CSeq and branch.
func (a *Agent) request(c *call, method string) []byte {
	b := make([]byte, 0, 1024)
	b = a.head(b, c, method)
	for _, h := range c.creds {
		if method == c.method {
			b = appendHeader(b, h.Name, h.Value)
		}
	}
	var sdp []byte
	switch method {
	case "INVITE":
		sdp = a.describe(c.media)
	case "REGISTER":
		b = appendHeader(b, "Expires", "3600")
	}
	return appendBody(b, sdp)
}

// cancel writes the CANCEL of a call's INVITE, which has its branch and CSeq number (RFC 3261 §9.1).
func (a *Agent) cancel(c *call) []byte {
	return appendBody(a.head(make([]byte, 0, 512), c, "CANCEL"), nil)
}

func (a *Agent) head(b []byte, c *call, method string) []byte {
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, c.target...)
	b = append(b, " SIP/2.0\r\nVia: SIP/2.0/UDP "...)
	b = a.local.AppendTo(b)
	b = append(b, ";rport;branch=z9hG4bK"...)
	b = append(b, c.branch...)
	b = append(b, "\r\nMax-Forwards: 70\r\nFrom: "...)
	b = append(b, c.from...)
	b = append(b, "\r\nTo: "...)
	b = append(b, c.to...)
	b = append(b, "\r\nCall-ID: "...)
	b = append(b, c.id...)
	b = append(b, "\r\nCSeq: "...)
	b = strconv.AppendUint(b, uint64(c.cseq), 10)
	b = append(b, ' ')
	b = append(b, method...)
	b = append(b, "\r\n"...)
	if method == "INVITE" || method == "REGISTER" {
		b = a.appendContact(b, user(uri([]byte(c.from))))
	}
	return b
}

func (a *Agent) appendContact(b []byte, user string) []byte {
	b = append(b, "Contact: <sip:"...)
	b = append(b, user...)
	b = append(b, '@')
	b = a.local.AppendTo(b)
	return append(b, ">\r\n"...)
}

// reply writes a response. localTag is added to the To of a request that
// has no tag there yet.
func (a *Agent) reply(m *message, status int, reason, localTag string, sdp []byte) []byte {
	b := make([]byte, 0, 1024)
	b = append(b, "SIP/2.0 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, reason...)
	b = append(b, "\r\n"...)
	for _, via := range m.vias {
		b = append(b, "Via: "...)
		b = append(b, via...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "From: "...)
	b = append(b, m.from...)
	b = append(b, "\r\nTo: "...)
	b = append(b, m.to...)
	if tag(m.to) == "" {
		if localTag == "" {
			localTag = a.next()
		}
		b = append(b, ";tag="...)
		b = append(b, localTag...)
	}
	b = append(b, "\r\nCall-ID: "...)
	b = append(b, m.callID...)
	b = append(b, "\r\nCSeq: "...)
	b = strconv.AppendUint(b, uint64(m.cseq), 10)
	b = append(b, ' ')
	b = append(b, m.cseqMethod...)
	b = append(b, "\r\n"...)
	if m.method == "INVITE" && status < 300 {
		b = a.appendContact(b, user(uri(m.to)))
	}
	return appendBody(b, sdp)
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func appendBody(b, sdp []byte) []byte {
	if len(sdp) > 0 {
		b = append(b, "Content-Type: application/sdp\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(sdp)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, sdp...)
}

// describe writes the SDP of a call. One without sound gets the discard port (RFC 863).
func (a *Agent) describe(m Media) []byte {
	host, port := a.local.Addr(), uint16(9)
	if m != nil {
		host, port = m.Addr().Addr(), m.Addr().Port()
	}
	name := "PCMU"
	if a.cfg.PayloadType == 8 {
		name = "PCMA"
	}
	return fmt.Appendf(nil, "v=0\r\no=- %d 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP %d\r\na=rtpmap:%d %s/8000\r\na=ptime:20\r\n",
		port, host, host, port, a.cfg.PayloadType, a.cfg.PayloadType, name)
}
