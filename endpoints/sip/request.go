package sip

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/endpoints/sip/transaction"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
)

// user is the shard as the transaction layer's user.
type user shard

var _ transaction.User = (*user)(nil)

// call is one request with all a method's handler needs.
type call struct {
	shard   *shard
	profile *profile
	tx      *transaction.Server
	req     *sip.Request
	message *transport.Message
}

// Request takes a new request: general checks first, then its method's file
// (RFC 3261 §8.2).
func (u *user) Request(tx *transaction.Server) {
	s := (*shard)(u)
	c := &call{shard: s, profile: s.current.profile, tx: tx, req: tx.Request(), message: s.current.message}
	if !c.inspect() {
		return
	}
	if tagOf(c.req.To().Params) != "" {
		c.within()
		return
	}
	switch c.req.Method {
	case sip.INVITE:
		c.invite()
	case sip.REGISTER:
		c.register()
	case sip.OPTIONS:
		c.options()
	case sip.BYE, sip.UPDATE, sip.INFO:
		// They live within dialogs only (RFC 3261 §15.1.2).
		c.reply(481)
	default:
		c.notAllowed()
	}
}

// within takes a request of a dialog, which is found by Call-ID and tags and
// never by the Request-URI (RFC 3261 §12.2.2).
func (c *call) within() {
	l := c.shard.dialogs[dialogKey{c.req.CallID().Value(), tagOf(c.req.To().Params)}]
	if l == nil || !l.knows(tagOf(c.req.From().Params)) {
		switch c.req.Method {
		case sip.OPTIONS:
			c.options() // RFC 3261 §11.2: also a dead dialog's peer may ask
		case sip.REGISTER:
			c.register()
		default:
			c.reply(481)
		}
		return
	}
	if _, ok := c.authenticate(c.profile.settings.AuthAllPackets); !ok {
		return
	}
	if err := l.order(c.req); err != nil {
		c.reply(500) // RFC 3261 §12.2.2
		return
	}
	c.tx.User = l
	l.moved(c.tx.Flow().(*transport.Flow))
	switch c.req.Method {
	case sip.INVITE:
		l.reinvite(c)
	case sip.BYE:
		l.bye(c)
	case sip.UPDATE:
		l.update(c)
	case sip.INFO:
		l.info(c)
	case sip.OPTIONS:
		c.options()
	default:
		c.notAllowed()
	}
}

// inspect does the checks of RFC 3261 §8.2.1 to §8.2.3 and §16.3; false when the
// request has its answer.
func (c *call) inspect() bool {
	req := c.req
	if !slices.Contains(knownMethods, req.Method) {
		c.notAllowed()
		return false
	}
	if hops := req.MaxForwards(); hops != nil && *hops == 0 && req.Method == sip.INVITE {
		// We would take the call further: a loop ends here.
		c.reply(483)
		return false
	}
	var unknown []string
	for _, tag := range values(req, "Require") {
		if !slices.Contains(supportedTags, strings.ToLower(tag)) {
			unknown = append(unknown, tag)
		}
	}
	if len(unknown) > 0 {
		res := c.tx.NewResponse(420, phrase(420))
		res.AppendHeader(sip.NewHeader("Unsupported", strings.Join(unknown, ", ")))
		c.tx.Respond(res)
		return false
	}
	if enc := value(req, "Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") && len(req.Body()) > 0 {
		res := c.tx.NewResponse(415, phrase(415))
		res.AppendHeader(sip.NewHeader("Accept-Encoding", "identity"))
		c.tx.Respond(res)
		return false
	}
	if c.shard.layer(c.profile).Merged(c.tx) {
		c.reply(482) // RFC 3261 §8.2.2.2
		return false
	}
	return true
}

var knownMethods = []sip.RequestMethod{
	sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.REGISTER, sip.INFO, sip.UPDATE,
}

// reply answers with nothing but a status.
func (c *call) reply(status int) {
	res := c.tx.NewResponse(status, phrase(status))
	c.sign(res)
	c.tx.Respond(res)
}

func (c *call) notAllowed() {
	res := c.tx.NewResponse(405, phrase(405))
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	c.tx.Respond(res)
}

// sign adds who answers.
func (c *call) sign(res *sip.Response) {
	if name := c.profile.settings.UserAgent; name != "" {
		res.AppendHeader(sip.NewHeader("Server", name))
	}
}

// localContact is our Contact at a flow's address (RFC 3261 §8.1.1.8).
func localContact(f *transport.Flow, user string) *sip.ContactHeader {
	host, port := f.Address().HostPort()
	h := &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: user, Host: uriHost(host), Port: port}}
	if f.Transport == transport.TCP {
		h.Address.UriParams = sip.HeaderParams{{K: "transport", V: "tcp"}}
	}
	return h
}

// uriHost puts an IPv6 address into brackets.
func uriHost(host string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		return "[" + host + "]"
	}
	return host
}
