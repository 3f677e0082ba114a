package phone

import (
	"errors"
	"fmt"
	"time"

	"github.com/tandemswitch/tandem/endpoints/sip/digest"
)

var (
	errAbandoned = errors.New("the load was ended")
	errTimeout   = errors.New("no answer")
)

// Timers of RFC 3261 §17.1.1.1. patience is shorter than its 64·T1: a switch
// that needs longer has failed.
const (
	t1       = 500 * time.Millisecond
	t2       = 4 * time.Second
	patience = 16 * time.Second
	// linger is how long a call that has ended still answers retransmissions.
	linger = 5 * time.Second
	// maxChallenges is more than the one of a phone's first call: when the nonce that all calls
	// of a user share gets old, those on their way are challenged, each with its own new one.
	maxChallenges = 4
)

// state is where a call, or a registration, is.
type state int

const (
	asking    state = iota // our INVITE or REGISTER has no final response yet
	ringing                // their INVITE has none
	answering              // we answered and wait for the ACK
	up
	leaving // our BYE has no response yet
	over
)

// Outcome is how something that we asked for went.
type Outcome struct {
	Status      int           // the final response; 0 if there was none
	Setup       time.Duration // from the first request to the final response
	Challenges  int           // how many times we were challenged
	Retransmits int
	Err         error // what went wrong besides the status, e.g. no answer to a BYE
}

// OK reports whether it went as a phone's user would want.
func (o Outcome) OK() bool { return o.Err == nil && o.Status >= 200 && o.Status < 300 }

// Call says what a phone does.
type Call struct {
	From, To string // user names or numbers
	// Hold is the time from the answer to our BYE; without it the call lasts until HangupAll.
	Hold time.Duration
	// Cancel ends the call as soon as it rings.
	Cancel bool
	// Up, if not nil, is called when the call is answered.
	Up func(Outcome)
	// Done is called when the call is over, or did not come about. It may be nil.
	Done func(Outcome)
}

// call is one dialog, or one registration. The owner's.
type call struct {
	a          *Agent
	id         string
	state      state
	generation int // of its timers; see timers
	plan       Call
	method     string // INVITE or REGISTER
	account    *digest.Client
	media      Media
	outcome    Outcome
	began      time.Time

	from, to string // header values as we send them in requests, with tags
	target   string // Request-URI of the next request
	cseq     uint32
	sent     []byte // what is repeated until it is answered, or when it is asked for again
	creds    []digest.Header
	branch   string
	ack      []byte // of the 2xx
	every    time.Duration
	until    time.Time
	invite   *message // theirs; its slices are our copy
}

// Place starts a call; false if the agent has ended.
func (a *Agent) Place(plan Call) bool {
	return a.post(func(now time.Time) { a.place(plan, now) })
}

func (a *Agent) place(plan Call, now time.Time) {
	c := &call{a: a, id: a.next(), plan: plan, method: "INVITE", account: a.account(plan.From), began: now}
	c.from = fmt.Sprintf("<sip:%s@%s>;tag=%s", plan.From, a.cfg.Domain, a.next())
	c.target = fmt.Sprintf("sip:%s@%s", plan.To, a.cfg.Domain)
	c.to = "<" + c.target + ">"
	a.calls[c.id] = c
	if !c.takeMedia(now) {
		return
	}
	c.ask(now)
}

// Register registers a user at this agent; it is challenged each time.
func (a *Agent) Register(user string, done func(Outcome)) bool {
	return a.post(func(now time.Time) {
		aor := fmt.Sprintf("<sip:%s@%s>", user, a.cfg.Domain)
		c := &call{
			a: a, id: a.next(), method: "REGISTER", plan: Call{From: user, Done: done}, began: now,
			from: aor + ";tag=" + a.next(), to: aor, target: "sip:" + a.cfg.Domain,
			account: digest.NewClient(digest.Account{Username: user, Secret: digest.A1{Password: a.cfg.Password}}),
		}
		a.calls[c.id] = c
		c.ask(now)
	})
}

func (c *call) takeMedia(now time.Time) bool {
	if c.a.cfg.Media == nil {
		return true
	}
	var err error
	if c.media, err = c.a.cfg.Media(); err != nil {
		c.end(now, err)
		return false
	}
	return true
}

// ask sends the INVITE or REGISTER, with credentials if there are any.
func (c *call) ask(now time.Time) {
	c.cseq++
	c.creds = c.account.Authorize(c.method, c.target, nil)
	c.branch = c.a.next()
	c.sent = c.a.request(c, c.method)
	c.a.send(c.sent)
	c.retryUntil(now, patience)
}

// retryUntil repeats what was sent last, at T1, 2·T1, 4·T1 … (RFC 3261 §17.1.1.2), until the generation ends.
func (c *call) retryUntil(now time.Time, limit time.Duration) {
	c.generation++
	c.every = t1
	c.until = now.Add(limit)
	c.a.timers.add(now.Add(c.every), c, c.generation, (*call).retry)
}

func (c *call) retry(now time.Time) {
	if !now.Before(c.until) {
		c.end(now, fmt.Errorf("%w to %s", errTimeout, c.waitsFor()))
		return
	}
	c.outcome.Retransmits++
	c.a.figures.Retransmits++
	c.a.send(c.sent)
	c.every = min(2*c.every, t2)
	c.a.timers.add(now.Add(c.every), c, c.generation, (*call).retry)
}

