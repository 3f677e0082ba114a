package directory

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
)

// Read makes a snapshot of the section. The snapshot is usable even with an
// error: what is wrong is left out.
func Read(section *config.Node, defaultDomain string) (*Snapshot, error) {
	r := &reader{s: &Snapshot{byName: map[string]*domain{}}}
	for n := range section.All("domain") {
		r.domain(n)
	}
	if d := r.s.byName[domainKey(defaultDomain)]; d != nil {
		r.s.fallback = d.name
	} else if len(r.s.domains) > 0 {
		r.s.fallback = r.s.domains[0].name
	}
	return r.s, r.errs.Err()
}

type reader struct {
	s    *Snapshot
	errs config.Errors
}

func (r *reader) errorf(n *config.Node, format string, args ...any) {
	r.errs = append(r.errs, n.Errorf(format, args...))
}

func (r *reader) domain(n *config.Node) {
	d := &domain{name: n.Attr("name"), params: r.params(n), vars: r.variables(n), byKey: map[string]*user{}, byGroup: map[string]*group{}}
	key := domainKey(d.name)
	switch first := r.s.byName[key]; {
	case key == "":
		r.errorf(n, "<domain> needs a name")
		return
	case first != nil:
		r.errorf(n, "domain %q is there twice", d.name)
		return
	}
	r.s.domains = append(r.s.domains, d)
	r.s.byName[key] = d
	// The old form: users of the domain itself.
	r.users(n, d, nil)
	for list := range n.All("users") {
		r.users(list, d, nil)
	}
	for list := range n.All("groups") {
		for g := range list.All("group") {
			r.group(g, d)
		}
	}
	r.resolve(d)
	d.sortNets()
	warnElements(n, "params", "variables", "profile-variables", "groups", "users", "user")
}

func (r *reader) group(n *config.Node, d *domain) {
	g := &group{name: n.Attr("name"), node: n, params: r.params(n), vars: r.variables(n)}
	key := strings.ToLower(g.name)
	switch first := d.byGroup[key]; {
	case key == "":
		r.errorf(n, "<group> needs a name")
		return
	case first != nil:
		r.errorf(n, "group %q is there twice, first at %s", g.name, first.node.Pos)
		return
	}
	d.groups = append(d.groups, g)
	d.byGroup[key] = g
	r.users(n, d, g)
	for list := range n.All("users") {
		r.users(list, d, g)
	}
	warnElements(n, "params", "variables", "profile-variables", "users", "user")
}

// users reads the <user> children of n; g is nil for those of the domain itself.
func (r *reader) users(n *config.Node, d *domain, g *group) {
	for c := range n.All("user") {
		switch {
		case c.Attr("id") == "":
			r.errorf(c, "<user> needs an id")
		case strings.EqualFold(c.Attr("type"), "pointer"):
			r.pointer(c, g)
		default:
			r.user(c, d, g)
		}
	}
}

func (r *reader) pointer(n *config.Node, g *group) {
	if g == nil {
		n.Warnf("a pointer outside of a group means nothing")
		return
	}
	g.refs = append(g.refs, n)
	g.members = append(g.members, nil) // keeps the place in the order
}

func (r *reader) user(n *config.Node, d *domain, g *group) {
	u := &user{node: n, User: core.User{ID: n.Attr("id"), Domain: d.name, Alias: n.Attr("number-alias"), File: n.Pos.File, Line: n.Pos.Line,
		Params: maps.Clone(d.params), Variables: maps.Clone(d.vars)}}
	if g != nil {
		maps.Copy(u.Params, g.params)
		overlay(u.Variables, g.vars)
	}
	maps.Copy(u.Params, r.params(n))
	overlay(u.Variables, r.variables(n))
	r.credentials(u)
	if !r.index(u, d) {
		return
	}
	d.users = append(d.users, u)
	if g != nil {
		g.members = append(g.members, u)
	}
	r.networks(u, d)
	for _, name := range n.UnknownAttrs("id", "number-alias", "cidr", "cacheable", "type", "mailbox", "ip", "domain-name") {
		n.Warnf("unknown attribute %q of user %s", name, u.ID)
	}
	warnElements(n, "params", "variables", "profile-variables", "gateways", "vcard", "skinny")
}

