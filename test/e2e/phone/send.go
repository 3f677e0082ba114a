package phone

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// request sends a request of a call (nil: outside of calls) as options say.
func (p *Phone) ask(c *call, method, uri string, o options) *client {
	t := &client{method: method, call: c, began: time.Now(), seen: map[string]bool{}}
	build := func(credentials []header) {
		t.branch, t.tried = p.branch(), credentials
		if method != "ACK" && method != "CANCEL" {
			c.seq++
		}
		t.seq = c.seq
		if o.seq > 0 {
			t.seq = o.seq
		}
		if method == "CANCEL" {
			t.branch = c.sent.branch
			t.seq = c.sent.seq
		}
		t.text = p.compose(c, t, uri, o, credentials)
		if method == "BYE" {
			c.over = true
		}
		p.clients[t.branch+" "+method] = t
	}
	t.again = func(credentials []header) {
		p.forget(t)
		build(credentials)
		t.final, t.provisional, t.wait, t.began, t.toTag = 0, false, 0, time.Now(), ""
		p.trace("> %s%s with credentials", c.mark(), title(method, uri))
		p.transmit(t)
	}
	var remembered []header
	if (method == "REGISTER" || method == "INVITE") && p.has(habitCredentials) {
		remembered = p.credentials(method, uri) // of an earlier challenge
	}
	build(remembered)
	p.transmit(t)
	return t
}

func title(method, uri string) string {
	if method == "INVITE" {
		return method + " " + userOf(uri)
	}
	return method
}

// compose writes a request.
func (p *Phone) compose(c *call, t *client, uri string, o options, credentials []header) string {
	from, to := c.local, c.remote
	if tag := or(o.fromTag, c.tag); tag != "" {
		from += ";tag=" + tag
	}
	if far := or(o.toTag, c.far); far != "" && t.method != "CANCEL" {
		to += ";tag=" + far
	}
	hops := "70"
	if o.hops != "" {
		hops = o.hops
	}
	h := []header{
		{"Via", "SIP/2.0/" + p.transport() + " " + p.cfg.Addr.String() + ";branch=" + t.branch + ";rport"},
		{"Max-Forwards", hops}, {"From", from}, {"To", to}, {"Call-ID", c.id},
		{"CSeq", strconv.Itoa(t.seq) + " " + t.method},
	}
	for _, r := range c.routes {
		h = append(h, header{"Route", r})
	}
	if slices.Contains([]string{"INVITE", "UPDATE", "OPTIONS"}, t.method) {
		contact := "<" + p.contact() + ">"
		if len(o.contacts) > 0 {
			contact = o.contacts[0]
		}
		h = append(h, header{"Contact", contact})
	}
	h = append(h, credentials...)
	h = append(h, o.headers...)
	return text(t.method+" "+uri+" SIP/2.0", h, p.description(c, t, o))
}

