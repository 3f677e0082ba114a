package directory

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
)

// Snapshot is the directory at one moment. It never changes. Its methods are
// those of Directory.
type Snapshot struct {
	domains  []*domain
	byName   map[string]*domain
	fallback string // default domain
}

type domain struct {
	name         string
	params, vars map[string]string
	users        []*user
	byKey        map[string]*user // lower-case id or number-alias
	groups       []*group
	byGroup      map[string]*group
	nets         []network // longest prefix first
}

type user struct {
	core.User
	node *config.Node
}

type group struct {
	name         string
	node         *config.Node
	params, vars map[string]string
	members      []*user        // nil where a pointer is still to be resolved
	refs         []*config.Node // those pointers, in order
}

type network struct {
	prefix netip.Prefix
	user   *user
}

// domainKey makes names of hosts comparable: no case, no brackets of IPv6
// addresses, no final dot.
func domainKey(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if inner, ok := strings.CutPrefix(name, "["); ok {
		name = strings.TrimSuffix(inner, "]")
	}
	return strings.TrimSuffix(name, ".")
}

func (s *Snapshot) domain(name string) *domain {
	if name == "" {
		name = s.fallback
	}
	return s.byName[domainKey(name)]
}

func (s *Snapshot) user(domain, id string) *user {
	d := s.domain(domain)
	if d == nil {
		return nil
	}
	return d.byKey[strings.ToLower(id)]
}

// User is Directory.User.
func (s *Snapshot) User(domain, id string) (core.User, bool) {
	if u := s.user(domain, id); u != nil {
		return u.User, true
	}
	return core.User{}, false
}

// Node is Directory.Node.
func (s *Snapshot) Node(domain, id string) *config.Node {
	if u := s.user(domain, id); u != nil {
		return u.node
	}
	return nil
}

// UserAt is Directory.UserAt.
func (s *Snapshot) UserAt(domain string, addr netip.Addr) (core.User, bool) {
	d := s.domain(domain)
	if d == nil {
		return core.User{}, false
	}
	addr = addr.Unmap().WithZone("")
	for _, n := range d.nets {
		if n.prefix.Contains(addr) {
			return n.user.User, true
		}
	}
	return core.User{}, false
}

// Group is Directory.Group.
func (s *Snapshot) Group(domain, name string) ([]core.User, bool) {
	d := s.domain(domain)
	if d == nil {
		return nil, false
	}
	g := d.byGroup[strings.ToLower(name)]
	if g == nil {
		return nil, false
	}
	return values(g.members), true
}

func values(users []*user) []core.User {
	all := make([]core.User, len(users))
	for i, u := range users {
		all[i] = u.User
	}
	return all
}

// Domains is Directory.Domains.
func (s *Snapshot) Domains() []string {
	names := make([]string, len(s.domains))
	for i, d := range s.domains {
		names[i] = d.name
	}
	return names
}

// Users is Directory.Users.
func (s *Snapshot) Users(domain string) []core.User {
	if d := s.domain(domain); d != nil {
		return values(d.users)
	}
	return nil
}

// Groups is Directory.Groups.
func (s *Snapshot) Groups(domain string) []string {
	d := s.domain(domain)
	if d == nil {
		return nil
	}
	names := make([]string, len(d.groups))
	for i, g := range d.groups {
		names[i] = g.name
	}
	return names
}

// Domain is Directory.Domain; the maps are copies.
func (s *Snapshot) Domain(name string) (params, vars map[string]string, ok bool) {
	if d := s.domain(name); d != nil {
		return maps.Clone(d.params), maps.Clone(d.vars), true
	}
	return nil, nil, false
}

// DefaultDomain is Directory.DefaultDomain.
func (s *Snapshot) DefaultDomain() string { return s.fallback }

// sortNets puts long prefixes first, so that the first hit is the best.
func (d *domain) sortNets() {
	slices.SortStableFunc(d.nets, func(a, b network) int { return b.prefix.Bits() - a.prefix.Bits() })
}
