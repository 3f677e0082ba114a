package sip

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
)

// prefix is the word before the first slash of our dial strings.
const prefix = "sofia"

// target is what a dial string means: sofia/PROFILE/URI, where URI may have
// fs_path (the next hop) and ^TO (another To).
type target struct {
	profile *profile
	uri     sip.Uri  // Request-URI
	to      *sip.Uri // in place of uri in the To header
	path    *sip.Uri // where to send it, in place of uri's host
}

func refuse(c core.Cause, format string, args ...any) error {
	return &core.CauseError{Cause: c, Err: fmt.Errorf(format, args...)}
}

// parseTarget reads what follows "sofia/": PROFILE/user@host[:port][;params],
// PROFILE/sip:user@host, PROFILE/user%domain or PROFILE/user.
func (m *Module) parseTarget(text string) (target, error) {
	name, rest, ok := strings.Cut(text, "/")
	if !ok || rest == "" {
		return target{}, refuse(core.CauseInvalidURL, "sip target %q: want PROFILE/user@host", text)
	}
	if strings.EqualFold(name, "gateway") {
		return target{}, refuse(core.CauseInvalidGateway, "sip target %q: no such gateway", text)
	}
	p := m.profile(name)
	if p == nil {
		return target{}, refuse(core.CauseInvalidProfile, "sip target %q: no profile %q", text, name)
	}
	t := target{profile: p}
	rest, to, hasTo := strings.Cut(rest, "^")
	hasScheme := hasSIPScheme(rest)
	user, domain, isAOR := strings.Cut(rest, "%")
	if !hasScheme && (isAOR && !strings.ContainsAny(rest, "@;") || !strings.ContainsAny(rest, "@.:%[")) {
		contact, err := m.contact(p, user, domain)
		if err != nil {
			return target{}, err
		}
		if t.uri, t.path, err = parseContact(contact); err != nil {
			return target{}, refuse(core.CauseInvalidURL, "registered contact of %s: %w", rest, err)
		}
	} else {
		if !hasScheme {
			rest = "sip:" + rest
		}
		var err error
		if t.uri, t.path, err = parseContact(rest); err != nil {
			return target{}, refuse(core.CauseInvalidURL, "sip target %q: %w", text, err)
		}
	}
	if hasTo && to != "" {
		u := *t.uri.Clone()
		u.UriParams, u.Headers = nil, nil
		user, host, hasHost := strings.Cut(to, "@")
		u.User = escapeUser(user)
		if hasHost {
			u.Host, u.Port = host, 0
		}
		t.to = &u
	}
	return t, nil
}

func hasSIPScheme(text string) bool {
	lower := strings.ToLower(text)
	return strings.HasPrefix(lower, "sip:") || strings.HasPrefix(lower, "sips:")
}

// contact returns the URI of the first registered contact of an address of
// record, as the dial string of the registration has it.
func (m *Module) contact(p *profile, user, domain string) (string, error) {
	var where core.Locator = m.registrar
	if m.deps.Locator != nil {
		where = m.deps.Locator
	}
	if domain == "" {
		domain = p.settings.ForceRegisterDBDomain
	}
	if domain == "" && m.deps.Directory != nil {
		domain = m.deps.Directory.DefaultDomain()
	}
	for _, c := range where.Contacts(core.AOR{User: user, Domain: domain}) {
		// sofia/PROFILE/sip:…
		if parts := strings.SplitN(c.Dial, "/", 3); len(parts) == 3 && strings.EqualFold(parts[0], prefix) {
			return parts[2], nil
		}
		if c.URI != "" {
			return c.URI, nil
		}
	}
	return "", refuse(core.CauseUserNotRegistered, "%s@%s is not registered", user, domain)
}

// parseContact reads a URI and takes FreeSWITCH's own parameters off it.
func parseContact(text string) (uri sip.Uri, path *sip.Uri, err error) {
	text = strings.TrimSpace(clean(text))
	if strings.ContainsAny(text, " <>\"") {
		return uri, nil, errors.New("characters that a URI cannot have")
	}
	scheme, rest, _ := strings.Cut(text, ":")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = escapeUser(rest[:at]) + rest[at:]
	}
	if err := sip.ParseUri(scheme+":"+rest, &uri); err != nil {
		return uri, nil, err
	}
	if uri.Host == "" {
		return uri, nil, errors.New("no host")
	}
	var kept sip.HeaderParams
	for _, kv := range uri.UriParams {
		switch strings.ToLower(kv.K) {
		case "fs_path":
			var u sip.Uri
			next := strings.Trim(unescape(kv.V), "<>")
			if !hasSIPScheme(next) {
				next = "sip:" + next
			}
			if err := sip.ParseUri(next, &u); err != nil {
				return uri, nil, fmt.Errorf("fs_path: %w", err)
			}
			path = &u
		case "fs_nat":
		default:
			kept = append(kept, kv)
		}
	}
	uri.UriParams = kept
	return uri, path, nil
}

// next is the URI whose host the request is sent to.
func (t *target) next() *sip.Uri {
	if t.path != nil {
		return t.path
	}
	return &t.uri
}
