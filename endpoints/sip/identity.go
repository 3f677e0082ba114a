package sip

import (
	"maps"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/dialog"
	"github.com/tandemswitch/tandem/endpoints/sip/transport"
	"github.com/tandemswitch/tandem/media"
)

// incoming presents an INVITE to the switch: who calls, what was dialed, and
// the facts dialplans look at, under FreeSWITCH's names.
func (c *call) incoming(l *leg, who *core.User, offer *media.Description) core.Incoming {
	req, s := c.req, &c.profile.settings
	from := req.From()
	number, name := c.caller()
	dest := numberOf(&req.Recipient)
	context := s.Context
	vars := map[string]string{}
	username := unescape(from.Address.User)
	if who != nil {
		maps.Copy(vars, who.Variables)
		if own := who.Variables["user_context"]; own != "" {
			context = own
		}
		username = who.ID
		vars["user_name"], vars["domain_name"] = who.ID, who.Domain
		vars["sip_authorized"] = "true"
		vars["sip_auth_username"], vars["sip_auth_realm"] = who.ID, who.Domain
	}
	c.facts(l, vars)
	return core.Incoming{
		Endpoint: prefix,
		Name:     prefix + "/" + s.Name + "/" + username + "@" + bareHost(from.Address.Host),
		Leg:      l,
		Profile: core.CallerProfile{
			Username: username, Dialplan: s.Dialplan, Context: context,
			CallerIDName: name, CallerIDNumber: number, ANI: number,
			NetworkAddr: c.message.Source.Addr().String(), DestinationNumber: dest, Source: "mod_sofia",
		},
		Variables: vars,
		Offer:     offer,
		Local:     c.profile.localMedia(c.tx.Flow().(*transport.Flow).Address(), false),
	}
}

// caller returns number and name of the caller: of P-Asserted-Identity where
// the profile does not authenticate (RFC 3325 §9.1: the sender is trusted), else
// of From.
func (c *call) caller() (number, name string) {
	from := c.req.From()
	number, name = numberOf(&from.Address), unquote(from.DisplayName)
	if !c.profile.settings.AuthCalls {
		if pai := value(c.req, "P-Asserted-Identity"); pai != "" {
			var uri sip.Uri
			if display, err := sip.ParseAddressValue(firstAddress(pai), &uri, nil); err == nil && numberOf(&uri) != "" {
				number = numberOf(&uri)
				if display != "" {
					name = unquote(display)
				}
			}
		}
	}
	if name == "" {
		name = number
	}
	return number, name
}

// numberOf is the user of a SIP URI, or the number of a tel URI (RFC 3966) without
// its parameters.
func numberOf(u *sip.Uri) string {
	if strings.EqualFold(u.Scheme, "tel") {
		number, _, _ := strings.Cut(u.Raw(), ";")
		return number
	}
	return unescape(u.User)
}

// firstAddress is the first of a list of addresses (RFC 3325 §9.1: a SIP and a tel URI).
func firstAddress(list string) string {
	quoted, angle := false, false
	for i, c := range list {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			return list[:i]
		}
	}
	return list
}

// facts fills in the sip_* variables of an inbound leg.
func (c *call) facts(l *leg, vars map[string]string) {
	req, s := c.req, &c.profile.settings
	from, to, via := req.From(), req.To(), req.Via()
	set := func(name, value string) {
		if value != "" {
			vars[name] = value
		}
	}
	source := c.message.Source
	set("sip_call_id", l.callID)
	set("sofia_profile_name", s.Name)
	set("recovery_profile_name", s.Name)
	set("sip_network_ip", source.Addr().String())
	set("sip_network_port", strconv.Itoa(int(source.Port())))
	set("sip_received_ip", source.Addr().String())
	set("sip_received_port", strconv.Itoa(int(source.Port())))
	set("sip_via_protocol", strings.ToLower(l.flow.Transport))
	set("sip_via_host", via.Host)
	if via.Port > 0 {
		set("sip_via_port", strconv.Itoa(via.Port))
	}
	address := func(prefix string, u *sip.Uri) {
		set(prefix+"_user", unescape(u.User))
		set(prefix+"_host", bareHost(u.Host))
		if u.Port > 0 {
			set(prefix+"_port", strconv.Itoa(u.Port))
		}
		set(prefix+"_uri", u.User+at(u.User)+u.Host+portSuffix(u.Port))
	}
	address("sip_from", &from.Address)
	address("sip_to", &to.Address)
	address("sip_req", &req.Recipient)
	if contact := req.Contact(); contact != nil {
		address("sip_contact", &contact.Address)
	}
	set("sip_full_from", from.Value())
	set("sip_full_to", to.Value())
	set("sip_from_display", unquote(from.DisplayName))
	set("sip_from_tag", tagOf(from.Params))
	set("sip_to_tag", l.tag)
	set("sip_cseq", strconv.FormatUint(uint64(req.CSeq().SeqNo), 10))
	set("sip_user_agent", value(req, "User-Agent"))
	set("sip_subject", value(req, "Subject"))
	set("sip_allow", value(req, "Allow"))
	set("sip_P-Asserted-Identity", value(req, "P-Asserted-Identity"))
	set("sip_history_info", value(req, "History-Info"))
	set("hold_music", s.HoldMusic)
	if l.natted {
		set("sip_nat_detected", "true")
	}
	// A caller behind a call of ours with the same Call-ID is ourselves.
	if len(c.shard.calls[l.callID]) > 0 {
		set("sip_looped_call", "true")
	}
	hops := 70
	if h := req.MaxForwards(); h != nil {
		hops = int(*h)
	}
	set("max_forwards", strconv.Itoa(hops))
	for _, h := range req.Headers() {
		name := h.Name()
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-") || lower == "diversion" {
			set("sip_h_"+name, h.Value())
		}
	}
}

