package phone

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/endpoints/sip/digest"
)

// options are the words after a method or status in a script.
type options struct {
	tag, fromTag, toTag string
	uri, hops, phrase   string
	seq                 int
	contacts            []string
	expires             string
	headers             []header
	sdp, noSDP          bool
	direction           string
	zero, video         bool
	codecs              []string
	port                int
	destination         string
	call                int
	aor                 string
}

// read takes the words of a script line; "+Name: value" takes the rest of it.
func (o *options) read(line string) error {
	words, added, _ := strings.Cut(" "+line, " +")
	if added != "" {
		name, value, ok := strings.Cut(added, ":")
		if !ok {
			return fmt.Errorf("+%s: want +Name: value", added)
		}
		o.headers = append(o.headers, header{name, strings.TrimSpace(value)})
	}
	for w := range strings.FieldsSeq(words) {
		if err := o.word(w); err != nil {
			return err
		}
	}
	return nil
}

func (o *options) word(w string) error {
	name, value, assigned := strings.Cut(w, "=")
	switch {
	case w == "sdp":
		o.sdp = true
	case w == "no-sdp":
		o.noSDP = true
	case w == "zero":
		o.zero = true
	case w == "video":
		o.video = true
	case slices.Contains([]string{"sendrecv", "sendonly", "recvonly", "inactive"}, w):
		o.direction = w
	case !assigned:
		o.destination = w
	case name == "tag":
		o.tag = value
	case name == "from-tag":
		o.fromTag = value
	case name == "to-tag":
		o.toTag = value
	case name == "aor":
		o.aor = value
	case name == "uri":
		o.uri = value
	case name == "hops":
		o.hops = value
	case name == "phrase":
		o.phrase = strings.ReplaceAll(value, "_", " ")
	case name == "expires":
		o.expires = value
	case name == "contact":
		if value != "*" {
			value = "<" + strings.Replace(value, ";expires=", ">;expires=", 1)
			if !strings.Contains(value, ">") {
				value += ">"
			}
		}
		o.contacts = append(o.contacts, value)
	case name == "codecs":
		for c := range strings.SplitSeq(value, ",") {
			pt, ok := codecNames[c]
			if !ok {
				return fmt.Errorf("unknown codec %q", c)
			}
			o.codecs = append(o.codecs, pt)
		}
	case name == "seq" || name == "rtp" || name == "call":
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
		switch name {
		case "seq":
			o.seq = n
		case "rtp":
			o.port = n
		case "call":
			o.call = n
		}
	default:
		return fmt.Errorf("unknown word %q", w)
	}
	return nil
}

// keep leaves only the codecs that were offered, unless that leaves none: then
// the phone answers with what it was not asked.
func (o *options) keep(offered []string) {
	var kept []string
	for _, pt := range o.codecs {
		if slices.Contains(offered, pt) {
			kept = append(kept, pt)
		}
	}
	if len(kept) > 0 {
		o.codecs = kept
	}
}

// apply changes what a phone says in its description.
func (o *options) apply(s *sound) {
	if o.direction != "" {
		s.direction = o.direction
	}
	s.zero, s.video = o.zero, o.video
	if o.codecs != nil {
		s.codecs = o.codecs
	}
	if o.port != 0 {
		s.at = netip.AddrPortFrom(s.at.Addr(), uint16(o.port))
	}
}

func (p *Phone) credentials(method, uri string) []header {
	var all []header
	for _, h := range p.digest.Authorize(method, uri, nil) {
		all = append(all, header{h.Name, h.Value})
	}
	return all
}

func credentialsOf(tried []header) []digest.Header {
	var all []digest.Header
	for _, h := range tried {
		all = append(all, digest.Header{Name: h.name, Value: h.value})
	}
	return all
}

