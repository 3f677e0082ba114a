package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tandemswitch/tandem/core"
)

// CallRequest makes a call: from is rung first, and when it answers it is
// routed to the extension to, or runs an application.
type CallRequest struct {
	From          string            `json:"from" minLength:"1" maxLength:"4096" doc:"Who is rung first: an extension or a dial string." example:"1000"`
	To            string            `json:"to,omitempty" maxLength:"256" doc:"The extension it is routed to." example:"9196"`
	Context       string            `json:"context,omitempty" maxLength:"128" doc:"Dialplan context of to; default when empty."`
	Dialplan      string            `json:"dialplan,omitempty" maxLength:"128" doc:"Dialplan of to; XML when empty."`
	App           string            `json:"app,omitempty" maxLength:"128" doc:"An application, in place of to." example:"playback"`
	Args          string            `json:"args,omitempty" maxLength:"8192" doc:"The application's argument." example:"tone_stream://%(1000,0,440)"`
	CallerID      *CallerID         `json:"caller_id,omitempty" doc:"What the rung phone shows."`
	RingTimeoutMS int64             `json:"ring_timeout_ms,omitempty" minimum:"0" maximum:"3600000" doc:"How long it rings; 60 s when 0."`
	Vars          map[string]string `json:"vars,omitempty" doc:"Variables of the new channel." example:"{\"hold_music\":\"silence\"}"`
}

// CallerID is a caller's name and number.
type CallerID struct {
	Name   string `json:"name,omitempty" maxLength:"128" example:"Front desk"`
	Number string `json:"number,omitempty" maxLength:"128" example:"1000"`
}

// Accepted says that an action was begun; how it goes is told by events after seq.
type Accepted struct {
	CallID   string `json:"call_id" doc:"The call."`
	ActionID string `json:"action_id" doc:"This action's id."`
	Seq      uint64 `json:"seq" doc:"Events that come of it have larger numbers."`
}

type (
	originateInput struct{ Body CallRequest }
	placeInput     struct {
		ID   string `path:"id" maxLength:"64" doc:"The id the call shall have: letters, digits, dot, dash, underscore."`
		Body CallRequest
	}
	acceptedAnswer struct{ Body Accepted }
)

func (m *Module) describeOriginate() {
	post := m.operation("createCall", http.MethodPost, "/v1/calls", "Make a call: ring from, then route it to an extension or run an application.")
	post.DefaultStatus = http.StatusAccepted
	huma.Register(m.api, post, func(ctx context.Context, in *originateInput) (*acceptedAnswer, error) {
		if faults := in.Body.faults(m.cfg.Apps); faults != nil {
			return nil, invalid(faults...)
		}
		return m.originate(ctx, in.Body, "", core.NewID())
	})
	put := m.operation("putCall", http.MethodPut, "/v1/calls/{id}", "Make a call under an id of your own. Said twice with the same body it is made once.")
	put.DefaultStatus = http.StatusAccepted
	huma.Register(m.api, put, m.place)
}

// place makes a call under the client's id, once.
func (m *Module) place(ctx context.Context, in *placeInput) (*acceptedAnswer, error) {
	faults := in.Body.faults(m.cfg.Apps)
	if !clientID.MatchString(in.ID) {
		faults = append(faults, Fault{Parameter: "id", Detail: "letters, digits, dot, dash and underscore only, at most 64"})
	}
	if faults != nil {
		return nil, invalid(faults...)
	}
	body, err := json.Marshal(in.Body)
	if err != nil {
		return nil, m.internal("encode request", err)
	}
	id := core.CallID(in.ID)
	claim, mine := m.book.claim(id, sha256.Sum256(body))
	if !mine {
		return again(ctx, claim, sha256.Sum256(body))
	}
	answer, err := m.placeClaimed(ctx, in.Body, id, claim.action)
	m.book.settle(id, claim, answer, err)
	return answer, err
}

// placeClaimed makes the call unless its id belongs to one that is known already.
func (m *Module) placeClaimed(ctx context.Context, r CallRequest, id core.CallID, action string) (*acceptedAnswer, error) {
	if _, err := m.call(ctx, id); err == nil {
		return nil, taken()
	}
	return m.originate(ctx, r, id, action)
}

// again answers a request whose id was claimed before: the same request gets
// the same answer, another one is refused.
func again(ctx context.Context, c *claim, sum [32]byte) (*acceptedAnswer, error) {
	if c.sum != sum {
		return nil, taken()
	}
	select {
	case <-c.settled:
		return c.answer, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func taken() *Problem {
	return &Problem{Status: http.StatusConflict, kind: "call-exists", Detail: "another call has this id"}
}

// originate hands a checked request to the switch.
func (m *Module) originate(ctx context.Context, r CallRequest, id core.CallID, action string) (*acceptedAnswer, error) {
	if m.cfg.Switch == nil {
		return nil, missing("calls")
	}
	req := core.OriginateRequest{
		CallID: id, From: r.From, To: r.To, Context: r.Context, Dialplan: r.Dialplan, App: r.App, AppArgs: r.Args,
		Timeout: time.Duration(r.RingTimeoutMS) * time.Millisecond, Variables: r.Vars,
	}
	if r.CallerID != nil {
		req.CallerIDName, req.CallerIDNumber = r.CallerID.Name, r.CallerID.Number
	}
	seq := m.lastSeq()
	call, _, err := m.cfg.Switch.Originate(ctx, req)
	if err != nil {
		return nil, refused(err)
	}
	m.book.expect(call, r.From, cmp.Or(r.To, r.App), time.Now())
	return &acceptedAnswer{Accepted{CallID: string(call), ActionID: action, Seq: seq}}, nil
}

var (
	clientID     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	variableName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$`)
)

// Limits of the variables of one request.
const (
	maxVars     = 256
	maxVarBytes = 8192
)

// faults lists what the schema cannot say.
func (r *CallRequest) faults(apps core.Apps) []Fault {
	var all []Fault
	add := func(pointer, detail string) { all = append(all, Fault{Pointer: pointer, Detail: detail}) }
	switch {
	case r.To == "" && r.App == "":
		add("/to", "to or app is needed")
	case r.To != "" && r.App != "":
		add("/app", "to and app exclude each other")
	}
	if r.Args != "" && r.App == "" {
		add("/args", "args go with app")
	}
	if r.App != "" && apps != nil {
		if _, known := apps.App(r.App); !known {
			add("/app", "no such application")
		}
	}
	texts := map[string]string{"/from": r.From, "/to": r.To, "/context": r.Context, "/dialplan": r.Dialplan, "/app": r.App, "/args": r.Args}
	if r.CallerID != nil {
		texts["/caller_id/name"], texts["/caller_id/number"] = r.CallerID.Name, r.CallerID.Number
	}
	if len(r.Vars) > maxVars {
		add("/vars", "too many variables")
	}
	for name, value := range r.Vars {
		at := "/vars/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if !variableName.MatchString(name) {
			add(at, "not a name of a variable")
		}
		if len(value) > maxVarBytes {
			add(at, "too long")
		}
		texts[at] = value
	}
	for at, text := range texts {
		// They become headers of SIP messages: a line end would begin a header of the client's own.
		if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			add(at, "control characters are not possible")
		}
	}
	return all
}
