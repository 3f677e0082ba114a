package sip

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/endpoints/sip/digest"
)

// authenticate wants the sender of a request to be a user of the directory
// (RFC 3261 §22). It returns the user; nil where none is asked for. ok is false
// when the request was challenged.
func (c *call) authenticate(wanted bool) (who *core.User, ok bool) {
	if !wanted {
		return nil, true
	}
	header, status := "Proxy-Authorization", 407
	if c.req.Method == sip.REGISTER {
		header, status = "Authorization", 401
	}
	server := c.profile.realm(c.realm())
	if server == nil {
		c.reply(500)
		return nil, false
	}
	var found core.User
	source := c.message.Source.Addr().String()
	name, err := server.Verify(time.Now(), digest.Request{
		Credentials: raws(c.req, header), Method: string(c.req.Method), URI: c.req.Recipient.String(), Source: source,
	}, func(user, realm string) (digest.A1, bool) {
		u, ok := c.shard.module.user(c.profile, user, realm)
		found = u
		return secretOf(u), ok
	})
	if err == nil {
		return &found, true
	}
	if errors.Is(err, digest.ErrRejected) {
		c.profile.authenticationFailed("method", string(c.req.Method), "peer", c.message.Source.String(), "from", name, "err", err)
	}
	res := c.tx.NewResponse(status, phrase(status))
	challenge := "Proxy-Authenticate"
	if status == 401 {
		challenge = "WWW-Authenticate"
	}
	for _, v := range server.Challenge(time.Now(), source, errors.Is(err, digest.ErrStale)) {
		res.AppendHeader(sip.NewHeader(challenge, v))
	}
	c.sign(res)
	c.tx.Dismiss(res)
	return nil, false
}

// authenticationFailed logs at most once a second, with the number of failures
// since: a stranger who guesses passwords must not fill the disk.
func (p *profile) authenticationFailed(args ...any) {
	now := time.Now()
	p.mu.Lock()
	if now.Sub(p.warned) < time.Second {
		p.hidden++
		p.mu.Unlock()
		return
	}
	hidden := p.hidden
	p.warned, p.hidden = now, 0
	p.mu.Unlock()
	p.module.log.Warn("authentication failed", append(args, "profile", p.settings.Name, "count", hidden+1)...)
}

// realm is what challenges name: a fixed text, or the domain of From or To.
func (c *call) realm() string {
	switch strings.ToLower(c.profile.settings.ChallengeRealm) {
	case "auto_from", "":
		return bareHost(c.req.From().Address.Host)
	case "auto_to":
		return bareHost(c.req.To().Address.Host)
	}
	return c.profile.settings.ChallengeRealm
}

// maxRealms bounds the realms that strangers make us answer for; further ones
// are challenged in the name of the default domain.
const maxRealms = 256

// realm returns the digest server of a realm.
func (p *profile) realm(name string) *digest.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.realms[name]; s != nil {
		return s
	}
	if name == "" || len(name) > 255 || len(p.realms) >= maxRealms && !p.module.hasDomain(name) {
		name = p.module.defaultDomain()
		if s := p.realms[name]; s != nil {
			return s
		}
	}
	s, err := digest.NewServer(digest.ServerConfig{Realm: name, Algorithms: p.settings.algorithms(), NonceTTL: p.settings.NonceTTL, MaxNonces: 16384, SameURI: sameUser})
	if err != nil {
		return nil
	}
	p.realms[name] = s
	return s
}

// sameUser compares the uri of credentials with the Request-URI: whoever is
// called must be the one the credentials were made for. Hosts may differ: phones
// and tools write the server's address where the request names its domain, and
// proxies rewrite it (RFC 3261 §22.4 has the server decide).
func sameUser(digestURI, requestURI string) bool {
	signed := userOf(digestURI)
	return signed == "" || signed == userOf(requestURI)
}

func userOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		return unescape(rest[:i])
	}
	return ""
}

func (m *Module) hasDomain(name string) bool {
	return m.deps.Directory != nil && slices.Contains(m.deps.Directory.Domains(), name)
}

func (m *Module) defaultDomain() string {
	if m.deps.Directory != nil {
		if d := m.deps.Directory.DefaultDomain(); d != "" {
			return d
		}
	}
	return "tandem"
}

// user finds a user by the name and realm of credentials. A profile may force
// its users into one domain, whatever the phone was told; else a realm that is
// no domain of ours (an address of this host, say) means the default domain.
func (m *Module) user(p *profile, name, realm string) (core.User, bool) {
	if m.deps.Directory == nil {
		return core.User{}, false
	}
	domain := p.settings.ForceRegisterDomain
	if domain == "" {
		domain = realm
		if !m.hasDomain(domain) {
			domain = ""
		}
	}
	u, ok := m.deps.Directory.User(domain, name)
	if !ok || u.ID != name && u.Params["auth-username"] != name {
		return core.User{}, false // found by its alias only
	}
	return u, true
}

// secretOf is what a user of the directory is verified against. A user without
// password cannot authenticate.
func secretOf(u core.User) digest.A1 {
	if u.A1Hash != "" {
		if a1, ok := digest.HashA1(u.A1Hash); ok {
			return a1
		}
	}
	return digest.A1{Password: u.Password}
}

// authorize takes a 401 or 407 to our request; false where another try is useless.
func (l *leg) authorize(req *sip.Request, res *sip.Response) bool {
	if l.auth == nil {
		return false
	}
	proxy := res.StatusCode == 407
	name := "WWW-Authenticate"
	if proxy {
		name = "Proxy-Authenticate"
	}
	var sent []digest.Header
	for _, h := range []string{"Authorization", "Proxy-Authorization"} {
		for _, v := range raws(req, h) {
			sent = append(sent, digest.Header{Name: h, Value: v})
		}
	}
	if err := l.auth.Challenged(proxy, raws(res, name), sent); err != nil {
		l.log.Info("challenge not answered", "status", res.StatusCode, "err", err)
		return false
	}
	return true
}

// addCredentials adds what earlier challenges asked for.
func (l *leg) addCredentials(req *sip.Request) {
	if l.auth == nil {
		return
	}
	method := string(req.Method)
	if req.Method == sip.ACK {
		method = string(sip.INVITE) // RFC 3261 §22.1: the INVITE's credentials serve
	}
	for _, h := range l.auth.Authorize(method, req.Recipient.String(), req.Body()) {
		req.AppendHeader(sip.NewHeader(h.Name, h.Value))
	}
}