// credentials takes the secrets out of the params, so that what prints params
// cannot print them.
func (r *reader) credentials(u *user) {
	password, given := u.Params["password"]
	u.Password, u.A1Hash = password, strings.ToLower(u.Params["a1-hash"])
	delete(u.Params, "password")
	delete(u.Params, "a1-hash")
	switch {
	case u.A1Hash != "":
		if len(u.A1Hash) != 32 || strings.Trim(u.A1Hash, "0123456789abcdef") != "" {
			r.errorf(u.node, "user %s: a1-hash is not an MD5 sum in hexadecimal", u.ID)
		}
	case given && password == "":
		u.node.Warnf("user %s has an empty password and cannot register", u.ID)
	case given && (password == u.ID || password == "1234"):
		u.node.Warnf("user %s has a password that scanners try first", u.ID)
	}
}

// index makes the user findable by its id and alias; both are unique in a domain.
func (r *reader) index(u *user, d *domain) bool {
	for _, key := range []string{u.ID, u.Alias} {
		other := d.byKey[strings.ToLower(key)]
		switch {
		case key == "" || other == u:
		case other != nil:
			r.errorf(u.node, "user %q is there twice, first at %s", key, other.node.Pos)
			return false
		}
	}
	for _, key := range []string{u.ID, u.Alias} {
		if key != "" {
			d.byKey[strings.ToLower(key)] = u
		}
	}
	return true
}

// networks reads cidr and ip: the addresses that stand for the user.
func (r *reader) networks(u *user, d *domain) {
	for text := range strings.SplitSeq(u.node.Attr("cidr")+","+u.node.Attr("ip"), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			r.errorf(u.node, "user %s: %q is not an address or a network such as 192.0.2.0/24", u.ID, text)
			continue
		}
		d.nets = append(d.nets, network{prefix.Masked(), u})
	}
}

// resolve puts users in place of pointers and tells users their groups.
func (r *reader) resolve(d *domain) {
	for _, g := range d.groups {
		refs := g.refs
		for i, u := range g.members {
			if u == nil {
				g.members[i] = d.byKey[strings.ToLower(refs[0].Attr("id"))]
				if g.members[i] == nil {
					r.errorf(refs[0], "group %q: there is no user %q in domain %s", g.name, refs[0].Attr("id"), d.name)
				}
				refs = refs[1:]
			}
		}
		g.refs = nil
		g.members = unique(g.members)
		for _, u := range g.members {
			u.Groups = append(u.Groups, g.name)
		}
	}
}

// unique drops holes and users that are there twice.
func unique(users []*user) []*user {
	seen := map[*user]bool{nil: true}
	return slices.DeleteFunc(users, func(u *user) bool {
		drop := seen[u]
		seen[u] = true
		return drop
	})
}

// params reads <params>, with names in lower case.
func (r *reader) params(n *config.Node) map[string]string {
	params := map[string]string{}
	r.pairs(n, "params", "param", func(p *config.Node, name, value string) {
		params[strings.ToLower(name)] = value
		if !knownParam(name) {
			p.Warnf("no module reads the directory param %q; it is kept for user_data", name)
		}
	})
	return params
}

// variables reads <variables>; <profile-variables> are set on the same channels.
func (r *reader) variables(n *config.Node) map[string]string {
	vars := map[string]string{}
	take := func(_ *config.Node, name, value string) { overlay(vars, map[string]string{name: value}) }
	r.pairs(n, "profile-variables", "variable", take)
	r.pairs(n, "variables", "variable", take)
	return vars
}

// overlay copies src over dst; names differ by more than case.
func overlay(dst, src map[string]string) {
	for name, value := range src {
		for old := range dst {
			if old != name && strings.EqualFold(old, name) {
				delete(dst, old)
			}
		}
		dst[name] = value
	}
}

func (r *reader) pairs(n *config.Node, list, element string, take func(p *config.Node, name, value string)) {
	for l := range n.All(list) {
		for p := range l.All(element) {
			if p.Attr("name") == "" || !p.HasAttr("value") {
				r.errorf(p, "<%s> needs name and value", element)
				continue
			}
			take(p, p.Attr("name"), p.Attr("value"))
		}
	}
}

func warnElements(n *config.Node, known ...string) {
	for c := range n.All("") {
		if !slices.Contains(known, c.Name) {
			c.Warnf("<%s> in <%s> is ignored", c.Name, n.Name)
		}
	}
}
