package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/core"
)

func TestListCallsGroupsChannels(t *testing.T) {
	o := newOffice(t)
	o.plant.talk("c2", day.Add(time.Minute))
	o.plant.talk("c1", day)
	calls := items(o.get("/v1/calls"))
	if len(calls) != 2 || calls[0]["id"] != "c1" || calls[1]["id"] != "c2" {
		t.Fatalf("calls: %v", calls)
	}
	c := calls[0]
	for name, want := range map[string]any{
		"state": "answered", "direction": "inbound", "from": "1000", "to": "1001",
		"started_at": "2026-03-01T12:00:00.123Z", "answered_at": "2026-03-01T12:00:02.123Z", "ended_at": nil,
	} {
		if c[name] != want {
			t.Errorf("%s: %v, want %v", name, c[name], want)
		}
	}
	legs := c["legs"].([]any)
	if len(legs) != 2 || legs[0].(object)["id"] != "c1" || legs[1].(object)["id"] != "c1-b" || legs[1].(object)["direction"] != "outbound" {
		t.Errorf("legs: %v", legs)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/v1/calls", "/v1/registrations", "/v1/cdrs", "/v1/events"} {
		if got := strings.TrimSpace(string(o.get(path).want(http.StatusOK).body)); got != `{"items":[],"next":null}` {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestCursorIsStable lists calls while others begin and end: none is listed
// twice, and none that was there all the time is missed.
func TestCursorIsStable(t *testing.T) {
	o := newOffice(t)
	for i := range 25 {
		o.plant.talk(fmt.Sprintf("c%02d", i), day.Add(time.Duration(i/2)*time.Second)) // pairs begin at the same moment
	}
	seen := map[string]int{}
	cursor := ""
	for page := 0; ; page++ {
		a := o.get("/v1/calls?limit=4" + cursor)
		for _, c := range items(a) {
			seen[c["id"].(string)]++
		}
		next := decode[object](a)["next"]
		if next == nil {
			break
		}
		cursor = "&cursor=" + next.(string)
		o.plant.talk(fmt.Sprintf("later%02d", page), day.Add(time.Hour))
		o.plant.channels = o.plant.channels[2:] // the oldest ends
	}
	for i := 8; i < 25; i++ {
		if n := seen[fmt.Sprintf("c%02d", i)]; n != 1 {
			t.Errorf("call %d is listed %d times", i, n)
		}
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s is listed %d times", id, n)
		}
	}
}

func TestCallShowsLiveFigures(t *testing.T) {
	o := newOffice(t)
	o.plant.talk("c1", day)
	figures := items(o.get("/v1/calls/c1/media"))
	if len(figures) != 1 {
		t.Fatalf("figures: %v", figures)
	}
	for name, want := range map[string]any{
		"leg_id": "c1", "way": "relay", "codec": "PCMU/8000", "receive_codec": "PCMU/8000", "remote": "192.0.2.9:4000", "packets_in": 990.0,
		"lost_in": 10.0, "loss_in_percent": 1.0, "loss_out_percent": 0.5, "jitter_in_ms": 3.0, "round_trip_ms": 30.0, "last_packet_at": nil,
	} {
		if figures[0][name] != want {
			t.Errorf("%s: %v, want %v", name, figures[0][name], want)
		}
	}
}

// TestCallGoesOnAfterItsEnd: a live call shows its ended legs, an ended one its records.
func TestCallGoesOnAfterItsEnd(t *testing.T) {
	o := newOffice(t)
	now := time.Now()
	o.plant.talk("c1", now.Add(-time.Minute))
	o.records.all = []Record{recordOf("c1", "c1-old", now.Add(-time.Minute)), recordOf("c9", "c9", now.Add(-time.Hour)), recordOf("c0", "c0", now.Add(-31*24*time.Hour))}
	c := decode[object](o.get("/v1/calls/c1").want(http.StatusOK))
	if c["state"] != "answered" || len(c["legs"].([]any)) != 3 || c["ended_at"] != nil {
		t.Errorf("live call: %v", c)
	}
	c = decode[object](o.get("/v1/calls/c9").want(http.StatusOK))
	if c["state"] != "ended" || c["cause"] != "NORMAL_CLEARING" || c["hung_up_by"] != "callee" || c["ended_at"] == nil {
		t.Errorf("ended call: %v", c)
	}
	o.get("/v1/calls/c0").want(http.StatusNotFound)
	o.records.err = errors.New("disk I/O error: /var/lib/tandem.db")
	if a := o.get("/v1/calls/c9").want(http.StatusInternalServerError); strings.Contains(string(a.body), "disk") {
		t.Errorf("the answer tells what is inside: %s", a.body)
	}
	o.get("/v1/calls/c1").want(http.StatusOK) // the live part is there
}

func TestCreateCall(t *testing.T) {
	o := newOffice(t)
	o.events.Publish(core.Notice{Type: "call.created", Time: day, CallID: "before"})
	a := o.ask("POST", "/v1/calls", `{
		"from": "user/1000", "to": "9196", "context": "public", "ring_timeout_ms": 1500,
		"caller_id": {"name": "Front desk", "number": "100"}, "vars": {"hold_music": "silence"}}`).want(http.StatusAccepted)
	got := decode[object](a)
	if got["call_id"] != "call-1" || len(got["action_id"].(string)) != 36 || got["seq"] != 1.0 {
		t.Errorf("answer: %v", got)
	}
	r := o.plant.requests[0]
	if r.From != "user/1000" || r.To != "9196" || r.Context != "public" || r.Timeout != 1500*time.Millisecond || r.CallerIDName != "Front desk" ||
		r.CallerIDNumber != "100" || r.Variables["hold_music"] != "silence" || r.CallID != "" {
		t.Errorf("request: %+v", r)
	}
	// What comes of it stands after seq in the log.
	if first := items(o.get("/v1/events?after=1"))[0]; first["type"] != "call.created" || first["call_id"] != "call-1" {
		t.Errorf("first event: %v", first)
	}
	o.ask("POST", "/v1/calls", `{"from":"1000","app":"playback","args":"tone_stream://%(1000,0,440)"}`).want(http.StatusAccepted)
	if r := o.plant.requests[1]; r.App != "playback" || r.AppArgs != "tone_stream://%(1000,0,440)" {
		t.Errorf("request: %+v", r)
	}
}

// TestCreatedCallIsThereAtOnce: between the answer and the first leg, and when
// there never is one.
func TestCreatedCallIsThereAtOnce(t *testing.T) {
	o := newOffice(t)
	id := decode[object](o.ask("POST", "/v1/calls", `{"from":"1003","to":"9196"}`))["call_id"].(string)
	c := decode[object](o.get("/v1/calls/" + id).want(http.StatusOK))
	if c["state"] != "setup" || c["from"] != "1003" || len(c["legs"].([]any)) != 0 {
		t.Errorf("call: %v", c)
	}
	o.ask("DELETE", "/v1/calls/"+id, "").want(http.StatusConflict)
	o.events.Publish(core.Notice{Type: "call.ended", Time: day, CallID: core.CallID(id), Data: object{"cause": "USER_NOT_REGISTERED", "hung_up_by": "switch"}})
	if _, err := o.api.catchUp(0); err != nil {
		t.Fatal(err)
	}
	c = decode[object](o.get("/v1/calls/" + id).want(http.StatusOK))
	if c["state"] != "ended" || c["cause"] != "USER_NOT_REGISTERED" || c["ended_at"] == nil {
		t.Errorf("call: %v", c)
	}
	if p := o.ask("DELETE", "/v1/calls/"+id, "").want(http.StatusConflict).problem(); p.Type != "urn:tandem:problem:call-ended" || p.Cause != "USER_NOT_REGISTERED" {
		t.Errorf("problem: %+v", p)
	}
}

// TestCallKeepsItsFirstNames: after transfers, legs say something else.
func TestCallKeepsItsFirstNames(t *testing.T) {
	o := newOffice(t)
	o.ask("PUT", "/v1/calls/c1", `{"from":"user/1003","app":"playback","args":"x"}`).want(http.StatusAccepted)
	o.plant.talk("c1", day)
	for _, c := range []object{items(o.get("/v1/calls"))[0], decode[object](o.get("/v1/calls/c1"))} {
		if c["from"] != "user/1003" || c["to"] != "playback" || c["legs"].([]any)[0].(object)["from"] != "1000" {
			t.Errorf("call: %v", c)
		}
	}
}

func TestCreateCallNamesEachFault(t *testing.T) {
	o := newOffice(t)
	for body, pointer := range map[string]string{
		`{"from":"1000","to":"1001","frm":"x"}`:                        "/frm",
		`{"from":"1000","to":"1001","caller_id":{"label":"x"}}`:        "/caller_id/label",
		`{"from":"1000","to":"1001","vars":{"a":1}}`:                   "/vars/a",
		`{"from":1000,"to":"1001"}`:                                    "/from",
		`{"from":"","to":"1001"}`:                                      "/from",
		`{"from":"1000"}`:                                              "/to",
		`{"from":"1000","to":"1001","app":"playback"}`:                 "/app",
		`{"from":"1000","app":"no_such"}`:                              "/app",
		`{"from":"1000","to":"1001","args":"x"}`:                       "/args",
		`{"from":"1000","to":"1001","ring_timeout_ms":-1}`:             "/ring_timeout_ms",
		`{"from":"1000","to":"1001","ring_timeout_ms":"1"}`:            "/ring_timeout_ms",
		`{"from":"1000\r\nX: y","to":"1001"}`:                          "/from",
		`{"from":"1000","to":"1001","vars":{"sip_h_X-A":"a\r\nB: c"}}`: "/vars/sip_h_X-A",
		`{"from":"1000","to":"1001","vars":{"a b":"c"}}`:               "/vars/a b",
		`{"from":"1000","to":"1001","vars":{"a/b":"c"}}`:               "/vars/a~1b",
		`{"from":"1000","to":"1001","caller_id":{"name":"a\nb"}}`:      "/caller_id/name",
	} {
		p := o.ask("POST", "/v1/calls", body).want(http.StatusUnprocessableEntity).problem()
		if len(p.Errors) == 0 || p.Errors[0].Pointer != pointer {
			t.Errorf("%s: %+v, want the pointer %s", body, p.Errors, pointer)
		}
	}
	p := o.ask("POST", "/v1/calls", `{"to":"1001"}`).want(http.StatusUnprocessableEntity).problem()
	if len(p.Errors) == 0 || !strings.Contains(p.Errors[0].Detail, "from") {
		t.Errorf("missing from: %+v", p)
	}
	if len(o.plant.requests) != 0 {
		t.Errorf("%d calls were made", len(o.plant.requests))
	}
}

// TestProblemsRepeatNoValues: what a client sent may be a secret.
func TestProblemsRepeatNoValues(t *testing.T) {
	o := newOffice(t)
	a := o.ask("POST", "/v1/calls", `{"from":"1000","to":"1001","vars":{"sip_auth_password":"geheim\n"},"pass":"geheim"}`).want(http.StatusUnprocessableEntity)
	if strings.Contains(string(a.body), "geheim") {
		t.Errorf("%s", a.body)
	}
	a = o.ask("POST", "/v1/calls", `{"from":"geheim`).want(http.StatusBadRequest)
	if strings.Contains(string(a.body), "geheim") {
		t.Errorf("%s", a.body)
	}
}

func TestRefusedCallsSayWhy(t *testing.T) {
	o := newOffice(t)
	for _, test := range []struct {
		err    error
		status int
		want   Problem
	}{
		{core.ErrDraining, 503, Problem{Type: "urn:tandem:problem:draining", Cause: "SYSTEM_SHUTDOWN", SIPStatus: 503}},
		{fmt.Errorf("max-sessions 10: %w", core.ErrLimit), 503, Problem{Type: "urn:tandem:problem:limit", Cause: "SWITCH_CONGESTION", Q850: 42, SIPStatus: 503}},
		{&core.CauseError{Cause: core.CauseNoRouteDestination, SIPStatus: 404}, 422, Problem{Type: "urn:tandem:problem:refused", Cause: "NO_ROUTE_DESTINATION", Q850: 3, SIPStatus: 404, Stage: "dial"}},
		{errors.New("dial string: missing }"), 422, Problem{Type: "urn:tandem:problem:invalid", Stage: "route"}},
	} {
		o.plant.err = test.err
		a := o.ask("POST", "/v1/calls", `{"from":"1000","to":"1001"}`).want(test.status)
		p := a.problem()
		if p.Type != test.want.Type || p.Cause != test.want.Cause || p.SIPStatus != test.want.SIPStatus || p.Stage != test.want.Stage ||
			test.want.Q850 != 0 && p.Q850 != test.want.Q850 {
			t.Errorf("%v: %+v", test.err, p)
		}
		if (test.status == 503) != (a.Header.Get("Retry-After") != "") {
			t.Errorf("%v: Retry-After %q", test.err, a.Header.Get("Retry-After"))
		}
	}
}

func TestPutCallIsMadeOnce(t *testing.T) {
	o := newOffice(t)
	const body = `{"from":"1000","to":"9196"}`
	var wg sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		wg.Go(func() { answers[i] = string(o.ask("PUT", "/v1/calls/mine.1", body).body) })
	}
	wg.Wait()
	for _, a := range answers {
		if a != answers[0] || !strings.Contains(a, `"call_id":"mine.1"`) {
			t.Errorf("answers differ: %s, %s", a, answers[0])
		}
	}
	if len(o.plant.requests) != 1 || o.plant.requests[0].CallID != "mine.1" {
		t.Fatalf("requests: %+v", o.plant.requests)
	}
	o.ask("PUT", "/v1/calls/mine.1", `{"from":"1000","to":"9197"}`).want(http.StatusConflict)
	o.plant.talk("theirs", day)
	o.ask("PUT", "/v1/calls/theirs", body).want(http.StatusConflict)
	for _, id := range []string{"a%20b", "-x", "%2e%2e", strings.Repeat("a", 65), "a%0d%0ab"} {
		if a := o.ask("PUT", "/v1/calls/"+id, body); a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("id %s: %d", id, a.StatusCode)
		}
	}
	// A refused call frees its id.
	o.plant.err = core.ErrLimit
	o.ask("PUT", "/v1/calls/mine.2", body).want(http.StatusServiceUnavailable)
	o.plant.err = nil
	o.ask("PUT", "/v1/calls/mine.2", body).want(http.StatusAccepted)
}