// outboundFacts are the sip_* variables of a B leg when its INVITE leaves.
func (l *leg) outboundFacts(req *sip.Request) map[string]string {
	from, to := &req.From().Address, &req.To().Address
	text := func(u *sip.Uri) string { return u.User + at(u.User) + u.Host + portSuffix(u.Port) }
	return map[string]string{
		"sip_call_id":            l.callID,
		"sofia_profile_name":     l.profile.settings.Name,
		"recovery_profile_name":  l.profile.settings.Name,
		"sip_local_network_addr": l.flow.Local.Addr().String(),
		"sip_network_ip":         l.flow.Remote.Addr().String(),
		"sip_network_port":       strconv.Itoa(int(l.flow.Remote.Port())),
		"sip_via_protocol":       strings.ToLower(l.flow.Transport),
		"sip_from_uri":           text(from),
		"sip_from_user":          unescape(from.User),
		"sip_from_host":          bareHost(from.Host),
		"sip_from_tag":           l.tag,
		"sip_to_uri":             text(to),
		"sip_to_user":            unescape(to.User),
		"sip_to_host":            bareHost(to.Host),
		"sip_req_uri":            text(&req.Recipient),
		"sip_req_user":           unescape(req.Recipient.User),
		"sip_req_host":           bareHost(req.Recipient.Host),
	}
}

// answerFacts are those known when the far end answers.
func answerFacts(d *dialog.Dialog, res *sip.Response) map[string]string {
	vars := map[string]string{"sip_to_tag": d.RemoteTag, "sip_contact_uri": strings.TrimPrefix(d.Target, "sip:")}
	for name, header := range map[string]string{"sip_user_agent": "User-Agent", "sip_allow": "Allow"} {
		if v := value(res, header); v != "" {
			vars[name] = v
		}
	}
	if vars["sip_user_agent"] == "" {
		if v := value(res, "Server"); v != "" {
			vars["sip_user_agent"] = v
		}
	}
	return vars
}

// from is the From of a call we make: the caller ID to show, at our address or
// the profile's from-domain.
func (l *leg) from() *sip.FromHeader {
	o := l.out
	host, port := o.address.HostPort()
	h := &sip.FromHeader{
		DisplayName: quote(o.request.Profile.CallerIDName),
		Address:     sip.Uri{Scheme: "sip", User: escapeUser(clean(o.request.Profile.CallerIDNumber)), Host: uriHost(host)},
		Params:      sip.HeaderParams{{K: "tag", V: l.tag}},
	}
	if port != 5060 {
		h.Address.Port = port
	}
	if d := o.request.Variables["sip_invite_domain"]; d != "" && headerName(d) {
		h.Address.Host, h.Address.Port = d, 0
	} else if d := l.profile.settings.FromDomain; d != "" {
		h.Address.Host, h.Address.Port = d, 0
	}
	if hides(o.request.Variables["origination_privacy"], "number") {
		// RFC 3323 §4.1.1.3.
		h.DisplayName = "Anonymous"
		h.Address = sip.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}
	} else if hides(o.request.Variables["origination_privacy"], "name") {
		h.DisplayName = "Anonymous"
	}
	return h
}

// identify adds the caller ID besides From: Remote-Party-ID or
// P-Asserted-Identity (RFC 3325), as sip_cid_type or the profile says.
func (l *leg) identify(req *sip.Request) {
	vars := l.out.request.Variables
	kind := strings.ToLower(vars["sip_cid_type"])
	if kind == "" {
		kind = l.profile.settings.CallerIDType
	}
	number := l.out.request.Profile.CallerIDNumber
	if number == "" {
		return
	}
	host, _ := l.out.address.HostPort()
	addr := `"` + quote(l.out.request.Profile.CallerIDName) + `" <sip:` + escapeUser(clean(number)) + "@" + uriHost(host) + ">"
	privacy := vars["origination_privacy"]
	switch kind {
	case "rpid":
		text := addr + ";party=calling;screen=yes;privacy=off"
		if hides(privacy, "number") {
			text = addr + ";party=calling;screen=yes;privacy=full"
		}
		req.AppendHeader(sip.NewHeader("Remote-Party-ID", text))
	case "pid":
		req.AppendHeader(sip.NewHeader("P-Asserted-Identity", addr))
		if hides(privacy, "number") {
			req.AppendHeader(sip.NewHeader("Privacy", "id"))
		}
	}
}

// hides reads FreeSWITCH's origination_privacy: hide_name, hide_number, screen,
// joined by colons or plus signs.
func hides(privacy, what string) bool {
	for word := range strings.FieldsFuncSeq(privacy, func(r rune) bool { return r == ':' || r == '+' || r == ',' }) {
		if word == "hide_"+what || word == "full" {
			return true
		}
	}
	return false
}
