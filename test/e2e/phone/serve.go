package phone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reasons are the phrases a phone writes.
var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 199: "Early Dialog Terminated", 200: "OK", 202: "Accepted",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
	410: "Gone", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated",
	488: "Not Acceptable Here", 491: "Request Pending", 500: "Server Internal Error", 503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline",
}

// request takes a request off the wire.
func (p *Phone) request(m *message) {
	c := p.find(m.get("Call-ID"))
	key := m.branch() + " " + m.method()
	if m.method() == "ACK" {
		p.acknowledged(c, m)
		return
	}
	if s := p.servers[key]; s != nil {
		p.trace("< %s%s again", s.call.mark(), title(m.method(), m.uri()))
		switch {
		case s.last != "" && p.has(habitAnswer):
			p.trace("> %s%s again", s.call.mark(), s.lastLine)
			p.send(s.last)
		case s.last == "" && s.call != nil:
			p.answer(s.call, s)
		}
		return
	}
	s := &server{req: m, call: c, finals: map[string]*final{}}
	p.servers[key] = s
	if c == nil && m.method() == "INVITE" && param(m.get("To"), "tag") == "" {
		c = p.ring(s)
	}
	p.trace("< %s%s", c.mark(), p.asked(c, m))
	if c == nil {
		p.stranger(s)
		return
	}
	p.within(c, m)
	if m.method() == "BYE" {
		c.over = true
	}
	if m.method() == "INVITE" {
		c.heard = s
		if m.get("Contact") != "" {
			c.target = address(m.get("Contact"))
		}
	}
	p.answer(c, s)
}

// answer is what a phone does by itself about a request of a call.
func (p *Phone) answer(c *call, s *server) {
	m := s.req
	switch {
	case m.method() == "INVITE" && begins(m):
		if p.has(habitTrying) {
			p.respond(s, 100, options{}, true)
		} // the script answers
	case !p.has(habitAnswer):
	case m.method() == "INVITE" && p.always != 0:
		p.respond(s, p.always, options{}, true)
	case m.method() == "CANCEL":
		p.canceled(c, s)
	case slices.Contains([]string{"INVITE", "BYE", "UPDATE", "INFO", "OPTIONS"}, m.method()):
		p.respond(s, 200, options{}, true)
	default:
		p.respond(s, 405, options{}, true)
	}
}

// begins reports whether an INVITE is the one that began the call.
func begins(m *message) bool { return param(m.get("To"), "tag") == "" }

// stranger answers what belongs to no call.
func (p *Phone) stranger(s *server) {
	if !p.has(habitAnswer) {
		return
	}
	status := 481
	if s.req.method() == "OPTIONS" {
		status = 200
	}
	p.respond(s, status, options{}, true)
}

// ring makes a call of an INVITE.
func (p *Phone) ring(s *server) *call {
	m := s.req
	c := p.newCall(m.get("Call-ID"))
	s.call = c
	c.remote, c.far = noTag(m.get("From")), param(m.get("From"), "tag")
	c.local = m.get("To")
	c.tag = p.id("tag")
	c.tags = []string{c.tag}
	c.routes = m.all("Record-Route")
	return c
}

func noTag(value string) string {
	i := strings.Index(value, ";tag=")
	if i < 0 {
		return value
	}
	return value[:i]
}

// asked is a request in the transcript.
func (p *Phone) asked(c *call, m *message) string {
	words := m.method()
	if m.method() == "INVITE" {
		if param(m.get("To"), "tag") == "" {
			words += " " + userOf(m.uri()) + " from " + userOf(address(m.get("From")))
		} else {
			words = "re-INVITE"
		}
	}
	words += p.hear(c, m)
	if v := m.get("Reason"); v != "" {
		words += " reason " + v
	}
	for _, h := range m.headers {
		if h.name == "Route" || strings.HasPrefix(strings.ToLower(h.name), "x-") {
			words += " " + strings.ToLower(h.name) + " " + h.value
		}
	}
	return words
}

// within checks what a request of a call must have (RFC 3261 §12.2.1.1, §9.1).
func (p *Phone) within(c *call, m *message) {
	if param(m.get("From"), "tag") != c.far {
		p.fault("From tag of %s is not the call's", m.method())
	}
	tag := param(m.get("To"), "tag")
	switch {
	case m.method() == "CANCEL":
		invite := p.servers[m.branch()+" INVITE"]
		if invite == nil {
			p.fault("CANCEL cancels nothing: branch %q", m.branch())
			return
		}
		if m.uri() != invite.req.uri() || m.seq() != invite.req.seq() || tag != param(invite.req.get("To"), "tag") {
			p.fault("CANCEL differs from its INVITE (RFC 3261 §9.1)")
		}
		return
	case tag != "" && !slices.Contains(c.tags, tag):
		p.fault("To tag of %s is not the call's", m.method())
	}
	if tag != "" && !strings.HasPrefix(m.uri(), p.contact()) {
		p.fault("Request-URI %s is not our Contact (RFC 3261 §12.2.1.1)", m.uri())
	}
	if tag == "" {
		tag = c.tag
	}
	if last, ok := c.farSeq[tag]; ok && m.seq() <= last {
		p.fault("CSeq %d after %d", m.seq(), last)
	}
	c.farSeq[tag] = m.seq()
}

