package registrar

import (
	"cmp"
	"slices"
	"time"

	"github.com/tandemswitch/tandem/core"
)

// Binding is one contact of an address of record, a plain value.
type Binding struct {
	AOR        core.AOR
	URI        string // as the phone wrote it, without the header's parameters
	Instance   string // +sip.instance, or empty
	RegID      int    // reg-id of RFC 5626; 0 if absent
	CallID     string
	CSeq       uint32
	Q          float64  // preference, 0…1; 1 where the phone says nothing
	Path       []string // RFC 3327; not changed after it was given to Register
	Profile    string   // SIP profile it came in on
	Transport  string   // "udp", "tcp" …
	Received   string   // ip:port the REGISTER came from
	UserAgent  string
	Registered time.Time // first REGISTER of this binding
	Refreshed  time.Time // latest REGISTER
	Expires    time.Time
}

// Remaining is the time left at now, in whole seconds as an expires parameter
// says them; a live binding never has 0.
func (b *Binding) Remaining(now time.Time) time.Duration {
	left := b.Expires.Sub(now)
	if left <= 0 {
		return 0
	}
	return (left + time.Second - 1).Truncate(time.Second)
}

// is says whether a contact of a request is this binding: the same device
// (RFC 5626 §6 where it has a reg-id), or the same URI (RFC 3261 §10.3). A phone
// that comes back from another address is so recognized by its instance.
func (b *Binding) is(c *Contact) bool {
	if b.Instance != "" && c.Instance != "" {
		return b.Instance == c.Instance && b.RegID == c.RegID
	}
	return sameURI(b.URI, c.URI)
}

// order sorts bindings as they are to be tried: higher q first, then the older
// ones, so that the order is stable.
func order(list []Binding) {
	slices.SortStableFunc(list, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(b.Q, a.Q), a.Registered.Compare(b.Registered))
	})
}
