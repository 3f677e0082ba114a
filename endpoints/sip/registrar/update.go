package registrar

import (
	"fmt"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Request is what a registrar needs of an authenticated REGISTER: plain values.
type Request struct {
	AOR      core.AOR // of the To header; the domain is compared without case
	CallID   string
	CSeq     uint32
	Contacts []Contact
	Wildcard bool          // Contact: *
	Expires  time.Duration // Expires header; Unsaid if absent

	Profile   string
	Transport string
	Received  string
	UserAgent string
	Path      []string

	// What the user or the profile wants for this registration.
	Single      bool          // one contact only: it replaces all others
	MaxContacts int           // in place of Policy.MaxContacts; 0: that one
	MaxExpires  time.Duration // a lower ceiling, such as for phones behind NAT; 0: none
}

// Contact is one value of the Contact header.
type Contact struct {
	URI      string
	Expires  time.Duration // expires parameter; Unsaid if absent
	Q        float64       // q parameter; negative if absent
	Instance string        // +sip.instance, without quotes
	RegID    int           // reg-id; 0 if absent
}

// Unsaid stands for an expiry that the request does not name.
const Unsaid time.Duration = -1

// Error is a refused REGISTER with its answer.
type Error struct {
	Status     int
	Reason     string        // reason phrase, nothing internal in it
	MinExpires time.Duration // for Min-Expires with 423
	Detail     string        // for the log
}

// Error is for the log.
func (e *Error) Error() string {
	return fmt.Sprintf("registrar: %d %s: %s", e.Status, e.Reason, e.Detail)
}

// Multiple says which of a user's contacts live side by side: FreeSWITCH's
// multiple-registrations.
type Multiple uint8

const (
	// MultipleContacts: every contact URI or instance is a binding of its own.
	// The word is "contact".
	MultipleContacts Multiple = iota
	// MultipleCallIDs: as before, but a REGISTER replaces what the same Call-ID
	// registered before. The words are "true" and "call-id".
	MultipleCallIDs
	// MultipleNone: a REGISTER replaces all others. The word is "false".
	MultipleNone
)

// ParseMultiple reads the words of the configuration.
func ParseMultiple(word string) (Multiple, bool) {
	switch word {
	case "contact":
		return MultipleContacts, true
	case "true", "call-id":
		return MultipleCallIDs, true
	case "false":
		return MultipleNone, true
	}
	return 0, false
}

// Policy bounds what phones may register. The zero value of a field means its
// default.
type Policy struct {
	Multiple       Multiple
	DefaultExpires time.Duration // where the phone does not say; default 1 h
	MinExpires     time.Duration // shorter ones get 423; default 30 s
	MaxExpires     time.Duration // longer ones are cut; default 1 h
	MaxContacts    int           // bindings of one AOR; default 10
	MaxAORs        int           // registered AORs; default 100,000
}

// Defaults of Policy. Half a minute is what phones behind NAT use to keep their
// binding alive; a phone with an hour's binding that vanishes is called in vain
// for at most an hour.
const (
	defaultExpires     = time.Hour
	defaultMinExpires  = 30 * time.Second
	defaultMaxContacts = 10
	defaultMaxAORs     = 100_000
)

// maxMinExpires: a registrar must not refuse an hour or more as too brief
// (RFC 3261 §10.3 step 7).
const maxMinExpires = time.Hour

// maxURIBytes bounds a contact URI; with a push token it stays under 1 kB.
const maxURIBytes = 2048

func (p Policy) withDefaults() Policy {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&p.MinExpires, defaultMinExpires)
	set(&p.MaxExpires, max(defaultExpires, p.MinExpires))
	set(&p.DefaultExpires, defaultExpires)
	p.MinExpires = min(p.MinExpires, maxMinExpires)
	p.DefaultExpires = min(max(p.DefaultExpires, p.MinExpires), p.MaxExpires)
	if p.MaxContacts <= 0 {
		p.MaxContacts = defaultMaxContacts
	}
	if p.MaxAORs <= 0 {
		p.MaxAORs = defaultMaxAORs
	}
	return p
}

// changeKind is what happened to a binding; its text is the notice's.
type changeKind string

const (
	added     changeKind = "registration.added"
	refreshed changeKind = "registration.refreshed"
	expired   changeKind = "registration.expired" // for any reason
)

// Reasons of an expired binding.
const (
	reasonTimeout      = "timeout"
	reasonUnregistered = "unregistered"
	reasonReplaced     = "replaced"
	reasonRemoved      = "removed"
)

// change is one difference between the bindings before and after.
type change struct {
	kind    changeKind
	binding Binding
	reason  string // of expired
}

