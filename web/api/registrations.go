package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core"
)

// Registration is one contact of an address of record (RFC 3261 §10).
type Registration struct {
	AOR          string   `json:"aor" doc:"Address of record." example:"1000@pbx.example.com"`
	User         string   `json:"user"`
	Domain       string   `json:"domain"`
	Name         string   `json:"name,omitempty" doc:"The user's name in the directory."`
	Contact      string   `json:"contact" doc:"Contact URI as registered."`
	Dial         string   `json:"dial,omitempty" doc:"Dial string that reaches it."`
	Profile      string   `json:"profile" doc:"SIP profile."`
	Received     string   `json:"received" doc:"Where its REGISTER came from."`
	Transport    string   `json:"transport"`
	UserAgent    string   `json:"user_agent,omitempty"`
	CallID       string   `json:"sip_call_id,omitempty" doc:"Call-ID of its REGISTER."`
	RegisteredAt *Moment  `json:"registered_at" nullable:"true"`
	ExpiresAt    *Moment  `json:"expires_at" nullable:"true"`
	Q            float64  `json:"q" doc:"Preference among the contacts, 0 to 1."`
	Path         []string `json:"path,omitempty" doc:"Proxies on the way (RFC 3327)."`
}

type registrationsInput struct {
	Paging
	User   string `query:"user" maxLength:"256" doc:"This user only."`
	Domain string `query:"domain" maxLength:"256" doc:"This domain only."`
}

func (m *Module) describeRegistrations() {
	huma.Register(m.api, m.operation("listRegistrations", http.MethodGet, "/v1/registrations", "Where the users' phones are now."), m.listRegistrations)
}

func (m *Module) listRegistrations(_ context.Context, in *registrationsInput) (*list[Registration], error) {
	if m.cfg.Locator == nil {
		return nil, missing("registrations")
	}
	var all []Registration
	for _, c := range m.cfg.Locator.AllContacts() {
		if (in.User == "" || in.User == c.AOR.User) && (in.Domain == "" || strings.EqualFold(in.Domain, c.AOR.Domain)) {
			all = append(all, m.registration(c))
		}
	}
	slices.SortFunc(all, func(a, b Registration) int { return cmp.Compare(registrationKey(a), registrationKey(b)) })
	return cut(all, in.Paging, registrationKey)
}

func registrationKey(r Registration) string { return r.AOR + " " + r.Contact + " " + r.CallID }

func (m *Module) registration(c core.Contact) Registration {
	r := Registration{
		AOR: c.AOR.String(), User: c.AOR.User, Domain: c.AOR.Domain, Contact: c.URI, Dial: c.Dial, Profile: c.Profile, Received: c.Received,
		Transport: c.Transport, UserAgent: c.UserAgent, CallID: c.CallID, RegisteredAt: moment(c.Registered), ExpiresAt: moment(c.Expires), Q: c.Q, Path: c.Path,
	}
	if m.cfg.Directory != nil {
		if u, ok := m.cfg.Directory.User(c.AOR.Domain, c.AOR.User); ok {
			r.Name = u.Variables["effective_caller_id_name"]
		}
	}
	return r
}