func TestHangupCall(t *testing.T) {
	o := newOffice(t)
	o.plant.talk("c1", day)
	got := decode[object](o.ask("DELETE", "/v1/calls/c1", "").want(http.StatusAccepted))
	if got["call_id"] != "c1" || got["action_id"] == "" {
		t.Errorf("answer: %v", got)
	}
	o.ask("DELETE", "/v1/calls/c1?cause=user_busy", "").want(http.StatusAccepted)
	o.ask("DELETE", "/v1/calls/c1?cause=17", "").want(http.StatusAccepted)
	if got, want := strings.Join(o.plant.hangups, ", "), "c1 NORMAL_CLEARING api, c1 USER_BUSY api, c1 USER_BUSY api"; got != want {
		t.Errorf("hung up: %s, want %s", got, want)
	}
	for _, cause := range []string{"NO_SUCH", "9999", "NONE"} {
		p := o.ask("DELETE", "/v1/calls/c1?cause="+cause, "").want(http.StatusUnprocessableEntity).problem()
		if p.Errors[0].Parameter != "cause" {
			t.Errorf("%s: %+v", cause, p)
		}
	}
	// A call that ended just now is a conflict, never unknown.
	o.records.all = []Record{recordOf("c9", "c9", time.Now())}
	if p := o.ask("DELETE", "/v1/calls/c9", "").want(http.StatusConflict).problem(); p.Type != "urn:tandem:problem:call-ended" {
		t.Errorf("problem: %+v", p)
	}
}