// update carries out the steps 6 to 8 of RFC 3261 §10.3 on the live bindings of
// an AOR: all of the request, or nothing and an *Error. It returns a new list
// and changes neither argument.
func update(now time.Time, p Policy, old []Binding, r *Request) (list []Binding, changes []change, err error) {
	if r.Wildcard {
		return removeAll(old, r)
	}
	list = slices.Clone(old)
	kept := make(map[string]bool, len(r.Contacts)) // URIs this request registers
	for i := range r.Contacts {
		c := &r.Contacts[i]
		lifetime, err := lifetime(p, c, r)
		if err != nil {
			return nil, nil, err
		}
		rest, same := part(list, c)
		for j := range same {
			if kept[same[j].URI] {
				continue // a contact given twice: the last one counts
			}
			if err := checkOrder(&same[j], r); err != nil {
				return nil, nil, err
			}
		}
		list = rest
		if lifetime == 0 { // removing what is not there is no error
			changes = append(changes, ended(same, reasonUnregistered)...)
			continue
		}
		b := bind(now, lifetime, c, r)
		kind := added
		if len(same) > 0 {
			b.Registered, kind = same[0].Registered, refreshed
			changes = append(changes, ended(same[1:], reasonReplaced)...)
		}
		list, kept[b.URI] = append(list, b), true
		changes = append(changes, change{kind: kind, binding: b})
	}
	if len(kept) > 0 {
		if list, changes, err = replace(p, list, changes, kept, r); err != nil {
			return nil, nil, err
		}
	}
	// A limit that was lowered does not keep a phone from refreshing.
	if limit := contactLimit(p, r); len(list) > limit && len(list) > len(old) {
		return nil, nil, &Error{Status: 403, Reason: "Too Many Contacts", Detail: fmt.Sprintf("%d contacts, at most %d", len(list), limit)}
	}
	order(list)
	return list, changes, nil
}

// part splits list into the bindings that are another contact than c and those
// that are the same. There may be several of these: a device that was known by
// its instance takes over the URI of one that was not.
func part(list []Binding, c *Contact) (rest, same []Binding) {
	for _, b := range list {
		if b.is(c) {
			same = append(same, b)
		} else {
			rest = append(rest, b)
		}
	}
	return rest, same
}

// ended are the changes that end every binding of a list.
func ended(list []Binding, reason string) []change {
	var changes []change
	for _, b := range list {
		changes = append(changes, change{expired, b, reason})
	}
	return changes
}

func contactLimit(p Policy, r *Request) int {
	if r.MaxContacts > 0 {
		return r.MaxContacts
	}
	return p.MaxContacts
}

// lifetime is how long a contact will be bound; 0 removes it.
func lifetime(p Policy, c *Contact, r *Request) (time.Duration, error) {
	if c.URI == "" || len(c.URI) > maxURIBytes {
		return 0, &Error{Status: 400, Reason: "Bad Contact", Detail: fmt.Sprintf("contact URI of %d bytes", len(c.URI))}
	}
	asked := c.Expires
	if asked < 0 {
		asked = r.Expires
	}
	if asked < 0 {
		asked = p.DefaultExpires
	}
	if asked == 0 {
		return 0, nil
	}
	if asked < p.MinExpires {
		return 0, &Error{
			Status: 423, Reason: "Interval Too Brief", MinExpires: p.MinExpires,
			Detail: fmt.Sprintf("asked for %v, at least %v", asked, p.MinExpires),
		}
	}
	asked = min(asked, p.MaxExpires)
	if r.MaxExpires > 0 {
		asked = min(asked, r.MaxExpires)
	}
	return asked, nil
}

// checkOrder refuses a request that was overtaken by a later one of the same
// Call-ID (RFC 3261 §10.3 step 7).
func checkOrder(b *Binding, r *Request) error {
	if b.CallID == r.CallID && r.CSeq <= b.CSeq {
		return &Error{Status: 500, Reason: "Out Of Order", Detail: fmt.Sprintf("CSeq %d after %d", r.CSeq, b.CSeq)}
	}
	return nil
}

// removeAll is Contact: * (RFC 3261 §10.3 step 6).
func removeAll(old []Binding, r *Request) ([]Binding, []change, error) {
	if len(r.Contacts) > 0 || r.Expires != 0 {
		return nil, nil, &Error{Status: 400, Reason: "Bad Wildcard", Detail: "Contact * needs Expires 0 and no other contact"}
	}
	for i := range old {
		if err := checkOrder(&old[i], r); err != nil {
			return nil, nil, err
		}
	}
	return nil, ended(old, reasonUnregistered), nil
}

// replace removes what the new contacts take the place of.
func replace(p Policy, list []Binding, changes []change, kept map[string]bool, r *Request) ([]Binding, []change, error) {
	rest := list[:0]
	for _, b := range list {
		gone := r.Single || p.Multiple == MultipleNone || p.Multiple == MultipleCallIDs && b.CallID == r.CallID
		if !gone || kept[b.URI] {
			rest = append(rest, b)
			continue
		}
		if err := checkOrder(&b, r); err != nil {
			return nil, nil, err
		}
		changes = append(changes, change{expired, b, reasonReplaced})
	}
	return rest, changes, nil
}

func bind(now time.Time, lifetime time.Duration, c *Contact, r *Request) Binding {
	q := c.Q
	if q < 0 || q > 1 {
		q = 1
	}
	return Binding{
		AOR: r.AOR, URI: c.URI, Instance: c.Instance, RegID: c.RegID,
		CallID: r.CallID, CSeq: r.CSeq, Q: q, Path: r.Path,
		Profile: r.Profile, Transport: r.Transport, Received: r.Received, UserAgent: r.UserAgent,
		Registered: now, Refreshed: now, Expires: now.Add(lifetime),
	}
}
