package user_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tandemswitch/tandem/core"
	"github.com/tandemswitch/tandem/core/module"
	"github.com/tandemswitch/tandem/endpoints/user"
)

// house is a directory with contacts, globals and one API command.
type house struct {
	users    map[string]core.User
	contacts map[string][]core.Contact
}

func (h house) User(domain, id string) (core.User, bool) {
	u, ok := h.users[id+"@"+domain]
	return u, ok
}

func (house) Group(string, string) ([]core.User, bool)                { return nil, false }
func (house) Domains() []string                                       { return []string{"example.com"} }
func (house) Users(string) []core.User                                { return nil }
func (house) Groups(string) []string                                  { return nil }
func (house) Domain(string) (params, vars map[string]string, ok bool) { return nil, nil, false }
func (house) DefaultDomain() string                                   { return "example.com" }
func (h house) Contacts(a core.AOR) []core.Contact                    { return h.contacts[a.String()] }
func (house) AllContacts() []core.Contact                             { return nil }
func (house) Global(name string) (string, bool) {
	return map[string]string{"where": "internal"}[name], name == "where"
}
func (house) SetGlobal(string, string)      {}
func (house) AllGlobals() map[string]string { return nil }
func (house) List() []core.Command          { return nil }
func (house) Find(name string) (core.Command, bool) {
	return core.Command{Run: func(_ context.Context, _ core.Session, args string) (string, error) { return "sofia/" + args, nil }}, name == "sofia_contact"
}

func expander(t *testing.T) core.Expander {
	t.Helper()
	h := house{
		users: map[string]core.User{
			"1000@example.com": {ID: "1000", Domain: "example.com", Params: map[string]string{"dial-var-ring_x": "yes"}, Variables: map[string]string{"accountcode": "a7", "hold_music": "silence"}},
			"1001@example.com": {ID: "1001", Domain: "example.com", Params: map[string]string{"dial-string": "{presence=${dialed_user}}${sofia_contact(${where}/${dialed_user}@${dialed_domain})}"}},
			"1002@example.com": {ID: "1002", Domain: "example.com", Params: map[string]string{"dial-string": "${nothing}"}},
			"1003@example.com": {ID: "1003", Domain: "example.com"},
		},
		contacts: map[string][]core.Contact{"1000@example.com": {{Dial: "sofia/internal/sip:1000@192.0.2.1"}, {Dial: "sofia/internal/sip:1000@192.0.2.2"}}},
	}
	m, err := user.New(nil, core.Deps{Directory: h, Locator: h, Globals: h, Commands: h})
	if err != nil {
		t.Fatal(err)
	}
	return m.(module.ExpanderProvider).Expanders()[0]
}

func TestContactsRingTogether(t *testing.T) {
	dial, vars, err := expander(t).Expand(t.Context(), "1000", map[string]string{"Hold_Music": "mine"})
	if err != nil || dial != "sofia/internal/sip:1000@192.0.2.1,sofia/internal/sip:1000@192.0.2.2" {
		t.Errorf("%q, %v", dial, err)
	}
	for name, want := range map[string]string{
		"dialed_user": "1000", "dialed_domain": "example.com", "presence_id": "1000@example.com", "ring_x": "yes", "accountcode": "a7",
		"hold_music": "", // the caller's own wins
	} {
		if vars[name] != want {
			t.Errorf("%s = %q, want %q", name, vars[name], want)
		}
	}
}

func TestDialStringOfTheDirectory(t *testing.T) {
	dial, _, err := expander(t).Expand(t.Context(), "1001@example.com", nil)
	if want := "{presence=1001}sofia/internal/1001@example.com"; err != nil || dial != want {
		t.Errorf("%q, %v, want %q", dial, err, want)
	}
}

func TestNobody(t *testing.T) {
	for target, want := range map[string]core.Cause{
		"1099": core.CauseSubscriberAbsent, "1000@elsewhere.com": core.CauseSubscriberAbsent, "1003": core.CauseUserNotRegistered, "1002": core.CauseMandatoryIEMissing,
	} {
		_, _, err := expander(t).Expand(t.Context(), target, nil)
		if ce, ok := errors.AsType[*core.CauseError](err); !ok || ce.Cause != want {
			t.Errorf("%s: %v, want %s", target, err, want)
		}
	}
}
