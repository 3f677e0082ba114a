package originate

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/core/originate/dialstring"
)

// maxRedirects bounds a chain of 3xx answers (RFC 3261 §8.1.3.4 asks for loop
// detection; five is what phones forward to one another at most).
const maxRedirects = 5

// maxContacts bounds the contacts of one 3xx that are tried: a stranger must
// not make us ring the whole town.
const maxContacts = 10

// follow puts the contacts of a 3xx in the place of the leg that was
// redirected; false if it names none that we may try. A contact of our own
// domain goes through the dialplan.
func (r *race) follow(c *candidate) bool {
	at := slices.Index(r.candidates, c)
	if at < 0 || len(c.redirects) == 0 || c.hops >= maxRedirects || c.flag("outbound_redirect_fatal") {
		return false
	}
	var next []*candidate
	vars := maps.Clone(c.vars)
	for name := range vars {
		if strings.EqualFold(name, "dialed_user") || strings.EqualFold(name, "origination_uuid") {
			delete(vars, name) // they were the redirected leg's
		}
	}
	profile, _, _ := strings.Cut(c.target, "/")
	for _, uri := range c.redirects {
		if len(next) == maxContacts || len(r.candidates)+len(next) > dialstring.MaxForks {
			break
		}
		n := &candidate{
			prefix: c.prefix, target: profile + "/" + uri, vars: vars, delay: c.delay, limit: c.limit, progressLimit: c.progressLimit,
			required: c.required, hops: c.hops + 1,
		}
		if user, ok := r.local(uri); ok {
			n.prefix, n.target = "loopback", user+"/"+r.context()
		}
		next = append(next, n)
	}
	// They stand where it stood: the first-listed leg speaks for the outcome.
	r.candidates = slices.Replace(r.candidates, at, at+1, next...)
	now := time.Now()
	for _, n := range next {
		n.began = now
		if err := r.t.place(n, r, r.deadline.Sub(now)); err != nil {
			n.fail(err)
			r.t.settledLeg(n, n.cause)
			continue
		}
		r.t.placed(n)
	}
	return true
}

// local returns the user of a URI in one of our domains.
func (r *race) local(uri string) (string, bool) {
	rest := strings.TrimPrefix(strings.TrimPrefix(uri, "sips:"), "sip:")
	user, host, ok := strings.Cut(rest, "@")
	if !ok || user == "" || r.t.o.deps.Directory == nil {
		return "", false
	}
	if i := strings.IndexAny(host, ":;?>"); i >= 0 && !strings.HasPrefix(host, "[") {
		host = host[:i]
	}
	for _, d := range r.t.o.deps.Directory.Domains() {
		if strings.EqualFold(d, host) {
			user, _, _ = strings.Cut(user, ";")
			return user, true
		}
	}
	return "", false
}

func (r *race) context() string {
	if a := r.t.req.A; a != nil {
		if c := a.Profile().Context; c != "" {
			return c
		}
	}
	return "default"
}