// Do carries out what a script says behind the name of the phone: "> INVITE
// 1001", "> 180", "without ack", "talks".
func (p *Phone) Do(line string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case ">":
		return p.say(rest)
	case "with", "without":
		if !slices.Contains(habits, rest) {
			return fmt.Errorf("unknown habit %q, want one of %v", rest, habits)
		}
		p.without[rest] = verb == "without"
	case "answers": // "answers 491": to every re-INVITE
		n, err := strconv.Atoi(rest)
		if err != nil {
			return err
		}
		p.always = n
	case "talks":
		p.talk(true)
	case "silent":
		p.talk(false)
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

var errNoCall = errors.New("the phone has no call")

// say sends a message.
func (p *Phone) say(line string) error {
	what, rest, _ := strings.Cut(line, " ")
	var o options
	if err := o.read(rest); err != nil {
		return err
	}
	if o.port != 0 {
		if err := p.listenAt(uint16(o.port)); err != nil {
			return err
		}
	}
	var c *call
	if n := len(p.calls); n > 0 {
		c = p.calls[n-1]
	}
	if o.call > 0 && o.call <= len(p.calls) {
		c = p.calls[o.call-1]
	}
	if status, err := strconv.Atoi(what); err == nil {
		if c == nil || c.heard == nil {
			return errNoCall
		}
		if c.heard.cancelled || p.cfg.Sensible && c.heard.final != 0 {
			p.trace("~ %sis silent: the call has its answer", c.mark())
			return nil
		}
		p.respond(c.heard, status, o, false)
		return nil
	}
	switch {
	case what == "again" && o.destination == "INVITE" && c != nil && c.sent != nil:
		p.send(c.sent.text)
		return nil
	case what == "again" && o.destination == "elsewhere" && c != nil && c.sent != nil:
		// The same request on another way: merged (RFC 3261 §8.2.2.2).
		t := *c.sent
		t.branch, t.seen, t.timer, t.final = p.branch(), map[string]bool{}, nil, 0
		t.text = strings.Replace(t.text, c.sent.branch, t.branch, 1)
		p.clients[t.branch+" INVITE"] = &t
		p.send(t.text)
		return nil
	case what == "again":
		p.send(p.last)
		return nil
	case what == "INVITE":
		p.invite(o)
		return nil
	case what == "REGISTER":
		p.register(o)
		return nil
	case what == "garbage":
		p.send(strings.ReplaceAll(rest, "_", " ") + "\r\n\r\n")
		return nil
	case what == "OPTIONS" && o.destination != "":
		p.outside("OPTIONS", o)
		return nil
	case c == nil && o.uri == "":
		return errNoCall
	case c == nil:
		p.outside(what, o)
		return nil
	}
	if what != "CANCEL" && c.far == "" && o.toTag == "" {
		p.trace("~ %shas no dialog for %s", c.mark(), what)
		return nil
	}
	if p.cfg.Sensible && (what == "CANCEL" && (c.sent == nil || c.sent.final != 0 || !c.sent.provisional) || c.over) {
		p.trace("~ %sleaves %s", c.mark(), what)
		return nil
	}
	uri := or(o.uri, c.target)
	switch what {
	case "ACK":
		if c.sent == nil {
			return errNoCall
		}
		p.ack(c, c.sent, o)
	case "CANCEL":
		if c.sent == nil {
			return errNoCall
		}
		p.ask(c, "CANCEL", strings.Fields(c.sent.text)[1], o)
	case "re-INVITE":
		c.sent = p.ask(c, "INVITE", uri, o)
	default:
		p.ask(c, what, uri, o)
	}
	return nil
}

// invite begins a call.
func (p *Phone) invite(o options) {
	c := p.newCall(p.id("call"))
	uri := or(o.uri, "sip:"+o.destination+"@"+p.cfg.Domain)
	c.local = fmt.Sprintf("<sip:%s@%s>", p.cfg.Number, p.cfg.Domain)
	c.remote = "<" + uri + ">"
	c.tag = p.id("tag")
	c.tags = []string{c.tag}
	c.target = uri
	c.sent = p.ask(c, "INVITE", uri, o)
}

// outside sends a request that belongs to no call.
func (p *Phone) outside(method string, o options) {
	c := &call{n: 1, id: p.id("call"), acks: map[string]string{}}
	uri := or(o.uri, "sip:"+o.destination+"@"+p.cfg.Domain)
	c.local = fmt.Sprintf("<sip:%s@%s>", p.cfg.Number, p.cfg.Domain)
	c.remote = "<" + uri + ">"
	c.tag = p.id("tag")
	p.ask(c, method, uri, o)
}

// register sends a REGISTER (RFC 3261 §10.2); "fetch" asks only.
func (p *Phone) register(o options) {
	r := &p.registration
	if r.id == "" {
		r.id = p.id("registration")
	}
	c := &call{n: 1, id: r.id, seq: r.seq, acks: map[string]string{}}
	aor := fmt.Sprintf("<sip:%s@%s>", or(o.aor, p.cfg.Number), p.cfg.Domain)
	c.local, c.remote, c.tag = aor, aor, p.id("tag")
	switch {
	case o.destination == "fetch":
	case len(o.contacts) == 0:
		o.headers = append(o.headers, header{"Contact", "<" + p.contact() + ">"})
	default:
		for _, v := range o.contacts {
			o.headers = append(o.headers, header{"Contact", v})
		}
	}
	if o.expires != "" {
		o.headers = append(o.headers, header{"Expires", o.expires})
	}
	t := p.ask(c, "REGISTER", "sip:"+p.cfg.Domain, o)
	again := t.again
	r.seq = c.seq
	t.again = func(h []header) {
		again(h)
		r.seq = c.seq
	}
}
