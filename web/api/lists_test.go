package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tandemswitch/tandem/core"
)

func TestListRegistrations(t *testing.T) {
	o := newOffice(t)
	for i := range 5 {
		user := strconv.Itoa(1004 - i)
		o.contacts.all = append(o.contacts.all, core.Contact{
			AOR: core.AOR{User: user, Domain: "pbx.test"}, URI: "sip:" + user + "@192.0.2.9", Profile: "internal", Received: "192.0.2.9:5060",
			Transport: "udp", Expires: day.Add(time.Hour), Registered: day, Q: 1,
		})
	}
	all := items(o.get("/v1/registrations"))
	if len(all) != 5 || all[0]["aor"] != "1000@pbx.test" || all[0]["contact"] != "sip:1000@192.0.2.9" || all[0]["name"] != "Extension 1000" ||
		all[0]["expires_at"] != "2026-03-01T13:00:00.123Z" {
		t.Errorf("registrations: %v", all)
	}
	if strings.Contains(fmt.Sprint(all), "geheim") {
		t.Error("a password is listed")
	}
	if got := items(o.get("/v1/registrations?user=1003&domain=PBX.test")); len(got) != 1 || got[0]["user"] != "1003" {
		t.Errorf("one user: %v", got)
	}
	a := o.get("/v1/registrations?limit=3")
	next := decode[object](a)["next"].(string)
	if first, rest := items(a), items(o.get("/v1/registrations?cursor="+next)); len(first) != 3 || len(rest) != 2 || rest[0]["user"] != "1003" {
		t.Errorf("pages: %v, %v", first, rest)
	}
}

func TestListCDRs(t *testing.T) {
	o := newOffice(t)
	for i := range 5 {
		o.records.all = append(o.records.all, recordOf(fmt.Sprint("c", i), fmt.Sprint("leg", i), day))
	}
	busy := &o.records.all[4]
	busy.AnsweredAt, busy.BillSec, busy.Cause, busy.SIPStatus = time.Time{}, 0, "USER_BUSY", 486
	a := o.get("/v1/cdrs?limit=3")
	first := items(a)
	next := decode[object](a)["next"].(string)
	rest := items(o.get("/v1/cdrs?cursor=" + next))
	if len(first) != 3 || len(rest) != 2 {
		t.Fatalf("pages: %v, %v", first, rest)
	}
	for name, want := range map[string]any{
		"call_id": "c0", "leg_id": "leg0", "direction": "inbound", "from": "1000", "to": "1001", "started_at": "2026-03-01T12:00:00.123Z",
		"answered_at": "2026-03-01T12:00:02.123Z", "ended_at": "2026-03-01T12:00:08.023Z", "billsec": 5.0, "bill_ms": 5900.0, "duration_ms": 7900.0,
		"cause": "NORMAL_CLEARING", "q850": 16.0, "sip_status": 0.0, "hung_up_by": "callee",
	} {
		if first[0][name] != want {
			t.Errorf("%s: %v, want %v", name, first[0][name], want)
		}
	}
	if busy := rest[1]; busy["answered_at"] != nil || busy["billsec"] != 0.0 || busy["cause"] != "USER_BUSY" || busy["sip_status"] != 486.0 {
		t.Errorf("unanswered: %v", busy)
	}
	if got := items(o.get("/v1/cdrs?cause=user_busy&from=1000")); len(got) != 1 {
		t.Errorf("filtered: %v", got)
	}
	if first[0]["variables"] != nil || first[0]["apps"] != nil || first[0]["media"].(object)["loss_in_percent"] != 1.0 {
		t.Errorf("list: %v", first[0])
	}
	full := items(o.get("/v1/cdrs?full=1&limit=1"))[0]
	one := decode[object](o.get("/v1/cdrs/leg0").want(http.StatusOK))
	for _, c := range []object{full, one} {
		if c["leg_id"] != "leg0" || c["variables"].(object)["a"] != "b" || c["apps"].([]any)[0].(object)["app"] != "answer" {
			t.Errorf("full: %v", c)
		}
	}
	o.get("/v1/cdrs/none").want(http.StatusNotFound)
	o.records.err = errors.New("disk I/O error")
	o.get("/v1/cdrs/leg0").want(http.StatusInternalServerError)
	o.get("/v1/cdrs").want(http.StatusInternalServerError)
}