// description is the offer or answer of a request.
func (p *Phone) description(c *call, t *client, o options) string {
	if t.method != "INVITE" && t.method != "UPDATE" || o.noSDP {
		t.noSDP = true
		return ""
	}
	o.apply(&c.said)
	c.said.version++
	c.offered = true
	return c.said.text()
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// transmit sends a request and repeats it (RFC 3261 §17.1).
func (p *Phone) transmit(t *client) {
	p.send(t.text)
	if t.method == "ACK" || p.cfg.TCP {
		return
	}
	t.wait = t1
	p.repeat(t)
}

func (p *Phone) repeat(t *client) {
	t.timer = p.after(t.wait, func() {
		if t.final != 0 || !p.has(habitRepeat) || t.method == "INVITE" && t.provisional {
			return
		}
		if time.Since(t.began) >= 64*t1 {
			p.trace("~ %s%s: nobody answers", t.call.mark(), t.method)
			return
		}
		last := p.last
		p.trace("> %s%s again", t.call.mark(), t.method)
		p.send(t.text)
		p.last = last
		if t.wait *= 2; t.method != "INVITE" && (t.wait > t2 || t.provisional) {
			t.wait = t2
		}
		p.repeat(t)
	})
}

func (p *Phone) forget(t *client) { p.stop(t.timer) }

// response takes a response off the wire.
func (p *Phone) response(m *message, status int) {
	t := p.clients[m.branch()+" "+m.method()]
	if t == nil {
		p.trace("< %s", p.word(nil, m, status))
		p.fault("answers no request of ours: branch %q", m.branch())
		return
	}
	c := t.call
	p.checkVia(t, m)
	tag := param(m.get("To"), "tag")
	if m.seq() != t.seq {
		p.fault("CSeq %d answers %d", m.seq(), t.seq)
	}
	if status > 100 && t.method != "REGISTER" {
		if t.toTag != "" && tag != t.toTag {
			p.fault("To tag changed within a transaction: %q, %q", t.toTag, tag)
		}
		t.toTag = tag
	}
	key := m.line + "\n" + m.body + "\n" + tag
	if t.seen[key] {
		p.trace("< %s%s again", c.mark(), p.word(nil, m, status))
		p.copyOf(t, m, status)
		return
	}
	t.seen[key] = true
	if t.final != 0 {
		p.trace("< %s%s", c.mark(), p.word(nil, m, status))
		p.fault("%d after the final %d", status, t.final)
		return
	}
	if status < 200 {
		t.provisional = true
		p.dialog(t, m, status)
		p.trace("< %s%s", c.mark(), p.word(c, m, status))
		return
	}
	t.final = status
	p.forget(t)
	p.dialog(t, m, status)
	p.trace("< %s%s", c.mark(), p.word(c, m, status))
	if t.method == "INVITE" && status >= 300 {
		p.refuse(t, m)
	}
	if (status == 401 || status == 407) && p.has(habitCredentials) {
		p.challenged(t, m, status)
		return
	}
	if t.method == "INVITE" && status < 300 {
		c.answered = true
		p.ackAccepted(t, m)
	}
}

// checkVia compares the Via headers of a response with those of its request:
// they come back in the same order (RFC 3261 §8.2.6.2), the first with the
// address it was seen to come from (RFC 3581 §4).
func (p *Phone) checkVia(t *client, m *message) {
	req, err := parse(t.text)
	if err != nil {
		return
	}
	sent, got := list(req.all("Via")), list(m.all("Via"))
	if len(sent) != len(got) {
		p.fault("%d Via of %d come back", len(got), len(sent))
		return
	}
	for i := range sent {
		if param(sent[i], "branch") != param(got[i], "branch") {
			p.fault("Via %d came back as %q", i+1, got[i])
		}
	}
	host, port := p.cfg.Addr.Addr().String(), strconv.Itoa(int(p.cfg.Addr.Port()))
	if !p.cfg.TCP && (param(got[0], "received") != host || param(got[0], "rport") != port) {
		p.fault("no received=%s and rport=%s in %q (RFC 3581 §4)", host, port, got[0])
	}
}

// dialog notes what a response says about the call (RFC 3261 §12.1.2).
func (p *Phone) dialog(t *client, m *message, status int) {
	c := t.call
	if t.method != "INVITE" || status == 100 || status >= 300 {
		return
	}
	c.far = param(m.get("To"), "tag")
	if contact := m.get("Contact"); contact != "" {
		c.target = address(contact)
	}
	c.routes = nil
	for _, r := range m.all("Record-Route") {
		c.routes = append([]string{r}, c.routes...)
	}
}

// copyOf answers a final response that came again.
func (p *Phone) copyOf(t *client, m *message, status int) {
	if t.method != "INVITE" || status < 200 || !p.has(habitACK) {
		return
	}
	if ack := t.call.acks[param(m.get("To"), "tag")+" "+strconv.Itoa(t.seq)]; ack != "" {
		p.trace("> %sACK again", t.call.mark())
		p.send(ack)
	}
}

// refuse acknowledges a final refusal (RFC 3261 §17.1.1.3).
func (p *Phone) refuse(t *client, m *message) {
	if !p.has(habitACK) {
		return
	}
	uri := strings.Fields(t.text)[1]
	h := []header{
		{"Via", "SIP/2.0/" + p.transport() + " " + p.cfg.Addr.String() + ";branch=" + t.branch + ";rport"},
		{"Max-Forwards", "70"}, {"From", m.get("From")}, {"To", m.get("To")}, {"Call-ID", t.call.id},
		{"CSeq", strconv.Itoa(t.seq) + " ACK"},
	}
	ack := text("ACK "+uri+" SIP/2.0", h, "")
	t.call.acks[param(m.get("To"), "tag")+" "+strconv.Itoa(t.seq)] = ack
	p.trace("> %sACK", t.call.mark())
	p.send(ack)
}

// ackAccepted acknowledges a 2xx, unless the phone lost the habit.
func (p *Phone) ackAccepted(t *client, m *message) {
	if !p.has(habitACK) {
		return
	}
	p.trace("> %sACK", t.call.mark())
	p.ack(t.call, t, options{})
}

// ack sends the ACK of the last 2xx (RFC 3261 §13.2.2.4); its answer, where the
// 2xx brought the offer.
func (p *Phone) ack(c *call, t *client, o options) {
	h := []header{
		{"Via", "SIP/2.0/" + p.transport() + " " + p.cfg.Addr.String() + ";branch=" + p.branch() + ";rport"},
		{"Max-Forwards", "70"}, {"From", c.local + ";tag=" + or(o.fromTag, c.tag)}, {"To", c.remote + ";tag=" + or(o.toTag, c.far)},
		{"Call-ID", c.id}, {"CSeq", strconv.Itoa(t.seq) + " ACK"},
	}
	for _, r := range c.routes {
		h = append(h, header{"Route", r})
	}
	body := ""
	if t.noSDP && !o.noSDP {
		c.answerTo(c.farSaid)
		o.apply(&c.said)
		c.said.version++
		body = c.said.text()
	}
	ack := text("ACK "+c.target+" SIP/2.0", append(h, o.headers...), body)
	c.acks[c.far+" "+strconv.Itoa(t.seq)] = ack
	p.send(ack)
}

// challenged sends the request again with credentials.
func (p *Phone) challenged(t *client, m *message, status int) {
	proxy, name := status == 407, "WWW-Authenticate"
	if proxy {
		name = "Proxy-Authenticate"
	}
	if err := p.digest.Challenged(proxy, m.all(name), credentialsOf(t.tried)); err != nil {
		p.trace("~ %sgives up: %v", t.call.mark(), err)
		return
	}
	t.again(p.credentials(t.method, strings.Fields(t.text)[1]))
}

// word is a message in the transcript.
func (p *Phone) word(c *call, m *message, status int) string {
	words := strings.TrimPrefix(m.line, "SIP/2.0 ")
	if method := m.method(); method != "INVITE" && method != "REGISTER" {
		words += " (" + method + ")"
	}
	words += p.hear(c, m)
	switch {
	case m.method() == "REGISTER" && status == 200, status/100 == 3:
		for _, v := range m.all("Contact") {
			words += " contact " + v
		}
	case status == 401 || status == 407:
		for _, v := range append(m.all("WWW-Authenticate"), m.all("Proxy-Authenticate")...) {
			if strings.Contains(v, "stale=true") {
				words += " stale"
			}
		}
	}
	for _, name := range []string{"Retry-After", "Min-Expires", "Unsupported", "Warning", "Reason", "Accept"} {
		if v := m.get(name); v != "" {
			if name == "Retry-After" && status == 500 {
				v = "random" // RFC 3261 §14.2: between 0 and 10 seconds
			}
			words += " " + strings.ToLower(name) + " " + v
		}
	}
	if status == 405 {
		words += " allow " + m.get("Allow")
	}
	return words
}
