// Package directory holds the domains, users and groups of section directory
// as an immutable snapshot that is swapped on reload.
//
//	<domain> ─┬─ params, variables            count for every user below
//	          ├─ groups ─ group ─┬─ params, variables
//	          │                  └─ users ─ user ─ params, variables
//	          └─ users ─ user
//
// A user's own values win over its group's, and those over the domain's. The
// package starts no goroutine and reads no files; core/config does.
package directory

import (
	"net/netip"
	"sync/atomic"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/config"
)

// Directory implements core.Directory. All methods may be called from any
// goroutine, none blocks, and each works on one snapshot from its start to its end.
// The maps and slices of a core.User are shared by all callers and must not be
// changed.
type Directory struct{ current atomic.Pointer[Snapshot] }

var _ core.Directory = (*Directory)(nil)

// New reads section <section name="directory">, nil for an empty directory.
// defaultDomain (the variable "domain") is where users without a domain are
// looked up; if there is no such domain it is the first one. Errors are all
// problems at once, as config.Errors.
func New(section *config.Node, defaultDomain string) (*Directory, error) {
	d := &Directory{}
	return d, d.Reload(section, defaultDomain)
}

// Reload reads the section anew and swaps it in whole; on error the directory
// stays as it is.
func (d *Directory) Reload(section *config.Node, defaultDomain string) error {
	s, err := Read(section, defaultDomain)
	if err == nil || d.current.Load() == nil {
		d.current.Store(s)
	}
	return err
}

// Snapshot returns the directory as it is now; it never changes.
func (d *Directory) Snapshot() *Snapshot { return d.current.Load() }

// User finds a user by id or number-alias, without regard to case; an empty
// domain is the default one.
func (d *Directory) User(domain, id string) (core.User, bool) { return d.Snapshot().User(domain, id) }

// UserAt finds the user whose cidr holds the address, the longest prefix first.
func (d *Directory) UserAt(domain string, addr netip.Addr) (core.User, bool) {
	return d.Snapshot().UserAt(domain, addr)
}

// Group lists the members of a group in the order of the document; false if
// there is no such group.
func (d *Directory) Group(domain, name string) ([]core.User, bool) {
	return d.Snapshot().Group(domain, name)
}

// Domains lists the domains in the order of the document.
func (d *Directory) Domains() []string { return d.Snapshot().Domains() }

// Users lists the users of a domain in the order of the document.
func (d *Directory) Users(domain string) []core.User { return d.Snapshot().Users(domain) }

// Groups lists the groups of a domain in the order of the document.
func (d *Directory) Groups(domain string) []string { return d.Snapshot().Groups(domain) }

// Domain returns the domain's own params (names in lower case) and variables.
func (d *Directory) Domain(name string) (params, vars map[string]string, ok bool) {
	return d.Snapshot().Domain(name)
}

// DefaultDomain is where users without a domain are looked up, "" if there is
// no domain at all.
func (d *Directory) DefaultDomain() string { return d.Snapshot().DefaultDomain() }

// Node returns the <user> element, for what only one module reads, such as
// <gateways>; nil if there is no such user.
func (d *Directory) Node(domain, id string) *config.Node { return d.Snapshot().Node(domain, id) }