func TestExplain(t *testing.T) {
	o := newOffice(t)
	o.journal["c1"] = []core.JournalEntry{
		{At: day, Leg: "c1", Kind: core.JournalSIP, Sentence: "received INVITE", Data: []any{"from", netip.MustParseAddrPort("192.0.2.9:5060")}, Raw: []byte("INVITE sip:9196 SIP/2.0\r\n")},
		{
			At: day.Add(1250 * time.Millisecond), Kind: core.JournalDialplan, Sentence: "condition matched",
			Data: []any{"file", "dialplan/default.xml", "line", 42, "after", 3 * time.Second, "err", errors.New("odd"), "f", func() {}, "alone"},
		},
	}
	entries := items(o.get("/v1/calls/c1/explain"))
	if len(entries) != 2 {
		t.Fatalf("entries: %v", entries)
	}
	if e := entries[0]; e["offset_ms"] != 0.0 || e["leg_id"] != "c1" || e["kind"] != "sip" || e["data"].(object)["from"] != "192.0.2.9:5060" || e["raw"] != nil {
		t.Errorf("entry: %v", e)
	}
	e := entries[1]
	data := e["data"].(object)
	if e["offset_ms"] != 1250.0 || e["at"] != "2026-03-01T12:00:01.373Z" || data["file"] != "dialplan/default.xml" || data["line"] != 42.0 ||
		data["after"] != "3s" || data["err"] != "odd" || data["alone"] != true {
		t.Errorf("entry: %v", e)
	}
	if got := items(o.get("/v1/calls/c1/explain?raw=1&kind=sip")); len(got) != 1 || got[0]["raw"] != "INVITE sip:9196 SIP/2.0\r\n" {
		t.Errorf("raw: %v", got)
	}
	o.get("/v1/calls/broken/explain").want(http.StatusInternalServerError)
}

func TestListEvents(t *testing.T) {
	o := newOffice(t)
	for i := range 10 {
		kind := "leg.created"
		if i%2 == 1 {
			kind = "call.answered"
		}
		o.events.Publish(core.Notice{Type: kind, Time: day, CallID: core.CallID(fmt.Sprint("c", i%3)), LegID: "l", Data: object{"n": i}})
	}
	a := o.get("/v1/events?limit=4")
	first := items(a)
	if len(first) != 4 || first[0]["seq"] != 1.0 || first[0]["type"] != "leg.created" || first[0]["time"] != "2026-03-01T12:00:00.123Z" ||
		first[0]["call_id"] != "c0" || first[0]["leg_id"] != "l" || first[0]["id"] == "" || first[0]["data"].(object)["n"] != 0.0 {
		t.Errorf("events: %v", first)
	}
	if next := decode[object](a)["next"]; next != "4" {
		t.Errorf("next: %v", next)
	}
	a = o.get("/v1/events?after=4&limit=100&cursor=6")
	if rest := items(a); len(rest) != 4 || rest[0]["seq"] != 7.0 || decode[object](a)["next"] != nil {
		t.Errorf("rest: %v", rest)
	}
	if got := items(o.get("/v1/events?type=call.*&call_id=c1")); len(got) != 2 {
		t.Errorf("filtered: %v", got)
	}
	if got := items(o.get("/v1/events?after=10")); len(got) != 0 {
		t.Errorf("at the end: %v", got)
	}
	o.get("/v1/events?after=11").want(http.StatusGone)
}

func TestRunCommand(t *testing.T) {
	o := newOffice(t)
	for command, want := range map[string]string{
		"say  hello there ": "you said hello there", "say": "you said ", "say fail": "-ERR no luck", "say usage": "-USAGE: <words>", "nothing 1": "-ERR nothing Command not found!",
	} {
		got := decode[object](o.ask("POST", "/v1/commands", fmt.Sprintf(`{"command":%q}`, command)).want(http.StatusOK))
		if got["reply"] != want {
			t.Errorf("%q: %q, want %q", command, got["reply"], want)
		}
	}
	for _, body := range []string{`{"command":""}`, `{"command":"  "}`, `{"command":"a\nb"}`, `{"comand":"status"}`, `{}`} {
		o.ask("POST", "/v1/commands", body).want(http.StatusUnprocessableEntity)
	}
}

func TestSystemVersion(t *testing.T) {
	o := newOffice(t)
	o.plant.talk("c1", day)
	s := decode[object](o.get("/v1/system/version").want(http.StatusOK))
	if s["version"] != "test" || s["sessions"] != 2.0 || s["max_sessions"] != 1000.0 || s["draining"] != false {
		t.Errorf("system: %v", s)
	}
}
