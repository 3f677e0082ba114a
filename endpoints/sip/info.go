package sip

import (
	"bytes"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
)

// info takes an INFO: digits (application/dtmf-relay, application/dtmf), or an
// empty one as a sign of life.
func (l *leg) info(c *call) {
	if len(c.req.Body()) == 0 {
		c.reply(200)
		return
	}
	typ, _, _ := mime.ParseMediaType(value(c.req, "Content-Type"))
	ev, ok := readDigit(typ, c.req.Body())
	if !ok {
		res := c.tx.NewResponse(415, phrase(415))
		res.AppendHeader(sip.NewHeader("Accept", "application/dtmf-relay, application/dtmf"))
		c.tx.Respond(res)
		return
	}
	c.reply(200)
	l.post(ev)
}

// defaultDigit is how long a digit is that says nothing of its length:
// FreeSWITCH's 2000 units at 8 kHz.
const defaultDigit = 250 * time.Millisecond

// readDigit reads one digit out of an INFO's body.
func readDigit(typ string, body []byte) (core.Digit, bool) {
	d := core.Digit{Duration: defaultDigit}
	text := ""
	switch typ {
	case "application/dtmf-relay":
		for line := range bytes.Lines(body) {
			k, v, _ := strings.Cut(string(line), "=")
			v = strings.TrimSpace(v)
			switch strings.ToLower(strings.TrimSpace(k)) {
			case "signal":
				text = v
			case "duration":
				if ms, err := strconv.Atoi(v); err == nil && ms > 0 {
					d.Duration = min(time.Duration(ms)*time.Millisecond, 24*time.Second)
				}
			}
		}
	case "application/dtmf":
		text = strings.TrimSpace(string(body))
	}
	switch text {
	case "10":
		text = "*"
	case "11":
		text = "#"
	}
	if len(text) != 1 || !strings.Contains("0123456789*#ABCDabcdF", text) {
		return core.Digit{}, false
	}
	d.Digit = strings.ToUpper(text)[0]
	return d, true
}

// SendDTMF implements core.DTMFSender.
func (l *leg) SendDTMF(digit byte, d time.Duration) { l.shard.do(func() { l.sendDigit(digit, d) }) }

func (l *leg) sendDigit(digit byte, d time.Duration) {
	if l.state != up {
		return
	}
	req, err := l.dialog.Request(sip.INFO)
	if err != nil {
		l.log.Warn("no INFO", "err", err)
		return
	}
	t := sip.ContentTypeHeader("application/dtmf-relay")
	req.AppendHeader(&t)
	req.SetBody(fmt.Appendf(nil, "Signal=%c\r\nDuration=%d\r\n", digit, d.Milliseconds()))
	l.addCredentials(req)
	l.send(l.dialog, req, &outcome{})
}
