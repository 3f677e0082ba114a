package registrar

import (
	"testing"
	"time"
)

// FuzzSameURI holds: no panic, equal to itself, and the same both ways round.
func FuzzSameURI(f *testing.F) {
	for _, c := range uriTable {
		f.Add(c.a, c.b)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !sameURI(a, a) || sameURI(a, b) != sameURI(b, a) {
			t.Errorf("sameURI(%q, %q) is not an equality", a, b)
		}
	})
}

// FuzzUpdate runs a script of REGISTERs, four bytes each, and holds: no panic,
// never more contacts than allowed, never two of one URI, nothing without time
// left, and no change after an error.
func FuzzUpdate(f *testing.F) {
	f.Add([]byte{0x01, 1, 60, 0, 0x12, 1, 60, 1, 0x01, 2, 0, 0, 0xf0, 9, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		p := Policy{MaxContacts: 3, MinExpires: 10 * time.Second}.withDefaults()
		now := t0
		var list []Binding
		for ; len(script) >= 4; script = script[4:] {
			uris := [...]string{uriA, uriB, uriA + ";transport=tcp", uriA + ";x=1"}
			c := lasting(uris[script[0]&3], time.Duration(script[2])*time.Second)
			if script[3]&1 != 0 {
				c.Instance, c.RegID = "<urn:uuid:1>", int(script[3]>>6)
			}
			r := reg(string('a'+rune(script[0]>>2&3)), uint32(script[1]), c)
			if script[3]&2 != 0 {
				r.Contacts = append(r.Contacts, at(uris[script[3]>>2&3]))
			}
			if script[0] >= 0xf0 {
				r = wildcard(r.CallID, r.CSeq)
			}
			p.Multiple, r.Single = Multiple(script[3]>>4&1), script[3]&0x20 != 0
			next, changes, err := update(now, p, list, &r)
			if err != nil && (next != nil || changes != nil) {
				t.Fatalf("%v with %d bindings", err, len(next))
			}
			if err == nil {
				list = next
			}
			if len(list) > p.MaxContacts {
				t.Fatalf("%d contacts, at most %d", len(list), p.MaxContacts)
			}
			for i, b := range list {
				for _, o := range list[:i] {
					if b.URI == o.URI && b.Instance == "" && o.Instance == "" {
						t.Fatalf("%s is bound twice", b.URI)
					}
				}
			}
			now = now.Add(time.Duration(script[1]) * time.Second)
			list, _ = split(list, now)
			for _, b := range list {
				if b.Remaining(now) <= 0 {
					t.Fatalf("%s has no time left", b.URI)
				}
			}
		}
	})
}
