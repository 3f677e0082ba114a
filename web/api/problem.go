package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core"
)

// Problem is the body of every error (RFC 9457). It implements error, so
// handlers return it.
type Problem struct { //nolint:errname // the name of its schema, and RFC 9457's word
	Type   string `json:"type" doc:"What kind of problem it is; stable." example:"urn:tandem:problem:not-found"`
	Title  string `json:"title" doc:"The kind in words." example:"Not Found"`
	Status int    `json:"status" doc:"The HTTP status." example:"404"`
	Detail string `json:"detail,omitempty" doc:"What is wrong here." example:"there is no such call"`

	Cause     string `json:"cause,omitempty" doc:"Hang-up cause, where a call was refused or ended." example:"SWITCH_CONGESTION"`
	Q850      int    `json:"q850,omitempty" doc:"The cause's code of ITU-T Q.850." example:"42"`
	SIPStatus int    `json:"sip_status,omitempty" doc:"The SIP status that says the same." example:"503"`
	Stage     string `json:"stage,omitempty" doc:"Where it failed." enum:"route,auth,dial,media,remote"`

	Errors []Fault `json:"errors,omitempty" doc:"Each thing that is wrong with the request."`

	kind    string // last part of Type; by the status if empty
	headers http.Header
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Pointer   string `json:"pointer,omitempty" doc:"Where in the body, as a JSON pointer (RFC 6901)." example:"/frm"`
	Parameter string `json:"parameter,omitempty" doc:"Name of the parameter of path, query or header." example:"limit"`
	Detail    string `json:"detail" doc:"What is wrong with it." example:"unknown field"`
}

// kinds are the types of problems that a status alone tells.
var kinds = map[int]string{
	http.StatusBadRequest: "malformed", http.StatusUnauthorized: "unauthorized", http.StatusNotFound: "not-found",
	http.StatusMethodNotAllowed: "method-not-allowed", http.StatusRequestTimeout: "timeout", http.StatusConflict: "conflict",
	http.StatusGone: "gone", http.StatusRequestEntityTooLarge: "too-large", http.StatusUnsupportedMediaType: "unsupported-media-type",
	http.StatusUnprocessableEntity: "invalid", http.StatusInternalServerError: "internal", http.StatusNotImplemented: "not-implemented",
	http.StatusServiceUnavailable: "unavailable", http.StatusMisdirectedRequest: "misdirected",
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter (RFC 9457 §6.1).
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// complete fills what follows from the rest.
func (p *Problem) complete() *Problem {
	if p.kind == "" {
		p.kind = cmp.Or(kinds[p.Status], "other")
	}
	p.Type = "urn:tandem:problem:" + p.kind
	p.Title = cmp.Or(p.Title, http.StatusText(p.Status))
	slices.SortFunc(p.Errors, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Parameter, b.Parameter), cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Detail, b.Detail))
	})
	return p
}

// refuse writes a problem outside of huma's handlers.
func (m *Module) refuse(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	maps.Copy(h, p.headers)
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p.complete()); err != nil {
		m.log.Debug("answer not written", "err", err)
	}
}

// translate is a huma.Transformer that gives huma's own errors our form. Values
// of the request are not repeated: they may be secrets.
func translate(_ huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *Problem:
		return e.complete(), nil
	case *huma.ErrorModel:
		p := &Problem{Status: e.Status, Detail: e.Detail}
		for _, d := range e.Errors {
			if d != nil {
				p.Errors = append(p.Errors, fault(d))
			}
		}
		if p.Status == http.StatusInternalServerError {
			p.Detail, p.Errors = "", nil // the log has it
		}
		return p.complete(), nil
	}
	return v, nil
}

// fault translates "body.vars.x", "query.limit" and the like.
func fault(d *huma.ErrorDetail) Fault {
	detail := d.Message
	if detail == "unexpected property" {
		detail = "unknown field"
	}
	place, rest, _ := strings.Cut(d.Location, ".")
	if place != "body" {
		return Fault{Parameter: rest, Detail: detail}
	}
	return Fault{Pointer: pointer(rest), Detail: detail}
}

// pointer turns "a.b[0]" into "/a/b/0" (RFC 6901 §3).
func pointer(path string) string {
	if path == "" {
		return ""
	}
	path = strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	return "/" + strings.ReplaceAll(path, ".", "/")
}

// invalid is a 422 with its faults.
func invalid(faults ...Fault) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Detail: "the request is not valid", Errors: faults}
}

// absent is a 404.
func absent(what string) *Problem {
	return &Problem{Status: http.StatusNotFound, Detail: "there is no such " + what}
}

// missing answers for a part that this build or test does not have.
func missing(what string) *Problem {
	return &Problem{Status: http.StatusNotImplemented, Detail: what + " are not available"}
}

// internal hides an error of ours behind a 500 and logs it.
func (m *Module) internal(what string, err error) *Problem {
	m.log.Error("request not served", "event", what, "err", err)
	return &Problem{Status: http.StatusInternalServerError}
}

// refused says why the switch does not take a call.
func refused(err error) *Problem {
	p := &Problem{Status: http.StatusServiceUnavailable, Detail: err.Error()}
	retry := func(seconds string) { p.headers = http.Header{"Retry-After": {seconds}} }
	if ce, ok := errors.AsType[*core.CauseError](err); ok {
		p.Status, p.kind, p.Stage = http.StatusUnprocessableEntity, "refused", "dial"
		p.cause(ce.Cause)
		p.SIPStatus = ce.SIPStatus
	}
	switch {
	case errors.Is(err, core.ErrDraining):
		p.Status, p.kind = http.StatusServiceUnavailable, "draining"
		p.cause(core.CauseSystemShutdown)
		p.SIPStatus = 503
		retry("60")
	case errors.Is(err, core.ErrLimit):
		p.Status, p.kind = http.StatusServiceUnavailable, "limit"
		p.cause(core.CauseSwitchCongestion)
		p.SIPStatus = 503
		retry("1")
	case p.kind == "":
		p.Status, p.Stage = http.StatusUnprocessableEntity, "route"
	}
	return p
}

func (p *Problem) cause(c core.Cause) { p.Cause, p.Q850 = c.String(), c.Q850() }
