package phone

import (
	"bytes"
	"slices"
	"time"
)

// ring takes a new INVITE.
func (a *Agent) ring(m *message, now time.Time) {
	if tag(m.to) != "" {
		a.send(a.reply(m, 481, "Call/Transaction Does Not Exist", "", nil))
		return
	}
	c := &call{a: a, id: string(m.callID), state: ringing, invite: m.clone(), began: now, method: "INVITE"}
	c.to = string(m.from) // requests of ours go the other way
	c.from = string(m.to) + ";tag=" + a.next()
	c.target = uri(m.contact)
	a.calls[c.id] = c
	if a.cfg.Media != nil {
		var err error
		if c.media, err = a.cfg.Media(); err != nil {
			c.refuse(now, 486, "Busy Here")
			return
		}
	}
	c.reply(180, "Ringing", nil)
	if a.cfg.Silent[user(uri(m.to))] {
		c.endAfter(now, patience)
		return
	}
	c.accept(now)
}

// accept answers their INVITE; the 200 is repeated until the ACK comes (RFC 3261 §13.3.1.4).
func (c *call) accept(now time.Time) {
	_, types, ok := audio(c.invite.body)
	if len(c.invite.body) > 0 && (!ok || !slices.Contains(types, c.a.cfg.PayloadType)) {
		c.refuse(now, 488, "Not Acceptable Here")
		return
	}
	if ok {
		if err := c.aimOffer(); err != nil {
			c.outcome.Err = err
		}
	}
	c.state = answering
	c.a.figures.Answered++
	c.reply(200, "OK", c.a.describe(c.media))
	c.retryUntil(now, patience)
}

// aimOffer points the sound to where their offer wants it, whatever its order.
func (c *call) aimOffer() error {
	if c.media == nil {
		return nil
	}
	to, _, _ := audio(c.invite.body)
	return c.media.Aim(to, c.a.cfg.PayloadType)
}

func (c *call) refuse(now time.Time, status int, reason string) {
	c.reply(status, reason, nil)
	c.outcome.Status = status
	c.end(now, nil)
}

// reply answers their INVITE.
func (c *call) reply(status int, reason string, sdp []byte) {
	c.sent = c.a.reply(c.invite, status, reason, tag([]byte(c.from)), sdp)
	c.a.send(c.sent)
}

// request takes a request inside of a call.
func (c *call) request(m *message, now time.Time) {
	switch m.method {
	case "INVITE":
		c.reinvite(m, now)
	case "ACK":
		if c.state == answering {
			c.state = up
			c.generation++
		}
	case "CANCEL":
		c.a.send(c.a.reply(m, 200, "OK", tag([]byte(c.from)), nil))
		if c.state == ringing {
			c.refuse(now, 487, "Request Terminated")
		}
	case "BYE":
		c.a.send(c.a.reply(m, 200, "OK", "", nil))
		c.end(now, nil)
	default:
		c.a.send(c.a.reply(m, 200, "OK", "", nil))
	}
}

// reinvite takes a retransmission, or a new offer in the call.
func (c *call) reinvite(m *message, now time.Time) {
	if c.invite != nil && m.cseq == c.invite.cseq {
		c.a.send(c.sent)
		return
	}
	if c.state != up {
		c.a.send(c.a.reply(m, 491, "Request Pending", "", nil))
		return
	}
	c.invite = m.clone()
	if len(m.body) > 0 {
		if err := c.aimOffer(); err != nil && c.outcome.Err == nil {
			c.outcome.Err = err
		}
	}
	c.state = answering
	c.reply(200, "OK", c.a.describe(c.media))
	c.retryUntil(now, patience)
}

// clone copies a message out of its datagram.
func (m *message) clone() *message {
	d := *m
	d.from, d.to, d.callID = bytes.Clone(m.from), bytes.Clone(m.to), bytes.Clone(m.callID)
	d.contact, d.body = bytes.Clone(m.contact), bytes.Clone(m.body)
	d.vias = make([][]byte, len(m.vias))
	for i, v := range m.vias {
		d.vias[i] = bytes.Clone(v)
	}
	return &d
}