// acknowledged takes an ACK.
func (p *Phone) acknowledged(c *call, m *message) {
	if c == nil {
		p.trace("< ACK")
		p.fault("ACK of no call")
		return
	}
	p.trace("< %sACK%s", c.mark(), p.hear(c, m))
	tag := param(m.get("To"), "tag")
	for _, s := range p.servers {
		f := s.finals[tag]
		if s.call != c || f == nil || s.req.seq() != m.seq() {
			continue
		}
		if s.final >= 300 && m.branch() != s.req.branch() {
			p.fault("ACK of a refusal has another branch (RFC 3261 §17.1.1.3)")
		}
		if s.final < 300 && m.branch() == s.req.branch() {
			p.fault("ACK of a 2xx has the INVITE's branch (RFC 3261 §13.2.2.4)")
		}
		f.acked = true
		p.stop(f.timer)
		return
	}
	p.fault("ACK fits no answer of ours")
}

// canceled takes a CANCEL (RFC 3261 §9.2).
func (p *Phone) canceled(c *call, s *server) {
	invite := p.servers[s.req.branch()+" INVITE"]
	if invite == nil {
		p.respond(s, 481, options{}, true)
		return
	}
	p.respond(s, 200, options{}, true)
	if invite.final == 0 {
		invite.cancelled = true
		p.respond(invite, 487, options{}, true)
	}
}

// respond answers a request.
func (p *Phone) respond(s *server, status int, o options, byItself bool) {
	m, c := s.req, s.call
	h := []header{}
	for _, v := range m.all("Via") {
		h = append(h, header{"Via", v})
	}
	for _, v := range m.all("Record-Route") {
		h = append(h, header{"Record-Route", v})
	}
	to, tag := m.get("To"), param(m.get("To"), "tag")
	if tag == "" && status > 100 {
		if tag = o.tag; tag != "" {
			tag = p.cfg.Name + "-" + tag
		} else if c != nil {
			tag = c.tag
		} else {
			tag = p.id("tag")
		}
		to += ";tag=" + tag
		if c != nil && !slices.Contains(c.tags, tag) {
			c.tags = append(c.tags, tag)
		}
	}
	h = append(h, header{"From", m.get("From")}, header{"To", to}, header{"Call-ID", m.get("Call-ID")}, header{"CSeq", m.get("CSeq")})
	switch {
	case len(o.contacts) > 0:
		for _, uri := range o.contacts {
			h = append(h, header{"Contact", uri})
		}
	case m.method() == "INVITE" && status > 100 && status < 300, m.method() == "UPDATE" && status == 200:
		h = append(h, header{"Contact", "<" + p.contact() + ">"})
	}
	phrase := or(o.phrase, reasons[status])
	body := ""
	if o.sdp || (m.method() == "INVITE" || m.method() == "UPDATE" && m.body != "") && (status == 183 || status/100 == 2) && !o.noSDP {
		if m.body != "" {
			offer := readSDP(m.body)
			c.answerTo(offer)
			o.keep(offer.codecs)
		} else {
			c.said.direction = "sendrecv"
			c.offered = true
		}
		o.apply(&c.said)
		c.said.version++
		body = c.said.text()
		p.speakTo(c)
	}
	s.lastLine = strconv.Itoa(status)
	if m.method() != "INVITE" {
		s.lastLine += " (" + m.method() + ")"
	}
	s.last = text(fmt.Sprintf("SIP/2.0 %d %s", status, phrase), append(h, o.headers...), body)
	if byItself {
		p.trace("> %s%s", c.mark(), s.lastLine)
	}
	p.send(s.last)
	if m.method() == "INVITE" && status >= 200 {
		s.final = status
		if c != nil && status < 300 {
			c.tag = tag
			c.answered = true
		}
		f := &final{text: s.last, line: s.lastLine, wait: t1, began: time.Now()}
		s.finals[tag] = f
		if status < 300 || !p.cfg.TCP {
			p.insist(c, f)
		}
	}
}

// insist repeats a final response until its ACK (RFC 3261 §13.3.1.4, §17.2.1).
func (p *Phone) insist(c *call, f *final) {
	f.timer = p.after(f.wait, func() {
		if f.acked || !p.has(habitRepeat) {
			return
		}
		if time.Since(f.began) >= 64*t1 {
			p.trace("~ %s%s: nobody acknowledges", c.mark(), f.line)
			return
		}
		p.trace("> %s%s again", c.mark(), f.line)
		p.send(f.text)
		f.wait = min(2*f.wait, t2)
		p.insist(c, f)
	})
}