// waitsFor names what was not answered.
func (c *call) waitsFor() string {
	if c.state == answering {
		return "our 200"
	}
	if c.state == leaving {
		return "BYE"
	}
	return c.method
}

// endAfter gives a call that waits for somebody's decision so much time.
func (c *call) endAfter(now time.Time, limit time.Duration) {
	c.generation++
	c.a.timers.add(now.Add(limit), c, c.generation, func(c *call, now time.Time) {
		c.end(now, fmt.Errorf("%w to %s", errTimeout, c.waitsFor()))
	})
}

// response takes a response to what we asked.
func (c *call) response(m *message, now time.Time) {
	switch {
	case m.cseqMethod == "BYE" && c.state == leaving && m.status >= 200:
		if m.status >= 300 {
			c.end(now, fmt.Errorf("BYE: %d", m.status))
			return
		}
		c.end(now, nil)
	case m.cseqMethod == "INVITE" && m.status >= 200 && c.ack != nil && m.cseq == c.cseqOfInvite():
		c.a.send(c.ack) // a retransmission
	case m.cseqMethod == c.method && m.cseq == c.cseq && c.state == asking:
		c.answerOf(m, now)
	}
}

func (c *call) cseqOfInvite() uint32 {
	if c.state == leaving || c.state == over {
		return c.cseq - 1
	}
	return c.cseq
}

// answerOf takes a response to our INVITE or REGISTER.
func (c *call) answerOf(m *message, now time.Time) {
	switch {
	case m.status < 200:
		c.provisional(m, now)
	case m.status < 300 && c.method == "REGISTER":
		c.outcome.Status, c.outcome.Setup = m.status, now.Sub(c.began)
		c.end(now, nil)
	case m.status < 300:
		c.accepted(m, now)
	default:
		c.refused(m, now)
	}
}

func (c *call) provisional(m *message, now time.Time) {
	c.endAfter(now, patience) // no more retransmissions (RFC 3261 §17.1.1.2)
	if m.status > 100 && c.plan.Cancel && c.ack == nil {
		c.plan.Cancel = false
		c.a.send(c.a.cancel(c))
	}
}

func (c *call) accepted(m *message, now time.Time) {
	c.outcome.Status, c.outcome.Setup = m.status, now.Sub(c.began)
	c.to = string(m.to)
	if m.contact != nil {
		c.target = uri(m.contact)
	}
	c.generation++
	c.state = up
	c.branch = c.a.next()
	c.ack = c.a.request(c, "ACK")
	c.a.send(c.ack)
	if err := c.aim(m.body); err != nil {
		c.outcome.Err = err
	}
	if c.plan.Up != nil {
		c.plan.Up(c.outcome)
	}
	if c.plan.Hold > 0 {
		c.a.timers.add(now.Add(c.plan.Hold), c, c.generation, (*call).hangup)
	}
}

// refused acknowledges a final refusal, and asks again if it was a challenge.
func (c *call) refused(m *message, now time.Time) {
	if c.method == "INVITE" {
		c.to = string(m.to)
		c.ack = c.a.request(c, "ACK") // with the INVITE's branch (RFC 3261 §17.1.1.3)
		c.a.send(c.ack)
	}
	if m.status == 401 || m.status == 407 {
		if c.outcome.Challenges++; c.outcome.Challenges <= maxChallenges && c.account.Challenged(m.isProxy, m.challenges, c.creds) == nil {
			c.to, c.ack = "<"+uri([]byte(c.to))+">", nil
			c.ask(now)
			return
		}
	}
	c.outcome.Status, c.outcome.Setup = m.status, now.Sub(c.began)
	c.end(now, nil)
}

// aim points the sound to where an SDP wants it.
func (c *call) aim(sdp []byte) error {
	to, types, ok := audio(sdp)
	switch {
	case !ok:
		return fmt.Errorf("no audio in the SDP %q", sdp)
	case types[0] != c.a.cfg.PayloadType:
		return fmt.Errorf("the SDP has payload type %d first, want %d", types[0], c.a.cfg.PayloadType)
	case c.media == nil:
		return nil
	}
	return c.media.Aim(to, c.a.cfg.PayloadType)
}

// hangup sends a BYE.
func (c *call) hangup(now time.Time) {
	c.state = leaving
	c.cseq++
	c.branch = c.a.next()
	c.sent = c.a.request(c, "BYE")
	c.a.send(c.sent)
	c.retryUntil(now, patience)
}

// end is the end of a call, for whatever reason; its memory stays for a
// while to answer retransmissions.
func (c *call) end(now time.Time, err error) {
	if c.state == over {
		return
	}
	if c.outcome.Err == nil {
		c.outcome.Err = err
	}
	if c.invite != nil && c.outcome.Err != nil {
		c.a.figures.Broken++
	}
	c.state = over
	c.generation++
	if c.media != nil {
		c.media.Release()
		c.media = nil
	}
	if c.plan.Done != nil {
		c.plan.Done(c.outcome)
	}
	c.a.timers.add(now.Add(linger), c, c.generation, func(c *call, _ time.Time) { delete(c.a.calls, c.id) })
}
