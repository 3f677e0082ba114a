package sip

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/registrar"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
)

// newRegistrar makes the module's location service. Its limits are those of the
// first profile that takes registrations.
func newRegistrar(m *Module, storage registrar.Storage) *registrar.Registrar {
	var policy registrar.Policy
	for _, p := range m.profiles {
		s := &p.settings
		if s.DisableRegister {
			continue
		}
		multiple, ok := registrar.ParseMultiple(strings.ToLower(s.MultipleRegistrations))
		if !ok {
			multiple = registrar.MultipleCallIDs
		}
		policy = registrar.Policy{
			Multiple: multiple, MinExpires: s.MinExpires, MaxExpires: s.MaxExpires,
			DefaultExpires: s.MaxExpires, MaxContacts: s.MaxRegistrations,
		}
		break
	}
	return registrar.New(registrar.Config{
		Policy: policy, Dial: dialString, Storage: storage, Events: m.deps.Events, Log: m.log,
	})
}

// dialString is what reaches a registered phone: its contact, sent to where the
// REGISTER came from.
func dialString(b registrar.Binding) string {
	path := ""
	switch {
	case len(b.Path) > 0:
		path = strings.Trim(b.Path[0], "<> ") // RFC 3327 §5.3, without the Route header
	case b.Received != "" && !reachesItself(b):
		path = "sip:" + b.Received
		if strings.EqualFold(b.Transport, transport.TCP) {
			path += ";transport=tcp"
		}
	}
	uri, headers, hasHeaders := strings.Cut(b.URI, "?")
	if path != "" {
		uri += ";fs_path=" + url.QueryEscape(path)
	}
	if hasHeaders {
		uri += "?" + headers
	}
	return prefix + "/" + b.Profile + "/" + uri
}

// reachesItself reports whether the contact leads to where the REGISTER came from.
func reachesItself(b registrar.Binding) bool {
	var u sip.Uri
	if sip.ParseUri(b.URI, &u) != nil {
		return false
	}
	received, err := netip.ParseAddrPort(b.Received)
	if err != nil {
		return false
	}
	t, _ := param(u.UriParams, "transport")
	return addrOf(&u) == received && strings.EqualFold(t, transport.TCP) == strings.EqualFold(b.Transport, transport.TCP)
}

// register takes a REGISTER (RFC 3261 §10.3).
func (c *call) register() {
	if c.profile.settings.DisableRegister {
		c.notAllowed()
		return
	}
	if scheme := strings.ToLower(c.req.To().Address.Scheme); scheme != "sip" && scheme != "sips" {
		c.reply(404) // RFC 4475 §3.3.5: an address of record we cannot have
		return
	}
	who, ok := c.authenticate(true)
	if !ok {
		return
	}
	r, err := c.registration(who)
	if err != nil {
		c.refuseRegistration(err)
		return
	}
	bindings, err := c.shard.module.registrar.Register(r)
	if err != nil {
		c.refuseRegistration(err)
		return
	}
	now := time.Now()
	res := c.tx.NewResponse(200, phrase(200))
	var longest time.Duration
	for _, b := range bindings {
		left := b.Remaining(now)
		longest = max(longest, left)
		text := fmt.Sprintf("<%s>;expires=%d", b.URI, int(left.Seconds()))
		if b.Instance != "" {
			text += `;+sip.instance="` + b.Instance + `"`
		}
		if b.RegID > 0 {
			text += ";reg-id=" + strconv.Itoa(b.RegID)
		}
		res.AppendHeader(sip.NewHeader("Contact", text))
	}
	for _, p := range r.Path {
		res.AppendHeader(sip.NewHeader("Path", p)) // RFC 3327 §5.3
	}
	res.AppendHeader(sip.NewHeader("Date", now.UTC().Format(http.TimeFormat))) // RFC 3261 §10.3 step 8
	c.sign(res)
	if longest > 0 {
		flow := c.tx.Flow().(*transport.Flow)
		c.profile.remember(c.message.Source, flow.Address(), now.Add(longest))
	}
	c.tx.Respond(res)
}

