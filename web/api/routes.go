package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// routes builds the whole surface.
func (m *Module) routes() (http.Handler, error) {
	r := chi.NewRouter()
	r.Use(m.recoverPanic, secure, m.checkHost, m.checkToken, middleware.GetHead)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) { m.refuse(w, absent("page or resource")) })
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		m.refuse(w, &Problem{
			Status: http.StatusMethodNotAllowed, Detail: req.Method + " is not possible here",
			headers: http.Header{"Allow": {strings.Join(allowed(r, req.URL.Path), ", ")}},
		})
	})
	m.api = humachi.New(r, contract(m.cfg.Version))
	m.describe()
	r.Method(http.MethodGet, "/metrics", m.figures.handler())
	if m.cfg.Pages != nil {
		r.Method(http.MethodGet, "/", m.cfg.Pages)
		r.Method(http.MethodGet, "/ui/*", m.cfg.Pages)
	}
	spec, err := m.Contract()
	if err != nil {
		return nil, err
	}
	r.Get("/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json; version=3.1")
		_, _ = w.Write(spec)
	})
	return r, nil
}

// allowed lists the methods of a path, for the Allow header (RFC 9110 §15.5.6).
func allowed(r chi.Routes, path string) []string {
	var list []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		as := method
		if method == http.MethodHead {
			as = http.MethodGet // middleware.GetHead
		}
		if r.Match(chi.NewRouteContext(), as, path) {
			list = append(list, method)
		}
	}
	return list
}

// Contract is the OpenAPI document, made from the handlers' types.
func (m *Module) Contract() ([]byte, error) {
	spec, err := json.MarshalIndent(m.api.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("api: OpenAPI: %w", err)
	}
	return append(spec, '\n'), nil
}

// contract is huma's configuration: JSON only, no page from a CDN, no links to
// schemas in answers, our form of errors.
func contract(version string) huma.Config {
	format := map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Tandem", Version: version,
				Description: "Calls, registrations, records and events of a Tandem switch. Times are RFC 3339 in UTC with milliseconds, durations integer milliseconds, errors RFC 9457 problems.",
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", Description: "The administrator's token."}},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats: format, DefaultFormat: "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{translate},
	}
}

// operation is what every operation of the API has in common: our errors.
func (m *Module) operation(id, method, path, summary string) huma.Operation {
	registry := m.api.OpenAPI().Components.Schemas
	problem := registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		Tags:         []string{strings.SplitN(strings.TrimPrefix(path, "/v1/"), "/", 2)[0]},
		MaxBodyBytes: maxBodyBytes, BodyReadTimeout: readTimeout,
		Responses: map[string]*huma.Response{
			"default": {Description: "A problem", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}},
		},
	}
	return op
}

// describe registers every operation and tidies the document.
func (m *Module) describe() {
	m.describeSystem()
	m.describeCalls()
	m.describeOriginate()
	m.describeRecords()
	m.describeEvents()
	m.describeExplain()
	m.describeRegistrations()
	m.describeCommands()
	schemas := m.api.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own errors never leave: see translate
	delete(schemas, "ErrorDetail")
	for name, s := range schemas {
		if !slices.Contains(requests, name) {
			s.AdditionalProperties = growing(s.AdditionalProperties)
		}
	}
}

// requests are the schemas that clients send: there unknown fields are refused.
var requests = []string{"CallRequest", "CallerID", "CommandRequest"}

// growing lets answers grow: a client must not refuse fields it does not know.
func growing(additional any) any {
	if closed, ok := additional.(bool); ok && !closed {
		return nil
	}
	return additional
}
