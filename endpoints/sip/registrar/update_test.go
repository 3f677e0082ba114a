package registrar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/core"
)

var (
	alice = core.AOR{User: "1000", Domain: "pbx.example"}
	t0    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// at is a contact without parameters.
func at(uri string) Contact { return Contact{URI: uri, Expires: Unsaid, Q: -1} }

func lasting(uri string, d time.Duration) Contact {
	c := at(uri)
	c.Expires = d
	return c
}

func device(uri, instance string, regID int) Contact {
	c := at(uri)
	c.Instance, c.RegID = instance, regID
	return c
}

func preferred(uri string, q float64) Contact {
	c := at(uri)
	c.Q = q
	return c
}

// reg is a REGISTER of alice with Call-ID and CSeq.
func reg(callID string, cseq uint32, contacts ...Contact) Request {
	return Request{AOR: alice, CallID: callID, CSeq: cseq, Contacts: contacts, Expires: Unsaid}
}

func wildcard(callID string, cseq uint32) Request {
	return Request{AOR: alice, CallID: callID, CSeq: cseq, Wildcard: true}
}

func single(r Request) Request {
	r.Single = true
	return r
}

// show is a list as "uri=seconds …".
func show(now time.Time, list []Binding) string {
	var out []string
	for _, b := range list {
		out = append(out, fmt.Sprintf("%s=%d", b.URI, b.Remaining(now)/time.Second))
	}
	return strings.Join(out, " ")
}

// step is one REGISTER, one second after the one before, and what has to follow.
type step struct {
	r       Request
	want    string // bindings after it
	changes string // kinds without their prefix
	status  int    // of the error; 0: none
}

func TestUpdate(t *testing.T) {
	const a, b = "sip:1000@192.0.2.1:5060", "sip:1000@192.0.2.2:5060"
	tests := []struct {
		name   string
		policy Policy
		steps  []step
	}{
		{"RFC 3665 §2: add, refresh, fetch, remove", Policy{}, []step{
			{r: reg("c", 1), want: ""},
			{r: reg("c", 2, lasting(a, 600*time.Second)), want: a + "=600", changes: "added"},
			{r: reg("c", 3), want: a + "=599"},
			{r: reg("c", 4, lasting(a, 600*time.Second)), want: a + "=600", changes: "refreshed"},
			{r: reg("c", 5, lasting(a, 0)), want: "", changes: "expired:unregistered"},
			{r: reg("c", 6, lasting(a, 0)), want: ""},
		}},
		{"two phones of one user", Policy{}, []step{
			{r: reg("c1", 1, at(a)), want: a + "=3600", changes: "added"},
			{r: reg("c2", 1, at(b)), want: a + "=3599 " + b + "=3600", changes: "added"},
			{r: reg("c2", 2, lasting(b, 0)), want: a + "=3598", changes: "expired:unregistered"},
		}},
		{"higher q goes first", Policy{}, []step{
			{r: reg("c1", 1, preferred(a, 0.3), preferred(b, 0.7)), want: b + "=3600 " + a + "=3600", changes: "added added"},
		}},
		{"the expires parameter beats the header", Policy{}, []step{
			{r: Request{AOR: alice, CallID: "c", CSeq: 1, Contacts: []Contact{lasting(a, 100*time.Second), at(b)}, Expires: 200 * time.Second}, want: a + "=100 " + b + "=200", changes: "added added"},
		}},
		{"nothing said: the default", Policy{DefaultExpires: 5 * time.Minute}, []step{
			{r: reg("c", 1, at(a)), want: a + "=300", changes: "added"},
		}},
		{"too long is cut", Policy{MaxExpires: 10 * time.Minute}, []step{
			{r: reg("c", 1, lasting(a, (1<<32-1)*time.Second)), want: a + "=600", changes: "added"},
			{r: Request{AOR: alice, CallID: "c", CSeq: 2, Contacts: []Contact{at(a)}, Expires: time.Hour, MaxExpires: time.Minute}, want: a + "=60", changes: "refreshed"},
		}},
		{"too brief is 423", Policy{MinExpires: time.Minute}, []step{
			{r: reg("c", 1, lasting(a, 59*time.Second)), status: 423},
			{r: reg("c", 2, lasting(a, 60*time.Second)), want: a + "=60", changes: "added"},
			{r: reg("c", 3, lasting(a, 0)), want: "", changes: "expired:unregistered"},
		}},
		{"an hour is never too brief", Policy{MinExpires: 2 * time.Hour, MaxExpires: 3 * time.Hour}, []step{
			{r: reg("c", 1, lasting(a, time.Hour)), want: a + "=3600", changes: "added"},
		}},
		{"all or nothing", Policy{}, []step{
			{r: reg("c", 1, at(a)), want: a + "=3600", changes: "added"},
			{r: reg("d", 1, lasting(a, 0), lasting(b, time.Second)), want: a + "=3599", status: 423},
			{r: reg("d", 2, lasting(a, 0), at(b)), want: b + "=3600", changes: "expired:unregistered added"},
		}},
		{"overtaken requests change nothing", Policy{}, []step{
			{r: reg("c", 5, at(a)), want: a + "=3600", changes: "added"},
			{r: reg("c", 4, lasting(a, 0)), status: 500, want: a + "=3599"},
			{r: reg("c", 5, lasting(a, 0)), status: 500, want: a + "=3598"},
			{r: wildcard("c", 5), status: 500, want: a + "=3597"},
			{r: reg("c", 4, at(b), lasting(a, 0)), status: 500, want: a + "=3596"},
			{r: reg("other", 1, lasting(a, 60*time.Second)), want: a + "=60", changes: "refreshed"}, // another Call-ID: a restarted phone
		}},
		{"wildcard", Policy{}, []step{
			{r: reg("c", 1, at(a), at(b)), want: a + "=3600 " + b + "=3600", changes: "added added"},
			{r: Request{AOR: alice, CallID: "c", CSeq: 2, Wildcard: true, Expires: 60 * time.Second}, status: 400, want: a + "=3599 " + b + "=3599"},
			{r: Request{AOR: alice, CallID: "c", CSeq: 2, Wildcard: true, Expires: Unsaid}, status: 400, want: a + "=3598 " + b + "=3598"},
			{r: Request{AOR: alice, CallID: "c", CSeq: 2, Wildcard: true, Contacts: []Contact{at(a)}}, status: 400, want: a + "=3597 " + b + "=3597"},
			{r: wildcard("c", 2), want: "", changes: "expired:unregistered expired:unregistered"},
			{r: wildcard("c", 3), want: ""},
		}},
		{"a device that comes back from elsewhere is the same", Policy{}, []step{
			{r: reg("c1", 1, device(a, "<urn:uuid:1>", 0)), want: a + "=3600", changes: "added"},
			{r: reg("c2", 1, device(b, "<urn:uuid:1>", 0)), want: b + "=3600", changes: "refreshed"},
			{r: reg("c3", 1, device(a, "<urn:uuid:2>", 0)), want: b + "=3599 " + a + "=3600", changes: "added"},
		}},
		{"RFC 5626: a flow per reg-id", Policy{}, []step{
			{r: reg("c1", 1, device(a, "<urn:uuid:1>", 1)), want: a + "=3600", changes: "added"},
			{r: reg("c1", 2, device(b, "<urn:uuid:1>", 2)), want: a + "=3599 " + b + "=3600", changes: "added"},
			{r: reg("c2", 1, device("sip:1000@192.0.2.3", "<urn:uuid:1>", 2)), want: a + "=3598 sip:1000@192.0.2.3=3600", changes: "refreshed"},
		}},
		{"a device takes over the contact it had without an instance", Policy{}, []step{
			{r: reg("c1", 1, device(a, "<urn:uuid:1>", 0)), want: a + "=3600", changes: "added"},
			{r: reg("c2", 1, at(b)), want: a + "=3599 " + b + "=3600", changes: "added"},
			{r: reg("c2", 1, device(b, "<urn:uuid:1>", 0)), status: 500, want: a + "=3598 " + b + "=3599"},
			{r: reg("c2", 2, device(b, "<urn:uuid:1>", 0)), want: b + "=3600", changes: "expired:replaced refreshed"},
		}},
		{"the same contact twice: the last counts", Policy{}, []step{
			{r: reg("c1", 1, lasting(a, 60*time.Second), lasting(a, 90*time.Second)), want: a + "=90", changes: "added refreshed"},
		}},
		{"at most MaxContacts", Policy{MaxContacts: 1}, []step{
			{r: reg("c1", 1, at(a)), want: a + "=3600", changes: "added"},
			{r: reg("c2", 1, at(b)), status: 403, want: a + "=3599"},
			{r: reg("c2", 2, at(b), lasting(a, 0)), want: b + "=3600", changes: "added expired:unregistered"},
			{r: Request{AOR: alice, CallID: "c1", CSeq: 3, Contacts: []Contact{at(a)}, Expires: Unsaid, MaxContacts: 2}, want: b + "=3599 " + a + "=3600", changes: "added"},
			{r: reg("c2", 4, at(b)), want: b + "=3600 " + a + "=3599", changes: "refreshed"}, // over the limit, but not growing
		}},
		{"multiple-registrations false", Policy{Multiple: MultipleNone}, []step{
			{r: reg("c1", 1, at(a)), want: a + "=3600", changes: "added"},
			{r: reg("c2", 1, at(b)), want: b + "=3600", changes: "added expired:replaced"},
			{r: reg("c3", 1), want: b + "=3599"},
			{r: reg("c3", 2, lasting(a, 0)), want: b + "=3598"},
		}},
		{"a user with one contact only", Policy{}, []step{
			{r: reg("c1", 1, at(a)), want: a + "=3600", changes: "added"},
			{r: single(reg("c2", 1, at(b))), want: b + "=3600", changes: "added expired:replaced"},
		}},
		{"multiple-registrations call-id", Policy{Multiple: MultipleCallIDs}, []step{
			{r: reg("c1", 1, at(a)), want: a + "=3600", changes: "added"},
			{r: reg("c2", 1, at(b)), want: a + "=3599 " + b + "=3600", changes: "added"},
			{r: reg("c1", 2, at("sip:1000@192.0.2.3")), want: b + "=3599 sip:1000@192.0.2.3=3600", changes: "added expired:replaced"},
			{r: reg("c1", 1, at(a)), status: 500, want: b + "=3598 sip:1000@192.0.2.3=3599"},
		}},
		{"contacts that are none", Policy{}, []step{
			{r: reg("c1", 1, at("")), status: 400},
			{r: reg("c1", 1, at("sip:"+strings.Repeat("x", maxURIBytes))), status: 400},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var list []Binding
			for i, s := range tt.steps {
				now := t0.Add(time.Duration(i) * time.Second)
				before := show(now, list)
				next, changes, err := update(now, tt.policy.withDefaults(), list, &s.r)
				e, _ := errors.AsType[*Error](err)
				if e == nil && (err != nil || s.status != 0) || e != nil && e.Status != s.status {
					t.Fatalf("step %d: %v, want status %d", i, err, s.status)
				}
				if after := show(now, list); after != before {
					t.Fatalf("step %d changed the old list from %s to %s", i, before, after)
				}
				if err == nil {
					list = next
				}
				if got := show(now, list); got != s.want {
					t.Fatalf("step %d: %q, want %q", i, got, s.want)
				}
				var kinds []string
				for _, c := range changes {
					kinds = append(kinds, strings.TrimSuffix(strings.TrimPrefix(string(c.kind), "registration.")+":"+c.reason, ":"))
				}
				if got := strings.Join(kinds, " "); got != s.changes {
					t.Fatalf("step %d: changes %q, want %q", i, got, s.changes)
				}
			}
		})
	}
}

func TestTooBriefNamesTheMinimum(t *testing.T) {
	r := reg("c", 1, lasting("sip:a@b", time.Second))
	_, _, err := update(t0, Policy{MinExpires: 2 * time.Minute}.withDefaults(), nil, &r)
	if e, ok := errors.AsType[*Error](err); !ok || e.MinExpires != 2*time.Minute {
		t.Errorf("update: %v, want Min-Expires 120", err)
	}
}

func TestRefreshKeepsTheFirstTime(t *testing.T) {
	r := reg("c", 1, at("sip:a@b"))
	list, _, err := update(t0, Policy{}.withDefaults(), nil, &r)
	if err != nil {
		t.Fatal(err)
	}
	r.CSeq++
	later := t0.Add(time.Minute)
	if list, _, err = update(later, Policy{}.withDefaults(), list, &r); err != nil {
		t.Fatal(err)
	}
	if b := list[0]; !b.Registered.Equal(t0) || !b.Refreshed.Equal(later) || b.CSeq != 2 {
		t.Errorf("binding %+v", b)
	}
}

func TestRemainingIsNeverZeroForALiveBinding(t *testing.T) {
	b := Binding{Expires: t0}
	for before, want := range map[time.Duration]time.Duration{
		time.Millisecond: time.Second, time.Second: time.Second, 1001 * time.Millisecond: 2 * time.Second, 0: 0, -time.Hour: 0,
	} {
		if got := b.Remaining(t0.Add(-before)); got != want {
			t.Errorf("%v before: %v, want %v", before, got, want)
		}
	}
}

func TestParseMultiple(t *testing.T) {
	for word, want := range map[string]Multiple{"contact": MultipleContacts, "true": MultipleCallIDs, "call-id": MultipleCallIDs, "false": MultipleNone} {
		if got, ok := ParseMultiple(word); !ok || got != want {
			t.Errorf("ParseMultiple(%q) = %v, %v", word, got, ok)
		}
	}
	if _, ok := ParseMultiple("perhaps"); ok {
		t.Error("ParseMultiple took a word it does not know")
	}
}