// registration reads a REGISTER into plain values.
func (c *call) registration(who *core.User) (registrar.Request, error) {
	req, s := c.req, &c.profile.settings
	to := req.To().Address
	r := registrar.Request{
		AOR:       core.AOR{User: unescape(to.User), Domain: bareHost(to.Host)},
		CallID:    req.CallID().Value(),
		CSeq:      req.CSeq().SeqNo,
		Expires:   registrar.Unsaid,
		Profile:   s.Name,
		Transport: strings.ToLower(c.tx.Flow().(*transport.Flow).Transport),
		Received:  c.message.Source.String(),
		UserAgent: clean(value(req, "User-Agent")),
		Path:      raws(req, "Path"),
	}
	if s.MatchUsername && r.AOR.User != who.ID && r.AOR.User != who.Alias {
		return r, &registrar.Error{Status: 403, Reason: phrase(403), Detail: fmt.Sprintf("user %q registers %q", who.ID, r.AOR.User)}
	}
	r.AOR.User = who.ID
	r.AOR.Domain = who.Domain
	if d := s.ForceRegisterDBDomain; d != "" {
		r.AOR.Domain = d
	}
	if text := value(req, "Expires"); text != "" {
		d, ok := seconds(text)
		if !ok {
			return r, &registrar.Error{Status: 400, Reason: "Bad Expires", Detail: text}
		}
		r.Expires = d
	}
	if n, err := strconv.Atoi(who.Params["max-registrations-per-extension"]); err == nil {
		r.MaxContacts = n
	}
	for _, h := range req.GetHeaders("contact") {
		contact, ok := h.(*sip.ContactHeader)
		switch {
		case !ok:
			return r, &registrar.Error{Status: 400, Reason: "Bad Contact", Detail: h.Value()}
		case contact.Address.Wildcard:
			r.Wildcard = true
			continue
		}
		entry, err := readContact(contact)
		if err != nil {
			return r, err
		}
		r.Contacts = append(r.Contacts, entry)
	}
	return r, nil
}

func readContact(h *sip.ContactHeader) (registrar.Contact, error) {
	c := registrar.Contact{URI: h.Address.String(), Expires: registrar.Unsaid, Q: -1}
	if s := strings.ToLower(h.Address.Scheme); s != "sip" && s != "sips" {
		return c, &registrar.Error{Status: 400, Reason: "Bad Contact", Detail: "scheme " + s}
	}
	if text, ok := param(h.Params, "expires"); ok {
		if d, ok := seconds(text); ok {
			c.Expires = d
		}
	}
	if text, ok := param(h.Params, "q"); ok {
		if q, err := strconv.ParseFloat(text, 64); err == nil {
			c.Q = q
		}
	}
	if text, ok := param(h.Params, "+sip.instance"); ok {
		c.Instance = text
	}
	if text, ok := param(h.Params, "reg-id"); ok {
		c.RegID, _ = strconv.Atoi(text)
	}
	return c, nil
}

// seconds reads delta-seconds; values over 2**32-1 are that (RFC 3261 §20.19,
// RFC 4475 §3.1.2.4).
func seconds(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		n = 1<<32 - 1
	}
	return time.Duration(n) * time.Second, true
}

func (c *call) refuseRegistration(err error) {
	status, reason := 500, phrase(500)
	e, ok := errors.AsType[*registrar.Error](err)
	if ok {
		status, reason = e.Status, e.Reason
	}
	c.shard.module.log.Info("registration refused", "profile", c.profile.settings.Name, "peer", c.message.Source.String(),
		"status", status, "err", err)
	res := c.tx.NewResponse(status, reason)
	if ok && e.MinExpires > 0 {
		res.AppendHeader(sip.NewHeader("Min-Expires", strconv.Itoa(int(e.MinExpires.Seconds()))))
	}
	c.sign(res)
	c.tx.Respond(res)
}
