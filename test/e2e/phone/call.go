package phone

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// call is one call of a phone, from its first INVITE on.
type call struct {
	n      int // from 1, in order of appearance
	id     string
	local  string   // our From or To, without tag
	remote string   // the far end's
	tag    string   // ours
	tags   []string // all ours: a phone may play a forking proxy
	far    string   // the far end's tag
	target string   // where requests go: the far end's Contact
	routes []string
	seq    int            // of our requests
	farSeq map[string]int // of the far end, by our tag

	sent     *client           // our last INVITE
	heard    *server           // the far end's last INVITE
	acks     map[string]string // of 2xx: To tag and CSeq → the ACK
	offered  bool              // we offered, the far end has to answer
	said     sound
	farSaid  seen
	versions struct {
		origin      string
		first, last int
		body        string
	}
	answered bool
	over     bool // BYE sent or received
}

// client is a client transaction.
type client struct {
	branch, method string
	text           string
	seq            int
	call           *call
	timer          *time.Timer
	wait           time.Duration
	began          time.Time
	provisional    bool
	final          int
	noSDP          bool
	toTag          string
	again          func(credentials []header) // builds and sends it anew
	tried          []header                   // credentials sent
	seen           map[string]bool            // responses, to know copies
}

// server is a server transaction.
type server struct {
	req       *message
	call      *call
	last      string // response
	lastLine  string
	finals    map[string]*final // by To tag
	final     int
	cancelled bool
}

// final is a final response to an INVITE that waits for its ACK.
type final struct {
	text, line string
	timer      *time.Timer
	wait       time.Duration
	began      time.Time
	acked      bool
}

// timers of RFC 3261 §17.1.1.1.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

func (p *Phone) newCall(id string) *call {
	c := &call{n: len(p.calls) + 1, id: id, acks: map[string]string{}, farSeq: map[string]int{}, said: sound{
		at: netip.AddrPortFrom(p.host(), RTPPort), codecs: []string{"0", "8", "101"}, direction: "sendrecv",
	}}
	p.calls = append(p.calls, c)
	return c
}

func (p *Phone) find(id string) *call {
	for _, c := range p.calls {
		if c.id == id {
			return c
		}
	}
	return nil
}

// mark is how a call after the first is named in the transcript.
func (c *call) mark() string {
	if c == nil || c.n == 1 {
		return ""
	}
	return "#" + string(rune('0'+c.n)) + " "
}

// hear takes the description in a message and words it for the transcript.
func (p *Phone) hear(c *call, m *message) string {
	if m.body == "" || c == nil {
		return ""
	}
	s := readSDP(m.body)
	if s.fault != "" {
		p.fault("%s in %q", s.fault, m.line)
	}
	v := &c.versions
	words := []string{"sdp", strings.Join(s.names, ","), s.direction}
	switch {
	case v.origin == "":
		v.origin, v.first, v.body = s.origin, s.version, m.body
	case s.origin != v.origin:
		p.fault("another session id in o= (RFC 3264 §8)")
	case s.version == v.last && m.body != v.body:
		p.fault("changed description with the same version (RFC 3264 §8)")
	case s.version > v.last+1 || s.version < v.last:
		p.fault("version %d after %d in o= (RFC 3264 §8)", s.version-v.first+1, v.last-v.first+1)
	}
	v.last, v.body = s.version, m.body
	if n := s.version - v.first + 1; n > 1 {
		words = append(words, "version="+string(rune('0'+n)))
	}
	if s.at.Addr().IsUnspecified() {
		words = append(words, "zero")
	}
	if c.said.video && s.streams != 2 {
		p.fault("%d streams answer our 2 (RFC 3264 §6)", s.streams)
	}
	c.farSaid = s
	p.speakTo(c)
	return " " + strings.Join(words, " ")
}

// answerTo makes our answer to what was offered (RFC 3264 §6).
func (c *call) answerTo(offer seen) {
	var common []string
	for _, pt := range offer.codecs {
		if slices.Contains(c.said.codecs, pt) {
			common = append(common, pt)
		}
	}
	c.said.codecs = common
	c.said.direction = reverse(offer.direction)
	c.said.zero = false
}
