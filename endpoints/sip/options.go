package sip

import (
	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/endpoints/sip/transport"
)

// options answers OPTIONS as an INVITE would be (RFC 3261 §11.2): 503 while no
// calls are taken, so that who pings us goes elsewhere.
func (c *call) options() {
	status := 200
	if err := c.shard.module.ready(); err != nil {
		status = 503
	}
	res := c.tx.NewResponse(status, phrase(status))
	if status == 503 {
		res.AppendHeader(sip.NewHeader("Retry-After", retryAfter))
	} else {
		res.AppendHeader(localContact(c.tx.Flow().(*transport.Flow), ""))
		res.AppendHeader(sip.NewHeader("Allow", allowed))
		res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
		res.AppendHeader(sip.NewHeader("Accept-Encoding", "identity"))
		res.AppendHeader(sip.NewHeader("Accept-Language", "en"))
	}
	c.sign(res)
	c.tx.Respond(res)
}
